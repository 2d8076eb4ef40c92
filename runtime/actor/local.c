/* SPDX-License-Identifier: MIT */
#include "actor/local.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actor/context.h"

int hwsi_local_init(struct hwsi_local *local, struct hws_system *system,
                    const struct hws_options *options, struct hwsi_heap *heap,
                    struct hwsi_timers *timers, struct hwsi_random *random)
{
    memset(local, 0, sizeof *local);
    local->system = system;
    local->options = options;
    local->heap = heap;
    local->timers = timers;
    local->nodes.heap = heap;
    local->correlation.hi = hwsi_random_u64(random);
    hwsi_list_init(&local->actors);
    hwsi_list_init(&local->runnable);
    hwsi_list_init(&local->untold);
    hwsi_list_init(&local->events.subscriptions);
    hwsi_list_init(&local->events.queue);
    hwsi_list_init(&local->requests.done);
    hwsi_list_init(&local->requests.spare);
    hwsi_map_init(&local->watches, heap);
    hwsi_map_init(&local->alarms, heap);
    hwsi_kinds_init(&local->kinds, heap);
    local->roster.heap = heap;
    local->pool = hwsi_pool_new(heap);
    local->arena.pool = local->pool;
    int error =
        local->pool ? hwsi_timer_register(timers, &local->retry, hwsi_watches_retry) : HWS_ENOMEM;
    if (!error)
        error = hwsi_names_new(heap, hwsi_random_u64(random), &local->names);
    if (!error)
        error = hwsi_pid_intern(local->names, local->names->local, hws_slice_text("$system"),
                                &local->root);
    if (!error)
        error = hwsi_pid_intern(local->names, local->names->local, hws_slice_text("$services"),
                                &local->services_pid);
    return error;
}

/* After a failed init too. */
void hwsi_local_free(struct hwsi_local *local)
{
    struct hwsi_watch *watch;
    hwsi_timer_unregister(&local->retry);
    for (size_t cursor = 0; (watch = hwsi_map_next(&local->watches, &cursor)); cursor = 0)
        hwsi_watch_remove(local, watch);
    hwsi_map_free(&local->watches);
    hwsi_map_free(&local->alarms);
    hwsi_requests_free(local);
    hwsi_events_free(local);
    hwsi_mailbox_nodes_free(&local->nodes);
    hwsi_arena_free(&local->arena);
    hwsi_kinds_free(&local->kinds);
    hwsi_peers_free(local->heap, &local->diagnostics_peers);
    hwsi_roster_free(&local->roster);
    hwsi_pid_release(local->root);
    hwsi_pid_release(local->services_pid);
    hwsi_names_close(local->names);
    hwsi_pool_close(local->pool);
}

uint64_t hwsi_now(const struct hwsi_local *local)
{
    return local->in_turn ? local->now : local->options->clock->now(local->options->clock);
}

uint64_t hwsi_later(const struct hwsi_local *local, uint64_t delay)
{
    uint64_t now = hwsi_now(local);
    return delay < HWS_NEVER - 1 - now ? now + delay : HWS_NEVER - 1;
}

void hwsi_log(const struct hwsi_local *local, enum hws_log_level level, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    if (!local->options->logger)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    local->options->logger->write(local->options->logger, level, line);
}

int hwsi_check_outgoing(struct hwsi_local *local, struct hws_pid *target,
                        const struct hws_message *message)
{
    enum hws_dead_letter_reason reason = HWS_REASON_none;
    if (local->closed)
        reason = HWS_REASON_stopped;
    else if (message->payload.size > local->options->max_frame_size)
        reason = HWS_REASON_too_large;
    else if (hws_value_check(message->payload))
        reason = HWS_REASON_encode;
    if (reason == HWS_REASON_none)
        return 0;
    struct hws_message letter = { .payload = message->payload,
                                  .sender = message->sender,
                                  .type = message->type };
    if (reason != HWS_REASON_stopped)
        letter.payload.size = 0; /* nobody could read it */
    hwsi_letter(local, target, &letter, reason);
    return hws_reason_error(reason);
}

void hwsi_name_local(struct hwsi_local *local, struct hws_message *message)
{
    if (message->correlation.hi | message->correlation.lo)
        return;
    local->correlation.hi += ++local->correlation.lo == 0;
    message->correlation.hi = local->correlation.hi;
    message->correlation.lo = local->correlation.lo;
}

int hws_send(struct hws_system *system, struct hws_pid *target, const struct hws_message *message)
{
    struct hwsi_local *local = hwsi_local_of(system);
    int error = hwsi_check_outgoing(local, target, message);
    if (error)
        return error;
    struct hws_message out;
    hwsi_outgoing(&out, message);
    if (!target->address->local)
        return local->router->ops->deliver(local->router, target, &out);
    hwsi_name_local(local, &out);
    return hwsi_deliver_local(local, target, &out);
}

int hws_spawn(struct hws_system *system, const struct hws_actor_ops *ops, void *self,
              const struct hws_spawn_options *options, struct hws_pid **out)
{
    return hwsi_spawn(hwsi_local_of(system), NULL, ops, self, options, out);
}

int hws_spawn_named(struct hws_system *system, const char *name, const struct hws_actor_ops *ops,
                    void *self, struct hws_pid **out)
{
    return hws_spawn(system, ops, self, &(struct hws_spawn_options){ .name = name }, out);
}

int hws_stop_actor(struct hws_system *system, struct hws_pid *target)
{
    struct hwsi_local *local = hwsi_local_of(system);
    if (!target->address->local)
        return local->router->ops->notify(local->router, HWSI_NOTICE_STOP, target, NULL, 0, 0,
                                          NULL);
    if (!target->actor)
        return HWS_ENOTFOUND;
    hwsi_request_stop(target->actor);
    return 0;
}

int hws_pid_parse(struct hws_system *system, const char *text, struct hws_pid **out)
{
    return hwsi_pid_parse(hwsi_local_of(system)->names, hws_slice_text(text), out);
}

int hws_pid_make(struct hws_system *system, const char *address, const char *id,
                 struct hws_pid **out)
{
    struct hwsi_names *names = hwsi_local_of(system)->names;
    struct hwsi_address *interned;
    int error = hwsi_address_intern(names, hws_slice_text(address), &interned);
    if (error)
        return error;
    error = hwsi_pid_intern(names, interned, hws_slice_text(id), out);
    hwsi_address_release(interned);
    return error;
}

int hws_atom_make(struct hws_system *system, const char *text, struct hws_atom **out)
{
    return hwsi_atom_intern(hwsi_local_of(system)->names, hws_slice_text(text), out);
}

void hws_each_actor(struct hws_system *system,
                    void (*fn)(void *data, struct hws_pid *pid, uint64_t mailbox_size), void *data)
{
    struct hwsi_list *head = &hwsi_local_of(system)->actors;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        struct hws_context *actor = HWSI_ENTRY(node, struct hws_context, all);
        fn(data, actor->pid,
           actor->lanes[HWSI_LANE_USER].count + actor->lanes[HWSI_LANE_SYSTEM].count);
    }
}
