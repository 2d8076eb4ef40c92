/* SPDX-License-Identifier: MIT */
/* Spawning, delivering and the calls of hawser/actor.h that concern one actor. */
#include <stdio.h>
#include <string.h>

#include "actor/family.h"

/* "name", or "parent/name". HWS_EADDRESS: it is none, or the whole too long. */
static int make_pid(struct hwsi_local *local, const struct hws_context *parent, const char *name,
                    struct hws_pid **out)
{
    char id[HWS_ID_MAX + 2];
    if (!hwsi_id_valid(hws_slice_text(name)) || strchr(name, '/'))
        return HWS_EADDRESS;
    int size =
        snprintf(id, sizeof id, "%s%s%s", parent ? parent->pid->id : "", parent ? "/" : "", name);
    if (size > (int)HWS_ID_MAX)
        return HWS_EADDRESS;
    return hwsi_pid_intern(local->names, local->names->local, hws_slice_text(id), out);
}

/* One that nobody took by that name. */
static int make_up_pid(struct hwsi_local *local, const struct hws_context *parent,
                       struct hws_pid **out)
{
    char name[24];
    int error;
    for (;;) {
        snprintf(name, sizeof name, "$%llu", (unsigned long long)++local->next_name);
        error = make_pid(local, parent, name, out);
        if (error || !(*out)->actor)
            return error;
        hwsi_pid_release(*out);
    }
}

static struct hws_context *make_context(struct hwsi_local *local, const struct hws_actor_ops *ops,
                                        void *self, const struct hws_spawn_options *options)
{
    struct hws_context *actor = hwsi_alloc(local->heap, sizeof *actor);
    if (!actor)
        return NULL;
    actor->local = local;
    actor->ops = ops;
    actor->self = self;
    actor->mailbox_size =
        options->mailbox_size ? options->mailbox_size : local->options->mailbox_size;
    actor->supervision = (uint8_t)options->supervision;
    actor->starting = true;
    hwsi_list_init(&actor->all);
    hwsi_list_init(&actor->run);
    hwsi_list_init(&actor->watchers);
    hwsi_list_init(&actor->watching);
    return actor;
}

/* May an actor of that origin be `pid`? */
static bool is_free(const struct hwsi_local *local, const struct hwsi_origin *origin,
                    const struct hws_pid *pid)
{
    return !pid->actor && pid != local->root && (pid != local->services_pid || origin->service);
}

/* Into the lists; nothing can fail any more. */
static void enter(struct hwsi_local *local, struct hws_context *actor, struct hws_pid *pid,
                  struct hwsi_kind *kind)
{
    actor->pid = pid;
    pid->actor = actor;
    actor->number = hwsi_roster_add(&local->roster, actor);
    actor->kind = kind;
    hwsi_kind_entered(&local->kinds, kind);
    hwsi_list_append(&local->actors, &actor->all);
    local->actor_count++;
    hwsi_schedule(actor);
    hwsi_publish(local, &(struct hws_event){ .type = HWS_EVENT_ActorStarted, .pid = pid });
}

int hwsi_spawn(struct hwsi_local *local, const struct hwsi_origin *origin,
               const struct hws_actor_ops *ops, void *self, const struct hws_spawn_options *options,
               struct hws_pid **out)
{
    static const struct hws_spawn_options none;
    static const struct hwsi_origin host;
    if (!options)
        options = &none;
    if (!origin)
        origin = &host;
    struct hws_context *parent = origin->parent;
    if (!ops || (!ops->receive && !ops->receive_batch))
        return HWS_EINVAL;
    if (local->stopping || (parent && (parent->stopping || parent->halting)))
        return HWS_ECLOSED;
    struct hws_pid *pid;
    int error = options->name ? make_pid(local, parent, options->name, &pid)
                              : make_up_pid(local, parent, &pid);
    if (error)
        return error;
    if (!is_free(local, origin, pid)) {
        hwsi_pid_release(pid);
        return HWS_EEXIST;
    }
    struct hws_context *actor =
        hwsi_roster_reserve(&local->roster) ? NULL : make_context(local, ops, self, options);
    if (!actor || hwsi_family_join(actor, parent, options)) {
        hwsi_free(local->heap, actor, sizeof *actor);
        hwsi_pid_release(pid);
        return HWS_ENOMEM;
    }
    enter(local, actor, pid, origin->kind);
    if (out)
        *out = hwsi_pid_retain(pid);
    return 0;
}

struct hws_buffer *hwsi_hold_payload(struct hwsi_local *local, const struct hws_message *message,
                                     struct hws_slice *payload)
{
    *payload = message->payload;
    if (!message->buffer || hwsi_pool_crowded(local->pool))
        return hwsi_arena_copy(&local->arena, message->payload, payload);
    hwsi_buffer_retain(message->buffer);
    return message->buffer;
}

/* Field by field: copying what was just stored field by field in larger pieces would stall. */
static void fill(struct hws_message *place, const struct hws_message *message,
                 struct hws_buffer *buffer, struct hws_slice payload)
{
    place->payload.data = payload.data;
    place->payload.size = payload.size;
    place->sender = hwsi_pid_retain(message->sender);
    place->type = hwsi_atom_retain(message->type);
    place->request_id = message->request_id;
    place->correlation.hi = message->correlation.hi;
    place->correlation.lo = message->correlation.lo;
    place->kind = HWS_MESSAGE_user;
    place->reason = 0;
    place->who = NULL;
    place->buffer = buffer;
}

/* "$services" comes to life when somebody asks it something; for anybody else it is a dead letter. */
__attribute__((noinline, cold)) static int
find_nobody(struct hwsi_local *local, struct hws_pid *target, const struct hws_message *message)
{
    bool service = target == local->services_pid;
    int error = service ? local->services->start(local->services) : HWS_ENOTFOUND;
    if (!error)
        return hwsi_deliver_local(local, target, message);
    hwsi_letter(local, target, message,
                !service               ? HWS_REASON_not_found
                : error == HWS_ECLOSED ? HWS_REASON_stopped
                                       : HWS_REASON_mailbox_full);
    return error;
}

int hwsi_deliver_local(struct hwsi_local *local, struct hws_pid *target,
                       const struct hws_message *message)
{
    struct hws_context *actor = target->actor;
    if (!actor)
        return find_nobody(local, target, message);
    struct hwsi_lane *lane = &actor->lanes[HWSI_LANE_USER];
    if (lane->count >= actor->mailbox_size) {
        hwsi_letter(local, target, message, HWS_REASON_mailbox_full);
        return HWS_EFULL;
    }
    struct hws_slice payload;
    struct hws_buffer *buffer = hwsi_hold_payload(local, message, &payload);
    struct hws_message *place = buffer ? hwsi_lane_put(&local->nodes, lane) : NULL;
    if (!place) {
        hwsi_buffer_release(buffer);
        hwsi_letter(local, target, message, HWS_REASON_mailbox_full);
        return HWS_ENOMEM;
    }
    fill(place, message, buffer, payload);
    local->backlog += !actor->suspended;
    if (hwsi_list_empty(&actor->run))
        hwsi_schedule(actor);
    return 0;
}

int hwsi_tell(struct hws_context *actor, unsigned lane, enum hws_message_kind kind,
              struct hws_pid *who, uint16_t reason, uint64_t request_id)
{
    struct hwsi_lane *queue = &actor->lanes[lane];
    if (lane == HWSI_LANE_SYSTEM && queue->count >= actor->mailbox_size)
        return HWS_EFULL;
    struct hws_message *place = hwsi_lane_put(&actor->local->nodes, queue);
    if (!place)
        return HWS_ENOMEM;
    *place = (struct hws_message){ .kind = (uint16_t)kind,
                                   .who = hwsi_pid_retain(who),
                                   .reason = reason,
                                   .request_id = request_id };
    actor->told += kind == HWS_MESSAGE_terminated;
    actor->local->backlog += lane == HWSI_LANE_USER && !actor->suspended;
    hwsi_schedule(actor);
    return 0;
}

void hwsi_request_stop(struct hws_context *actor)
{
    actor->stopping = true;
    hwsi_schedule(actor);
}

struct hws_system *hws_context_system(struct hws_context *context)
{
    return context->local->system;
}

struct hws_pid *hws_context_self(struct hws_context *context)
{
    return context->pid;
}

void hws_context_fail(struct hws_context *context, const char *text)
{
    char cut[4096];
    hwsi_free_text(context->local->heap, context->failure);
    snprintf(cut, sizeof cut, "%s", text);
    context->failure = hwsi_copy_text(context->local->heap, cut);
}

/* The backlog counts what waits for the dispatcher, not what waits for a handler that waits itself. */
void hws_context_suspend(struct hws_context *context)
{
    if (!context->suspended)
        context->local->backlog -= context->lanes[HWSI_LANE_USER].count;
    context->suspended = true;
}

void hws_context_resume(struct hws_context *context)
{
    if (context->suspended)
        context->local->backlog += context->lanes[HWSI_LANE_USER].count;
    context->suspended = false;
    hwsi_schedule(context);
}

void hws_context_failed_later(struct hws_context *context, int error, const char *text)
{
    hws_context_fail(context, text);
    context->later_error = error;
    context->later = HWSI_LATER_OWN;
    hws_context_resume(context);
}

int hws_context_respond(struct hws_context *context, const struct hws_message *message,
                        struct hws_slice payload)
{
    if (!message->request_id || !message->sender)
        return HWS_EINVAL;
    struct hws_message answer = { .payload = payload,
                                  .sender = context->pid,
                                  .correlation = message->correlation };
    return hws_respond(context->local->system, message->sender, message->request_id, &answer);
}
