/* SPDX-License-Identifier: MIT */
/* What an association writes: symbols up to their bound, sizes up to the smaller limit, answers, correlations. */
#include "support_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig_link *start(struct rig *rig, uint64_t symbols, uint64_t frame,
                              const struct hwsi_hello *peer)
{
    struct hws_options options;
    rig_options(rig, &options);
    options.symbol_table_size = symbols;
    options.max_frame_size = frame;
    rig_start(rig, &options);
    return rig_connect(rig, peer);
}

static struct hwsi_deliver next(struct rig_link *link)
{
    struct hwsi_deliver deliver;
    assert_int_equal(hwsi_deliver_decode(rig_expect(link, HWSI_FRAME_DELIVER), &deliver), 0);
    return deliver;
}

static void test_symbols_are_bounded(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    char name[32];
    (void)state;
    struct rig_link *link = start(&rig, 4, 65536, &peer);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 6; i++) {
            snprintf(name, sizeof name, RIG_PEER "/a%d", i);
            assert_int_equal(rig_send(&rig, name), 0);
        }
        rig_turn(&rig);
        for (int i = 0; i < 6; i++) {
            struct hwsi_deliver deliver = next(link);
            assert_int_equal(deliver.target.index,
                             i < 4 ? i + 1 : 0); /* past the bound: always its text */
            assert_int_equal(deliver.target.text.size, i < 4 && round ? 0 : 2);
        }
    }
    rig_end(&rig);
}

static void test_senders_and_types(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_atom *type;
    (void)state;
    struct rig_link *link = start(&rig, 4096, 65536, &peer);
    struct hws_pid *to = rig_pid(&rig, RIG_PEER "/to"), *me = rig_pid(&rig, "me"),
                   *third = rig_pid(&rig, "far:1/third");
    assert_int_equal(hws_atom_make(rig.system, "type", &type), 0);
    struct hws_message message = {
        .payload = rig_value(), .sender = me, .type = type, .correlation = { 7, 8 }
    };
    hws_send(rig.system, to, &message);
    message.sender = third;
    hws_send(rig.system, to, &message);
    message.sender =
        to; /* as a target it has a number that means its id there, so as a sender its URI is written */
    message.correlation = (struct hws_correlation){ 0, 0 };
    hws_send(rig.system, to, &message);
    rig_turn(&rig);
    struct hwsi_deliver d = next(link);
    assert_memory_equal(d.sender.text.data, "me", 2);
    assert_memory_equal(d.type.text.data, "type", 4);
    assert_int_equal(d.correlation.hi, 7);
    assert_int_equal(d.correlation.lo, 8);
    d = next(link);
    assert_int_equal(d.sender.index, 0);
    assert_memory_equal(d.sender.text.data, "hawser.tcp://far:1/third",
                        strlen("hawser.tcp://far:1/third"));
    assert_int_equal(d.type.text.size, 0);
    d = next(link);
    assert_int_equal(d.sender.index, 0);
    assert_memory_equal(d.sender.text.data, "hawser.tcp://" RIG_PEER "/to",
                        strlen("hawser.tcp://" RIG_PEER "/to"));
    assert_false(d.has_correlation);
    hws_pid_release(to);
    hws_pid_release(me);
    hws_pid_release(third);
    hws_atom_release(type);
    rig_end(&rig);
}

static int send_bytes(struct rig *rig, size_t bytes)
{
    struct hws_pid *to = rig_pid(rig, RIG_PEER "/to");
    uint8_t *value = calloc(1, bytes + 5);
    value[0] = 0xc6;
    for (int i = 0; i < 4; i++)
        value[1 + i] = (uint8_t)(bytes >> (24 - 8 * i));
    int error = hws_send(rig->system, to, &(struct hws_message){ .payload = { value, bytes + 5 } });
    free(value);
    hws_pid_release(to);
    return error;
}

/* The smaller limit of both counts; what was queued before it was known becomes a dead letter, and nothing else. */
static void test_frame_limits(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_options options;
    (void)state;
    rig_options(&rig, &options);
    options.max_frame_size = 100000;
    rig_start(&rig, &options);
    assert_int_equal(send_bytes(&rig, 99996), HWS_ETOOLARGE);
    assert_int_equal(send_bytes(&rig, 100000), HWS_ETOOLARGE);
    assert_int_equal(send_bytes(&rig, 10), 0);
    assert_int_equal(send_bytes(&rig, 90000), 0);
    assert_int_equal(send_bytes(&rig, 20), 0);
    peer.max_frame_size = 50000;
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(next(link).payload.size, 15);
    assert_int_equal(next(link).payload.size, 25);
    assert_int_equal(send_bytes(&rig, 50000), HWS_ETOOLARGE);
    assert_int_equal(send_bytes(&rig, 49000), 0);
    rig_turn(&rig);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_too_large],
                     2); /* the first two found no endpoint yet */
    rig_control(link, HWSI_FRAME_ACK, 0, 3);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).queue_size, 0);
    rig_end(&rig);
}

struct asked {
    struct hws_pid *sender;
    uint64_t id;
};
static int remember(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct asked *asked = data;
    (void)context;
    asked->sender = hws_pid_retain(message->sender);
    asked->id = message->request_id;
    return 0;
}
static const struct hws_actor_ops ops = { .receive = remember };

/* An answer goes to who asked; when that is gone it is a dead letter like any other, and no request of ours is touched. */
static void test_answers(void **state)
{
    struct rig rig;
    struct asked asked = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver in = { .target = { .text = hws_slice_text("a") },
                               .request_id = 1,
                               .payload = rig_value() };
    struct hws_message answer = { .payload = rig_value() };
    (void)state;
    struct rig_link *link = start(&rig, 4096, 65536, &peer);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &asked, NULL), 0);
    rig_deliver(link, &in); /* without a sender: the system over there asks */
    rig_turn(&rig);
    assert_string_equal(hws_pid_id(asked.sender), "$system");
    assert_int_equal(hws_respond(rig.system, asked.sender, asked.id, &answer), 0);
    rig_turn(&rig);
    struct hwsi_deliver d = next(link);
    assert_null(d.target.text.data);
    assert_int_equal(d.target.index, 0);
    assert_int_equal(d.request_id, 1);
    rig_control(link, HWSI_FRAME_ACK, 0, 1);
    link->most = 0;
    assert_int_equal(hws_respond(rig.system, asked.sender, asked.id, &answer), 0);
    rig_turn(&rig);
    assert_int_equal(hws_respond(rig.system, asked.sender, asked.id, &answer), 0);
    peer = rig_peer(78, 6); /* another process: the answers are of no use to it */
    link = rig_connect_in(&rig, &peer);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 2);
    struct hws_slice body;
    for (int kind; (kind = rig_frame(link, &body)) >= 0;)
        assert_int_not_equal(kind, HWSI_FRAME_DELIVER);
    rig_close(link, HWS_ERESET, "it broke");
    assert_int_equal(hws_respond(rig.system, asked.sender, asked.id, &answer), HWS_EDISCONNECTED);
    hws_pid_release(asked.sender);
    rig_end(&rig);
}

/* A Terminated that finds no room would leave its watcher waiting for ever: the association ends, which tells it too. */
static void test_system_lane_full(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct asked asked = { 0 };
    struct hws_pid *a, *far;
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = 3;
    rig_start(&rig, &options);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &asked, &a), 0);
    far = rig_pid(&rig, RIG_PEER "/far");
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_system(link, HWSI_SYSTEM_WATCH, "a", "far", 0, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hws_stop_actor(rig.system, far), 0);
    assert_int_equal(hws_stop_actor(rig.system, far), HWS_EFULL);
    assert_int_equal(hws_watch(rig.system, a, far), HWS_EFULL);
    assert_int_equal(hws_stop_actor(rig.system, a), 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->reason, "queue_full");
    hws_pid_release(a);
    hws_pid_release(far);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symbols_are_bounded), cmocka_unit_test(test_senders_and_types),
        cmocka_unit_test(test_frame_limits),        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_system_lane_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
