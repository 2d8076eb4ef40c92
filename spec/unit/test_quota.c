/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/quota.h"

static void test_so_many_a_second(void **state)
{
    struct hwsi_quota quota = { 0 };
    uint64_t untold, start = 7 * HWS_SECOND;
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hwsi_quota_take(&quota, start + HWS_SECOND - 1, 3, &untold), i < 3);
        assert_int_equal(untold, 0);
    }
    assert_true(hwsi_quota_take(&quota, start + HWS_SECOND, 3, &untold));
    assert_int_equal(untold, 2); /* told once */
    assert_true(hwsi_quota_take(&quota, start + HWS_SECOND, 3, &untold));
    assert_int_equal(untold, 0);
    assert_true(hwsi_quota_take(&quota, start + 60 * HWS_SECOND, 3, &untold));
    assert_int_equal(untold, 0);
}

static void test_none(void **state)
{
    struct hwsi_quota quota = { 0 };
    uint64_t untold;
    (void)state;
    assert_false(hwsi_quota_take(&quota, 0, 0, &untold)); /* also in the first second of all */
    assert_false(hwsi_quota_take(&quota, HWS_SECOND, 0, &untold));
    assert_int_equal(untold, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_so_many_a_second),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
