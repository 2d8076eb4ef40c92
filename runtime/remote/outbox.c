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
    return hws_reason_error(reason);
}

/* At a level that keeps every n-th message, or none. */
static bool keeps(struct hwsi_endpoint *endpoint)
{
    return endpoint->keep && endpoint->offered++ % endpoint->keep == 0;
}

/* With this message, would the ring hold no more than it may, and reach no mark? No bound of it needs to be looked at then. */
static inline bool is_ample(const struct hwsi_endpoint *endpoint, const struct hwsi_ring *ring,
                            const struct hws_message *message)
{
    return hwsi_ring_count(ring) < endpoint->ample.count &&
           ring->bytes + message->payload.size < endpoint->ample.bytes;
}

/* Why the ring does not take the message; none: it does. */
static enum hws_dead_letter_reason check(struct hwsi_endpoint *endpoint,
                                         const struct hwsi_ring *ring, const struct hws_pid *target,
                                         const struct hws_message *message)
{
    const struct hws_options *options = endpoint->manager->local->options;
    /* An answer ends work that was taken: who asked would wait for ever. */
    if (endpoint->keep != 1 && target && !keeps(endpoint))
        return HWS_REASON_throttled;
    bool full =
        hwsi_ring_count(ring) >= options->endpoint_writer_queue_size ||
        ring->bytes + hwsi_association_room(target, message) > options->endpoint_writer_queue_bytes;
    return full ? HWS_REASON_queue_full : HWS_REASON_none;
}

static int append(struct hwsi_endpoint *endpoint, struct hws_pid *target,
                  const struct hws_message *message)
{
    struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    bool ample = is_ample(endpoint, ring, message);
    enum hws_dead_letter_reason reason =
        ample ? HWS_REASON_none : check(endpoint, ring, target, message);
    if (reason != HWS_REASON_none)
        return refuse_letter(endpoint, target, message, reason);
    const struct hwsi_chunk *tail = ring->tail;
    int error = hwsi_association_append(endpoint->association, target, message);
    if (error)
        return refuse_letter(endpoint, target, message,
                             error == HWS_ETOOLARGE ? HWS_REASON_too_large : HWS_REASON_queue_full);
    if (message->request_id && target)
        hwsi_request_sent(endpoint->manager->local, message,
                          hwsi_correlation(endpoint->association->seed, ring->appended));
    if (!ample)
        hwsi_endpoint_level_up(endpoint);
    if (tail && ring->tail != tail) /* a chunk is full */
        endpoint->manager->local->flush_soon = true;
    hwsi_endpoint_touch(endpoint);
    return 0;
}

/* Why its state takes no message; none: it does, now at the latest. */
static enum hws_dead_letter_reason open_for(struct hwsi_endpoint *endpoint)
{
    const struct hwsi_manager *manager = endpoint->manager;
    switch (endpoint->state) {
    case HWS_ENDPOINT_connected:
    case HWS_ENDPOINT_suspended:
    case HWS_ENDPOINT_associating: return HWS_REASON_none;
    case HWS_ENDPOINT_reconnecting:
        return endpoint->connected_before && !endpoint->queue_while_away ? HWS_REASON_disconnected
                                                                         : HWS_REASON_none;
    case HWS_ENDPOINT_gated: return endpoint->gate;
    case HWS_ENDPOINT_quarantined: return HWS_REASON_quarantined;
    default: break;
    }
    if (manager->stopping)
        return HWS_REASON_stopped;
    return manager->local->options->auto_start && hwsi_endpoint_associate(endpoint) == 0
               ? HWS_REASON_none
               : HWS_REASON_disconnected;
}

int hwsi_endpoint_deliver(struct hwsi_endpoint *endpoint, struct hws_pid *target,
                          const struct hws_message *message)
{
    enum hws_dead_letter_reason reason =
        endpoint->state == HWS_ENDPOINT_connected ? HWS_REASON_none : open_for(endpoint);
    return reason == HWS_REASON_none ? append(endpoint, target, message)
                                     : refuse_letter(endpoint, target, message, reason);
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
