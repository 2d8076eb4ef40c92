/* SPDX-License-Identifier: MIT */
/* hawser/remote.h: reading and steering endpoints. */
#include <string.h>

#include "base/text.h"
#include "system_private.h"

const char *hws_endpoint_state_name(enum hws_endpoint_state state)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_ENDPOINT_STATES(X)
#undef X
    };
    return state < HWS_ENDPOINT_STATE_COUNT ? names[state] : "unknown";
}

void hwsi_endpoint_statistics(const struct hwsi_endpoint *endpoint,
                              struct hws_endpoint_statistics *out)
{
    const struct hwsi_association *association = endpoint->association;
    const struct hwsi_ring *ring = association ? &association->lanes[HWSI_LANE_USER] : NULL;
    *out = (struct hws_endpoint_statistics){
        .state = endpoint->state,
        .uid = endpoint->uid,
        .incarnation = endpoint->incarnation,
        .since = endpoint->since,
        .next = endpoint->next,
        .rtt = endpoint->rtt,
        .queue_capacity = endpoint->manager->local->options->endpoint_writer_queue_size,
        .queue_size = ring ? hwsi_ring_count(ring) : endpoint->last_size,
        .queue_bytes = ring ? ring->bytes : endpoint->last_bytes,
        .deliver_success = endpoint->deliver_success,
        .deliver_failure = endpoint->deliver_failure,
        .received = endpoint->received,
        .received_bytes = endpoint->received_bytes,
        .sent_bytes = endpoint->sent_bytes,
        .duplicates = endpoint->duplicates,
        .resent = endpoint->resent,
        .connects = endpoint->connects,
        .reconnect_attempts = endpoint->attempt,
        .undecodable = endpoint->undecodable,
    };
    memcpy(out->dead_letters, endpoint->letters, sizeof out->dead_letters);
    hwsi_text_copy(out->address, sizeof out->address, endpoint->address->text);
    hwsi_text_copy(out->name, sizeof out->name, endpoint->name);
    hwsi_text_copy(
        out->level, sizeof out->level,
        hwsi_endpoint_level_name(endpoint, association ? endpoint->level : endpoint->last_level));
    hwsi_text_copy(out->reason, sizeof out->reason, endpoint->reason ? endpoint->reason : "");
}

/* One reference of *address for the caller on success. */
static int find(struct hws_system *system, const char *text, struct hwsi_address **address)
{
    int error = hwsi_address_intern(system->local.names, hws_slice_text(text), address);
    if (!error && !(*address)->endpoint) {
        hwsi_address_release(*address);
        error = HWS_ENOTFOUND;
    }
    return error;
}

int hws_statistics(struct hws_system *system, const char *text, struct hws_endpoint_statistics *out)
{
    struct hwsi_address *address;
    int error = find(system, text, &address);
    if (error)
        return error;
    hwsi_endpoint_statistics(address->endpoint, out);
    hwsi_address_release(address);
    return 0;
}

void hws_statistics_snapshot(struct hws_system *system,
                             void (*fn)(void *data,
                                        const struct hws_endpoint_statistics *statistics),
                             void *data)
{
    struct hwsi_list *head = &system->manager.endpoints;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        struct hws_endpoint_statistics statistics;
        hwsi_endpoint_statistics(HWSI_ENTRY(node, struct hwsi_endpoint, all), &statistics);
        fn(data, &statistics);
    }
}

void hws_system_statistics(struct hws_system *system, struct hws_system_statistics *out)
{
    const struct hwsi_local *local = &system->local;
    *out = (struct hws_system_statistics){ .actors = local->actor_count,
                                           .endpoints = system->manager.endpoint_count,
                                           .delivered = local->delivered,
                                           .dead_letters = local->letters.total,
                                           .events_published = local->events.published,
                                           .events_dropped = local->events.dropped,
                                           .requests_pending = local->requests.count,
                                           .memory = system->heap->held };
    memcpy(out->dead_letters_by_reason, local->letters.by_reason,
           sizeof out->dead_letters_by_reason);
}

int hws_check_address(struct hws_system *system, const char *text, char *message, size_t capacity)
{
    return hwsi_manager_check(&system->manager, text, message, capacity);
}

int hws_associate(struct hws_system *system, const char *text)
{
    struct hwsi_address *address;
    struct hwsi_endpoint *endpoint;
    int error = hws_check_address(system, text, NULL, 0);
    error =
        error ? error : hwsi_address_intern(system->local.names, hws_slice_text(text), &address);
    if (error)
        return error;
    error = hwsi_manager_endpoint(&system->manager, address, &endpoint);
    hwsi_address_release(address);
    return error ? error : hwsi_endpoint_associate(endpoint);
}

int hws_close_endpoint(struct hws_system *system, const char *text, const char *reason)
{
    struct hwsi_address *address;
    int error = find(system, text, &address);
    if (error)
        return error;
    hwsi_endpoint_close(address->endpoint, "closed", reason ? reason : "closed by call",
                        HWS_REASON_disconnected);
    hwsi_address_release(address);
    return 0;
}

int hws_quarantine(struct hws_system *system, const char *text, const char *reason,
                   uint64_t duration)
{
    struct hwsi_address *address;
    int error = find(system, text, &address);
    if (error)
        return error;
    error = hwsi_endpoint_quarantine(address->endpoint, reason ? reason : "quarantined by call",
                                     duration);
    hwsi_address_release(address);
    return error;
}

int hws_release(struct hws_system *system, const char *text)
{
    struct hwsi_address *address;
    int error = find(system, text, &address);
    if (error)
        return error;
    struct hwsi_endpoint *endpoint = address->endpoint;
    bool any = hwsi_endpoint_forget_replaced(endpoint);
    if (endpoint->state == HWS_ENDPOINT_quarantined)
        hwsi_endpoint_release(endpoint, "operator");
    else if (!any)
        error = HWS_ENOTFOUND;
    hwsi_address_release(address);
    return error;
}

int hws_block_system(struct hws_system *system, const char *name)
{
    return hwsi_manager_block(&system->manager, name);
}

int hws_unblock_system(struct hws_system *system, const char *name)
{
    return hwsi_manager_unblock(&system->manager, name);
}

void hws_each_blocked_system(struct hws_system *system, void (*fn)(void *data, const char *name),
                             void *data)
{
    hwsi_manager_each_blocked(&system->manager, fn, data);
}

int hws_cut_link(struct hws_system *system, const char *text)
{
    struct hwsi_address *address;
    int error = find(system, text, &address);
    if (error)
        return error;
    struct hwsi_endpoint *endpoint = address->endpoint;
    if (endpoint->connection) {
        hwsi_connection_close(endpoint->connection, HWSI_FRAME_BYE, 0, "");
        hwsi_endpoint_link_lost(endpoint, "reset", "the link was cut by call");
    } else {
        error = HWS_EDISCONNECTED;
    }
    hwsi_address_release(address);
    return error;
}
