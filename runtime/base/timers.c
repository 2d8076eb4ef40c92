/* SPDX-License-Identifier: MIT */
#include "base/timers.h"

#include <assert.h>

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
        struct hwsi_timer **nodes =
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

static bool before(const struct hwsi_timer *a, const struct hwsi_timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct hwsi_timers *timers, size_t i, struct hwsi_timer *timer)
{
    timers->nodes[i] = timer;
    timer->place = i + 1;
}

static void sift_up(struct hwsi_timers *timers, size_t i, struct hwsi_timer *timer)
{
    while (i > 0 && before(timer, timers->nodes[(i - 1) / 2])) {
        put(timers, i, timers->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(timers, i, timer);
}

static void sift_down(struct hwsi_timers *timers, size_t i, struct hwsi_timer *timer)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && before(timers->nodes[child + 1], timers->nodes[child]))
            child++;
        if (!before(timers->nodes[child], timer))
            break;
        put(timers, i, timers->nodes[child]);
        i = child;
    }
    put(timers, i, timer);
}

void hwsi_timer_stop(struct hwsi_timer *timer)
{
    if (timer->place == 0)
        return;
    struct hwsi_timers *timers = timer->timers;
    size_t i = timer->place - 1;
    struct hwsi_timer *last = timers->nodes[--timers->count];
    timer->place = 0;
    if (last == timer)
        return;
    if (i > 0 && before(last, timers->nodes[(i - 1) / 2]))
        sift_up(timers, i, last);
    else
        sift_down(timers, i, last);
}

void hwsi_timer_start(struct hwsi_timer *timer, uint64_t due)
{
    struct hwsi_timers *timers = timer->timers;
    assert(timers && timers->count <= timers->capacity);
    hwsi_timer_stop(timer);
    timer->due = due;
    timer->order = timers->started++;
    sift_up(timers, timers->count++, timer);
    if (timer->place == 1 && timers->on_earlier)
        timers->on_earlier(timers);
}

bool hwsi_timers_fire_one(struct hwsi_timers *timers, uint64_t now)
{
    if (hwsi_timers_next(timers) > now || timers->count == 0)
        return false;
    struct hwsi_timer *timer = timers->nodes[0];
    hwsi_timer_stop(timer);
    timer->fn(timer);
    return true;
}

void hwsi_timers_fire(struct hwsi_timers *timers, uint64_t now)
{
    uint64_t until = timers->started;
    while (timers->count && timers->nodes[0]->order < until && hwsi_timers_fire_one(timers, now))
        ;
}

uint64_t hwsi_next_tick(uint64_t due, uint64_t period, uint64_t now)
{
    uint64_t missed = now > due ? (now - due) / period : 0;
    uint64_t room = (HWS_NEVER - 1 - due) / period;
    return missed < room ? due + (missed + 1) * period : HWS_NEVER - 1;
}
