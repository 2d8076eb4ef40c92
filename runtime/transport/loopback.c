/* SPDX-License-Identifier: MIT */
#include "hawser/loopback.h"

#include "base/text.h"
#include "transport/span.h"
#include "transport/way.h"

#include <string.h>

#define PIPE_BYTES ((size_t)256 * 1024)

struct unreachable {
    struct hwsi_list node;
    size_t size; /* of this block */
    char address[];
};

static uint64_t loopback_now(struct hws_clock *clock)
{
    return ((struct hws_loopback *)clock)->now;
}

int hws_loopback_new(const struct hws_loopback_options *options, struct hws_loopback **out)
{
    struct hwsi_heap *heap;
    struct hws_loopback *loopback;
    const struct hws_loopback_way usual = {
        .latency = options->latency,
        .jitter = options->jitter,
        .bandwidth = options->bandwidth,
        .pipe_bytes = options->pipe_bytes ? options->pipe_bytes : PIPE_BYTES,
        .drop_link = options->drop_link,
    };
    if (!hwsi_way_is_valid(&usual))
        return HWS_EINVAL;
    heap = hwsi_heap_new(options->allocator ? options->allocator : hws_default_allocator());
    loopback = heap ? hwsi_alloc(heap, sizeof *loopback) : NULL;
    if (!loopback) {
        hwsi_heap_release(heap);
        return HWS_ENOMEM;
    }
    loopback->clock.now = loopback_now;
    loopback->now = HWS_SECOND; /* 0 is "now" to hws_next_turn() */
    loopback->usual = usual;
    loopback->split_writes = options->split_writes;
    loopback->heap = heap;
    loopback->random.state = options->seed;
    hwsi_timers_init(&loopback->timers, heap);
    hwsi_map_init(&loopback->ways, heap);
    hwsi_map_init(&loopback->machines, heap);
    hwsi_map_init(&loopback->places, heap);
    hwsi_list_init(&loopback->seats);
    hwsi_list_init(&loopback->spans);
    hwsi_list_init(&loopback->way_list);
    hwsi_list_init(&loopback->unreachable);
    *out = loopback;
    return 0;
}

static struct unreachable *find_unreachable(struct hws_loopback *loopback, const char *address)
{
    struct hwsi_list *node = loopback->unreachable.next;
    for (; node != &loopback->unreachable; node = node->next) {
        struct unreachable *entry = HWSI_ENTRY(node, struct unreachable, node);
        if (strcmp(entry->address, address) == 0)
            return entry;
    }
    return NULL;
}

static void reachable_again(struct hws_loopback *loopback, struct unreachable *entry)
{
    hwsi_list_remove(&entry->node);
    hwsi_free(loopback->heap, entry, entry->size);
}

static void places_free(struct hws_loopback *loopback)
{
    struct hwsi_place *place;
    for (size_t cursor = 0; (place = hwsi_map_next(&loopback->places, &cursor));)
        hwsi_free(loopback->heap, place, place->size);
    hwsi_map_free(&loopback->places);
}

void hws_loopback_free(struct hws_loopback *loopback)
{
    struct hwsi_list *node;
    struct hwsi_heap *heap;
    if (!loopback)
        return;
    heap = loopback->heap;
    while ((node = hwsi_list_first(&loopback->unreachable)))
        reachable_again(loopback, HWSI_ENTRY(node, struct unreachable, node));
    hwsi_ways_free(loopback);
    places_free(loopback);
    hwsi_machines_free(loopback);
    hwsi_timers_free(&loopback->timers);
    hwsi_free(heap, loopback, sizeof *loopback);
    hwsi_heap_release(heap);
}

struct hws_clock *hws_loopback_clock(struct hws_loopback *loopback)
{
    return &loopback->clock;
}

uint64_t hwsi_loopback_arrival(struct hws_loopback *loopback, const struct hws_loopback_way *way)
{
    uint64_t due = loopback->now + way->latency;
    if (way->jitter > 0)
        due += (uint64_t)(hwsi_random_unit(&loopback->random) * (double)way->jitter);
    return due;
}

/* Half of the pieces are tiny, because that is where the bugs are. */
size_t hwsi_loopback_piece(struct hws_loopback *loopback, size_t size)
{
    uint64_t random;
    if (!loopback->split_writes || size < 2)
        return size;
    random = hwsi_random_u64(&loopback->random);
    switch (random & 3) {
    case 0: return 1;
    case 1: return 1 + (random >> 8) % (size < 16 ? size : 16);
    default: return 1 + (random >> 8) % size;
    }
}

/* --- steps --- */

void hwsi_loopback_note(struct hws_loopback *loopback, enum hws_loopback_step_kind kind,
                        const struct hwsi_machine *machine, const char *peer, uint64_t bytes)
{
    loopback->step = (struct hws_loopback_step){ .time = loopback->now,
                                                 .number = loopback->steps + 1,
                                                 .kind = kind,
                                                 .machine = machine->name,
                                                 .peer = loopback->step_peer,
                                                 .bytes = bytes };
    loopback->digest = hwsi_hash_u64(loopback->digest ^ loopback->now) ^ (uint64_t)kind << 56 ^
                       machine->number << 32 ^ bytes;
    if (loopback->on_step)
        hwsi_text_copy(loopback->step_peer, sizeof loopback->step_peer, peer);
}

static void tell_step(struct hws_loopback *loopback)
{
    if (loopback->step.number == 0)
        return;
    loopback->steps++;
    if (loopback->on_step)
        loopback->on_step(loopback->on_step_data, &loopback->step);
    loopback->step.number = 0;
}

/* Another thread or a signal handler has asked something of some system. */
static void look_around(struct hws_loopback *loopback)
{
    struct hwsi_list *node = loopback->seats.next;
    for (; node != &loopback->seats; node = node->next)
        hwsi_seat_look(HWSI_ENTRY(node, struct hwsi_seat, node));
}

/* Does what is due next, unless that is after `limit`. */
static bool step_until(struct hws_loopback *loopback, uint64_t limit)
{
    uint64_t due;
    if (loopback->stepping)
        return false;
    if (atomic_load_explicit(&loopback->woken, memory_order_relaxed) &&
        atomic_exchange(&loopback->woken, false))
        look_around(loopback);
    due = hwsi_timers_next(&loopback->timers);
    if (due == HWS_NEVER || due > limit)
        return false;
    if (due > loopback->now)
        loopback->now = due;
    loopback->stepping = true;
    hwsi_timers_fire_one(&loopback->timers, loopback->now);
    tell_step(loopback);
    loopback->stepping = false;
    return true;
}

void hws_loopback_on_step(struct hws_loopback *loopback,
                          void (*fn)(void *data, const struct hws_loopback_step *step), void *data)
{
    loopback->on_step = fn;
    loopback->on_step_data = data;
}

uint64_t hws_loopback_digest(const struct hws_loopback *loopback, uint64_t *steps)
{
    if (steps)
        *steps = loopback->steps;
    return loopback->digest;
}

uint64_t hws_loopback_next(struct hws_loopback *loopback)
{
    if (atomic_load(&loopback->woken))
        look_around(loopback);
    return hwsi_timers_next(&loopback->timers);
}

bool hws_loopback_step(struct hws_loopback *loopback)
{
    return step_until(loopback, HWS_NEVER);
}

static uint64_t later(const struct hws_loopback *loopback, uint64_t duration)
{
    return duration < HWS_NEVER - loopback->now ? loopback->now + duration : HWS_NEVER - 1;
}

void hws_loopback_run(struct hws_loopback *loopback, uint64_t duration)
{
    uint64_t end = later(loopback, duration);
    while (step_until(loopback, end))
        ;
    loopback->now = end;
}

bool hws_loopback_run_until(struct hws_loopback *loopback, bool (*done)(void *data), void *data,
                            uint64_t limit)
{
    uint64_t end = later(loopback, limit);
    while (!done(data))
        if (!step_until(loopback, end))
            return false;
    return true;
}

/* --- addresses out of reach --- */

void hws_loopback_cut(struct hws_loopback *loopback)
{
    struct hwsi_list *node = loopback->spans.next;
    for (; node != &loopback->spans; node = node->next)
        hwsi_span_cut(HWSI_ENTRY(node, struct hwsi_span, node), "lost: the network cut it");
}

static bool is_at(const void *place, const void *address)
{
    return strcmp(((const struct hwsi_place *)place)->address, address) == 0;
}

struct hwsi_place *hwsi_loopback_find(struct hws_loopback *loopback, const char *address)
{
    return hwsi_map_find(&loopback->places, hwsi_hash_bytes(address, strlen(address), 0), is_at,
                         address);
}

bool hwsi_loopback_is_unreachable(struct hws_loopback *loopback, const char *address)
{
    return !hwsi_list_empty(&loopback->unreachable) && find_unreachable(loopback, address) != NULL;
}

bool hwsi_machine_is_unreachable(const struct hwsi_machine *machine)
{
    struct hws_loopback *loopback = machine->loopback;
    struct hwsi_list *node = loopback->unreachable.next;
    for (; node != &loopback->unreachable; node = node->next) {
        const struct hwsi_place *place =
            hwsi_loopback_find(loopback, HWSI_ENTRY(node, struct unreachable, node)->address);
        if (place && place->listener && place->machine == machine)
            return true;
    }
    return false;
}

static void cut_unreachable(struct hws_loopback *loopback)
{
    struct hwsi_list *node = loopback->spans.next;
    for (; node != &loopback->spans; node = node->next) {
        struct hwsi_span *span = HWSI_ENTRY(node, struct hwsi_span, node);
        if (span->near.state == HWSI_END_OPEN && span->far.machine &&
            (hwsi_machine_is_unreachable(span->near.machine) ||
             hwsi_machine_is_unreachable(span->far.machine)))
            hwsi_span_cut(span, "lost: it became unreachable");
    }
}

int hws_loopback_reachable(struct hws_loopback *loopback, const char *address, bool reachable)
{
    struct unreachable *entry = find_unreachable(loopback, address);
    size_t size = sizeof *entry + strlen(address) + 1;
    if (reachable && entry)
        reachable_again(loopback, entry);
    if (reachable || entry)
        return 0;
    entry = hwsi_alloc(loopback->heap, size);
    if (!entry)
        return HWS_ENOMEM;
    entry->size = size;
    memcpy(entry->address, address, strlen(address) + 1);
    hwsi_list_append(&loopback->unreachable, &entry->node);
    cut_unreachable(loopback);
    return 0;
}
