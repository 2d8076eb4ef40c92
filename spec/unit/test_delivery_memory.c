/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=300
 *
 * Out of memory at every single allocation of two systems' lives, once, a few times and for good: nothing crashes, leaks or hangs, and each
 * message accepted arrives or is a dead letter. `test_delivery_memory 17 3` runs the life whose
 * allocations 17 to 19 fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_life.h"

#define SOME 13u /* where not each is tried, every so many */

static uint64_t only, only_count;
static const char *missed;

/* Returns how many allocations the life takes. */
static uint64_t live(uint64_t fail_at, uint64_t fail_count, uint64_t symbols, unsigned *untold)
{
    static struct scenario scenario;
    struct meter meter;
    meter_init(&meter);
    meter.fail_at = fail_at;
    meter.fail_count = fail_count;
    scenario = (struct scenario){ .allocator = &meter.allocator, .symbol_table_size = symbols };
    life_run(&scenario);
    const char *wrong = scenario_verdict(&scenario);
    if (wrong || meter.held)
        fail_msg("allocation %llu and %llu after it fail, %llu symbols: %s, %zu bytes left",
                 (unsigned long long)fail_at, (unsigned long long)fail_count - 1,
                 (unsigned long long)symbols, wrong ? wrong : "well", meter.held);
    *untold += scenario_untold(&scenario);
    missed = life_missed(&scenario);
    return meter.calls;
}

static void test_nothing_fails(void **state)
{
    unsigned untold = 0;
    (void)state;
    assert_true(live(0, 0, 4096, &untold) > 500);
    if (missed)
        fail_msg("the life has no %s", missed);
    assert_int_equal(untold, 0);
}

static unsigned once, some, for_good;

/* Returns how many points it tried. */
static unsigned fail_every(uint64_t step, uint64_t fail_count, uint64_t symbols)
{
    unsigned untold = 0, tried = 0;
    uint64_t calls = live(0, 0, symbols, &untold), n;
    for (n = 1; n <= calls; n += step, tried++)
        live(n, fail_count, symbols, &untold);
    if (untold && fail_count != UINT64_MAX) /* memory came back, so the word of it must have */
        fail_msg("%llu allocations fail: %u watches without Terminated",
                 (unsigned long long)fail_count, untold);
    return tried;
}

static void test_each_fails_once(void **state)
{
    (void)state;
    once = fail_every(life_step(1), 1, 4096) + fail_every(life_step(1), 1, 0);
}

static void test_some_fail(void **state)
{
    (void)state;
    for (uint64_t count = 2; count <= 12; count++) {
        some += fail_every(SOME * life_step(1), count, 4096) +
                fail_every(SOME * life_step(1), count, 0);
    }
}

static void test_each_fails_for_good(void **state)
{
    (void)state;
    for_good = fail_every(life_step(1), UINT64_MAX, 4096) + fail_every(life_step(1), UINT64_MAX, 0);
}

static void test_only(void **state)
{
    unsigned untold = 0;
    (void)state;
    live(only, only_count, 4096, &untold);
    live(only, only_count, 0, &untold);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = { cmocka_unit_test(test_nothing_fails),
                                      cmocka_unit_test(test_each_fails_once),
                                      cmocka_unit_test(test_some_fail),
                                      cmocka_unit_test(test_each_fails_for_good) };
    const struct CMUnitTest one[] = { cmocka_unit_test(test_only) };
    if (argc < 2) {
        int failed = cmocka_run_group_tests(all, NULL, NULL);
        printf("torture: allocations failed: %u once, %u a few times, %u from there on: %s\n", once,
               some, for_good, failed ? "FAILED" : "none crashed, leaked or lost");
        return failed;
    }
    only = strtoull(argv[1], NULL, 10);
    only_count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    return cmocka_run_group_tests(one, NULL, NULL);
}
