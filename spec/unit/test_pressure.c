/* SPDX-License-Identifier: MIT */
/* Pressure: what a level does with messages, what send tells of it, and who is told when it changes. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

#define RING 100

static struct rig rig;

/* --- a policy with levels of the test's own --- */

struct levelling {
    struct hws_policy policy; /* first */
    struct hws_throttle_levels levels;
};
static int give_levels(struct hws_policy *policy, const char *address,
                       struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    *answer = ((struct levelling *)(void *)policy)->levels;
    return 0;
}
static const struct hws_policy_ops levelling_ops = { .throttle = give_levels };

static struct levelling shedding(void)
{
    return (struct levelling){ .policy = { .ops = &levelling_ops, .name = "shedding" },
                               .levels = {
                                   .count = 3,
                                   .level = { { .name = "busy", .from = 0.10 },
                                              { .name = "shed", .from = 0.20, .keep_every = 5 },
                                              { .name = "full", .from = 0.30, .refuse = true } },
                                   .hysteresis = 0.05 } };
}

static void start(struct levelling *policy)
{
    struct hws_options options;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = RING;
    options.policy = policy ? &policy->policy : NULL;
    rig_start(&rig, &options);
}

static void fill(int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
}

static unsigned pressure_now(const char **level)
{
    struct hws_pid *pid = rig_pid(&rig, RIG_PEER "/a");
    unsigned index = hws_pressure(pid, level);
    hws_pid_release(pid);
    return index;
}

/* --- what a level does --- */

static void test_a_level_keeps_some_or_none(void **state)
{
    struct levelling policy = shedding();
    struct hwsi_hello peer = rig_peer(77, 5);
    const char *level;
    (void)state;
    start(&policy);
    struct rig_link *link = rig_connect(&rig, &peer);
    fill(9);
    assert_int_equal(pressure_now(&level), 0);
    assert_string_equal(level, "normal");
    fill(11);
    assert_int_equal(pressure_now(&level), 2);
    assert_string_equal(level, "shed");
    for (int i = 0; i < 50; i++) /* the first of every five */
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), i % 5 == 0 ? 0 : HWS_ETHROTTLED);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).queue_size, 30);
    assert_int_equal(pressure_now(&level), 3);
    for (int i = 0; i < 5; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_ETHROTTLED);
    rig_turn(&rig);
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.queue_size, 30);
    assert_int_equal(s.dead_letters[HWS_REASON_throttled], 45);
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "throttled");
    rig_control(link, HWSI_FRAME_ACK, 0, 20); /* 10 left: below full and shed, not below busy */
    assert_int_equal(pressure_now(&level), 1);
    fill(10);
    for (int i = 0; i < 3; i++) /* five are counted anew */
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), i == 0 ? 0 : HWS_ETHROTTLED);
    rig_turn(&rig);
    rig_control(link, HWSI_FRAME_ACK, 0, 36); /* 5 left */
    assert_int_equal(pressure_now(NULL), 0);
    rig_end(&rig);
}

static void on_response(void *data, int status, const struct hws_message *response)
{
    (void)status;
    (void)response;
    (*(int *)data)++;
}

static void test_requests_fail_at_once_and_answers_pass(void **state)
{
    struct levelling policy = shedding();
    int done = 0;
    (void)state;
    policy.levels = (struct hws_throttle_levels){
        .count = 1, .level = { { .name = "full", .from = 0.1, .refuse = true } }
    };
    struct hwsi_hello peer = rig_peer(77, 5);
    start(&policy);
    rig_connect(&rig, &peer);
    fill(10);
    struct hws_pid *pid = rig_pid(&rig, RIG_PEER "/a");
    struct hws_message message = { .payload = rig_value() };
    assert_int_equal(hws_request(rig.system, pid, &message, 0, on_response, &done, NULL),
                     HWS_ETHROTTLED);
    assert_int_equal(hws_respond(rig.system, pid, 9, &message), 0);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).queue_size, 11);
    rig_pass(&rig, 10 * HWS_SECOND);
    assert_int_equal(done, 0); /* the code was its end */
    hws_pid_release(pid);
    rig_end(&rig);
}

static int take(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    (void)message;
    return 0;
}
static const struct hws_actor_ops watcher_ops = { .receive = take };

static void test_watches_pass(void **state)
{
    struct levelling policy = shedding();
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_pid *watcher, *pid;
    (void)state;
    policy.levels = (struct hws_throttle_levels){
        .count = 1, .level = { { .name = "full", .from = 0.1, .refuse = true } }
    };
    start(&policy);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(hws_spawn(rig.system, &watcher_ops, &rig, NULL, &watcher), 0);
    fill(10);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_ETHROTTLED);
    pid = rig_pid(&rig, RIG_PEER "/a");
    assert_int_equal(hws_watch(rig.system, watcher, pid), 0);
    rig_turn(&rig);
    rig_expect(link, HWSI_FRAME_SYSTEM);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_throttled], 1);
    hws_pid_release(pid);
    hws_pid_release(watcher);
    rig_end(&rig);
}

/* --- listeners --- */

struct ear {
    struct hws_backpressure_listener *listener;
    char heard[1024]; /* "level:size " each time */
    unsigned count, unregister_at, last;
    bool send_more;
};

static void on_pressure(void *data, const struct hws_backpressure *pressure)
{
    struct ear *ear = data;
    size_t used = strlen(ear->heard);
    snprintf(ear->heard + used, sizeof ear->heard - used, "%s:%llu ", pressure->level,
             (unsigned long long)pressure->queue_size);
    assert_string_equal(pressure->address, RIG_PEER);
    assert_int_equal(pressure->queue_capacity, RING);
    assert_true(pressure->queue_bytes_capacity > 0);
    ear->last = pressure->index;
    if (++ear->count == ear->unregister_at) {
        hws_unregister_backpressure_listener(ear->listener);
        ear->listener = NULL;
    }
    if (ear->send_more)
        rig_send(&rig, RIG_PEER "/a");
}

static void listen_to(struct ear *ear, const char *pattern)
{
    assert_int_equal(
        hws_register_backpressure_listener(rig.system, pattern, on_pressure, ear, &ear->listener),
        0);
}

static void test_listeners_hear_of_changes_in_a_turn(void **state)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    struct ear all = { 0 }, some = { 0 }, none = { 0 }, once = { .unregister_at = 1 };
    (void)state;
    start(NULL);
    listen_to(&all, NULL);
    listen_to(&once, "*");
    listen_to(&some, "peer:?");
    listen_to(&none, "beer:*");
    struct rig_link *link = rig_connect(&rig, &peer);
    fill(60);
    assert_int_equal(all.count, 0); /* never from inside a send */
    rig_turn(&rig);
    assert_string_equal(all.heard, "warning:60 ");
    fill(25);
    rig_control(link, HWSI_FRAME_ACK, 0, 30); /* critical and left again: no word of it */
    assert_int_equal(all.count, 1);           /* nor from inside I/O */
    rig_turn(&rig);
    assert_string_equal(all.heard, "warning:60 normal:55 ");
    assert_string_equal(some.heard, all.heard);
    assert_string_equal(none.heard, "");
    assert_int_equal(once.count, 1);
    fill(30);
    rig_turn(&rig);
    assert_string_equal(all.heard, "warning:60 normal:55 critical:85 ");
    assert_int_equal(all.last, 2);
    hws_unregister_backpressure_listener(some.listener);
    rig_turn(&rig);
    struct ear late = { .send_more = true };
    listen_to(&late, "peer:1");
    assert_int_equal(late.count, 0);
    rig_turn(&rig);
    assert_string_equal(late.heard, "critical:85 "); /* what it is when it comes */
    assert_int_equal(all.count, 3);                  /* and nobody hears it twice */
    rig_pass(&rig, HWS_SECOND);
    assert_int_equal(late.count, 1);
    hws_unregister_backpressure_listener(all.listener);
    hws_unregister_backpressure_listener(none.listener);
    hws_unregister_backpressure_listener(late.listener);
    rig_end(&rig);
}

/* Who comes and goes while levels change hears what is so, and of each change after that. */
static void test_listeners_come_and_go(void **state)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    struct ear first = { 0 }, second = { 0 }, third = { 0 }, fourth = { 0 };
    (void)state;
    start(NULL);
    listen_to(&first, NULL);
    struct rig_link *link = rig_connect(&rig, &peer);
    fill(85);
    rig_turn(&rig);
    assert_string_equal(first.heard, "critical:85 ");
    listen_to(&second, NULL);
    rig_turn(&rig);
    assert_string_equal(second.heard, "critical:85 ");
    listen_to(&third, NULL);
    rig_control(link, HWSI_FRAME_ACK, 0, 85); /* before the third was told */
    rig_turn(&rig);
    assert_string_equal(second.heard, "critical:85 normal:0 ");
    assert_string_equal(third.heard, ""); /* it never knew anything else */
    hws_unregister_backpressure_listener(first.listener);
    hws_unregister_backpressure_listener(second.listener);
    fill(85);
    rig_turn(&rig);
    assert_string_equal(third.heard, "critical:85 ");
    hws_unregister_backpressure_listener(third.listener);
    rig_control(link, HWSI_FRAME_ACK, 0, 170); /* while nobody listens */
    rig_turn(&rig);
    listen_to(&fourth, NULL);
    fill(85);
    rig_turn(&rig);
    assert_string_equal(fourth.heard, "critical:85 ");
    hws_unregister_backpressure_listener(fourth.listener);
    rig_end(&rig);
}

static void test_a_handle_outlives_its_system(void **state)
{
    struct hws_options options;
    struct hws_system *system;
    struct ear ear = { 0 };
    (void)state;
    hws_options_init(&options);
    options.name = "brief";
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(
        hws_register_backpressure_listener(system, NULL, on_pressure, &ear, &ear.listener), 0);
    hws_system_free(system);
    hws_unregister_backpressure_listener(ear.listener);
    hws_unregister_backpressure_listener(NULL);
    assert_int_equal(ear.count, 0);
}

static void on_pressure_close(void *data, const struct hws_backpressure *pressure)
{
    unsigned *count = data;
    char address[64];
    snprintf(address, sizeof address, "%s", pressure->address);
    (*count)++;
    assert_int_equal(hws_close_endpoint(rig.system, pressure->address, "too slow"), 0);
    assert_string_equal(pressure->address,
                        address); /* no tombstone is kept: the endpoint is gone */
}

static void test_a_listener_may_close_the_endpoint(void **state)
{
    struct hws_options options;
    struct hws_backpressure_listener *first, *second;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct ear after = { 0 };
    unsigned closed = 0;
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = RING;
    options.tombstones = 0;
    rig_start(&rig, &options);
    assert_int_equal(
        hws_register_backpressure_listener(rig.system, "*", on_pressure_close, &closed, &first), 0);
    listen_to(&after, "*");
    rig_connect(&rig, &peer);
    fill(70);
    rig_turn(&rig);
    assert_int_equal(closed, 1);
    assert_string_equal(after.heard, "warning:70 ");
    hws_unregister_backpressure_listener(first);
    assert_int_equal(
        hws_register_backpressure_listener(rig.system, "", on_pressure, &after, &second),
        HWS_EINVAL);
    char endless[HWS_ADDRESS_MAX + 2];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_int_equal(
        hws_register_backpressure_listener(rig.system, endless, on_pressure, &after, &second),
        HWS_EINVAL);
    hws_unregister_backpressure_listener(after.listener);
    rig_end(&rig);
}

static void test_closing_and_reconnecting_are_back_to_normal(void **state)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    struct ear ear = { 0 };
    (void)state;
    start(NULL);
    listen_to(&ear, NULL);
    struct rig_link *link = rig_connect(&rig, &peer);
    fill(60);
    rig_turn(&rig);
    rig_close(link, HWS_ERESET, "it broke");
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    link = rig_last(&rig);
    rig_open(link);
    struct hwsi_hello hello, welcome = peer;
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    welcome.known_session = hello.session;
    welcome.nonce = hello.nonce;
    welcome.received_user = 60; /* it had them all */
    rig_hello(link, HWSI_FRAME_WELCOME, &welcome);
    rig_turn(&rig);
    assert_string_equal(ear.heard, "warning:60 normal:0 ");
    fill(85);
    rig_turn(&rig);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "not wanted"), 0);
    rig_turn(&rig);
    assert_string_equal(ear.heard, "warning:60 normal:0 critical:85 normal:0 ");
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "normal");
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_string_equal(s.level, "critical"); /* the last value, as the rest of a tombstone */
    assert_int_equal(s.queue_size, 85);
    assert_int_equal(pressure_now(NULL), 0);
    hws_unregister_backpressure_listener(ear.listener);
    rig_end(&rig);
}

/* The same number may be another level, and a lower one may be in force without that the ring has moved. */
static void test_another_policy_judges_anew(void **state)
{
    struct levelling before = shedding(), after = shedding();
    struct hwsi_hello peer = rig_peer(77, 5);
    struct ear ear = { 0 };
    (void)state;
    snprintf(after.levels.level[0].name, sizeof after.levels.level[0].name, "brisk");
    start(&before);
    listen_to(&ear, NULL);
    rig_connect(&rig, &peer);
    fill(15);
    rig_turn(&rig);
    assert_int_equal(hws_set_policy(rig.system, &after.policy), 0);
    rig_turn(&rig);
    assert_string_equal(ear.heard, "busy:15 brisk:15 ");
    assert_int_equal(hws_set_policy(rig.system, NULL), 0);
    rig_turn(&rig);
    assert_string_equal(ear.heard, "busy:15 brisk:15 normal:15 ");
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 3);
    hws_unregister_backpressure_listener(ear.listener);
    rig_end(&rig);
}

static void test_queue_reads_one_endpoint(void **state)
{
    struct hws_backpressure queue;
    (void)state;
    start(NULL);
    assert_int_equal(hws_queue(rig.system, RIG_PEER, &queue), HWS_ENOTFOUND);
    fill(61);
    assert_int_equal(hws_queue(rig.system, RIG_PEER, &queue), 0);
    assert_int_equal(queue.queue_size, 61);
    assert_int_equal(queue.queue_bytes, rig_statistics(&rig, RIG_PEER).queue_bytes);
    assert_int_equal(queue.index, 1);
    assert_string_equal(queue.level, "warning");
    assert_string_equal(queue.address, RIG_PEER);
    struct hws_pid *here = rig_pid(&rig, "nobody");
    assert_int_equal(hws_pressure(here, NULL), 0);
    hws_pid_release(here);
    rig_end(&rig);
}

/* A ring whose fill wanders around a mark: between two changes of the level it has moved by the hysteresis, which is 5 here. */
static void test_a_random_walk_does_not_flap(void **state)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    uint64_t seed = 12345, acknowledged = 0, size = 55, at_change = 55;
    struct ear ear = { 0 };
    unsigned told = 0;
    (void)state;
    start(NULL);
    listen_to(&ear, NULL);
    struct rig_link *link = rig_connect(&rig, &peer);
    fill(55);
    for (int i = 0; i < 4000; i++) {
        rig_turn(&rig);
        if (ear.count != told) {
            assert_int_equal(ear.count, ++told);
            assert_int_equal(size, told % 2 ? 60 : 55);
            assert_int_equal(size > at_change ? size - at_change : at_change - size, 5);
            at_change = size;
            ear.heard[0] = 0;
        }
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bool up = (seed >> 63 && size < 64) || size < 53;
        if (up)
            fill(1);
        else
            rig_control(link, HWSI_FRAME_ACK, 0, ++acknowledged);
        size += up ? 1 : UINT64_MAX;
    }
    assert_true(told > 20);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), told);
    hws_unregister_backpressure_listener(ear.listener);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_level_keeps_some_or_none),
        cmocka_unit_test(test_requests_fail_at_once_and_answers_pass),
        cmocka_unit_test(test_watches_pass),
        cmocka_unit_test(test_listeners_hear_of_changes_in_a_turn),
        cmocka_unit_test(test_listeners_come_and_go),
        cmocka_unit_test(test_a_handle_outlives_its_system),
        cmocka_unit_test(test_a_listener_may_close_the_endpoint),
        cmocka_unit_test(test_closing_and_reconnecting_are_back_to_normal),
        cmocka_unit_test(test_another_policy_judges_anew),
        cmocka_unit_test(test_queue_reads_one_endpoint),
        cmocka_unit_test(test_a_random_walk_does_not_flap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
