/* SPDX-License-Identifier: MIT */
/* Handshakes: what each HELLO and WELCOME means for an association that is there already, and what is refused. */
#include "support_rig.h"

#include <string.h>

#define BEFORE_PEER "aaaa:1" /* sorts before RIG_HERE: its dial wins */

static int refusal_of(struct rig_link *link)
{
    struct hwsi_control control;
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_REFUSE), &control), 0);
    assert_true(link->closing);
    return (int)control.a;
}

static struct hwsi_hello welcome_of(struct rig_link *link)
{
    struct hwsi_hello hello;
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_WELCOME), &hello), 0);
    return hello;
}

static void lose(struct rig *rig, struct rig_link *link)
{
    rig_close(link, HWS_ERESET, "it broke");
    rig_turn(rig);
}

static void test_wrong_version(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    peer.version = 2;
    assert_int_equal(refusal_of(rig_connect_in(&rig, &peer)), HWSI_REFUSED_version);
    assert_string_equal(rig_event(&rig, HWS_EVENT_LinkRefused, 0)->reason, "version");
    rig_end(&rig);
}

static void test_self(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct hwsi_hello peer = rig_peer(hws_system_uid(rig.system), 5);
    assert_int_equal(refusal_of(rig_connect_in(&rig, &peer)), HWSI_REFUSED_self);
    peer = rig_peer(77, 5);
    peer.address = hws_slice_text(RIG_HERE); /* another that claims to be here */
    assert_int_equal(refusal_of(rig_connect_in(&rig, &peer)), HWSI_REFUSED_self);
    assert_int_equal(hws_associate(rig.system, RIG_HERE), HWS_EADDRESS);
    rig_end(&rig);
}

static void test_shutting_down(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_accept(&rig);
    hws_stop(rig.system, "over", 0);
    rig_turn(&rig);
    assert_int_equal(refusal_of(link), HWSI_REFUSED_shutdown);
    rig_end(&rig);
}

static void test_wrong_nonce(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    rig_open(rig_last(&rig));
    rig_hello(rig_last(&rig), HWSI_FRAME_WELCOME, &peer);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->reason, "protocol");
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    rig_end(&rig);
}

static void test_unexpected_address(void **state)
{
    struct rig rig;
    struct hwsi_hello hello, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    rig_open(rig_last(&rig));
    assert_int_equal(hwsi_hello_decode(rig_expect(rig_last(&rig), HWSI_FRAME_HELLO), &hello), 0);
    peer.nonce = hello.nonce;
    peer.address = hws_slice_text("other:1");
    rig_hello(rig_last(&rig), HWSI_FRAME_WELCOME, &peer);
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_Gated, 0);
    assert_string_equal(event->reason, "unexpected");
    assert_non_null(strstr(event->detail, "answers as other:1"));
    rig_end(&rig);
}

static void test_refused_by_the_peer(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    rig_open(rig_last(&rig));
    rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_busy, 0);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->reason, "busy");
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->detail,
                        "the peer says: so be it");
    rig_end(&rig);
}

/* Both dial: the dial of RIG_HERE is kept against RIG_PEER, and given up against BEFORE_PEER. */
static void test_duplicate_dials(void **state)
{
    struct rig rig;
    struct hwsi_hello hello, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    struct rig_link *ours = rig_last(&rig);
    rig_open(ours);
    assert_int_equal(refusal_of(rig_connect_in(&rig, &peer)), HWSI_REFUSED_duplicate);
    assert_int_equal(hwsi_hello_decode(rig_expect(ours, HWSI_FRAME_HELLO), &hello), 0);
    peer.nonce = hello.nonce;
    peer.known_session = hello.session;
    rig_hello(ours, HWSI_FRAME_WELCOME, &peer);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    peer.known_session = 0;
    assert_int_equal(refusal_of(rig_connect_in(&rig, &peer)),
                     HWSI_REFUSED_duplicate); /* it crossed ours */
    rig_pass(&rig, 5 * HWS_SECOND);
    rig_connect_in(&rig, &peer); /* an old link of ours may be dead without our knowing */
    assert_true(ours->closing);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointDisconnected, 0)->reason, "replaced");
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);

    assert_int_equal(hws_associate(rig.system, BEFORE_PEER), 0);
    rig_turn(&rig);
    ours = rig_last(&rig);
    rig_open(ours);
    peer = rig_peer(78, 6);
    peer.address = hws_slice_text(BEFORE_PEER);
    welcome_of(rig_connect_in(&rig, &peer));
    assert_true(ours->closing);
    assert_int_equal(rig_statistics(&rig, BEFORE_PEER).state, HWS_ENDPOINT_connected);
    rig_end(&rig);
}

/* The peer keeps its own dial, which is still on its way: that is no failure of ours, and no question for the policy. */
static void test_refused_as_a_duplicate(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(78, 6);
    (void)state;
    rig_options(&rig, &options);
    options.reconnect_max_retries = 1;
    rig_start(&rig, &options);
    peer.address = hws_slice_text(BEFORE_PEER);
    assert_int_equal(rig_send(&rig, BEFORE_PEER "/a"), 0);
    rig_turn(&rig);
    for (int i = 0; i < 3; i++) {
        rig_open(rig_last(&rig));
        rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_duplicate, 0);
        rig_turn(&rig);
        assert_int_equal(rig_statistics(&rig, BEFORE_PEER).state, HWS_ENDPOINT_associating);
        assert_int_equal(rig_statistics(&rig, BEFORE_PEER).reconnect_attempts, 0);
        size_t links = rig.link_count;
        rig_pass(&rig, 5 * HWS_SECOND); /* it never came: dial again */
        assert_int_equal(rig.link_count, links + 1);
    }
    rig_expect(rig_connect_in(&rig, &peer), HWSI_FRAME_DELIVER);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointReconnect), 0);
    rig_end(&rig);
}

static void test_lost_welcome(void **state)
{
    struct rig rig;
    struct hwsi_hello welcome, again, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect_in(&rig, &peer);
    welcome = welcome_of(link);
    assert_int_equal(welcome.known_session, 5);
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    lose(&rig, link);
    link = rig_connect_in(&rig, &peer); /* it never saw our WELCOME, so it knows no session */
    again = welcome_of(link);
    assert_int_equal(again.session, welcome.session);
    assert_true(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->resumed);
    rig_expect(link, HWSI_FRAME_DELIVER);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_unacknowledged], 0);
    rig_end(&rig);
}

/* What was deferred is too large for the peer that then answers: one dead letter, and the level is what the ring has. */
static void test_too_large_for_who_answers(void **state)
{
    struct rig rig = { 0 };
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(77, 5);
    static uint8_t room[5003] = { 0xc5, 5000 >> 8, 5000 & 255 };
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_bytes = 8192;
    rig_start(&rig, &options);
    struct hws_pid *far = rig_pid(&rig, RIG_PEER "/far");
    assert_int_equal(
        hws_send(rig.system, far, &(struct hws_message){ .payload = { room, sizeof room } }), 0);
    assert_string_equal(rig_statistics(&rig, RIG_PEER).level, "warning");
    peer.max_frame_size = 2000;
    rig_connect(&rig, &peer);
    rig_turn(&rig);
    assert_string_equal(rig_statistics(&rig, RIG_PEER).level, "normal");
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_too_large], 1);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 1);
    hws_pid_release(far);
    rig_end(&rig);
}

/* A new uid: what was written is a dead letter, what was not goes to the new one. */
/* A dial that the peer gave up before it knew us is read after others: it must not end the association, which would lose messages. */
static void test_late_hello(void **state)
{
    struct rig rig = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect_in(&rig, &peer);
    struct hwsi_hello welcome = welcome_of(link);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    rig_control(link, HWSI_FRAME_ACK, 0, 1);
    rig_turn(&rig);
    assert_int_equal(refusal_of(rig_connect_in(&rig, &peer)), HWSI_REFUSED_duplicate);
    assert_false(link->closing);
    lose(&rig, link);
    peer.known_session = welcome.session;
    peer.received_user = 1;
    rig_expect(rig_connect_in(&rig, &peer), HWSI_FRAME_DELIVER); /* the second message */
    assert_true(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->resumed);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 0);
    rig_end(&rig);
}

static void test_peer_restarted(void **state)
{
    struct rig rig;
    struct hwsi_hello welcome, fresh, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect_in(&rig, &peer);
    welcome = welcome_of(link);
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    link->most = 3;
    rig_send(&rig, RIG_PEER "/b"); /* written in part: it can not have been processed */
    rig_turn(&rig);
    rig_send(&rig, RIG_PEER "/c");
    peer = rig_peer(78, 6);
    link = rig_connect_in(&rig, &peer);
    fresh = welcome_of(link);
    assert_int_not_equal(fresh.session, welcome.session);
    assert_int_equal(fresh.received_user, 0);
    assert_false(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->resumed);
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->uid, 78);
    for (int i = 0; i < 2; i++) {
        struct hwsi_deliver deliver;
        assert_int_equal(hwsi_deliver_decode(rig_expect(link, HWSI_FRAME_DELIVER), &deliver), 0);
        assert_int_equal(deliver.target.text.data[0], 'b' + i);
        assert_int_equal(deliver.target.index, i + 1); /* the new one's numbers */
    }
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.dead_letters[HWS_REASON_unacknowledged], 1);
    assert_int_equal(s.queue_size, 2);
    rig_control(link, HWSI_FRAME_ACK, 0, 2);
    rig_end(&rig);
}

/* The same process, but it gave us up meanwhile. */
static void test_new_session_of_the_same_uid(void **state)
{
    struct rig rig;
    struct hwsi_hello hello, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    lose(&rig, link);
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    link = rig_last(&rig);
    rig_open(link);
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    assert_int_equal(hello.known_session, 5);
    struct hwsi_hello welcome = rig_peer(77, 9);
    welcome.nonce = hello.nonce;
    welcome.known_session = hello.session; /* it took our HELLO for a new association's */
    rig_hello(link, HWSI_FRAME_WELCOME, &welcome);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_unacknowledged], 1);
    lose(&rig, link);
    rig_pass(&rig, 400 * HWS_MILLISECOND);
    link = rig_last(&rig);
    rig_open(link);
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    assert_int_equal(hello.known_session, 9);
    rig_end(&rig);
}

/* A WELCOME that claims more than was ever written to it, or less than it acknowledged. */
static void test_positions_that_lie(void **state)
{
    struct rig rig;
    struct hwsi_hello hello, welcome, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    for (int i = 0; i < 3; i++)
        rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    rig_control(link, HWSI_FRAME_ACK, 0, 2);
    lose(&rig, link);
    for (int i = 0; i < 2; i++) {
        rig_pass(&rig, HWS_SECOND);
        link = rig_last(&rig);
        rig_open(link);
        assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
        welcome = peer;
        welcome.nonce = hello.nonce;
        welcome.known_session = hello.session;
        welcome.received_user = i ? 1 : 4;
        rig_hello(link, HWSI_FRAME_WELCOME, &welcome);
        rig_turn(&rig);
        assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->reason, "protocol");
        assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
        assert_int_equal(rig_statistics(&rig, RIG_PEER).queue_size, 1);
    }
    rig_end(&rig);
}

/* The same in a HELLO, while a good link is up or the next try is planned: that link or plan is not given up for it. */
static void test_lying_hello_takes_nothing_away(void **state)
{
    struct rig rig;
    struct hwsi_hello liar, peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect_in(&rig, &peer);
    liar = peer;
    liar.known_session = welcome_of(link).session;
    liar.received_user = 100;
    assert_int_equal(refusal_of(rig_connect_in(&rig, &liar)), HWSI_REFUSED_protocol);
    assert_false(link->closing);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    rig_expect(link, HWSI_FRAME_DELIVER);
    lose(&rig, link);
    assert_int_equal(refusal_of(rig_connect_in(&rig, &liar)), HWSI_REFUSED_protocol);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    size_t links = rig.link_count;
    rig_pass(&rig, HWS_SECOND);
    assert_true(rig.link_count > links); /* the retry is still made */
    rig_end(&rig);
}

static void test_protocol_before_the_handshake(void **state)
{
    static const uint8_t junk[][8] = {
        { 0xff, 0xff, 0xff, 0xff }, { 0, 0, 0, 0 }, { 0, 0, 0, 2, 0x91, 0x07 }, { 0, 0, 0, 1, 0xc1 }
    };
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        struct rig_link *link = rig_accept(&rig);
        rig_feed(link, junk[i], i < 2 ? 4 : i == 2 ? 6 : 5);
        assert_int_equal(refusal_of(link), HWSI_REFUSED_protocol);
        rig_turn(&rig);
        assert_string_equal(rig_event(&rig, HWS_EVENT_LinkRefused, 0)->reason, "protocol");
        assert_string_equal(rig_event(&rig, HWS_EVENT_LinkRefused, 0)->address, "stranger");
    }
    assert_int_equal(rig_count(&rig, HWS_EVENT_LinkRefused), 4);
    rig_end(&rig);
}

static void test_silent_strangers(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_options(&rig, &options);
    options.pending_handshakes = 10;
    rig_start(&rig, &options);
    for (int i = 0; i < 10; i++)
        assert_non_null(rig_accept(&rig));
    assert_null(rig_accept(&rig));
    struct rig_link *first = rig.links[0];
    rig_pass(&rig, 5 * HWS_SECOND);
    assert_int_equal(refusal_of(first), HWSI_REFUSED_timeout);
    welcome_of(rig_connect_in(&rig, &peer)); /* there is room again */
    rig_end(&rig);
}

/* Anyone can cause refusals: each is an event, but only so many a second are lines in the log. */
static void test_refusals_do_not_fill_the_log(void **state)
{
    struct rig rig;
    struct hws_options options;
    size_t lines = 0;
    (void)state;
    rig_options(&rig, &options);
    options.pending_handshakes = 1;
    rig_start(&rig, &options);
    assert_non_null(rig_accept(&rig));
    rig.log_count = 0;
    for (int i = 0; i < 35; i++)
        assert_null(rig_accept(&rig));
    for (size_t i = 0; i < rig.log_count; i++)
        lines += strstr(rig.log[i], "LinkRefused") != NULL;
    assert_int_equal(lines, 10);
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_LinkRefused), 35);
    rig_pass(&rig, HWS_SECOND);
    assert_null(rig_accept(&rig));
    assert_true(rig_logged(&rig, "refused links and requests: 25 more were not logged"));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_version),
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_shutting_down),
        cmocka_unit_test(test_wrong_nonce),
        cmocka_unit_test(test_unexpected_address),
        cmocka_unit_test(test_refused_by_the_peer),
        cmocka_unit_test(test_duplicate_dials),
        cmocka_unit_test(test_refused_as_a_duplicate),
        cmocka_unit_test(test_lost_welcome),
        cmocka_unit_test(test_late_hello),
        cmocka_unit_test(test_too_large_for_who_answers),
        cmocka_unit_test(test_peer_restarted),
        cmocka_unit_test(test_new_session_of_the_same_uid),
        cmocka_unit_test(test_positions_that_lie),
        cmocka_unit_test(test_lying_hello_takes_nothing_away),
        cmocka_unit_test(test_protocol_before_the_handshake),
        cmocka_unit_test(test_silent_strangers),
        cmocka_unit_test(test_refusals_do_not_fill_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
