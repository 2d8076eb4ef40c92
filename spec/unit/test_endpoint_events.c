/* SPDX-License-Identifier: MIT */
/* Each transition of the endpoint's chart (remote/endpoint.h) and its event: from where, since when, why, and what comes next. */
#include "support_rig.h"

#include <string.h>

#include "remote/endpoint.h"

#define PEER_UID 77 /* smaller than any that is drawn: its stream names the association */
#define HELD (3 * HWS_SECOND)

static const struct hwsi_hello *peer(uint64_t uid)
{
    static struct hwsi_hello hello;
    hello = rig_peer(uid, 5);
    return &hello;
}

/* --- into each state --- */

static void reach_idle(struct rig *rig)
{
    (void)rig;
}

static void reach_associating(struct rig *rig)
{
    assert_int_equal(hws_associate(rig->system, RIG_PEER), 0);
    rig_turn(rig);
}

static void reach_connected(struct rig *rig)
{
    rig_connect(rig, peer(PEER_UID));
}

static void answer(struct rig *rig)
{
    struct rig_link *link = rig_last(rig);
    struct hwsi_control ping;
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_PING), &ping), 0);
    rig_control(link, HWSI_FRAME_PONG, ping.a, 0);
}

static void reach_answered(struct rig *rig)
{
    reach_connected(rig);
    answer(rig);
}

static void reach_suspended(struct rig *rig)
{
    reach_connected(rig);
    rig_pass(rig, 2 * HWS_SECOND); /* the first PING is not answered */
}

static void reach_reconnecting(struct rig *rig)
{
    reach_associating(rig);
    rig_close(rig_last(rig), HWS_EREFUSED, "nobody there");
    rig_turn(rig);
}

static void reach_gated(struct rig *rig)
{
    reach_associating(rig);
    rig_open(rig_last(rig));
    rig_control(rig_last(rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_version, 0);
    rig_turn(rig);
}

static void reach_closed(struct rig *rig)
{
    reach_connected(rig);
    assert_int_equal(hws_close_endpoint(rig->system, RIG_PEER, "enough"), 0);
    rig_turn(rig);
}

static void reach_quarantined(struct rig *rig)
{
    reach_connected(rig);
    assert_int_equal(hws_quarantine(rig->system, RIG_PEER, "it lies", 60 * HWS_SECOND), 0);
    rig_turn(rig);
}

static void met_before(struct rig *rig, void (*reach)(struct rig *rig))
{
    reach_closed(rig);
    reach(rig);
}

static void reach_associating_met(struct rig *rig)
{
    met_before(rig, reach_associating);
}

static void reach_reconnecting_met(struct rig *rig)
{
    met_before(rig, reach_reconnecting);
}

static void reach_gated_met(struct rig *rig)
{
    met_before(rig, reach_gated);
}

/* --- what happens then --- */

static void associate(struct rig *rig)
{
    assert_int_equal(hws_associate(rig->system, RIG_PEER), 0);
}

static void close_it(struct rig *rig)
{
    assert_int_equal(hws_close_endpoint(rig->system, RIG_PEER, "enough"), 0);
}

static void quarantine(struct rig *rig)
{
    assert_int_equal(hws_quarantine(rig->system, RIG_PEER, "it lies", 60 * HWS_SECOND), 0);
}

static void release(struct rig *rig)
{
    assert_int_equal(hws_release(rig->system, RIG_PEER), 0);
}

static void dial_in(struct rig *rig)
{
    rig_connect_in(rig, peer(PEER_UID));
}

static void dial_fails(struct rig *rig)
{
    rig_close(rig_last(rig), HWS_EREFUSED, "nobody there");
}

static void next_dial_fails(struct rig *rig)
{
    rig_pass(rig, 200 * HWS_MILLISECOND);
    dial_fails(rig);
}

static void refused(struct rig *rig)
{
    rig_open(rig_last(rig));
    rig_control(rig_last(rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_blocked, 0);
}

static void next_dial_refused(struct rig *rig)
{
    rig_pass(rig, 200 * HWS_MILLISECOND);
    refused(rig);
}

static void said_goodbye(struct rig *rig)
{
    rig_control(rig_last(rig), HWSI_FRAME_BYE, HWSI_REFUSED_quarantined, 0);
}

static void link_breaks(struct rig *rig)
{
    rig_close(rig_last(rig), HWS_ERESET, "it broke");
}

static void nothing_for_a_while(struct rig *rig)
{
    rig_pass(rig, 60 * HWS_SECOND);
}

#define FORGET 3600
#define UNSAID UINT64_MAX /* only what the statistics say */

static const struct row {
    enum hws_endpoint_state from, to;
    enum hws_event_type event;
    void (*reach)(struct rig *rig);
    uint64_t held; /* in that state, ns */
    void (*act)(struct rig *rig);
    const char *reason, *step;
    uint64_t due; /* after the event, ns */
} rows[] = {
#define ROW(from, to, event, reach, held, act, reason, step, due) \
    {                                                             \
        HWS_ENDPOINT_##from,                                      \
        HWS_ENDPOINT_##to,                                        \
        HWS_EVENT_##event,                                        \
        reach,                                                    \
        held,                                                     \
        act,                                                      \
        reason,                                                   \
        step,                                                     \
        due                                                       \
    },
#define SECONDS(n) ((n)*HWS_SECOND)
    ROW(idle, associating, EndpointAssociating, reach_idle, 0, associate, "", "dial", 0) ROW(
        closed, associating, EndpointAssociating, reach_closed, HELD, associate, "", "dial",
        0) ROW(gated, associating, EndpointAssociating, reach_gated, HELD, nothing_for_a_while, "",
               "dial", 0) ROW(associating, connected, EndpointConnected, reach_associating, HELD,
                              dial_in, "", "suspect",
                              UNSAID) ROW(reconnecting, connected, EndpointConnected,
                                          reach_reconnecting, 100, dial_in, "", "suspect", UNSAID)
        ROW(gated, connected, EndpointConnected, reach_gated, HELD, dial_in, "", "suspect",
            UNSAID) ROW(connected, connected, EndpointConnected, reach_answered, SECONDS(6),
                        dial_in, "", "suspect", UNSAID) ROW(suspended, connected, EndpointConnected,
                                                            reach_suspended, SECONDS(6), dial_in,
                                                            "", "suspect", UNSAID)
            ROW(suspended, connected, Reachable, reach_suspended, HELD, answer, "", "ping",
                SECONDS(15)) ROW(connected, suspended, EndpointSuspended, reach_connected, 0,
                                 nothing_for_a_while, "", "disconnect",
                                 UNSAID) ROW(associating, reconnecting, EndpointReconnect,
                                             reach_associating, HELD, dial_fails, "refused", "dial",
                                             200 * HWS_MILLISECOND)
                ROW(reconnecting, reconnecting, EndpointReconnect, reach_reconnecting, 0,
                    next_dial_fails, "refused", "dial",
                    400 * HWS_MILLISECOND) ROW(connected, reconnecting,
                                               EndpointReconnect, reach_connected, 100, link_breaks,
                                               "reset", "dial", 200 * HWS_MILLISECOND)
                    ROW(suspended, reconnecting, EndpointReconnect, reach_suspended, HELD,
                        link_breaks, "reset", "dial",
                        200 *
                            HWS_MILLISECOND) ROW(associating, gated, Gated, reach_associating, HELD,
                                                 refused, "blocked", "dial", SECONDS(5))
                        ROW(reconnecting, gated, Gated, reach_reconnecting, 0, next_dial_refused,
                            "blocked", "dial", SECONDS(5))
                            ROW(connected, gated, Gated, reach_connected, 100, said_goodbye,
                                "quarantined", "dial", SECONDS(5))
                                ROW(associating, quarantined, Quarantined, reach_associating_met,
                                    HELD, quarantine, "", "release",
                                    SECONDS(60)) ROW(connected,
                                                     quarantined, Quarantined, reach_connected,
                                                     100, quarantine, "", "release", SECONDS(60))
                                    ROW(suspended, quarantined, Quarantined, reach_suspended,
                                        HELD, quarantine, "", "release", SECONDS(60))
                                        ROW(reconnecting, quarantined, Quarantined,
                                            reach_reconnecting_met,
                                            100, quarantine, "", "release", SECONDS(60))
                                            ROW(gated, quarantined, Quarantined, reach_gated_met,
                                                HELD, quarantine, "", "release", SECONDS(60))
                                                ROW(closed, quarantined, Quarantined, reach_closed,
                                                    HELD, quarantine, "", "release", SECONDS(60))
                                                    ROW(quarantined, quarantined, Quarantined,
                                                        reach_quarantined, HELD, quarantine, "",
                                                        "release",
                                                        SECONDS(60)) ROW(quarantined, closed,
                                                                         Released,
                                                                         reach_quarantined, HELD,
                                                                         release, "operator",
                                                                         "forget", SECONDS(FORGET))
                                                        ROW(associating, closed, EndpointTerminated,
                                                            reach_associating, HELD, close_it,
                                                            "closed", "forget", SECONDS(FORGET))
                                                            ROW(connected, closed,
                                                                EndpointTerminated, reach_connected,
                                                                100, close_it, "closed", "forget",
                                                                SECONDS(FORGET))
                                                                ROW(suspended, closed,
                                                                    EndpointTerminated,
                                                                    reach_suspended, HELD, close_it,
                                                                    "closed", "forget",
                                                                    SECONDS(FORGET))
                                                                    ROW(reconnecting, closed,
                                                                        EndpointTerminated,
                                                                        reach_reconnecting, 100,
                                                                        close_it, "closed",
                                                                        "forget", SECONDS(FORGET))
                                                                        ROW(gated, closed,
                                                                            EndpointTerminated,
                                                                            reach_gated, HELD,
                                                                            close_it, "closed",
                                                                            "forget",
                                                                            SECONDS(FORGET))
#undef ROW
};
#define ROWS (sizeof rows / sizeof *rows)

/* The event of the change that `act` led to: not one of the way there, nor of what came after. */
static const struct rig_event *event_of(const struct rig *rig, size_t from, const struct row *row)
{
    for (size_t i = from; i < rig->event_count; i++)
        if (rig->events[i].type == row->event)
            return &rig->events[i];
    fail_msg("no %s was published", hws_event_name(row->event));
    return NULL;
}

static void check_correlation(struct rig *rig, const struct rig_event *event)
{
    struct hws_correlation own = rig_statistics(rig, RIG_PEER).correlation;
    bool met = rig_count(rig, HWS_EVENT_EndpointConnected) > 0 &&
               event->incarnation == rig_event(rig, HWS_EVENT_EndpointConnected, 0)->incarnation;
    assert_int_equal(event->correlation.hi, own.hi);
    assert_int_equal(event->correlation.lo, 0);
    assert_int_equal(own.hi == PEER_UID * 1000, met); /* the peer's seed */
}

static void run(const struct row *row)
{
    struct rig rig;
    struct hws_endpoint_statistics before = { 0 }, after;
    rig_start_default(&rig);
    row->reach(&rig);
    rig_pass(&rig, row->held);
    if (hws_statistics(rig.system, RIG_PEER, &before))
        before.since = rig.now; /* idle for no time */
    assert_int_equal(before.state, row->from);
    size_t count = rig.event_count;
    row->act(&rig);
    assert_int_equal(hws_statistics(rig.system, RIG_PEER, &after), 0);
    rig_turn(&rig);
    const struct rig_event *event = event_of(&rig, count, row);
    assert_string_equal(event->address, RIG_PEER);
    assert_string_equal(event->from, hws_endpoint_state_name(row->from));
    assert_string_equal(event->state, hws_endpoint_state_name(row->to));
    assert_int_equal(event->since, before.since);
    assert_true(event->time - event->since >= row->held);
    assert_string_equal(event->reason, row->reason);
    assert_string_equal(event->step, row->step);
    assert_int_equal(event->uid, after.uid);
    assert_int_equal(event->incarnation, after.incarnation);
    if (row->due != UNSAID)
        assert_int_equal(event->next, event->time + row->due);
    if (after.since == event->time && after.state == row->to && row->to != HWS_ENDPOINT_associating)
        assert_int_equal(event->next, after.next);
    check_correlation(&rig, event);
    rig_end(&rig);
}

static void test_each_transition(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        print_message("%s -> %s\n", hws_endpoint_state_name(rows[i].from),
                      hws_endpoint_state_name(rows[i].to));
        run(&rows[i]);
    }
}

static bool has_row(enum hws_endpoint_state from, enum hws_endpoint_state to,
                    enum hws_event_type event)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].from == from && rows[i].to == to && rows[i].event == event)
            return true;
    return false;
}

/* The table here and the chart are the same. */
static void test_the_chart(void **state)
{
    (void)state;
    for (int from = 0; from < HWS_ENDPOINT_STATE_COUNT; from++)
        for (int to = 0; to < HWS_ENDPOINT_STATE_COUNT; to++)
            for (int event = 0; event < HWS_EVENT_COUNT; event++)
                assert_int_equal(hwsi_endpoint_on_the_chart(from, to, event),
                                 has_row(from, to, event));
}

/* --- the next step comes, and when it was said --- */

static const struct promise {
    const char *step;
    void (*reach)(struct rig *rig);
    enum hws_event_type event;
    const char *reason;
} promises[] = {
    { "timeout", reach_associating, HWS_EVENT_EndpointReconnect, "timeout" },
    { "dial", reach_reconnecting, HWS_EVENT_AssociationAttempt, "" },
    { "dial", reach_gated, HWS_EVENT_AssociationAttempt, "" },
    { "suspect", reach_connected, HWS_EVENT_EndpointSuspended, "" },
    { "disconnect", reach_suspended, HWS_EVENT_EndpointDisconnected, "heartbeat" },
    { "release", reach_quarantined, HWS_EVENT_Released, "deadline" },
};

static void test_next_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        struct rig rig;
        rig_start_default(&rig);
        promises[i].reach(&rig);
        struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
        size_t count = rig_count(&rig, promises[i].event);
        assert_string_equal(hws_endpoint_step_name(s.step), promises[i].step);
        rig_pass(&rig, s.next - rig.now - 1);
        assert_int_equal(rig_count(&rig, promises[i].event), count);
        rig_pass(&rig, 1);
        assert_int_equal(rig_count(&rig, promises[i].event), count + 1);
        assert_string_equal(rig_event(&rig, promises[i].event, 0)->reason, promises[i].reason);
        rig_end(&rig);
    }
}

static void test_next_ping(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    reach_connected(&rig);
    answer(&rig);
    rig_pass(&rig, HWS_SECOND);
    rig_control(rig_last(&rig), HWSI_FRAME_ACK, 0, 0); /* a byte: the PING is put off */
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.step, HWS_STEP_ping);
    assert_int_equal(s.next, rig.now + 15 * HWS_SECOND);
    struct hws_slice body;
    rig_pass(&rig, s.next - rig.now - 1);
    while (rig_frame(rig_last(&rig), &body) >= 0)
        assert_int_not_equal(hwsi_frame_kind(body), HWSI_FRAME_PING);
    rig_pass(&rig, 1);
    rig_expect(rig_last(&rig), HWSI_FRAME_PING);
    rig_end(&rig);
}

static void test_next_forgets(void **state)
{
    struct rig rig;
    struct hws_endpoint_statistics s;
    (void)state;
    rig_start_default(&rig);
    reach_closed(&rig);
    s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.step, HWS_STEP_forget);
    rig_pass(&rig, s.next - rig.now - 1);
    assert_int_equal(hws_statistics(rig.system, RIG_PEER, &s), 0);
    rig_pass(&rig, 1);
    assert_int_equal(hws_statistics(rig.system, RIG_PEER, &s), HWS_ENOTFOUND);
    rig_end(&rig);
}

/* Both ends name the association alike, whoever dialled and whichever uid is smaller. */
static void test_correlation_of_both_ends(void **state)
{
    (void)state;
    for (uint64_t uid = 1; uid; uid = uid == 1 ? UINT64_MAX : 0) {
        struct rig rig;
        struct hwsi_hello hello, other = rig_peer(uid, 5);
        rig_start_default(&rig);
        reach_associating(&rig);
        uint64_t ours = rig_event(&rig, HWS_EVENT_AssociationAttempt, 0)->correlation.hi;
        rig_open(rig_last(&rig));
        assert_int_equal(hwsi_hello_decode(rig_expect(rig_last(&rig), HWSI_FRAME_HELLO), &hello),
                         0);
        assert_int_equal(ours, hello.seed);
        other.seed = 4711;
        other.nonce = hello.nonce;
        rig_hello(rig_last(&rig), HWSI_FRAME_WELCOME, &other);
        rig_turn(&rig);
        const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointConnected, 0);
        assert_int_equal(event->correlation.hi, uid == 1 ? 4711 : ours);
        assert_true(rig_logged(&rig, "correlation=\""));
        rig_end(&rig);
    }
}

static void test_lines_for_people(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    reach_associating(&rig);
    rig_pass(&rig, HELD);
    dial_fails(&rig);
    assert_true(rig_logged(&rig, " state=reconnecting from=associating since=3 s ago refused"));
    assert_true(rig_logged(&rig, " step=dial in 0.2 s "));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_transition),  cmocka_unit_test(test_the_chart),
        cmocka_unit_test(test_next_steps),       cmocka_unit_test(test_next_ping),
        cmocka_unit_test(test_next_forgets),     cmocka_unit_test(test_correlation_of_both_ends),
        cmocka_unit_test(test_lines_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
