/* SPDX-License-Identifier: MIT */
/* The EventStream: a bounded queue of copied events, and its subscribers. */
#include <string.h>

#include "actor/context.h"
#include "base/text.h"

struct hws_subscription {
    struct hwsi_list node; /* alone when the system is gone */
    struct hwsi_heap *heap;
    struct hwsi_local *local; /* NULL: the system is gone */
    uint64_t mask;
    uint64_t since; /* events published before it are not for it */
    hws_event_fn fn;
    void *data;
    bool dead; /* unsubscribed while events were being dispatched */
};

struct queued_event {
    struct hwsi_list node;
    struct hws_event event;
    uint64_t number;
    size_t size; /* of this block */
    char bytes[];
};

#define TEXTS(event)                                                                            \
    {                                                                                           \
        &(event)->address, &(event)->name, &(event)->file, &(event)->version, &(event)->reason, \
            &(event)->detail, &(event)->level                                                   \
    }

/* Copies the event and all it points to into one block. */
static struct queued_event *event_copy(struct hwsi_local *local, const struct hws_event *event)
{
    struct hws_event source = *event;
    const char **from[] = TEXTS(&source);
    size_t size = sizeof(struct queued_event) + event->message.size;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        size += *from[i] ? strlen(*from[i]) + 1 : 0;
    struct queued_event *copy = hwsi_alloc_raw(local->heap, size);
    if (!copy)
        return NULL;
    copy->event = source;
    copy->size = size;
    const char **to[] = TEXTS(&copy->event);
    char *place = copy->bytes;
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        if (*to[i]) {
            size_t length = strlen(*to[i]) + 1;
            *to[i] = memcpy(place, *to[i], length);
            place += length;
        }
    if (event->message.size)
        copy->event.message.data = memcpy(place, event->message.data, event->message.size);
    hwsi_pid_retain(copy->event.pid);
    hwsi_pid_retain(copy->event.sender);
    hwsi_pid_retain(copy->event.watcher);
    return copy;
}

static void event_free(struct hwsi_local *local, struct queued_event *event)
{
    hwsi_pid_release(event->event.pid);
    hwsi_pid_release(event->event.sender);
    hwsi_pid_release(event->event.watcher);
    hwsi_free(local->heap, event, event->size);
}

#define DETAIL_MAX 4096 /* of the events with a traceback */

/* An end that somebody asked for. */
static bool is_orderly(const char *reason)
{
    return reason && (strcmp(reason, "shutdown") == 0 || strcmp(reason, "closed") == 0);
}

/* Whoever can reach the port can cause them. */
static bool may_log_refusal(struct hwsi_local *local)
{
    uint64_t untold;
    bool fits = hwsi_quota_take(&local->events.refusals, hwsi_now(local),
                                local->options->dead_letter_log_rate, &untold);
    if (untold)
        hwsi_log(local, HWS_LOG_warning, "refused links and requests: %llu more were not logged",
                 (unsigned long long)untold);
    return fits;
}

/* A detail may be a text with its traceback: each of its lines is one of the log's. */
static void log_lines(const struct hwsi_local *local, enum hws_log_level level, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        hwsi_log(local, level, "%.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void log_event(struct hwsi_local *local, const struct hws_event *event)
{
    enum hws_log_level level = HWS_LOG_info;
    char text[DETAIL_MAX + 1024];
    if (event->type == HWS_EVENT_DeadLetter)
        return; /* logged by letter.c, at a bounded rate */
    if ((event->type == HWS_EVENT_LinkRefused || event->type == HWS_EVENT_ServiceRefused) &&
        !may_log_refusal(local))
        return;
    if (event->type == HWS_EVENT_ActorStarted || event->type == HWS_EVENT_ActorStopped ||
        event->type == HWS_EVENT_Watch)
        level = HWS_LOG_debug;
    if (event->type == HWS_EVENT_ActorFailed || event->type == HWS_EVENT_PolicyError)
        level = HWS_LOG_error;
    if (event->type == HWS_EVENT_EndpointDisconnected ||
        event->type == HWS_EVENT_EndpointTerminated || event->type == HWS_EVENT_Suspect ||
        event->type == HWS_EVENT_Gated || event->type == HWS_EVENT_Quarantined ||
        event->type == HWS_EVENT_Blocked || event->type == HWS_EVENT_LinkRefused ||
        event->type == HWS_EVENT_ServiceRefused || event->type == HWS_EVENT_EventsDropped)
        level = is_orderly(event->reason) ? HWS_LOG_info : HWS_LOG_warning;
    hwsi_event_line(event, text, sizeof text);
    log_lines(local, level, text);
}

void hwsi_publish(struct hwsi_local *local, const struct hws_event *published)
{
    struct hwsi_events *events = &local->events;
    struct hws_event event = *published;
    event.time = hwsi_now(local);
    events->published++;
    if (local->options->logger)
        log_event(local, &event);
    if (!hwsi_events_wanted(local, event.type))
        return;
    struct queued_event *copy = NULL;
    /* Lifecycle events have a reserve beyond the limit, so that a storm of dead letters can't hide them. */
    uint64_t limit =
        local->options->event_queue_size + (event.type == HWS_EVENT_DeadLetter ? 0 : 1024);
    if (events->queued < limit)
        copy = event_copy(local, &event);
    if (!copy) {
        events->dropped++;
        events->dropped_untold++;
        return;
    }
    copy->number = events->published;
    events->queued++;
    hwsi_list_append(&events->queue, &copy->node);
    hwsi_due(local);
}

static void call_subscribers(struct hwsi_local *local, const struct queued_event *event)
{
    struct hwsi_list *head = &local->events.subscriptions;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        struct hws_subscription *subscription = HWSI_ENTRY(node, struct hws_subscription, node);
        if (!subscription->dead && subscription->since < event->number &&
            subscription->mask >> event->event.type & 1)
            subscription->fn(subscription->data, &event->event);
    }
}

static void subscription_free(struct hws_subscription *subscription)
{
    struct hwsi_heap *heap = subscription->heap;
    hwsi_list_remove(&subscription->node);
    hwsi_free(heap, subscription, sizeof *subscription);
    hwsi_heap_release(heap);
}

static void sweep(struct hwsi_local *local)
{
    struct hwsi_list *head = &local->events.subscriptions, *next;
    local->events.wanted = 0;
    local->events.has_dead = false;
    for (struct hwsi_list *node = head->next; node != head; node = next) {
        struct hws_subscription *subscription = HWSI_ENTRY(node, struct hws_subscription, node);
        next = node->next;
        if (subscription->dead)
            subscription_free(subscription);
        else
            local->events.wanted |= subscription->mask;
    }
}

void hwsi_events_dispatch(struct hwsi_local *local, uint64_t most)
{
    struct hwsi_events *events = &local->events;
    struct hwsi_list *node;
    if (events->dispatching)
        return;
    events->dispatching = true;
    while (most-- && (node = hwsi_list_first(&events->queue))) {
        struct queued_event *event = HWSI_ENTRY(node, struct queued_event, node);
        hwsi_list_remove(node);
        events->queued--;
        call_subscribers(local, event);
        event_free(local, event);
    }
    events->dispatching = false;
    if (events->has_dead)
        sweep(local);
    if (events->dropped_untold && events->queued == 0) {
        uint64_t count = events->dropped_untold;
        events->dropped_untold = 0;
        hwsi_publish(local, &(struct hws_event){ .type = HWS_EVENT_EventsDropped, .count = count });
    }
}

static uint64_t mask_of(const char *pattern)
{
    uint64_t mask = 0;
    for (int i = 0; i < HWS_EVENT_COUNT; i++)
        if (hwsi_glob(pattern, hws_event_name((enum hws_event_type)i)))
            mask |= UINT64_C(1) << i;
    return mask;
}

int hws_subscribe(struct hws_system *system, const char *pattern, hws_event_fn fn, void *data,
                  struct hws_subscription **out, const char **nearest)
{
    struct hwsi_local *local = hwsi_local_of(system);
    uint64_t mask = mask_of(pattern);
    if (mask == 0) {
        const char *names[HWS_EVENT_COUNT];
        for (int i = 0; i < HWS_EVENT_COUNT; i++)
            names[i] = hws_event_name((enum hws_event_type)i);
        if (nearest)
            *nearest = hws_nearest_name(pattern, names, HWS_EVENT_COUNT);
        return HWS_ENOTFOUND;
    }
    struct hws_subscription *subscription = hwsi_alloc(local->heap, sizeof *subscription);
    if (!subscription)
        return HWS_ENOMEM;
    *subscription = (struct hws_subscription){ .heap = hwsi_heap_retain(local->heap),
                                               .local = local,
                                               .mask = mask,
                                               .since = local->events.published,
                                               .fn = fn,
                                               .data = data };
    hwsi_list_append(&local->events.subscriptions, &subscription->node);
    local->events.wanted |= mask;
    *out = subscription;
    return 0;
}

void hws_unsubscribe(struct hws_subscription *subscription)
{
    if (!subscription || subscription->dead)
        return;
    struct hwsi_local *local = subscription->local;
    if (!local) {
        subscription_free(subscription);
        return;
    }
    subscription->dead = true;
    local->events.has_dead = true;
    if (!local->events.dispatching)
        sweep(local);
}

void hwsi_events_free(struct hwsi_local *local)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&local->events.queue))) {
        hwsi_list_remove(node);
        event_free(local, HWSI_ENTRY(node, struct queued_event, node));
    }
    sweep(local);
    while ((node = hwsi_list_first(&local->events.subscriptions))) {
        hwsi_list_remove(node);
        HWSI_ENTRY(node, struct hws_subscription, node)->local = NULL;
    }
}
