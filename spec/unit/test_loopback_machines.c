/* SPDX-License-Identifier: MIT */
/* Machines of a loopback with systems on them: clocks, pauses, deaths, and that a whole run follows from its seed. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"

#define SYSTEMS 8

struct town {
    struct hws_loopback *network;
    struct hws_system *systems[SYSTEMS];
    unsigned lives[SYSTEMS];
    uint64_t got[SYSTEMS], hash, steps;
    size_t held; /* bytes allocated */
    struct hws_allocator allocator;
};

static struct town town;

static void *reallocate(struct hws_allocator *allocator, void *block, size_t old_size,
                        size_t new_size)
{
    struct hws_allocator *base = hws_default_allocator();
    (void)allocator;
    town.held += new_size - old_size;
    return base->reallocate(base, block, old_size, new_size);
}

static int count_message(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)context;
    *(uint64_t *)self += message->kind == HWS_MESSAGE_user;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = count_message };

static const char *name_of(unsigned i)
{
    static const char *const names[SYSTEMS] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    return names[i];
}

static void start(unsigned i)
{
    struct hws_options options;
    struct hws_pid *pid;
    char listen[16], message[256] = "";
    hws_options_init(&options);
    (void)snprintf(listen, sizeof listen, "loop:%s", name_of(i));
    options.name = name_of(i);
    options.listen = listen;
    options.seed = 1 + i + 100 * town.lives[i]++;
    options.heartbeat_interval = HWS_SECOND;
    options.heartbeat_timeout = 3 * HWS_SECOND;
    options.reconnect_max_retries = 0;
    options.allocator = &town.allocator;
    assert_int_equal(hws_loopback_clock_of(town.network, options.name, &options.clock), 0);
    assert_int_equal(hws_system_new(&options, &town.systems[i], message, sizeof message), 0);
    assert_int_equal(hws_loopback_attach(town.network, town.systems[i]), 0);
    if (hws_start(town.systems[i], message, sizeof message))
        fail_msg("%s", message);
    assert_int_equal(hws_spawn(town.systems[i], &sink_ops, &town.got[i],
                               &(struct hws_spawn_options){ .name = "sink" }, &pid),
                     0);
    hws_pid_release(pid);
}

static void open_town(uint64_t seed, unsigned count)
{
    memset(&town, 0, sizeof town);
    town.allocator.reallocate = reallocate;
    assert_int_equal(
        hws_loopback_new(&(struct hws_loopback_options){ .seed = seed,
                                                         .latency = HWS_MILLISECOND,
                                                         .jitter = HWS_MILLISECOND,
                                                         .allocator = &town.allocator },
                         &town.network),
        0);
    for (unsigned i = 0; i < count; i++)
        start(i);
}

static void close_town(void)
{
    for (unsigned i = 0; i < SYSTEMS; i++)
        hws_system_free(town.systems[i]);
    hws_loopback_heal(town.network, NULL, NULL);
    hws_loopback_run(town.network, 60 * HWS_SECOND);
    hws_loopback_free(town.network);
    assert_int_equal(town.held, 0);
}

static void send(unsigned from, unsigned to)
{
    static const uint8_t nil = 0xc0;
    struct hws_pid *pid;
    char text[32];
    (void)snprintf(text, sizeof text, "loop:%s/sink", name_of(to));
    assert_int_equal(hws_pid_parse(town.systems[from], text, &pid), 0);
    hws_send(town.systems[from], pid, &(struct hws_message){ .payload = { &nil, 1 } });
    hws_pid_release(pid);
}

static void run_ms(uint64_t ms)
{
    hws_loopback_run(town.network, ms * HWS_MILLISECOND);
}

static enum hws_endpoint_state state_of(unsigned at, unsigned of, uint64_t *uid)
{
    struct hws_endpoint_statistics statistics;
    char text[32];
    (void)snprintf(text, sizeof text, "loop:%s", name_of(of));
    assert_int_equal(hws_statistics(town.systems[at], text, &statistics), 0);
    if (uid)
        *uid = statistics.uid;
    return statistics.state;
}

static void kill_system(unsigned i, enum hws_loopback_death death)
{
    assert_int_equal(hws_loopback_kill(town.network, town.systems[i], death), 0);
    town.systems[i] = NULL;
}

/* --- clocks --- */

static void count_call(void *data)
{
    (*(unsigned *)data)++;
}

static void a_stalled_clock_stays_behind(void **state)
{
    unsigned calls = 0;
    uint64_t before;
    (void)state;
    open_town(1, 2);
    before = hws_system_now(town.systems[0]);
    assert_int_equal(hws_after(town.systems[0], HWS_SECOND, count_call, &calls, NULL), 0);
    assert_int_equal(hws_loopback_stall_clock(town.network, "a", 5 * HWS_SECOND), 0);
    run_ms(4999);
    assert_int_equal(hws_system_now(town.systems[0]), before);
    assert_int_equal(hws_system_now(town.systems[1]), before + 4999 * HWS_MILLISECOND);
    run_ms(1000);
    assert_int_equal(calls, 0);
    run_ms(1);
    assert_int_equal(calls, 1);
    assert_int_equal(hws_system_now(town.systems[0]), before + HWS_SECOND);
    close_town();
}

static void a_clock_can_jump(void **state)
{
    unsigned calls = 0;
    uint64_t before;
    (void)state;
    open_town(1, 1);
    before = hws_system_now(town.systems[0]);
    assert_int_equal(hws_after(town.systems[0], HWS_SECOND, count_call, &calls, NULL), 0);
    assert_int_equal(hws_loopback_jump_clock(town.network, "a", 2 * HWS_SECOND), 0);
    assert_int_equal(hws_system_now(town.systems[0]), before + 2 * HWS_SECOND);
    run_ms(0);
    assert_int_equal(calls, 1);
    hws_loopback_stall_clock(town.network, "a", HWS_SECOND);
    hws_loopback_jump_clock(town.network, "a", HWS_SECOND);
    run_ms(500);
    assert_int_equal(hws_system_now(town.systems[0]), before + 3 * HWS_SECOND);
    run_ms(1000);
    assert_int_equal(hws_system_now(town.systems[0]),
                     before + 3 * HWS_SECOND + 500 * HWS_MILLISECOND);
    close_town();
}

/* --- pauses --- */

static void a_paused_system_takes_no_turn(void **state)
{
    unsigned calls = 0;
    (void)state;
    open_town(1, 2);
    send(0, 1);
    run_ms(100);
    assert_int_equal(town.got[1], 1);
    hws_loopback_pause(town.network, "b", HWS_SECOND);
    assert_int_equal(hws_after(town.systems[1], HWS_MILLISECOND, count_call, &calls, NULL), 0);
    send(0, 1);
    send(1, 0);
    run_ms(999);
    assert_int_equal(town.got[0] + calls, 0);
    assert_int_equal(town.got[1], 1);
    run_ms(10);
    assert_int_equal(calls, 1);
    assert_int_equal(town.got[1], 2);
    assert_int_equal(town.got[0], 1);
    close_town();
}

static void what_the_host_asks_between_steps_is_seen(void **state)
{
    unsigned calls = 0;
    uint64_t steps, after;
    (void)state;
    open_town(1, 2);
    send(0, 1);
    run_ms(100);
    hws_loopback_digest(town.network, &steps);
    send(0, 0);
    assert_true(hws_loopback_step(town.network));
    assert_int_equal(town.got[0], 1);
    hws_after(town.systems[1], 0, count_call, &calls, NULL);
    assert_true(hws_loopback_step(town.network));
    assert_int_equal(calls, 1);
    hws_loopback_digest(town.network, &after);
    assert_int_equal(after, steps + 2);
    close_town();
}

static void *post(void *data)
{
    static const uint8_t nil = 0xc0;
    (void)data;
    assert_int_equal(hws_post(town.systems[0], "sink", (struct hws_slice){ &nil, 1 }), 0);
    return NULL;
}

static void a_post_of_another_thread_is_seen(void **state)
{
    pthread_t thread;
    (void)state;
    open_town(1, 1);
    run_ms(1);
    assert_int_equal(pthread_create(&thread, NULL, post, NULL), 0);
    pthread_join(thread, NULL);
    run_ms(0);
    assert_int_equal(town.got[0], 1);
    close_town();
}

/* --- deaths --- */

static void a_kill_resets_and_a_new_system_follows(void **state)
{
    uint64_t old, fresh;
    (void)state;
    open_town(1, 2);
    send(0, 1);
    run_ms(100);
    assert_int_equal(state_of(0, 1, &old), HWS_ENDPOINT_connected);
    kill_system(1, HWS_LOOPBACK_DEATH_reset);
    run_ms(10);
    assert_int_equal(state_of(0, 1, NULL), HWS_ENDPOINT_reconnecting);
    start(1);
    run_ms(20000);
    assert_int_equal(state_of(0, 1, &fresh), HWS_ENDPOINT_connected);
    assert_true(fresh != old);
    send(0, 1);
    run_ms(10);
    assert_int_equal(town.got[1], 2);
    close_town();
}

static void what_was_written_before_a_kill_arrives(void **state)
{
    (void)state;
    open_town(1, 2);
    send(0, 1);
    run_ms(100);
    send(0, 1);
    assert_true(hws_loopback_step(town.network)); /* the turn that writes it */
    kill_system(0, HWS_LOOPBACK_DEATH_reset);
    run_ms(10);
    assert_int_equal(town.got[1], 2);
    close_town();
}

static void a_power_loss_is_silent_until_the_machine_is_back(void **state)
{
    uint64_t old, fresh;
    (void)state;
    open_town(1, 2);
    send(0, 1);
    run_ms(100);
    state_of(0, 1, &old);
    kill_system(1, HWS_LOOPBACK_DEATH_silent);
    run_ms(500);
    assert_int_equal(state_of(0, 1, NULL), HWS_ENDPOINT_connected);
    run_ms(5000); /* the heartbeat's timeout */
    assert_int_not_equal(state_of(0, 1, NULL), HWS_ENDPOINT_connected);
    start(1);
    run_ms(20000);
    assert_int_equal(state_of(0, 1, &fresh), HWS_ENDPOINT_connected);
    assert_true(fresh != old);
    close_town();
}

static void a_machine_that_is_back_resets_old_links(void **state)
{
    (void)state;
    open_town(1, 2);
    send(0, 1);
    run_ms(100);
    kill_system(1, HWS_LOOPBACK_DEATH_silent);
    start(1);
    run_ms(100);
    send(0, 1); /* over the old link, which nobody knows there */
    run_ms(10);
    assert_int_not_equal(state_of(0, 1, NULL), HWS_ENDPOINT_connected);
    run_ms(10000);
    assert_int_equal(state_of(0, 1, NULL), HWS_ENDPOINT_connected);
    close_town();
}

static void killed_in_every_state(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        open_town(i, 3);
        for (unsigned j = 0; j < 3; j++)
            send(j, (j + 1) % 3);
        if (i % 3 == 0)
            hws_loopback_pause(town.network, "b", HWS_SECOND);
        for (unsigned j = 0; j < i; j++)
            hws_loopback_step(town.network);
        kill_system(1, i % 2 ? HWS_LOOPBACK_DEATH_silent : HWS_LOOPBACK_DEATH_reset);
        if (i % 5 == 0)
            kill_system(0, HWS_LOOPBACK_DEATH_reset);
        run_ms(i);
        start(1);
        run_ms(60000);
        if (i % 5)
            assert_int_equal(state_of(2, 0, NULL), HWS_ENDPOINT_connected);
        close_town();
    }
}

static void who_is_not_here_can_not_be_killed(void **state)
{
    struct hws_loopback *other;
    (void)state;
    open_town(1, 1);
    assert_int_equal(hws_loopback_new(&(struct hws_loopback_options){ 0 }, &other), 0);
    assert_int_equal(hws_loopback_kill(other, town.systems[0], HWS_LOOPBACK_DEATH_reset),
                     HWS_ENOTFOUND);
    hws_loopback_free(other);
    close_town();
}

static int kill_myself(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)message;
    *(int *)self =
        hws_loopback_kill(town.network, hws_context_system(context), HWS_LOOPBACK_DEATH_reset);
    return 0;
}
static const struct hws_actor_ops suicide_ops = { .receive = kill_myself };

static void nobody_kills_himself_in_his_turn(void **state)
{
    static const uint8_t nil = 0xc0;
    struct hws_pid *pid;
    int answer = 0;
    (void)state;
    open_town(1, 1);
    assert_int_equal(hws_spawn(town.systems[0], &suicide_ops, &answer, NULL, &pid), 0);
    hws_send(town.systems[0], pid, &(struct hws_message){ .payload = { &nil, 1 } });
    run_ms(1);
    assert_int_equal(answer, HWS_ESTATE);
    hws_pid_release(pid);
    close_town();
}

/* --- a run follows from its seed --- */

static void mix(uint64_t value)
{
    town.hash = (town.hash ^ value) * UINT64_C(0x100000001b3);
}

static void mix_text(const char *text)
{
    while (*text)
        mix((uint8_t)*text++);
    mix(0);
}

/* Whatever made work for a system has told the network: nobody is due before its next step. */
static void check_due(uint64_t now)
{
    uint64_t next = hws_loopback_next(town.network);
    for (unsigned i = 0; i < SYSTEMS; i++) {
        uint64_t due = town.systems[i] ? hws_next_turn(town.systems[i]) : HWS_NEVER;
        bool has_own_time = i >= SYSTEMS - 2; /* it is paused, or its clock stands still */
        if (due != HWS_NEVER && !has_own_time)
            assert_true(next <= (due > now ? due : now));
    }
}

static void on_step(void *data, const struct hws_loopback_step *step)
{
    assert_ptr_equal(data, &town);
    check_due(step->time);
    assert_int_equal(step->number, ++town.steps);
    mix(step->time);
    mix(step->kind);
    mix_text(step->machine);
    mix_text(step->peer);
    mix(step->bytes);
}

/* Everything that may happen, a while. */
static uint64_t troubled_run(uint64_t seed, uint64_t *digest)
{
    static const char *const some[] = { "a", "b", "c" }, *const others[] = { "d", "e", "f" };
    struct hws_loopback_way way = { .bandwidth = 20000, .pipe_bytes = 100, .drop_link = 0.01 };
    uint64_t steps;
    open_town(seed, SYSTEMS);
    hws_loopback_on_step(town.network, on_step, &town);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < SYSTEMS; i++)
            for (unsigned j = 1; j < 4; j++)
                send(i, (i + j) % SYSTEMS);
        check_due(hws_loopback_clock(town.network)->now(hws_loopback_clock(town.network)));
        run_ms(200);
        if (round % 10 == 0)
            hws_loopback_partition(town.network, some, 3, others, 3,
                                   (enum hws_loopback_rift)(round / 10 % 3));
        if (round % 10 == 3)
            hws_loopback_heal(town.network, NULL, NULL);
        if (round % 10 == 4)
            hws_loopback_pause(town.network, "g", HWS_SECOND);
        if (round % 10 == 5)
            hws_loopback_stall_clock(town.network, "h", HWS_SECOND);
        if (round % 10 == 6)
            kill_system(round % SYSTEMS, HWS_LOOPBACK_DEATH_reset);
        if (round % 10 == 6)
            start(round % SYSTEMS);
        if (round % 10 == 7)
            hws_loopback_collide(town.network, "a", "b");
        if (round == 8)
            hws_loopback_set_way(town.network, "c", "d", &way);
    }
    *digest = hws_loopback_digest(town.network, &steps);
    assert_int_equal(steps, town.steps);
    assert_true(steps > 5000);
    uint64_t hash = town.hash;
    hws_loopback_on_step(town.network, NULL, NULL);
    close_town();
    return hash;
}

static void a_whole_run_follows_from_its_seed(void **state)
{
    uint64_t first, second, other, digests[3];
    (void)state;
    first = troubled_run(7, &digests[0]);
    second = troubled_run(7, &digests[1]);
    other = troubled_run(8, &digests[2]);
    assert_true(first == second && digests[0] == digests[1]);
    assert_true(first != other && digests[0] != digests[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stalled_clock_stays_behind),
        cmocka_unit_test(a_clock_can_jump),
        cmocka_unit_test(a_paused_system_takes_no_turn),
        cmocka_unit_test(what_the_host_asks_between_steps_is_seen),
        cmocka_unit_test(a_post_of_another_thread_is_seen),
        cmocka_unit_test(a_kill_resets_and_a_new_system_follows),
        cmocka_unit_test(what_was_written_before_a_kill_arrives),
        cmocka_unit_test(a_power_loss_is_silent_until_the_machine_is_back),
        cmocka_unit_test(a_machine_that_is_back_resets_old_links),
        cmocka_unit_test(killed_in_every_state),
        cmocka_unit_test(who_is_not_here_can_not_be_killed),
        cmocka_unit_test(nobody_kills_himself_in_his_turn),
        cmocka_unit_test(a_whole_run_follows_from_its_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
