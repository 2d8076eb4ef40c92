/* SPDX-License-Identifier: MIT */
/* Asking a policy: its answers are clamped, its failures answered by the fallback, and it is told everything it is promised. */
#include "support_rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

struct oracle {
    struct hws_policy policy; /* first */
    struct hws_policy_question question;
    char reason[64], address[64];
    struct hws_backoff_answer backoff;
    struct hws_throttle_levels levels;
    enum hws_disconnected_answer away;
    int backoff_result, away_result, throttle_result;
    bool silent;
    unsigned asked, asked_away, asked_levels, released;
};

static struct oracle *oracle_of(struct hws_policy *policy)
{
    return (struct oracle *)(void *)policy;
}
static int fail_with(struct oracle *o, int result, struct hws_policy_error *error)
{
    if (result && !o->silent)
        snprintf(error->text, sizeof error->text, "the oracle is tired");
    return result;
}
static int on_backoff(struct hws_policy *policy, const struct hws_policy_question *question,
                      struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    struct oracle *o = oracle_of(policy);
    double random = policy->random(policy->random_data);
    assert_true(random >= 0 && random < 1);
    o->question = *question;
    snprintf(o->reason, sizeof o->reason, "%s", question->reason);
    snprintf(o->address, sizeof o->address, "%s", question->address);
    o->asked++;
    *answer = o->backoff;
    return fail_with(o, o->backoff_result, error);
}
static int on_disconnected(struct hws_policy *policy, const char *address,
                           enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    struct oracle *o = oracle_of(policy);
    (void)address;
    o->asked_away++;
    *answer = o->away;
    return fail_with(o, o->away_result, error);
}
static int on_throttle(struct hws_policy *policy, const char *address,
                       struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    struct oracle *o = oracle_of(policy);
    (void)address;
    o->asked_levels++;
    *answer = o->levels;
    return fail_with(o, o->throttle_result, error);
}
static void on_release(struct hws_policy *policy)
{
    oracle_of(policy)->released++;
}
static const struct hws_policy_ops ops = { .backoff = on_backoff,
                                           .disconnected = on_disconnected,
                                           .throttle = on_throttle,
                                           .release = on_release };
static const struct hws_policy_ops no_ops = { .release = on_release };

static struct oracle new_oracle(void)
{
    return (struct oracle){
        .policy = { .ops = &ops, .name = "oracle", .origin = "oracle.c" },
        .levels = { .count = 1, .level = { { .name = "busy", .from = 0.5 } }, .hysteresis = 0.1 }
    };
}

struct desk {
    struct hws_options options;
    struct hwsi_random random;
    struct hwsi_policy policy;
    struct hws_policy_error error;
};
static void desk_init(struct desk *d, struct oracle *oracle)
{
    hws_options_init(&d->options);
    hwsi_random_init(&d->random, 5);
    d->policy = (struct hwsi_policy){ .options = &d->options, .random = &d->random };
    hwsi_policy_replace(&d->policy, oracle ? &oracle->policy : NULL);
}

static uint64_t delay_of(struct desk *d, uint64_t attempt)
{
    struct hws_backoff_answer answer;
    hwsi_policy_backoff(
        &d->policy,
        &(struct hws_policy_question){ .attempt = attempt, .reason = "", .address = "" }, &answer,
        &d->error);
    return answer.give_up ? HWS_NEVER : answer.delay;
}

static void test_fallback_curve(void **state)
{
    struct desk d;
    (void)state;
    desk_init(&d, NULL);
    d.options.reconnect_jitter = 0;
    static const uint64_t ms[] = { 200, 400, 800, 1600, 3200 };
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(delay_of(&d, i), ms[i - 1] * HWS_MILLISECOND);
    assert_int_equal(delay_of(&d, 6), HWS_NEVER);
    d.options.reconnect_max_retries = 0; /* without end */
    assert_int_equal(delay_of(&d, 6), 5 * HWS_SECOND);
    assert_int_equal(delay_of(&d, 1000000), 5 * HWS_SECOND);
    assert_string_equal(d.error.text, "");
    assert_string_equal(hwsi_policy_name(&d.policy), "builtin");
}

static void test_jitter(void **state)
{
    struct desk d;
    uint64_t least = HWS_NEVER, most = 0;
    (void)state;
    desk_init(&d, NULL);
    for (int i = 0; i < 5000; i++) {
        uint64_t delay = delay_of(&d, 2);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_true(least >= 320 * HWS_MILLISECOND && least < 325 * HWS_MILLISECOND);
    assert_true(most <= 480 * HWS_MILLISECOND && most > 475 * HWS_MILLISECOND);
}

static void test_answers_are_clamped(void **state)
{
    struct desk d;
    struct oracle o = new_oracle();
    (void)state;
    desk_init(&d, &o);
    o.backoff.has_jitter = true;
    o.backoff.delay = 0;
    assert_int_equal(delay_of(&d, 1), HWS_MILLISECOND);
    o.backoff.delay = UINT64_MAX;
    assert_int_equal(delay_of(&d, 1), 3600 * HWS_SECOND);
    o.backoff.has_jitter = false;
    for (int i = 0; i < 100; i++)
        assert_in_range(delay_of(&d, 1), 2880 * HWS_SECOND, 3600 * HWS_SECOND);
    o.backoff.delay = 7 * HWS_SECOND;
    o.backoff.has_jitter = true;
    assert_int_equal(delay_of(&d, 99), 7 * HWS_SECOND); /* its own number of tries */
    o.backoff.give_up = true;
    assert_int_equal(delay_of(&d, 1), HWS_NEVER);
    hwsi_policy_replace(&d.policy, NULL);
    assert_int_equal(o.released, 1);
}

static void test_failures_fall_back(void **state)
{
    struct desk d;
    struct oracle o = new_oracle();
    (void)state;
    desk_init(&d, &o);
    d.options.reconnect_jitter = 0;
    o.backoff.delay = 99;
    o.backoff.has_jitter = true; /* half an answer is none */
    o.backoff_result = HWS_EPOLICY;
    assert_int_equal(delay_of(&d, 2), 400 * HWS_MILLISECOND);
    assert_string_equal(d.error.text, "the oracle is tired");
    o.silent = true;
    assert_int_equal(delay_of(&d, 2), 400 * HWS_MILLISECOND);
    assert_string_equal(d.error.text,
                        "backoff failed: the policy failed or gave an answer that can not be used");
    o.away = HWS_DISCONNECTED_QUEUE;
    assert_int_equal(hwsi_policy_disconnected(&d.policy, "a", &d.error), HWS_DISCONNECTED_QUEUE);
    assert_string_equal(d.error.text, "");
    o.away_result = HWS_EPOLICY;
    assert_int_equal(hwsi_policy_disconnected(&d.policy, "a", &d.error),
                     HWS_DISCONNECTED_DEADLETTER);
    assert_true(d.error.text[0] != 0);
    o.policy.ops = &no_ops;
    assert_int_equal(delay_of(&d, 1), 200 * HWS_MILLISECOND);
    assert_int_equal(hwsi_policy_disconnected(&d.policy, "a", &d.error),
                     HWS_DISCONNECTED_DEADLETTER);
    assert_string_equal(d.error.text, "");
}

static void check_levels(struct desk *d, struct oracle *o, const char *wrong)
{
    struct hws_throttle_levels answer;
    hwsi_policy_throttle(&d->policy, "a", &answer, &d->error);
    if (wrong) {
        assert_non_null(strstr(d->error.text, wrong));
        assert_int_equal(answer.count, 2); /* the fallback's */
        assert_string_equal(answer.level[1].name, "critical");
    } else {
        assert_string_equal(d->error.text, "");
        assert_int_equal(answer.count, o->levels.count);
    }
}

static void test_levels(void **state)
{
    struct desk d;
    struct oracle o = new_oracle();
    (void)state;
    desk_init(&d, &o);
    check_levels(&d, &o, NULL);
    o.levels.count = 0;
    check_levels(&d, &o, NULL);
    o.levels.count = HWS_LEVELS_MAX + 1;
    check_levels(&d, &o, "more than 8 levels");
    o.levels.count = 1;
    o.levels.hysteresis = NAN;
    check_levels(&d, &o, "hysteresis");
    o.levels.hysteresis = 0.6;
    check_levels(&d, &o, "hysteresis");
    o.levels.hysteresis = 0;
    o.levels.level[0].from = 0;
    check_levels(&d, &o, "ascend");
    o.levels.level[0].from = 1.1;
    check_levels(&d, &o, "ascend");
    o.levels.level[0].from = NAN;
    check_levels(&d, &o, "ascend");
    o.levels.level[0].from = 0.5;
    o.levels.count = 2;
    o.levels.level[1].from = 0.5;
    check_levels(&d, &o, "ascend");
    o.levels.level[1].from = 0.6; /* no name */
    check_levels(&d, &o, "no name");
    memset(o.levels.level[1].name, 'x', sizeof o.levels.level[1].name);
    check_levels(&d, &o, "31 bytes");
    o.levels.count = 1;
    o.throttle_result = HWS_EPOLICY;
    check_levels(&d, &o, "the oracle is tired");
}

/* What the endpoint asks, and what comes of the answers. */
static void test_questions(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct oracle o = new_oracle();
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_options(&rig, &options);
    options.policy = &o.policy;
    rig_start(&rig, &options);
    assert_string_equal(rig_event(&rig, HWS_EVENT_PolicyLoaded, 0)->name, "oracle");
    assert_string_equal(rig_event(&rig, HWS_EVENT_PolicyLoaded, 0)->file, "oracle.c");
    assert_int_equal(rig_event(&rig, HWS_EVENT_PolicyLoaded, 0)->count, 1);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(o.asked_levels, 1);
    rig_pass(&rig, 10 * HWS_SECOND);
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    o.backoff = (struct hws_backoff_answer){ .delay = 3 * HWS_SECOND, .has_jitter = true };
    o.away = HWS_DISCONNECTED_QUEUE;
    rig_close(link, HWS_ERESET, "it broke");
    assert_int_equal(o.question.attempt, 1);
    assert_int_equal(o.question.elapsed, 0);
    assert_int_equal(o.question.delay, 0);
    assert_int_equal(o.question.queue_size, 1);
    assert_true(o.question.queue_bytes > 0);
    assert_true(o.question.connected_before);
    assert_string_equal(o.reason, "reset");
    assert_string_equal(o.address, RIG_PEER);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0); /* it said: queue */
    rig_pass(&rig, 3 * HWS_SECOND);
    rig_close(rig_last(&rig), HWS_EHOST, "no such host");
    assert_int_equal(o.asked_away, 1); /* once an absence */
    assert_int_equal(o.question.attempt, 2);
    assert_int_equal(o.question.elapsed, 3 * HWS_SECOND);
    assert_int_equal(o.question.delay, 3 * HWS_SECOND);
    assert_int_equal(o.question.queue_size, 2);
    assert_string_equal(o.reason, "dns");
    o.backoff = (struct hws_backoff_answer){ .give_up = true, .reason = "the moon is full" };
    rig_pass(&rig, 3 * HWS_SECOND);
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody");
    rig_turn(&rig);
    assert_non_null(strstr(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->detail,
                           "gave up: the moon is full; last: nobody"));
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_unacknowledged], 1);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_disconnected], 1);
    rig_end(&rig);
    assert_int_equal(o.released, 1);
}

static void test_failing_policy_is_told(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct oracle o = new_oracle();
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_options(&rig, &options);
    options.policy = &o.policy;
    o.backoff_result = o.away_result = o.throttle_result = HWS_EPOLICY;
    rig_start(&rig, &options);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_close(link, HWS_ERESET, "it broke");
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_PolicyError), 3);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_PolicyError, 0);
    assert_string_equal(event->name, "oracle");
    assert_string_equal(event->address, RIG_PEER);
    assert_string_equal(event->detail, "the oracle is tired");
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->delay, 200 * HWS_MILLISECOND);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_EDISCONNECTED);
    rig_end(&rig);
}

static void test_replaced_while_it_runs(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct oracle o = new_oracle();
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = 10;
    rig_start(&rig, &options);
    for (int i = 0; i < 5; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 0);
    assert_int_equal(hws_set_policy(rig.system, &o.policy), 0); /* its level begins at half */
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "busy");
    assert_int_equal(hws_set_policy(rig.system, NULL), 0);
    rig_turn(&rig);
    assert_int_equal(o.released, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "normal");
    assert_string_equal(rig_event(&rig, HWS_EVENT_PolicyLoaded, 0)->name, "builtin");
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 2);
    rig_end(&rig);
}

/* A policy's own stable_after counts instead of the option's. */
static void test_stable_after(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct oracle o = new_oracle();
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_options(&rig, &options);
    options.policy = &o.policy;
    o.policy.stable_after = 2 * HWS_SECOND;
    o.backoff = (struct hws_backoff_answer){ .delay = HWS_SECOND };
    rig_start(&rig, &options);
    rig_close(rig_connect(&rig, &peer), HWS_ERESET, "it broke");
    rig_connect_in(&rig, &peer);
    rig_pass(&rig, 2 * HWS_SECOND - 1);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).reconnect_attempts, 1);
    rig_pass(&rig, 1);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).reconnect_attempts, 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fallback_curve),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_answers_are_clamped),
        cmocka_unit_test(test_failures_fall_back),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_failing_policy_is_told),
        cmocka_unit_test(test_replaced_while_it_runs),
        cmocka_unit_test(test_stable_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
