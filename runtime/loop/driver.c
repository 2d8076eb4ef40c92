/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "loop/driver.h"

static void do_nothing_timer(uv_timer_t *timer)
{
    (void)timer;
}

static void do_nothing_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void do_nothing_async(uv_async_t *async)
{
    (void)async;
}

/* Rounded up to libuv's milliseconds: early would be in vain. */
static void sleep_until(struct hwsi_driver *driver, uint64_t due, uint64_t now)
{
    uint64_t wait = due - now;
    if (driver->due == due && uv_is_active((uv_handle_t *)&driver->timer))
        return;
    wait = wait / HWS_MILLISECOND + (wait % HWS_MILLISECOND != 0);
    uv_update_time(driver->loop);
    uv_timer_start(&driver->timer, do_nothing_timer, wait, 0);
    driver->due = due;
}

/* libuv computes how long it sleeps after this. */
static void arrange_next_turn(struct hwsi_driver *driver)
{
    uint64_t due = hws_next_turn(driver->system);
    uint64_t now = due == 0 || due == HWS_NEVER ? 0 : hws_system_now(driver->system);
    if (due <= now) {
        uv_idle_start(&driver->idle, do_nothing_idle);
        return;
    }
    uv_idle_stop(&driver->idle);
    if (due == HWS_NEVER)
        uv_timer_stop(&driver->timer);
    else
        sleep_until(driver, due, now);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct hwsi_driver *driver = prepare->data;
    bool busy = driver->busy;
    driver->busy = true;
    hws_turn(driver->system);
    driver->busy = busy;
    if (driver->system)
        arrange_next_turn(driver);
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

static void close_handle(struct hwsi_driver *driver, uv_handle_t *handle)
{
    handle->data = driver;
    uv_close(handle, on_closed);
}

void hwsi_driver_stop(struct hwsi_driver *driver)
{
    if (!driver->system)
        return;
    hws_on_wake(driver->system, NULL, NULL);
    hws_on_stopped(driver->system, NULL, NULL);
    driver->system = NULL;
    close_handle(driver, (uv_handle_t *)&driver->prepare);
    close_handle(driver, (uv_handle_t *)&driver->timer);
    close_handle(driver, (uv_handle_t *)&driver->idle);
    close_handle(driver, (uv_handle_t *)&driver->wake);
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

/* The wake-up is the one handle that can fail. */
static int init_handles(struct hwsi_driver *driver)
{
    int error = uv_async_init(driver->loop, &driver->wake, do_nothing_async);
    if (error)
        return error == UV_ENOMEM ? HWS_ENOMEM : HWS_EIO;
    uv_prepare_init(driver->loop, &driver->prepare);
    uv_timer_init(driver->loop, &driver->timer);
    uv_idle_init(driver->loop, &driver->idle);
    driver->prepare.data = driver;
    uv_prepare_start(&driver->prepare, on_prepare);
    uv_unref((uv_handle_t *)&driver->prepare);
    uv_unref((uv_handle_t *)&driver->timer);
    uv_unref((uv_handle_t *)&driver->idle);
    driver->open = 4;
    return 0;
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

int hwsi_driver_new(struct hws_system *system, struct hws_allocator *allocator, uv_loop_t *loop, void (*stopped)(void *data),
                    void *data, struct hwsi_driver **out)
{
    struct hwsi_heap *heap = hwsi_heap_new(allocator);
    struct hwsi_driver *driver = heap ? hwsi_alloc(heap, sizeof *driver) : NULL;
    int error;
    if (!driver) {
        hwsi_heap_release(heap);
        return HWS_ENOMEM;
    }
    *driver = (struct hwsi_driver){ .heap = heap, .loop = loop, .owns_loop = !loop, .stopped = stopped, .data = data };
    error = loop ? 0 : own_loop(heap, &driver->loop);
    if (error)
        driver->owns_loop = false;
    else
        error = init_handles(driver);
    if (error) {
        free_if_done(driver);
        return error;
    }
    driver->system = system;
    driver->holds = 1;
    hws_on_wake(system, on_wake, driver);
    hws_on_stopped(system, on_stopped, driver);
    *out = driver;
    return 0;
}
