/* SPDX-License-Identifier: MIT */
/* Whole runs of a loopback with systems: each follows from its seed, and none needs all the memory it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support_town.h"

/* --- without memory --- */

static bool start_or_fail(unsigned i)
{
    struct hws_options options;
    char listen[16];
    hws_options_init(&options);
    (void)snprintf(listen, sizeof listen, "loop:%s", town_name(i));
    options.name = town_name(i);
    options.listen = listen;
    options.seed = 1 + i;
    options.allocator = &town.allocator;
    if (hws_loopback_clock_of(town.network, options.name, &options.clock) ||
        hws_system_new(&options, &town.systems[i], NULL, 0))
        return false;
    if (hws_loopback_attach(town.network, town.systems[i]) == 0 &&
        hws_start(town.systems[i], NULL, 0) == 0)
        return true;
    hws_system_free(town.systems[i]);
    town.systems[i] = NULL;
    return false;
}

static void short_of_memory(void)
{
    static const char *const one[] = { "a" }, *const other[] = { "b", "c" };
    struct hws_loopback_way way = { .latency = HWS_MILLISECOND, .pipe_bytes = 50 };
    for (unsigned i = 0; i < 3; i++)
        start_or_fail(i);
    for (unsigned i = 0; i < 3; i++)
        if (town.systems[i])
            town_send(i, (i + 1) % 3);
    town_run(10);
    hws_loopback_set_way(town.network, "a", "b", &way);
    hws_loopback_collide(town.network, "b", "c");
    hws_loopback_pause(town.network, "c", HWS_SECOND);
    town_run(3000);
    hws_loopback_partition(town.network, one, 1, other, 2, HWS_LOOPBACK_RIFT_silent);
    if (town.systems[1])
        town_kill(1, HWS_LOOPBACK_DEATH_silent);
    town_run(1000);
    start_or_fail(1);
    hws_loopback_heal(town.network, NULL, NULL);
    if (town.systems[0])
        town_send(0, 2);
    town_run(10000);
}

static void every_allocation_of_the_network_fails_once(void **state)
{
    uint64_t tries = 0;
    bool failed = true;
    (void)state;
    while (failed) {
        struct hws_loopback_options options = { .seed = 1, .latency = HWS_MILLISECOND };
        town_clear();
        options.allocator = &town.network_allocator;
        town.fail_in = ++tries;
        if (hws_loopback_new(&options, &town.network) == 0) {
            short_of_memory();
            failed = town.fail_in == 0;
            town_close();
        }
        assert_int_equal(town.held, 0);
    }
    assert_true(tries > 50);
}

/* --- a run follows from its seed --- */

static uint64_t hash, seen; /* of the steps; how many */

static void mix(uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x100000001b3);
}

static void mix_text(const char *text)
{
    while (*text)
        mix((uint8_t)*text++);
    mix(0);
}

/* Whatever made work for a system has told the network: nobody is due before its next step. */
static void check_due(uint64_t now)
{
    uint64_t next = hws_loopback_next(town.network);
    for (unsigned i = 0; i < TOWN_SYSTEMS; i++) {
        uint64_t due = town.systems[i] ? hws_next_turn(town.systems[i]) : HWS_NEVER;
        bool has_own_time = i >= TOWN_SYSTEMS - 2; /* it is paused, or its clock stands still */
        if (due != HWS_NEVER && !has_own_time)
            assert_true(next <= (due > now ? due : now));
    }
}

static void on_step(void *data, const struct hws_loopback_step *step)
{
    assert_ptr_equal(data, &town);
    check_due(step->time);
    assert_int_equal(step->number, ++seen);
    mix(step->time);
    mix(step->kind);
    mix_text(step->machine);
    mix_text(step->peer);
    mix(step->bytes);
}

/* Everything that may happen, a while. */
static uint64_t troubled_run(uint64_t seed, uint64_t *digest)
{
    static const char *const some[] = { "a", "b", "c" }, *const others[] = { "d", "e", "f" };
    struct hws_loopback_way way = { .bandwidth = 20000, .pipe_bytes = 100, .drop_link = 0.01 };
    uint64_t steps;
    town_open(seed, TOWN_SYSTEMS);
    hash = seen = 0;
    hws_loopback_on_step(town.network, on_step, &town);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < TOWN_SYSTEMS; i++)
            for (unsigned j = 1; j < 4; j++)
                town_send(i, (i + j) % TOWN_SYSTEMS);
        check_due(hws_loopback_clock(town.network)->now(hws_loopback_clock(town.network)));
        town_run(200);
        if (round % 10 == 0)
            hws_loopback_partition(town.network, some, 3, others, 3,
                                   (enum hws_loopback_rift)(round / 10 % 3));
        if (round % 10 == 3)
            hws_loopback_heal(town.network, NULL, NULL);
        if (round % 10 == 4)
            hws_loopback_pause(town.network, "g", HWS_SECOND);
        if (round % 10 == 5)
            hws_loopback_stall_clock(town.network, "h", HWS_SECOND);
        if (round % 10 == 6)
            town_kill(round % TOWN_SYSTEMS, HWS_LOOPBACK_DEATH_reset);
        if (round % 10 == 6)
            town_start(round % TOWN_SYSTEMS);
        if (round % 10 == 7)
            hws_loopback_collide(town.network, "a", "b");
        if (round == 8)
            hws_loopback_set_way(town.network, "c", "d", &way);
    }
    *digest = hws_loopback_digest(town.network, &steps);
    assert_int_equal(steps, seen);
    assert_true(steps > 5000);
    hws_loopback_on_step(town.network, NULL, NULL);
    town_close();
    return hash;
}

static void a_whole_run_follows_from_its_seed(void **state)
{
    uint64_t first, second, other, digests[3];
    (void)state;
    first = troubled_run(7, &digests[0]);
    second = troubled_run(7, &digests[1]);
    other = troubled_run(8, &digests[2]);
    assert_true(first == second && digests[0] == digests[1]);
    assert_true(first != other && digests[0] != digests[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_the_network_fails_once),
        cmocka_unit_test(a_whole_run_follows_from_its_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
