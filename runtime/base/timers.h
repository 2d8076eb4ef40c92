/* SPDX-License-Identifier: MIT */
/*
 * Timers on injected time: a heap, with the times that are compared in it. A timer is registered once, which reserves its place, so that
 * starting it can't fail. Callbacks run from hwsi_timers_fire() and may start, stop and unregister any timer.
 */
#ifndef HAWSER_BASE_TIMERS_H
#define HAWSER_BASE_TIMERS_H

#include "base/heap.h"

struct hwsi_timer;
typedef void (*hwsi_timer_fn)(struct hwsi_timer *timer);

struct hwsi_timer {
    struct hwsi_timers *timers; /* NULL: not registered */
    hwsi_timer_fn fn;
    uint64_t due;
    size_t place; /* 1-based in the heap; 0: not running */
};
struct hwsi_timer_node {
    uint64_t due;
    uint64_t order; /* timers due at the same time fire in the order they were started */
    struct hwsi_timer *timer;
};
struct hwsi_timers {
    struct hwsi_heap *heap;
    struct hwsi_timer_node *nodes;
    size_t count, capacity, registered;
    uint64_t started;
    void (*on_earlier)(
        struct hwsi_timers *timers); /* a start brought the next one forward; NULL: nobody asks */
};

void hwsi_timers_init(struct hwsi_timers *timers, struct hwsi_heap *heap);
void hwsi_timers_free(struct hwsi_timers *timers);
int hwsi_timer_register(struct hwsi_timers *timers, struct hwsi_timer *timer, hwsi_timer_fn fn);
void hwsi_timer_unregister(
    struct hwsi_timer *timer); /* stops it; harmless twice or on a zeroed timer */
void hwsi_timer_start(struct hwsi_timer *timer, uint64_t due); /* moves it when it runs already */
void hwsi_timer_stop(struct hwsi_timer *timer);
static inline bool hwsi_timer_running(const struct hwsi_timer *timer)
{
    return timer->place != 0;
}
/* Fires one timer that is due at `now`; false: none is. */
bool hwsi_timers_fire_one(struct hwsi_timers *timers, uint64_t now);
/* Fires what is due at `now`, at most those that were due when it was called. */
void hwsi_timers_fire(struct hwsi_timers *timers, uint64_t now);
/*
 * When a timer that was due at `due`, and comes again every `period`, comes next: on the grid that `due` is on, so that it does
 * not drift, and after `now`, so that ticks that nobody could take do not come all at once.
 */
uint64_t hwsi_next_tick(uint64_t due, uint64_t period, uint64_t now);
static inline uint64_t hwsi_timers_next(const struct hwsi_timers *timers)
{
    return timers->count ? timers->nodes[0].due : HWS_NEVER;
}

#endif
