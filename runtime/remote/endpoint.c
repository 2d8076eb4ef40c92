/* SPDX-License-Identifier: MIT */
/* The endpoint's state machine: one function a transition, each publishes its event. */
#include "remote/endpoint.h"

#include <string.h>

#include "base/text.h"
#include "remote/manager.h"

static void set_state(struct hwsi_endpoint *endpoint, enum hws_endpoint_state state, const char *why)
{
    struct hwsi_local *local = endpoint->manager->local;
    endpoint->state = state;
    endpoint->since = hwsi_now(local);
    endpoint->next = HWS_NEVER;
    hwsi_free_text(local->heap, endpoint->reason);
    endpoint->reason = why && *why ? hwsi_copy_text(local->heap, why) : NULL; /* without memory: no reason to show */
}

void hwsi_endpoint_touch(struct hwsi_endpoint *endpoint)
{
    if (hwsi_list_empty(&endpoint->dirty))
        hwsi_list_append(&endpoint->manager->dirty, &endpoint->dirty);
}

/* --- idle or closed -> associating: a new life --- */

static struct hwsi_association *fresh_association(struct hwsi_endpoint *endpoint)
{
    struct hwsi_random *random = endpoint->manager->random;
    return hwsi_association_new(endpoint->manager->local, endpoint->address, hwsi_random_id(random), hwsi_random_u64(random));
}

static int begin_life(struct hwsi_endpoint *endpoint)
{
    if (endpoint->association)
        return 0;
    endpoint->association = fresh_association(endpoint);
    if (!endpoint->association)
        return HWS_ENOMEM;
    if (!hwsi_list_empty(&endpoint->tomb)) {
        hwsi_list_remove(&endpoint->tomb);
        endpoint->manager->tomb_count--;
    }
    hwsi_manager_bury(endpoint->manager, NULL); /* the next tomb's time; this one, due or not, lives again */
    endpoint->incarnation++;
    endpoint->attempt = endpoint->delay = 0;
    endpoint->connected_before = endpoint->queue_while_away = false;
    endpoint->lost_at = hwsi_now(endpoint->manager->local);
    endpoint->level = 0;
    hwsi_endpoint_levels(endpoint);
    return 0;
}

static void dial(struct hwsi_endpoint *endpoint)
{
    struct hwsi_manager *manager = endpoint->manager;
    const char *rest;
    char detail[512] = "";
    if (hwsi_is_client_address(endpoint->address->text)) {
        hwsi_endpoint_dial_failed(endpoint, "unreachable", "a client can not be dialled; it has to come back by itself");
        return;
    }
    hwsi_publish(manager->local, &(struct hws_event){.type = HWS_EVENT_AssociationAttempt,
                                                     .address = endpoint->address->text,
                                                     .incarnation = endpoint->incarnation,
                                                     .attempt = endpoint->attempt});
    struct hws_transport *transport = hwsi_manager_transport(manager, endpoint->address->text, &rest);
    if (!transport) {
        hwsi_say(detail, sizeof detail, "%s can not be dialled: no transport speaks this address; expected host:port or unix:/path",
                 endpoint->address->text);
        hwsi_endpoint_dial_failed(endpoint, "unreachable", detail);
        return;
    }
    struct hwsi_connection *connection = hwsi_connection_new(manager, endpoint, true);
    int error = connection ? 0 : HWS_ENOMEM;
    struct hws_link *link = NULL;
    if (!error)
        error = transport->ops->dial(transport, rest, &connection->handler, &link, detail, sizeof detail);
    if (error && connection)
        hwsi_connection_free(connection);
    if (error) {
        hwsi_endpoint_dial_failed(endpoint, hwsi_error_word(error), detail[0] ? detail : hws_strerror(error));
        return;
    }
    connection->link = link;
    endpoint->dialing = connection;
}

int hwsi_endpoint_associate(struct hwsi_endpoint *endpoint)
{
    if (endpoint->manager->stopping)
        return HWS_ECLOSED;
    if (endpoint->state != HWS_ENDPOINT_idle && endpoint->state != HWS_ENDPOINT_closed)
        return 0;
    int error = begin_life(endpoint);
    if (error)
        return error;
    set_state(endpoint, HWS_ENDPOINT_associating, NULL);
    /* Not from inside the caller's call: a dial that fails at once would turn its message into a dead letter early. */
    endpoint->next = endpoint->since;
    hwsi_timer_start(&endpoint->retry, endpoint->since);
    return 0;
}

static void retry_due(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, retry);
    endpoint->next = HWS_NEVER;
    if (!endpoint->connection && !endpoint->dialing && !endpoint->manager->stopping)
        dial(endpoint);
}

/* --- a try failed, or the link was lost: ask the policy --- */

static void put_off(struct hwsi_endpoint *endpoint, uint64_t delay, const char *reason, const char *detail)
{
    struct hwsi_local *local = endpoint->manager->local;
    set_state(endpoint, HWS_ENDPOINT_reconnecting, detail);
    endpoint->delay = delay;
    endpoint->next = hwsi_later(local, delay);
    hwsi_timer_start(&endpoint->retry, endpoint->next);
    hwsi_publish(local, &(struct hws_event){.type = HWS_EVENT_EndpointReconnect,
                                            .address = endpoint->address->text,
                                            .incarnation = endpoint->incarnation,
                                            .attempt = endpoint->attempt,
                                            .delay = delay,
                                            .reason = reason,
                                            .detail = detail});
}

static void plan_retry(struct hwsi_endpoint *endpoint, const char *reason, const char *detail)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hws_backoff_answer answer;
    struct hws_policy_error error;
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    endpoint->attempt++;
    struct hws_policy_question question = {.address = endpoint->address->text,
                                           .name = endpoint->name,
                                           .attempt = endpoint->attempt,
                                           .elapsed = hwsi_now(manager->local) - endpoint->lost_at,
                                           .delay = endpoint->delay,
                                           .reason = reason,
                                           .queue_size = hwsi_ring_count(ring),
                                           .queue_bytes = ring->bytes,
                                           .connected_before = endpoint->connected_before};
    hwsi_policy_backoff(manager->policy, &question, &answer, &error);
    if (error.text[0])
        hwsi_manager_policy_failed(manager, endpoint->address->text, &error);
    if (!answer.give_up) {
        put_off(endpoint, answer.delay, reason, detail);
        return;
    }
    char why[512];
    hwsi_say(why, sizeof why, "gave up: %s; last: %s", answer.reason[0] ? answer.reason : "the policy said so", detail);
    hwsi_endpoint_close(endpoint, reason, why, HWS_REASON_disconnected);
}

void hwsi_endpoint_dial_failed(struct hwsi_endpoint *endpoint, const char *reason, const char *detail)
{
    if (endpoint->state == HWS_ENDPOINT_closed || endpoint->connection)
        return; /* a peer's dial came through meanwhile */
    plan_retry(endpoint, reason, detail);
}

void hwsi_endpoint_await_peer(struct hwsi_endpoint *endpoint)
{
    struct hwsi_local *local = endpoint->manager->local;
    if (endpoint->state == HWS_ENDPOINT_closed || endpoint->connection)
        return;
    endpoint->next = hwsi_later(local, local->options->handshake_timeout); /* its link is up or given up by then */
    hwsi_timer_start(&endpoint->retry, endpoint->next);
}

void hwsi_endpoint_link_lost(struct hwsi_endpoint *endpoint, const char *reason, const char *detail)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hws_policy_error error;
    hwsi_timer_stop(&endpoint->stable);
    hwsi_timer_stop(&endpoint->acknowledge);
    hwsi_heartbeat_stop(endpoint);
    hwsi_publish(manager->local, &(struct hws_event){.type = HWS_EVENT_EndpointDisconnected,
                                                     .address = endpoint->address->text,
                                                     .uid = endpoint->uid,
                                                     .incarnation = endpoint->incarnation,
                                                     .reason = reason,
                                                     .detail = detail});
    endpoint->lost_at = hwsi_now(manager->local);
    endpoint->delay = 0;
    if (manager->stopping) {
        hwsi_endpoint_close(endpoint, reason, detail, HWS_REASON_stopped);
        return;
    }
    endpoint->queue_while_away =
        hwsi_policy_disconnected(manager->policy, endpoint->address->text, &error) == HWS_DISCONNECTED_QUEUE;
    if (error.text[0])
        hwsi_manager_policy_failed(manager, endpoint->address->text, &error);
    plan_retry(endpoint, reason, detail);
}

/* --- -> connected --- */

static void stable_now(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, stable);
    endpoint->attempt = 0;
    endpoint->delay = 0;
}

void hwsi_endpoint_connected(struct hwsi_endpoint *endpoint, struct hwsi_connection *connection, const struct hwsi_hello *hello,
                             bool resumed)
{
    struct hwsi_local *local = endpoint->manager->local;
    bool again = endpoint->connected_before || endpoint->attempt;
    endpoint->dialing = NULL;
    endpoint->connection = connection;
    endpoint->connected_before = true;
    endpoint->connects++;
    endpoint->uid = hello->uid;
    hwsi_text_printable(endpoint->name, sizeof endpoint->name, hello->name);
    hwsi_timer_stop(&endpoint->retry);
    set_state(endpoint, HWS_ENDPOINT_connected, NULL);
    hwsi_timer_start(&endpoint->stable, endpoint->since + local->options->reconnect_stable_after);
    hwsi_heartbeat_start(endpoint);
    hwsi_publish(local, &(struct hws_event){.type = HWS_EVENT_EndpointConnected,
                                            .address = endpoint->address->text,
                                            .name = endpoint->name,
                                            .uid = endpoint->uid,
                                            .incarnation = endpoint->incarnation,
                                            .resumed = resumed});
    if (again) {
        hwsi_publish(local, &(struct hws_event){.type = HWS_EVENT_EndpointReconnect,
                                                .address = endpoint->address->text,
                                                .incarnation = endpoint->incarnation,
                                                .attempt = endpoint->attempt,
                                                .success = true});
        hwsi_endpoint_level_reset(endpoint);
    }
    hwsi_endpoint_touch(endpoint);
}

/* --- connected <-> suspended --- */

static void publish_suspicion(struct hwsi_endpoint *endpoint, enum hws_event_type type, const char *detail)
{
    hwsi_publish(endpoint->manager->local, &(struct hws_event){.type = type,
                                                               .address = endpoint->address->text,
                                                               .uid = endpoint->uid,
                                                               .incarnation = endpoint->incarnation,
                                                               .detail = detail});
}

void hwsi_endpoint_suspended(struct hwsi_endpoint *endpoint, const char *detail)
{
    set_state(endpoint, HWS_ENDPOINT_suspended, detail);
    publish_suspicion(endpoint, HWS_EVENT_Suspect, detail);
    publish_suspicion(endpoint, HWS_EVENT_EndpointSuspended, detail);
}

void hwsi_endpoint_reachable(struct hwsi_endpoint *endpoint)
{
    set_state(endpoint, HWS_ENDPOINT_connected, NULL);
    publish_suspicion(endpoint, HWS_EVENT_Reachable, NULL);
}

/* --- any -> closed --- */

static uint64_t give_up_association(struct hwsi_endpoint *endpoint, enum hws_dead_letter_reason unwritten)
{
    struct hwsi_association *association = endpoint->association;
    if (!association)
        return 0;
    uint64_t count = hwsi_ring_count(&association->lanes[HWSI_LANE_USER]);
    endpoint->last_size = count;
    endpoint->last_bytes = association->lanes[HWSI_LANE_USER].bytes;
    endpoint->association = NULL;
    association->unwritten = unwritten;
    association->was_written = association->lanes[HWSI_LANE_USER].most_written;
    association->requests_until = endpoint->manager->local->requests.last_order;
    hwsi_list_append(&endpoint->manager->remains, &association->node);
    return count;
}

void hwsi_endpoint_close(struct hwsi_endpoint *endpoint, const char *reason, const char *detail,
                         enum hws_dead_letter_reason unwritten)
{
    struct hwsi_manager *manager = endpoint->manager;
    if (endpoint->state == HWS_ENDPOINT_closed || endpoint->state == HWS_ENDPOINT_idle)
        return;
    if (endpoint->dialing)
        hwsi_connection_close(endpoint->dialing, HWSI_FRAME_BYE, 0, "");
    if (endpoint->connection)
        hwsi_connection_close(endpoint->connection, HWSI_FRAME_BYE, manager->stopping ? HWSI_REFUSED_shutdown : HWSI_REFUSED_closed,
                              detail);
    hwsi_timer_stop(&endpoint->retry);
    hwsi_timer_stop(&endpoint->stable);
    hwsi_timer_stop(&endpoint->acknowledge);
    hwsi_heartbeat_stop(endpoint);
    uint64_t count = give_up_association(endpoint, unwritten);
    set_state(endpoint, HWS_ENDPOINT_closed, detail);
    hwsi_publish(manager->local, &(struct hws_event){.type = HWS_EVENT_EndpointTerminated,
                                                     .address = endpoint->address->text,
                                                     .uid = endpoint->uid,
                                                     .incarnation = endpoint->incarnation,
                                                     .reason = reason,
                                                     .detail = detail,
                                                     .count = count});
    hwsi_watcher_peer_gone(endpoint, HWS_TERMINATED_address_terminated, UINT64_MAX);
    hwsi_manager_bury(manager, endpoint);
}

/* --- messages --- */

static int refuse_letter(struct hwsi_endpoint *endpoint, struct hws_pid *target, const struct hws_message *message,
                         enum hws_dead_letter_reason reason)
{
    struct hws_message letter = *message;
    if (!target)
        letter.request_id = 0;
    hwsi_letter(endpoint->manager->local, target ? target : endpoint->root, &letter, reason);
    return hwsi_reason_error(reason);
}

static int append(struct hwsi_endpoint *endpoint, struct hws_pid *target, const struct hws_message *message)
{
    const struct hws_options *options = endpoint->manager->local->options;
    struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    if (hwsi_ring_count(ring) >= options->endpoint_writer_queue_size ||
        ring->bytes + message->payload.size > options->endpoint_writer_queue_bytes)
        return refuse_letter(endpoint, target, message, HWS_REASON_queue_full);
    const struct hwsi_chunk *tail = ring->tail;
    int error = hwsi_association_append(endpoint->association, target, message);
    if (!error && message->request_id && target)
        hwsi_request_sent(endpoint->manager->local, message, hwsi_correlation(endpoint->association->seed, ring->appended));
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

int hwsi_endpoint_deliver(struct hwsi_endpoint *endpoint, struct hws_pid *target, const struct hws_message *message)
{
    struct hwsi_manager *manager = endpoint->manager;
    switch (endpoint->state) {
    case HWS_ENDPOINT_connected:
    case HWS_ENDPOINT_suspended:
    case HWS_ENDPOINT_associating:
        break;
    case HWS_ENDPOINT_reconnecting:
        if (endpoint->connected_before && !endpoint->queue_while_away)
            return refuse_letter(endpoint, target, message, HWS_REASON_disconnected);
        break;
    default:
        if (manager->stopping)
            return refuse_letter(endpoint, target, message, HWS_REASON_stopped);
        if (!manager->local->options->auto_start || hwsi_endpoint_associate(endpoint))
            return refuse_letter(endpoint, target, message, HWS_REASON_disconnected);
    }
    return append(endpoint, target, message);
}

int hwsi_endpoint_notify(struct hwsi_endpoint *endpoint, const struct hwsi_system_message *message, uint64_t *sequence)
{
    const struct hws_options *options = endpoint->manager->local->options;
    bool answers = message->code == HWSI_SYSTEM_TERMINATED || message->code == HWSI_SYSTEM_DEAD_LETTER ||
                   message->code == HWSI_SYSTEM_UNWATCH;
    if (!endpoint->association) {
        if (answers) /* nobody is there to hear it, and it is no reason to dial */
            return 0;
        int error = options->auto_start ? hwsi_endpoint_associate(endpoint) : HWS_EDISCONNECTED;
        if (error)
            return error;
    }
    struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_SYSTEM];
    int error = 0;
    if (hwsi_ring_count(ring) >= options->endpoint_writer_queue_size || ring->bytes >= options->endpoint_writer_queue_bytes)
        error = HWS_EFULL;
    if (!error)
        error = hwsi_association_notify(endpoint->association, message);
    if (error && message->code == HWSI_SYSTEM_TERMINATED) {
        /* A watcher that is not told would wait for ever: end the association, which tells it too. */
        hwsi_endpoint_close(endpoint, "queue_full", "a Terminated could not be queued", HWS_REASON_disconnected);
        return error;
    }
    if (!error && sequence)
        *sequence = ring->appended;
    if (!error)
        hwsi_endpoint_touch(endpoint);
    return error;
}

void hwsi_endpoint_acknowledged(struct hwsi_endpoint *endpoint, uint64_t count)
{
    endpoint->deliver_success += count;
    if (endpoint->level)
        hwsi_endpoint_level_down(endpoint);
}

/* --- making and ending --- */

static void acknowledge_due(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, acknowledge);
    if (endpoint->connection)
        hwsi_writer_acknowledge(endpoint->connection);
}

int hwsi_endpoint_new(struct hwsi_manager *manager, struct hwsi_address *address, struct hwsi_endpoint **out)
{
    struct hwsi_local *local = manager->local;
    struct hwsi_endpoint *endpoint = hwsi_alloc(local->heap, sizeof *endpoint);
    if (!endpoint)
        return HWS_ENOMEM;
    endpoint->manager = manager;
    endpoint->next = HWS_NEVER;
    hwsi_list_init(&endpoint->all);
    hwsi_list_init(&endpoint->dirty);
    hwsi_list_init(&endpoint->tomb);
    hwsi_list_init(&endpoint->waiting);
    int error = hwsi_pid_intern(local->names, address, hws_slice_text("$system"), &endpoint->root);
    if (!error)
        error = hwsi_timer_register(local->timers, &endpoint->retry, retry_due);
    if (!error)
        error = hwsi_timer_register(local->timers, &endpoint->acknowledge, acknowledge_due);
    if (!error)
        error = hwsi_timer_register(local->timers, &endpoint->stable, stable_now);
    if (!error)
        error = hwsi_heartbeat_init(endpoint);
    if (error) {
        hwsi_endpoint_free(endpoint);
        return error;
    }
    endpoint->address = address;
    address->refs++;
    address->endpoint = endpoint;
    endpoint->since = hwsi_now(local);
    hwsi_list_append(&manager->endpoints, &endpoint->all);
    manager->endpoint_count++;
    *out = endpoint;
    return 0;
}

void hwsi_endpoint_free(struct hwsi_endpoint *endpoint)
{
    struct hwsi_local *local = endpoint->manager->local;
    hwsi_timer_unregister(&endpoint->retry);
    hwsi_timer_unregister(&endpoint->acknowledge);
    hwsi_timer_unregister(&endpoint->stable);
    hwsi_heartbeat_free(endpoint);
    hwsi_association_free(endpoint->association);
    if (endpoint->address) {
        endpoint->address->endpoint = NULL;
        endpoint->manager->endpoint_count--;
        if (!hwsi_list_empty(&endpoint->tomb))
            endpoint->manager->tomb_count--;
    }
    hwsi_list_remove(&endpoint->all);
    hwsi_list_remove(&endpoint->dirty);
    hwsi_list_remove(&endpoint->tomb);
    hwsi_pid_release(endpoint->root);
    hwsi_address_release(endpoint->address);
    hwsi_free_text(local->heap, endpoint->reason);
    hwsi_free(local->heap, endpoint, sizeof *endpoint);
}
