/* SPDX-License-Identifier: MIT */
#include "base/timers.h"

#include <assert.h>

/* Each level that a timer moves touches that timer, which is in no cache: few levels, then. */
#define FANOUT 4

void hwsi_timers_init(struct hwsi_timers *timers, struct hwsi_heap *heap)
{
    *timers = (struct hwsi_timers){ .heap = heap };
}

void hwsi_timers_free(struct hwsi_timers *timers)
{
    if (timers->heap)
        hwsi_free(timers->heap, timers->nodes, timers->capacity * sizeof *timers->nodes);
    timers->nodes = NULL;
    timers->count = timers->capacity = 0;
}

int hwsi_timer_register(struct hwsi_timers *timers, struct hwsi_timer *timer, hwsi_timer_fn fn)
{
    if (timers->registered == timers->capacity) {
        size_t capacity = timers->capacity ? timers->capacity * 2 : 16;
        struct hwsi_timer_node *nodes =
            hwsi_resize(timers->heap, timers->nodes, timers->capacity * sizeof *nodes,
                        capacity * sizeof *nodes);
        if (!nodes)
            return HWS_ENOMEM;
        timers->nodes = nodes;
        timers->capacity = capacity;
    }
    timers->registered++;
    *timer = (struct hwsi_timer){ .timers = timers, .fn = fn };
    return 0;
}

void hwsi_timer_unregister(struct hwsi_timer *timer)
{
    if (!timer->timers)
        return;
    hwsi_timer_stop(timer);
    timer->timers->registered--;
    timer->timers = NULL;
}

static bool before(const struct hwsi_timer_node *a, const struct hwsi_timer_node *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct hwsi_timers *timers, size_t i, const struct hwsi_timer_node *node)
{
    timers->nodes[i] = *node;
    node->timer->place = i + 1;
}

static void sift_up(struct hwsi_timers *timers, size_t i, const struct hwsi_timer_node *node)
{
    while (i > 0 && before(node, &timers->nodes[(i - 1) / FANOUT])) {
        put(timers, i, &timers->nodes[(i - 1) / FANOUT]);
        i = (i - 1) / FANOUT;
    }
    put(timers, i, node);
}

/* The earliest child of node i; count: it has none. */
static size_t earliest_child(const struct hwsi_timers *timers, size_t i)
{
    size_t best = FANOUT * i + 1, end = best + FANOUT;
    if (best >= timers->count)
        return timers->count;
    if (end > timers->count)
        end = timers->count;
    for (size_t child = best + 1; child < end; child++)
        if (before(&timers->nodes[child], &timers->nodes[best]))
            best = child;
    return best;
}

static void sift_down(struct hwsi_timers *timers, size_t i, const struct hwsi_timer_node *node)
{
    size_t child;
    while ((child = earliest_child(timers, i)) < timers->count &&
           before(&timers->nodes[child], node)) {
        put(timers, i, &timers->nodes[child]);
        i = child;
    }
    put(timers, i, node);
}

void hwsi_timer_stop(struct hwsi_timer *timer)
{
    if (timer->place == 0)
        return;
    struct hwsi_timers *timers = timer->timers;
    size_t i = timer->place - 1;
    struct hwsi_timer_node last = timers->nodes[--timers->count];
    timer->place = 0;
    if (last.timer == timer)
        return;
    if (i > 0 && before(&last, &timers->nodes[(i - 1) / FANOUT]))
        sift_up(timers, i, &last);
    else
        sift_down(timers, i, &last);
}

void hwsi_timer_start(struct hwsi_timer *timer, uint64_t due)
{
    struct hwsi_timers *timers = timer->timers;
    assert(timers && timers->count <= timers->capacity);
    hwsi_timer_stop(timer);
    timer->due = due;
    struct hwsi_timer_node node = { due, timers->started++, timer };
    sift_up(timers, timers->count++, &node);
    if (timer->place == 1 && timers->on_earlier)
        timers->on_earlier(timers);
}

bool hwsi_timers_fire_one(struct hwsi_timers *timers, uint64_t now)
{
    if (hwsi_timers_next(timers) > now || timers->count == 0)
        return false;
    struct hwsi_timer *timer = timers->nodes[0].timer;
    hwsi_timer_stop(timer);
    timer->fn(timer);
    return true;
}

void hwsi_timers_fire(struct hwsi_timers *timers, uint64_t now)
{
    uint64_t until = timers->started;
    while (timers->count && timers->nodes[0].order < until && hwsi_timers_fire_one(timers, now))
        ;
}

uint64_t hwsi_next_tick(uint64_t due, uint64_t period, uint64_t now)
{
    uint64_t missed = now > due ? (now - due) / period : 0;
    uint64_t room = (HWS_NEVER - 1 - due) / period;
    return missed < room ? due + (missed + 1) * period : HWS_NEVER - 1;
}
