/* SPDX-License-Identifier: MIT */
/* Reloading a policy: it is asked what was really asked, told to differ or to fail, and swapped whole or not at all. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

/* Answers `delay`, spread by a draw if `spreads`; everything else as its fields say. */
struct curve {
    struct hws_policy policy; /* first */
    uint64_t delay;
    bool spreads;
    uint64_t fails_at; /* this attempt; 0: none */
    enum hws_letter_route route;
    enum hws_disconnected_answer away;
    double level;
    unsigned asked, asked_letters, asked_levels, released;
    struct hws_policy_question last;
};

static struct curve *curve_of(struct hws_policy *policy)
{
    return (struct curve *)(void *)policy;
}

static int on_backoff(struct hws_policy *policy, const struct hws_policy_question *question,
                      struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    struct curve *c = curve_of(policy);
    c->asked++;
    c->last = *question;
    if (question->attempt == c->fails_at) {
        snprintf(error->text, sizeof error->text, "it does not know");
        return HWS_EPOLICY;
    }
    double spread = c->spreads ? policy->random(policy->random_data) : 0;
    *answer =
        (struct hws_backoff_answer){ .delay = c->delay + (uint64_t)(spread * (double)HWS_SECOND),
                                     .has_jitter = true };
    return 0;
}

static int on_letter(struct hws_policy *policy, const struct hws_letter *letter,
                     struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct curve *c = curve_of(policy);
    (void)error;
    c->asked_letters++;
    assert_non_null(hws_pid_id(letter->target));
    *answer = (struct hws_letter_answer){ .route = c->route };
    return 0;
}

static int on_disconnected(struct hws_policy *policy, const char *address,
                           enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    *answer = curve_of(policy)->away;
    return 0;
}

static int on_throttle(struct hws_policy *policy, const char *address,
                       struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    curve_of(policy)->asked_levels++;
    *answer = (struct hws_throttle_levels){
        .count = 1, .level = { { .name = "busy", .from = curve_of(policy)->level } }
    };
    return 0;
}

static void on_release(struct hws_policy *policy)
{
    curve_of(policy)->released++;
}

static const struct hws_policy_ops ops = { .backoff = on_backoff,
                                           .dead_letter = on_letter,
                                           .disconnected = on_disconnected,
                                           .throttle = on_throttle,
                                           .release = on_release };

static struct curve new_curve(const char *version)
{
    return (struct curve){
        .policy = { .ops = &ops, .name = "curve", .origin = "curve.c", .version = version },
        .delay = 2 * HWS_SECOND,
        .level = 0.5
    };
}

static void start(struct rig *rig, struct curve *curve)
{
    struct hws_options options;
    rig_options(rig, &options);
    options.endpoint_writer_queue_size = 10;
    options.policy = curve ? &curve->policy : NULL;
    rig_start(rig, &options);
}

/* Asks about attempts 1 to `n`: a peer that refuses each dial. */
static void be_refused(struct rig *rig, int n)
{
    assert_int_equal(hws_associate(rig->system, RIG_PEER), 0);
    for (int i = 0; i < n; i++) {
        rig_turn(rig);
        rig_close(rig_last(rig), HWS_EREFUSED, "nobody there");
        rig_turn(rig);
        if (i + 1 < n)
            rig_pass(rig, rig_event(rig, HWS_EVENT_EndpointReconnect, 0)->delay);
    }
}

static void check_text(const char *text, const char *expected)
{
    if (!strstr(text, expected))
        fail_msg("\"%s\" is not in \"%s\"", expected, text);
}

static void test_the_same_answers(void **state)
{
    struct rig rig;
    struct curve old = new_curve("1"), new = new_curve("2");
    struct hws_policy_trial trial;
    (void)state;
    old.spreads = new.spreads = true; /* the same draws give the same answers */
    start(&rig, &old);
    assert_int_equal(hws_try_policy(rig.system, &new.policy, &trial), 0);
    assert_int_equal(trial.asked, 0);
    assert_string_equal(trial.text, "no question has been recorded yet");
    be_refused(&rig, 3);
    rig_send(&rig, "nobody");
    assert_int_equal(hws_try_policy(rig.system, &new.policy, &trial), 0);
    assert_string_equal(trial.text, "answered 6 recorded questions as before");
    assert_int_equal(trial.asked, 6); /* three delays, a letter, an address's levels and absence */
    assert_int_equal(trial.differ, 0);
    assert_int_equal(new.asked, 3);
    assert_int_equal(new.asked_letters, 1);
    assert_null(new.policy.random); /* it is lent for the trial */
    assert_int_equal(old.released + new.released, 0);
    assert_int_equal(rig_count(&rig, HWS_EVENT_PolicyLoaded), 1);
    rig_end(&rig);
}

static void test_what_differs_is_said(void **state)
{
    struct rig rig;
    struct curve old = new_curve("1"), new = new_curve("2");
    struct hws_policy_trial trial;
    (void)state;
    start(&rig, &old);
    be_refused(&rig, 2);
    rig_send(&rig, "nobody");
    new.delay = 800 * HWS_MILLISECOND;
    new.route = HWS_LETTER_DROP;
    new.away = HWS_DISCONNECTED_QUEUE;
    new.level = 0.7;
    assert_int_equal(hws_reload_policy(rig.system, &new.policy, &trial), 0);
    rig_turn(&rig);
    assert_int_equal(trial.asked, 5);
    assert_int_equal(trial.differ, 5);
    check_text(trial.text, "answered 5 recorded questions; 5 differ: "
                           "peer:1 attempt 2 (refused): 2 s -> 0.8 s; "
                           "peer:1 attempt 1 (refused): 2 s -> 0.8 s; letter to ");
    check_text(trial.text, "/nobody (not_found): publish -> drop");
    check_text(trial.text, "peer:1 disconnected: deadletter -> queue");
    check_text(trial.text, "peer:1 levels: busy 0.5, hysteresis 0 -> busy 0.7, hysteresis 0");
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_PolicyLoaded, 0);
    check_text(trial.text, event->detail);
    assert_string_equal(event->file, "curve.c");
    assert_string_equal(event->version, "2");
    assert_int_equal(event->count, 2);
    assert_int_equal(old.released, 1);
    rig_end(&rig);
    assert_int_equal(new.released, 1);
}

static void test_one_that_fails_is_refused(void **state)
{
    struct rig rig;
    struct curve old = new_curve("1"), new = new_curve("2");
    struct hws_policy_trial trial;
    (void)state;
    start(&rig, &old);
    be_refused(&rig, 3);
    new.fails_at = 2;
    unsigned levels = old.asked_levels;
    assert_int_equal(hws_reload_policy(rig.system, &new.policy, &trial), HWS_EPOLICY);
    assert_string_equal(trial.text,
                        "recorded question, peer:1 attempt 2 (refused): it does not know");
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_PolicyError, 0);
    assert_string_equal(event->reason, "reload");
    assert_string_equal(event->file, "curve.c");
    assert_string_equal(event->version, "2");
    assert_string_equal(event->detail, trial.text);
    assert_int_equal(rig_count(&rig, HWS_EVENT_PolicyLoaded), 1);
    assert_int_equal(old.asked_levels, levels); /* no thresholds were compiled */
    rig_pass(&rig, 2 * HWS_SECOND);
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
    assert_int_equal(old.last.attempt, 4); /* still in force */
    assert_int_equal(new.released, 0);
    rig_end(&rig);
    assert_int_equal(old.released, 1);
    assert_int_equal(new.released, 0);
}

/* A timer that runs keeps its delay; the next question goes to the new policy. */
static void test_while_it_reconnects(void **state)
{
    struct rig rig;
    struct curve old = new_curve("1"), new = new_curve("2");
    (void)state;
    start(&rig, &old);
    be_refused(&rig, 1);
    uint64_t retry = rig.now + 2 * HWS_SECOND;
    new.delay = 100 * HWS_MILLISECOND;
    assert_int_equal(hws_reload_policy(rig.system, &new.policy, NULL), 0);
    size_t links = rig.link_count;
    rig_pass(&rig, 2 * HWS_SECOND - 1);
    assert_int_equal(rig.link_count, links);
    rig_pass(&rig, 1);
    assert_int_equal(rig.link_count, links + 1);
    assert_int_equal(rig.now, retry);
    unsigned asked = old.asked;
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
    rig_turn(&rig);
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->delay, new.delay);
    assert_int_equal(new.last.attempt, 2);
    assert_int_equal(new.last.delay, 2 * HWS_SECOND);
    assert_int_equal(old.asked, asked);
    rig_end(&rig);
}

/* Levels are those of the new policy at once, on every endpoint. */
static void test_levels_of_all_endpoints(void **state)
{
    static const char *const targets[] = { "peer:1/a", "peer:2/a", "peer:3/a" };
    struct rig rig;
    struct curve old = new_curve("1"), new = new_curve("2");
    (void)state;
    old.level = 0.9;
    start(&rig, &old);
    for (int i = 0; i < 3; i++)
        for (int n = 0; n < 5; n++)
            assert_int_equal(rig_send(&rig, targets[i]), 0);
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 0);
    assert_int_equal(hws_reload_policy(rig.system, &new.policy, NULL), 0);
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, i)->level, "busy");
    rig_end(&rig);
}

/* However much is asked, what is kept has a bound, and it is the last that was asked. */
static void test_records_are_bounded(void **state)
{
    struct rig rig;
    struct curve old = new_curve("1"), new = new_curve("2");
    struct hws_policy_trial trial;
    (void)state;
    start(&rig, &old);
    rig.dial_error = HWS_EREFUSED;
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_pass(&rig, 99 * 2 * HWS_SECOND);
    rig.dial_error = 0;
    for (int i = 0; i < 100; i++)
        rig_send(&rig, "nobody");
    for (int i = 0; i < 40; i++) {
        char address[32];
        snprintf(address, sizeof address, "other:%d/x", i + 1);
        rig_send(&rig, address);
    }
    new.delay = HWS_SECOND;
    assert_int_equal(hws_try_policy(rig.system, &new.policy, &trial), 0);
    assert_int_equal(trial.asked, 32 + 1 + 2 * 16);
    assert_int_equal(trial.differ, 32);
    check_text(trial.text, "32 differ: peer:1 attempt 100 (refused): 2 s -> 1 s; ");
    assert_string_equal(trial.text + strlen(trial.text) - 5, "; ...");
    rig_end(&rig);
}

/* Without memory a question is answered and not recorded. */
static void test_no_memory_for_a_record(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 6; nth++) {
        struct rig rig;
        struct curve old = new_curve("1"), new = new_curve("2");
        struct hws_policy_trial trial;
        start(&rig, &old);
        assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
        rig_turn(&rig);
        rig.fail_in = nth;
        rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
        rig.fail_in = 0;
        assert_int_equal(old.asked, 1);
        assert_int_equal(hws_try_policy(rig.system, &new.policy, &trial), 0);
        rig_end(&rig);
    }
}

/* With no policy but the fallbacks there are questions too; and a file that can't be loaded is told of. */
static void test_from_the_fallbacks(void **state)
{
    struct rig rig;
    struct curve new = new_curve("2");
    struct hws_policy_trial trial;
    (void)state;
    start(&rig, NULL);
    be_refused(&rig, 1);
    rig_send(&rig, "nobody"); /* publishes all: the first of its reason is kept */
    assert_int_equal(hws_reload_policy(rig.system, &new.policy, &trial), 0);
    assert_int_equal(trial.asked, 4);
    check_text(trial.text, "levels: warning 0.6, critical 0.85, hysteresis 0.05 -> busy 0.5");
    hws_policy_refused(rig.system, "night", "night.lua", NULL, "night.lua:1: a slip");
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_PolicyError, 0);
    assert_string_equal(event->name, "night");
    assert_string_equal(event->file, "night.lua");
    assert_string_equal(event->version, "");
    assert_string_equal(event->detail, "night.lua:1: a slip");
    assert_true(rig_logged(&rig, "PolicyError night night.lua reload: night.lua:1: a slip"));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_answers),
        cmocka_unit_test(test_what_differs_is_said),
        cmocka_unit_test(test_one_that_fails_is_refused),
        cmocka_unit_test(test_while_it_reconnects),
        cmocka_unit_test(test_levels_of_all_endpoints),
        cmocka_unit_test(test_records_are_bounded),
        cmocka_unit_test(test_no_memory_for_a_record),
        cmocka_unit_test(test_from_the_fallbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
