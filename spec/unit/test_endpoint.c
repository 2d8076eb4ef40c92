/* SPDX-License-Identifier: MIT */
/* The endpoint's state machine (remote/endpoint.h), transition by transition, with a transport and a clock of the test's own. */
#include "support_rig.h"

#include <string.h>

static void test_idle_to_associating(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating);
    assert_int_equal(rig.link_count, 0); /* not from inside the call */
    rig_turn(&rig);
    assert_int_equal(rig.link_count, 1);
    assert_string_equal(rig_last(&rig)->address, RIG_PEER);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_AssociationAttempt, 0);
    assert_string_equal(event->address, RIG_PEER);
    assert_int_equal(event->attempt, 0);
    assert_int_equal(event->incarnation, 1);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    assert_int_equal(rig.link_count, 1); /* one dial */
    rig_end(&rig);
}

static void test_associating_to_connected(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_slice body;
    (void)state;
    rig_start_default(&rig);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointConnected, 0);
    assert_string_equal(event->address, RIG_PEER);
    assert_string_equal(event->name, "peer");
    assert_int_equal(event->uid, 77);
    assert_int_equal(event->incarnation, 1);
    assert_false(event->resumed);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointReconnect),
                     0);          /* the first time is no reconnect */
    for (int i = 0; i < 3; i++) { /* what was deferred is flushed */
        struct hwsi_deliver deliver;
        body = rig_expect(link, HWSI_FRAME_DELIVER);
        assert_int_equal(hwsi_deliver_decode(body, &deliver), 0);
        assert_int_equal(deliver.target.index, 1);
        assert_int_equal(deliver.target.text.size, i == 0 ? 1 : 0); /* defined once */
    }
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.queue_size, 3);
    assert_int_equal(s.connects, 1);
    assert_string_equal(s.name, "peer");
    assert_string_equal(s.reason, "");
    rig_control(link, HWSI_FRAME_ACK, 0, 3);
    s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.queue_size, 0);
    assert_int_equal(s.queue_bytes, 0);
    assert_int_equal(s.deliver_success, 3);
    rig_end(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointTerminated), 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->reason, "shutdown");
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->count, 0);
}

static void test_backoff_until_given_up(void **state)
{
    static const uint64_t delays[] = { 200, 400, 800, 1600, 3200 };
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    for (uint64_t try = 0; try < 5; try++) {
        assert_int_equal(rig.link_count, try + 1);
        rig_close(rig_last(&rig), HWS_EREFUSED, "nobody listens there");
        rig_turn(&rig);
        assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
        const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointReconnect, 0);
        assert_int_equal(event->attempt, try + 1);
        assert_int_equal(event->delay, delays[try] * HWS_MILLISECOND);
        assert_string_equal(event->reason, "refused");
        assert_string_equal(event->detail, "nobody listens there");
        assert_false(event->success);
        struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
        assert_int_equal(s.next, rig.now + delays[try] * HWS_MILLISECOND);
        assert_int_equal(s.reconnect_attempts, try + 1);
        assert_string_equal(s.reason, "nobody listens there");
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0); /* deferred: it was never connected */
        rig_pass(&rig, delays[try] * HWS_MILLISECOND - 1);
        assert_int_equal(rig.link_count, try + 1);
        rig_pass(&rig, 1);
        assert_int_equal(rig_event(&rig, HWS_EVENT_AssociationAttempt, 0)->attempt, try + 1);
    }
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody listens there");
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointTerminated, 0);
    assert_string_equal(event->reason, "refused");
    assert_string_equal(event->detail, "gave up after 5 tries (6.2 s); last: nobody listens there");
    assert_int_equal(event->count, 6);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 6);
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "disconnected");
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.dead_letters[HWS_REASON_disconnected], 6);
    assert_int_equal(s.deliver_failure, 6);
    assert_int_equal(s.queue_size, 6); /* last values */
    rig_end(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointTerminated), 1); /* told once */
}

static void test_timeouts(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    rig_pass(&rig, 5 * HWS_SECOND - 1);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating);
    rig_pass(&rig, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->reason, "timeout");
    assert_non_null(
        strstr(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->detail, "connect_timeout"));
    assert_true(rig.links[0]->gone);
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    rig_open(rig_last(&rig)); /* it connects and says nothing */
    rig_pass(&rig, 5 * HWS_SECOND - 1);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointReconnect), 1);
    rig_pass(&rig, 1);
    assert_non_null(
        strstr(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->detail, "handshake_timeout"));
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->attempt, 2);
    rig_end(&rig);
}

static void test_link_lost_and_resumed(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    rig_close(link, HWS_ERESET, "it broke");
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointDisconnected, 0);
    assert_string_equal(event->reason, "reset");
    assert_string_equal(event->detail, "it broke");
    assert_int_equal(event->uid, 77);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"),
                     HWS_EDISCONNECTED); /* the default while reconnecting */
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    link = rig_last(&rig);
    rig_open(link);
    struct hwsi_hello hello, welcome = peer;
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    assert_int_equal(hello.known_session, 5);
    welcome.known_session = hello.session;
    welcome.nonce = hello.nonce;
    welcome.received_user = 3;
    rig_hello(link, HWSI_FRAME_WELCOME, &welcome);
    rig_turn(&rig);
    assert_true(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->resumed);
    event = rig_event(&rig, HWS_EVENT_EndpointReconnect, 0);
    assert_true(event->success);
    assert_int_equal(event->attempt, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "normal");
    rig_expect(link, HWSI_FRAME_DELIVER); /* the fourth, and nothing else */
    struct hws_slice body;
    assert_int_equal(rig_frame(link, &body), -1);
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.deliver_success, 3);
    assert_int_equal(s.resent, 1);
    assert_int_equal(s.connects, 2);
    assert_int_equal(s.dead_letters[HWS_REASON_disconnected], 1);
    rig_end(&rig);
}

static void test_attempts_reset_when_stable(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_close(link, HWS_ERESET, "it broke");
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->incarnation, 1);
    link = rig_connect_in(&rig, &peer);
    rig_pass(&rig, 5 * HWS_SECOND - 1);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).reconnect_attempts, 1);
    rig_close(link, HWS_ERESET, "it broke"); /* too early: the count goes on */
    rig_turn(&rig);
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->attempt, 2);
    link = rig_connect_in(&rig, &peer);
    rig_pass(&rig, 5 * HWS_SECOND);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).reconnect_attempts, 0);
    rig_close(link, HWS_ERESET, "it broke");
    rig_turn(&rig);
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->attempt, 1);
    rig_end(&rig);
}

static void test_close_and_a_new_life(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_control bye;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "why"), HWS_ENOTFOUND);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "not wanted"), 0);
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_BYE), &bye), 0);
    assert_int_equal(bye.a, HWSI_REFUSED_closed);
    assert_int_equal(bye.text.size, strlen("not wanted"));
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->detail, "not wanted");
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "again"), 0);
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointTerminated), 1);
    rig_connect(&rig, &peer); /* a tombstone is no obstacle */
    assert_int_equal(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->incarnation, 2);
    rig_end(&rig);
}

static void test_late_end_of_an_old_link(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *old = rig_connect(&rig, &peer);
    assert_int_equal(hws_cut_link(rig.system, RIG_PEER), 0);
    assert_int_equal(hws_cut_link(rig.system, RIG_PEER), HWS_EDISCONNECTED);
    struct rig_link *link = rig_accept(&rig);
    rig_hello(link, HWSI_FRAME_HELLO, &peer);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    size_t lost = rig_count(&rig, HWS_EVENT_EndpointDisconnected);
    rig_close(old, HWS_ERESET, "late");
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointDisconnected), lost + 1); /* the cut's own */
    rig_end(&rig);
}

static void test_undialable(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    rig.dial_error = HWS_EADDRESS;
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(rig_send(&rig, "pigeon:coop/a"),
                     0); /* tcp is what a host without scheme means */
    rig_pass(&rig, 60 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->reason, "unreachable");
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_disconnected], 1);
    rig_end(&rig);
}

static void test_never_dialable(void **state)
{
    struct rig rig;
    struct hws_endpoint_statistics statistics;
    char message[128] = "";
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_check_address(rig.system, "never:1", message, sizeof message),
                     HWS_EADDRESS);
    assert_string_equal(message, "never:1 is never there");
    assert_int_equal(hws_check_address(rig.system, RIG_HERE, message, sizeof message),
                     HWS_EADDRESS);
    assert_non_null(strstr(message, "it is the system's own address"));
    assert_int_equal(hws_check_address(rig.system, "nonsense", message, sizeof message),
                     HWS_EADDRESS);
    assert_non_null(strstr(message, "no transport speaks this address"));
    assert_int_equal(hws_check_address(rig.system, RIG_PEER, NULL, 0), 0);
    assert_int_equal(hws_associate(rig.system, "never:1"), HWS_EADDRESS);
    assert_int_equal(rig_send(&rig, "never:1/a"), HWS_EADDRESS);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "disconnected");
    assert_int_equal(hws_statistics(rig.system, "never:1", &statistics), HWS_ENOTFOUND);
    assert_int_equal(rig_count(&rig, HWS_EVENT_AssociationAttempt), 0);
    rig_end(&rig);
}

static void test_no_auto_start(void **state)
{
    struct rig rig;
    struct hws_options options;
    (void)state;
    rig_options(&rig, &options);
    options.auto_start = 0;
    rig_start(&rig, &options);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_EDISCONNECTED);
    rig_turn(&rig);
    assert_int_equal(rig.link_count, 0);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_idle);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_end(&rig);
}

static void test_queue_full(void **state)
{
    struct rig rig;
    struct hws_options options;
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = 10;
    rig_start(&rig, &options);
    for (int i = 0; i < 10; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_EFULL); /* the newest becomes the letter */
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.queue_size, 10);
    assert_int_equal(s.dead_letters[HWS_REASON_queue_full], 1);
    rig_end(&rig);
}

static void test_throttle_levels(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = 100;
    rig_start(&rig, &options);
    struct rig_link *link = rig_connect(&rig, &peer);
    for (int i = 0; i < 59; i++)
        rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 0);
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "warning");
    for (int i = 60; i < 85; i++)
        rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "critical");
    assert_string_equal(rig_statistics(&rig, RIG_PEER).level, "critical");
    rig_control(link, HWSI_FRAME_ACK, 0, 4); /* 81 left: within the hysteresis */
    for (int i = 0; i < 4; i++)
        rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 2);
    rig_control(link, HWSI_FRAME_ACK, 0, 9); /* 80: left */
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "warning");
    rig_control(link, HWSI_FRAME_ACK, 0, 89);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointThrottled, 0)->level, "normal");
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointThrottled), 4);
    rig_end(&rig);
}

/* The winner of the name order dials, but can't get through; the other can. */
static void test_peer_dials_while_ours_hangs(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig); /* dialled, not open: the peer has not heard of us */
    rig_connect_in(&rig, &peer);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_true(rig.links[0]->closing);
    rig_end(&rig);
}

static void test_tombstones_at_shutdown(void **state)
{
    struct rig rig;
    struct hws_options options;
    (void)state;
    rig_options(&rig, &options);
    options.tombstones = 1;
    rig_start(&rig, &options);
    assert_int_equal(hws_associate(rig.system, "one:1"), 0);
    assert_int_equal(hws_associate(rig.system, "two:1"), 0);
    assert_int_equal(hws_associate(rig.system, "three:1"), 0);
    rig_turn(&rig);
    assert_int_equal(hws_close_endpoint(rig.system, "two:1", "x"), 0);
    rig_end(&rig);
}

static void test_tombstones_expire(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct hws_endpoint_statistics s;
    (void)state;
    rig_options(&rig, &options);
    options.tombstones = 1;
    rig_start(&rig, &options);
    assert_int_equal(hws_associate(rig.system, "one:1"), 0);
    assert_int_equal(hws_associate(rig.system, "two:1"), 0);
    assert_int_equal(hws_close_endpoint(rig.system, "one:1", "x"), 0);
    assert_int_equal(hws_close_endpoint(rig.system, "two:1", "x"), 0);
    assert_int_equal(hws_statistics(rig.system, "one:1", &s),
                     HWS_ENOTFOUND); /* the older one goes */
    assert_int_equal(hws_statistics(rig.system, "two:1", &s), 0);
    rig_pass(&rig, 3600 * HWS_SECOND);
    assert_int_equal(hws_statistics(rig.system, "two:1", &s), HWS_ENOTFOUND);
    rig_end(&rig);
}

/* Its time is over, but no turn has come yet. */
static void test_tombstone_overdue_is_used(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "x"), 0);
    rig_turn(&rig);
    rig.now += 3601 * HWS_SECOND;
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_to_associating),
        cmocka_unit_test(test_associating_to_connected),
        cmocka_unit_test(test_backoff_until_given_up),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_link_lost_and_resumed),
        cmocka_unit_test(test_attempts_reset_when_stable),
        cmocka_unit_test(test_close_and_a_new_life),
        cmocka_unit_test(test_late_end_of_an_old_link),
        cmocka_unit_test(test_undialable),
        cmocka_unit_test(test_never_dialable),
        cmocka_unit_test(test_no_auto_start),
        cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_throttle_levels),
        cmocka_unit_test(test_peer_dials_while_ours_hangs),
        cmocka_unit_test(test_tombstones_at_shutdown),
        cmocka_unit_test(test_tombstones_expire),
        cmocka_unit_test(test_tombstone_overdue_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
