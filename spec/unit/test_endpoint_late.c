/* SPDX-License-Identifier: MIT */
/* What is left of an endpoint's earlier life or link comes late, and never touches what is there now. */
#include "support_rig.h"

#include <string.h>

#include "hawser/system.h"

static const struct hwsi_hello *peer(uint64_t uid)
{
    static struct hwsi_hello hello;
    hello = rig_peer(uid, 5);
    return &hello;
}

static void close_it(struct rig *rig)
{
    assert_int_equal(hws_close_endpoint(rig->system, RIG_PEER, "enough"), 0);
}

static void associate(struct rig *rig)
{
    assert_int_equal(hws_associate(rig->system, RIG_PEER), 0);
}

/* A second life whose first dial is under way; the first life's dial is still to end. */
static struct rig_link *dial_twice(struct rig *rig)
{
    rig_start_default(rig);
    associate(rig);
    hws_turn(rig->system);
    struct rig_link *old = rig_last(rig);
    close_it(rig);
    associate(rig);
    hws_turn(rig->system); /* which does not tell the links that are closed */
    assert_int_equal(rig->link_count, 2);
    assert_false(old->gone);
    return old;
}

static void check_dialing(struct rig *rig, size_t events)
{
    struct hws_endpoint_statistics s = rig_statistics(rig, RIG_PEER);
    assert_int_equal(s.state, HWS_ENDPOINT_associating);
    assert_int_equal(s.incarnation, 2);
    assert_int_equal(s.step, HWS_STEP_timeout);
    assert_int_equal(s.reconnect_attempts, 0);
    assert_int_equal(rig->event_count, events);
    assert_int_equal(rig->link_count, 2);
}

static void test_old_dial_fails(void **state)
{
    struct rig rig;
    (void)state;
    struct rig_link *old = dial_twice(&rig);
    size_t events = rig.event_count;
    rig_close(old, HWS_EREFUSED, "nobody there");
    hws_turn(rig.system);
    check_dialing(&rig, events);
    rig_end(&rig);
}

static void test_old_dial_opens(void **state)
{
    struct rig rig;
    (void)state;
    struct rig_link *old = dial_twice(&rig);
    size_t events = rig.event_count;
    rig_open(old);
    assert_int_equal(old->out_size, 0); /* no HELLO */
    rig_hello(old, HWSI_FRAME_WELCOME, peer(77));
    hws_turn(rig.system);
    check_dialing(&rig, events);
    rig_end(&rig);
}

static void test_old_dial_times_out(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    associate(&rig);
    rig_turn(&rig);
    rig_pass(&rig, 4 * HWS_SECOND);
    close_it(&rig);
    associate(&rig);
    rig_turn(&rig);
    size_t events = rig.event_count;
    rig_pass(&rig, 2 * HWS_SECOND); /* the first dial's connect_timeout */
    check_dialing(&rig, events);
    rig_end(&rig);
}

static void test_old_retry_timer(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    associate(&rig);
    rig_turn(&rig);
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
    rig_pass(&rig, 100 * HWS_MILLISECOND);
    close_it(&rig);
    associate(&rig);
    rig_turn(&rig);
    size_t events = rig.event_count;
    rig_pass(&rig, HWS_SECOND);
    check_dialing(&rig, events);
    rig_end(&rig);
}

static void test_retry_timer_of_a_closed_one(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    associate(&rig);
    rig_turn(&rig);
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
    close_it(&rig);
    rig_pass(&rig, HWS_SECOND);
    assert_int_equal(rig.link_count, 1);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    rig_end(&rig);
}

static void begin_again(void *data)
{
    struct rig *rig = data;
    close_it(rig);
    associate(rig);
}

/* The end of the first life and its retry are due in the same turn. */
static void test_retry_due_in_the_turn_that_ends_it(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    associate(&rig);
    rig_turn(&rig);
    assert_int_equal(hws_after(rig.system, 200 * HWS_MILLISECOND, begin_again, &rig, NULL), 0);
    rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
    assert_int_equal(rig_statistics(&rig, RIG_PEER).next, rig.now + 200 * HWS_MILLISECOND);
    rig_pass(&rig, HWS_SECOND);
    check_dialing(&rig, rig.event_count);
    assert_int_equal(rig_count(&rig, HWS_EVENT_AssociationAttempt), 2);
    rig_end(&rig);
}

static void test_old_heartbeat(void **state)
{
    struct rig rig;
    struct hwsi_control ping;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *old = rig_connect(&rig, peer(77));
    assert_int_equal(hwsi_control_decode(rig_expect(old, HWSI_FRAME_PING), &ping), 0);
    close_it(&rig);
    associate(&rig);
    hws_turn(rig.system);
    rig_control(old, HWSI_FRAME_PONG, ping.a, 0); /* late */
    rig_turn(&rig);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).rtt_count, 0);
    rig_pass(&rig, 4 * HWS_SECOND); /* the first life's patience is over */
    assert_int_equal(rig_count(&rig, HWS_EVENT_Suspect), 0);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating);
    rig_end(&rig);
}

static void test_old_link_speaks_and_ends(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *old = rig_connect(&rig, peer(77));
    assert_int_equal(hws_cut_link(rig.system, RIG_PEER), 0);
    struct rig_link *link = rig_accept(&rig);
    rig_hello(link, HWSI_FRAME_HELLO, peer(77));
    hws_turn(rig.system);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    size_t events = rig.event_count;
    struct hws_endpoint_statistics before = rig_statistics(&rig, RIG_PEER);
    rig_control(old, HWSI_FRAME_BYE, HWSI_REFUSED_quarantined, 0);
    rig_deliver(old, &(struct hwsi_deliver){ .target = { 1, hws_slice_text("a") },
                                             .payload = rig_value() });
    rig_close(old, HWS_ERESET, "late");
    hws_turn(rig.system);
    struct hws_endpoint_statistics after = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(after.state, HWS_ENDPOINT_connected);
    assert_int_equal(after.received, before.received);
    assert_int_equal(after.received_bytes, before.received_bytes);
    assert_int_equal(after.since, before.since);
    assert_memory_equal(after.disconnects, before.disconnects, sizeof after.disconnects);
    assert_int_equal(rig.event_count, events);
    rig_end(&rig);
}

static void test_old_stable_timer(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, peer(77));
    rig_close(link, HWS_ERESET, "it broke");
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    for (int i = 0; i < 3; i++) { /* the link lasted less than stable_after, and it is over */
        rig_close(rig_last(&rig), HWS_EREFUSED, "nobody there");
        rig_pass(&rig, 2 * HWS_SECOND);
    }
    assert_int_equal(rig_statistics(&rig, RIG_PEER).reconnect_attempts, 4);
    rig_end(&rig);
}

static void test_old_deadlines_of_shutting_out(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    rig_connect(&rig, peer(77));
    assert_int_equal(hws_quarantine(rig.system, RIG_PEER, "it lies", 60 * HWS_SECOND), 0);
    rig_turn(&rig);
    rig_connect_in(&rig, peer(78)); /* another uid: released, and a life of its own */
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    close_it(&rig);
    associate(&rig);
    rig_turn(&rig);
    rig_open(rig_last(&rig));
    rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_blocked, 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_gated);
    rig_connect_in(&rig, peer(78)); /* the peer has changed its mind */
    rig_control(rig_last(&rig), HWSI_FRAME_ACK, 0, 0);
    size_t attempts = rig_count(&rig, HWS_EVENT_AssociationAttempt);
    for (int i = 0; i < 7; i++) { /* past the gate and the quarantine; a byte now and then */
        rig_pass(&rig, 10 * HWS_SECOND);
        rig_control(rig_last(&rig), HWSI_FRAME_ACK, 0, 0);
    }
    assert_int_equal(rig_count(&rig, HWS_EVENT_AssociationAttempt), attempts);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Released), 1);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).incarnation, 3);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_dial_fails),
        cmocka_unit_test(test_old_dial_opens),
        cmocka_unit_test(test_old_dial_times_out),
        cmocka_unit_test(test_old_retry_timer),
        cmocka_unit_test(test_retry_timer_of_a_closed_one),
        cmocka_unit_test(test_retry_due_in_the_turn_that_ends_it),
        cmocka_unit_test(test_old_heartbeat),
        cmocka_unit_test(test_old_link_speaks_and_ends),
        cmocka_unit_test(test_old_stable_timer),
        cmocka_unit_test(test_old_deadlines_of_shutting_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
