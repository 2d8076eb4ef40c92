/* SPDX-License-Identifier: MIT */
/* Dead letters: one event each, its way as the policy says, the sender told, the log's rate bounded. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

struct router {
    struct hws_policy policy; /* first */
    struct hws_letter_answer answer;
    int result;
    unsigned asked, released;
};

static int on_letter(struct hws_policy *policy, const struct hws_letter *letter,
                     struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct router *router = (struct router *)(void *)policy;
    assert_true(letter->reason > HWS_REASON_none && letter->reason < HWS_REASON_COUNT);
    router->asked++;
    *answer = router->answer;
    if (router->result)
        snprintf(error->text, sizeof error->text, "no idea");
    return router->result;
}
static void on_release(struct hws_policy *policy)
{
    ((struct router *)(void *)policy)->released++;
}
static const struct hws_policy_ops router_ops = { .dead_letter = on_letter, .release = on_release };

struct sink {
    unsigned users, letters;
    uint16_t reason;
};
static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct sink *sink = data;
    (void)context;
    sink->users += message->kind == HWS_MESSAGE_user;
    if (message->kind == HWS_MESSAGE_dead_letter_response) {
        sink->letters++;
        sink->reason = message->reason;
    }
    return 0;
}
static const struct hws_actor_ops ops = { .receive = receive };

static void start(struct rig *rig, struct router *router, enum hws_letter_route route,
                  const char *redirect)
{
    struct hws_options options;
    *router = (struct router){ .policy = { .ops = &router_ops, .name = "router", .origin = "" },
                               .answer = { .route = route } };
    snprintf(router->answer.redirect, sizeof router->answer.redirect, "%s", redirect);
    rig_options(rig, &options);
    options.policy = &router->policy;
    rig_start(rig, &options);
}

static void test_published(void **state)
{
    struct rig rig;
    struct router router;
    struct hws_system_statistics s;
    (void)state;
    start(&rig, &router, HWS_LETTER_PUBLISH, "");
    assert_int_equal(rig_send(&rig, "nobody"), HWS_ENOTFOUND);
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 1);
    assert_int_equal(router.asked, 1);
    hws_system_statistics(rig.system, &s);
    assert_int_equal(s.dead_letters, 1);
    assert_int_equal(s.dead_letters_by_reason[HWS_REASON_not_found], 1);
    rig_end(&rig);
    assert_int_equal(router.released, 1);
}

static void test_dropped(void **state)
{
    struct rig rig;
    struct router router;
    struct hws_system_statistics s;
    (void)state;
    start(&rig, &router, HWS_LETTER_DROP, "");
    rig_send(&rig, "nobody");
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 0);
    hws_system_statistics(rig.system, &s);
    assert_int_equal(s.dead_letters, 1); /* counted all the same */
    rig_end(&rig);
}

static void test_redirected(void **state)
{
    struct rig rig;
    struct router router;
    struct sink sink = { 0 };
    (void)state;
    start(&rig, &router, HWS_LETTER_REDIRECT, "morgue");
    assert_int_equal(hws_spawn_named(rig.system, "morgue", &ops, &sink, NULL), 0);
    rig_send(&rig, "nobody");
    rig_turn(&rig);
    assert_int_equal(sink.users, 1);
    rig_end(&rig);
}

/* Where it is sent to is not there either, is the very target, or is no PID at all: it ends. */
static void test_redirect_loops_end(void **state)
{
    static const char *const ways[] = { "elsewhere", "nobody", "not a pid", "" };
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct rig rig;
        struct router router;
        start(&rig, &router, HWS_LETTER_REDIRECT, ways[i]);
        rig_send(&rig, "nobody");
        rig_turn(&rig);
        assert_int_equal(router.asked, 1); /* a letter of a letter goes no third way */
        assert_true(rig_count(&rig, HWS_EVENT_DeadLetter) <= 2);
        rig_end(&rig);
    }
}

static void test_failing_policy(void **state)
{
    struct rig rig;
    struct router router;
    (void)state;
    start(&rig, &router, HWS_LETTER_DROP, "");
    router.result = HWS_EPOLICY;
    for (int i = 0; i < 20; i++)
        rig_send(&rig, "nobody");
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 20); /* the fallback publishes */
    assert_int_equal(rig_count(&rig, HWS_EVENT_PolicyError), 1); /* told once a second */
    assert_string_equal(rig_event(&rig, HWS_EVENT_PolicyError, 0)->detail, "no idea");
    rig_pass(&rig, HWS_SECOND);
    rig_send(&rig, "nobody");
    rig_turn(&rig);
    assert_int_equal(rig_count(&rig, HWS_EVENT_PolicyError), 2);
    rig_end(&rig);
}

static void test_sender_is_told(void **state)
{
    struct rig rig;
    struct sink sink = { 0 };
    struct hws_pid *sender, *nobody, *full;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "sender", &ops, &sink, &sender), 0);
    nobody = rig_pid(&rig, "nobody");
    assert_int_equal(hws_send(rig.system, nobody,
                              &(struct hws_message){ .payload = rig_value(), .sender = sender }),
                     HWS_ENOTFOUND);
    rig_turn(&rig);
    assert_int_equal(sink.letters, 1);
    assert_int_equal(sink.reason, HWS_REASON_not_found);
    assert_int_equal(hws_spawn(rig.system, &ops, &sink,
                               &(struct hws_spawn_options){ .name = "full", .mailbox_size = 1 },
                               &full),
                     0);
    struct hws_message message = { .payload = rig_value(), .sender = sender };
    assert_int_equal(hws_send(rig.system, full, &message), 0);
    assert_int_equal(hws_send(rig.system, full, &message), HWS_EFULL);
    message.payload.size = 3; /* cut: not one whole value */
    assert_int_equal(hws_send(rig.system, full, &message), HWS_EENCODE);
    message.payload.size = 0;
    assert_int_equal(hws_send(rig.system, full, &message), HWS_EENCODE);
    message.payload.size = 5000000; /* the size is looked at first */
    assert_int_equal(hws_send(rig.system, full, &message), HWS_ETOOLARGE);
    rig_turn(&rig);
    assert_int_equal(sink.letters, 5);
    struct hws_system_statistics s;
    hws_system_statistics(rig.system, &s);
    assert_int_equal(s.dead_letters_by_reason[HWS_REASON_mailbox_full], 1);
    assert_int_equal(s.dead_letters_by_reason[HWS_REASON_encode], 2);
    assert_int_equal(s.dead_letters_by_reason[HWS_REASON_too_large], 1);
    hws_pid_release(sender);
    hws_pid_release(nobody);
    hws_pid_release(full);
    rig_end(&rig);
}

/* The sender is somewhere else: it gets a notice with the reason. */
static void test_far_sender_is_told(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("nobody") },
                                    .sender = { .text = hws_slice_text("far") },
                                    .request_id = 9,
                                    .payload = rig_value() };
    struct hwsi_system_message said;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_deliver(link, &deliver);
    rig_turn(&rig);
    assert_int_equal(hwsi_system_message_decode(rig_expect(link, HWSI_FRAME_SYSTEM), &said), 0);
    assert_int_equal(said.code, HWSI_SYSTEM_DEAD_LETTER);
    assert_int_equal(said.reason, HWS_REASON_not_found);
    assert_int_equal(said.number, 9);
    assert_memory_equal(said.target.data, "far", 3);
    assert_memory_equal(said.sender.data, "nobody", 6);
    rig_end(&rig);
}

static void test_log_rate(void **state)
{
    struct rig rig;
    size_t lines = 0;
    (void)state;
    rig_start_default(&rig);
    rig.log_count = 0;
    for (int i = 0; i < 35; i++)
        rig_send(&rig, "nobody");
    rig_turn(&rig);
    for (size_t i = 0; i < rig.log_count; i++)
        lines += strstr(rig.log[i], "dead letter to") != NULL;
    assert_int_equal(lines, 10);
    rig_pass(&rig, 2 * HWS_SECOND);
    rig_send(&rig, "nobody");
    assert_true(rig_logged(&rig, "25 more were not logged"));
    rig_end(&rig);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(hws_reason_name(HWS_REASON_queue_full), "queue_full");
    assert_string_equal(hws_reason_name(-1), "unknown");
    assert_string_equal(hws_reason_name(HWS_REASON_COUNT), "unknown");
    assert_string_equal(hws_reason_sentence(HWS_REASON_COUNT), "unknown reason");
    assert_string_equal(hws_terminated_name(HWS_TERMINATED_restarted), "restarted");
    assert_string_equal(hws_terminated_name(HWS_TERMINATED_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_redirected),
        cmocka_unit_test(test_redirect_loops_end),
        cmocka_unit_test(test_failing_policy),
        cmocka_unit_test(test_sender_is_told),
        cmocka_unit_test(test_far_sender_is_told),
        cmocka_unit_test(test_log_rate),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
