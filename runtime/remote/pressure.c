/* SPDX-License-Identifier: MIT */
#include "remote/pressure.h"

#include <string.h>

#include "base/text.h"
#include "remote/manager.h"

/* fresh: waits for the next turn to hear of the levels that are not normal; being_told: this is that turn */
enum knowledge { KNOWS, FRESH, BEING_TOLD };

struct hws_backpressure_listener {
    struct hwsi_list node; /* alone when the system is gone */
    struct hwsi_heap *heap;
    struct hwsi_pressure *pressure; /* NULL: the system is gone */
    hws_backpressure_fn fn;
    void *data;
    enum knowledge knowledge;
    bool dead; /* unregistered while listeners were called */
    char pattern[HWS_ADDRESS_MAX + 1];
};

void hwsi_pressure_init(struct hwsi_pressure *pressure)
{
    hwsi_list_init(&pressure->listeners);
    hwsi_list_init(&pressure->changed);
    pressure->telling = false;
}

static void listener_free(struct hws_backpressure_listener *listener)
{
    struct hwsi_heap *heap = listener->heap;
    hwsi_list_remove(&listener->node);
    hwsi_free(heap, listener, sizeof *listener);
    hwsi_heap_release(heap);
}

void hwsi_pressure_free(struct hwsi_pressure *pressure)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&pressure->listeners))) {
        hwsi_list_remove(node);
        HWSI_ENTRY(node, struct hws_backpressure_listener, node)->pressure = NULL;
    }
}

static void mark(struct hwsi_pressure *pressure, struct hwsi_endpoint *endpoint)
{
    if (!hwsi_list_empty(&endpoint->pressed))
        return;
    hwsi_list_append(&pressure->changed, &endpoint->pressed);
    hwsi_due(endpoint->manager->local);
}

void hwsi_pressure_changed(struct hwsi_endpoint *endpoint)
{
    struct hwsi_pressure *pressure = &endpoint->manager->pressure;
    if (hwsi_list_empty(&pressure->listeners))
        endpoint->told_level = endpoint->level;
    else
        mark(pressure, endpoint);
}

void hwsi_pressure_read(const struct hwsi_endpoint *endpoint, struct hws_backpressure *out)
{
    const struct hws_options *options = endpoint->manager->local->options;
    const struct hwsi_ring *ring =
        endpoint->association ? &endpoint->association->lanes[HWSI_LANE_USER] : NULL;
    out->address = endpoint->address->text;
    out->level = hwsi_endpoint_level_name(endpoint, endpoint->level);
    out->index = endpoint->level;
    out->queue_size = ring ? hwsi_ring_count(ring) : 0;
    out->queue_bytes = ring ? ring->bytes : 0;
    out->queue_capacity = options->endpoint_writer_queue_size;
    out->queue_bytes_capacity = options->endpoint_writer_queue_bytes;
}

static bool wants(const struct hws_backpressure_listener *listener,
                  const struct hws_backpressure *now, bool changed)
{
    bool news = listener->knowledge == BEING_TOLD ? now->index > 0 : changed;
    return news && !listener->dead && listener->knowledge != FRESH &&
           hwsi_glob(listener->pattern, now->address);
}

static void tell(struct hwsi_pressure *pressure, struct hwsi_endpoint *endpoint)
{
    struct hwsi_address *address = endpoint->address;
    bool changed = endpoint->told_level != endpoint->level;
    struct hws_backpressure now;
    char level[sizeof endpoint->levels->given.level[0].name];
    hwsi_pressure_read(endpoint, &now);
    hwsi_text_copy(level, sizeof level, now.level);
    now.level = level;
    endpoint->told_level = endpoint->level;
    address->refs++;
    for (struct hwsi_list *node = pressure->listeners.next; node != &pressure->listeners;
         node = node->next) {
        struct hws_backpressure_listener *listener =
            HWSI_ENTRY(node, struct hws_backpressure_listener, node);
        if (wants(listener, &now, changed))
            listener->fn(listener->data, &now);
    }
    hwsi_address_release(address);
}

/* Moves the knowledge of all who are at `from` on to `to`, and frees the dead. */
static void sweep(struct hwsi_pressure *pressure, enum knowledge from, enum knowledge to)
{
    struct hwsi_list *next;
    for (struct hwsi_list *node = pressure->listeners.next; node != &pressure->listeners;
         node = next) {
        struct hws_backpressure_listener *listener =
            HWSI_ENTRY(node, struct hws_backpressure_listener, node);
        next = node->next;
        if (listener->knowledge == from)
            listener->knowledge = to;
        if (listener->dead)
            listener_free(listener);
    }
}

void hwsi_pressure_tell(struct hwsi_pressure *pressure)
{
    struct hwsi_list due, *node;
    if (hwsi_list_empty(&pressure->changed))
        return;
    /* What listeners change is for the next turn, or two of them could keep this one for ever. */
    hwsi_list_init(&due);
    hwsi_list_splice(&due, &pressure->changed);
    sweep(pressure, FRESH, BEING_TOLD);
    pressure->telling = true;
    while ((node = hwsi_list_first(&due))) {
        hwsi_list_remove(node);
        tell(pressure, HWSI_ENTRY(node, struct hwsi_endpoint, pressed));
    }
    pressure->telling = false;
    sweep(pressure, BEING_TOLD, KNOWS);
}

int hwsi_pressure_listen(struct hwsi_pressure *pressure, struct hwsi_heap *heap,
                         struct hwsi_list *endpoints, const char *pattern, hws_backpressure_fn fn,
                         void *data, struct hws_backpressure_listener **out)
{
    size_t size = pattern ? strlen(pattern) : 1;
    if (size == 0 || size > HWS_ADDRESS_MAX)
        return HWS_EINVAL;
    struct hws_backpressure_listener *listener = hwsi_alloc(heap, sizeof *listener);
    if (!listener)
        return HWS_ENOMEM;
    listener->heap = hwsi_heap_retain(heap);
    listener->pressure = pressure;
    listener->fn = fn;
    listener->data = data;
    hwsi_text_copy(listener->pattern, sizeof listener->pattern, pattern ? pattern : "*");
    for (struct hwsi_list *node = endpoints->next; node != endpoints; node = node->next) {
        struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, all);
        if (endpoint->level == 0)
            continue;
        listener->knowledge = FRESH;
        mark(pressure, endpoint);
    }
    hwsi_list_append(&pressure->listeners, &listener->node);
    *out = listener;
    return 0;
}

void hws_unregister_backpressure_listener(struct hws_backpressure_listener *listener)
{
    if (!listener || listener->dead)
        return;
    if (listener->pressure && listener->pressure->telling)
        listener->dead = true;
    else
        listener_free(listener);
}
