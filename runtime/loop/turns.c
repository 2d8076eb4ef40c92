/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "loop/turns.h"

#include "loop/driver.h"

static void do_nothing_timer(uv_timer_t *timer)
{
    (void)timer;
}

static void do_nothing_idle(uv_idle_t *idle)
{
    (void)idle;
}

static struct hwsi_driver *driver_of(struct hwsi_list *node)
{
    return HWSI_ENTRY(node, struct hwsi_driver, node);
}

static void take_turns(struct hwsi_turns *turns)
{
    turns->cursor = turns->drivers.next;
    while (turns->cursor != &turns->drivers) {
        struct hwsi_driver *driver = driver_of(turns->cursor);
        turns->cursor = turns->cursor->next;
        hwsi_driver_turn(driver);
    }
    turns->cursor = NULL;
}

/* What the next turns wait for. False: one is due now. */
static bool all_wait(struct hwsi_turns *turns, bool *changed, bool *any)
{
    struct hwsi_list *node = turns->drivers.next;
    for (; node != &turns->drivers; node = node->next) {
        struct hwsi_driver *driver = driver_of(node);
        uint64_t due = hws_next_turn(driver->system);
        if (due == 0)
            return false;
        *any = *any || due != HWS_NEVER;
        *changed = *changed || due != driver->due;
        driver->due = due;
    }
    return true;
}

/* Nanoseconds until the first turn is due, each on its system's clock. */
static uint64_t shortest_wait(struct hwsi_turns *turns)
{
    struct hwsi_list *node = turns->drivers.next;
    uint64_t wait = HWS_NEVER;
    for (; node != &turns->drivers; node = node->next) {
        struct hwsi_driver *driver = driver_of(node);
        uint64_t now = driver->due == HWS_NEVER ? 0 : hws_system_now(driver->system);
        uint64_t left = driver->due <= now ? 0 : driver->due - now;
        if (driver->due != HWS_NEVER && left < wait)
            wait = left;
    }
    return wait;
}

/* libuv computes how long it sleeps after this. */
static void arrange_next(struct hwsi_turns *turns)
{
    bool changed = false, any = false;
    uint64_t wait = 0;
    if (all_wait(turns, &changed, &any)) {
        if (any && !changed && uv_is_active((uv_handle_t *)&turns->timer)) {
            uv_idle_stop(&turns->idle);
            return;
        }
        wait = any ? shortest_wait(turns) : HWS_NEVER;
    }
    if (wait == 0) {
        uv_idle_start(&turns->idle, do_nothing_idle);
        return;
    }
    uv_idle_stop(&turns->idle);
    uv_timer_stop(&turns->timer);
    if (wait == HWS_NEVER)
        return;
    /* Rounded up to libuv's milliseconds: to wake too early is in vain. */
    uv_update_time(turns->loop);
    uv_timer_start(&turns->timer, do_nothing_timer,
                   wait / HWS_MILLISECOND + (wait % HWS_MILLISECOND != 0), 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct hwsi_turns *turns = prepare->data;
    take_turns(turns);
    if (turns->ask && !turns->closing)
        turns->ask(turns->data);
    if (!turns->closing)
        arrange_next(turns);
}

/* What uv_walk() looks for, and finds. */
struct search {
    struct hwsi_turns *found;
};

static void visit(uv_handle_t *handle, void *data)
{
    struct search *search = data;
    if (handle->type != UV_PREPARE || ((uv_prepare_t *)handle)->prepare_cb != on_prepare)
        return;
    if (!((struct hwsi_turns *)handle->data)->closing)
        search->found = handle->data;
}

static struct hwsi_turns *turns_new(uv_loop_t *loop)
{
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    struct hwsi_turns *turns = heap ? hwsi_alloc(heap, sizeof *turns) : NULL;
    if (!turns) {
        hwsi_heap_release(heap);
        return NULL;
    }
    *turns = (struct hwsi_turns){ .loop = loop, .heap = heap, .handles = 3 };
    hwsi_list_init(&turns->drivers);
    uv_prepare_init(loop, &turns->prepare);
    uv_timer_init(loop, &turns->timer);
    uv_idle_init(loop, &turns->idle);
    turns->prepare.data = turns->timer.data = turns->idle.data = turns;
    uv_prepare_start(&turns->prepare, on_prepare);
    uv_unref((uv_handle_t *)&turns->prepare);
    uv_unref((uv_handle_t *)&turns->timer);
    uv_unref((uv_handle_t *)&turns->idle);
    return turns;
}

struct hwsi_turns *hwsi_turns_of(uv_loop_t *loop)
{
    struct search search = { NULL };
    uv_walk(loop, visit, &search);
    if (!search.found)
        search.found = turns_new(loop);
    if (search.found)
        search.found->holds++;
    return search.found;
}

static void on_closed(uv_handle_t *handle)
{
    struct hwsi_turns *turns = handle->data;
    struct hwsi_heap *heap = turns->heap;
    struct hwsi_driver *last = turns->last;
    if (--turns->handles > 0)
        return;
    hwsi_free(heap, turns, sizeof *turns);
    hwsi_heap_release(heap);
    if (last)
        hwsi_driver_leave(last);
}

void hwsi_turns_release(struct hwsi_turns *turns)
{
    if (--turns->holds > 0)
        return;
    turns->closing = true;
    uv_close((uv_handle_t *)&turns->prepare, on_closed);
    uv_close((uv_handle_t *)&turns->timer, on_closed);
    uv_close((uv_handle_t *)&turns->idle, on_closed);
}

void hwsi_turns_join(struct hwsi_turns *turns, struct hwsi_driver *driver)
{
    turns->holds++;
    hwsi_list_append(&turns->drivers, &driver->node);
}

void hwsi_turns_leave(struct hwsi_turns *turns, struct hwsi_driver *driver)
{
    bool is_last = turns->holds == 1;
    if (turns->cursor == &driver->node)
        turns->cursor = driver->node.next;
    hwsi_list_remove(&driver->node);
    if (is_last)
        turns->last = driver;
    hwsi_turns_release(turns);
    if (!is_last)
        hwsi_driver_leave(driver);
}
