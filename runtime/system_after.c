/* SPDX-License-Identifier: MIT */
/* hws_after(), hws_every(): timers of the host. */
#include "system_private.h"

struct hws_timer {
    struct hwsi_timer timer;
    struct hws_system *system;
    struct hwsi_list node;
    uint64_t period; /* 0: once */
    void (*fn)(void *data);
    void *data;
};

static void timer_free(struct hws_timer *timer)
{
    hwsi_timer_unregister(&timer->timer);
    hwsi_list_remove(&timer->node);
    hwsi_free(timer->system->heap, timer, sizeof *timer);
}

static void fire(struct hwsi_timer *base)
{
    struct hws_timer *timer = HWSI_ENTRY(base, struct hws_timer, timer);
    void (*fn)(void *) = timer->fn;
    void *data = timer->data;
    if (timer->period)
        hwsi_timer_start(base,
                         hwsi_next_tick(base->due, timer->period, hwsi_now(&timer->system->local)));
    else
        timer_free(timer);
    fn(data);
}

static int timer_new(struct hws_system *system, uint64_t delay, uint64_t period,
                     void (*fn)(void *data), void *data, struct hws_timer **out)
{
    if (system->stage >= HWSI_CLOSED_DOWN)
        return HWS_ECLOSED;
    struct hws_timer *timer = hwsi_alloc(system->heap, sizeof *timer);
    if (!timer)
        return HWS_ENOMEM;
    if (hwsi_timer_register(&system->timers, &timer->timer, fire)) {
        hwsi_free(system->heap, timer, sizeof *timer);
        return HWS_ENOMEM;
    }
    timer->system = system;
    timer->period = period;
    timer->fn = fn;
    timer->data = data;
    hwsi_list_append(&system->after, &timer->node);
    hwsi_timer_start(&timer->timer, hwsi_later(&system->local, delay));
    if (out)
        *out = timer;
    return 0;
}

int hws_after(struct hws_system *system, uint64_t delay, void (*fn)(void *data), void *data,
              struct hws_timer **out)
{
    return timer_new(system, delay, 0, fn, data, out);
}

int hws_every(struct hws_system *system, uint64_t delay, uint64_t period, void (*fn)(void *data),
              void *data, struct hws_timer **out)
{
    return period < HWS_MILLISECOND ? HWS_EINVAL : timer_new(system, delay, period, fn, data, out);
}

void hws_timer_cancel(struct hws_timer *timer)
{
    if (timer)
        timer_free(timer);
}

void hwsi_after_free(struct hws_system *system)
{
    struct hwsi_list *node;
    if (!system->after.next)
        return;
    while ((node = hwsi_list_first(&system->after)))
        timer_free(HWSI_ENTRY(node, struct hws_timer, node));
}
