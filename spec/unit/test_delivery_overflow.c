/* SPDX-License-Identifier: MIT */
/* A full ring refuses the newest, and its memory goes when it has drained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "support_delivery.h"

#define RING_MESSAGES 20000u
#define RING_BYTES (1u << 20)

struct scene {
    struct hws_loopback *network;
    struct hws_system *alpha, *beta;
    struct hws_pid *target;
    uint32_t sent, next, accepted, letters;
    uint32_t refused_from; /* the first number that was refused */
    struct hws_subscription *subscription;
};

static int sink(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct scene *scene = self;
    struct number number;
    (void)context;
    assert_true(number_read(message->payload, &number));
    assert_int_equal(number.number, scene->next);
    scene->next++;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = sink };

static void on_letter(void *data, const struct hws_event *event)
{
    struct scene *scene = data;
    struct number number;
    assert_string_equal(event->reason, "queue_full");
    assert_true(number_read(event->message, &number));
    assert_true(number.number >= scene->refused_from);
    scene->letters++;
}

static struct hws_system *begin(struct scene *scene, const char *name, const char *listen)
{
    struct hws_options options;
    struct hws_system *system;
    hws_options_init(&options);
    options.name = name;
    options.listen = listen;
    options.clock = hws_loopback_clock(scene->network);
    options.endpoint_writer_queue_size = RING_MESSAGES;
    options.endpoint_writer_queue_bytes = RING_BYTES;
    options.reconnect_max_retries = 0;
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_loopback_attach(scene->network, system), 0);
    assert_int_equal(hws_start(system, NULL, 0), 0);
    return system;
}

static void begin_scene(struct scene *scene)
{
    *scene = (struct scene){ .refused_from = UINT32_MAX };
    assert_int_equal(hws_loopback_new(&(struct hws_loopback_options){ .latency = HWS_MILLISECOND },
                                      &scene->network),
                     0);
    scene->alpha = begin(scene, "alpha", "loop:alpha:1");
    assert_int_equal(hws_pid_parse(scene->alpha, "loop:beta:1/sink", &scene->target), 0);
    assert_int_equal(
        hws_subscribe(scene->alpha, "DeadLetter", on_letter, scene, &scene->subscription, NULL), 0);
}

static void begin_beta(struct scene *scene)
{
    scene->beta = begin(scene, "beta", "loop:beta:1");
    assert_int_equal(hws_spawn_named(scene->beta, "sink", &sink_ops, scene, NULL), 0);
}

static void end_scene(struct scene *scene)
{
    hws_pid_release(scene->target);
    hws_unsubscribe(scene->subscription);
    hws_system_free(scene->alpha);
    hws_system_free(scene->beta);
    hws_loopback_run(scene->network, 60 * HWS_SECOND);
    hws_loopback_free(scene->network);
}

static int send_next(struct scene *scene, size_t padding)
{
    static uint8_t room[NUMBER_MOST];
    size_t size = number_write(room, &(struct number){ 'm', 0, 1, scene->sent++ }, padding);
    int error =
        hws_send(scene->alpha, scene->target, &(struct hws_message){ .payload = { room, size } });
    scene->accepted += error == 0;
    if (error && scene->refused_from == UINT32_MAX)
        scene->refused_from = scene->sent - 1;
    return error;
}

static uint64_t memory(struct scene *scene)
{
    struct hws_system_statistics statistics;
    hws_system_statistics(scene->alpha, &statistics);
    return statistics.memory;
}

static void fill(struct scene *scene, unsigned refusals, size_t padding)
{
    for (unsigned refused = 0; refused < refusals;) {
        int error = send_next(scene, padding);
        assert_true(error == 0 || error == HWS_EFULL);
        assert_true(error || !refused); /* what is full stays full while nothing is taken */
        refused += error != 0;
    }
    hws_loopback_run(scene->network, 10 * HWS_MILLISECOND);
    assert_int_equal(scene->letters, refusals);
}

static struct hws_endpoint_statistics statistics_of(struct scene *scene)
{
    struct hws_endpoint_statistics statistics;
    assert_int_equal(hws_statistics(scene->alpha, "loop:beta:1", &statistics), 0);
    return statistics;
}

/* Connects, and looks at what came and what is left. */
static void drain(struct scene *scene, uint64_t before)
{
    begin_beta(scene);
    hws_loopback_run(scene->network, 60 * HWS_SECOND);
    assert_int_equal(scene->next, scene->accepted);
    struct hws_endpoint_statistics statistics = statistics_of(scene);
    assert_int_equal(statistics.queue_size, 0);
    assert_int_equal(statistics.queue_bytes, 0);
    assert_int_equal(statistics.deliver_success, scene->accepted);
    assert_int_equal(statistics.dead_letters[HWS_REASON_queue_full], scene->letters);
    assert_true(memory(scene) < before + 128 * 1024);
}

static void test_full_by_messages(void **state)
{
    struct scene scene;
    (void)state;
    begin_scene(&scene);
    assert_int_equal(send_next(&scene, 0), 0);
    uint64_t before = memory(&scene);
    fill(&scene, 500, 0);
    assert_int_equal(scene.accepted, RING_MESSAGES);
    assert_int_equal(statistics_of(&scene).queue_size, RING_MESSAGES);
    assert_true(memory(&scene) > before + RING_MESSAGES * 10);
    drain(&scene, before);
    end_scene(&scene);
}

static void test_full_by_bytes(void **state)
{
    struct scene scene;
    (void)state;
    begin_scene(&scene);
    assert_int_equal(send_next(&scene, 1000), 0);
    uint64_t before = memory(&scene);
    fill(&scene, 50, 1000);
    assert_in_range(statistics_of(&scene).queue_bytes, RING_BYTES - 2000, RING_BYTES + 2000);
    assert_in_range(memory(&scene) - before, RING_BYTES / 2, RING_BYTES * 2);
    drain(&scene, before);
    end_scene(&scene);
}

/* A message that fits the bytes that are left is taken, however long those before it were. */
static void test_room_comes_back_as_it_drains(void **state)
{
    struct scene scene;
    (void)state;
    begin_scene(&scene);
    fill(&scene, 1, 1000);
    scene.letters = 0;
    begin_beta(&scene);
    hws_loopback_run(scene.network, 60 * HWS_SECOND);
    assert_int_equal(scene.next, scene.accepted);
    scene.next = scene.sent; /* the refused one does not come */
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_next(&scene, 1000), 0);
    hws_loopback_run(scene.network, HWS_SECOND);
    assert_int_equal(scene.next, scene.sent);
    end_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_full_by_messages),
                                        cmocka_unit_test(test_full_by_bytes),
                                        cmocka_unit_test(test_room_comes_back_as_it_drains) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
