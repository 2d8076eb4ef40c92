/* SPDX-License-Identifier: MIT */
/* What a host has a loop wait for: descriptors and alarms. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hawser/hawser.h"

#define PATIENCE (20 * HWS_SECOND)

struct fixture {
    struct uv_loop_s *loop;
    struct hws_poll *poll;
    struct hws_alarm *alarm;
    int pipe[2];
    int calls, wanted;
};

static bool is_done(void *data)
{
    struct fixture *fixture = data;
    return fixture->calls >= fixture->wanted;
}

static void wait_for(struct fixture *fixture, int calls)
{
    fixture->wanted = calls;
    assert_int_equal(hws_loop_run_until(fixture->loop, is_done, fixture, PATIENCE), 0);
    assert_true(fixture->calls >= calls); /* a turn may call it several times */
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ .calls = 0 };
    assert_int_equal(hws_loop_new(&fixture.loop), 0);
    assert_int_equal(pipe(fixture.pipe), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    hws_poll_free(fixture->poll);
    hws_alarm_free(fixture->alarm);
    hws_loop_free(fixture->loop);
    close(fixture->pipe[0]);
    if (fixture->pipe[1] >= 0)
        close(fixture->pipe[1]);
    return 0;
}

static void on_ready(void *data)
{
    struct fixture *fixture = data;
    char byte;
    (void)!read(fixture->pipe[0], &byte, 1);
    fixture->calls++;
}

static void on_ready_once(void *data)
{
    struct fixture *fixture = data;
    fixture->calls++;
    hws_poll_free(fixture->poll);
    fixture->poll = NULL;
}

static void on_ring(void *data)
{
    struct fixture *fixture = data;
    fixture->calls++;
}

static void tells_when_there_is_something_to_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        hws_loop_poll(fixture->loop, fixture->pipe[0], on_ready, fixture, &fixture->poll), 0);
    assert_int_equal(write(fixture->pipe[1], "a", 1), 1);
    wait_for(fixture, 1);
    assert_int_equal(write(fixture->pipe[1], "bc", 2), 2);
    wait_for(fixture, 2);
    wait_for(fixture, 3);
}

static void tells_when_the_other_end_has_gone(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        hws_loop_poll(fixture->loop, fixture->pipe[0], on_ready, fixture, &fixture->poll), 0);
    close(fixture->pipe[1]);
    fixture->pipe[1] = -1;
    wait_for(fixture, 1);
}

static void on_writable(void *data)
{
    struct fixture *fixture = data;
    fixture->calls++;
}

static void tells_when_there_is_room_to_write_if_asked(void **state)
{
    struct fixture *fixture = *state;
    struct hws_poll *reader = NULL;
    assert_int_equal(
        hws_loop_poll(fixture->loop, fixture->pipe[1], on_writable, fixture, &fixture->poll), 0);
    assert_int_equal(hws_poll_want(fixture->poll, false, true), 0);
    wait_for(fixture, 1);
    assert_int_equal(hws_poll_want(fixture->poll, false, false), 0);
    /* Nothing more of this end; what is written wakes the other. */
    assert_int_equal(hws_loop_poll(fixture->loop, fixture->pipe[0], on_ready, fixture, &reader), 0);
    fixture->calls = 0;
    assert_int_equal(write(fixture->pipe[1], "a", 1), 1);
    wait_for(fixture, 1);
    assert_int_equal(fixture->calls, 1);
    hws_poll_free(reader);
}

static void is_not_called_once_freed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        hws_loop_poll(fixture->loop, fixture->pipe[0], on_ready_once, fixture, &fixture->poll), 0);
    assert_int_equal(write(fixture->pipe[1], "abc", 3), 3);
    wait_for(fixture, 1);
    fixture->wanted = 2;
    /* Nothing is left on the loop, which ends at once. */
    assert_int_equal(hws_loop_run_until(fixture->loop, is_done, fixture, PATIENCE), 0);
    assert_int_equal(fixture->calls, 1);
}

static void refuses_what_can_not_be_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct hws_poll *poll = NULL;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(hws_loop_poll(fixture->loop, fileno(file), on_ready, fixture, &poll),
                     HWS_EINVAL);
    assert_null(poll);
    fclose(file);
}

static void an_alarm_rings_once_and_not_when_freed(void **state)
{
    struct fixture *fixture = *state;
    struct hws_alarm *never = NULL;
    assert_int_equal(
        hws_loop_alarm(fixture->loop, HWS_MILLISECOND, on_ring, fixture, &fixture->alarm), 0);
    assert_int_equal(hws_loop_alarm(fixture->loop, 2 * HWS_MILLISECOND, on_ring, fixture, &never),
                     0);
    hws_alarm_free(never);
    wait_for(fixture, 1);
    fixture->wanted = 2;
    assert_int_equal(hws_loop_run_until(fixture->loop, is_done, fixture, PATIENCE), 0);
    assert_int_equal(fixture->calls, 1);
}

static volatile sig_atomic_t rung;
static struct uv_loop_s *to_wake;

static void on_signal(int number)
{
    (void)number;
    rung = 1;
    hws_loop_wake(to_wake);
}

static bool has_rung(void *data)
{
    (void)data;
    return rung;
}

static void a_signal_handler_wakes_a_loop_that_sleeps(void **state)
{
    struct fixture *fixture = *state;
    struct itimerval soon = { .it_value = { 0, 20000 } };
    assert_int_equal(
        hws_loop_poll(fixture->loop, fixture->pipe[0], on_ready, fixture, &fixture->poll), 0);
    to_wake = fixture->loop;
    rung = 0;
    signal(SIGALRM, on_signal);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(hws_loop_run_until(fixture->loop, has_rung, fixture, PATIENCE), 0);
    signal(SIGALRM, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_when_there_is_something_to_read, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_when_the_other_end_has_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_when_there_is_room_to_write_if_asked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(is_not_called_once_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_can_not_be_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_handler_wakes_a_loop_that_sleeps, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alarm_rings_once_and_not_when_freed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
