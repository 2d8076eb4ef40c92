/* SPDX-License-Identifier: MIT */
/* The EndpointReader on a link that is up: what breaks the protocol ends that link alone; what can't be decoded does not. */
#include "support_rig.h"

#include <stdlib.h>
#include <string.h>

struct sink {
    unsigned users;
    struct hws_correlation correlation;
    char type[32], sender[64];
    size_t size;
    uint8_t last;
};
static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct sink *sink = data;
    (void)context;
    sink->users++;
    sink->correlation = message->correlation;
    sink->size = message->payload.size;
    sink->last = message->payload.data[message->payload.size - 1];
    strncpy(sink->type, message->type ? hws_atom_text(message->type) : "", sizeof sink->type - 1);
    sink->sender[0] = 0;
    if (message->sender)
        hws_pid_format(message->sender, sink->sender, sizeof sink->sender);
    return 0;
}
static const struct hws_actor_ops ops = { .receive = receive };

struct pair {
    struct rig rig;
    struct sink sink;
    struct rig_link *link, *other;
};

static int setup(void **state)
{
    static struct pair pair;
    struct hwsi_hello peer = rig_peer(77, 5), third = rig_peer(88, 6);
    memset(&pair, 0, sizeof pair);
    struct hws_options options;
    rig_options(&pair.rig, &options);
    options.max_frame_size = 65536;
    options.reconnect_max_retries = 0;
    rig_start(&pair.rig, &options);
    assert_int_equal(hws_spawn_named(pair.rig.system, "sink", &ops, &pair.sink, NULL), 0);
    pair.link = rig_connect(&pair.rig, &peer);
    third.address = hws_slice_text("third:1");
    pair.other = rig_connect_in(&pair.rig, &third);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    rig_end(&((struct pair *)*state)->rig);
    return 0;
}

static struct hwsi_symbol text(const char *text)
{
    return (struct hwsi_symbol){ .text = hws_slice_text(text) };
}

static void deliver(struct pair *p, struct hwsi_symbol target, struct hwsi_symbol sender,
                    struct hwsi_symbol type)
{
    rig_deliver(p->link,
                &(struct hwsi_deliver){
                    .target = target, .sender = sender, .type = type, .payload = rig_value() });
    rig_turn(&p->rig);
}

static void check_ended(struct pair *p, const char *reason)
{
    rig_turn(&p->rig);
    assert_true(p->link->gone);
    const struct rig_event *event = rig_event(&p->rig, HWS_EVENT_EndpointDisconnected, 0);
    assert_string_equal(event->address, RIG_PEER);
    assert_string_equal(event->reason, reason);
    assert_true(strlen(event->detail) > 10);
    struct hwsi_control bye;
    assert_int_equal(hwsi_control_decode(rig_expect(p->link, HWSI_FRAME_BYE), &bye), 0);
    assert_int_equal(bye.a, HWSI_REFUSED_protocol);
    assert_false(p->other->closing);
    assert_int_equal(rig_state(&p->rig), HWS_ENDPOINT_reconnecting);
}

static void test_delivers(void **state)
{
    struct pair *p = *state;
    deliver(p, text("sink"), text("them"), text("greeting"));
    assert_int_equal(p->sink.users, 1);
    assert_string_equal(p->sink.type, "greeting");
    assert_string_equal(p->sink.sender, RIG_PEER "/them");
    assert_int_equal(p->sink.correlation.hi, 77000); /* the seed of its HELLO, and the number */
    assert_int_equal(p->sink.correlation.lo, 1);
    deliver(p, text("sink"), text("hawser.tcp://far:1/away"), (struct hwsi_symbol){ 0 });
    assert_string_equal(p->sink.sender, "far:1/away");
    assert_string_equal(p->sink.type, "");
    struct hws_endpoint_statistics s = rig_statistics(&p->rig, RIG_PEER);
    assert_int_equal(s.received, 2);
    assert_int_equal(s.duplicates, 0);
}

static void test_symbols(void **state)
{
    struct pair *p = *state;
    struct hwsi_symbol define = { 7, hws_slice_text("sink") }, use = { .index = 7 };
    deliver(p, define, (struct hwsi_symbol){ 0 }, (struct hwsi_symbol){ 0 });
    deliver(p, use, use, use); /* the three places share the numbers */
    assert_int_equal(p->sink.users, 2);
    assert_string_equal(p->sink.sender, RIG_PEER "/sink");
    assert_string_equal(p->sink.type, "sink");
    deliver(p, define, use, use); /* the same again */
    assert_int_equal(p->sink.users, 3);
    deliver(p, (struct hwsi_symbol){ HWSI_SYMBOL_MAX, hws_slice_text("sink") }, use, use);
    assert_int_equal(p->sink.users, 4);
    define.text = hws_slice_text("other"); /* a second definition */
    rig_deliver(p->link, &(struct hwsi_deliver){ .target = define, .payload = rig_value() });
    check_ended(p, "protocol");
}

static void test_undefined_symbol(void **state)
{
    struct pair *p = *state;
    rig_deliver(p->link,
                &(struct hwsi_deliver){ .target = { .index = 9 }, .payload = rig_value() });
    check_ended(p, "protocol");
}

static void test_target_that_is_no_id(void **state)
{
    struct pair *p = *state;
    rig_deliver(p->link, &(struct hwsi_deliver){ .target = { 3, hws_slice_text("sp ace") },
                                                 .payload = rig_value() });
    check_ended(p, "protocol");
}

static void test_bad_frames(void **state)
{
    struct pair *p = *state;
    static const uint8_t frames[][12] = {
        { 0, 0, 0, 0 },                         /* empty */
        { 0, 1, 0, 1 },                         /* over the limit by one */
        { 0, 0, 0, 2, 0x91, 0x7f },             /* no such kind */
        { 0, 0, 0, 1, 0xc0 },                   /* no array */
        { 0, 0, 0, 2, 0x91, 0x07 },             /* a DELIVER of nothing */
        { 0, 0, 0, 2, 0x91, 0x08 },             /* a SYSTEM of nothing */
        { 0, 0, 0, 2, 0x91, 0x00 },             /* HELLO now */
        { 0, 0, 0, 2, 0x91, 0x01 },             /* WELCOME now */
        { 0, 0, 0, 2, 0x91, 0x06 },             /* ACK of nothing */
        { 0, 0, 0, 4, 0x93, 0x06, 0x00, 0x01 }, /* ACK of more than was written */
        { 0, 0, 0, 3, 0x92, 0x05, 0x09 },       /* PONG to no PING */
    };
    static const uint8_t sizes[] = { 4, 4, 6, 5, 6, 6, 6, 6, 6, 8, 7 };
    struct hwsi_hello peer = rig_peer(77, 5);
    for (size_t i = 0; i < sizeof sizes; i++) {
        rig_feed(p->link, frames[i], sizes[i]);
        check_ended(p, "protocol");
        p->link = rig_connect_in(&p->rig, &peer);
    }
}

static void test_bad_notices(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    for (int i = 0; i < 5; i++) {
        if (i == 4)
            rig_system(p->link, HWSI_SYSTEM_DEAD_LETTER, "sink", "far", HWS_REASON_COUNT, 0);
        else
            rig_system(p->link, i == 3 ? HWSI_SYSTEM_DEAD_LETTER : (enum hwsi_system_code)(i + 1),
                       "sink", NULL, 1, 0); /* no sender */
        check_ended(p, "protocol");
        p->link = rig_connect_in(&p->rig, &peer);
    }
}

/* Well framed, but no value: a dead letter, and the link lives. */
static void test_undecodable_payload(void **state)
{
    struct pair *p = *state;
    struct hwsi_deliver bad = { .target = text("sink"), .payload = hws_slice_of("\xc1", 1) };
    rig_deliver(p->link, &bad);
    deliver(p, text("sink"), (struct hwsi_symbol){ 0 }, (struct hwsi_symbol){ 0 });
    assert_int_equal(p->sink.users, 1);
    assert_int_equal(p->sink.correlation.lo, 2); /* it counts */
    assert_false(p->link->closing);
    assert_string_equal(rig_event(&p->rig, HWS_EVENT_DeadLetter, 0)->reason, "decode");
    assert_int_equal(rig_statistics(&p->rig, RIG_PEER).undecodable, 1);
}

static void test_goodbye(void **state)
{
    struct pair *p = *state;
    rig_control(p->link, HWSI_FRAME_BYE, HWSI_REFUSED_shutdown, 0);
    rig_turn(&p->rig);
    const struct rig_event *event = rig_event(&p->rig, HWS_EVENT_EndpointDisconnected, 0);
    assert_string_equal(event->reason, "shutdown");
    assert_string_equal(event->detail, "the peer says: so be it");
    assert_true(p->link->gone);
    assert_int_equal(rig_state(&p->rig), HWS_ENDPOINT_reconnecting);
}

static void test_ping(void **state)
{
    struct pair *p = *state;
    struct hwsi_control ping, pong;
    rig_control(p->link, HWSI_FRAME_PING, 12345, 0);
    rig_turn(&p->rig);
    assert_int_equal(hwsi_control_decode(rig_expect(p->link, HWSI_FRAME_PING), &ping), 0);
    assert_int_equal(hwsi_control_decode(rig_expect(p->link, HWSI_FRAME_PONG), &pong), 0);
    assert_int_equal(pong.a, 12345);
    p->rig.now += 3 * HWS_MILLISECOND;
    rig_control(p->link, HWSI_FRAME_PONG, ping.a, 0);
    assert_int_equal(rig_statistics(&p->rig, RIG_PEER).rtt, 3 * HWS_MILLISECOND);
}

/* The same bytes in pieces of every size, small and large frames mixed. */
static void test_pieces(void **state)
{
    struct pair *p = *state;
    size_t size = 0, capacity = 4000000;
    uint8_t *stream = malloc(capacity), *large = calloc(1, 60000);
    unsigned count = 0;
    large[0] = 0xc5; /* bin 16 */
    while (size < 3000000) {
        size_t bytes = count % 7 ? 5 + count % 300 : 30000 + count;
        struct hwsi_deliver out = { .target = text("sink"), .payload = { large, bytes + 3 } };
        large[1] = (uint8_t)(bytes >> 8);
        large[2] = (uint8_t)bytes;
        large[bytes + 2] = (uint8_t)count;
        size += hwsi_deliver_encode(stream + size, &out);
        large[bytes + 2] = 0;
        count++;
    }
    srand(4);
    for (size_t at = 0; at < size;) {
        size_t piece = 1 + (size_t)rand() % (rand() % 3 ? 40 : 30000);
        piece = piece < size - at ? piece : size - at;
        rig_feed(p->link, stream + at, piece);
        at += piece;
        if (rand() % 5 == 0)
            rig_turn(&p->rig);
    }
    rig_turn(&p->rig);
    assert_int_equal(p->sink.users, count);
    assert_int_equal(p->sink.last, (uint8_t)(count - 1));
    assert_int_equal(rig_statistics(&p->rig, RIG_PEER).received_bytes > size, true);
    free(stream);
    free(large);
}

/* What was taken already and comes again on the next link is dropped, and counted. */
static void test_duplicates(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello welcome, peer = rig_peer(77, 5);
    deliver(p, text("sink"), (struct hwsi_symbol){ 0 }, (struct hwsi_symbol){ 0 });
    rig_close(p->link, HWS_ERESET, "it broke");
    rig_turn(&p->rig);
    p->link = rig_connect_in(&p->rig, &peer);
    assert_int_equal(hwsi_hello_decode(rig_expect(p->link, HWSI_FRAME_WELCOME), &welcome), 0);
    assert_int_equal(welcome.received_user, 1); /* so it has no reason to send it again */
    deliver(p, text("sink"), (struct hwsi_symbol){ 0 }, (struct hwsi_symbol){ 0 });
    assert_int_equal(p->sink.users, 2);
    assert_int_equal(p->sink.correlation.lo, 2);
}

/* Out of memory while taking a message: the link ends, and nothing was taken or lost. */
static void test_out_of_memory(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello welcome, peer = rig_peer(77, 5);
    uint64_t taken = 0;
    for (uint64_t n = 0; n < 10; n++) {
        struct hwsi_deliver in = { .target = { (uint32_t)n + 1, hws_slice_text("sink") },
                                   .sender = text("me"),
                                   .type = text("t"),
                                   .payload = rig_value() };
        uint8_t bytes[128], *room;
        size_t room_size, size = hwsi_deliver_encode(bytes, &in);
        struct hws_link_handler *handler = p->link->link.handler;
        assert_true(handler->ops->on_reserve(handler, &room, &room_size));
        memcpy(room, bytes, size);
        p->rig.allow = n;
        handler->ops->on_bytes(handler, size);
        p->rig.allow = UINT64_MAX;
        taken = rig_statistics(&p->rig, RIG_PEER).received;
        rig_turn(&p->rig);
        if (p->link->gone) {
            p->link = rig_connect_in(&p->rig, &peer);
            assert_int_equal(hwsi_hello_decode(rig_expect(p->link, HWSI_FRAME_WELCOME), &welcome),
                             0);
            assert_int_equal(welcome.received_user, taken);
            rig_deliver(p->link, &in); /* as it was */
            rig_turn(&p->rig);
        }
    }
    struct hws_system_statistics s;
    hws_system_statistics(p->rig.system, &s);
    assert_int_equal(p->sink.users + s.dead_letters, rig_statistics(&p->rig, RIG_PEER).received);
    assert_int_equal(rig_statistics(&p->rig, RIG_PEER).received, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delivers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_symbols, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undefined_symbol, setup, teardown),
        cmocka_unit_test_setup_teardown(test_target_that_is_no_id, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_notices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undecodable_payload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_goodbye, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ping, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_duplicates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
