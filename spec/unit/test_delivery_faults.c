/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=120
 *
 * A network that fails at one call or one byte, at each in turn: nothing crashes, leaks or hangs, and each message arrives once or
 * is a dead letter. Reads end at every byte of the handshake and of what follows, and the link is lost at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support_fault.h"
#include "support_scenario.h"

#define BYTES_MOST 2500u /* of a link: its handshake, messages of every kind, acknowledgements */

static struct scenario scenario;
static struct fault_plan plans[2]; /* of a side */

static void prepare(struct scenario *current, struct scenario_side *side)
{
    assert_int_equal(fault_add(current->network, side->system, &plans[side->index]), 0);
}

/* Runs it with what is planned. Returns the dead letters. */
static unsigned live(bool small, const char *what, uint64_t at)
{
    struct meter meter;
    unsigned letters = 0;
    meter_init(&meter);
    scenario = (struct scenario){
        .allocator = &meter.allocator, .prepare = prepare, .symbol_table_size = 4096, .small = small
    };
    scenario_run(&scenario);
    const char *wrong = scenario_verdict(&scenario);
    if (!wrong && scenario_untold(&scenario))
        wrong = "Terminated did not come";
    if (wrong || meter.held || plans[0].open + plans[1].open)
        fail_msg("%s at %llu: %s, %zu bytes and %u links left", what, (unsigned long long)at,
                 wrong ? wrong : "well", meter.held, plans[0].open + plans[1].open);
    for (int i = 0; i < 2; i++)
        for (uint32_t n = 0; n < scenario.sides[i].sent; n++)
            letters += scenario.sides[i].messages[n].letters;
    return letters;
}

static void clear(void)
{
    memset(plans, 0, sizeof plans);
}

static void test_each_call_fails(void **state)
{
    uint64_t calls[2][FAULT_COUNT];
    (void)state;
    clear();
    live(false, "nothing", 0);
    for (int side = 0; side < 2; side++)
        memcpy(calls[side], plans[side].calls, sizeof calls[side]);
    for (int side = 0; side < 2; side++)
        for (int what = 0; what < FAULT_COUNT; what++)
            for (uint64_t n = 1; n <= calls[side][what]; n++) {
                clear();
                plans[side].what = (enum fault)what;
                plans[side].fail_at = n;
                live(false, fault_name((enum fault)what), n);
            }
    assert_true(calls[0][FAULT_write] > 50 && calls[1][FAULT_write] > 50);
    assert_true(calls[0][FAULT_dial] + calls[1][FAULT_dial] >= 3 &&
                calls[0][FAULT_accept] + calls[1][FAULT_accept] >= 3);
}

static void test_reads_end_at_each_byte(void **state)
{
    (void)state;
    clear();
    unsigned letters = live(true, "nothing", 0);
    for (uint64_t at = 1; at <= BYTES_MOST; at++) {
        clear();
        plans[0].split_at = plans[1].split_at = at;
        assert_int_equal(live(true, "split", at), letters);
    }
}

static void cut_at_each_byte(int side)
{
    unsigned cuts = 0;
    for (uint64_t at = 1; at <= BYTES_MOST; at++) {
        clear();
        plans[side].cut_at = at;
        live(true, "cut", at);
        cuts += plans[side].cuts;
    }
    assert_int_equal(cuts, BYTES_MOST); /* it was at every byte */
}

static void test_links_are_lost_at_each_byte(void **state)
{
    (void)state;
    cut_at_each_byte(0);
    cut_at_each_byte(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_call_fails),
                                        cmocka_unit_test(test_reads_end_at_each_byte),
                                        cmocka_unit_test(test_links_are_lost_at_each_byte) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
