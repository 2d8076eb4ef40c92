/* SPDX-License-Identifier: MIT */
/* Client systems, which can not be dialled: their endpoint waits for them to come back by themselves, for a time. */
#include "support_rig.h"

#include <string.h>

#define CLIENT "client-000000000000004d:0" /* uid 77 */

static struct rig rig;

static int queue_while_away(struct hws_policy *policy, const char *address,
                            enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)policy;
    (void)address;
    (void)error;
    *answer = HWS_DISCONNECTED_QUEUE;
    return 0;
}

static int never_again(struct hws_policy *policy, const struct hws_policy_question *question,
                       struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    (void)policy;
    (void)error;
    answer->give_up = true;
    fail_msg("asked how long to wait before %s is dialled", question->address);
    return 0;
}
static const struct hws_policy_ops ops = { .disconnected = queue_while_away,
                                           .backoff = never_again };
static struct hws_policy policy = { .ops = &ops, .name = "queue" };

static struct hwsi_hello client(void)
{
    struct hwsi_hello hello = rig_peer(77, 5);
    hello.address.size = 0;
    return hello;
}

static struct rig_link *begin(void)
{
    struct hws_options options;
    struct hwsi_hello hello = client();
    rig_options(&rig, &options);
    options.policy = &policy;
    options.client_wait = 30 * HWS_SECOND;
    rig_start(&rig, &options);
    return rig_connect_in(&rig, &hello);
}

static enum hws_endpoint_state state_of_client(void)
{
    return rig_statistics(&rig, CLIENT).state;
}

/* It dials again with what it had; *received is how many of our messages it has. */
static struct rig_link *come_back(struct rig_link *before, uint64_t received)
{
    struct hwsi_hello hello = client(), ours;
    before->read = 0;
    assert_int_equal(hwsi_hello_decode(rig_expect(before, HWSI_FRAME_WELCOME), &ours), 0);
    hello.known_session = ours.session;
    hello.received_user = received;
    return rig_connect_in(&rig, &hello);
}

static void test_it_is_waited_for_and_resumes_without_loss(void **state)
{
    struct rig_link *link = begin();
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(rig_send(&rig, CLIENT "/a"), 0);
    rig_turn(&rig);
    rig_close(link, HWS_ERESET, "it broke");
    rig_turn(&rig);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_reconnecting);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointReconnect, 0);
    assert_int_equal(event->attempt, 1);
    assert_int_equal(event->delay, 30 * HWS_SECOND);
    assert_string_equal(event->reason, "reset");
    assert_int_equal(rig_statistics(&rig, CLIENT).next, rig.now + 30 * HWS_SECOND);
    size_t links = rig.link_count;
    rig_pass(&rig, 29 * HWS_SECOND);
    assert_int_equal(rig_send(&rig, CLIENT "/a"), 0); /* the policy queues */
    assert_int_equal(rig.link_count, links);
    assert_int_equal(rig_count(&rig, HWS_EVENT_AssociationAttempt), 0);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_reconnecting);
    link = come_back(link, 3);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_connected);
    assert_true(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->resumed);
    assert_true(rig_event(&rig, HWS_EVENT_EndpointReconnect, 0)->success);
    rig_expect(link, HWSI_FRAME_DELIVER); /* the fourth and the fifth, and nothing else */
    rig_expect(link, HWSI_FRAME_DELIVER);
    struct hws_slice body;
    assert_int_equal(rig_frame(link, &body), -1);
    assert_int_equal(rig_statistics(&rig, CLIENT).deliver_failure, 0);
    rig_pass(&rig, 60 * HWS_SECOND - 1); /* the wait is over, and ends nothing */
    assert_int_not_equal(state_of_client(), HWS_ENDPOINT_closed);
    rig_end(&rig);
}

static void test_it_is_given_up_when_the_time_is_over(void **state)
{
    struct rig_link *link = begin();
    (void)state;
    assert_int_equal(rig_send(&rig, CLIENT "/a"), 0);
    rig_close(link, HWS_ERESET, "it broke");
    rig_pass(&rig, 30 * HWS_SECOND - 1);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_reconnecting);
    rig_pass(&rig, 1);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_closed);
    const struct rig_event *event = rig_event(&rig, HWS_EVENT_EndpointTerminated, 0);
    assert_string_equal(event->reason, "unreachable");
    assert_string_equal(event->detail,
                        "a client can not be dialled, and it did not come back within 30 s");
    assert_int_equal(event->count, 1);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 1);
    come_back(link, 0); /* later: a new life */
    assert_int_equal(state_of_client(), HWS_ENDPOINT_connected);
    assert_false(rig_event(&rig, HWS_EVENT_EndpointConnected, 0)->resumed);
    rig_end(&rig);
}

/* Each loss has its own time. */
static void test_the_wait_begins_with_each_loss(void **state)
{
    struct rig_link *link = begin();
    (void)state;
    for (int i = 0; i < 5; i++) {
        rig_close(link, HWS_ERESET, "it broke");
        rig_pass(&rig, 25 * HWS_SECOND);
        assert_int_equal(state_of_client(), HWS_ENDPOINT_reconnecting);
        link = come_back(link, 0);
        assert_int_equal(state_of_client(), HWS_ENDPOINT_connected);
    }
    rig_end(&rig);
}

static void test_what_is_sent_to_a_client_that_is_away(void **state)
{
    struct rig_link *link = begin();
    (void)state;
    rig_close(link, HWS_ERESET, "it broke");
    assert_int_equal(hws_close_endpoint(rig.system, CLIENT, "enough"), 0);
    rig_turn(&rig);
    assert_int_equal(rig_send(&rig, CLIENT "/a"), 0); /* waits for it, as for a first handshake */
    rig_turn(&rig);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_associating);
    assert_int_equal(rig_statistics(&rig, CLIENT).next, rig.now + 30 * HWS_SECOND);
    rig_pass(&rig, 30 * HWS_SECOND);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_closed);
    assert_int_equal(rig_statistics(&rig, CLIENT).dead_letters[HWS_REASON_disconnected], 1);
    rig_end(&rig);
}

static void expect_no_wait(struct rig_link *link, uint64_t code)
{
    rig_control(link, HWSI_FRAME_BYE, code, 0);
    rig_turn(&rig);
    assert_int_equal(state_of_client(), HWS_ENDPOINT_closed);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EndpointReconnect), 0);
    assert_string_equal(rig_event(&rig, HWS_EVENT_EndpointTerminated, 0)->reason,
                        hwsi_refusal_name(code));
    rig_end(&rig);
}

/* Who has said goodbye, or that it wants none of us, does not come back. */
static void test_a_client_that_will_not_come_back(void **state)
{
    (void)state;
    expect_no_wait(begin(), HWSI_REFUSED_shutdown);
    expect_no_wait(begin(), HWSI_REFUSED_blocked);
    expect_no_wait(begin(), HWSI_REFUSED_quarantined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_waited_for_and_resumes_without_loss),
        cmocka_unit_test(test_it_is_given_up_when_the_time_is_over),
        cmocka_unit_test(test_the_wait_begins_with_each_loss),
        cmocka_unit_test(test_what_is_sent_to_a_client_that_is_away),
        cmocka_unit_test(test_a_client_that_will_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
