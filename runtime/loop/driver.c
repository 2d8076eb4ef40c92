/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "loop/driver.h"

#include "loop/turns.h"

static void do_nothing(uv_async_t *wake)
{
    (void)wake;
}

void hwsi_driver_turn(struct hwsi_driver *driver)
{
    bool busy = driver->busy;
    driver->busy = true;
    hws_turn(driver->system);
    driver->busy = busy;
}

static void on_wake(void *data)
{
    struct hwsi_driver *driver = data;
    uv_async_send(&driver->wake);
}

static void free_if_done(struct hwsi_driver *driver)
{
    struct hwsi_heap *heap = driver->heap;
    if (driver->open > 0 || driver->holds > 0)
        return;
    /* A host that left handles on the loop keeps its memory: better lost than used after it is freed. */
    if (driver->owns_loop && uv_loop_close(driver->loop) == 0)
        hwsi_free(heap, driver->loop, sizeof *driver->loop);
    hwsi_free(heap, driver, sizeof *driver);
    hwsi_heap_release(heap);
}

void hwsi_driver_join(struct hwsi_driver *driver)
{
    driver->open++;
}

void hwsi_driver_leave(struct hwsi_driver *driver)
{
    if (--driver->open > 0)
        return;
    if (driver->owns_loop)
        uv_stop(driver->loop); /* who runs it frees */
    else
        free_if_done(driver);
}

static void on_closed(uv_handle_t *handle)
{
    hwsi_driver_leave(handle->data);
}

void hwsi_driver_stop(struct hwsi_driver *driver)
{
    if (!driver->system)
        return;
    hws_on_wake(driver->system, NULL, NULL);
    hws_on_stopped(driver->system, NULL, NULL);
    driver->system = NULL;
    uv_close((uv_handle_t *)&driver->wake, on_closed);
    hwsi_turns_leave(driver->turns, driver);
    if (driver->stopped)
        driver->stopped(driver->data);
}

static void on_stopped(void *data)
{
    hwsi_driver_stop(data);
}

static void run_until_closed(struct hwsi_driver *driver)
{
    bool busy = driver->busy;
    driver->busy = true;
    while (driver->open > 0)
        uv_run(driver->loop, UV_RUN_DEFAULT);
    driver->busy = busy;
}

int hwsi_driver_run(struct hwsi_driver *driver)
{
    if (driver->busy)
        return HWS_ESTATE;
    if (!driver->owns_loop) {
        uv_run(driver->loop, UV_RUN_DEFAULT);
        return 0;
    }
    hwsi_driver_hold(driver); /* the system may be freed meanwhile */
    run_until_closed(driver);
    hwsi_driver_release(driver);
    return 0;
}

void hwsi_driver_hold(struct hwsi_driver *driver)
{
    driver->holds++;
}

void hwsi_driver_release(struct hwsi_driver *driver)
{
    if (driver->holds == 1 && driver->owns_loop && !driver->busy && !driver->system)
        run_until_closed(driver);
    driver->holds--;
    free_if_done(driver);
}

static int join_loop(struct hwsi_driver *driver)
{
    struct hwsi_turns *turns = hwsi_turns_of(driver->loop);
    int error = turns ? uv_async_init(driver->loop, &driver->wake, do_nothing) : UV_ENOMEM;
    if (!error) {
        driver->wake.data = driver;
        driver->turns = turns;
        driver->open = 2;
        hwsi_turns_join(turns, driver);
    }
    if (turns)
        hwsi_turns_release(turns);
    return error ? (error == UV_ENOMEM ? HWS_ENOMEM : HWS_EIO) : 0;
}

static int own_loop(struct hwsi_heap *heap, uv_loop_t **out)
{
    uv_loop_t *loop = hwsi_alloc(heap, sizeof *loop);
    int error = loop ? uv_loop_init(loop) : UV_ENOMEM;
    if (error) {
        hwsi_free(heap, loop, sizeof *loop);
        return error == UV_ENOMEM ? HWS_ENOMEM : HWS_EIO;
    }
    *out = loop;
    return 0;
}

int hwsi_driver_new(struct hws_system *system, struct hws_allocator *allocator, uv_loop_t *loop,
                    void (*stopped)(void *data), void *data, struct hwsi_driver **out)
{
    struct hwsi_heap *heap = hwsi_heap_new(allocator);
    struct hwsi_driver *driver = heap ? hwsi_alloc(heap, sizeof *driver) : NULL;
    int error;
    if (!driver) {
        hwsi_heap_release(heap);
        return HWS_ENOMEM;
    }
    *driver = (struct hwsi_driver){ .system = system,
                                    .heap = heap,
                                    .loop = loop,
                                    .owns_loop = !loop,
                                    .stopped = stopped,
                                    .data = data };
    error = loop ? 0 : own_loop(heap, &driver->loop);
    if (error)
        driver->owns_loop = false;
    else
        error = join_loop(driver);
    if (error) {
        if (driver->owns_loop) /* what had joined it closes */
            uv_run(driver->loop, UV_RUN_DEFAULT);
        free_if_done(driver);
        return error;
    }
    driver->holds = 1;
    hws_on_wake(system, on_wake, driver);
    hws_on_stopped(system, on_stopped, driver);
    *out = driver;
    return 0;
}
