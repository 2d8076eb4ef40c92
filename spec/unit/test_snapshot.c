/* SPDX-License-Identifier: MIT */
/* Statistics for other threads (hawser/snapshot.h). ctest: timeout=120 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "hawser/loop.h"
#include "support_rig.h"

/* --- on the system's own thread --- */

static void test_own_thread(void **state)
{
    struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    const struct hws_snapshot *snapshot, *later;
    (void)state;
    rig_start_default(&rig);
    rig_connect(&rig, &peer);
    assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    rig_turn(&rig);
    assert_int_equal(hws_snapshot_take(rig.system, 0, &snapshot), 0);
    assert_int_equal(snapshot->time, rig.now);
    assert_int_equal(snapshot->system.endpoints, 1);
    assert_int_equal(snapshot->system.connects, 1);
    assert_int_equal(snapshot->endpoint_count, 1);
    assert_string_equal(snapshot->endpoints[0].address, RIG_PEER);
    assert_int_equal(snapshot->endpoints[0].queue_size, 1);
    assert_int_equal(snapshot->connection_count, 1);
    const struct hws_connection_statistics *link = snapshot->connections;
    assert_string_equal(link->address, RIG_PEER);
    assert_string_equal(link->name, "peer");
    assert_int_equal(link->uid, 77);
    assert_int_equal(link->phase, HWS_CONNECTION_up);
    assert_true(link->dialed);
    assert_int_equal(link->since, rig.now);
    assert_int_equal(link->sent_bytes, snapshot->endpoints[0].sent_bytes);
    assert_true(link->received_bytes > 0);
    rig_close(rig_last(&rig), HWS_ERESET, "it broke");
    rig_accept(&rig);
    rig_turn(&rig);
    assert_int_equal(hws_snapshot_take(rig.system, 0, &later), 0);
    assert_int_equal(snapshot->endpoints[0].state, HWS_ENDPOINT_connected); /* what it was */
    assert_int_equal(later->endpoints[0].state, HWS_ENDPOINT_reconnecting);
    assert_int_equal(later->endpoints[0].disconnects[HWS_LINK_reset], 1);
    assert_int_equal(later->system.disconnects[HWS_LINK_reset], 1);
    assert_int_equal(later->connections[0].phase, HWS_CONNECTION_waiting);
    assert_string_equal(later->connections[0].peer, "stranger");
    assert_string_equal(later->connections[0].address, "");
    assert_false(later->connections[0].dialed);
    hws_snapshot_release(snapshot);
    hws_snapshot_release(later);
    hws_snapshot_release(NULL);
    rig_end(&rig);
}

static void test_no_memory(void **state)
{
    struct rig rig;
    const struct hws_snapshot *snapshot = NULL;
    (void)state;
    rig_start_default(&rig);
    rig.fail_in = 1;
    assert_int_equal(hws_snapshot_take(rig.system, 0, &snapshot), HWS_ENOMEM);
    assert_null(snapshot);
    assert_int_equal(hws_snapshot_last(rig.system, &snapshot), HWS_ENOTFOUND);
    assert_int_equal(hws_snapshot_take(rig.system, 0, &snapshot), 0);
    hws_snapshot_release(snapshot);
    rig_end(&rig);
}

/* --- another thread --- */

struct asker {
    pthread_t thread;
    struct hws_system *system;
    uint64_t timeout;
    atomic_bool began, done;
    int outcome;
    const struct hws_snapshot *snapshot;
};

static void *ask(void *data)
{
    struct asker *asker = data;
    atomic_store(&asker->began, true);
    asker->outcome = hws_snapshot_take(asker->system, asker->timeout, &asker->snapshot);
    atomic_store(&asker->done, true);
    return NULL;
}

static void begin(struct asker *asker, struct hws_system *system, uint64_t timeout)
{
    *asker = (struct asker){ .system = system, .timeout = timeout };
    assert_int_equal(pthread_create(&asker->thread, NULL, ask, asker), 0);
}

static int end(struct asker *asker)
{
    assert_int_equal(pthread_join(asker->thread, NULL), 0);
    return asker->outcome;
}

static void test_a_loop_that_does_not_turn(void **state)
{
    struct rig rig;
    struct asker asker;
    const struct hws_snapshot *last;
    (void)state;
    rig_start_default(&rig);
    begin(&asker, rig.system, HWS_MILLISECOND);
    assert_int_equal(end(&asker), HWS_ETIMEOUT);
    assert_null(asker.snapshot);
    assert_int_equal(hws_snapshot_last(rig.system, &last), HWS_ENOTFOUND);
    assert_true(hws_next_turn(rig.system) == 0); /* it is asked still */
    rig_turn(&rig);
    assert_int_equal(hws_snapshot_last(rig.system, &last), 0);
    assert_int_equal(last->time, rig.now);
    rig.now += HWS_SECOND;
    begin(&asker, rig.system, 0);
    assert_int_equal(end(&asker), HWS_ETIMEOUT);
    assert_int_equal(hws_system_now(rig.system) - last->time, HWS_SECOND); /* its age */
    hws_snapshot_release(last);
    rig_end(&rig);
}

static void test_before_the_first_turn(void **state)
{
    struct hws_options options;
    struct hws_system *system;
    const struct hws_snapshot *snapshot;
    (void)state;
    hws_options_init(&options);
    options.name = "new";
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_snapshot_take(system, 0, &snapshot), HWS_ETIMEOUT); /* whose is it? */
    hws_turn(system);
    assert_int_equal(hws_snapshot_take(system, 0, &snapshot), 0);
    hws_snapshot_release(snapshot);
    hws_system_free(system);
}

static void test_a_stop_ends_the_waiting(void **state)
{
    struct rig rig;
    struct asker asker;
    const struct hws_snapshot *last;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_snapshot_take(rig.system, 0, &last), 0);
    hws_snapshot_release(last);
    rig.fail_in = 1;
    assert_int_equal(hws_snapshot_take(rig.system, 0, &last), HWS_ENOMEM);
    hws_stop(rig.system, "end", 0);
    begin(&asker, rig.system, HWS_NEVER);
    while (!atomic_load(&asker.done)) {
        hws_turn(rig.system); /* the turn that stops it answers, or one before did */
        sched_yield();
    }
    int outcome = end(&asker);
    assert_true(outcome == HWS_ECLOSED || outcome == 0);
    if (!outcome)
        hws_snapshot_release(asker.snapshot);
    while (!hws_is_stopped(rig.system))
        hws_turn(rig.system);
    begin(&asker, rig.system, HWS_NEVER);
    assert_int_equal(end(&asker), HWS_ECLOSED);
    assert_int_equal(hws_snapshot_take(rig.system, HWS_NEVER, &last), HWS_ECLOSED);
    assert_int_equal(hws_snapshot_last(rig.system, &last), 0);
    assert_int_equal(last->system.actors, 0);
    hws_snapshot_release(last);
    rig_end(&rig);
}

/* --- readers that hammer while messages flow --- */

#define READERS 2
#define READS 500
#define BURST 10

struct flow {
    struct hws_system *systems[2];
    struct hws_pid *target;
    atomic_uint reading;
    atomic_uint broken; /* snapshots that show a moment that never was */
    atomic_uint failed;
};

static int on_tick(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct flow *flow = self;
    (void)message;
    for (int i = 0; i < BURST; i++)
        hws_send(flow->systems[0], flow->target, &(struct hws_message){ .payload = rig_value() });
    return hws_send(flow->systems[0], hws_context_self(context),
                    &(struct hws_message){ .payload = rig_value() });
}
static const struct hws_actor_ops ticker = { .receive = on_tick };

static int swallow(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    (void)message;
    return 0;
}
static const struct hws_actor_ops sink = { .receive = swallow };

/* A burst is sent in one go: who sees a part of one has looked into the middle of it. */
static bool is_whole(const struct hws_snapshot *snapshot)
{
    uint64_t connects = 0, letters = 0;
    for (size_t i = 0; i < snapshot->endpoint_count; i++) {
        const struct hws_endpoint_statistics *s = &snapshot->endpoints[i];
        uint64_t sent = s->deliver_success + s->deliver_failure + s->queue_size;
        if (sent % BURST || strlen(s->address) == 0)
            return false;
        connects += s->connects;
        letters += s->deliver_failure;
    }
    return connects == snapshot->system.connects && letters <= snapshot->system.dead_letters &&
           snapshot->endpoint_count == snapshot->system.endpoints;
}

static void *hammer(void *data)
{
    struct flow *flow = data;
    uint64_t before[2] = { 0, 0 };
    for (int i = 0; i < READS; i++) {
        const struct hws_snapshot *snapshot;
        if (hws_snapshot_take(flow->systems[i % 2], 60 * HWS_SECOND, &snapshot)) {
            atomic_fetch_add(&flow->failed, 1);
            continue;
        }
        if (!is_whole(snapshot) || snapshot->time < before[i % 2])
            atomic_fetch_add(&flow->broken, 1);
        before[i % 2] = snapshot->time;
        hws_snapshot_release(snapshot);
    }
    if (atomic_fetch_sub(&flow->reading, 1) == 1)
        for (int i = 0; i < 2; i++)
            hws_stop_from_any_thread(flow->systems[i]);
    return NULL;
}

static struct hws_system *start(const char *name)
{
    struct hws_options options;
    struct hws_system *system;
    hws_options_init(&options);
    options.name = name;
    options.listen = "127.0.0.1:0";
    options.shutdown_deadline = HWS_SECOND;
    options.endpoint_writer_queue_size = 1000; /* some become dead letters */
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_loop_attach(system, NULL), 0);
    assert_int_equal(hws_start(system, NULL, 0), 0);
    return system;
}

static void *run(void *system)
{
    hws_loop_run(system);
    return NULL;
}

static void test_hammered_while_messages_flow(void **state)
{
    struct flow flow = { .reading = READERS };
    pthread_t readers[READERS], other;
    char target[HWS_ADDRESS_MAX + 8];
    struct hws_pid *self;
    (void)state;
    flow.systems[0] = start("alpha");
    flow.systems[1] = start("beta");
    snprintf(target, sizeof target, "%s/sink", hws_system_address(flow.systems[1]));
    assert_int_equal(hws_pid_parse(flow.systems[0], target, &flow.target), 0);
    assert_int_equal(hws_spawn_named(flow.systems[1], "sink", &sink, NULL, NULL), 0);
    assert_int_equal(hws_spawn_named(flow.systems[0], "ticker", &ticker, &flow, &self), 0);
    assert_int_equal(
        hws_send(flow.systems[0], self, &(struct hws_message){ .payload = rig_value() }), 0);
    hws_pid_release(self);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, hammer, &flow), 0);
    assert_int_equal(pthread_create(&other, NULL, run, flow.systems[1]), 0);
    run(flow.systems[0]);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(atomic_load(&flow.failed), 0);
    assert_int_equal(atomic_load(&flow.broken), 0);
    hws_pid_release(flow.target);
    for (int i = 0; i < 2; i++)
        hws_system_free(flow.systems[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_thread),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_a_loop_that_does_not_turn),
        cmocka_unit_test(test_before_the_first_turn),
        cmocka_unit_test(test_a_stop_ends_the_waiting),
        cmocka_unit_test(test_hammered_while_messages_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
