/* SPDX-License-Identifier: MIT */
/* What an endpoint is given to send: the state decides whether it goes into the ring, waits, or is a dead letter at once. */
#include "remote/manager.h"

static int refuse_letter(struct hwsi_endpoint *endpoint, struct hws_pid *target,
                         const struct hws_message *message, enum hws_dead_letter_reason reason)
{
    struct hws_message letter = *message;
    if (!target)
        letter.request_id = 0;
    hwsi_letter(endpoint->manager->local, target ? target : endpoint->root, &letter, reason);
    return hwsi_reason_error(reason);
}

/* At a level that keeps every n-th message, or none. */
static bool keeps(struct hwsi_endpoint *endpoint)
{
    return endpoint->keep && endpoint->offered++ % endpoint->keep == 0;
}

/* Would the ring hold more than it may? The frame's bound is asked for only where that may be. */
static bool over(const struct hwsi_ring *ring, const struct hws_pid *target,
                 const struct hws_message *message, uint64_t limit)
{
    return ring->bytes + message->payload.size + HWSI_DELIVER_MOST > limit &&
           ring->bytes + hwsi_association_room(target, message) > limit;
}

static int append(struct hwsi_endpoint *endpoint, struct hws_pid *target,
                  const struct hws_message *message)
{
    const struct hws_options *options = endpoint->manager->local->options;
    struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    /* An answer ends work that was taken: who asked would wait for ever. */
    if (endpoint->keep != 1 && target && !keeps(endpoint))
        return refuse_letter(endpoint, target, message, HWS_REASON_throttled);
    if (hwsi_ring_count(ring) >= options->endpoint_writer_queue_size ||
        over(ring, target, message, options->endpoint_writer_queue_bytes))
        return refuse_letter(endpoint, target, message, HWS_REASON_queue_full);
    const struct hwsi_chunk *tail = ring->tail;
    int error = hwsi_association_append(endpoint->association, target, message);
    if (!error && message->request_id && target)
        hwsi_request_sent(endpoint->manager->local, message,
                          hwsi_correlation(endpoint->association->seed, ring->appended));
    if (error)
        return refuse_letter(endpoint, target, message,
                             error == HWS_ETOOLARGE ? HWS_REASON_too_large : HWS_REASON_queue_full);
    if (hwsi_ring_count(ring) >= endpoint->up.count || ring->bytes >= endpoint->up.bytes)
        hwsi_endpoint_level_up(endpoint);
    if (tail && ring->tail != tail) /* a chunk is full */
        endpoint->manager->local->flush_soon = true;
    hwsi_endpoint_touch(endpoint);
    return 0;
}

int hwsi_endpoint_deliver(struct hwsi_endpoint *endpoint, struct hws_pid *target,
                          const struct hws_message *message)
{
    struct hwsi_manager *manager = endpoint->manager;
    switch (endpoint->state) {
    case HWS_ENDPOINT_connected:
    case HWS_ENDPOINT_suspended:
    case HWS_ENDPOINT_associating: break;
    case HWS_ENDPOINT_reconnecting:
        if (endpoint->connected_before && !endpoint->queue_while_away)
            return refuse_letter(endpoint, target, message, HWS_REASON_disconnected);
        break;
    case HWS_ENDPOINT_gated: return refuse_letter(endpoint, target, message, endpoint->gate);
    case HWS_ENDPOINT_quarantined:
        return refuse_letter(endpoint, target, message, HWS_REASON_quarantined);
    default:
        if (manager->stopping)
            return refuse_letter(endpoint, target, message, HWS_REASON_stopped);
        if (!manager->local->options->auto_start || hwsi_endpoint_associate(endpoint))
            return refuse_letter(endpoint, target, message, HWS_REASON_disconnected);
    }
    return append(endpoint, target, message);
}

int hwsi_endpoint_notify(struct hwsi_endpoint *endpoint, const struct hwsi_system_message *message,
                         uint64_t *sequence)
{
    const struct hws_options *options = endpoint->manager->local->options;
    bool answers = message->code == HWSI_SYSTEM_TERMINATED ||
                   message->code == HWSI_SYSTEM_DEAD_LETTER || message->code == HWSI_SYSTEM_UNWATCH;
    if (!endpoint->association) {
        if (answers) /* nobody is there to hear it, and it is no reason to dial */
            return 0;
        if (endpoint->state == HWS_ENDPOINT_quarantined)
            return HWS_EDISCONNECTED;
        int error = options->auto_start ? hwsi_endpoint_associate(endpoint) : HWS_EDISCONNECTED;
        if (error)
            return error;
    }
    struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_SYSTEM];
    int error = 0;
    /* A flood of dead letters leaves room for the watches. */
    uint64_t share = message->code == HWSI_SYSTEM_DEAD_LETTER ? 2 : 1;
    if (hwsi_ring_count(ring) >= options->endpoint_writer_queue_size / share ||
        ring->bytes >= options->endpoint_writer_queue_bytes / share)
        error = HWS_EFULL;
    if (!error)
        error = hwsi_association_notify(endpoint->association, message);
    if (error && message->code == HWSI_SYSTEM_TERMINATED) {
        /* A watcher that is not told would wait for ever: end the association, which tells it too. */
        hwsi_endpoint_close(endpoint, HWS_LINK_queue_full, "a Terminated could not be queued",
                            HWS_REASON_disconnected);
        return error;
    }
    if (!error && sequence)
        *sequence = ring->appended;
    if (!error)
        hwsi_endpoint_touch(endpoint);
    return error;
}
