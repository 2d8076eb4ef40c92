/* SPDX-License-Identifier: MIT */
/* Two systems over the loopback: the ways through the house, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"

struct pair {
    struct hws_loopback *network;
    struct hws_system *alpha, *beta;
    uint64_t got, answers, terminated, letters;
    int last_status;
    uint16_t last_reason;
};

static int echo(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct pair *pair = self;
    pair->got += message->kind == HWS_MESSAGE_user;
    if (message->request_id)
        return hws_context_respond(context, message, message->payload);
    return 0;
}
static const struct hws_actor_ops echo_ops = { .receive = echo };

static int watcher(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct pair *pair = self;
    (void)context;
    if (message->kind == HWS_MESSAGE_terminated) {
        pair->terminated++;
        pair->last_reason = message->reason;
    }
    if (message->kind == HWS_MESSAGE_dead_letter_response)
        pair->letters++;
    return 0;
}
static const struct hws_actor_ops watcher_ops = { .receive = watcher };

static struct hws_system *make(struct pair *pair, const char *name, const char *listen,
                               uint64_t seed)
{
    struct hws_options options;
    struct hws_system *system;
    char message[256] = "";
    hws_options_init(&options);
    options.name = name;
    options.listen = listen;
    options.seed = seed;
    options.clock = hws_loopback_clock(pair->network);
    assert_int_equal(hws_system_new(&options, &system, message, sizeof message), 0);
    assert_int_equal(hws_loopback_attach(pair->network, system), 0);
    if (hws_start(system, message, sizeof message))
        fail_msg("%s", message);
    return system;
}

static int setup(void **state)
{
    static struct pair pair;
    memset(&pair, 0, sizeof pair);
    assert_int_equal(
        hws_loopback_new(&(struct hws_loopback_options){ .seed = 7, .latency = HWS_MILLISECOND },
                         &pair.network),
        0);
    pair.alpha = make(&pair, "alpha", "loop:alpha:1", 1);
    pair.beta = make(&pair, "beta", "loop:beta:1", 2);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    hws_system_free(pair->alpha);
    hws_system_free(pair->beta);
    hws_loopback_run(pair->network, 60 * HWS_SECOND);
    hws_loopback_free(pair->network);
    return 0;
}

static struct hws_slice value(void)
{
    static const uint8_t hello[] = { 0xa5, 'h', 'e', 'l', 'l', 'o' };
    return hws_slice_of(hello, sizeof hello);
}

static struct hws_pid *pid(struct hws_system *system, const char *text)
{
    struct hws_pid *out;
    assert_int_equal(hws_pid_parse(system, text, &out), 0);
    return out;
}

static void answered(void *data, int status, const struct hws_message *response)
{
    struct pair *pair = data;
    pair->answers++;
    pair->last_status = status;
    pair->last_reason = response->reason;
    if (status == 0)
        assert_memory_equal(response->payload.data, value().data, value().size);
}

static void test_send_arrives(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(hws_spawn_named(pair->beta, "echo", &echo_ops, pair, NULL), 0);
    struct hws_pid *target = pid(pair->alpha, "loop:beta:1/echo");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(hws_send(pair->alpha, target, &(struct hws_message){ .payload = value() }),
                         0);
    hws_loopback_run(pair->network, HWS_SECOND);
    assert_int_equal(pair->got, 1000);
    struct hws_endpoint_statistics s;
    assert_int_equal(hws_statistics(pair->alpha, "loop:beta:1", &s), 0);
    assert_int_equal(s.state, HWS_ENDPOINT_connected);
    assert_int_equal(s.deliver_success, 1000);
    assert_int_equal(s.queue_size, 0);
    assert_int_equal(s.queue_bytes, 0);
    hws_pid_release(target);
}

static void test_request_is_answered(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(hws_spawn_named(pair->beta, "echo", &echo_ops, pair, NULL), 0);
    struct hws_pid *target = pid(pair->alpha, "loop:beta:1/echo"),
                   *nobody = pid(pair->alpha, "loop:beta:1/nobody");
    assert_int_equal(hws_request(pair->alpha, target, &(struct hws_message){ .payload = value() },
                                 0, answered, pair, NULL),
                     0);
    hws_loopback_run(pair->network, HWS_SECOND);
    assert_int_equal(pair->answers, 1);
    assert_int_equal(pair->last_status, 0);
    assert_int_equal(hws_request(pair->alpha, nobody, &(struct hws_message){ .payload = value() },
                                 0, answered, pair, NULL),
                     0);
    hws_loopback_run(pair->network, HWS_SECOND);
    assert_int_equal(pair->answers, 2);
    assert_int_equal(pair->last_status, HWS_EDEADLETTER);
    assert_int_equal(pair->last_reason, HWS_REASON_not_found);
    hws_pid_release(target);
    hws_pid_release(nobody);
}

static void test_watch_across(void **state)
{
    struct pair *pair = *state;
    struct hws_pid *echo_here, *watching, *target = pid(pair->alpha, "loop:beta:1/echo");
    assert_int_equal(hws_spawn_named(pair->beta, "echo", &echo_ops, pair, &echo_here), 0);
    assert_int_equal(hws_spawn_named(pair->alpha, "watcher", &watcher_ops, pair, &watching), 0);
    assert_int_equal(hws_watch(pair->alpha, watching, target), 0);
    assert_int_equal(hws_watch(pair->alpha, watching, target), 0);
    hws_loopback_run(pair->network, HWS_SECOND);
    assert_int_equal(pair->terminated, 0);
    assert_int_equal(hws_stop_actor(pair->alpha, target), 0);
    hws_loopback_run(pair->network, HWS_SECOND);
    assert_int_equal(pair->terminated, 1);
    assert_int_equal(pair->last_reason, HWS_TERMINATED_stopped);
    hws_pid_release(echo_here);
    hws_pid_release(watching);
    hws_pid_release(target);
}

static void test_gives_up(void **state)
{
    struct pair *pair = *state;
    struct hws_pid *watching, *target = pid(pair->alpha, "loop:nowhere:1/echo");
    assert_int_equal(hws_spawn_named(pair->alpha, "watcher", &watcher_ops, pair, &watching), 0);
    assert_int_equal(hws_send(pair->alpha, target,
                              &(struct hws_message){ .payload = value(), .sender = watching }),
                     0);
    assert_int_equal(hws_watch(pair->alpha, watching, target), 0);
    assert_int_equal(hws_request(pair->alpha, target, &(struct hws_message){ .payload = value() },
                                 100 * HWS_SECOND, answered, pair, NULL),
                     0);
    hws_loopback_run(pair->network, 30 * HWS_SECOND);
    struct hws_endpoint_statistics s;
    assert_int_equal(hws_statistics(pair->alpha, "loop:nowhere:1", &s), 0);
    assert_int_equal(s.state, HWS_ENDPOINT_closed);
    assert_int_equal(s.dead_letters[HWS_REASON_disconnected], 2);
    assert_int_equal(pair->letters, 1);
    assert_int_equal(pair->terminated, 1);
    assert_int_equal(pair->answers, 1);
    assert_int_equal(pair->last_status, HWS_EDEADLETTER);
    hws_pid_release(watching);
    hws_pid_release(target);
}

static void test_resumes_after_cuts(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(hws_spawn_named(pair->beta, "echo", &echo_ops, pair, NULL), 0);
    struct hws_pid *target = pid(pair->alpha, "loop:beta:1/echo");
    uint64_t accepted = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
            accepted +=
                hws_send(pair->alpha, target, &(struct hws_message){ .payload = value() }) == 0;
        hws_loopback_run(pair->network, 1500 * HWS_MICROSECOND);
        hws_loopback_cut(pair->network);
        hws_loopback_run(pair->network, 10 * HWS_SECOND);
    }
    assert_true(accepted > 1000);
    assert_int_equal(pair->got, accepted);
    hws_pid_release(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_send_arrives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_across, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resumes_after_cuts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
