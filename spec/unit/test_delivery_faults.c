/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=900
 *
 * A network that fails at one call or one byte, at each in turn, or at each such call from there on: nothing crashes, leaks or
 * hangs, and each message arrives once or is a dead letter. Reads end at every byte of the handshake and of what follows, and the link is lost at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support_fault.h"
#include "support_life.h"

#define BYTES_MOST 2500u /* of a link: its handshake, messages of every kind, acknowledgements */

static struct scenario scenario;
static struct fault_plan plans[SCENARIO_SIDES];

static void prepare(struct scenario *current, struct scenario_side *side)
{
    assert_int_equal(fault_add(current->network, side->system, &plans[side->index]), 0);
}

/* Runs it with what is planned. */
static void live(bool small, const char *what, uint64_t at)
{
    struct meter meter;
    meter_init(&meter);
    scenario = (struct scenario){
        .allocator = &meter.allocator, .prepare = prepare, .symbol_table_size = 4096, .small = small
    };
    life_run(&scenario);
    const char *wrong = scenario_verdict(&scenario);
    if (!wrong && scenario_untold(&scenario))
        wrong = "Terminated did not come";
    unsigned open = plans[0].open + plans[1].open + plans[2].open;
    if (wrong || meter.held || open)
        fail_msg("%s at %llu: %s, %zu bytes and %u links left", what, (unsigned long long)at,
                 wrong ? wrong : "well", meter.held, open);
}

static void clear(void)
{
    memset(plans, 0, sizeof plans);
}

/* Each call of each side, alone or with all of its kind after it; returns how many. */
static unsigned fail_each_call(bool for_good)
{
    uint64_t calls[SCENARIO_SIDES][FAULT_COUNT];
    unsigned tried = 0;
    clear();
    live(false, "nothing", 0);
    for (int side = 0; side < SCENARIO_SIDES; side++)
        memcpy(calls[side], plans[side].calls, sizeof calls[side]);
    for (int side = 0; side < SCENARIO_SIDES; side++)
        for (int what = 0; what < FAULT_COUNT; what++)
            for (uint64_t n = 1; n <= calls[side][what]; n += life_step(1), tried++) {
                clear();
                plans[side] = (struct fault_plan){ .what = (enum fault)what,
                                                   .fail_at = n,
                                                   .for_good = for_good };
                live(false, fault_name((enum fault)what), n);
            }
    assert_true(calls[0][FAULT_write] > 50 && calls[1][FAULT_write] > 50);
    assert_true(calls[0][FAULT_dial] + calls[1][FAULT_dial] >= 3 &&
                calls[0][FAULT_accept] + calls[1][FAULT_accept] >= 3);
    return tried;
}

static unsigned once, for_good, splits, cuts;

static void test_each_call_fails(void **state)
{
    (void)state;
    once = fail_each_call(false);
}

static void test_each_call_fails_for_good(void **state)
{
    (void)state;
    for_good = fail_each_call(true);
}

static void test_reads_end_at_each_byte(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= BYTES_MOST; at += life_step(1), splits++) {
        clear();
        plans[0].split_at = plans[1].split_at = plans[2].split_at = at;
        live(true, "split", at);
    }
}

static void cut_at_each_byte(int side)
{
    unsigned before = cuts, tried = 0;
    for (uint64_t at = 1; at <= BYTES_MOST; at += life_step(1)) {
        clear();
        plans[side].cut_at = at;
        tried++;
        live(true, "cut", at);
        cuts += plans[side].cuts;
    }
    assert_int_equal(cuts - before, tried); /* it was at every byte that was tried */
}

static void test_links_are_lost_at_each_byte(void **state)
{
    (void)state;
    cut_at_each_byte(0);
    cut_at_each_byte(1);
    cut_at_each_byte(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_call_fails),
                                        cmocka_unit_test(test_each_call_fails_for_good),
                                        cmocka_unit_test(test_reads_end_at_each_byte),
                                        cmocka_unit_test(test_links_are_lost_at_each_byte) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf(
        "torture: transport operations failed: %u once, %u from there on; %u places where reads end, "
        "%u where links do: %s\n",
        once, for_good, splits, cuts, failed ? "FAILED" : "none crashed, leaked or lost");
    return failed;
}
