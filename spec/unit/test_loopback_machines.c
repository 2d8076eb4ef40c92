/* SPDX-License-Identifier: MIT */
/* Machines of a loopback with systems on them: clocks, pauses, deaths. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_town.h"

/* --- clocks --- */

static void count_call(void *data)
{
    (*(unsigned *)data)++;
}

static void a_stalled_clock_stays_behind(void **state)
{
    unsigned calls = 0;
    uint64_t before;
    (void)state;
    town_open(1, 2);
    before = hws_system_now(town.systems[0]);
    assert_int_equal(hws_after(town.systems[0], HWS_SECOND, count_call, &calls, NULL), 0);
    assert_int_equal(hws_loopback_stall_clock(town.network, "a", 5 * HWS_SECOND), 0);
    town_run(4999);
    assert_int_equal(hws_system_now(town.systems[0]), before);
    assert_int_equal(hws_system_now(town.systems[1]), before + 4999 * HWS_MILLISECOND);
    town_run(1000);
    assert_int_equal(calls, 0);
    town_run(1);
    assert_int_equal(calls, 1);
    assert_int_equal(hws_system_now(town.systems[0]), before + HWS_SECOND);
    town_close();
}

static void a_clock_can_jump(void **state)
{
    unsigned calls = 0;
    uint64_t before;
    (void)state;
    town_open(1, 1);
    before = hws_system_now(town.systems[0]);
    assert_int_equal(hws_after(town.systems[0], HWS_SECOND, count_call, &calls, NULL), 0);
    assert_int_equal(hws_loopback_jump_clock(town.network, "a", 2 * HWS_SECOND), 0);
    assert_int_equal(hws_system_now(town.systems[0]), before + 2 * HWS_SECOND);
    town_run(0);
    assert_int_equal(calls, 1);
    hws_loopback_stall_clock(town.network, "a", HWS_SECOND);
    hws_loopback_jump_clock(town.network, "a", HWS_SECOND);
    town_run(500);
    assert_int_equal(hws_system_now(town.systems[0]), before + 3 * HWS_SECOND);
    town_run(1000);
    assert_int_equal(hws_system_now(town.systems[0]),
                     before + 3 * HWS_SECOND + 500 * HWS_MILLISECOND);
    town_close();
}

/* --- pauses --- */

static void a_paused_system_takes_no_turn(void **state)
{
    unsigned calls = 0;
    (void)state;
    town_open(1, 2);
    town_send(0, 1);
    town_run(100);
    assert_int_equal(town.got[1], 1);
    hws_loopback_pause(town.network, "b", HWS_SECOND);
    assert_int_equal(hws_after(town.systems[1], HWS_MILLISECOND, count_call, &calls, NULL), 0);
    town_send(0, 1);
    town_send(1, 0);
    town_run(999);
    assert_int_equal(town.got[0] + calls, 0);
    assert_int_equal(town.got[1], 1);
    town_run(10);
    assert_int_equal(calls, 1);
    assert_int_equal(town.got[1], 2);
    assert_int_equal(town.got[0], 1);
    town_close();
}

static void what_the_host_asks_between_steps_is_seen(void **state)
{
    unsigned calls = 0;
    uint64_t steps, after;
    (void)state;
    town_open(1, 2);
    town_send(0, 1);
    town_run(100);
    hws_loopback_digest(town.network, &steps);
    town_send(0, 0);
    assert_true(hws_loopback_step(town.network));
    assert_int_equal(town.got[0], 1);
    hws_after(town.systems[1], 0, count_call, &calls, NULL);
    assert_true(hws_loopback_step(town.network));
    assert_int_equal(calls, 1);
    hws_loopback_digest(town.network, &after);
    assert_int_equal(after, steps + 2);
    town_close();
}

static void *post(void *data)
{
    static const uint8_t nil = 0xc0;
    (void)data;
    assert_int_equal(hws_post(town.systems[0], "sink", (struct hws_slice){ &nil, 1 }), 0);
    return NULL;
}

static void a_post_of_another_thread_is_seen(void **state)
{
    pthread_t thread;
    (void)state;
    town_open(1, 1);
    town_run(1);
    assert_int_equal(pthread_create(&thread, NULL, post, NULL), 0);
    pthread_join(thread, NULL);
    town_run(0);
    assert_int_equal(town.got[0], 1);
    town_close();
}

/* --- deaths --- */

static void a_kill_resets_and_a_new_system_follows(void **state)
{
    uint64_t old, fresh;
    (void)state;
    town_open(1, 2);
    town_send(0, 1);
    town_run(100);
    assert_int_equal(town_state(0, 1, &old), HWS_ENDPOINT_connected);
    town_kill(1, HWS_LOOPBACK_DEATH_reset);
    town_run(10);
    assert_int_equal(town_state(0, 1, NULL), HWS_ENDPOINT_reconnecting);
    town_start(1);
    town_run(20000);
    assert_int_equal(town_state(0, 1, &fresh), HWS_ENDPOINT_connected);
    assert_true(fresh != old);
    town_send(0, 1);
    town_run(10);
    assert_int_equal(town.got[1], 2);
    town_close();
}

static void what_was_written_before_a_kill_arrives(void **state)
{
    (void)state;
    town_open(1, 2);
    town_send(0, 1);
    town_run(100);
    town_send(0, 1);
    assert_true(hws_loopback_step(town.network)); /* the turn that writes it */
    town_kill(0, HWS_LOOPBACK_DEATH_reset);
    town_run(10);
    assert_int_equal(town.got[1], 2);
    town_close();
}

static void a_power_loss_is_silent_until_the_machine_is_back(void **state)
{
    uint64_t old, fresh;
    (void)state;
    town_open(1, 2);
    town_send(0, 1);
    town_run(100);
    town_state(0, 1, &old);
    town_kill(1, HWS_LOOPBACK_DEATH_silent);
    town_run(500);
    assert_int_equal(town_state(0, 1, NULL), HWS_ENDPOINT_connected);
    town_run(5000); /* the heartbeat's timeout */
    assert_int_not_equal(town_state(0, 1, NULL), HWS_ENDPOINT_connected);
    town_start(1);
    town_run(20000);
    assert_int_equal(town_state(0, 1, &fresh), HWS_ENDPOINT_connected);
    assert_true(fresh != old);
    town_close();
}

static void a_machine_that_is_back_resets_old_links(void **state)
{
    (void)state;
    town_open(1, 2);
    town_send(0, 1);
    town_run(100);
    town_kill(1, HWS_LOOPBACK_DEATH_silent);
    town_start(1);
    town_run(100);
    town_send(0, 1); /* over the old link, which nobody knows there */
    town_run(10);
    assert_int_not_equal(town_state(0, 1, NULL), HWS_ENDPOINT_connected);
    town_run(10000);
    assert_int_equal(town_state(0, 1, NULL), HWS_ENDPOINT_connected);
    town_close();
}

static void killed_in_every_state(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        town_open(i, 3);
        for (unsigned j = 0; j < 3; j++)
            town_send(j, (j + 1) % 3);
        if (i % 3 == 0)
            hws_loopback_pause(town.network, "b", HWS_SECOND);
        for (unsigned j = 0; j < i; j++)
            hws_loopback_step(town.network);
        town_kill(1, i % 2 ? HWS_LOOPBACK_DEATH_silent : HWS_LOOPBACK_DEATH_reset);
        if (i % 5 == 0)
            town_kill(0, HWS_LOOPBACK_DEATH_reset);
        town_run(i);
        town_start(1);
        town_run(60000);
        if (i % 5)
            assert_int_equal(town_state(2, 0, NULL), HWS_ENDPOINT_connected);
        town_close();
    }
}

static void who_is_not_here_can_not_be_killed(void **state)
{
    struct hws_loopback *other;
    (void)state;
    town_open(1, 1);
    assert_int_equal(hws_loopback_new(&(struct hws_loopback_options){ 0 }, &other), 0);
    assert_int_equal(hws_loopback_kill(other, town.systems[0], HWS_LOOPBACK_DEATH_reset),
                     HWS_ENOTFOUND);
    hws_loopback_free(other);
    town_close();
}

static int kill_myself(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)message;
    *(int *)self =
        hws_loopback_kill(town.network, hws_context_system(context), HWS_LOOPBACK_DEATH_reset);
    return 0;
}
static const struct hws_actor_ops suicide_ops = { .receive = kill_myself };

static void nobody_kills_himself_in_his_turn(void **state)
{
    static const uint8_t nil = 0xc0;
    struct hws_pid *pid;
    int answer = 0;
    (void)state;
    town_open(1, 1);
    assert_int_equal(hws_spawn(town.systems[0], &suicide_ops, &answer, NULL, &pid), 0);
    hws_send(town.systems[0], pid, &(struct hws_message){ .payload = { &nil, 1 } });
    town_run(1);
    assert_int_equal(answer, HWS_ESTATE);
    hws_pid_release(pid);
    town_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stalled_clock_stays_behind),
        cmocka_unit_test(a_clock_can_jump),
        cmocka_unit_test(a_paused_system_takes_no_turn),
        cmocka_unit_test(what_the_host_asks_between_steps_is_seen),
        cmocka_unit_test(a_post_of_another_thread_is_seen),
        cmocka_unit_test(a_kill_resets_and_a_new_system_follows),
        cmocka_unit_test(what_was_written_before_a_kill_arrives),
        cmocka_unit_test(a_power_loss_is_silent_until_the_machine_is_back),
        cmocka_unit_test(a_machine_that_is_back_resets_old_links),
        cmocka_unit_test(killed_in_every_state),
        cmocka_unit_test(who_is_not_here_can_not_be_killed),
        cmocka_unit_test(nobody_kills_himself_in_his_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
