/* SPDX-License-Identifier: MIT */
/* Throttle levels that endpoints share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "remote/levels.h"

static struct hws_throttle_levels given(void)
{
    return (struct hws_throttle_levels){ .count = 2,
                                         .level = { { .name = "warning", .from = 0.6 },
                                                    { .name = "critical", .from = 0.9 } },
                                         .hysteresis = 0.05 };
}

static void test_the_same_are_shared(void **state)
{
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    struct hws_throttle_levels levels = given(), again = given();
    struct hwsi_list all;
    uint64_t before = heap->held;
    (void)state;
    hwsi_list_init(&all);
    struct hwsi_levels *one = hwsi_levels_share(&all, heap, &levels);
    again.level[2].from = 1; /* behind the last */
    assert_ptr_equal(hwsi_levels_share(&all, heap, &again), one);
    hwsi_levels_release(one, heap);
    assert_int_equal(heap->held, before + sizeof *one);
    hwsi_levels_release(one, heap);
    assert_int_equal(heap->held, before);
    assert_true(hwsi_list_empty(&all));
    hwsi_levels_release(NULL, heap);
    hwsi_heap_release(heap);
}

static void test_others_are_not(void **state)
{
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    struct hws_throttle_levels levels[7];
    struct hwsi_levels *shared[7];
    struct hwsi_list all;
    uint64_t before = heap->held;
    (void)state;
    hwsi_list_init(&all);
    for (int i = 0; i < 7; i++)
        levels[i] = given();
    levels[1].count = 1;
    levels[2].hysteresis = 0.06;
    levels[3].level[1].name[0] = 'C';
    levels[4].level[1].from = 0.91;
    levels[5].level[1].refuse = true;
    levels[6].level[1].keep_every = 2;
    for (int i = 0; i < 7; i++) {
        shared[i] = hwsi_levels_share(&all, heap, &levels[i]);
        assert_int_equal(shared[i]->refs, 1);
    }
    for (int i = 0; i < 7; i++) {
        assert_ptr_equal(hwsi_levels_share(&all, heap, &levels[i]), shared[i]);
        hwsi_levels_release(shared[i], heap);
        hwsi_levels_release(shared[i], heap);
    }
    assert_int_equal(heap->held, before);
    hwsi_heap_release(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_are_shared),
        cmocka_unit_test(test_others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
