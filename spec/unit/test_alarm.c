/* SPDX-License-Identifier: MIT */
/* Timers of actors and of the host: when they come, on what grid, what ends them, and how many there may be. */
#include "support_rig.h"

#include <string.h>

#define TICK (100 * HWS_MILLISECOND)

struct clockwork {
    struct hws_context *context;
    uint64_t ids[4], times[64], fail_at;
    unsigned count, starts;
    bool from_itself, typed, waits;
    int error; /* of the timers it starts with */
};

static const struct hws_message *tick_message(struct rig *rig, struct hws_atom **type)
{
    static struct hws_message message;
    assert_int_equal(hws_atom_make(rig->system, "tick", type), 0);
    message = (struct hws_message){ .payload = rig_value(), .type = *type };
    return &message;
}

static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct clockwork *self = data;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    assert_true(self->count < 64);
    self->times[self->count++] = hws_system_now(hws_context_system(context));
    self->from_itself = message->sender == hws_context_self(context);
    self->typed = message->type && strcmp(hws_atom_text(message->type), "tick") == 0;
    assert_int_equal(message->payload.size, rig_value().size);
    assert_memory_equal(message->payload.data, rig_value().data, rig_value().size);
    assert_true(message->correlation.hi | message->correlation.lo);
    if (self->waits)
        hws_context_suspend(context);
    return self->count == self->fail_at ? HWS_EFAILED : 0;
}
static int started(void *data, struct hws_context *context)
{
    struct clockwork *self = data;
    self->context = context;
    self->starts++;
    return 0;
}
static void stopped(void *data, struct hws_context *context)
{
    struct clockwork *self = data;
    self->context = NULL;
    self->error =
        hws_context_after(context, TICK, &(struct hws_message){ .payload = rig_value() }, NULL);
}
static const struct hws_actor_ops ops = { .receive = receive,
                                          .started = started,
                                          .stopped = stopped };

static void begin(struct rig *rig, struct clockwork *work, enum hws_supervision supervision)
{
    memset(work, 0, sizeof *work);
    assert_int_equal(
        hws_spawn(rig->system, &ops, work,
                  &(struct hws_spawn_options){ .name = "work", .supervision = supervision }, NULL),
        0);
    rig_turn(rig);
    assert_non_null(work->context);
}

static void test_once(void **state)
{
    struct rig rig;
    struct clockwork work;
    struct hws_atom *type;
    (void)state;
    rig_start_default(&rig);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    uint64_t start = rig.now;
    const struct hws_message *message = tick_message(&rig, &type);
    assert_int_equal(hws_context_after(work.context, TICK, message, &work.ids[0]), 0);
    assert_int_equal(hws_context_after(work.context, 2 * TICK, message, &work.ids[1]), 0);
    assert_int_equal(hws_context_after(work.context, 3 * TICK, message, NULL), 0);
    hws_atom_release(type); /* held by the timers */
    assert_int_equal(hws_actor_timer_cancel(rig.system, work.ids[1]), 0);
    assert_int_equal(hws_actor_timer_cancel(rig.system, work.ids[1]), HWS_ENOTFOUND);
    rig_pass(&rig, 10 * TICK);
    assert_int_equal(work.count, 2);
    assert_true(work.times[0] == start + TICK && work.times[1] == start + 3 * TICK);
    assert_true(work.from_itself && work.typed);
    assert_int_equal(hws_actor_timer_cancel(rig.system, work.ids[0]), HWS_ENOTFOUND);
    assert_int_equal(hws_actor_timer_cancel(rig.system, 0), HWS_ENOTFOUND);
    rig_end(&rig);
}

static void test_again_and_again(void **state)
{
    struct rig rig;
    struct clockwork work;
    struct hws_message message = { .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    uint64_t start = rig.now;
    assert_int_equal(hws_context_every(work.context, 0, TICK, &message, &work.ids[0]), 0);
    rig_pass(&rig, 3 * TICK + TICK / 2);
    assert_int_equal(work.count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_true(work.times[i] == start + i * TICK);
    /* The loop stalls: one tick at once, and then the grid again. */
    rig.now += 5 * TICK;
    rig_turn(&rig);
    assert_int_equal(work.count, 5);
    rig_pass(&rig, TICK);
    assert_int_equal(work.count, 6);
    assert_true(work.times[5] == start + 9 * TICK);
    assert_int_equal(hws_actor_timer_cancel(rig.system, work.ids[0]), 0);
    rig_pass(&rig, 10 * TICK);
    assert_int_equal(work.count, 6);
    rig_end(&rig);
}

/* An actor that waits finds one tick in its mailbox, however long it waited. */
static void test_ticks_do_not_pile_up(void **state)
{
    struct rig rig;
    struct clockwork work;
    struct hws_message message = { .payload = rig_value() };
    (void)state;
    rig_start_default(&rig);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    work.waits = true;
    assert_int_equal(hws_context_every(work.context, TICK, TICK, &message, NULL), 0);
    rig_pass(&rig, 20 * TICK);
    assert_int_equal(work.count, 1);
    work.waits = false;
    hws_context_resume(work.context);
    rig_turn(&rig);
    assert_int_equal(work.count, 2);
    rig_pass(&rig, 2 * TICK);
    assert_int_equal(work.count, 4);
    rig_end(&rig);
}

static void test_what_ends_them(void **state)
{
    static const struct {
        enum hws_supervision supervision;
        unsigned count, starts;
    } cases[] = { { HWS_SUPERVISE_resume, 10, 1 },
                  { HWS_SUPERVISE_restart, 2, 2 },
                  { HWS_SUPERVISE_stop, 2, 1 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct clockwork work;
        struct hws_message message = { .payload = rig_value() };
        rig_start_default(&rig);
        begin(&rig, &work, cases[i].supervision);
        work.fail_at = 2;
        assert_int_equal(hws_context_every(work.context, TICK, TICK, &message, &work.ids[0]), 0);
        rig_pass(&rig, 10 * TICK);
        assert_int_equal(work.count, cases[i].count);
        assert_int_equal(work.starts, cases[i].starts);
        assert_int_equal(hws_actor_timer_cancel(rig.system, work.ids[0]),
                         i == 0 ? 0 : HWS_ENOTFOUND);
        rig_end(&rig);
        assert_int_equal(work.error, HWS_ECLOSED);
    }
}

/* They end as the stop begins, not when the last child is gone: nothing comes that nobody would take. */
static void test_stop_with_children(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct clockwork work, child = { 0 };
    struct hws_message message = { .payload = rig_value() };
    (void)state;
    rig_options(&rig, &options);
    options.dispatcher_budget = 1;
    rig_start(&rig, &options);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    assert_int_equal(hws_context_spawn_named(work.context, "child", &ops, &child, NULL), 0);
    assert_int_equal(hws_context_every(work.context, TICK, TICK, &message, NULL), 0);
    rig_turn(&rig);
    struct hws_pid *pid = rig_pid(&rig, "work");
    assert_int_equal(hws_stop_actor(rig.system, pid), 0);
    hws_turn(rig.system); /* asks the child, and that is all there is time for */
    assert_non_null(child.context);
    rig.now += TICK;
    rig_turn(&rig);
    assert_null(work.context);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 0);
    hws_pid_release(pid);
    rig_end(&rig);
}

static void test_refusals(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct clockwork work;
    static const uint8_t broken[] = { 0xc1 };
    static uint8_t large[2048];
    struct hws_message message = { .payload = rig_value() };
    (void)state;
    rig_options(&rig, &options);
    options.actor_timers = 3;
    options.max_frame_size = 1024;
    rig_start(&rig, &options);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hws_context_after(work.context, TICK, &message, &work.ids[i]), 0);
    assert_int_equal(hws_context_every(work.context, 0, TICK, &message, NULL), HWS_EFULL);
    assert_int_equal(hws_actor_timer_cancel(rig.system, work.ids[1]), 0);
    assert_int_equal(hws_context_every(work.context, 0, HWS_MILLISECOND - 1, &message, NULL),
                     HWS_EINVAL);
    message.payload = (struct hws_slice){ broken, 1 };
    assert_int_equal(hws_context_after(work.context, TICK, &message, NULL), HWS_EENCODE);
    message.payload = (struct hws_slice){ large, sizeof large };
    assert_int_equal(hws_context_after(work.context, TICK, &message, NULL), HWS_ETOOLARGE);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 0); /* nothing was sent */
    rig_end(&rig);
}

static void test_without_memory(void **state)
{
    struct rig rig;
    struct clockwork work;
    struct hws_message message = { .payload = rig_value() };
    int error = HWS_ENOMEM;
    (void)state;
    rig_start_default(&rig);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    for (uint64_t i = 1; error; i++) {
        rig.fail_in = i;
        error = hws_context_after(work.context, TICK, &message, NULL);
        assert_true(error == 0 || error == HWS_ENOMEM);
    }
    rig.fail_in = 0;
    rig_pass(&rig, TICK);
    assert_int_equal(work.count, 1);
    rig_end(&rig);
}

/* A full mailbox makes each tick a dead letter, and the timer goes on. */
static void test_full_mailbox(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct clockwork work;
    struct hws_message message = { .payload = rig_value() };
    (void)state;
    rig_options(&rig, &options);
    options.mailbox_size = 1;
    rig_start(&rig, &options);
    begin(&rig, &work, HWS_SUPERVISE_resume);
    hws_context_suspend(work.context);
    rig_send(&rig, "work");
    assert_int_equal(hws_context_every(work.context, TICK, TICK, &message, NULL), 0);
    rig_pass(&rig, 3 * TICK);
    assert_int_equal(rig_count(&rig, HWS_EVENT_DeadLetter), 3);
    hws_context_resume(work.context);
    rig_pass(&rig, TICK);
    assert_true(work.from_itself);
    rig_end(&rig);
}

struct host {
    struct rig *rig;
    struct hws_timer *timer;
    unsigned count, cancel_at;
};

static void host_tick(void *data)
{
    struct host *host = data;
    if (++host->count == host->cancel_at)
        hws_timer_cancel(host->timer);
}

static void test_of_the_host(void **state)
{
    struct rig rig;
    struct host cancelled = { .cancel_at = 3 }, left = { 0 };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_every(rig.system, 0, TICK, host_tick, &cancelled, &cancelled.timer), 0);
    assert_int_equal(hws_every(rig.system, TICK, TICK, host_tick, &left, NULL), 0);
    assert_int_equal(hws_every(rig.system, 0, 0, host_tick, &left, NULL), HWS_EINVAL);
    rig_pass(&rig, 10 * TICK);
    assert_int_equal(cancelled.count, 3);
    assert_int_equal(left.count, 10);
    rig.now += 10 * TICK;
    rig_turn(&rig);
    assert_int_equal(left.count, 11);
    rig_end(&rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_again_and_again),
        cmocka_unit_test(test_ticks_do_not_pile_up),
        cmocka_unit_test(test_what_ends_them),
        cmocka_unit_test(test_stop_with_children),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_full_mailbox),
        cmocka_unit_test(test_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
