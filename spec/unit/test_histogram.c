/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

#include <stdlib.h>
#include <string.h>

#define P50 500000u
#define P99 990000u
#define P999 999000u

static int setup(void **state)
{
    struct hwsi_histogram *histogram = malloc(sizeof *histogram);
    if (!histogram) {
        return -1;
    }
    hwsi_histogram_init(histogram);
    *state = histogram;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* The bound of the bucket that `value` falls into, seen through the public calls only. */
static uint64_t bound_of(struct hwsi_histogram *histogram, uint64_t value)
{
    unsigned cursor = 0;
    uint64_t upper = 0, count = 0;

    hwsi_histogram_init(histogram);
    hwsi_histogram_record(histogram, value);
    histogram->max = UINT64_MAX;
    assert_true(hwsi_histogram_next(histogram, &cursor, &upper, &count));
    assert_int_equal(count, 1);
    assert_false(hwsi_histogram_next(histogram, &cursor, &upper, &count));
    return upper;
}

static void test_empty_answers_zero_and_an_empty_list(void **state)
{
    struct hwsi_histogram *histogram = *state;
    char text[8];
    unsigned cursor = 0;
    uint64_t upper, count;

    assert_int_equal(hwsi_histogram_percentile(histogram, P50), 0);
    assert_false(hwsi_histogram_next(histogram, &cursor, &upper, &count));
    assert_int_equal(hwsi_histogram_json(histogram, text, sizeof text), 2);
    assert_string_equal(text, "[]");
    assert_true(histogram->min == UINT64_MAX);
    assert_int_equal(histogram->max, 0);
}

static void test_values_below_64_are_exact(void **state)
{
    for (uint64_t value = 0; value < 64; value++) {
        assert_int_equal(bound_of(*state, value), value);
    }
}

static void test_bounds_are_at_most_a_32nd_above_the_value(void **state)
{
    for (unsigned bit = 6; bit < HWSI_HISTOGRAM_MAX_BITS - 1; bit++) {
        uint64_t base = UINT64_C(1) << bit;
        for (uint64_t value = base; value < 2 * base; value += base / 64) {
            uint64_t bound = bound_of(*state, value);
            assert_true(bound >= value);
            assert_true(bound - value < base / 32);
        }
    }
}

static void test_neighbours_at_a_power_of_two_fall_into_different_buckets(void **state)
{
    for (unsigned bit = 5; bit < HWSI_HISTOGRAM_MAX_BITS; bit++) {
        uint64_t value = UINT64_C(1) << bit;
        assert_int_equal(bound_of(*state, value - 1), value - 1);
        assert_true(bound_of(*state, value) >= value);
    }
}

static void test_too_long_durations_share_the_last_bucket_and_keep_the_maximum(void **state)
{
    struct hwsi_histogram *histogram = *state;
    unsigned cursor = 0;
    uint64_t upper, count;

    hwsi_histogram_record(histogram, UINT64_C(1) << HWSI_HISTOGRAM_MAX_BITS);
    hwsi_histogram_record(histogram, UINT64_MAX);
    assert_true(hwsi_histogram_next(histogram, &cursor, &upper, &count));
    assert_int_equal(count, 2);
    assert_true(upper == UINT64_MAX);
    assert_false(hwsi_histogram_next(histogram, &cursor, &upper, &count));
    assert_true(hwsi_histogram_percentile(histogram, 1000000) == UINT64_MAX);
}

static void test_percentiles_of_one_to_sixty(void **state)
{
    struct hwsi_histogram *histogram = *state;

    for (uint64_t value = 1; value <= 60; value++) {
        hwsi_histogram_record(histogram, value);
    }
    assert_int_equal(hwsi_histogram_percentile(histogram, 0), 1);
    assert_int_equal(hwsi_histogram_percentile(histogram, P50), 30);
    assert_int_equal(hwsi_histogram_percentile(histogram, 500001), 31);
    assert_int_equal(hwsi_histogram_percentile(histogram, P99), 60);
    assert_int_equal(hwsi_histogram_percentile(histogram, 1000000), 60);
    assert_int_equal(hwsi_histogram_percentile(histogram, UINT32_MAX), 60);
    assert_int_equal(histogram->count, 60);
    assert_int_equal(histogram->sum, 1830);
    assert_int_equal(histogram->min, 1);
    assert_int_equal(histogram->max, 60);
}

static void test_a_rank_that_is_whole_is_not_rounded_up(void **state)
{
    struct hwsi_histogram *histogram = *state;

    for (int i = 0; i < 999; i++) {
        hwsi_histogram_record(histogram, 10);
    }
    hwsi_histogram_record(histogram, 20);
    assert_int_equal(hwsi_histogram_percentile(histogram, P999), 10);
    assert_int_equal(hwsi_histogram_percentile(histogram, 999001), 20);
}

static void test_percentile_counts_do_not_overflow(void **state)
{
    struct hwsi_histogram *histogram = *state;

    histogram->count = UINT64_MAX;
    histogram->buckets[3] = UINT64_MAX - 1;
    histogram->buckets[7] = 1;
    histogram->max = 7;
    assert_int_equal(hwsi_histogram_percentile(histogram, P999), 3);
    assert_int_equal(hwsi_histogram_percentile(histogram, 1000000), 7);
}

static void test_a_percentile_is_never_above_the_maximum(void **state)
{
    struct hwsi_histogram *histogram = *state;

    hwsi_histogram_record(histogram, 13300);
    assert_int_equal(hwsi_histogram_percentile(histogram, P50), 13300);
    hwsi_histogram_record(histogram, 1000000);
    uint64_t median = hwsi_histogram_percentile(histogram, P50);
    assert_true(median >= 13300 && median < 13300 + 13300 / 32);
}

static void test_merge_is_the_same_as_recording_in_one(void **state)
{
    struct hwsi_histogram *one = *state;
    struct hwsi_histogram left, right;
    uint64_t value = 7;

    hwsi_histogram_init(&left);
    hwsi_histogram_init(&right);
    for (int i = 0; i < 1000; i++) {
        value = value * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t nanoseconds = value >> 30;
        hwsi_histogram_record(one, nanoseconds);
        hwsi_histogram_record(i % 3 ? &left : &right, nanoseconds);
    }
    hwsi_histogram_merge(&left, &right);
    assert_memory_equal(&left, one, sizeof left);
}

static void test_merging_an_empty_one_changes_nothing(void **state)
{
    struct hwsi_histogram *histogram = *state;
    struct hwsi_histogram before, empty;

    hwsi_histogram_record(histogram, 5);
    before = *histogram;
    hwsi_histogram_init(&empty);
    hwsi_histogram_merge(histogram, &empty);
    assert_memory_equal(&before, histogram, sizeof before);
}

static void test_json_lists_bounds_and_counts(void **state)
{
    struct hwsi_histogram *histogram = *state;
    char text[64];

    hwsi_histogram_record(histogram, 3);
    hwsi_histogram_record(histogram, 3);
    hwsi_histogram_record(histogram, 100);
    hwsi_histogram_record(histogram, 5000);
    assert_int_equal(hwsi_histogram_json(histogram, NULL, 0), 24);
    assert_int_equal(hwsi_histogram_json(histogram, text, sizeof text), 24);
    assert_string_equal(text, "[[3,2],[101,1],[5000,1]]");
}

static void test_json_is_cut_off_at_the_capacity(void **state)
{
    struct hwsi_histogram *histogram = *state;
    char text[16];

    memset(text, 'x', sizeof text);
    hwsi_histogram_record(histogram, 3);
    hwsi_histogram_record(histogram, 4);
    assert_int_equal(hwsi_histogram_json(histogram, text, 7), 13);
    assert_string_equal(text, "[[3,1]");
    assert_int_equal(text[7], 'x');
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_empty_answers_zero_and_an_empty_list),
        CASE(test_values_below_64_are_exact),
        CASE(test_bounds_are_at_most_a_32nd_above_the_value),
        CASE(test_neighbours_at_a_power_of_two_fall_into_different_buckets),
        CASE(test_too_long_durations_share_the_last_bucket_and_keep_the_maximum),
        CASE(test_percentiles_of_one_to_sixty),
        CASE(test_a_rank_that_is_whole_is_not_rounded_up),
        CASE(test_percentile_counts_do_not_overflow),
        CASE(test_a_percentile_is_never_above_the_maximum),
        CASE(test_merge_is_the_same_as_recording_in_one),
        CASE(test_merging_an_empty_one_changes_nothing),
        CASE(test_json_lists_bounds_and_counts),
        CASE(test_json_is_cut_off_at_the_capacity),
    };
    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
