/* SPDX-License-Identifier: MIT */
/* hawser/loop.h's loops for several systems. */
#define _GNU_SOURCE
#include "hawser/loop.h"

#include "loop/turns.h"

#include <uv.h>

struct shared_loop {
    uv_loop_t loop; /* first: it is what the host sees */
    struct hwsi_turns *turns;
    uv_timer_t timeout;
    uv_async_t wake;
    bool (*done)(void *data);
    void *data;
    bool running, is_done, timed_out;
};

static void on_ask(void *data)
{
    struct shared_loop *shared = data;
    if (!shared->running || !shared->done(shared->data))
        return;
    shared->is_done = true;
    uv_stop(&shared->loop); /* the loop does not sleep any more */
}

static void on_timeout(uv_timer_t *timer)
{
    struct shared_loop *shared = timer->data;
    shared->timed_out = true;
    uv_stop(&shared->loop);
}

/* The turn that it makes asks whether all is done. */
static void on_wake(uv_async_t *wake)
{
    (void)wake;
}

static int shared_init(struct shared_loop *shared)
{
    int error = uv_loop_init(&shared->loop);
    if (error)
        return error == UV_ENOMEM ? HWS_ENOMEM : HWS_EIO;
    shared->turns = hwsi_turns_of(&shared->loop);
    if (!shared->turns) {
        uv_loop_close(&shared->loop);
        return HWS_ENOMEM;
    }
    error = uv_async_init(&shared->loop, &shared->wake, on_wake);
    if (error) {
        hwsi_turns_release(shared->turns);
        uv_run(&shared->loop, UV_RUN_DEFAULT);
        uv_loop_close(&shared->loop);
        return error == UV_ENOMEM ? HWS_ENOMEM : HWS_EIO;
    }
    uv_unref((uv_handle_t *)&shared->wake);
    shared->turns->ask = on_ask;
    shared->turns->data = shared;
    uv_timer_init(&shared->loop, &shared->timeout);
    shared->timeout.data = shared;
    uv_unref((uv_handle_t *)&shared->timeout);
    return 0;
}

int hws_loop_new(struct uv_loop_s **out)
{
    struct hws_allocator *allocator = hws_default_allocator();
    struct shared_loop *shared = allocator->reallocate(allocator, NULL, 0, sizeof *shared);
    int error;
    if (!shared)
        return HWS_ENOMEM;
    *shared = (struct shared_loop){ .running = false };
    error = shared_init(shared);
    if (error) {
        allocator->reallocate(allocator, shared, sizeof *shared, 0);
        return error;
    }
    *out = &shared->loop;
    return 0;
}

static void start_timeout(struct shared_loop *shared, uint64_t timeout)
{
    uint64_t ms = timeout / HWS_MILLISECOND + (timeout % HWS_MILLISECOND != 0);
    if (timeout == HWS_NEVER)
        return;
    uv_update_time(&shared->loop);
    uv_timer_start(&shared->timeout, on_timeout, ms, 0);
}

int hws_loop_run_until(struct uv_loop_s *loop, bool (*done)(void *data), void *data,
                       uint64_t timeout)
{
    struct shared_loop *shared = (struct shared_loop *)loop;
    if (shared->running)
        return HWS_ESTATE;
    if (done(data))
        return 0;
    shared->running = true;
    shared->is_done = shared->timed_out = false;
    shared->done = done;
    shared->data = data;
    start_timeout(shared, timeout);
    /* Somebody else's uv_stop() ends nothing here. */
    while (!shared->is_done && !shared->timed_out && uv_run(loop, UV_RUN_DEFAULT) != 0)
        ;
    uv_timer_stop(&shared->timeout);
    shared->running = false;
    return shared->is_done || !shared->timed_out ? 0 : HWS_ETIMEOUT;
}

void hws_loop_wake(struct uv_loop_s *loop)
{
    uv_async_send(&((struct shared_loop *)loop)->wake);
}

void hws_loop_free(struct uv_loop_s *loop)
{
    struct shared_loop *shared = (struct shared_loop *)loop;
    struct hws_allocator *allocator = hws_default_allocator();
    if (!shared)
        return;
    hwsi_turns_release(shared->turns);
    uv_close((uv_handle_t *)&shared->timeout, NULL);
    uv_close((uv_handle_t *)&shared->wake, NULL);
    while (uv_run(loop, UV_RUN_DEFAULT) != 0)
        ;
    /* Handles of somebody else's that are left (unreferenced ones) keep the memory: better lost than used after it is freed. */
    if (uv_loop_close(loop) == 0)
        allocator->reallocate(allocator, shared, sizeof *shared, 0);
}
