/* SPDX-License-Identifier: MIT */
/* What a peer that breaks the protocol, or says goodbye, leads to, and what is said of it. */
#include "support_rig.h"

#include <string.h>

static struct rig rig;

static void begin(void)
{
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
}

static void test_bytes_that_are_no_frame(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    (void)state;
    begin();
    struct rig_link *link = rig_accept(&rig);
    rig_feed(link, request, sizeof request - 1);
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_LinkRefused, 0);
    assert_string_equal(event->reason, "protocol");
    assert_non_null(strstr(event->detail, "not a frame"));
    assert_non_null(strstr(event->detail, "47 45 54 20"));
    assert_non_null(strstr(event->detail, "(\"GET / HTTP/1.1"));
    assert_true(link->gone || link->closing);
    rig_end(&rig);
}

static void test_a_frame_that_is_wrong(void **state)
{
    static const uint8_t deliver[] = {
        0, 0, 0, 6, 0x95, 0x07, 0x05, 0xc0, 0xc0, 0xc0
    }; /* symbol 5 was never defined */
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_control bye;
    (void)state;
    begin();
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_feed(link, deliver, sizeof deliver);
    rig_turn(&rig);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointDisconnected, 0);
    assert_string_equal(event->reason, "protocol");
    assert_non_null(strstr(event->detail, "DELIVER frame of 6 bytes that begins with 95 07 05"));
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_BYE), &bye), 0);
    assert_int_equal(bye.a, HWSI_REFUSED_protocol);
    assert_memory_equal(bye.text.data, event->detail,
                        bye.text.size); /* the peer is told the same */
    rig_end(&rig);
}

/* A reason of a host may be longer than what BYE carries; it is cut between characters. */
static void test_a_long_reason(void **state)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_control bye;
    char reason[1001];
    (void)state;
    begin();
    struct rig_link *link = rig_connect(&rig, &peer);
    for (size_t i = 0; i + 3 <= 1000; i += 2)
        memcpy(reason + i, "\xc3\xa9", 3);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, reason), 0);
    rig_turn(&rig);
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_BYE), &bye), 0);
    assert_int_equal(bye.text.size, 254);
    assert_memory_equal(bye.text.data, reason, 254);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_that_are_no_frame),
        cmocka_unit_test(test_a_frame_that_is_wrong),
        cmocka_unit_test(test_a_long_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
