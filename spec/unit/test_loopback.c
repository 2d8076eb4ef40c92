/* SPDX-License-Identifier: MIT */
/* The loopback's links without systems: promises of a link, faults, and that a run follows from its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_scene.h"

static void nothing_moves_by_itself(void **state)
{
    struct scene scene;
    uint64_t before;
    scene_open(*state, (struct hws_loopback_options){ .latency = 5 * HWS_MILLISECOND }, &scene);
    before = scene_now(&scene);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
    assert_int_equal(scene.near.opened, 0);
    assert_int_equal(scene_now(&scene), before);
    assert_true(hws_loopback_step(scene.loopback));
    assert_int_equal(scene.near.opened, 1);
    assert_int_equal(scene_now(&scene), before + 5 * HWS_MILLISECOND);
    assert_false(hws_loopback_step(scene.loopback));
    scene_close(&scene);
}

static void bytes_take_the_latency(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = 5 * HWS_MILLISECOND }, &scene);
    scene_dial(&scene);
    assert_int_equal(peer_write(&scene.near, "ping", 4), 4);
    hws_loopback_run(scene.loopback, 5 * HWS_MILLISECOND - 1);
    assert_int_equal(scene.far.size, 0);
    hws_loopback_run(scene.loopback, 1);
    assert_int_equal(scene.far.size, 4);
    assert_memory_equal(scene.far.bytes, "ping", 4);
    assert_string_equal(scene.near.link->peer, "beta:1");
    scene_close(&scene);
}

static void running_moves_the_clock_exactly(void **state)
{
    struct scene scene;
    uint64_t before;
    scene_open(*state, (struct hws_loopback_options){ 0 }, &scene);
    before = scene_now(&scene);
    hws_loopback_run(scene.loopback, 12345);
    assert_int_equal(scene_now(&scene), before + 12345);
    assert_false(hws_loopback_run_until(scene.loopback, peer_is_open, &scene.near, HWS_SECOND));
    scene_close(&scene);
}

/* Sends numbered bytes in uneven writes, whatever is taken of them. */
enum { LOAD = 20000 };

static void push(struct peer *peer)
{
    size_t *sent = peer->data;
    uint8_t block[1500];
    while (*sent < LOAD) {
        size_t size = 1 + *sent * 7 % sizeof block, taken;
        if (size > LOAD - *sent)
            size = LOAD - *sent;
        for (size_t i = 0; i < size; i++)
            block[i] = (uint8_t)((*sent + i) * 31 >> 3);
        taken = peer_write(peer, block, size);
        memset(block, 0xee, sizeof block);
        *sent += taken;
        if (taken < size)
            return;
    }
}

static uint64_t trace; /* of everything that the far end is told, and when */
static size_t smallest, largest;

static void mix(uint64_t value)
{
    trace = (trace ^ value) * UINT64_C(0x100000001b3);
}

static void note_bytes(struct peer *peer, size_t size)
{
    mix(scene_now(peer->data));
    mix(size);
    smallest = size < smallest ? size : smallest;
    largest = size > largest ? size : largest;
}

static void note_close(struct peer *peer)
{
    mix((uint64_t)-peer->error);
    mix(peer->size);
}

static bool is_over(void *data)
{
    struct scene *scene = data;
    return scene->far.size == LOAD || scene->far.closed;
}

static uint64_t run_load(struct bench *bench, struct hws_loopback_options options, size_t *arrived)
{
    struct scene scene;
    size_t sent = 0;
    trace = UINT64_C(0xcbf29ce484222325);
    smallest = SIZE_MAX;
    largest = 0;
    scene_open(bench, options, &scene);
    scene.far.data = &scene;
    scene.far.on_bytes = note_bytes;
    scene.far.on_close = note_close;
    scene.near.data = &sent;
    scene.near.on_open = push;
    scene.near.on_writable = push;
    scene_dial(&scene);
    assert_true(hws_loopback_run_until(scene.loopback, is_over, &scene, 1000 * HWS_SECOND));
    for (size_t i = 0; i < scene.far.size; i++)
        if (scene.far.bytes[i] != (uint8_t)(i * 31 >> 3))
            fail_msg("byte %zu is wrong", i);
    *arrived = scene.far.size;
    scene_close(&scene);
    return trace;
}

static void every_split_keeps_bytes_and_order(void **state)
{
    size_t arrived;
    for (uint64_t seed = 0; seed < 50; seed++) {
        run_load(*state,
                 (struct hws_loopback_options){ .seed = seed,
                                                .latency = HWS_MILLISECOND,
                                                .jitter = 3 * HWS_MILLISECOND,
                                                .split_writes = true,
                                                .pipe_bytes = seed % 2 ? 1 : 4096 },
                 &arrived);
        assert_int_equal(arrived, LOAD);
        assert_int_equal(smallest, 1);
        assert_true(seed % 2 ? largest == 1 : largest > 16);
    }
}

static void a_run_follows_from_its_seed(void **state)
{
    struct hws_loopback_options options = { .latency = HWS_MILLISECOND,
                                            .jitter = HWS_MILLISECOND,
                                            .split_writes = true,
                                            .drop_link = 0.001 };
    uint64_t first[20];
    size_t arrived[20], again;
    unsigned dropped = 0;
    for (options.seed = 0; options.seed < 20; options.seed++) {
        first[options.seed] = run_load(*state, options, &arrived[options.seed]);
        dropped += arrived[options.seed] < LOAD;
    }
    for (options.seed = 0; options.seed < 20; options.seed++) {
        assert_true(run_load(*state, options, &again) == first[options.seed]);
        assert_int_equal(again, arrived[options.seed]);
        assert_true(options.seed == 0 || first[options.seed] != first[options.seed - 1]);
    }
    assert_in_range(dropped, 1, 19);
}

static void a_full_pipe_holds_the_writer_up(void **state)
{
    struct scene scene;
    char block[3000] = { 0 };
    scene_open(*state, (struct hws_loopback_options){ .pipe_bytes = 1000 }, &scene);
    scene_dial(&scene);
    scene.far.room = 0;
    assert_int_equal(peer_write(&scene.near, block, sizeof block), 1000);
    assert_int_equal(peer_write(&scene.near, block, 1), 0);
    hws_loopback_run(scene.loopback, HWS_MILLISECOND);
    assert_in_range(scene.far.reads, 2, 2000); /* asked again, but not without end */
    assert_int_equal(scene.near.writable, 0);
    scene.far.room = 300;
    hws_loopback_run(scene.loopback, HWS_MILLISECOND);
    assert_int_equal(scene.far.size, 1000);
    assert_int_equal(scene.near.writable, 1);
    assert_int_equal(peer_write(&scene.near, block, 1000), 1000);
    scene_close(&scene);
}

static void closing_sends_what_was_taken(void **state)
{
    struct scene scene;
    struct hws_slice more = hws_slice_text("more");
    size_t taken;
    scene_open(*state,
               (struct hws_loopback_options){ .latency = HWS_MILLISECOND, .split_writes = true },
               &scene);
    scene_dial(&scene);
    for (size_t sent = 0; sent < 4; hws_loopback_step(scene.loopback))
        sent += peer_write(&scene.near, &"BYE!"[sent], 4 - sent);
    scene.near.link->ops->close(scene.near.link);
    scene.near.link->ops->close(scene.near.link);
    assert_int_equal(scene.near.link->ops->write(scene.near.link, &more, 1, &taken), HWS_ECLOSED);
    assert_int_equal(scene.near.closed, 0);
    assert_int_equal(peer_write(&scene.far, "too late", 8), 8); /* a kernel would take it, too */
    assert_true(hws_loopback_run_until(scene.loopback, peer_is_closed, &scene.far, HWS_SECOND));
    assert_int_equal(scene.near.closed, 1);
    assert_int_equal(scene.near.error, 0);
    assert_int_equal(scene.near.size, 0);
    assert_int_equal(scene.far.size, 4);
    assert_memory_equal(scene.far.bytes, "BYE!", 4);
    assert_int_equal(scene.far.error, HWS_ERESET);
    assert_non_null(strstr(scene.far.detail, "the peer closed it"));
    scene_close(&scene);
}

static void a_cut_loses_what_is_under_way(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = HWS_MILLISECOND }, &scene);
    scene_dial(&scene);
    peer_write(&scene.near, "lost", 4);
    hws_loopback_cut(scene.loopback);
    assert_int_equal(scene.near.closed + scene.far.closed, 0);
    hws_loopback_run(scene.loopback, HWS_SECOND);
    assert_int_equal(scene.near.error, HWS_ERESET);
    assert_int_equal(scene.far.error, HWS_ERESET);
    assert_int_equal(scene.far.size, 0);
    scene_close(&scene);
}

static void a_drop_is_certain_at_1(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .drop_link = 1 }, &scene);
    scene_dial(&scene);
    peer_write(&scene.near, "lost", 4);
    hws_loopback_run(scene.loopback, HWS_SECOND);
    assert_int_equal(scene.near.error, HWS_ERESET);
    assert_int_equal(scene.far.error, HWS_ERESET);
    assert_non_null(strstr(scene.far.detail, "dropped"));
    scene_close(&scene);
}

static void out_of_reach_and_back(void **state)
{
    struct scene scene;
    struct peer again;
    scene_open(*state, (struct hws_loopback_options){ 0 }, &scene);
    scene_dial(&scene);
    assert_int_equal(hws_loopback_reachable(scene.loopback, "beta:1", false), 0);
    assert_int_equal(hws_loopback_reachable(scene.loopback, "beta:1", false), 0);
    hws_loopback_run(scene.loopback, HWS_MILLISECOND);
    assert_int_equal(scene.near.error, HWS_ERESET);
    assert_int_equal(scene.far.error, HWS_ERESET);
    peer_init(&again);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &again);
    hws_loopback_run(scene.loopback, HWS_MILLISECOND);
    assert_int_equal(again.error, HWS_EREFUSED);
    peer_init(&again); /* it can not dial either */
    peer_dial(scene.bench, &scene.right->transport, "gamma:1", &again);
    hws_loopback_run(scene.loopback, HWS_MILLISECOND);
    assert_int_equal(again.error, HWS_EREFUSED);
    assert_non_null(strstr(again.detail, "unreachable"));
    assert_int_equal(hws_loopback_reachable(scene.loopback, "beta:1", true), 0);
    peer_init(&again);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &again);
    hws_loopback_run(scene.loopback, HWS_MILLISECOND);
    assert_int_equal(again.opened, 1);
    assert_int_equal(again.error, HWS_ERESET); /* reached, and sent away: the host takes one link */
    scene_close(&scene);
}

static void nobody_listens_there(void **state)
{
    struct scene scene;
    struct peer peer;
    struct hws_listener *second;
    char detail[200];
    scene_open(*state, (struct hws_loopback_options){ 0 }, &scene);
    peer_init(&peer);
    peer_dial(scene.bench, &scene.left->transport, "gamma:1", &peer);
    hws_loopback_run(scene.loopback, 1);
    assert_int_equal(peer.error, HWS_EREFUSED);
    assert_string_equal(peer.detail, "connection to gamma:1 refused: nothing listens there");
    assert_int_equal(scene.left->transport.ops->listen(&scene.left->transport, "beta:1",
                                                       &scene.host.handler, &second, detail,
                                                       sizeof detail),
                     HWS_EADDRINUSE);
    assert_non_null(strstr(detail, "beta:1"));
    assert_int_equal(scene.left->transport.ops->listen(&scene.left->transport, "",
                                                       &scene.host.handler, &second, detail,
                                                       sizeof detail),
                     HWS_EADDRESS);
    scene_close(&scene);
}

static void closing_while_dialling(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = HWS_MILLISECOND }, &scene);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
    scene.near.link->ops->close(scene.near.link);
    hws_loopback_run(scene.loopback, HWS_SECOND);
    assert_int_equal(scene.near.closed, 1);
    assert_int_equal(scene.near.opened, 0);
    assert_int_equal(scene.near.error, 0);
    assert_int_equal(scene.host.accepted, 0);
    scene_close(&scene);
}

static void a_link_that_is_not_accepted(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = HWS_MILLISECOND }, &scene);
    scene.host.refuse = true;
    scene_dial(&scene);
    assert_int_equal(peer_write(&scene.near, "hello", 5), 5);
    hws_loopback_run(scene.loopback, HWS_SECOND);
    assert_int_equal(scene.near.error, HWS_ERESET);
    scene_close(&scene);
}

static void out_of_memory(void **state)
{
    struct bench *bench = *state;
    struct scene scene;
    struct hws_slice slice = hws_slice_text("more");
    struct hws_link *link;
    struct peer peer;
    char detail[200];
    size_t taken;
    scene_open(bench, (struct hws_loopback_options){ 0 }, &scene);
    scene_dial(&scene);
    bench->exhausted = true;
    peer_init(&peer);
    assert_int_equal(scene.left->transport.ops->dial(&scene.left->transport, "beta:1",
                                                     &peer.handler, &link, detail, sizeof detail),
                     HWS_ENOMEM);
    assert_int_equal(hws_loopback_reachable(scene.loopback, "beta:1", false), HWS_ENOMEM);
    assert_int_equal(scene.near.link->ops->write(scene.near.link, &slice, 1, &taken), HWS_ENOMEM);
    assert_int_equal(taken, 0);
    bench->exhausted = false;
    hws_loopback_run(scene.loopback, HWS_SECOND);
    assert_int_equal(scene.near.closed, 1);
    assert_int_equal(scene.far.closed, 1);
    scene_close(&scene);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_moves_by_itself),
        TEST(bytes_take_the_latency),
        TEST(running_moves_the_clock_exactly),
        TEST(every_split_keeps_bytes_and_order),
        TEST(a_run_follows_from_its_seed),
        TEST(a_full_pipe_holds_the_writer_up),
        TEST(closing_sends_what_was_taken),
        TEST(a_cut_loses_what_is_under_way),
        TEST(a_drop_is_certain_at_1),
        TEST(out_of_reach_and_back),
        TEST(nobody_listens_there),
        TEST(closing_while_dialling),
        TEST(a_link_that_is_not_accepted),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
