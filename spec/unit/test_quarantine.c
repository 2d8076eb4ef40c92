/* SPDX-License-Identifier: MIT */
/* Who is shut out: gates after a refusal, quarantine by uid, the block list. With a clock and a peer of the test's own. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

static struct rig rig;

static struct rig_link *connected(uint64_t uid)
{
    struct hwsi_hello peer = rig_peer(uid, 5);
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
    return rig_connect(&rig, &peer);
}

static void expect_refusal(struct rig_link *link, enum hwsi_frame_kind kind, uint64_t code)
{
    struct hwsi_control control;
    assert_int_equal(hwsi_control_decode(rig_expect(link, kind), &control), 0);
    assert_int_equal(control.a, code);
}

static struct rig_link *dial_in(uint64_t uid)
{
    struct hwsi_hello hello = rig_peer(uid, 9);
    struct rig_link *link = rig_accept(&rig);
    assert_non_null(link);
    rig_hello(link, HWSI_FRAME_HELLO, &hello);
    rig_turn(&rig);
    return link;
}

static void test_gate_after_a_refusal(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    rig_open(rig_last(&rig));
    rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_blocked, 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_gated);
    const struct rig_event *gated = rig_event(&rig, HWS_EVENT_Gated, 0);
    assert_string_equal(gated->reason, "blocked");
    assert_int_equal(gated->delay, 5 * HWS_SECOND);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointReconnect), 0);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_EGATED);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_gated], 1);
    size_t links = rig.link_count;
    rig_pass(&rig, 4900 * HWS_MILLISECOND);
    assert_int_equal(rig.link_count, links); /* left alone */
    rig_pass(&rig, 200 * HWS_MILLISECOND);
    assert_int_equal(rig.link_count, links + 1);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating);
    rig_end(&rig);
}

static void test_gates_end_when_the_policy_gives_up(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    for (int i = 0; i < 6; i++) {
        rig_turn(&rig);
        rig_open(rig_last(&rig));
        rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_version, 0);
        rig_turn(&rig);
        rig_pass(&rig, 5 * HWS_SECOND);
    }
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Gated), 5);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_disconnected],
                     1); /* what was deferred */
    rig_end(&rig);
}

static void test_quarantine(void **state)
{
    struct rig_link *link = connected(77);
    (void)state;
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(hws_quarantine(rig.system, RIG_PEER, "it lies", 10 * HWS_SECOND), 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_quarantined);
    expect_refusal(link, HWSI_FRAME_BYE, HWSI_REFUSED_quarantined);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_Quarantined, 0);
    assert_int_equal(event->uid, 77);
    assert_int_equal(event->delay, 10 * HWS_SECOND);
    assert_int_equal(event->count, 1);
    assert_string_equal(event->detail, "it lies");
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_quarantined], 1);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_EQUARANTINED);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_quarantined], 2);
    size_t links = rig.link_count;
    expect_refusal(dial_in(77), HWSI_FRAME_REFUSE, HWSI_REFUSED_quarantined);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_quarantined);
    rig_pass(&rig, 9 * HWS_SECOND);
    assert_int_equal(rig.link_count, links + 1); /* it is not dialled: the one link was theirs */
    rig_pass(&rig, 2 * HWS_SECOND);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    assert_string_equal(rig_event(&rig, HWS_EVENT_Released, 0)->reason, "deadline");
    rig_expect(dial_in(77), HWSI_FRAME_WELCOME);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    rig_end(&rig);
}

static void test_a_new_uid_is_welcome_at_once(void **state)
{
    connected(77);
    (void)state;
    assert_int_equal(hws_quarantine(rig.system, RIG_PEER, NULL, 0), 0);
    rig_turn(&rig);
    assert_int_equal(rig_event(&rig, HWS_EVENT_Quarantined, 0)->delay, 5 * 86400 * HWS_SECOND);
    rig_expect(dial_in(78), HWSI_FRAME_WELCOME);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_string_equal(rig_event(&rig, HWS_EVENT_Released, 0)->reason, "new_uid");
    rig_end(&rig);
}

/* A system that keeps no tombstones must not free the endpoint that the new uid is just being given. */
static void test_a_new_uid_where_no_tombstones_are_kept(void **state)
{
    struct hws_options options;
    struct hwsi_hello peer = rig_peer(77, 500);
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_options(&rig, &options);
    options.tombstones = 0;
    rig_start(&rig, &options);
    rig_connect(&rig, &peer);
    assert_int_equal(hws_quarantine(rig.system, RIG_PEER, NULL, 0), 0);
    rig_turn(&rig);
    rig_expect(dial_in(78), HWSI_FRAME_WELCOME);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, NULL), 0);
    rig_turn(&rig);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, NULL), HWS_ENOTFOUND);
    rig_end(&rig);
}

static void test_release_by_the_operator(void **state)
{
    connected(77);
    (void)state;
    assert_int_equal(hws_release(rig.system, RIG_PEER), HWS_ENOTFOUND);
    assert_int_equal(hws_quarantine(rig.system, RIG_PEER, NULL, 0), 0);
    assert_int_equal(hws_release(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    assert_string_equal(rig_event(&rig, HWS_EVENT_Released, 0)->reason, "operator");
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0); /* a new life */
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating);
    assert_int_equal(hws_quarantine(rig.system, "nobody:1", NULL, 0), HWS_ENOTFOUND);
    rig_end(&rig);
}

static void test_block_list(void **state)
{
    struct rig_link *link = connected(77);
    (void)state;
    assert_int_equal(hws_block_system(rig.system, "no such name"), HWS_EINVAL);
    assert_int_equal(hws_unblock_system(rig.system, "peer"), HWS_ENOTFOUND);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(hws_block_system(rig.system, "peer"), 0);
    assert_int_equal(hws_block_system(rig.system, "peer"), 0);
    rig_turn(&rig);
    expect_refusal(link, HWSI_FRAME_BYE, HWSI_REFUSED_blocked);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_closed);
    assert_string_equal(rig_event(&rig, HWS_EVENT_Blocked, 0)->name, "peer");
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->reason, "blocked");
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_blocked], 1);
    expect_refusal(dial_in(77), HWSI_FRAME_REFUSE, HWSI_REFUSED_blocked);
    assert_int_equal(rig_count(&rig, HWS_EVENT_Blocked), 2);
    assert_int_equal(hws_unblock_system(rig.system, "peer"), 0);
    rig_expect(dial_in(77), HWSI_FRAME_WELCOME);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    rig_end(&rig);
}

/* However many addresses a blocked system makes up, it costs nothing here. */
static void test_a_blocked_system_gets_no_endpoints(void **state)
{
    struct hws_system_statistics before, after;
    struct hwsi_hello hello = rig_peer(77, 9);
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
    assert_int_equal(hws_block_system(rig.system, "peer"), 0);
    hws_system_statistics(rig.system, &before);
    for (int i = 0; i < 20; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "made-up-%d:1", i);
        hello.address = hws_slice_text(address);
        struct rig_link *link = rig_accept(&rig);
        rig_hello(link, HWSI_FRAME_HELLO, &hello);
        rig_turn(&rig);
        expect_refusal(link, HWSI_FRAME_REFUSE, HWSI_REFUSED_blocked);
    }
    hws_system_statistics(rig.system, &after);
    assert_int_equal(after.endpoints, before.endpoints);
    rig_end(&rig);
}

static void test_a_dialled_system_that_is_blocked(void **state)
{
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_hello hello;
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
    assert_int_equal(hws_block_system(rig.system, "peer"), 0);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    struct rig_link *link = rig_last(&rig);
    rig_open(link);
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    peer.nonce = hello.nonce;
    rig_hello(link, HWSI_FRAME_WELCOME, &peer);
    rig_turn(&rig);
    expect_refusal(link, HWSI_FRAME_BYE, HWSI_REFUSED_blocked);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_gated);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), HWS_EBLOCKED);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).dead_letters[HWS_REASON_blocked], 1);
    rig_end(&rig);
}

/* --- a block list from the start --- */

static void count_names(void *data, const char *name)
{
    (void)name;
    (*(size_t *)data)++;
}

static void test_an_initial_block_list(void **state)
{
    static const char *const names[] = { "other", "peer", NULL };
    static const char *const wrong[] = { "peer", "two words", NULL };
    struct hws_options options;
    struct hws_system *system;
    char message[256] = "";
    size_t count = 0;
    (void)state;
    rig_options(&rig, &options);
    options.blocked = names;
    rig_start(&rig, &options);
    hws_each_blocked_system(rig.system, count_names, &count);
    assert_int_equal(count, 2);
    expect_refusal(dial_in(77), HWSI_FRAME_REFUSE, HWSI_REFUSED_blocked);
    rig_end(&rig);
    hws_options_init(&options);
    options.name = "here";
    options.blocked = wrong;
    assert_int_equal(hws_system_new(&options, &system, message, sizeof message), HWS_EOPTION);
    assert_string_equal(message, "option blocked names a system \"two words\", expected 1 to 64 "
                                 "of letters, digits, '_', '.' and '-'");
}

/* --- old uids --- */

/* 77 was thought dead, and 78 is at its address now. */
static struct rig_link *replaced(void)
{
    rig_close(connected(77), HWS_ERESET, "the machine stands still");
    rig_turn(&rig);
    struct rig_link *link = dial_in(78);
    rig_expect(link, HWSI_FRAME_WELCOME);
    return link;
}

static void test_a_uid_that_was_replaced_is_stale(void **state)
{
    struct rig_link *link = replaced();
    (void)state;
    expect_refusal(dial_in(77), HWSI_FRAME_REFUSE, HWSI_REFUSED_stale);
    assert_string_equal(rig_event(&rig, HWS_EVENT_LinkRefused, 0)->reason, "stale");
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected); /* with 78, as before */
    assert_int_equal(rig_statistics(&rig, RIG_PEER).uid, 78);
    assert_false(link->closing);
    /* Also when the newer one has gone, and in the endpoint's next life. */
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "gone"), 0);
    rig_turn(&rig);
    expect_refusal(dial_in(77), HWSI_FRAME_REFUSE, HWSI_REFUSED_stale);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_associating); /* who answers there? */
    rig_expect(dial_in(78), HWSI_FRAME_WELCOME); /* the one that was there last may return */
    assert_int_equal(hws_release(rig.system, RIG_PEER), 0);
    assert_int_equal(hws_release(rig.system, RIG_PEER), HWS_ENOTFOUND);
    rig_expect(dial_in(77), HWSI_FRAME_WELCOME);
    expect_refusal(dial_in(78), HWSI_FRAME_REFUSE, HWSI_REFUSED_stale);
    rig_end(&rig);
}

/*
 * Its HELLO was read after that of 78, which a network and a process that was stopped can do, and it is the one that lives: the address
 * decides. It would be refused for ever else.
 */
static void test_a_stale_uid_that_answers_our_dial(void **state)
{
    struct hwsi_hello hello, welcome = rig_peer(77, 9);
    (void)state;
    rig_close(replaced(), HWS_ERESET, "it broke");
    rig_pass(&rig, 5 * HWS_SECOND);
    struct rig_link *link = rig_last(&rig);
    assert_true(link->dialed);
    rig_open(link);
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    welcome.nonce = hello.nonce;
    rig_hello(link, HWSI_FRAME_WELCOME, &welcome);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).uid, 77);
    expect_refusal(dial_in(78), HWSI_FRAME_REFUSE, HWSI_REFUSED_stale);
    rig_close(link, HWS_ERESET, "it broke");
    rig_turn(&rig);
    rig_expect(dial_in(77), HWSI_FRAME_WELCOME);
    rig_end(&rig);
}

/* What is remembered is bounded: of nine that were replaced the oldest is a stranger again. */
static void test_replaced_uids_are_bounded(void **state)
{
    (void)state;
    connected(100);
    for (uint64_t uid = 101; uid <= 109; uid++)
        rig_expect(dial_in(uid), HWSI_FRAME_WELCOME);
    for (uint64_t uid = 101; uid <= 108; uid++)
        expect_refusal(dial_in(uid), HWSI_FRAME_REFUSE, HWSI_REFUSED_stale);
    rig_expect(dial_in(100), HWSI_FRAME_WELCOME);
    rig_end(&rig);
}

/* Who was told so leaves us alone for a while. */
static void test_told_that_we_are_stale(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_start_default(&rig);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    rig_open(rig_last(&rig));
    rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, HWSI_REFUSED_stale, 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_gated);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gate_after_a_refusal),
        cmocka_unit_test(test_gates_end_when_the_policy_gives_up),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_a_new_uid_is_welcome_at_once),
        cmocka_unit_test(test_a_new_uid_where_no_tombstones_are_kept),
        cmocka_unit_test(test_release_by_the_operator),
        cmocka_unit_test(test_block_list),
        cmocka_unit_test(test_a_blocked_system_gets_no_endpoints),
        cmocka_unit_test(test_a_dialled_system_that_is_blocked),
        cmocka_unit_test(test_an_initial_block_list),
        cmocka_unit_test(test_a_uid_that_was_replaced_is_stale),
        cmocka_unit_test(test_a_stale_uid_that_answers_our_dial),
        cmocka_unit_test(test_replaced_uids_are_bounded),
        cmocka_unit_test(test_told_that_we_are_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
