/* SPDX-License-Identifier: MIT */
/* Requests: `done` exactly once, whatever ends them. */
#include "support_rig.h"

#include <string.h>

struct asked {
    struct rig *rig;
    unsigned done;
    int status;
    uint16_t reason;
    size_t size;
    char who[64]; /* of a failure */
    uint64_t id;
    void (*act)(struct asked *self);
};

static void done(void *data, int status, const struct hws_message *response)
{
    struct asked *self = data;
    self->done++;
    self->status = status;
    self->reason = response->reason;
    self->size = response->payload.size;
    hws_pid_format(response->who, self->who, sizeof self->who);
    if (self->act)
        self->act(self);
}

struct answerer {
    struct hws_pid *sender;
    uint64_t request_id;
    bool at_once, fails;
};
static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct answerer *self = data;
    if (!message->request_id) {
        assert_int_equal(hws_context_respond(context, message, rig_value()), HWS_EINVAL);
        return 0;
    }
    hws_pid_release(self->sender);
    self->sender = hws_pid_retain(message->sender);
    self->request_id = message->request_id;
    int error = self->at_once ? hws_context_respond(context, message, message->payload) : 0;
    return self->fails ? HWS_EFAILED : error;
}
static void released(void *data)
{
    hws_pid_release(((struct answerer *)data)->sender);
}
static const struct hws_actor_ops ops = { .receive = receive, .released = released };

static int ask(struct rig *rig, const char *target, uint64_t timeout, struct asked *asked)
{
    struct hws_pid *pid = rig_pid(rig, target);
    asked->rig = rig;
    int error = hws_request(rig->system, pid, &(struct hws_message){ .payload = rig_value() },
                            timeout, done, asked, &asked->id);
    hws_pid_release(pid);
    return error;
}

static void test_answered(void **state)
{
    struct rig rig;
    struct asked asked = { 0 };
    struct answerer answerer = { .at_once = true };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    rig_send(&rig, "a");
    assert_int_equal(ask(&rig, "a", 0, &asked), 0);
    assert_int_equal(asked.done, 0);
    rig_turn(&rig);
    assert_int_equal(asked.done, 1);
    assert_int_equal(asked.status, 0);
    assert_int_equal(asked.size, rig_value().size);
    assert_int_equal(hws_request_cancel(rig.system, asked.id), HWS_ENOTFOUND);
    rig_pass(&rig, 10 * HWS_SECOND);
    assert_int_equal(asked.done, 1);
    rig_end(&rig);
}

static void test_timeout_and_late_answer(void **state)
{
    struct rig rig;
    struct asked asked = { 0 };
    struct answerer answerer = { 0 };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    assert_int_equal(ask(&rig, "a", 0, &asked), 0);
    rig_pass(&rig, 5 * HWS_SECOND - 1);
    assert_int_equal(asked.done, 0);
    rig_pass(&rig, 1);
    assert_int_equal(asked.done, 1);
    assert_int_equal(asked.status, HWS_ETIMEOUT);
    assert_string_equal(asked.who, RIG_HERE "/a");
    struct hws_message late = { .payload = rig_value() };
    assert_int_equal(hws_respond(rig.system, answerer.sender, answerer.request_id, &late),
                     HWS_ENOTFOUND);
    assert_int_equal(hws_respond(rig.system, answerer.sender, 0, &late), HWS_EINVAL);
    assert_int_equal(hws_respond(rig.system, NULL, 1, &late), HWS_EINVAL);
    rig_turn(&rig);
    assert_int_equal(asked.done, 1);
    assert_string_equal(rig_event(&rig, HWS_EVENT_DeadLetter, 0)->reason, "not_found");
    assert_int_equal(ask(&rig, "a", HWS_MILLISECOND, &asked), 0);
    rig_pass(&rig, HWS_MILLISECOND);
    assert_int_equal(asked.done, 2);
    assert_int_equal(ask(&rig, "a", HWS_NEVER, &asked),
                     0); /* no deadline: not one that has passed */
    rig_pass(&rig, 3600 * HWS_SECOND);
    assert_int_equal(asked.done, 2);
    rig_end(&rig);
    assert_int_equal(asked.done, 3);
    assert_int_equal(asked.status, HWS_ECLOSED);
}

static void test_dead_letters_answer(void **state)
{
    struct rig rig;
    struct asked asked = { 0 }, waiting = { 0 };
    struct answerer answerer = { 0 };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(ask(&rig, "nobody", 0, &asked), HWS_ENOTFOUND); /* then `done` is not called */
    rig_turn(&rig);
    assert_int_equal(asked.done, 0);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    assert_int_equal(ask(&rig, "a", 0, &waiting), 0);
    struct hws_pid *a = rig_pid(&rig, "a");
    assert_int_equal(hws_stop_actor(rig.system, a), 0);
    rig_turn(&rig);
    assert_int_equal(waiting.done, 1); /* at once */
    assert_int_equal(waiting.status, HWS_EDEADLETTER);
    assert_int_equal(waiting.reason, HWS_REASON_stopped);
    hws_pid_release(a);
    rig_end(&rig);
}

static void act_cancel_and_ask(struct asked *self)
{
    assert_int_equal(hws_request_cancel(self->rig->system, self->id), HWS_ENOTFOUND);
    if (self->done < 3)
        assert_int_equal(ask(self->rig, "a", 0, self), 0);
    else
        hws_stop(self->rig->system, "from done", 0);
}

static void test_done_acts(void **state)
{
    struct rig rig;
    struct asked asked = { .act = act_cancel_and_ask };
    struct answerer answerer = { .at_once = true };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    assert_int_equal(ask(&rig, "a", 0, &asked), 0);
    rig_turn(&rig);
    assert_int_equal(asked.done, 3);
    rig_end(&rig);
}

static void test_cancel(void **state)
{
    struct rig rig;
    struct asked asked = { 0 };
    struct answerer answerer = { .at_once = true };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    assert_int_equal(ask(&rig, "a", 0, &asked), 0);
    assert_int_equal(hws_request_cancel(rig.system, asked.id), 0);
    rig_pass(&rig, 10 * HWS_SECOND);
    assert_int_equal(asked.done, 0);
    rig_end(&rig);
}

static void test_bounded(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct asked asked = { 0 };
    struct answerer answerer = { 0 };
    (void)state;
    rig_options(&rig, &options);
    options.pending_requests = 40;
    rig_start(&rig, &options);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(ask(&rig, "a", 0, &asked), 0);
    assert_int_equal(ask(&rig, "a", 0, &asked), HWS_EFULL);
    rig_end(&rig);
    assert_int_equal(asked.done, 40);
    assert_int_equal(asked.status, HWS_ECLOSED);
}

/* A peer's answers: to its own requests only, and once. */
static void test_far_answers(void **state)
{
    struct rig rig;
    struct asked near = { 0 }, far = { 0 };
    struct answerer answerer = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver sent, answer = { .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
    assert_int_equal(ask(&rig, "a", 0, &near), 0);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(ask(&rig, RIG_PEER "/b", 0, &far), 0);
    rig_turn(&rig);
    assert_int_equal(hwsi_deliver_decode(rig_expect(link, HWSI_FRAME_DELIVER), &sent), 0);
    assert_int_equal(sent.request_id, far.id);
    answer.request_id = near.id; /* not its to answer */
    rig_deliver(link, &answer);
    rig_turn(&rig);
    assert_int_equal(near.done, 0);
    rig_system(link, HWSI_SYSTEM_DEAD_LETTER, "$system", "x", HWS_REASON_not_found,
               near.id); /* nor this */
    rig_turn(&rig);
    assert_int_equal(near.done, 0);
    answer.request_id = far.id;
    rig_deliver(link, &answer);
    rig_deliver(link, &answer);
    rig_turn(&rig);
    assert_int_equal(far.done, 1);
    assert_int_equal(far.status, 0);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 2);
    rig_end(&rig);
    assert_int_equal(near.done, 1);
}

static void test_the_peer_goes(void **state)
{
    struct rig rig;
    struct asked taken = { 0 }, refused = { 0 }, unwritten = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(ask(&rig, RIG_PEER "/b", 100 * HWS_SECOND, &taken), 0);
    assert_int_equal(ask(&rig, RIG_PEER "/b", 100 * HWS_SECOND, &refused), 0);
    rig_turn(&rig);
    rig_control(link, HWSI_FRAME_ACK, 0, 1);
    rig_system(link, HWSI_SYSTEM_DEAD_LETTER, "$system", "b", HWS_REASON_mailbox_full, refused.id);
    rig_turn(&rig);
    assert_int_equal(refused.status, HWS_EDEADLETTER);
    assert_int_equal(refused.reason, HWS_REASON_mailbox_full);
    link->most = 0;
    rig_send(&rig, RIG_PEER "/b");
    rig_turn(&rig);
    assert_int_equal(ask(&rig, RIG_PEER "/b", 100 * HWS_SECOND, &unwritten), 0);
    peer = rig_peer(
        78, 6); /* restarted: what it took is gone with it, what it never saw goes to the new one */
    link = rig_connect_in(&rig, &peer);
    rig_turn(&rig);
    assert_int_equal(taken.status, HWS_EDISCONNECTED);
    assert_int_equal(taken.done, 1);
    assert_int_equal(unwritten.done, 0);
    struct hwsi_deliver answer = { .request_id = unwritten.id, .payload = rig_value() };
    rig_deliver(link, &answer);
    rig_turn(&rig);
    assert_int_equal(unwritten.done, 1);
    assert_int_equal(unwritten.status, 0);
    rig_end(&rig);
    assert_int_equal(taken.done + refused.done + unwritten.done, 3);
}

/* An answer that can't be decoded ends the request at once, and nobody else's. */
static void test_undecodable_answer(void **state)
{
    struct rig rig;
    struct asked asked = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver answer = { .sender = { .text = hws_slice_text("b") } };
    struct hws_slice body;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, &peer);
    assert_int_equal(ask(&rig, RIG_PEER "/b", 0, &asked), 0);
    rig_turn(&rig);
    answer.request_id = asked.id;
    answer.payload = hws_slice_of("\xc1", 1);
    rig_deliver(link, &answer);
    rig_turn(&rig);
    assert_int_equal(asked.done, 1);
    assert_int_equal(asked.status, HWS_EDEADLETTER);
    assert_int_equal(asked.reason, HWS_REASON_decode);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).undecodable, 1);
    for (int kind; (kind = rig_frame(link, &body)) >= 0;)
        assert_int_not_equal(kind, HWSI_FRAME_SYSTEM);
    rig_end(&rig);
}

static const uint8_t failure[] = { 0xc7, 0x00, 0x02 };

static void test_a_handler_that_fails(void **state)
{
    struct rig rig;
    struct asked asked = { 0 }, again = { 0 };
    struct answerer fails = { .fails = true }, answers = { .fails = true, .at_once = true };
    struct answerer later = { 0 };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "fails", &ops, &fails, NULL), 0);
    assert_int_equal(hws_spawn_named(rig.system, "answers", &ops, &answers, NULL), 0);
    assert_int_equal(hws_spawn_named(rig.system, "later", &ops, &later, NULL), 0);
    assert_int_equal(ask(&rig, "fails", 0, &asked), 0);
    assert_int_equal(ask(&rig, "answers", 0, &again), 0);
    assert_int_equal(rig_send(&rig, "fails"), 0); /* no request: nobody is told */
    rig_turn(&rig);
    assert_int_equal(asked.done, 1);
    assert_int_equal(asked.status, HWS_EFAILED);
    assert_int_equal(asked.size, 0);
    assert_string_equal(asked.who, RIG_HERE "/fails");
    assert_int_equal(again.done, 1);
    assert_int_equal(again.status, 0); /* its answer stands */
    memset(&again, 0, sizeof again);
    assert_int_equal(ask(&rig, "later", 0, &again), 0);
    rig_turn(&rig);
    assert_int_equal(hws_respond_failed(rig.system, later.sender, later.request_id), 0);
    rig_turn(&rig);
    assert_int_equal(again.status, HWS_EFAILED);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 0);
    rig_pass(&rig, 10 * HWS_SECOND);
    assert_int_equal(asked.done + again.done, 2);
    rig_end(&rig);
}

static void test_a_far_handler_that_fails(void **state)
{
    struct rig rig;
    struct asked asked = { 0 };
    struct answerer fails = { .fails = true };
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver in, answer = { .payload = hws_slice_of(failure, sizeof failure) };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "fails", &ops, &fails, NULL), 0);
    struct rig_link *link = rig_connect(&rig, &peer);
    in = (struct hwsi_deliver){ .target = { .text = hws_slice_text("fails") },
                                .sender = { .text = hws_slice_text("me") },
                                .request_id = 3,
                                .payload = rig_value() };
    rig_deliver(link, &in); /* theirs, to ours: on the user lane, behind what it sent before */
    rig_turn(&rig);
    assert_int_equal(hwsi_deliver_decode(rig_expect(link, HWSI_FRAME_DELIVER), &in), 0);
    assert_int_equal(in.request_id, 3);
    assert_int_equal(in.target.index, 0);
    assert_null(in.target.text.data);
    assert_int_equal(in.payload.size, sizeof failure);
    assert_memory_equal(in.payload.data, failure, sizeof failure);
    assert_int_equal(ask(&rig, RIG_PEER "/b", 0, &asked), 0); /* ours, to theirs */
    rig_turn(&rig);
    answer.request_id = asked.id;
    rig_deliver(link, &answer);
    rig_deliver(link, &answer); /* a second one is nobody's, and no letter */
    rig_turn(&rig);
    assert_int_equal(asked.done, 1);
    assert_int_equal(asked.status, HWS_EFAILED);
    assert_string_equal(asked.who, RIG_PEER "/b");
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 0);
    rig_end(&rig);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 14; n++) {
        struct rig rig;
        struct asked asked = { 0 };
        struct answerer answerer = { .at_once = true };
        rig_start_default(&rig);
        assert_int_equal(hws_spawn_named(rig.system, "a", &ops, &answerer, NULL), 0);
        struct hws_pid *pid = rig_pid(&rig, "a");
        rig.allow = n;
        int error = hws_request(rig.system, pid, &(struct hws_message){ .payload = rig_value() }, 0,
                                done, &asked, NULL);
        rig_turn(&rig);
        rig.allow = UINT64_MAX;
        rig_pass(&rig, 6 * HWS_SECOND);
        assert_int_equal(asked.done, error == 0);
        hws_pid_release(pid);
        rig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered),
        cmocka_unit_test(test_timeout_and_late_answer),
        cmocka_unit_test(test_dead_letters_answer),
        cmocka_unit_test(test_done_acts),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_far_answers),
        cmocka_unit_test(test_the_peer_goes),
        cmocka_unit_test(test_undecodable_answer),
        cmocka_unit_test(test_a_handler_that_fails),
        cmocka_unit_test(test_a_far_handler_that_fails),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
