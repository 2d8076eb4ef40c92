/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=120
 *
 * Half-open links over real TCP: the sockets stay open and nothing comes through, both ways or one way only. The heartbeat notices
 * within its timeout, and when the network heals the association goes on without a loss.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "support_delivery.h"
#include "support_proxy.h"

#define INTERVAL (100 * HWS_MILLISECOND)
#define TIMEOUT (600 * HWS_MILLISECOND)
#define PATIENCE 40000 /* ms */

struct side {
    struct hws_policy policy; /* first */
    struct scene *scene;
    struct hws_system *system;
    struct hws_subscription *subscription;
    struct proxy proxy; /* before it: what it advertises */
    char address[32];
    struct hws_pid *peer;
    uint32_t sent, taken;
    bool suspended;
    uint64_t gave_up; /* when its heartbeat did; 0: it did not */
    unsigned resumed, connects;
};
struct scene {
    uv_loop_t loop;
    uv_timer_t pump, guard;
    struct side sides[2];
    bool sending, late;
};

static int take(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct side *side = self;
    struct number number;
    (void)context;
    assert_true(number_read(message->payload, &number));
    assert_int_equal(number.number, side->taken); /* each once, in order */
    side->taken++;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = take };

static int queue_while_away(struct hws_policy *policy, const char *address,
                            enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)policy;
    (void)address;
    (void)error;
    *answer = HWS_DISCONNECTED_QUEUE;
    return 0;
}
static const struct hws_policy_ops policy_ops = { .disconnected = queue_while_away };

static void on_event(void *data, const struct hws_event *event)
{
    struct side *side = data;
    if (event->type == HWS_EVENT_EndpointSuspended)
        side->suspended = true;
    if (event->type == HWS_EVENT_EndpointDisconnected && strcmp(event->reason, "heartbeat") == 0 &&
        !side->gave_up)
        side->gave_up = event->time;
    if (event->type == HWS_EVENT_EndpointConnected) {
        side->connects++;
        side->resumed += event->resumed;
    }
    if (event->type == HWS_EVENT_DeadLetter)
        fail_msg("%s: a dead letter, %s", side->address, event->reason);
}

static void on_pump(uv_timer_t *timer)
{
    static uint8_t room[NUMBER_MOST];
    struct scene *scene = timer->data;
    for (int i = 0; i < 2 && scene->sending; i++) {
        struct side *side = &scene->sides[i];
        size_t size = number_write(room, &(struct number){ 'm', 0, 1, side->sent++ }, 30);
        assert_int_equal(
            hws_send(side->system, side->peer, &(struct hws_message){ .payload = { room, size } }),
            0);
    }
}

static void on_late(uv_timer_t *timer)
{
    ((struct scene *)timer->data)->late = true;
}

static void begin_side(struct scene *scene, int index)
{
    struct side *side = &scene->sides[index];
    struct hws_options options;
    char listen[32], text[256] = "";
    int port = proxy_free_port(&scene->loop);
    assert_int_equal(proxy_start(&side->proxy, &scene->loop, port), 0);
    side->scene = scene;
    side->policy = (struct hws_policy){ .ops = &policy_ops, .name = "queue" };
    snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    snprintf(side->address, sizeof side->address, "127.0.0.1:%d", side->proxy.port);
    hws_options_init(&options);
    options.name = index ? "beta" : "alpha";
    options.listen = listen;
    options.advertise = side->address;
    options.policy = &side->policy;
    options.heartbeat_interval = INTERVAL;
    options.heartbeat_timeout = TIMEOUT;
    options.phi_min_deviation = 20 * HWS_MILLISECOND;
    options.handshake_timeout = 200 * HWS_MILLISECOND;
    options.reconnect_max_retries = 0;
    options.reconnect_initial = 20 * HWS_MILLISECOND;
    options.reconnect_max = 100 * HWS_MILLISECOND;
    if (hws_system_new(&options, &side->system, text, sizeof text) ||
        hws_loop_attach(side->system, &scene->loop) || hws_start(side->system, text, sizeof text))
        fail_msg("%s", text);
    assert_int_equal(hws_spawn_named(side->system, "sink", &sink_ops, side, NULL), 0);
    assert_int_equal(hws_subscribe(side->system, "*", on_event, side, &side->subscription, NULL),
                     0);
}

static void begin(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    begin_side(scene, 0);
    begin_side(scene, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(hws_pid_make(scene->sides[i].system, scene->sides[!i].address, "sink",
                                      &scene->sides[i].peer),
                         0);
    uv_timer_init(&scene->loop, &scene->pump);
    uv_timer_init(&scene->loop, &scene->guard);
    scene->pump.data = scene->guard.data = scene;
    scene->sending = true;
    uv_timer_start(&scene->pump, on_pump, 2, 2);
    uv_timer_start(&scene->guard, on_late, PATIENCE, 0);
}

static void end(struct scene *scene)
{
    uv_close((uv_handle_t *)&scene->pump, NULL);
    uv_close((uv_handle_t *)&scene->guard, NULL);
    for (int i = 0; i < 2; i++) {
        hws_unsubscribe(scene->sides[i].subscription);
        hws_pid_release(scene->sides[i].peer);
        hws_stop(scene->sides[i].system, "done", 0);
        proxy_stop(&scene->sides[i].proxy);
    }
    while (!hws_is_stopped(scene->sides[0].system) || !hws_is_stopped(scene->sides[1].system))
        uv_run(&scene->loop, UV_RUN_ONCE);
    for (int i = 0; i < 2; i++)
        hws_system_free(scene->sides[i].system);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(scene->sides[0].proxy.open + scene->sides[1].proxy.open, 0);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
}

#define RUN_UNTIL(scene, condition)              \
    do {                                         \
        while (!(condition) && !(scene)->late)   \
            uv_run(&(scene)->loop, UV_RUN_ONCE); \
        if ((scene)->late)                       \
            fail_msg("in vain: %s", #condition); \
    } while (0)

/* What side `from` sends does not reach the other one, whoever dialled. */
static void hold(struct scene *scene, int from, bool held)
{
    proxy_hold(&scene->sides[!from].proxy, 0, held);
    proxy_hold(&scene->sides[from].proxy, 1, held);
}

static bool all_taken(const struct scene *scene)
{
    return scene->sides[0].taken == scene->sides[1].sent &&
           scene->sides[1].taken == scene->sides[0].sent;
}

/* Nothing comes from the sides in `silent` (bits): who hears nothing gives up in time, and nothing is lost. */
static void go_silent(unsigned silent)
{
    static struct scene scene;
    begin(&scene);
    RUN_UNTIL(&scene, scene.sides[0].taken > 100 && scene.sides[1].taken > 100);
    uint64_t since = hws_system_now(scene.sides[0].system);
    unsigned connects = scene.sides[0].connects;
    for (int i = 0; i < 2; i++)
        if (silent >> i & 1)
            hold(&scene, i, true);
    for (int i = 0; i < 2; i++) {
        struct side *deaf = &scene.sides[!i];
        if (!(silent >> i & 1))
            continue;
        RUN_UNTIL(&scene, deaf->gave_up);
        assert_true(deaf->suspended); /* suspected before it was given up */
        uint64_t took = deaf->gave_up - since;
        print_message("%s heard nothing and gave up after %.3f s\n", deaf->address,
                      (double)took / HWS_SECOND);
        assert_true(took + INTERVAL >= TIMEOUT);
        assert_true(took < 10 * TIMEOUT); /* the machine may be busy */
    }
    assert_int_equal(scene.sides[0].connects, connects);
    for (int i = 0; i < 2; i++)
        hold(&scene, i, false);
    RUN_UNTIL(&scene, scene.sides[0].resumed && scene.sides[1].resumed);
    uint32_t so_far = scene.sides[0].sent;
    RUN_UNTIL(&scene, scene.sides[0].sent > so_far + 50);
    scene.sending = false;
    RUN_UNTIL(&scene, all_taken(&scene));
    print_message("%u and %u messages, each once and in order\n", scene.sides[0].sent,
                  scene.sides[1].sent);
    end(&scene);
}

static void test_nothing_comes_through_either_way(void **state)
{
    (void)state;
    go_silent(3);
}

static void test_nothing_comes_through_one_way(void **state)
{
    (void)state;
    go_silent(1);
}

static void test_nothing_comes_through_the_other_way(void **state)
{
    (void)state;
    go_silent(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_comes_through_either_way),
        cmocka_unit_test(test_nothing_comes_through_one_way),
        cmocka_unit_test(test_nothing_comes_through_the_other_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
