/* SPDX-License-Identifier: MIT */
/* Actors: their life, what a failing handler leads to, suspending, and what a handler may do to itself. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

struct puppet {
    struct rig *rig;
    struct hws_context *context;
    int (*act)(struct puppet *self, const struct hws_message *message);
    unsigned started, handled, stopped, released, letters;
    int start_result;
    unsigned fail_from; /* the n-th start fails; 0: none */
};

static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct puppet *self = data;
    self->context = context;
    self->handled += message->kind == HWS_MESSAGE_user;
    self->letters += message->kind == HWS_MESSAGE_dead_letter_response;
    return self->act ? self->act(self, message) : 0;
}
static int started(void *data, struct hws_context *context)
{
    struct puppet *self = data;
    self->context = context;
    self->started++;
    return self->fail_from && self->started >= self->fail_from ? self->start_result : 0;
}
static void stopped(void *data, struct hws_context *context)
{
    (void)context;
    ((struct puppet *)data)->stopped++;
}
static void released(void *data)
{
    ((struct puppet *)data)->released++;
}
static const struct hws_actor_ops ops = {
    .receive = receive, .started = started, .stopped = stopped, .released = released
};

static void spawn(struct rig *rig, struct puppet *puppet, enum hws_supervision supervision)
{
    puppet->rig = rig;
    assert_int_equal(
        hws_spawn(rig->system, &ops, puppet,
                  &(struct hws_spawn_options){ .name = "puppet", .supervision = supervision },
                  NULL),
        0);
}

static void test_life(void **state)
{
    struct rig rig;
    struct puppet puppet = { 0 };
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_resume);
    assert_int_equal(puppet.started, 0); /* not from inside the call */
    assert_int_equal(rig_send(&rig, "puppet"), 0);
    assert_int_equal(rig_send(&rig, RIG_HERE "/puppet"), 0); /* the same one */
    rig_turn(&rig);
    assert_int_equal(puppet.started, 1);
    assert_int_equal(puppet.handled, 2);
    struct hws_pid *pid = rig_pid(&rig, "puppet");
    assert_int_equal(hws_stop_actor(rig.system, pid), 0);
    rig_turn(&rig);
    assert_int_equal(puppet.stopped, 1);
    assert_int_equal(puppet.released, 1);
    assert_int_equal(hws_stop_actor(rig.system, pid), HWS_ENOTFOUND);
    assert_int_equal(rig_send(&rig, "puppet"), HWS_ENOTFOUND);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_ActorStopped, 0)->reason, "stopped");
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "not_found");
    spawn(&rig, &puppet, HWS_SUPERVISE_resume); /* the name is free again */
    hws_pid_release(pid);
    rig_end(&rig);
    assert_int_equal(puppet.released, 2);
}

static void test_spawn_errors(void **state)
{
    struct rig rig;
    struct puppet puppet = { 0 };
    struct hws_pid *pid;
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_resume);
    assert_int_equal(hws_spawn_named(rig.system, "puppet", &ops, &puppet, &pid), HWS_EEXIST);
    assert_int_equal(hws_spawn_named(rig.system, "$system", &ops, &puppet, &pid), HWS_EEXIST);
    assert_int_equal(hws_spawn_named(rig.system, "a b", &ops, &puppet, &pid), HWS_EADDRESS);
    assert_int_equal(hws_spawn_named(rig.system, "", &ops, &puppet, &pid), HWS_EADDRESS);
    assert_int_equal(hws_spawn(rig.system, &(struct hws_actor_ops){ 0 }, &puppet, NULL, &pid),
                     HWS_EINVAL);
    assert_int_equal(hws_spawn(rig.system, NULL, &puppet, NULL, &pid), HWS_EINVAL);
    assert_int_equal(puppet.released, 0);
    hws_stop(rig.system, "over", HWS_NEVER);
    assert_int_equal(hws_spawn(rig.system, &ops, &puppet, NULL, &pid), HWS_ECLOSED);
    rig_end(&rig);
}

/* A name that the system would make up may be taken already. */
static void test_made_up_names_are_free(void **state)
{
    struct rig rig;
    struct puppet a = { 0 }, b = { 0 }, c = { 0 };
    struct hws_pid *pid;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "$1", &ops, &a, NULL), 0);
    assert_int_equal(hws_spawn(rig.system, &ops, &b, NULL, &pid), 0);
    assert_string_equal(hws_pid_id(pid), "$2");
    hws_pid_release(pid);
    assert_int_equal(hws_spawn(rig.system, &ops, &c, NULL, NULL), 0);
    rig_end(&rig);
}

static int act_fail(struct puppet *self, const struct hws_message *message)
{
    (void)message;
    hws_context_fail(self->context, "it hurts");
    return HWS_EFAILED;
}

static void test_failure_resumes(void **state)
{
    struct rig rig;
    struct puppet puppet = { .act = act_fail };
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_resume);
    rig_send(&rig, "puppet");
    rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.handled, 2);
    assert_int_equal(puppet.started, 1);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_ActorFailed, 0);
    assert_string_equal(event->reason, "resume");
    assert_string_equal(event->detail, "it hurts");
    assert_int_equal(event->count, 2);
    rig_end(&rig);
}

static void test_failure_restarts_until_the_limit(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct puppet puppet = { .act = act_fail };
    (void)state;
    rig_options(&rig, &options);
    options.restart_limit = 3;
    rig_start(&rig, &options);
    spawn(&rig, &puppet, HWS_SUPERVISE_restart);
    for (int i = 0; i < 3; i++)
        rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.started, 4);
    assert_int_equal(puppet.released, 0);
    rig_pass(&rig, 61 * HWS_SECOND); /* a new window */
    for (int i = 0; i < 5; i++)
        rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.handled, 7); /* the fourth failure in the window was too many */
    assert_int_equal(puppet.released, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_ActorFailed, 0)->reason, "stop");
    assert_string_equal(rig_event(&rig, HWS_EVENT_ActorStopped, 0)->reason, "failed");
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "stopped");
    rig_end(&rig);
}

static void test_no_restart_allowed(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct puppet puppet = { .act = act_fail };
    (void)state;
    rig_options(&rig, &options);
    options.restart_limit = 0;
    rig_start(&rig, &options);
    spawn(&rig, &puppet, HWS_SUPERVISE_restart);
    rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.started, 1);
    assert_int_equal(puppet.released, 1);
    rig_end(&rig);
}

static void test_failure_stops(void **state)
{
    struct rig rig;
    struct puppet puppet = { .act = act_fail };
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_stop);
    rig_send(&rig, "puppet");
    rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.handled, 1);
    assert_int_equal(puppet.stopped, 1);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 1);
    rig_end(&rig);
}

static void test_started_fails(void **state)
{
    struct rig rig;
    struct puppet puppet = { .fail_from = 1, .start_result = HWS_EFAILED };
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_restart);
    rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.started, 1);
    assert_int_equal(puppet.handled, 0);
    assert_int_equal(puppet.released, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_ActorFailed, 0)->reason, "stop");
    rig_end(&rig);
}

static int act_suspend(struct puppet *self, const struct hws_message *message)
{
    (void)message;
    hws_context_suspend(self->context);
    hws_context_suspend(self->context);
    return 0;
}

static void test_suspend_and_resume(void **state)
{
    struct rig rig;
    struct puppet puppet = { .act = act_suspend };
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_resume);
    for (int i = 0; i < 3; i++)
        rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.handled, 1);
    assert_true(hws_next_turn(rig.system) > rig.now); /* it does not spin */
    hws_context_resume(puppet.context);
    hws_context_resume(puppet.context);
    rig_turn(&rig);
    assert_int_equal(puppet.handled, 2);
    hws_context_failed_later(puppet.context, HWS_EFAILED, "after all");
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_ActorFailed, 0)->detail, "after all");
    assert_int_equal(puppet.handled, 3);
    struct hws_pid *pid = rig_pid(&rig, "puppet");
    assert_int_equal(hws_stop_actor(rig.system, pid), 0); /* suspended, and stopped all the same */
    rig_turn(&rig);
    assert_int_equal(puppet.released, 1);
    hws_pid_release(pid);
    rig_end(&rig);
}

static void test_failed_later_restarts(void **state)
{
    struct rig rig;
    struct puppet puppet = { .act = act_suspend };
    (void)state;
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_restart);
    rig_send(&rig, "puppet");
    rig_turn(&rig);
    hws_context_failed_later(puppet.context, HWS_EFAILED, "after all");
    rig_turn(&rig);
    assert_int_equal(puppet.started, 2);
    rig_end(&rig);
}

static int act_suspend_and_fail(struct puppet *self, const struct hws_message *message)
{
    if (self->handled == 1) {
        act_suspend(self, message);
        return HWS_EFAILED;
    }
    return 0;
}

/* A failure ends the wait: nobody would resume it. */
static void test_fails_while_suspended(void **state)
{
    enum hws_supervision ways[] = { HWS_SUPERVISE_resume, HWS_SUPERVISE_restart };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        struct puppet puppet = { .act = act_suspend_and_fail };
        rig_start_default(&rig);
        spawn(&rig, &puppet, ways[i]);
        rig_send(&rig, "puppet");
        rig_send(&rig, "puppet");
        rig_turn(&rig);
        assert_int_equal(puppet.handled, 2);
        assert_int_equal(puppet.started, 1 + i);
        rig_end(&rig);
    }
}

static struct puppet child;
static int act_on_itself(struct puppet *self, const struct hws_message *message)
{
    struct hws_system *system = hws_context_system(self->context);
    struct hws_pid *me = hws_context_self(self->context);
    (void)message;
    assert_int_equal(
        hws_send(system, me, &(struct hws_message){ .payload = rig_value(), .sender = me }), 0);
    assert_int_equal(hws_spawn_named(system, "child", &ops, &child, NULL), 0);
    assert_int_equal(hws_stop_actor(system, me), 0);
    return 0;
}

static void test_handler_acts_on_itself(void **state)
{
    struct rig rig;
    struct puppet puppet = { .act = act_on_itself };
    (void)state;
    child = (struct puppet){ 0 };
    rig_start_default(&rig);
    spawn(&rig, &puppet, HWS_SUPERVISE_resume);
    rig_send(&rig, "puppet");
    rig_turn(&rig);
    assert_int_equal(puppet.handled, 1);
    assert_int_equal(puppet.released, 1);
    assert_int_equal(child.started, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "stopped");
    rig_end(&rig);
}

/* Out of memory at the n-th allocation: an error or a dead letter, nothing leaks, nothing breaks. */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 12; n++) {
        struct rig rig;
        struct puppet puppet = { 0 };
        rig_start_default(&rig);
        rig.allow = n;
        int error = hws_spawn_named(rig.system, "puppet", &ops, &puppet, NULL);
        struct hws_pid *pid = NULL;
        if (!error && hws_pid_parse(rig.system, "puppet", &pid) == 0)
            for (int i = 0; i < 70; i++)
                hws_send(rig.system, pid, &(struct hws_message){ .payload = rig_value() });
        assert_true(error == 0 || error == HWS_ENOMEM);
        rig_turn(&rig);
        hws_pid_release(pid);
        rig.allow = UINT64_MAX;
        rig_turn(&rig);
        rig_end(&rig);
        assert_int_equal(puppet.released, error == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_spawn_errors),
        cmocka_unit_test(test_made_up_names_are_free),
        cmocka_unit_test(test_failure_resumes),
        cmocka_unit_test(test_failure_restarts_until_the_limit),
        cmocka_unit_test(test_no_restart_allowed),
        cmocka_unit_test(test_failure_stops),
        cmocka_unit_test(test_started_fails),
        cmocka_unit_test(test_suspend_and_resume),
        cmocka_unit_test(test_failed_later_restarts),
        cmocka_unit_test(test_fails_while_suspended),
        cmocka_unit_test(test_handler_acts_on_itself),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
