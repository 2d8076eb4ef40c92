/* SPDX-License-Identifier: MIT */
/* Systems on libuv loops: who wakes, who sleeps, who ends, over real sockets. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "hawser/hawser.h"

#define PATIENCE (20 * HWS_SECOND)

/* Counts what is held; `fail_at` names the call for new memory that gets none. */
static struct meter {
    struct hws_allocator allocator;
    size_t held;
    uint64_t calls, fail_at;
} meter;
static pthread_mutex_t meter_lock =
    PTHREAD_MUTEX_INITIALIZER; /* hws_post() allocates on its thread */

static void *metered(struct hws_allocator *allocator, void *block, size_t old_size, size_t new_size)
{
    bool fails;
    (void)allocator;
    pthread_mutex_lock(&meter_lock);
    fails = new_size > 0 && ++meter.calls == meter.fail_at;
    if (!fails)
        meter.held += new_size - (block ? old_size : 0);
    pthread_mutex_unlock(&meter_lock);
    if (fails)
        return NULL;
    if (new_size > 0)
        return realloc(block, new_size);
    free(block);
    return NULL;
}

struct counter {
    uint64_t got, answers, wanted;
    int status;
    struct hws_system *other; /* gets a copy of each message, if there is one */
    struct hws_pid *forward;
};

static struct hws_slice value(void)
{
    return hws_slice_of("\xa5hello", 6);
}

static void send_to(struct hws_system *system, struct hws_pid *target)
{
    assert_int_equal(hws_send(system, target, &(struct hws_message){ .payload = value() }), 0);
}

static int receive(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct counter *counter = self;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    counter->got++;
    if (counter->other)
        send_to(counter->other, counter->forward);
    return message->request_id ? hws_context_respond(context, message, message->payload) : 0;
}
static const struct hws_actor_ops counter_ops = { .receive = receive };

static void answered(void *data, int status, const struct hws_message *response)
{
    struct counter *counter = data;
    (void)response;
    counter->answers++;
    counter->status = status;
}

static bool has_got(void *data)
{
    struct counter *counter = data;
    return counter->got >= counter->wanted;
}

static bool has_answer(void *data)
{
    return ((struct counter *)data)->answers > 0;
}

static bool never(void *data)
{
    (void)data;
    return false;
}

static struct hws_system *make(const char *name, const char *listen)
{
    struct hws_options options;
    struct hws_system *system;
    char message[256] = "";
    hws_options_init(&options);
    options.name = name;
    options.listen = listen;
    options.allocator = &meter.allocator;
    assert_int_equal(hws_system_new(&options, &system, message, sizeof message), 0);
    return system;
}

static struct hws_system *start(const char *name, const char *listen, uv_loop_t *loop)
{
    struct hws_system *system = make(name, listen);
    char message[256] = "";
    assert_int_equal(hws_loop_attach(system, loop), 0);
    assert_int_equal(hws_loop_attach(system, loop), HWS_ESTATE);
    assert_ptr_equal(hws_loop_of(system), loop ? loop : hws_loop_of(system));
    if (hws_start(system, message, sizeof message) != 0)
        fail_msg("%s", message);
    return system;
}

static struct hws_pid *actor_of(struct hws_system *system, struct counter *counter)
{
    struct hws_pid *pid;
    assert_int_equal(hws_spawn_named(system, "counter", &counter_ops, counter, &pid), 0);
    return pid;
}

static struct hws_pid *pid_at(struct hws_system *system, const char *address)
{
    struct hws_pid *pid;
    assert_int_equal(hws_pid_make(system, address, "counter", &pid), 0);
    return pid;
}

/* It happens because somebody woke the loop, not because the patience was over and everyone looked again. */
static void runs_until(uv_loop_t *loop, bool (*done)(void *data), void *data)
{
    uint64_t from = uv_hrtime();
    assert_int_equal(hws_loop_run_until(loop, done, data, PATIENCE), 0);
    assert_true(uv_hrtime() - from < PATIENCE - HWS_SECOND);
}

/* --- on one loop --- */

static void ask_over(const char *listen)
{
    uv_loop_t *loop;
    struct counter counter = { 0 };
    assert_int_equal(hws_loop_new(&loop), 0);
    struct hws_system *alpha = start("alpha", NULL, loop), *beta = start("beta", listen, loop);
    struct hws_pid *here = actor_of(beta, &counter),
                   *there = pid_at(alpha, hws_system_address(beta));
    assert_int_equal(hws_request(alpha, there, &(struct hws_message){ .payload = value() }, 0,
                                 answered, &counter, NULL),
                     0);
    runs_until(loop, has_answer, &counter);
    assert_int_equal(counter.status, 0);
    assert_int_equal(counter.got, 1);
    hws_pid_release(here);
    hws_pid_release(there);
    hws_system_free(alpha);
    hws_system_free(beta);
    hws_loop_free(loop);
}

static void two_systems_talk_over_tcp(void **state)
{
    (void)state;
    ask_over("127.0.0.1:0");
}

static void two_systems_talk_over_a_unix_socket(void **state)
{
    char listen[80];
    (void)state;
    snprintf(listen, sizeof listen, "unix:/tmp/hawser-loop-%ld.socket", (long)getpid());
    ask_over(listen);
    assert_int_not_equal(access(listen + 5, F_OK), 0);
}

/* A handler of one system sends for another on the same loop, which has had its turn already. */
static void systems_on_one_loop_wake_each_other(void **state)
{
    (void)state;
    for (int older = 0; older < 2; older++) {
        uv_loop_t *loop;
        assert_int_equal(hws_loop_new(&loop), 0);
        struct hws_system *first = start("first", NULL, loop),
                          *second = start("second", NULL, loop);
        struct hws_system *from = older ? first : second, *to = older ? second : first;
        struct counter last = { .wanted = 1 }, relay = { .other = to };
        struct hws_pid *end = actor_of(to, &last), *middle = actor_of(from, &relay);
        relay.forward = end;
        assert_int_equal(hws_loop_run_until(loop, never, NULL, HWS_MILLISECOND), HWS_ETIMEOUT);
        send_to(from, middle);
        runs_until(loop, has_got, &last);
        hws_pid_release(end);
        hws_pid_release(middle);
        hws_system_free(first);
        hws_system_free(second);
        hws_loop_free(loop);
    }
}

struct asker {
    struct counter counter;
    struct hws_system *system;
    struct hws_pid *target;
    uv_loop_t *loop;
    unsigned asked;
};

/* Asked after the turns: what it does must not wait for the next event either. */
static bool send_and_look(void *data)
{
    struct asker *asker = data;
    if (asker->asked++ == 1) { /* the loop runs: the first look was before it */
        assert_int_equal(hws_loop_run_until(asker->loop, never, NULL, 0), HWS_ESTATE);
        send_to(asker->system, asker->target);
    }
    return has_got(&asker->counter);
}

static void the_condition_may_send(void **state)
{
    struct asker asker = { .counter = { .wanted = 1 } };
    (void)state;
    assert_int_equal(hws_loop_new(&asker.loop), 0);
    asker.system = start("alpha", NULL, asker.loop);
    asker.target = actor_of(asker.system, &asker.counter);
    assert_int_equal(hws_loop_run_until(asker.loop, never, NULL, HWS_MILLISECOND), HWS_ETIMEOUT);
    runs_until(asker.loop, send_and_look, &asker);
    hws_pid_release(asker.target);
    hws_system_free(asker.system);
    hws_loop_free(asker.loop);
}

static void nothing_to_wait_for(void **state)
{
    uv_loop_t *loop;
    (void)state;
    assert_int_equal(hws_loop_new(&loop), 0);
    assert_int_equal(hws_loop_run_until(loop, never, NULL, HWS_NEVER), 0);
    struct hws_system *system = start("alpha", NULL, loop);
    assert_int_equal(hws_stop(system, "test", 0), 0);
    assert_int_equal(hws_loop_run_until(loop, never, NULL, HWS_NEVER), 0);
    assert_true(hws_is_stopped(system));
    hws_system_free(system);
    hws_loop_free(loop);
}

/* --- a host's loop --- */

static void stop_it(uv_timer_t *timer)
{
    hws_stop(timer->data, "test", HWS_NEVER);
    uv_close((uv_handle_t *)timer, NULL);
}

static void a_stopped_system_lets_the_hosts_loop_end(void **state)
{
    uv_loop_t loop;
    uv_timer_t timer;
    (void)state;
    uv_loop_init(&loop);
    struct hws_system *system = start("alpha", "127.0.0.1:0", &loop);
    uv_timer_init(&loop, &timer);
    timer.data = system;
    uv_timer_start(&timer, stop_it, 20, 0);
    assert_int_equal(hws_loop_run(system), 0);
    assert_true(hws_is_stopped(system));
    assert_int_equal(uv_loop_close(&loop), 0);
    hws_system_free(system);
}

static void a_system_is_freed_before_its_loop_runs(void **state)
{
    uv_loop_t loop;
    (void)state;
    uv_loop_init(&loop);
    hws_system_free(start("alpha", "127.0.0.1:0", &loop));
    hws_system_free(make("beta", NULL));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void free_it(uv_timer_t *timer)
{
    hws_system_free(timer->data);
    uv_close((uv_handle_t *)timer, NULL);
}

/* With a link open, and one on the way. */
static void a_system_is_freed_while_it_talks(void **state)
{
    uv_loop_t loop;
    uv_timer_t timer;
    struct counter counter = { 0 };
    (void)state;
    uv_loop_init(&loop);
    struct hws_system *alpha = start("alpha", NULL, &loop),
                      *beta = start("beta", "127.0.0.1:0", &loop);
    struct hws_pid *here = actor_of(beta, &counter),
                   *there = pid_at(alpha, hws_system_address(beta));
    struct hws_pid *nowhere = pid_at(alpha, "nosuch.invalid:1");
    send_to(alpha, there);
    while (counter.got == 0)
        uv_run(&loop, UV_RUN_ONCE);
    send_to(alpha, there);
    send_to(alpha, nowhere);
    uv_timer_init(&loop, &timer);
    timer.data = alpha;
    uv_timer_start(&timer, free_it, 0, 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    hws_system_free(beta);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    hws_pid_release(here);
    hws_pid_release(there);
    hws_pid_release(nowhere);
}

struct sleeper {
    uint64_t turns, fired_at;
    struct hws_system *system;
    uv_check_t check;
};

static void count_wakes(uv_check_t *check)
{
    ((struct sleeper *)check->data)->turns++;
}

static void fired(void *data)
{
    struct sleeper *sleeper = data;
    sleeper->fired_at = hws_system_now(sleeper->system);
    hws_stop(sleeper->system, "test", 0);
}

static void timers_are_not_early_and_the_loop_sleeps(void **state)
{
    uv_loop_t loop;
    struct sleeper sleeper = { 0 };
    (void)state;
    uv_loop_init(&loop);
    sleeper.system = start("alpha", NULL, &loop);
    sleeper.check.data = &sleeper;
    uv_check_init(&loop, &sleeper.check);
    uv_check_start(&sleeper.check, count_wakes);
    uv_unref((uv_handle_t *)&sleeper.check);
    uint64_t from = hws_system_now(sleeper.system),
             wait = 50 * HWS_MILLISECOND + 300 * HWS_MICROSECOND;
    assert_int_equal(hws_after(sleeper.system, wait, fired, &sleeper, NULL), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(sleeper.fired_at >= from + wait);
    assert_true(sleeper.fired_at < from + PATIENCE);
    assert_in_range(sleeper.turns, 1, 12); /* start, sleep, stop, close: no spinning */
    uv_close((uv_handle_t *)&sleeper.check, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    hws_system_free(sleeper.system);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- a loop of its own, and other threads --- */

struct poster {
    struct counter counter;
    struct hws_system *system;
    atomic_bool arrived; /* all of them: the system's thread says so */
};

static void *post_and_stop(void *data)
{
    struct poster *poster = data;
    for (int i = 0; i < 100; i++)
        if (hws_post(poster->system, "counter", value()) != 0)
            return NULL;
    while (!atomic_load(&poster->arrived))
        sched_yield();
    hws_stop_from_any_thread(poster->system);
    return poster;
}

static int receive_posts(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct poster *poster = self;
    int error = receive(&poster->counter, context, message);
    if (poster->counter.got == 100)
        atomic_store(&poster->arrived, true);
    return error;
}
static const struct hws_actor_ops poster_ops = { .receive = receive_posts };

static void other_threads_wake_it(void **state)
{
    struct poster poster = { .system = start("alpha", "127.0.0.1:0", NULL) };
    pthread_t thread;
    void *outcome;
    (void)state;
    assert_int_equal(hws_spawn_named(poster.system, "counter", &poster_ops, &poster, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, post_and_stop, &poster), 0);
    assert_int_equal(hws_loop_run(poster.system), 0);
    assert_int_equal(pthread_join(thread, &outcome), 0);
    assert_non_null(outcome);
    assert_true(hws_is_stopped(poster.system));
    assert_int_equal(poster.counter.got, 100);
    hws_system_free(poster.system);
}

static void an_own_loop_is_freed_without_having_run(void **state)
{
    (void)state;
    hws_system_free(start("alpha", "127.0.0.1:0", NULL));
    struct hws_system *system = start("alpha", NULL, NULL);
    struct hws_pid *there = pid_at(system, "127.0.0.1:1");
    send_to(system, there);
    hws_system_free(system);
    hws_pid_release(there);
}

static void not_attached(void **state)
{
    struct hws_system *system = make("alpha", NULL);
    (void)state;
    assert_null(hws_loop_of(system));
    assert_int_equal(hws_loop_run(system), HWS_ESTATE);
    hws_system_free(system);
}

/* Every allocation of hws_loop_attach() fails once. */
static void out_of_memory(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        int error = HWS_ENOMEM;
        for (uint64_t i = 1; error != 0; i++) {
            uv_loop_t loop;
            uv_loop_init(&loop);
            struct hws_system *system = make("alpha", NULL);
            meter.fail_at = meter.calls + i;
            error = hws_loop_attach(system, own ? NULL : &loop);
            meter.fail_at = 0;
            assert_true(error == 0 || error == HWS_ENOMEM);
            assert_true((error == 0) == (hws_loop_of(system) != NULL));
            hws_system_free(system);
            uv_run(&loop, UV_RUN_DEFAULT);
            assert_int_equal(uv_loop_close(&loop), 0);
            assert_in_range(i, 1, 50);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    meter = (struct meter){ .allocator = { metered } };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(meter.held, 0);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_systems_talk_over_tcp),
        TEST(two_systems_talk_over_a_unix_socket),
        TEST(systems_on_one_loop_wake_each_other),
        TEST(the_condition_may_send),
        TEST(nothing_to_wait_for),
        TEST(a_stopped_system_lets_the_hosts_loop_end),
        TEST(a_system_is_freed_before_its_loop_runs),
        TEST(a_system_is_freed_while_it_talks),
        TEST(timers_are_not_early_and_the_loop_sleeps),
        TEST(other_threads_wake_it),
        TEST(an_own_loop_is_freed_without_having_run),
        TEST(not_attached),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
