/* SPDX-License-Identifier: MIT */
#include "transport/way.h"

#include "transport/machine.h"
#include "transport/span.h"

struct pair {
    const struct hwsi_machine *from, *to;
};

static uint64_t hash_of(const struct pair *pair)
{
    return hwsi_hash_u64(pair->from->number << 32 ^ pair->to->number);
}

static bool is_between(const void *value, const void *key)
{
    const struct hwsi_way *way = value;
    const struct pair *pair = key;
    return way->from == pair->from && way->to == pair->to;
}

struct hwsi_way *hwsi_way_find(struct hws_loopback *loopback, const struct hwsi_machine *from,
                               const struct hwsi_machine *to)
{
    struct pair pair = { from, to };
    if (loopback->ways.count == 0 || !from || !to)
        return NULL;
    return hwsi_map_find(&loopback->ways, hash_of(&pair), is_between, &pair);
}

const struct hws_loopback_way *hwsi_way_values(struct hws_loopback *loopback,
                                               const struct hwsi_machine *from,
                                               const struct hwsi_machine *to)
{
    const struct hwsi_way *way = hwsi_way_find(loopback, from, to);
    return way && way->has_values ? &way->values : &loopback->usual;
}

enum hwsi_passage hwsi_way_passage(struct hws_loopback *loopback, const struct hwsi_machine *from,
                                   const struct hwsi_machine *to)
{
    const struct hwsi_way *way = hwsi_way_find(loopback, from, to);
    return way ? way->passage : HWSI_PASSAGE_OPEN;
}

/* Finds or makes. */
static int way_between(struct hws_loopback *loopback, const struct hwsi_machine *from,
                       const struct hwsi_machine *to, struct hwsi_way **out)
{
    struct pair pair = { from, to };
    struct hwsi_way *way = hwsi_way_find(loopback, from, to);
    if (!way) {
        way = hwsi_alloc(loopback->heap, sizeof *way);
        if (!way || hwsi_map_put(&loopback->ways, hash_of(&pair), way)) {
            hwsi_free(loopback->heap, way, sizeof *way);
            return HWS_ENOMEM;
        }
        way->from = from;
        way->to = to;
        hwsi_list_append(&loopback->way_list, &way->node);
    }
    *out = way;
    return 0;
}

void hwsi_way_settle(struct hws_loopback *loopback, struct hwsi_way *way)
{
    struct pair pair = { way->from, way->to };
    if (way->has_values || way->passage != HWSI_PASSAGE_OPEN || way->collides)
        return;
    hwsi_map_remove(&loopback->ways, hash_of(&pair), way);
    hwsi_list_remove(&way->node);
    hwsi_free(loopback->heap, way, sizeof *way);
}

void hwsi_ways_free(struct hws_loopback *loopback)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&loopback->way_list))) {
        struct hwsi_way *way = HWSI_ENTRY(node, struct hwsi_way, node);
        hwsi_list_remove(&way->node);
        hwsi_free(loopback->heap, way, sizeof *way);
    }
    hwsi_map_free(&loopback->ways);
}

/* --- hawser/loopback.h: what they are like --- */

bool hwsi_way_is_valid(const struct hws_loopback_way *way)
{
    return way->drop_link >= 0 && way->drop_link <= 1 && way->pipe_bytes > 0 &&
           way->latency <= HWSI_FAR_OFF && way->jitter <= HWSI_FAR_OFF;
}

void hws_loopback_get_way(const struct hws_loopback *loopback, const char *from, const char *to,
                          struct hws_loopback_way *out)
{
    *out = *hwsi_way_values((struct hws_loopback *)loopback,
                            from ? hwsi_machine_find(loopback, from) : NULL,
                            to ? hwsi_machine_find(loopback, to) : NULL);
}

/* Both machines, made when they are new. */
static int machines(struct hws_loopback *loopback, const char *one, const char *other,
                    struct hwsi_machine **first, struct hwsi_machine **second)
{
    int error = hwsi_machine_named(loopback, one, first);
    return error ? error : hwsi_machine_named(loopback, other, second);
}

static int set_between(struct hws_loopback *loopback, const char *from, const char *to,
                       const struct hws_loopback_way *values)
{
    struct hwsi_machine *start, *end;
    struct hwsi_way *way;
    int error = machines(loopback, from, to, &start, &end);
    if (!error)
        error = way_between(loopback, start, end, &way);
    if (error)
        return error;
    way->has_values = values != NULL;
    if (values)
        way->values = *values;
    hwsi_way_settle(loopback, way);
    return 0;
}

int hws_loopback_set_way(struct hws_loopback *loopback, const char *from, const char *to,
                         const struct hws_loopback_way *way)
{
    if ((!from) != (!to) || (way && !hwsi_way_is_valid(way)) || (!from && !way))
        return HWS_EINVAL;
    if (from)
        return set_between(loopback, from, to, way);
    loopback->usual = *way;
    return 0;
}

/* --- whether they are open --- */

static bool is_of(const struct hwsi_span *span, const struct hwsi_machine *one,
                  const struct hwsi_machine *other)
{
    const struct hwsi_machine *near = span->near.machine, *far = span->far.machine;
    return (near == one && far == other) || (near == other && far == one);
}

static size_t cut_links(struct hwsi_machine *one, const struct hwsi_machine *other,
                        const char *cause)
{
    size_t count = 0;
    for (struct hwsi_list *node = one->ends.next; node != &one->ends; node = node->next) {
        struct hwsi_span *span = HWSI_ENTRY(node, struct hwsi_end, node)->span;
        if (is_of(span, one, other))
            count += hwsi_span_cut(span, cause);
    }
    return count;
}

size_t hws_loopback_cut_between(struct hws_loopback *loopback, const char *one, const char *other)
{
    struct hwsi_machine *start = hwsi_machine_find(loopback, one);
    const struct hwsi_machine *end = hwsi_machine_find(loopback, other);
    return start && end ? cut_links(start, end, "lost: the network cut it") : 0;
}

/* What was held back between them comes now. */
static void look_at_links(struct hwsi_machine *one, const struct hwsi_machine *other)
{
    for (struct hwsi_list *node = one->ends.next; node != &one->ends; node = node->next) {
        struct hwsi_span *span = HWSI_ENTRY(node, struct hwsi_end, node)->span;
        if (is_of(span, one, other)) {
            hwsi_end_wake(&span->near);
            hwsi_end_wake(&span->far);
        }
    }
}

static int set_passages(struct hws_loopback *loopback, const char *left, const char *right,
                        enum hws_loopback_rift rift)
{
    static const enum hwsi_passage there[] = { HWSI_PASSAGE_CUT, HWSI_PASSAGE_SILENT,
                                               HWSI_PASSAGE_SILENT },
                                   back[] = { HWSI_PASSAGE_CUT, HWSI_PASSAGE_SILENT,
                                              HWSI_PASSAGE_OPEN };
    struct hwsi_machine *one, *other;
    struct hwsi_way *forth, *home;
    int error = machines(loopback, left, right, &one, &other);
    if (!error)
        error = way_between(loopback, one, other, &forth);
    if (!error)
        error = way_between(loopback, other, one, &home);
    if (error)
        return error;
    forth->passage = there[rift];
    home->passage = back[rift];
    hwsi_way_settle(loopback, home);
    if (rift == HWS_LOOPBACK_RIFT_cut)
        cut_links(one, other, "lost: the network was cut");
    else
        look_at_links(one, other);
    return 0;
}

int hws_loopback_partition(struct hws_loopback *loopback, const char *const *left,
                           size_t left_count, const char *const *right, size_t right_count,
                           enum hws_loopback_rift rift)
{
    if ((unsigned)rift > HWS_LOOPBACK_RIFT_one_way)
        return HWS_EINVAL;
    for (size_t i = 0; i < left_count; i++)
        for (size_t j = 0; j < right_count; j++) {
            int error = set_passages(loopback, left[i], right[j], rift);
            if (error)
                return error;
        }
    return 0;
}

void hws_loopback_heal(struct hws_loopback *loopback, const char *one, const char *other)
{
    const struct hwsi_machine *first = one ? hwsi_machine_find(loopback, one) : NULL;
    const struct hwsi_machine *second = other ? hwsi_machine_find(loopback, other) : NULL;
    struct hwsi_list *node = loopback->way_list.next, *next;
    if ((one && !first) || (other && !second))
        return;
    for (; node != &loopback->way_list; node = next) {
        struct hwsi_way *way = HWSI_ENTRY(node, struct hwsi_way, node);
        struct hwsi_machine *from = (struct hwsi_machine *)way->from;
        const struct hwsi_machine *to = way->to;
        next = node->next;
        if ((first && first != from && first != to) || (second && second != from && second != to) ||
            way->passage == HWSI_PASSAGE_OPEN)
            continue;
        way->passage = HWSI_PASSAGE_OPEN;
        hwsi_way_settle(loopback, way);
        look_at_links(from, to);
    }
}

/* --- dials that cross --- */

int hws_loopback_collide(struct hws_loopback *loopback, const char *one, const char *other)
{
    struct hwsi_machine *start, *end;
    struct hwsi_way *forth, *home;
    int error = machines(loopback, one, other, &start, &end);
    if (!error && start == end)
        error = HWS_EINVAL;
    if (!error)
        error = way_between(loopback, start, end, &forth);
    if (!error)
        error = way_between(loopback, end, start, &home);
    if (error)
        return error;
    forth->collides = home->collides = true;
    cut_links(start, end, "lost: the network cut it");
    return 0;
}
