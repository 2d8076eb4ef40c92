/* SPDX-License-Identifier: MIT */
#include "hawser/loopback.h"

#include "transport/span.h"
#include "transport/network.h"

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
    if (options->drop_link < 0 || options->drop_link > 1)
        return HWS_EINVAL;
    heap = hwsi_heap_new(options->allocator ? options->allocator : hws_default_allocator());
    loopback = heap ? hwsi_alloc(heap, sizeof *loopback) : NULL;
    if (!loopback) {
        hwsi_heap_release(heap);
        return HWS_ENOMEM;
    }
    loopback->clock.now = loopback_now;
    loopback->now = HWS_SECOND; /* 0 is "now" to hws_next_turn() */
    loopback->options = *options;
    if (options->pipe_bytes == 0)
        loopback->options.pipe_bytes = PIPE_BYTES;
    loopback->heap = heap;
    loopback->random.state = options->seed;
    hwsi_timers_init(&loopback->timers, heap);
    hwsi_list_init(&loopback->seats);
    hwsi_list_init(&loopback->listeners);
    hwsi_list_init(&loopback->spans);
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

void hws_loopback_free(struct hws_loopback *loopback)
{
    struct hwsi_list *node;
    struct hwsi_heap *heap;
    if (!loopback)
        return;
    heap = loopback->heap;
    while ((node = hwsi_list_first(&loopback->unreachable)))
        reachable_again(loopback, HWSI_ENTRY(node, struct unreachable, node));
    hwsi_timers_free(&loopback->timers);
    hwsi_free(heap, loopback, sizeof *loopback);
    hwsi_heap_release(heap);
}

struct hws_clock *hws_loopback_clock(struct hws_loopback *loopback)
{
    return &loopback->clock;
}

uint64_t hwsi_loopback_arrival(struct hws_loopback *loopback)
{
    uint64_t due = loopback->now + loopback->options.latency;
    if (loopback->options.jitter > 0)
        due += (uint64_t)(hwsi_random_unit(&loopback->random) * (double)loopback->options.jitter);
    return due;
}

/* Half of the pieces are tiny, because that is where the bugs are. */
size_t hwsi_loopback_piece(struct hws_loopback *loopback, size_t size)
{
    uint64_t random;
    if (!loopback->options.split_writes || size < 2)
        return size;
    random = hwsi_random_u64(&loopback->random);
    switch (random & 3) {
    case 0: return 1;
    case 1: return 1 + (random >> 8) % (size < 16 ? size : 16);
    default: return 1 + (random >> 8) % size;
    }
}

/* What the host has asked of systems between steps, or one system's handler of another, made them due. */
static void look_again(struct hws_loopback *loopback)
{
    struct hwsi_list *node = loopback->seats.next;
    for (; node != &loopback->seats; node = node->next) {
        struct hwsi_seat *seat = HWSI_ENTRY(node, struct hwsi_seat, node);
        uint64_t due = seat->system ? hws_next_turn(seat->system) : HWS_NEVER;
        if (due < loopback->now)
            due = loopback->now;
        if (due == HWS_NEVER)
            hwsi_timer_stop(&seat->turn);
        else if (!hwsi_timer_running(&seat->turn) || seat->turn.due != due)
            hwsi_timer_start(&seat->turn, due);
    }
}

/* Does what is due next, unless that is after `limit`. */
static bool step_until(struct hws_loopback *loopback, uint64_t limit)
{
    uint64_t due = hwsi_timers_next(&loopback->timers);
    if (due > loopback->now) {
        look_again(loopback);
        due = hwsi_timers_next(&loopback->timers);
    }
    if (due == HWS_NEVER || due > limit)
        return false;
    if (due > loopback->now)
        loopback->now = due;
    hwsi_timers_fire(&loopback->timers, loopback->now);
    return true;
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

void hws_loopback_cut(struct hws_loopback *loopback)
{
    struct hwsi_list *node = loopback->spans.next;
    for (; node != &loopback->spans; node = node->next)
        hwsi_span_cut(HWSI_ENTRY(node, struct hwsi_span, node), "lost: the network cut it");
}

bool hwsi_loopback_is_unreachable(struct hws_loopback *loopback, const char *address)
{
    return !hwsi_list_empty(&loopback->unreachable) && find_unreachable(loopback, address) != NULL;
}

static void cut_unreachable(struct hws_loopback *loopback)
{
    struct hwsi_list *node = loopback->spans.next;
    for (; node != &loopback->spans; node = node->next) {
        struct hwsi_span *span = HWSI_ENTRY(node, struct hwsi_span, node);
        if (span->near.state == HWSI_END_OPEN && span->far.state == HWSI_END_OPEN &&
            (hwsi_seat_is_unreachable(span->near.seat) || hwsi_seat_is_unreachable(span->far.seat)))
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
