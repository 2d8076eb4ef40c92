/* SPDX-License-Identifier: MIT */
/* The ways between two machines of a loopback, and what a paused or slow machine does to its links. Without systems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_scene.h"
#include "transport/way.h"

#define MS HWS_MILLISECOND

static const char *const left = "left", *const right = "right";

static void rift(struct scene *scene, enum hws_loopback_rift how)
{
    assert_int_equal(hws_loopback_partition(scene->loopback, &left, 1, &right, 1, how), 0);
}

static void wait_ms(struct scene *scene, uint64_t ms)
{
    hws_loopback_run(scene->loopback, ms * MS);
}

static void bandwidth_spreads_the_bytes(void **state)
{
    struct scene scene;
    char block[1000] = { 0 };
    scene_open(*state, (struct hws_loopback_options){ .bandwidth = 1000, .latency = 100 * MS },
               &scene);
    scene_dial(&scene);
    assert_int_equal(peer_write(&scene.near, block, 500), 500);
    assert_int_equal(peer_write(&scene.near, block, 500), 500);
    wait_ms(&scene, 100);
    assert_int_equal(scene.far.size, 0);
    wait_ms(&scene, 250);
    assert_in_range(scene.far.size, 225, 255);
    wait_ms(&scene, 500);
    assert_in_range(scene.far.size, 725, 755);
    wait_ms(&scene, 251);
    assert_int_equal(scene.far.size, 1000);
    scene_close(&scene);
}

static void each_direction_has_its_way(void **state)
{
    struct scene scene;
    struct hws_loopback_way way;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    hws_loopback_get_way(scene.loopback, "left", "right", &way);
    assert_int_equal(way.latency, MS);
    way.latency = 50 * MS;
    assert_int_equal(hws_loopback_set_way(scene.loopback, "left", "right", &way), 0);
    scene_dial(&scene);
    peer_write(&scene.near, "ping", 4);
    peer_write(&scene.far, "pong!", 5);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.size, 5);
    wait_ms(&scene, 48);
    assert_int_equal(scene.far.size, 0);
    wait_ms(&scene, 1);
    assert_int_equal(scene.far.size, 4);
    assert_int_equal(hws_loopback_set_way(scene.loopback, "left", "right", NULL), 0);
    peer_write(&scene.near, "ping", 4);
    wait_ms(&scene, 1);
    assert_int_equal(scene.far.size, 8);
    way.latency = 2 * MS;
    assert_int_equal(hws_loopback_set_way(scene.loopback, NULL, NULL, &way), 0);
    hws_loopback_get_way(scene.loopback, "right", "left", &way);
    assert_int_equal(way.latency, 2 * MS);
    way.drop_link = 1.5;
    assert_int_equal(hws_loopback_set_way(scene.loopback, NULL, NULL, &way), HWS_EINVAL);
    way.drop_link = 0;
    assert_int_equal(hws_loopback_set_way(scene.loopback, "left", NULL, &way), HWS_EINVAL);
    scene_close(&scene);
}

static void a_cut_rift_resets_and_refuses(void **state)
{
    struct scene scene;
    struct peer again;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    scene_dial(&scene);
    rift(&scene, HWS_LOOPBACK_RIFT_cut);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.error, HWS_ERESET);
    assert_int_equal(scene.far.error, HWS_ERESET);
    peer_init(&again);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &again);
    wait_ms(&scene, 1);
    assert_int_equal(again.error, HWS_EREFUSED);
    hws_loopback_heal(scene.loopback, "left", NULL);
    assert_int_equal(scene.loopback->ways.count, 0);
    peer_init(&again);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &again);
    wait_ms(&scene, 1);
    assert_int_equal(again.opened, 1);
    wait_ms(&scene, 5);
    scene_close(&scene);
}

static void a_silence_holds_bytes_until_it_ends(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    scene_dial(&scene);
    peer_write(&scene.near, "under way, ", 11);
    rift(&scene, HWS_LOOPBACK_RIFT_silent);
    peer_write(&scene.near, "later", 5);
    peer_write(&scene.far, "back", 4);
    wait_ms(&scene, 3600000);
    assert_int_equal(scene.far.size, 0);
    assert_int_equal(scene.near.size, 0);
    assert_int_equal(scene.near.closed + scene.far.closed, 0);
    hws_loopback_heal(scene.loopback, "right", "left");
    wait_ms(&scene, 1);
    assert_int_equal(scene.far.size, 16);
    assert_memory_equal(scene.far.bytes, "under way, later", 16);
    assert_int_equal(scene.near.size, 4);
    scene_close(&scene);
}

static void a_silence_hides_the_end_of_a_link(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    scene_dial(&scene);
    rift(&scene, HWS_LOOPBACK_RIFT_silent);
    scene.near.link->ops->close(scene.near.link);
    wait_ms(&scene, 1000);
    assert_int_equal(scene.near.closed, 1);
    assert_int_equal(scene.far.closed, 0);
    peer_write(&scene.far, "to nobody", 9);
    hws_loopback_heal(scene.loopback, NULL, NULL);
    wait_ms(&scene, 2);
    assert_int_equal(scene.far.closed, 1);
    assert_int_equal(scene.far.error, HWS_ERESET);
    scene_close(&scene);
}

static void one_way_lets_the_other_pass(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    scene_dial(&scene);
    rift(&scene, HWS_LOOPBACK_RIFT_one_way);
    peer_write(&scene.near, "there", 5);
    peer_write(&scene.far, "here", 4);
    wait_ms(&scene, 1000);
    assert_int_equal(scene.far.size, 0);
    assert_int_equal(scene.near.size, 4);
    hws_loopback_heal(scene.loopback, "left", "right");
    wait_ms(&scene, 1);
    assert_int_equal(scene.far.size, 5);
    scene_close(&scene);
}

static void a_dial_into_silence_gets_no_answer(void **state)
{
    struct scene scene;
    for (int how = HWS_LOOPBACK_RIFT_silent; how <= HWS_LOOPBACK_RIFT_one_way; how++) {
        scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
        rift(&scene, (enum hws_loopback_rift)how);
        peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
        wait_ms(&scene, 100000);
        assert_int_equal(scene.near.opened + scene.near.closed, 0);
        hws_loopback_heal(scene.loopback, NULL, NULL);
        wait_ms(&scene, 1000);
        assert_int_equal(scene.near.opened, 1);
        assert_int_equal(scene.host.accepted, 1);
        scene_close(&scene);
    }
}

static void a_dial_into_silence_can_be_given_up(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    rift(&scene, HWS_LOOPBACK_RIFT_silent);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
    wait_ms(&scene, 100);
    scene.near.link->ops->close(scene.near.link);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.closed, 1);
    assert_false(hws_loopback_step(scene.loopback));
    scene_close(&scene);
}

static void a_slow_reader_holds_the_writer_up(void **state)
{
    struct scene scene;
    char block[4000] = { 0 };
    scene_open(*state, (struct hws_loopback_options){ .pipe_bytes = 2000 }, &scene);
    scene_dial(&scene);
    assert_int_equal(hws_loopback_slow_reader(scene.loopback, "right", 1000), 0);
    assert_int_equal(peer_write(&scene.near, block, sizeof block), 2000);
    wait_ms(&scene, 1000);
    assert_in_range(scene.far.size, 990, 1060);
    assert_int_equal(scene.near.writable, 1);
    wait_ms(&scene, 500);
    assert_in_range(scene.far.size, 1490, 1560);
    assert_int_equal(hws_loopback_slow_reader(scene.loopback, "right", 0), 0);
    wait_ms(&scene, 1);
    assert_int_equal(scene.far.size, 2000);
    scene_close(&scene);
}

static void bytes_pile_up_for_a_paused_machine(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    scene_dial(&scene);
    assert_int_equal(hws_loopback_pause(scene.loopback, "right", 10 * HWS_SECOND), 0);
    assert_true(hws_loopback_is_paused(scene.loopback, "right"));
    assert_false(hws_loopback_is_paused(scene.loopback, "left"));
    assert_int_equal(peer_write(&scene.near, "one", 3), 3);
    scene.near.link->ops->close(scene.near.link);
    wait_ms(&scene, 9999);
    assert_int_equal(scene.near.closed, 1);
    assert_int_equal(scene.far.size + scene.far.closed, 0);
    wait_ms(&scene, 1);
    assert_int_equal(scene.far.size, 3);
    assert_int_equal(scene.far.closed, 1);
    scene_close(&scene);
}

static void a_paused_machine_is_dialled_and_takes_the_link_later(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    hws_loopback_pause(scene.loopback, "right", HWS_NEVER);
    scene_dial(&scene);
    assert_int_equal(scene.host.accepted, 0);
    peer_write(&scene.near, "hello", 5);
    wait_ms(&scene, 60000);
    assert_int_equal(scene.host.accepted, 0);
    hws_loopback_pause(scene.loopback, "right", 0);
    wait_ms(&scene, 1);
    assert_int_equal(scene.host.accepted, 1);
    assert_int_equal(scene.far.size, 5);
    peer_write(&scene.far, "welcome", 7);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.size, 7);
    scene_close(&scene);
}

static void a_link_that_waited_can_be_lost(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    hws_loopback_pause(scene.loopback, "right", HWS_SECOND);
    scene_dial(&scene);
    assert_int_equal(hws_loopback_cut_between(scene.loopback, "right", "left"), 1);
    wait_ms(&scene, 2000);
    assert_int_equal(scene.near.error, HWS_ERESET);
    assert_int_equal(scene.host.accepted, 0);
    hws_loopback_pause(scene.loopback, "right", HWS_SECOND);
    peer_init(&scene.near);
    scene_dial(&scene);
    scene.host.listener->ops->close(scene.host.listener);
    scene.host.listener = NULL;
    wait_ms(&scene, 2000);
    assert_int_equal(scene.near.error, HWS_ERESET);
    assert_int_equal(scene.host.accepted, 0);
    assert_true(hwsi_list_empty(&scene.loopback->spans));
    scene_close(&scene);
}

static void a_paused_machine_dials_later(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
    hws_loopback_pause(scene.loopback, "left", 3600 * HWS_SECOND);
    wait_ms(&scene, 1000);
    assert_int_equal(scene.near.opened, 0);
    hws_loopback_pause(scene.loopback, "left", 0);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.opened, 1);
    scene_close(&scene);
}

static void dials_can_be_made_to_cross(void **state)
{
    struct scene scene;
    struct host host;
    struct peer back, taken;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    host_init(&host, &taken, 1);
    host_listen(scene.bench, &scene.left->transport, "alpha:1", &host);
    assert_int_equal(hws_loopback_collide(scene.loopback, "left", "right"), 0);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
    wait_ms(&scene, 1000);
    assert_int_equal(scene.near.opened + scene.host.accepted, 0);
    peer_init(&back);
    peer_dial(scene.bench, &scene.right->transport, "alpha:1", &back);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.opened, 1);
    assert_int_equal(back.opened, 1);
    assert_int_equal(scene.loopback->ways.count, 0);
    back.link->ops->close(back.link);
    host.listener->ops->close(host.listener);
    wait_ms(&scene, 2);
    peer_free(&taken);
    peer_free(&back);
    scene_close(&scene);
}

static void a_dial_that_waits_to_cross_can_be_given_up(void **state)
{
    struct scene scene;
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    assert_int_equal(hws_loopback_collide(scene.loopback, "left", "right"), 0);
    peer_dial(scene.bench, &scene.left->transport, "beta:1", &scene.near);
    wait_ms(&scene, 1000);
    scene.near.link->ops->close(scene.near.link);
    wait_ms(&scene, 1);
    assert_int_equal(scene.near.closed, 1);
    assert_int_equal(scene.loopback->ways.count, 0);
    peer_init(&scene.near);
    scene_dial(&scene);
    assert_int_equal(scene.host.accepted, 1);
    scene_close(&scene);
}

static void what_no_network_has_is_refused(void **state)
{
    static const struct hws_loopback_options far_off[] = { { .latency = HWS_NEVER },
                                                           { .jitter = HWS_NEVER },
                                                           { .drop_link = 1.5 } };
    struct scene scene;
    struct hws_loopback_way way;
    struct hws_loopback *none = NULL;
    struct hws_clock *clock;
    for (size_t i = 0; i < sizeof far_off / sizeof *far_off; i++)
        assert_int_equal(hws_loopback_new(&far_off[i], &none), HWS_EINVAL);
    scene_open(*state, (struct hws_loopback_options){ .latency = MS }, &scene);
    hws_loopback_get_way(scene.loopback, NULL, NULL, &way);
    way.latency = HWS_NEVER;
    assert_int_equal(hws_loopback_set_way(scene.loopback, NULL, NULL, &way), HWS_EINVAL);
    way.latency = MS;
    way.jitter = HWS_NEVER;
    assert_int_equal(hws_loopback_set_way(scene.loopback, "left", "right", &way), HWS_EINVAL);
    assert_int_equal(hws_loopback_collide(scene.loopback, "left", "left"), HWS_EINVAL);
    /* A clock that has gone all the way round would go back. */
    assert_int_equal(hws_loopback_clock_of(scene.loopback, "left", &clock), 0);
    uint64_t before = clock->now(clock);
    assert_int_equal(hws_loopback_jump_clock(scene.loopback, "left", HWS_NEVER), HWS_EINVAL);
    assert_int_equal(hws_loopback_jump_clock(scene.loopback, "left", HWS_NEVER / 3), 0);
    assert_int_equal(hws_loopback_jump_clock(scene.loopback, "left", HWS_NEVER / 3), HWS_EINVAL);
    assert_true(clock->now(clock) == before + HWS_NEVER / 3);
    scene_close(&scene);
}

static void no_memory_changes_nothing(void **state)
{
    struct bench *bench = *state;
    struct scene scene;
    struct hws_clock *clock;
    struct hws_loopback_way way = { .pipe_bytes = 1 };
    scene_open(bench, (struct hws_loopback_options){ .latency = MS }, &scene);
    bench->exhausted = true;
    assert_int_equal(hws_loopback_clock_of(scene.loopback, "new", &clock), HWS_ENOMEM);
    assert_int_equal(hws_loopback_pause(scene.loopback, "new", 1), HWS_ENOMEM);
    assert_int_equal(hws_loopback_collide(scene.loopback, "left", "right"), HWS_ENOMEM);
    assert_int_equal(hws_loopback_set_way(scene.loopback, "left", "right", &way), HWS_ENOMEM);
    assert_int_equal(
        hws_loopback_partition(scene.loopback, &left, 1, &right, 1, HWS_LOOPBACK_RIFT_cut),
        HWS_ENOMEM);
    bench->exhausted = false;
    scene_dial(&scene);
    scene_close(&scene);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bandwidth_spreads_the_bytes),
        TEST(each_direction_has_its_way),
        TEST(a_cut_rift_resets_and_refuses),
        TEST(a_silence_holds_bytes_until_it_ends),
        TEST(a_silence_hides_the_end_of_a_link),
        TEST(one_way_lets_the_other_pass),
        TEST(a_dial_into_silence_gets_no_answer),
        TEST(a_dial_into_silence_can_be_given_up),
        TEST(a_slow_reader_holds_the_writer_up),
        TEST(bytes_pile_up_for_a_paused_machine),
        TEST(a_paused_machine_is_dialled_and_takes_the_link_later),
        TEST(a_link_that_waited_can_be_lost),
        TEST(a_paused_machine_dials_later),
        TEST(dials_can_be_made_to_cross),
        TEST(a_dial_that_waits_to_cross_can_be_given_up),
        TEST(what_no_network_has_is_refused),
        TEST(no_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
