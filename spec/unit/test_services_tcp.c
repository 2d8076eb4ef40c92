/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=120
 *
 * Kinds and diagnostics end to end over real TCP: every status of a remote spawn, ten thousand actors made from afar and none left,
 * a hundred thousand processes listed page by page while others come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "hawser/hawser.h"

#define MANY 10000u
#define CROWD 100000u

struct side {
    struct hws_system *system;
    struct hws_subscription *subscription;
    char address[64];
    char refusal[32], refusal_detail[256], refusal_name[64];
    unsigned refusals, no_kinds;
};
struct pair {
    uv_loop_t loop;
    struct side alpha, beta; /* alpha asks */
    unsigned made, released, kinds_released;
    unsigned answers, wanted;
    struct hws_spawned last;
    char last_pid[600];
    unsigned oks;
    int make_error;
    bool cut; /* the link, before the answer */
};
static struct pair pair;

/* --- a kind --- */

static int receive(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    if (message->kind == HWS_MESSAGE_user && message->request_id)
        return hws_context_respond(context, message, message->payload);
    hws_stop_actor(hws_context_system(context), hws_context_self(context));
    return 0;
}

static void on_released(void *self)
{
    pair.released++;
    free(self);
}
static const struct hws_actor_ops worker_ops = { .receive = receive, .released = on_released };

static int make(void *data, const struct hws_kind_request *request,
                struct hws_kind_product *product, char *detail, size_t capacity)
{
    assert_ptr_equal(data, &pair);
    assert_string_equal(request->kind, "worker");
    assert_true(hws_value_check(request->arguments) == 0);
    if (pair.make_error) {
        snprintf(detail, capacity, "no more %s", request->peer);
        return pair.make_error;
    }
    if (pair.cut)
        assert_int_equal(hws_cut_link(pair.beta.system, request->address), 0);
    pair.cut = false;
    product->ops = &worker_ops;
    product->self = malloc(1);
    pair.made++;
    return 0;
}

static void kind_released(void *data)
{
    ((struct pair *)data)->kinds_released++;
}
static const struct hws_kind_ops kind_ops = { .make = make, .released = kind_released };

/* --- the systems --- */

static void on_event(void *data, const struct hws_event *event)
{
    struct side *side = data;
    if (event->type == HWS_EVENT_ServiceRefused) {
        side->refusals++;
        snprintf(side->refusal, sizeof side->refusal, "%s", event->reason);
        snprintf(side->refusal_detail, sizeof side->refusal_detail, "%s", event->detail);
        snprintf(side->refusal_name, sizeof side->refusal_name, "%s", event->name);
    }
    if (event->type == HWS_EVENT_DeadLetter && strcmp(event->reason, "no_such_kind") == 0)
        side->no_kinds++;
}

static void start(struct side *side, const char *name, const struct hws_options *changed)
{
    struct hws_options options = *changed;
    char message[256] = "";
    options.name = name;
    options.listen = "127.0.0.1:0";
    assert_int_equal(hws_system_new(&options, &side->system, message, sizeof message), 0);
    assert_int_equal(hws_loop_attach(side->system, &pair.loop), 0);
    if (hws_start(side->system, message, sizeof message))
        fail_msg("%s", message);
    snprintf(side->address, sizeof side->address, "%s", hws_system_address(side->system));
    assert_int_equal(hws_subscribe(side->system, "*", on_event, side, &side->subscription, NULL),
                     0);
}

static void begin(const struct hws_options *alpha, const struct hws_options *beta)
{
    struct hws_options options;
    hws_options_init(&options);
    memset(&pair, 0, sizeof pair);
    assert_int_equal(uv_loop_init(&pair.loop), 0);
    start(&pair.alpha, "alpha", alpha ? alpha : &options);
    start(&pair.beta, "beta", beta ? beta : &options);
    assert_int_equal(hws_register_kind(pair.beta.system, "worker", &kind_ops, &pair), 0);
}

static void end_side(struct side *side)
{
    hws_unsubscribe(side->subscription);
    if (side->system)
        hws_stop(side->system, "end", 0);
}

static void end(void)
{
    end_side(&pair.alpha);
    end_side(&pair.beta);
    uv_run(&pair.loop, UV_RUN_DEFAULT);
    hws_system_free(pair.alpha.system);
    hws_system_free(pair.beta.system);
    uv_run(&pair.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
    assert_int_equal(pair.made, pair.released);
}

/* Runs until `wanted` answers have come. */
static void wait_for(unsigned wanted)
{
    uint64_t until = uv_hrtime() + 30 * HWS_SECOND;
    while (pair.answers < wanted) {
        assert_true(uv_hrtime() < until);
        uv_run(&pair.loop, UV_RUN_ONCE);
    }
}

static void run_for(uint64_t duration)
{
    uint64_t until = uv_hrtime() + duration;
    while (uv_hrtime() < until)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
}

static void allow(const char *pattern)
{
    assert_int_equal(hws_allow_kind(pair.beta.system, "worker", &pattern, 1), 0);
    assert_int_equal(hws_allow_diagnostics(pair.beta.system, &pattern, 1), 0);
}

static void on_spawned(void *data, int status, const struct hws_message *response)
{
    assert_ptr_equal(data, &pair);
    hws_read_spawned(pair.alpha.system, status, response, &pair.last);
    pair.last_pid[0] = 0;
    if (pair.last.pid)
        hws_pid_format(pair.last.pid, pair.last_pid, sizeof pair.last_pid);
    hws_pid_release(pair.last.pid);
    pair.oks += pair.last.status == HWS_SPAWN_ok;
    pair.answers++;
}

/* One spawn, waited for. */
static enum hws_spawn_status spawn(const char *address, const char *name, const char *kind,
                                   uint64_t timeout)
{
    const struct hws_spawn_remote_options options = { .timeout = timeout };
    unsigned before = pair.answers;
    int error = name ? hws_spawn_remote_named(pair.alpha.system, address, name, kind, &options,
                                              on_spawned, &pair, NULL)
                     : hws_spawn_remote(pair.alpha.system, address, kind, &options, on_spawned,
                                        &pair, NULL);
    if (error)
        hws_read_spawned(pair.alpha.system, error, NULL, &pair.last);
    else
        wait_for(before + 1);
    return pair.last.status;
}

/* --- statuses --- */

static void test_ok_and_taken(void **state)
{
    char wanted[128];
    (void)state;
    begin(NULL, NULL);
    allow("alp*");
    assert_int_equal(spawn(pair.beta.address, NULL, "worker", 0), HWS_SPAWN_ok);
    assert_int_equal(pair.last.error, 0);
    assert_string_equal(pair.last.detail, "");
    snprintf(wanted, sizeof wanted, "%s/$", pair.beta.address);
    assert_memory_equal(pair.last_pid, wanted, strlen(wanted));
    assert_int_equal(spawn(pair.beta.address, "w-1", "worker", 0), HWS_SPAWN_ok);
    snprintf(wanted, sizeof wanted, "%s/w-1", pair.beta.address);
    assert_string_equal(pair.last_pid, wanted);
    memset(&pair.last, 0, sizeof pair.last);
    assert_int_equal(spawn(pair.beta.address, "w-1", "worker", 0),
                     HWS_SPAWN_process_name_already_exists);
    assert_string_equal(pair.last_pid, wanted);
    assert_int_equal(pair.last.error, HWS_EEXIST);
    assert_false(hws_spawn_retryable(pair.last.status));
    assert_int_equal(pair.made, 2);
    end();
}

static void test_errors(void **state)
{
    (void)state;
    begin(NULL, NULL);
    /* Closed by default, and the refusal says whom. */
    assert_int_equal(spawn(pair.beta.address, NULL, "worker", 0), HWS_SPAWN_error);
    assert_int_equal(pair.last.error, HWS_EACCESS);
    assert_non_null(strstr(pair.last.detail, "alpha"));
    assert_non_null(strstr(pair.last.detail, pair.alpha.address));
    assert_string_equal(pair.beta.refusal, "not_allowed");
    assert_string_equal(pair.beta.refusal_name, "alpha");
    allow("alpha");
    assert_int_equal(spawn(pair.beta.address, NULL, "wroker", 0), HWS_SPAWN_error);
    assert_int_equal(pair.last.error, HWS_ENOTFOUND);
    assert_int_equal(pair.beta.no_kinds, 1);
    pair.make_error = HWS_EFAILED;
    assert_int_equal(spawn(pair.beta.address, NULL, "worker", 0), HWS_SPAWN_error);
    assert_int_equal(pair.last.error, HWS_EFAILED);
    assert_string_equal(pair.last.detail, "kind worker: no more alpha");
    assert_string_equal(pair.beta.refusal, "failed");
    assert_int_equal(spawn(pair.beta.address, NULL, "no kind", 0), HWS_SPAWN_error);
    assert_int_equal(pair.last.error, HWS_EINVAL);
    assert_int_equal(spawn(pair.beta.address, "a/b", "worker", 0), HWS_SPAWN_error);
    assert_int_equal(spawn(pair.beta.address, "$services", "worker", 0), HWS_SPAWN_error);
    assert_int_equal(spawn("127.0.0.1:70000", NULL, "worker", 0), HWS_SPAWN_error);
    assert_int_equal(pair.last.error, HWS_EADDRESS);
    assert_int_equal(pair.made, 0);
    assert_int_equal(hws_unregister_kind(pair.beta.system, "worker"), 0);
    assert_int_equal(pair.kinds_released, 1);
    end();
}

static void test_unavailable(void **state)
{
    struct hws_options options;
    (void)state;
    hws_options_init(&options);
    options.remote_spawn_limit = 1;
    begin(NULL, &options);
    allow("127.0.0.1:*");
    assert_int_equal(spawn(pair.beta.address, "only", "worker", 0), HWS_SPAWN_ok);
    assert_int_equal(spawn(pair.beta.address, NULL, "worker", 0), HWS_SPAWN_unavailable);
    assert_int_equal(pair.last.error, HWS_EFULL);
    assert_true(hws_spawn_retryable(pair.last.status));
    assert_string_equal(pair.beta.refusal, "full");
    /* Nobody listens there. */
    hws_stop(pair.beta.system, "gone", 0);
    while (!hws_is_stopped(pair.beta.system))
        uv_run(&pair.loop, UV_RUN_ONCE);
    assert_int_equal(spawn(pair.beta.address, NULL, "worker", 0), HWS_SPAWN_unavailable);
    end();
}

/* The actor is made and its answer lost on the way: who asked finds it by asking again. */
static void test_timeout(void **state)
{
    char wanted[128];
    (void)state;
    begin(NULL, NULL);
    allow("alpha");
    assert_int_equal(spawn(pair.beta.address, "first", "worker", 0), HWS_SPAWN_ok);
    pair.cut = true;
    assert_int_equal(spawn(pair.beta.address, "orphan", "worker", HWS_SECOND), HWS_SPAWN_timeout);
    assert_int_equal(pair.last.error, HWS_ETIMEOUT);
    assert_true(hws_spawn_retryable(pair.last.status));
    assert_int_equal(pair.made, 2);
    for (int i = 0; i < 100 && spawn(pair.beta.address, "orphan", "worker", HWS_SECOND) ==
                                   HWS_SPAWN_unavailable;
         i++)
        run_for(20 * HWS_MILLISECOND);
    assert_int_equal(pair.last.status, HWS_SPAWN_process_name_already_exists);
    snprintf(wanted, sizeof wanted, "%s/orphan", pair.beta.address);
    assert_string_equal(pair.last_pid, wanted);
    end();
}

static void test_dead_letter(void **state)
{
    static const uint8_t head[] = { 0xc5, 0x08, 0x00 }; /* a bin of 2 KiB */
    uint8_t arguments[sizeof head + 2048] = { 0 };
    struct hws_options options;
    (void)state;
    hws_options_init(&options);
    options.max_frame_size = 1024;
    begin(NULL, &options);
    allow("*");
    memcpy(arguments, head, sizeof head);
    const struct hws_spawn_remote_options with = { .arguments = { arguments, sizeof arguments } };
    assert_int_equal(hws_spawn_remote(pair.alpha.system, pair.beta.address, "worker", &with,
                                      on_spawned, &pair, NULL),
                     0);
    wait_for(1);
    assert_int_equal(pair.last.status, HWS_SPAWN_dead_letter);
    assert_int_equal(pair.last.error, HWS_ETOOLARGE);
    assert_false(hws_spawn_retryable(pair.last.status));
    end();
}

/* --- many --- */

static uint64_t actors(const struct side *side)
{
    struct hws_system_statistics statistics;
    hws_system_statistics(side->system, &statistics);
    return statistics.actors;
}

static uint64_t memory(const struct side *side)
{
    struct hws_system_statistics statistics;
    hws_system_statistics(side->system, &statistics);
    return statistics.memory;
}

static void spawn_many(void)
{
    unsigned before = pair.answers;
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "worker-%u", i);
        assert_int_equal(hws_spawn_remote_named(pair.alpha.system, pair.beta.address, name,
                                                "worker", NULL, on_spawned, &pair, NULL),
                         0);
    }
    wait_for(before + MANY);
}

static void stop_many(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        char text[128];
        struct hws_pid *pid;
        snprintf(text, sizeof text, "%s/worker-%u", pair.beta.address, i);
        assert_int_equal(hws_pid_parse(pair.alpha.system, text, &pid), 0);
        assert_int_equal(hws_stop_actor(pair.alpha.system, pid), 0);
        hws_pid_release(pid);
    }
    uint64_t until = uv_hrtime() + 30 * HWS_SECOND;
    while (actors(&pair.beta) > 1) { /* "$services" stays */
        assert_true(uv_hrtime() < until);
        uv_run(&pair.loop, UV_RUN_ONCE);
    }
}

static void on_living(void *data, const char *name, uint64_t living)
{
    assert_string_equal(name, "worker");
    *(uint64_t *)data = living;
}

static void test_none_leaked(void **state)
{
    uint64_t living = 99, first;
    (void)state;
    begin(NULL, NULL);
    allow("alpha");
    /* The first time fills tables and pools that stay. */
    spawn_many();
    assert_int_equal(actors(&pair.beta), MANY + 1);
    hws_each_kind(pair.beta.system, on_living, &living);
    assert_int_equal(living, MANY);
    stop_many();
    run_for(100 * HWS_MILLISECOND);
    first = memory(&pair.beta);
    for (int i = 0; i < 3; i++) {
        spawn_many();
        stop_many();
        run_for(100 * HWS_MILLISECOND);
    }
    hws_each_kind(pair.beta.system, on_living, &living);
    assert_int_equal(living, 0);
    assert_int_equal(pair.oks, 4 * MANY);
    assert_int_equal(pair.released, 4 * MANY);
    print_message("memory after 10000: %llu, after 40000: %llu\n", (unsigned long long)first,
                  (unsigned long long)memory(&pair.beta));
    assert_true(memory(&pair.beta) < first + (64 << 10));
    end();
}

struct listing {
    struct hws_process_query query;
    unsigned pages, count, extra;
    uint8_t *seen;
    int error;
    char detail[HWS_DETAIL_MAX];
    bool churn, over;
};

static void on_page(void *data, int status, const struct hws_message *response)
{
    struct listing *listing = data;
    struct hws_process_page page;
    struct hws_pid *pid;
    unsigned number;
    hws_read_processes(status, response, &page);
    listing->error = page.error;
    snprintf(listing->detail, sizeof listing->detail, "%s", page.detail);
    listing->query.cursor = page.next;
    listing->over = page.error || page.next == 0;
    listing->pages++;
    pair.answers++;
    while (hws_next_process(&page, &pid) == 0) {
        if (sscanf(hws_pid_id(pid), "p-%u", &number) == 1)
            listing->seen[number]++;
        else
            listing->extra++;
        listing->count++;
        hws_pid_release(pid);
    }
}

/* Those with an odd number go, others come. */
static void churn(unsigned page)
{
    static const struct hws_actor_ops quiet = { .receive = receive };
    for (unsigned i = 0; i < 400; i++) {
        char name[32];
        struct hws_pid *pid;
        unsigned number = (page * 400 + i) * 2 + 1;
        if (number >= CROWD)
            return;
        snprintf(name, sizeof name, "p-%u", number);
        assert_int_equal(hws_pid_parse(pair.beta.system, name, &pid), 0);
        hws_stop_actor(pair.beta.system, pid);
        hws_pid_release(pid);
        snprintf(name, sizeof name, "new-%u", number);
        assert_int_equal(hws_spawn_named(pair.beta.system, name, &quiet, NULL, NULL), 0);
    }
}

static void list_all(struct listing *listing, const char *address)
{
    while (!listing->over) {
        unsigned before = pair.answers;
        assert_int_equal(
            hws_list_processes(pair.alpha.system, address, &listing->query, on_page, listing, NULL),
            0);
        wait_for(before + 1);
        if (listing->churn)
            churn(listing->pages);
    }
}

static void test_crowd(void **state)
{
    static const struct hws_actor_ops quiet = { .receive = receive };
    struct listing listing = { .query = { .pattern = "p-", .limit = 1000 }, .churn = true };
    (void)state;
    begin(NULL, NULL);
    allow("alpha");
    for (unsigned i = 0; i < CROWD; i++) {
        char name[32];
        snprintf(name, sizeof name, "p-%u", i);
        assert_int_equal(hws_spawn_named(pair.beta.system, name, &quiet, NULL, NULL), 0);
    }
    listing.seen = calloc(CROWD, 1);
    list_all(&listing, pair.beta.address);
    assert_int_equal(listing.error, 0);
    for (unsigned i = 0; i < CROWD; i++)
        assert_true(i % 2 ? listing.seen[i] <= 1 : listing.seen[i] == 1);
    assert_int_equal(listing.extra, 0);
    free(listing.seen);
    end();
}

static struct hws_process_diagnostics diagnosed;

static void on_diagnostics(void *data, int status, const struct hws_message *response)
{
    (void)data;
    hws_read_process_diagnostics(status, response, &diagnosed);
    pair.answers++;
}

static void diagnose(const char *id)
{
    char text[128];
    struct hws_pid *pid;
    unsigned before = pair.answers;
    snprintf(text, sizeof text, "%s/%s", pair.beta.address, id);
    assert_int_equal(hws_pid_parse(pair.alpha.system, text, &pid), 0);
    assert_int_equal(
        hws_get_process_diagnostics(pair.alpha.system, pid, 0, on_diagnostics, NULL, NULL), 0);
    hws_pid_release(pid);
    wait_for(before + 1);
}

static void answered(void *data, int status, const struct hws_message *response)
{
    (void)data;
    (void)response;
    assert_int_equal(status, 0);
    pair.answers++;
}

static void test_diagnostics(void **state)
{
    static const struct hws_actor_ops quiet = { .receive = receive };
    char text[128];
    struct hws_pid *pid, *watcher;
    (void)state;
    begin(NULL, NULL);
    diagnose("nobody");
    assert_int_equal(diagnosed.error, HWS_EACCESS);
    assert_string_equal(pair.beta.refusal, "not_allowed");
    allow("alpha");
    diagnose("nobody");
    assert_int_equal(diagnosed.error, HWS_ENOTFOUND);
    assert_int_equal(pair.beta.refusals, 1);
    assert_int_equal(spawn(pair.beta.address, "w", "worker", 0), HWS_SPAWN_ok);
    snprintf(text, sizeof text, "%s/w", pair.beta.address);
    assert_int_equal(hws_pid_parse(pair.alpha.system, text, &pid), 0);
    assert_int_equal(hws_spawn_named(pair.alpha.system, "watcher", &quiet, NULL, &watcher), 0);
    assert_int_equal(hws_watch(pair.alpha.system, watcher, pid), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(hws_request(pair.alpha.system, pid,
                                     &(struct hws_message){ .payload = hws_slice_of("\x2a", 1) }, 0,
                                     answered, NULL, NULL),
                         0);
    wait_for(pair.answers + 5);
    diagnose("w");
    assert_int_equal(diagnosed.error, 0);
    assert_string_equal(diagnosed.kind, "worker");
    assert_int_equal(diagnosed.state, HWS_PROCESS_idle);
    assert_int_equal(diagnosed.handled, 5);
    assert_int_equal(diagnosed.failures, 0);
    assert_int_equal(diagnosed.watchers, 1);
    assert_int_equal(diagnosed.mailbox_length, 0);
    assert_int_equal(diagnosed.mailbox_size, 1000000);
    assert_true(diagnosed.memory >= 200 && diagnosed.memory < 8192);
    diagnose("$services");
    assert_int_equal(diagnosed.state, HWS_PROCESS_busy);
    assert_string_equal(diagnosed.kind, "");
    hws_pid_release(pid);
    hws_pid_release(watcher);
    end();
}

/* Part, exact and regex; wrong and costly expressions; pages that a small frame makes short; the same call for one's own. */
static void test_patterns(void **state)
{
    static const struct hws_actor_ops quiet = { .receive = receive };
    struct hws_options options;
    struct listing listing = { 0 };
    char id[200];
    (void)state;
    hws_options_init(&options);
    options.max_frame_size = 1024;
    begin(&options, NULL);
    allow("alpha");
    uint8_t seen[100] = { 0 };
    listing.seen = seen;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "p-%u-%0*u", i, 150, 0);
        assert_int_equal(hws_spawn_named(pair.beta.system, id, &quiet, NULL, NULL), 0);
        assert_int_equal(hws_spawn_named(pair.alpha.system, id, &quiet, NULL, NULL), 0);
    }
    listing.query = (struct hws_process_query){ .pattern = "^p-\\d7-", .match = HWS_MATCH_regex };
    list_all(&listing, pair.beta.address);
    assert_int_equal(listing.error, 0);
    assert_int_equal(listing.count, 9);
    assert_int_equal(seen[17] + seen[97], 2);
    listing = (struct listing){ .seen = seen };
    list_all(&listing, pair.beta.address);
    assert_int_equal(listing.count, 101);
    assert_int_equal(listing.extra, 1); /* "$services" */
    assert_true(listing.pages > 20);
    listing = (struct listing){ .seen = seen };
    list_all(&listing, NULL);
    assert_int_equal(listing.count, 101);
    listing =
        (struct listing){ .seen = seen, .query = { .pattern = id, .match = HWS_MATCH_exact } };
    list_all(&listing, pair.alpha.address);
    assert_int_equal(listing.count, 1);
    assert_int_equal(listing.pages, 1);
    listing =
        (struct listing){ .seen = seen, .query = { .pattern = "p-(", .match = HWS_MATCH_regex } };
    list_all(&listing, pair.beta.address);
    assert_int_equal(listing.error, HWS_EINVAL);
    assert_non_null(strstr(listing.detail, "parenthesis"));
    listing = (struct listing){ .seen = seen,
                                .query = { .pattern = "(0+)+[xy]", .match = HWS_MATCH_regex } };
    list_all(&listing, pair.beta.address);
    assert_int_equal(listing.error, HWS_EINVAL);
    assert_non_null(strstr(listing.detail, "too many steps"));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ok_and_taken), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_unavailable),  cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_dead_letter),  cmocka_unit_test(test_none_leaked),
        cmocka_unit_test(test_crowd),        cmocka_unit_test(test_diagnostics),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
