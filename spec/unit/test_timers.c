/* SPDX-License-Identifier: MIT */
/* Timers: order, and callbacks that start, stop and unregister timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timers.h"

#define TIMERS 300

struct clockwork {
    struct hwsi_timer timer; /* first */
    struct bench *bench;
    void (*act)(struct clockwork *self);
    unsigned fired;
    uint64_t order; /* of its last start, in test_order() */
};
struct bench {
    struct hwsi_heap *heap;
    struct hwsi_timers timers;
    struct clockwork items[TIMERS];
    struct clockwork *log[2000];
    size_t logged;
    uint64_t now;
};

static void on_fire(struct hwsi_timer *timer)
{
    struct clockwork *self = (struct clockwork *)(void *)timer;
    assert_false(hwsi_timer_running(timer));
    self->fired++;
    self->bench->log[self->bench->logged++] = self;
    if (self->act)
        self->act(self);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->heap = hwsi_heap_new(hws_default_allocator());
    hwsi_timers_init(&b->timers, b->heap);
    for (size_t i = 0; i < TIMERS; i++) {
        b->items[i].bench = b;
        assert_int_equal(hwsi_timer_register(&b->timers, &b->items[i].timer, on_fire), 0);
    }
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < TIMERS; i++) {
        hwsi_timer_unregister(&b->items[i].timer);
        hwsi_timer_unregister(&b->items[i].timer); /* harmless */
    }
    assert_int_equal(b->timers.registered, 0);
    hwsi_timers_free(&b->timers);
    assert_int_equal(b->heap->held, sizeof *b->heap);
    hwsi_heap_release(b->heap);
    free(b);
    return 0;
}

static void test_order(void **state)
{
    struct bench *b = *state;
    uint64_t started = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        b->items[i].order = ++started;
        hwsi_timer_start(&b->items[i].timer, (uint64_t)rand() % 50);
    }
    for (size_t i = 0; i < TIMERS; i += 3)
        hwsi_timer_stop(&b->items[i].timer);
    for (size_t i = 1; i < TIMERS; i += 3) {
        b->items[i].order = ++started;
        hwsi_timer_start(&b->items[i].timer, (uint64_t)rand() % 50); /* moves it */
    }
    uint64_t next;
    while ((next = hwsi_timers_next(&b->timers)) != HWS_NEVER) {
        assert_true(next >= b->now);
        b->now = next;
        hwsi_timers_fire(&b->timers, b->now - 1 < b->now ? b->now - 1 : 0);
        size_t before = b->logged;
        hwsi_timers_fire(&b->timers, b->now);
        assert_true(b->now == 0 || b->logged > before);
    }
    assert_int_equal(b->logged, TIMERS - TIMERS / 3);
    for (size_t i = 1; i < b->logged; i++) {
        const struct clockwork *one = b->log[i - 1], *two = b->log[i];
        assert_true(one->timer.due < two->timer.due ||
                    (one->timer.due == two->timer.due && one->order < two->order));
    }
}

static void act_again(struct clockwork *self)
{
    hwsi_timer_start(&self->timer, self->bench->now);
}

static void act_on_others(struct clockwork *self)
{
    struct bench *b = self->bench;
    hwsi_timer_stop(&b->items[1].timer);       /* due, not fired yet */
    hwsi_timer_unregister(&b->items[2].timer); /* the same */
    hwsi_timer_start(&b->items[3].timer, b->now);
    hwsi_timer_unregister(&self->timer);
}

static void test_callbacks_that_change_timers(void **state)
{
    struct bench *b = *state;
    b->items[0].act = act_on_others;
    for (size_t i = 0; i < 5; i++)
        hwsi_timer_start(&b->items[i].timer, 10);
    b->now = 10;
    hwsi_timers_fire(&b->timers, 10);
    assert_int_equal(b->items[0].fired, 1);
    assert_int_equal(b->items[1].fired + b->items[2].fired, 0);
    assert_int_equal(b->items[4].fired, 1);
    assert_int_equal(b->items[3].fired, 0); /* started anew within the call */
    hwsi_timers_fire(&b->timers, 10);
    assert_int_equal(b->items[3].fired, 1);
}

static void test_fire_is_bounded(void **state)
{
    struct bench *b = *state;
    b->items[0].act = b->items[1].act = act_again;
    hwsi_timer_start(&b->items[0].timer, 0);
    hwsi_timer_start(&b->items[1].timer, 0);
    for (unsigned i = 1; i <= 5; i++) {
        hwsi_timers_fire(&b->timers, 0);
        assert_int_equal(b->items[0].fired, i);
        assert_int_equal(b->items[1].fired, i);
    }
}

static void test_random(void **state)
{
    struct bench *b = *state;
    for (int step = 0; step < 3000; step++) {
        struct hwsi_timer *timer = &b->items[rand() % TIMERS].timer;
        if (rand() % 3)
            hwsi_timer_start(timer, (uint64_t)rand() % 1000);
        else
            hwsi_timer_stop(timer);
        uint64_t least = HWS_NEVER;
        for (size_t i = 0; i < TIMERS; i++)
            if (hwsi_timer_running(&b->items[i].timer) && b->items[i].timer.due < least)
                least = b->items[i].timer.due;
        assert_int_equal(hwsi_timers_next(&b->timers), least);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_callbacks_that_change_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fire_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };
    srand(3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
