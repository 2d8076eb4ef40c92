/* SPDX-License-Identifier: MIT */
#include "actor/alarm.h"

#include <string.h>

struct hwsi_alarm {
    struct hwsi_timer timer;
    struct hws_context *actor;
    struct hwsi_alarm *next, **link; /* in the actor's */
    uint64_t id;
    uint64_t period;  /* 0: once */
    uint64_t waiting; /* the last tick has left the mailbox when the actor has handled this many */
    struct hws_atom *type;
    size_t size;
    uint8_t payload[];
};

static bool has_id(const void *alarm, const void *id)
{
    return ((const struct hwsi_alarm *)alarm)->id == *(const uint64_t *)id;
}

static void alarm_free(struct hwsi_alarm *alarm)
{
    struct hwsi_local *local = alarm->actor->local;
    hwsi_map_remove(&local->alarms, hwsi_hash_u64(alarm->id), alarm);
    hwsi_timer_unregister(&alarm->timer);
    *alarm->link = alarm->next;
    if (alarm->next)
        alarm->next->link = alarm->link;
    hwsi_atom_release(alarm->type);
    hwsi_free(local->heap, alarm, sizeof *alarm + alarm->size);
}

void hwsi_alarms_cancel(struct hws_context *actor)
{
    while (actor->alarms)
        alarm_free(actor->alarms);
}

static void tell(struct hwsi_alarm *alarm)
{
    struct hws_context *actor = alarm->actor;
    struct hws_message message = { .payload = { alarm->payload, alarm->size },
                                   .sender = actor->pid,
                                   .type = alarm->type };
    hwsi_name_local(actor->local, &message);
    if (hwsi_deliver_local(actor->local, actor->pid, &message) == 0)
        alarm->waiting = actor->handled + actor->lanes[HWSI_LANE_USER].count;
}

static void ring(struct hwsi_timer *timer)
{
    struct hwsi_alarm *alarm = HWSI_ENTRY(timer, struct hwsi_alarm, timer);
    struct hws_context *actor = alarm->actor;
    if (alarm->period)
        hwsi_timer_start(timer, hwsi_next_tick(timer->due, alarm->period, hwsi_now(actor->local)));
    if (alarm->waiting <= actor->handled)
        tell(alarm);
    if (!alarm->period)
        alarm_free(alarm);
}

static int check(const struct hws_context *actor, const struct hws_message *message)
{
    const struct hwsi_local *local = actor->local;
    if (actor->stopping || actor->halting)
        return HWS_ECLOSED;
    if (message->payload.size > local->options->max_frame_size)
        return HWS_ETOOLARGE;
    if (hws_value_check(message->payload))
        return HWS_EENCODE;
    return local->alarms.count < local->options->actor_timers ? 0 : HWS_EFULL;
}

static int alarm_new(struct hws_context *actor, const struct hws_message *message,
                     struct hwsi_alarm **out)
{
    struct hwsi_local *local = actor->local;
    size_t size = sizeof **out + message->payload.size;
    struct hwsi_alarm *alarm = hwsi_alloc_raw(local->heap, size);
    if (!alarm || hwsi_timer_register(local->timers, &alarm->timer, ring)) {
        hwsi_free(local->heap, alarm, size);
        return HWS_ENOMEM;
    }
    alarm->id = ++local->last_alarm;
    if (hwsi_map_put(&local->alarms, hwsi_hash_u64(alarm->id), alarm)) {
        hwsi_timer_unregister(&alarm->timer);
        hwsi_free(local->heap, alarm, size);
        return HWS_ENOMEM;
    }
    alarm->actor = actor;
    alarm->waiting = 0;
    alarm->type = hwsi_atom_retain(message->type);
    alarm->size = message->payload.size;
    memcpy(alarm->payload, message->payload.data, alarm->size);
    alarm->next = actor->alarms;
    alarm->link = &actor->alarms;
    if (alarm->next)
        alarm->next->link = &alarm->next;
    actor->alarms = alarm;
    *out = alarm;
    return 0;
}

static int set(struct hws_context *actor, uint64_t delay, uint64_t period,
               const struct hws_message *message, uint64_t *id)
{
    struct hwsi_alarm *alarm;
    int error = check(actor, message);
    error = error ? error : alarm_new(actor, message, &alarm);
    if (error)
        return error;
    alarm->period = period;
    hwsi_timer_start(&alarm->timer, hwsi_later(actor->local, delay));
    if (id)
        *id = alarm->id;
    return 0;
}

int hws_context_after(struct hws_context *context, uint64_t delay,
                      const struct hws_message *message, uint64_t *id)
{
    return set(context, delay, 0, message, id);
}

int hws_context_every(struct hws_context *context, uint64_t delay, uint64_t period,
                      const struct hws_message *message, uint64_t *id)
{
    return period < HWS_MILLISECOND ? HWS_EINVAL : set(context, delay, period, message, id);
}

int hws_actor_timer_cancel(struct hws_system *system, uint64_t id)
{
    struct hwsi_local *local = hwsi_local_of(system);
    struct hwsi_alarm *alarm = hwsi_map_find(&local->alarms, hwsi_hash_u64(id), has_id, &id);
    if (!alarm)
        return HWS_ENOTFOUND;
    alarm_free(alarm);
    return 0;
}
