/* SPDX-License-Identifier: MIT */
/* Life on a link (remote/heartbeat.c) and the failure detectors, with a clock and a peer of the test's own. */
#include "support_rig.h"

#include <math.h>
#include <string.h>

#include "remote/detector.h"

#define PATIENCE_MOST (2 * HWS_SECOND)

static struct rig rig;
static struct rig_link *link_up;

static void start(uint64_t suspect_after)
{
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(77, 5);
    memset(&rig, 0, sizeof rig);
    rig_options(&rig, &options);
    options.suspect_after = suspect_after;
    rig_start(&rig, &options);
    link_up = rig_connect(&rig, &peer);
}

/* Answers every PING that was written since the last call; how many? */
static unsigned answer_pings(void)
{
    struct hws_slice body;
    struct hwsi_control control;
    unsigned count = 0;
    for (int kind; (kind = rig_frame(link_up, &body)) >= 0;)
        if (kind == HWSI_FRAME_PING) {
            assert_int_equal(hwsi_control_decode(body, &control), 0);
            rig_control(link_up, HWSI_FRAME_PONG, control.a, 0);
            count++;
        }
    rig_turn(&rig);
    return count;
}

static void test_idle_healthy_link_lives(void **state)
{
    unsigned answered = 0;
    (void)state;
    start(0);
    for (int i = 0; i < 6000; i++) { /* ten minutes */
        answered += answer_pings();
        rig_pass(&rig, 100 * HWS_MILLISECOND);
    }
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Suspect), 0);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointDisconnected), 0);
    assert_in_range(answered, 35, 41); /* one at the start, then one in 15 s */
    rig_end(&rig);
}

static void test_silence_is_suspect_then_heard_again(void **state)
{
    (void)state;
    start(0);
    assert_int_equal(answer_pings(), 1);
    rig_pass(&rig, 15 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected); /* asked, not judged yet */
    rig_pass(&rig, PATIENCE_MOST);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_suspended);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Suspect), 1);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointSuspended), 1);
    assert_int_equal(rig_event(&rig, HWS_EVENT_Suspect, 0)->uid, 77);
    assert_non_null(strstr(rig_event(&rig, HWS_EVENT_Suspect, 0)->detail, "no answer"));
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0); /* the link is up: deliveries go on */
    rig_turn(&rig);
    rig_control(link_up, HWSI_FRAME_ACK, 0, 0); /* any byte is life */
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Reachable), 1);
    rig_end(&rig);
}

static void test_silence_ends_the_link(void **state)
{
    (void)state;
    start(0);
    assert_int_equal(answer_pings(), 1);
    rig_pass(&rig, 44 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_suspended);
    rig_pass(&rig, 2 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointDisconnected, 0)->reason, "heartbeat");
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->reason, "heartbeat");
    assert_int_equal(rig_count(&rig, HWS_EVENT_Suspect), 1);
    rig_end(&rig);
}

static void test_any_byte_keeps_it(void **state)
{
    (void)state;
    start(0);
    for (int i = 0; i < 300; i++) { /* traffic, but no answer to any PING */
        rig_control(link_up, HWSI_FRAME_ACK, 0, 0);
        rig_pass(&rig, 200 * HWS_MILLISECOND);
    }
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Suspect), 0);
    rig_end(&rig);
}

static void test_own_stall_condemns_nobody(void **state)
{
    (void)state;
    start(0);
    assert_int_equal(answer_pings(), 1);
    rig.now +=
        3600 * HWS_SECOND; /* the lid was closed for an hour; timers fire before sockets are read */
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_true(answer_pings() >= 1); /* it was asked anew */
    rig_pass(&rig, 10 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Suspect), 0);
    rig.now += 3600 * HWS_SECOND; /* and when the peer is really gone meanwhile, that is noticed */
    rig_turn(&rig);
    rig_pass(&rig, 46 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    rig_end(&rig);
}

static void test_deadline_detector(void **state)
{
    (void)state;
    start(5 * HWS_SECOND);
    assert_int_equal(answer_pings(), 1);
    rig_pass(&rig, 19900 * HWS_MILLISECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_suspended);
    rig_end(&rig);
}

static void test_answer_to_nothing_is_a_protocol_error(void **state)
{
    (void)state;
    start(0);
    rig_control(link_up, HWSI_FRAME_PONG, UINT64_MAX, 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_reconnecting);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointDisconnected, 0)->reason, "protocol");
    rig_end(&rig);
}

static void test_phi(void **state)
{
    (void)state;
    assert_true(fabs(hwsi_phi(10, 10, 1) - log10(2)) <
                1e-9); /* half of all answers come later than the mean */
    double before = 0;
    for (double t = 5; t < 40; t += 0.5) {
        double phi = hwsi_phi(t, 10, 2);
        assert_true(phi >= before);
        before = phi;
    }
    assert_true(fabs(hwsi_phi(12, 10, 2) - 0.8) < 0.01); /* one deviation: 15.9 % come later */
}

static void test_patience_is_where_phi_reaches_the_threshold(void **state)
{
    struct hws_options options;
    struct hwsi_detector detector;
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    (void)state;
    hws_options_init(&options);
    options.phi_min_deviation = HWS_MILLISECOND;
    hwsi_detector_init(&detector, &options);
    for (int i = 0; i < 1000; i++) /* 10 and 30 ms in turn: mean 20, deviation 10 */
        hwsi_detector_sample(&detector, heap, 100, (i % 2 ? 10 : 30) * HWS_MILLISECOND);
    assert_int_equal(detector.count, 100);
    double patience = (double)hwsi_detector_patience(&detector, &options) / 1e6;
    assert_true(fabs(hwsi_phi(patience, 20, 10) - 8) < 0.01);
    options.phi_min_deviation = 100 * HWS_MILLISECOND;
    patience = (double)hwsi_detector_patience(&detector, &options) / 1e6;
    assert_true(fabs(hwsi_phi(patience, 20, 100) - 8) < 0.01);
    hwsi_detector_free(&detector, heap);
    assert_int_equal(heap->held, sizeof *heap);
    hwsi_heap_release(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_healthy_link_lives),
        cmocka_unit_test(test_silence_is_suspect_then_heard_again),
        cmocka_unit_test(test_silence_ends_the_link),
        cmocka_unit_test(test_any_byte_keeps_it),
        cmocka_unit_test(test_own_stall_condemns_nobody),
        cmocka_unit_test(test_deadline_detector),
        cmocka_unit_test(test_answer_to_nothing_is_a_protocol_error),
        cmocka_unit_test(test_phi),
        cmocka_unit_test(test_patience_is_where_phi_reaches_the_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
