/* SPDX-License-Identifier: MIT */
/* A system's life: start, turns, timers of the host, posts, stopping in order, freeing; and memory that runs out anywhere. */
#include "support_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned called;
static void call(void *data)
{
    (void)data;
    called++;
}

static int ignore(void *self, struct hws_context *context, const struct hws_message *message)
{
    unsigned *handled = self;
    (void)context;
    if (handled)
        *handled += message->kind == HWS_MESSAGE_user;
    return 0;
}
static const struct hws_actor_ops ops = { .receive = ignore };

static void test_timers_of_the_host(void **state)
{
    struct rig rig;
    struct hws_timer *timer, *other;
    (void)state;
    called = 0;
    rig_start_default(&rig);
    assert_int_equal(hws_after(rig.system, HWS_SECOND, call, NULL, NULL), 0);
    assert_int_equal(hws_after(rig.system, HWS_SECOND, call, NULL, &timer), 0);
    assert_int_equal(hws_after(rig.system, HWS_NEVER, call, NULL, &other),
                     0); /* never is not now */
    hws_timer_cancel(timer);
    hws_timer_cancel(NULL);
    rig_pass(&rig, HWS_SECOND - 1);
    assert_int_equal(called, 0);
    rig_pass(&rig, 1);
    assert_int_equal(called, 1);
    assert_int_equal(hws_after(rig.system, HWS_SECOND, call, NULL, NULL),
                     0); /* goes with the system */
    rig_end(&rig);
    assert_int_equal(called, 1);
}

static void test_posts(void **state)
{
    struct rig rig;
    unsigned handled = 0;
    static const uint8_t junk[] = { 0xc1 };
    (void)state;
    called = 0;
    rig_start_default(&rig);
    hws_on_wake(rig.system, call, NULL);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &handled, NULL), 0);
    rig_turn(&rig);
    assert_int_equal(hws_post(rig.system, "a", rig_value()), 0);
    assert_int_equal(hws_post(rig.system, "nobody", rig_value()), 0);
    assert_int_equal(hws_post(rig.system, "not a pid", rig_value()), 0);
    assert_int_equal(hws_post(rig.system, "a", hws_slice_of(junk, 1)), HWS_EENCODE);
    assert_int_equal(hws_post(rig.system, "a", hws_slice_of(junk, 5000000)), HWS_ETOOLARGE);
    assert_int_equal(called, 3);
    assert_int_equal(hws_next_turn(rig.system), 0);
    rig_turn(&rig);
    assert_int_equal(handled, 1);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 2);
    for (int i = 0; i < 65536; i++)
        assert_int_equal(hws_post(rig.system, "a", rig_value()), 0);
    assert_int_equal(hws_post(rig.system, "a", rig_value()), HWS_EFULL);
    rig_turn(&rig);
    assert_int_equal(handled, 65537);
    rig_end(&rig);
}

static void test_stop_from_elsewhere(void **state)
{
    struct rig rig;
    (void)state;
    called = 0;
    rig_start_default(&rig);
    hws_on_wake(rig.system, call, NULL);
    assert_true(hws_next_turn(rig.system) > rig.now);
    hws_stop_from_any_thread(rig.system);
    assert_int_equal(called, 1);
    assert_int_equal(hws_next_turn(rig.system), 0); /* who polls hears of it too */
    rig_turn(&rig);
    assert_true(hws_is_stopped(rig.system));
    assert_string_equal(rig_event(&rig, HWS_EVENT_Shutdown, 0)->reason,
                        "stopped by signal or thread");
    rig_end(&rig);
}

static void test_drains_first(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_slice body;
    unsigned handled = 0;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &handled, NULL), 0);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_send(&rig, RIG_PEER "/b");
    rig_send(&rig, "a");
    assert_int_equal(hws_stop(rig.system, "over", HWS_NEVER), 0);
    rig_turn(&rig);
    assert_int_equal(handled, 1);
    assert_false(hws_is_stopped(rig.system)); /* one message is not acknowledged */
    assert_null(rig.accepting);               /* but nobody new is let in */
    rig_control(link, HWSI_FRAME_ACK, 0, 1);
    rig_turn(&rig);
    assert_true(hws_is_stopped(rig.system));
    rig_expect(link, HWSI_FRAME_BYE);
    assert_int_equal(rig_frame(link, &body), -1);
    assert_int_equal(rig_event(&rig, HWS_EVENT_Shutdown, 0)->count, 0);
    assert_int_equal(rig_send(&rig, "a"), HWS_ECLOSED);
    assert_int_equal(hws_associate(rig.system, "other:1"), HWS_ECLOSED);
    assert_int_equal(hws_after(rig.system, 1, call, NULL, NULL), HWS_ECLOSED);
    rig_end(&rig);
}

/* However many there are, the report is bounded and adds up. */
static void test_what_was_left_for_whom(void **state)
{
    struct rig rig;
    char target[64], first[] = "1 for peer-00:1, 2 for peer-01:1, ", *rest;
    unsigned long long sum = 0, count;
    (void)state;
    rig_start_default(&rig);
    for (int i = 0; i < 60; i++)
        for (int k = 0; k <= i % 2; k++) {
            snprintf(target, sizeof target, "peer-%02d:1/a", i);
            assert_int_equal(rig_send(&rig, target), 0);
        }
    rig_turn(&rig);
    hws_stop(rig.system, "over", 0);
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_Shutdown, 0);
    assert_int_equal(event->count, 90);
    assert_memory_equal(event->detail, first, strlen(first));
    for (rest = (char *)event->detail;
         sscanf(rest, "%llu for", &count) == 1 || sscanf(rest, "and %llu for", &count) == 1;) {
        sum += count;
        rest = strstr(rest, ", ");
        if (!rest)
            break;
        rest += 2;
    }
    assert_null(rest);
    assert_int_equal(sum, event->count);
    assert_non_null(strstr(event->detail, " for others"));
    rig_end(&rig);
}

static void test_deadline(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_send(&rig, RIG_PEER "/b");
    rig_turn(&rig);
    link->most = 0;
    rig_send(&rig, RIG_PEER "/b");
    hws_stop(rig.system, "over", HWS_NEVER);
    rig_pass(&rig, 5 * HWS_SECOND);
    assert_false(hws_is_stopped(rig.system));
    hws_stop(rig.system, "sooner", HWS_SECOND); /* shortens it; the reason stays */
    hws_stop(rig.system, "later", 100 * HWS_SECOND);
    rig_pass(&rig, HWS_SECOND - 1);
    assert_false(hws_is_stopped(rig.system));
    rig_pass(&rig, 1);
    assert_true(hws_is_stopped(rig.system));
    assert_int_equal(rig_event(&rig, HWS_EVENT_Shutdown, 0)->count, 2);
    assert_string_equal(rig_event(&rig, HWS_EVENT_Shutdown, 0)->reason, "over");
    assert_string_equal(rig_event(&rig, HWS_EVENT_Shutdown, 0)->detail, "2 for " RIG_PEER);
    assert_true(rig_logged(&rig, "stopped: 2 messages were not delivered: 2 for " RIG_PEER));
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 1)->reason, "unacknowledged");
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "stopped");
    rig_end(&rig);
}

static void no_answer(void *data, int status, const struct hws_message *response)
{
    (void)response;
    *(int *)data = status;
}

/* Nobody drives it: what needs no I/O ends within the call. */
static void test_free_without_a_driver(void **state)
{
    struct rig rig;
    int status = 0;
    (void)state;
    rig_start_default(&rig);
    struct hws_pid *pid;
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, NULL, &pid), 0);
    assert_int_equal(hws_request(rig.system, pid, &(struct hws_message){ .payload = rig_value() },
                                 0, no_answer, &status, NULL),
                     0);
    hws_system_free(rig.system);
    assert_int_equal(status, HWS_ECLOSED);
    assert_true(rig.released);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Shutdown), 1);
    assert_string_equal(hws_pid_id(pid), "a"); /* handles outlive it */
    assert_string_equal(hws_pid_address(pid), RIG_HERE);
    hws_pid_release(pid);
    hws_unsubscribe(rig.subscription);
    hws_system_free(NULL);
    free((char *)rig.listener.address);
    assert_int_equal(rig.blocks, 0);
}

static void free_it(void *data)
{
    hws_system_free(data);
}

static void test_freed_when_stopped(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    hws_on_stopped(rig.system, free_it, rig.system);
    hws_stop(rig.system, "over", 0);
    hws_turn(rig.system);
    if (!rig.released)
        hws_turn(rig.system);
    assert_true(rig.released);
    hws_unsubscribe(rig.subscription);
    free((char *)rig.listener.address);
    assert_int_equal(rig.blocks, 0);
}

static int free_from_inside(void *self, struct hws_context *context,
                            const struct hws_message *message)
{
    (void)self;
    (void)message;
    hws_system_free(hws_context_system(context));
    hws_system_free(hws_context_system(context));
    return 0;
}

/* Not to be done; but it must not hang, nor pull the system from under the handler. */
static void test_freed_from_a_handler(void **state)
{
    static const struct hws_actor_ops free_ops = { .receive = free_from_inside };
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &free_ops, NULL, NULL), 0);
    rig_send(&rig, "a");
    for (int i = 0; i < 10 && !rig.released; i++)
        hws_turn(rig.system);
    assert_true(rig.released);
    hws_unsubscribe(rig.subscription);
    free((char *)rig.listener.address);
    assert_int_equal(rig.blocks, 0);
}

static void test_start_errors(void **state)
{
    static const struct {
        const char *listen, *advertise, *part;
    } cases[] = { { "nowhere", NULL, "no transport speaks this address" },
                  { "0.0.0.0:1", NULL, "set the option advertise" },
                  { "tcp:0.0.0.0:1", NULL, "set the option advertise" },
                  { "[::]:1", NULL, "set the option advertise" },
                  { "0.0.0.0:1", "tcp:0.0.0.0:1", "set the option advertise" },
                  { "0.0.0.0:1", "my host:1", "set the option advertise" } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct hws_options options;
        char message[256] = "";
        rig_options(&rig, &options);
        options.listen = cases[i].listen;
        options.advertise = cases[i].advertise;
        assert_int_equal(hws_system_new(&options, &rig.system, message, sizeof message), 0);
        assert_int_equal(hws_add_transport(rig.system, &rig.transport), 0);
        assert_int_equal(hws_start(rig.system, message, sizeof message), HWS_EADDRESS);
        if (!strstr(message, cases[i].part))
            fail_msg("%s", message);
        assert_null(rig.accepting);
        hws_system_free(rig.system);
        free((char *)rig.listener.address);
        assert_int_equal(rig.blocks, 0);
    }
}

static void test_addresses(void **state)
{
    struct rig rig;
    struct hws_options options;
    char message[256];
    (void)state;
    rig_options(&rig, &options);
    options.listen = "0.0.0.0:1";
    options.advertise = "public:25520";
    rig_start(&rig, &options);
    assert_string_equal(hws_system_address(rig.system), "public:25520");
    assert_string_equal(rig_event(&rig, HWS_EVENT_ListenStarted, 0)->address, "public:25520");
    assert_int_equal(hws_start(rig.system, message, sizeof message), HWS_ESTATE);
    struct hws_pid *pid = rig_pid(&rig, "public:25520/x");
    assert_true(hws_pid_is_local(pid));
    hws_pid_release(pid);
    rig_end(&rig);
    rig_options(&rig, &options);
    options.listen = NULL; /* a client */
    rig_start(&rig, &options);
    assert_int_equal(strncmp(hws_system_address(rig.system), "client-", 7), 0);
    struct hwsi_hello peer = rig_peer(77, 5);
    rig_connect(&rig, &peer);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    rig_end(&rig);
}

/* A client that can not be dialled says so with an empty address. */
static void test_client_with_an_empty_address(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver in = { .target = { .text = hws_slice_text("a") },
                               .sender = { .text = hws_slice_text("me") },
                               .request_id = 3,
                               .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    peer.address.size = 0;
    struct rig_link *link = rig_connect_in(&rig, &peer);
    rig_expect(link, HWSI_FRAME_WELCOME);
    rig_deliver(link, &in);
    rig_turn(&rig);
    rig_expect(
        link,
        HWSI_FRAME_SYSTEM); /* it is reachable over its connection: the dead letter's notice */
    rig_end(&rig);
}

static void test_endpoints_are_bounded(void **state)
{
    struct rig rig;
    struct hws_options options;
    (void)state;
    rig_options(&rig, &options);
    options.endpoints = 2;
    rig_start(&rig, &options);
    assert_int_equal(rig_send(&rig, "one:1/a"), 0);
    assert_int_equal(rig_send(&rig, "two:1/a"), 0);
    assert_int_equal(rig_send(&rig, "three:1/a"), HWS_EFULL);
    assert_int_equal(hws_associate(rig.system, "three:1"), HWS_EFULL);
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_control control;
    assert_int_equal(
        hwsi_control_decode(rig_expect(rig_connect_in(&rig, &peer), HWSI_FRAME_REFUSE), &control),
        0);
    assert_int_equal(control.a, HWSI_REFUSED_busy);
    rig_end(&rig);
}

static void test_new_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 40; n++) {
        struct rig rig;
        struct hws_options options;
        char message[256] = "";
        rig_options(&rig, &options);
        rig.allow = n;
        if (hws_system_new(&options, &rig.system, message, sizeof message)) {
            assert_string_equal(message, "out of memory");
            assert_int_equal(rig.blocks, 0);
            continue;
        }
        rig.allow = UINT64_MAX;
        hws_system_free(rig.system);
        assert_int_equal(rig.blocks, 0);
        assert_true(n > 5);
    }
}

/* A whole story in which the n-th allocation fails, for each n: nothing breaks, nothing leaks, requests end once. */
static int story(uint64_t n)
{
    struct rig rig;
    struct hwsi_hello welcome, peer = rig_peer(77, 5);
    struct hwsi_deliver in = { .target = { 1, hws_slice_text("a") },
                               .sender = { 2, hws_slice_text("far") },
                               .type = { 3, hws_slice_text("t") },
                               .payload = rig_value() };
    struct hws_pid *a = NULL, *far = NULL;
    int status = 1;
    unsigned handled = 0;
    rig_start_default(&rig);
    rig.fail_in = n;
    hws_spawn_named(rig.system, "a", &ops, &handled, &a);
    hws_pid_parse(rig.system, RIG_PEER "/far", &far);
    if (!a || !far)
        goto end;
    struct hws_message message = { .payload = rig_value(), .sender = a };
    for (int i = 0; i < 40; i++)
        hws_send(rig.system, far, &message);
    hws_watch(rig.system, a, far);
    int asked = hws_request(rig.system, far, &message, 0, no_answer, &status, NULL);
    for (uint64_t life = 0; life < 3; life++) {
        rig_turn(&rig);
        struct rig_link *link = rig_accept(&rig);
        if (!link)
            continue;
        rig_hello(link, HWSI_FRAME_HELLO, &peer);
        rig_turn(&rig);
        if (link->gone)
            continue;
        if (!hwsi_hello_decode(rig_expect(link, HWSI_FRAME_WELCOME), &welcome))
            rig_deliver(link, &in);
        if (!link->gone)
            rig_system(link, HWSI_SYSTEM_WATCH, "a", "far", 0, 0);
        rig_turn(&rig);
        link->most = 0;
        hws_send(rig.system, far, &message);
        hws_watch(rig.system, a, far);
        peer = rig_peer(78 + life, 6 + life);
    }
    hws_stop_actor(rig.system, a);
    rig_turn(&rig);
    rig_pass(&rig, 30 * HWS_SECOND);
    hws_close_endpoint(rig.system, RIG_PEER, "enough");
    rig_turn(&rig);
    assert_int_equal(status == 1, asked != 0);
end:;
    int failed = rig.fail_in == 0;
    hws_pid_release(a);
    hws_pid_release(far);
    rig_end(&rig);
    return failed;
}

static void test_every_allocation_may_fail(void **state)
{
    uint64_t n = 1;
    (void)state;
    while (story(n))
        n++;
    assert_true(n > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_of_the_host),
        cmocka_unit_test(test_posts),
        cmocka_unit_test(test_stop_from_elsewhere),
        cmocka_unit_test(test_drains_first),
        cmocka_unit_test(test_what_was_left_for_whom),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_free_without_a_driver),
        cmocka_unit_test(test_freed_when_stopped),
        cmocka_unit_test(test_freed_from_a_handler),
        cmocka_unit_test(test_start_errors),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_client_with_an_empty_address),
        cmocka_unit_test(test_endpoints_are_bounded),
        cmocka_unit_test(test_new_out_of_memory),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
