/* SPDX-License-Identifier: MIT */
/* The EndpointWriter: frames stay whole whatever the link takes, lanes keep their order, acknowledgements come in time. */
#include "support_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ignore(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    (void)message;
    return 0;
}
static const struct hws_actor_ops ignore_ops = { .receive = ignore };

static struct rig_link *connected(struct rig *rig)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    struct rig_link *link = rig_connect(rig, &peer);
    struct hws_slice body;
    while (rig_frame(link, &body) >= 0)
        ;
    return link;
}

/* A user frame is written in part; then the link takes nothing once; then a Watch waits. The frame must go on first. */
static void test_nothing_taken_amid_a_frame(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = connected(&rig);
    struct hws_pid *watcher, *target = rig_pid(&rig, RIG_PEER "/a");
    struct hws_slice body;
    assert_int_equal(hws_spawn_named(rig.system, "watcher", &ignore_ops, NULL, &watcher), 0);
    link->most = 3;
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    assert_int_equal(hws_watch(rig.system, watcher, target), 0);
    link->most = 0;
    rig_writable(link); /* for nothing */
    rig_turn(&rig);
    link->most = SIZE_MAX;
    rig_writable(link);
    rig_turn(&rig);
    assert_int_equal(rig_frame(link, &body), HWSI_FRAME_DELIVER);
    assert_int_equal(rig_frame(link, &body), HWSI_FRAME_SYSTEM);
    hws_pid_release(watcher);
    hws_pid_release(target);
    rig_end(&rig);
}

/* What comes out is the same whatever the pieces; each lane in order; the system lane first wherever a frame ends. */
static void test_random_pieces(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = connected(&rig);
    struct hws_pid *target = rig_pid(&rig, RIG_PEER "/a");
    uint32_t sent = 0, stops = 0, seen = 0, seen_stops = 0;
    int kind;
    srand(7);
    for (int round = 0; round < 3000; round++) {
        for (int i = rand() % 3; i; i--, sent++) {
            uint8_t value[300] = { 0xc5, 0x01, 0x20, (uint8_t)(sent >> 8), (uint8_t)sent };
            struct hws_slice payload = { value, 3 + 288 };
            assert_int_equal(
                hws_send(rig.system, target, &(struct hws_message){ .payload = payload }), 0);
        }
        if (rand() % 4 == 0) {
            assert_int_equal(hws_stop_actor(rig.system, target), 0);
            stops++;
        }
        if (rand() % 3 == 0)
            rig_control(link, HWSI_FRAME_PING, 1, 0);
        link->most = rand() % 4 ? (size_t)(rand() % 700) : 0;
        rig_writable(link);
        rig_turn(&rig);
    }
    link->most = SIZE_MAX;
    rig_writable(link);
    rig_turn(&rig);
    for (struct hws_slice body; (kind = rig_frame(link, &body)) >= 0;) {
        struct hwsi_deliver deliver;
        seen_stops += kind == HWSI_FRAME_SYSTEM;
        if (kind != HWSI_FRAME_DELIVER)
            continue;
        assert_int_equal(hwsi_deliver_decode(body, &deliver), 0);
        assert_int_equal(deliver.payload.data[3] << 8 | deliver.payload.data[4], seen & 0xffff);
        seen++;
    }
    assert_int_equal(link->read, link->out_size);
    assert_int_equal(seen, sent);
    assert_int_equal(seen_stops, stops);
    hws_pid_release(target);
    rig_end(&rig);
}

static void test_acknowledges(void **state)
{
    struct rig rig;
    struct hws_slice body;
    struct hwsi_control ack;
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("a") },
                                    .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = connected(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ignore_ops, NULL, NULL), 0);
    rig_deliver(link, &deliver);
    rig_turn(&rig);
    rig_pass(&rig, 20 * HWS_MILLISECOND - 1);
    assert_int_equal(rig_frame(link, &body), -1);
    rig_pass(&rig, 1); /* the longest wait */
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_ACK), &ack), 0);
    assert_int_equal(ack.b, 1);
    rig_deliver(link, &deliver);
    rig_send(&rig, RIG_PEER "/b"); /* with what is written anyway */
    rig_turn(&rig);
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_ACK), &ack), 0);
    assert_int_equal(ack.b, 2);
    rig_pass(&rig, HWS_SECOND);
    rig_expect(link, HWSI_FRAME_DELIVER);
    assert_int_equal(rig_frame(link, &body), -1); /* nothing is owed */
    uint8_t *large = calloc(1, 70000);
    large[0] = 0xc6, large[3] = 0xff; /* bin of 65280 */
    deliver.payload = (struct hws_slice){ large, 5 + 0xff00 };
    rig_deliver(link, &deliver);
    rig_deliver(link, &deliver); /* more than acknowledge_bytes */
    rig_turn(&rig);
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_ACK), &ack), 0);
    assert_int_equal(ack.b, 4);
    free(large);
    rig_end(&rig);
}

static int note_written(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct rig_link *link = *(struct rig_link **)self;
    struct hws_slice body;
    (void)context;
    (void)message;
    assert_int_equal(rig_frame(link, &body), -1); /* what is handled now is not yet acknowledged */
    return 0;
}

/* The longest wait is over when a message comes: its handler runs first, so that a kill in between loses nothing unsaid. */
static void test_acknowledges_after_handling(void **state)
{
    static const struct hws_actor_ops ops = { .receive = note_written };
    struct rig rig;
    struct hwsi_control ack;
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("a") },
                                    .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = connected(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &link, NULL), 0);
    rig_deliver(link, &deliver);
    rig_turn(&rig);
    rig.now += 20 * HWS_MILLISECOND;
    rig_deliver(link, &deliver);
    rig_turn(&rig);
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_ACK), &ack), 0);
    assert_int_equal(ack.b, 2);
    rig_end(&rig);
}

static void test_write_error(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = connected(&rig);
    link->write_error = HWS_ERESET;
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected); /* until on_close */
    rig_close(link, HWS_ERESET, "broken pipe");
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).queue_size, 1);
    rig_end(&rig);
}

/* A peer that reads nothing: what waits is bounded by the ring, and its PINGs end it. */
static void test_peer_never_reads(void **state)
{
    struct rig rig;
    struct hws_options options;
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_bytes = 100000;
    rig_start(&rig, &options);
    struct rig_link *link = connected(&rig);
    int accepted = 0;
    link->most = 10;
    while (rig_send(&rig, RIG_PEER "/a") == 0)
        if (++accepted % 100 == 0)
            rig_turn(&rig);
    assert_true(rig_statistics(&rig, RIG_PEER).queue_bytes <= 100000 + 64); /* a header over */
    assert_true(accepted > 3000);
    for (int i = 0; i < 100 && !link->closing; i++)
        rig_control(link, HWSI_FRAME_PING, 1, 0);
    assert_true(link->closing);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointDisconnected, 0)->reason, "protocol");
    rig_end(&rig);
}

/* Names that go inline count, too: together they may be longer than a KiB. */
static void test_names_count(void **state)
{
    static uint8_t payload[7167] = { 0xc5, (7167 - 3) >> 8, (7167 - 3) & 0xff };
    struct rig rig;
    struct hws_options options;
    char word[256], text[512], address[256];
    struct hws_message message = { .payload = { payload, sizeof payload } };
    (void)state;
    memset(word, 'x', sizeof word);
    word[255] = 0;
    snprintf(address, sizeof address, "%.248s:1", word);
    snprintf(text, sizeof text, RIG_PEER "/%s", word);
    rig_options(&rig, &options);
    options.endpoint_writer_queue_bytes = 8 * 1024;
    options.throttle_warning = 0.99999; /* no mark before the bound */
    options.throttle_critical = 1;
    rig_start(&rig, &options);
    connected(&rig);
    struct hws_pid *target = rig_pid(&rig, text);
    assert_int_equal(hws_pid_make(rig.system, address, word, &message.sender), 0);
    assert_int_equal(hws_atom_make(rig.system, word, &message.type), 0);
    assert_int_equal(hws_send(rig.system, target, &message), HWS_EFULL);
    message.payload = (struct hws_slice){ payload + sizeof payload - 1, 1 };
    assert_int_equal(hws_send(rig.system, target, &message), 0);
    assert_true(rig_statistics(&rig, RIG_PEER).queue_bytes > 1024);
    hws_pid_release(message.sender);
    hws_atom_release(message.type);
    hws_pid_release(target);
    rig_end(&rig);
}

/* docs/wire.md: BYE is the last frame. What was taken is acknowledged before it; what was not written never is. */
static void test_bye_is_last(void **state)
{
    struct rig rig;
    struct hws_slice body;
    struct hwsi_control ack;
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("a") },
                                    .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = connected(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ignore_ops, NULL, NULL), 0);
    rig_deliver(link, &deliver);
    rig_turn(&rig);
    rig_send(&rig, RIG_PEER "/b");
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "enough"), 0);
    assert_int_equal(rig_frame(link, &body), HWSI_FRAME_ACK);
    assert_int_equal(hwsi_control_decode(body, &ack), 0);
    assert_int_equal(ack.b, 1);
    assert_int_equal(rig_frame(link, &body), HWSI_FRAME_BYE);
    assert_int_equal(rig_frame(link, &body), -1);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason,
                        "disconnected"); /* it can not have been processed */
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_taken_amid_a_frame),
        cmocka_unit_test(test_random_pieces),
        cmocka_unit_test(test_acknowledges),
        cmocka_unit_test(test_acknowledges_after_handling),
        cmocka_unit_test(test_write_error),
        cmocka_unit_test(test_peer_never_reads),
        cmocka_unit_test(test_names_count),
        cmocka_unit_test(test_bye_is_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
