/* SPDX-License-Identifier: MIT */
/* What the torture of the delivery contract has found, one test each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "support_delivery.h"
#include "transport/network.h"
#include "wire/handshake.h"

struct scene {
    struct hws_loopback *network;
    struct hws_system *alpha;
    struct hws_pid *sink;
    unsigned got, terminated, letters;
    uint16_t reason;
};

static int sink(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct scene *scene = self;
    (void)context;
    scene->got += message->kind == HWS_MESSAGE_user;
    scene->letters += message->kind == HWS_MESSAGE_dead_letter_response;
    if (message->kind == HWS_MESSAGE_terminated) {
        scene->terminated++;
        scene->reason = message->reason;
    }
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = sink };

static struct hws_options basic(struct scene *scene, const char *name, const char *listen)
{
    struct hws_options options;
    hws_options_init(&options);
    options.name = name;
    options.listen = listen;
    options.clock = hws_loopback_clock(scene->network);
    options.reconnect_max_retries = 0;
    options.reconnect_max = 300 * HWS_MILLISECOND;
    return options;
}

static struct hws_system *begin(struct scene *scene, const struct hws_options *options,
                                struct hws_pid **pid)
{
    struct hws_system *system;
    char text[256] = "";
    if (hws_system_new(options, &system, text, sizeof text))
        fail_msg("%s", text);
    assert_int_equal(hws_loopback_attach(scene->network, system), 0);
    if (hws_start(system, text, sizeof text))
        fail_msg("%s", text);
    assert_int_equal(hws_spawn_named(system, "sink", &sink_ops, scene, pid), 0);
    return system;
}

static struct hws_system *begin_beta(struct scene *scene)
{
    struct hws_options options = basic(scene, "beta", "loop:beta:1");
    return begin(scene, &options, NULL);
}

/* As a process that is killed: it says nothing on its way out. */
static void kill_beta(struct scene *scene, struct hws_system *beta)
{
    hws_loopback_reachable(scene->network, "beta:1", false);
    hws_system_free(beta);
    hws_loopback_run(scene->network, HWS_SECOND);
    hws_loopback_reachable(scene->network, "beta:1", true);
}

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){ 0 };
    assert_int_equal(hws_loopback_new(&(struct hws_loopback_options){ .latency = HWS_MILLISECOND },
                                      &scene->network),
                     0);
}

static void close_scene(struct scene *scene)
{
    hws_pid_release(scene->sink);
    hws_system_free(scene->alpha);
    hws_loopback_run(scene->network, 60 * HWS_SECOND);
    hws_loopback_free(scene->network);
}

static void watch(struct scene *scene, const char *target)
{
    struct hws_pid *pid;
    assert_int_equal(hws_pid_parse(scene->alpha, target, &pid), 0);
    assert_int_equal(hws_watch(scene->alpha, scene->sink, pid), 0);
    hws_pid_release(pid);
}

static int send(struct hws_system *from, const char *target)
{
    struct hws_pid *pid;
    assert_int_equal(hws_pid_parse(from, target, &pid), 0);
    int error = hws_send(from, pid, &(struct hws_message){ .payload = hws_slice_of("\x01", 1) });
    hws_pid_release(pid);
    return error;
}

/* A watch placed while the peer is away moves to its successor; when that goes too, the watcher must hear of it. */
static void test_watch_outlives_two_restarts(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    struct hws_options options = basic(&scene, "alpha", "loop:alpha:1");
    scene.alpha = begin(&scene, &options, &scene.sink);
    struct hws_system *beta = begin_beta(&scene);
    assert_int_equal(hws_spawn_named(beta, "other", &sink_ops, &scene, NULL), 0);
    watch(&scene, "loop:beta:1/other");
    hws_loopback_run(scene.network, HWS_SECOND);
    kill_beta(&scene, beta);
    watch(&scene, "loop:beta:1/sink");
    beta = begin_beta(&scene);
    hws_loopback_run(scene.network, 5 * HWS_SECOND);
    assert_int_equal(scene.terminated, 1);
    assert_int_equal(scene.reason, HWS_TERMINATED_restarted);
    kill_beta(&scene, beta);
    beta = begin_beta(&scene);
    hws_loopback_run(scene.network, 5 * HWS_SECOND);
    assert_int_equal(scene.terminated, 2);
    assert_int_equal(scene.reason, HWS_TERMINATED_restarted);
    hws_system_free(beta);
    close_scene(&scene);
}

/* --- a peer of bytes --- */

struct raw {
    struct hws_link_handler handler; /* first */
    struct hws_link *link;
    struct hwsi_hello hello, welcome;
    uint8_t bytes[4096];
    size_t size;
    bool closed;
};

static void raw_open(struct hws_link_handler *handler)
{
    struct raw *raw = (struct raw *)handler;
    uint8_t frame[HWSI_HELLO_BOUND];
    struct hws_slice slice = { frame, hwsi_hello_encode(frame, HWSI_FRAME_HELLO, &raw->hello) };
    size_t taken;
    raw->link->ops->write(raw->link, &slice, 1, &taken);
}

static bool raw_reserve(struct hws_link_handler *handler, uint8_t **place, size_t *size)
{
    struct raw *raw = (struct raw *)handler;
    *place = raw->bytes + raw->size;
    *size = sizeof raw->bytes - raw->size;
    return true;
}

static void raw_bytes(struct hws_link_handler *handler, size_t size)
{
    struct raw *raw = (struct raw *)handler;
    struct hws_slice body;
    raw->size += size;
    if (hwsi_frame_split(raw->bytes, raw->size, 4096, &body) == 1 &&
        hwsi_frame_kind(body) == HWSI_FRAME_WELCOME)
        assert_int_equal(hwsi_hello_decode(body, &raw->welcome), 0);
}

static void raw_writable(struct hws_link_handler *handler)
{
    (void)handler;
}

static void raw_close(struct hws_link_handler *handler, int error, const char *detail)
{
    (void)error;
    (void)detail;
    ((struct raw *)handler)->closed = true;
}

static const struct hws_link_handler_ops raw_ops = { raw_open, raw_reserve, raw_bytes, raw_writable,
                                                     raw_close };

static void raw_dial(struct scene *scene, struct hwsi_seat *seat, struct raw *raw, uint64_t uid)
{
    char detail[256];
    raw->handler.ops = &raw_ops;
    raw->hello.version = HWSI_WIRE_VERSION;
    raw->hello.name = hws_slice_text("raw");
    raw->hello.address = hws_slice_text("loop:beta:1");
    raw->hello.uid = raw->hello.nonce = raw->hello.session = uid;
    assert_int_equal(seat->transport.ops->dial(&seat->transport, "alpha:1", &raw->handler,
                                               &raw->link, detail, sizeof detail),
                     0);
    hws_loopback_run(scene->network, 20 * HWS_MILLISECOND);
}

/* A HELLO that breaks the protocol must not leave its endpoint without a link and without a try to get one. */
static void test_bad_hello_leaves_the_endpoint_dialling(void **state)
{
    static struct raw first, second;
    struct scene scene;
    struct hwsi_seat *seat;
    (void)state;
    open_scene(&scene);
    struct hws_options options = basic(&scene, "alpha", "loop:alpha:1");
    scene.alpha = begin(&scene, &options, &scene.sink);
    assert_int_equal(hwsi_seat_new(scene.network, "raw", NULL, &seat), 0);
    raw_dial(&scene, seat, &first, 11);
    assert_true(first.welcome.session != 0);
    first.link->ops->close(first.link);
    hws_loopback_run(scene.network, 20 * HWS_MILLISECOND);
    second.hello.known_session = first.welcome.session;
    second.hello.received_user = 5;
    raw_dial(&scene, seat, &second, 12);
    assert_true(second.closed && second.welcome.session == 0);
    struct hws_system *beta = begin_beta(&scene);
    hws_loopback_run(scene.network, 30 * HWS_SECOND);
    struct hws_endpoint_statistics statistics;
    assert_int_equal(hws_statistics(scene.alpha, "loop:beta:1", &statistics), 0);
    assert_int_equal(statistics.state, HWS_ENDPOINT_connected);
    assert_int_equal(send(scene.alpha, "loop:beta:1/sink"), 0);
    hws_loopback_run(scene.network, HWS_SECOND);
    assert_int_equal(scene.got, 1);
    hws_system_free(beta);
    seat->transport.ops->release(&seat->transport);
    close_scene(&scene);
}

/* Endpoints that stop become tombstones, of which the oldest go: also the one that the loop over endpoints would come to next. */
static void test_stop_among_tombstones(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    struct hws_options options = basic(&scene, "alpha", "loop:alpha:1");
    options.reconnect_max_retries = 1;
    options.tombstones = 1;
    scene.alpha = begin(&scene, &options, &scene.sink);
    struct hws_system *beta = begin_beta(&scene);
    send(scene.alpha, "loop:beta:1/sink");
    send(scene.alpha, "loop:nowhere:1/sink");
    hws_loopback_run(scene.network, 5 * HWS_SECOND);
    hws_system_free(beta);
    close_scene(&scene);
}

/* --- without a network --- */

static uint64_t told_now(struct hws_clock *clock);
static struct manual_clock {
    struct hws_clock clock;
    uint64_t now;
} manual = { { told_now }, HWS_SECOND };

static uint64_t told_now(struct hws_clock *clock)
{
    return ((struct manual_clock *)clock)->now;
}

static void turn_until(struct hws_system *system, uint64_t until)
{
    for (hws_turn(system); hws_next_turn(system) <= until; hws_turn(system))
        if (hws_next_turn(system) > manual.now)
            manual.now = hws_next_turn(system);
}

/* A send to an address whose tombstone is due, but not cleared away yet, begins a new life. */
static void test_send_to_a_tombstone_that_is_due(void **state)
{
    struct hws_options options;
    struct hws_system *system;
    struct hws_endpoint_statistics statistics;
    (void)state;
    hws_options_init(&options);
    options.name = "alone";
    options.clock = &manual.clock;
    options.reconnect_max_retries = 1;
    options.tombstone_duration = 10 * HWS_SECOND;
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_start(system, NULL, 0), 0);
    send(system, "nowhere:1/sink");
    turn_until(system, manual.now + 5 * HWS_SECOND);
    assert_int_equal(hws_statistics(system, "nowhere:1", &statistics), 0);
    assert_int_equal(statistics.state, HWS_ENDPOINT_closed);
    manual.now += 10 * HWS_SECOND;
    assert_int_equal(send(system, "nowhere:1/sink"), 0);
    assert_int_equal(hws_statistics(system, "nowhere:1", &statistics), 0);
    assert_int_equal(statistics.state, HWS_ENDPOINT_associating);
    assert_int_equal(statistics.incarnation, 2);
    turn_until(system, manual.now + 5 * HWS_SECOND);
    hws_system_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch_outlives_two_restarts),
        cmocka_unit_test(test_bad_hello_leaves_the_endpoint_dialling),
        cmocka_unit_test(test_stop_among_tombstones),
        cmocka_unit_test(test_send_to_a_tombstone_that_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
