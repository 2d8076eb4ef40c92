/* SPDX-License-Identifier: MIT */
/* Mailboxes and the dispatcher: lanes, bounds, fairness, batches. */
#include "support_rig.h"

#include <string.h>

struct worker {
    struct hws_pid *peer; /* NULL, or whom to send on to */
    char *log;
    char mark;
    unsigned handled, letters, turns, fail_at;
};

static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct worker *self = data;
    if (message->kind == HWS_MESSAGE_dead_letter_response) {
        self->letters++;
        if (self->log)
            *self->log++ = 'L';
        return 0;
    }
    self->handled++;
    if (self->log)
        *self->log++ = self->mark;
    if (self->peer)
        hws_send(hws_context_system(context), self->peer,
                 &(struct hws_message){ .payload = rig_value() });
    return 0;
}
static const struct hws_actor_ops ops = { .receive = receive };

static int receive_batch(void *data, struct hws_context *context)
{
    struct worker *self = data;
    self->turns++;
    while (hws_context_next(context))
        if (++self->handled == self->fail_at)
            return HWS_EFAILED;
    return 0;
}
static const struct hws_actor_ops batch_ops = { .receive_batch = receive_batch };

static struct hws_pid *spawn(struct rig *rig, const char *name, const struct hws_actor_ops *with,
                             struct worker *worker, uint64_t mailbox_size)
{
    struct hws_pid *pid;
    assert_int_equal(
        hws_spawn(rig->system, with, worker,
                  &(struct hws_spawn_options){ .name = name, .mailbox_size = mailbox_size }, &pid),
        0);
    return pid;
}

static void test_mailbox_full(void **state)
{
    struct rig rig;
    struct worker worker = { 0 };
    (void)state;
    rig_start_default(&rig);
    struct hws_pid *pid = spawn(&rig, "w", &ops, &worker, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_send(&rig, "w"), 0);
    assert_int_equal(rig_send(&rig, "w"), HWS_EFULL);
    rig_turn(&rig);
    assert_int_equal(worker.handled, 3);
    assert_int_equal(rig_send(&rig, "w"), 0);
    hws_pid_release(pid);
    rig_end(&rig);
}

/* The system lane goes ahead, and a full user lane does not keep it out. */
static void test_lanes(void **state)
{
    struct rig rig;
    char log[16] = "";
    struct worker worker = { .log = log, .mark = 'u' };
    (void)state;
    rig_start_default(&rig);
    struct hws_pid *pid = spawn(&rig, "w", &ops, &worker, 2), *nobody = rig_pid(&rig, "nobody");
    rig_send(&rig, "w");
    rig_send(&rig, "w");
    hws_send(rig.system, nobody, &(struct hws_message){ .payload = rig_value(), .sender = pid });
    rig_turn(&rig);
    assert_string_equal(log, "Luu");
    hws_pid_release(pid);
    hws_pid_release(nobody);
    rig_end(&rig);
}

static void test_fairness(void **state)
{
    struct rig rig;
    struct hws_options options;
    static char log[64];
    struct worker a = { .mark = 'a' }, b = { .mark = 'b' };
    (void)state;
    memset(log, 0, sizeof log);
    rig_options(&rig, &options);
    options.dispatcher_throughput = 3;
    rig_start(&rig, &options);
    struct hws_pid *pa = spawn(&rig, "a", &ops, &a, 0), *pb = spawn(&rig, "b", &ops, &b, 0);
    for (int i = 0; i < 7; i++)
        rig_send(&rig, "a");
    for (int i = 0; i < 4; i++)
        rig_send(&rig, "b");
    rig_turn(&rig);
    assert_int_equal(a.handled, 7);
    assert_int_equal(b.handled, 4);
    /* Again, watched: one log for both. */
    a = (struct worker){ .mark = 'a', .log = log };
    for (int i = 0; i < 7; i++)
        rig_send(&rig, "a");
    rig_send(&rig, "b");
    b = (struct worker){ .mark = 'b' };
    hws_turn(rig.system);
    rig_turn(&rig);
    assert_int_equal(b.handled, 1);
    assert_string_equal(log, "aaaaaaa");
    hws_pid_release(pa);
    hws_pid_release(pb);
    rig_end(&rig);
}

/* Two that keep each other busy for ever do not keep a turn from its end, nor others from theirs. */
static void test_budget(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct worker a = { 0 }, b = { 0 }, c = { 0 };
    (void)state;
    rig_options(&rig, &options);
    options.dispatcher_budget = 100;
    options.dispatcher_throughput = 10;
    rig_start(&rig, &options);
    struct hws_pid *pa = spawn(&rig, "a", &ops, &a, 0), *pb = spawn(&rig, "b", &ops, &b, 0),
                   *pc = spawn(&rig, "c", &ops, &c, 0);
    a.peer = pb;
    b.peer = pa;
    for (int i = 0; i < 50; i++)
        rig_send(&rig, "a");
    rig_send(&rig, "c");
    hws_turn(rig.system);
    assert_int_equal(c.handled, 1);
    assert_in_range(a.handled + b.handled, 50, 120);
    assert_int_equal(hws_next_turn(rig.system), 0);
    a.peer = b.peer = NULL;
    rig_turn(&rig);
    hws_pid_release(pa);
    hws_pid_release(pb);
    hws_pid_release(pc);
    rig_end(&rig);
}

static void test_batches(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct worker worker = { .fail_at = 5 };
    (void)state;
    rig_options(&rig, &options);
    options.dispatcher_throughput = 10;
    rig_start(&rig, &options);
    struct hws_pid *pid = spawn(&rig, "w", &batch_ops, &worker, 0);
    rig_turn(&rig);
    worker.turns = 0;
    for (int i = 0; i < 25; i++)
        rig_send(&rig, "w");
    rig_turn(&rig);
    assert_int_equal(worker.handled, 25); /* a failure blames one; the rest stay */
    assert_int_equal(worker.turns, 3);    /* 5, 10, 10 */
    assert_int_equal(rig_count(&rig, HWS_EVENT_ActorFailed), 1);
    hws_pid_release(pid);
    rig_end(&rig);
}

struct tally {
    unsigned actors;
    uint64_t waiting;
};
static void count_actor(void *data, struct hws_pid *pid, uint64_t mailbox_size)
{
    struct tally *tally = data;
    assert_non_null(hws_pid_id(pid));
    tally->actors++;
    tally->waiting += mailbox_size;
}

static void test_each_actor(void **state)
{
    struct rig rig;
    struct worker worker = { 0 };
    struct tally tally = { 0 };
    struct hws_system_statistics s;
    (void)state;
    rig_start_default(&rig);
    hws_pid_release(spawn(&rig, "a", &ops, &worker, 0));
    hws_pid_release(spawn(&rig, "b", &ops, &worker, 0));
    rig_send(&rig, "a");
    hws_each_actor(rig.system, count_actor, &tally);
    assert_int_equal(tally.actors, 2);
    assert_int_equal(tally.waiting, 1);
    rig_turn(&rig);
    hws_system_statistics(rig.system, &s);
    assert_int_equal(s.actors, 2);
    assert_int_equal(s.delivered, 1);
    rig_end(&rig);
}

/* A system whose actors can't keep up does not read on. */
static void test_backpressure(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct worker worker = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver in = { .target = { .text = hws_slice_text("w") }, .payload = rig_value() };
    uint8_t *room;
    size_t size;
    (void)state;
    rig_options(&rig, &options);
    options.dispatcher_budget = 10;
    rig_start(&rig, &options);
    hws_pid_release(spawn(&rig, "w", &ops, &worker, 0));
    struct rig_link *link = rig_connect(&rig, &peer);
    for (int i = 0; i < 100; i++)
        rig_deliver(link, &in);
    hws_turn(rig.system);
    struct hws_link_handler *handler = link->link.handler;
    assert_false(handler->ops->on_reserve(handler, &room, &size));
    rig_turn(&rig);
    assert_int_equal(worker.handled, 100);
    assert_true(handler->ops->on_reserve(handler, &room, &size));
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mailbox_full), cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_fairness),     cmocka_unit_test(test_budget),
        cmocka_unit_test(test_batches),      cmocka_unit_test(test_each_actor),
        cmocka_unit_test(test_backpressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
