/* SPDX-License-Identifier: MIT */
/* hawser/loop.h's alarms of a host. */
#define _GNU_SOURCE
#include "hawser/loop.h"

#include <uv.h>

struct hws_alarm {
    uv_timer_t handle; /* first: what libuv closes */
    void (*ring)(void *data);
    void *data;
};

static void on_time(uv_timer_t *handle)
{
    struct hws_alarm *alarm = (struct hws_alarm *)handle;
    alarm->ring(alarm->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct hws_allocator *allocator = hws_default_allocator();
    allocator->reallocate(allocator, handle, sizeof(struct hws_alarm), 0);
}

int hws_loop_alarm(struct uv_loop_s *loop, uint64_t delay, void (*ring)(void *data), void *data,
                   struct hws_alarm **out)
{
    struct hws_allocator *allocator = hws_default_allocator();
    struct hws_alarm *alarm = allocator->reallocate(allocator, NULL, 0, sizeof *alarm);
    if (!alarm)
        return HWS_ENOMEM;
    *alarm = (struct hws_alarm){ .ring = ring, .data = data };
    uv_timer_init(loop, &alarm->handle);
    uv_update_time(loop);
    uv_timer_start(&alarm->handle, on_time,
                   delay / HWS_MILLISECOND + (delay % HWS_MILLISECOND != 0), 0);
    *out = alarm;
    return 0;
}

void hws_alarm_free(struct hws_alarm *alarm)
{
    if (alarm)
        uv_close((uv_handle_t *)&alarm->handle, on_closed);
}
