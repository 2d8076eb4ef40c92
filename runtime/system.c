/* SPDX-License-Identifier: MIT */
/* Making, driving and freeing a system. */
#include <string.h>

#include "base/text.h"
#include "system_loop.h"
#include "system_private.h"

#define EVENTS_A_TURN 4096

const char *hws_version(void)
{
#define TEXT(x) #x
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)
    return VERSION(HWS_VERSION_MAJOR, HWS_VERSION_MINOR, HWS_VERSION_PATCH);
}

static int copy_option(struct hwsi_heap *heap, const char **option, char **copy)
{
    if (!*option)
        return 0;
    *copy = hwsi_copy_text(heap, *option);
    *option = *copy;
    return *copy ? 0 : HWS_ENOMEM;
}

static void destroy(struct hws_system *system)
{
    struct hwsi_heap *heap = system->heap;
    if (system->gone)
        *system->gone = true;
    hwsi_desk_free(&system->desk);
    hwsi_posts_free(system);
    hwsi_after_free(system);
    hwsi_waits_free(system);
    hwsi_manager_free(&system->manager);
    hwsi_records_free(&system->records);
    hwsi_local_free(&system->local);
    hwsi_policy_replace(&system->policy, NULL);
    hwsi_timer_unregister(&system->stop_timer);
    hwsi_timer_unregister(&system->trim_timer);
    hwsi_timers_free(&system->timers);
    hwsi_free_text(heap, system->name);
    hwsi_free_text(heap, system->listen);
    hwsi_free_text(heap, system->advertise);
    hwsi_free_text(heap, system->stop_reason);
    hwsi_free(heap, system, sizeof *system);
    hwsi_heap_release(heap);
}

static void stop_due(struct hwsi_timer *timer)
{
    (void)timer; /* the turn that fired it looks at the deadline */
}

#define TRIM_EVERY HWS_SECOND

static void trim_due(struct hwsi_timer *timer)
{
    struct hws_system *system = HWSI_ENTRY(timer, struct hws_system, trim_timer);
    if (hwsi_pool_trim(system->local.pool))
        hwsi_timer_start(timer, hwsi_later(&system->local, TRIM_EVERY));
}

static void timer_is_earlier(struct hwsi_timers *timers)
{
    hwsi_due(&HWSI_ENTRY(timers, struct hws_system, timers)->local);
}

static int block_names(struct hws_system *system)
{
    int error = 0;
    for (const char *const *name = system->options.blocked; name && *name && !error; name++)
        error = hwsi_manager_block(&system->manager, *name);
    system->options.blocked = NULL; /* the caller's */
    return error;
}

static int init(struct hws_system *system)
{
    struct hws_options *options = &system->options;
    int error = hwsi_desk_init(&system->desk);
    if (!error)
        error = copy_option(system->heap, &options->name, &system->name);
    if (!error)
        error = copy_option(system->heap, &options->listen, &system->listen);
    if (!error)
        error = copy_option(system->heap, &options->advertise, &system->advertise);
    hwsi_random_init(&system->random, options->seed);
    hwsi_timers_init(&system->timers, system->heap);
    system->timers.on_earlier = timer_is_earlier;
    hwsi_list_init(&system->after);
    hwsi_system_policy_init(system);
    hwsi_waits_init(&system->waits);
    int local = hwsi_local_init(&system->local, system, options, system->heap, &system->timers,
                                &system->random);
    system->local.letters.route = &system->letter_route;
    hwsi_services_init(&system->services, &system->local);
    if (!error)
        error = local;
    if (!error)
        error =
            hwsi_manager_init(&system->manager, &system->local, &system->policy, &system->random);
    if (!error)
        error = hwsi_timer_register(&system->timers, &system->stop_timer, stop_due);
    if (!error)
        error = hwsi_timer_register(&system->timers, &system->trim_timer, trim_due);
    /* A system without a listening address is known to its peers by its uid. */
    char client[48];
    hwsi_say(client, sizeof client, "client-%016llx:0", (unsigned long long)system->manager.uid);
    if (!error)
        error = hwsi_names_set_local(system->local.names, client);
    if (!error)
        error = block_names(system);
    return error;
}

int hws_system_new(const struct hws_options *given, struct hws_system **out, char *message,
                   size_t capacity)
{
    struct hws_options options = *given;
    if (!options.allocator)
        options.allocator = hws_default_allocator();
    if (!options.clock)
        options.clock = hws_monotonic_clock();
    int error = hws_options_check(&options, message, capacity);
    if (error)
        return error;
    struct hwsi_heap *heap = hwsi_heap_new(options.allocator);
    struct hws_system *system = heap ? hwsi_alloc(heap, sizeof *system) : NULL;
    if (!system) {
        hwsi_heap_release(heap);
        hwsi_say(message, capacity, "%s", hws_strerror(HWS_ENOMEM));
        return HWS_ENOMEM;
    }
    system->heap = heap;
    system->options = options;
    error = init(system);
    if (error) {
        hwsi_say(message, capacity, "%s", hws_strerror(error));
        destroy(system); /* the policy stays the caller's: it is taken below */
        return error;
    }
    hwsi_policy_replace(&system->policy, options.policy);
    *out = system;
    return 0;
}

int hws_add_transport(struct hws_system *system, struct hws_transport *transport)
{
    return hwsi_manager_add_transport(&system->manager, transport);
}

int hws_start(struct hws_system *system, char *message, size_t capacity)
{
    if (system->started || system->stage != HWSI_RUNNING) {
        hwsi_say(message, capacity, "system %s has been started or stopped already", system->name);
        return HWS_ESTATE;
    }
    int error =
        system->options.listen ? hwsi_manager_listen(&system->manager, message, capacity) : 0;
    if (error)
        return error;
    system->started = true;
    hwsi_system_policy_started(system);
    return 0;
}

void hws_turn(struct hws_system *system)
{
    if (system->in_turn || system->told_stopped)
        return;
    struct hwsi_local *local = &system->local;
    system->in_turn = true;
    hwsi_desk_turn(&system->desk);
    local->now = hwsi_now(local);
    local->in_turn = true;
    bool stop_asked = atomic_load_explicit(
        &system->stop_asked, memory_order_acquire); /* before the posts that came before it */
    hwsi_timers_fire(&system->timers, hwsi_now(local));
    if (atomic_load_explicit(&system->posts, memory_order_relaxed))
        hwsi_posts_deliver(system);
    if (stop_asked)
        hws_stop(system, "stopped by signal or thread", HWS_NEVER);
    hwsi_dispatch(local, system->options.dispatcher_budget);
    if (!hwsi_list_empty(&system->manager.remains))
        hwsi_manager_drain_remains(&system->manager);
    if (hwsi_waits_due(system))
        hwsi_waits_run(system);
    if (local->events.queued)
        hwsi_events_dispatch(local, EVENTS_A_TURN);
    hwsi_pressure_tell(&system->manager.pressure);
    system->manager.paused = local->backlog > 4 * system->options.dispatcher_budget;
    hwsi_manager_flush(&system->manager);
    if (system->stage != HWSI_RUNNING) {
        system->stop_seen = true;
        hwsi_system_stop_step(system);
    }
    if (!hwsi_timer_running(&system->trim_timer) && hwsi_pool_keeps_some(local->pool))
        hwsi_timer_start(&system->trim_timer, hwsi_later(local, TRIM_EVERY));
    if (hwsi_desk_asked(&system->desk))
        hwsi_desk_answer(system);
    system->in_turn = local->in_turn = false;
    if (system->stage != HWSI_STOPPED)
        return;
    hwsi_desk_close(system);
    bool freed = system->freed; /* the callback may free it */
    system->told_stopped = true;
    if (system->stopped)
        system->stopped(system->stopped_data);
    if (freed)
        destroy(system);
}

bool hws_in_turn(const struct hws_system *system)
{
    return system->in_turn;
}

uint64_t hws_next_turn(struct hws_system *system)
{
    if (system->told_stopped)
        return HWS_NEVER;
    bool stop_is_new =
        system->stage == HWSI_RUNNING ? atomic_load(&system->stop_asked) : !system->stop_seen;
    if (stop_is_new)
        return 0;
    if (hwsi_dispatch_pending(&system->local) || system->local.events.queued ||
        !hwsi_list_empty(&system->manager.dirty) || !hwsi_list_empty(&system->manager.remains) ||
        !hwsi_list_empty(&system->manager.pressure.changed) || hwsi_waits_due(system) ||
        hwsi_desk_asked(&system->desk) ||
        atomic_load_explicit(&system->posts, memory_order_relaxed))
        return 0;
    if (system->stage == HWSI_CLOSED_DOWN && hwsi_manager_closed(&system->manager))
        return 0; /* its last link has closed: the turn that ends it is due, whoever's transport it was */
    return hwsi_timers_next(&system->timers);
}

void hws_system_free(struct hws_system *system)
{
    if (!system || system->freed)
        return;
    if (system->told_stopped) {
        destroy(system);
        return;
    }
    system->freed = true;
    hws_stop(system, "freed", 0);
    if (hwsi_loop_finish(system)) /* it is gone */
        return;
    if (system->in_turn) /* a handler's call: this turn and those that the driver makes end it */
        return;
    /* A host's loop goes on with what is left; without any, what needs no I/O is done here. */
    bool gone = false;
    system->gone = &gone;
    do
        hws_turn(system);
    while (!gone && hws_next_turn(system) == 0);
    if (!gone)
        system->gone = NULL;
}

struct hwsi_driver **hwsi_system_driver(struct hws_system *system)
{
    return &system->driver;
}

const char *hws_system_name(const struct hws_system *system)
{
    return system->name;
}

const char *hws_system_address(const struct hws_system *system)
{
    return system->local.names->local->text;
}

uint64_t hws_system_uid(const struct hws_system *system)
{
    return system->manager.uid;
}

uint64_t hws_system_now(struct hws_system *system)
{
    return system->options.clock->now(system->options.clock);
}

const struct hws_options *hws_system_options(const struct hws_system *system)
{
    return &system->options;
}

void hws_log(struct hws_system *system, enum hws_log_level level, const char *line)
{
    hwsi_log(&system->local, level, "%s", line);
}

void hws_on_due(struct hws_system *system, void (*due)(void *data), void *data)
{
    system->local.on_due = due;
    system->local.on_due_data = data;
}

void hws_on_stopped(struct hws_system *system, void (*stopped)(void *data), void *data)
{
    system->stopped = stopped;
    system->stopped_data = data;
}
