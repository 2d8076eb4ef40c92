/* SPDX-License-Identifier: MIT */
/* The endpoint's state machine: one function a transition, each publishes its event. */
#include "remote/endpoint.h"

#include <string.h>

#include "base/text.h"
#include "remote/manager.h"

void hwsi_endpoint_mark_dirty(struct hwsi_endpoint *endpoint)
{
    hwsi_list_append(&endpoint->manager->dirty, &endpoint->dirty);
    hwsi_due(endpoint->manager->local);
}

/* --- idle or closed -> associating: a new life --- */

static struct hwsi_association *fresh_association(struct hwsi_endpoint *endpoint)
{
    struct hwsi_random *random = endpoint->manager->random;
    return hwsi_association_new(endpoint->manager->local, endpoint->address, hwsi_random_id(random),
                                hwsi_random_u64(random));
}

static int begin_life(struct hwsi_endpoint *endpoint)
{
    if (endpoint->association)
        return 0;
    struct hwsi_association *association = fresh_association(endpoint);
    if (!association || hwsi_endpoint_levels(endpoint)) {
        hwsi_association_free(association);
        return HWS_ENOMEM;
    }
    endpoint->association = association;
    hwsi_manager_exhume(endpoint->manager, endpoint);
    hwsi_manager_bury(endpoint->manager,
                      NULL); /* the next tomb's time; this one, due or not, lives again */
    endpoint->incarnation++;
    hwsi_endpoint_name_association(endpoint);
    endpoint->attempt = endpoint->delay = 0;
    endpoint->connected_before = endpoint->queue_while_away = false;
    endpoint->lost_at = hwsi_now(endpoint->manager->local);
    return 0;
}

/* Dials in a moment, not from inside the caller's call: a dial that fails at once would turn its message into a dead letter early. */
static void enter_associating(struct hwsi_endpoint *endpoint, const char *why)
{
    hwsi_timer_start(&endpoint->retry, hwsi_now(endpoint->manager->local));
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_associating, why);
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_EndpointAssociating });
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
    enter_associating(endpoint, NULL);
    return 0;
}

static void retry_due(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, retry);
    if (endpoint->state == HWS_ENDPOINT_quarantined) {
        hwsi_endpoint_release(endpoint, "deadline");
        return;
    }
    if (endpoint->connection || endpoint->dialing || endpoint->manager->stopping)
        return;
    if (endpoint->state == HWS_ENDPOINT_gated)
        enter_associating(endpoint, endpoint->reason);
    else
        hwsi_endpoint_dial(endpoint);
}

/* --- a try failed, or the link was lost: ask the policy --- */

/* The peer said no, and will say it again: it is left alone for a while. */
static bool lasts(enum hws_link_reason reason)
{
    static const bool all[] = {
#define X(name, lasts, doc, advice) lasts,
        HWS_LINK_REASONS(X)
#undef X
    };
    return all[reason];
}

/* Nothing is tried for `delay`; the event says which kind of waiting it is. */
static void wait_in(struct hwsi_endpoint *endpoint, enum hws_endpoint_state state,
                    enum hws_event_type type, uint64_t delay, enum hws_link_reason reason,
                    const char *detail)
{
    hwsi_endpoint_set_state(endpoint, state, detail);
    endpoint->delay = delay;
    hwsi_timer_start(&endpoint->retry, hwsi_later(endpoint->manager->local, delay));
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = type,
                                                         .attempt = endpoint->attempt,
                                                         .delay = delay,
                                                         .reason = hws_link_reason_name(reason),
                                                         .detail = detail });
}

static void gate(struct hwsi_endpoint *endpoint, uint64_t delay, enum hws_link_reason reason,
                 const char *detail)
{
    uint64_t least = endpoint->manager->local->options->gate_duration;
    bool blocked = hwsi_manager_blocks(endpoint->manager, hws_slice_text(endpoint->name));
    endpoint->gate = blocked ? HWS_REASON_blocked : HWS_REASON_gated;
    wait_in(endpoint, HWS_ENDPOINT_gated, HWS_EVENT_Gated, delay < least ? least : delay, reason,
            detail);
}

static void plan_retry(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                       const char *detail)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hws_backoff_answer answer;
    struct hws_policy_error error;
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    endpoint->attempt++;
    struct hws_policy_question question = { .address = endpoint->address->text,
                                            .name = endpoint->name,
                                            .attempt = endpoint->attempt,
                                            .elapsed = hwsi_now(manager->local) - endpoint->lost_at,
                                            .delay = endpoint->delay,
                                            .reason = hws_link_reason_name(reason),
                                            .queue_size = hwsi_ring_count(ring),
                                            .queue_bytes = ring->bytes,
                                            .connected_before = endpoint->connected_before };
    hwsi_policy_backoff(manager->policy, &question, &answer, &error);
    if (error.text[0])
        hwsi_manager_policy_failed(manager, endpoint->address->text, &error);
    if (!answer.give_up) {
        if (lasts(reason))
            gate(endpoint, answer.delay, reason, detail);
        else
            wait_in(endpoint, HWS_ENDPOINT_reconnecting, HWS_EVENT_EndpointReconnect, answer.delay,
                    reason, detail);
        return;
    }
    char why[768];
    bool whole = strncmp(answer.reason, "gave up", 7) == 0;
    hwsi_say(why, sizeof why, "%s%s; last: %s",
             whole ? "" : "gave up: ", answer.reason[0] ? answer.reason : "the policy said so",
             detail);
    hwsi_endpoint_close(endpoint, reason, why, HWS_REASON_disconnected);
}

void hwsi_endpoint_dial_failed(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                               const char *detail)
{
    hwsi_tally_failure(endpoint, reason);
    if (endpoint->state == HWS_ENDPOINT_closed || endpoint->connection)
        return; /* a peer's dial came through meanwhile */
    plan_retry(endpoint, reason, detail);
}

void hwsi_endpoint_await_peer(struct hwsi_endpoint *endpoint)
{
    struct hwsi_local *local = endpoint->manager->local;
    hwsi_tally_failure(endpoint, HWS_LINK_duplicate);
    if (endpoint->state == HWS_ENDPOINT_closed || endpoint->connection)
        return;
    /* Its link is up or given up by then. */
    hwsi_timer_start(&endpoint->retry, hwsi_later(local, local->options->handshake_timeout));
}

void hwsi_endpoint_disconnected(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                                const char *detail)
{
    hwsi_tally_disconnect(endpoint, reason);
    hwsi_timer_stop(&endpoint->stable);
    hwsi_timer_stop(&endpoint->acknowledge);
    hwsi_heartbeat_stop(endpoint);
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_EndpointDisconnected,
                                                         .reason = hws_link_reason_name(reason),
                                                         .detail = detail });
}

void hwsi_endpoint_link_lost(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                             const char *detail)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hws_policy_error error;
    hwsi_endpoint_disconnected(endpoint, reason, detail);
    endpoint->lost_at = hwsi_now(manager->local);
    endpoint->delay = 0;
    if (manager->stopping) {
        hwsi_endpoint_close(endpoint, reason, detail, HWS_REASON_stopped);
        return;
    }
    bool client = hwsi_is_client_address(endpoint->address->text);
    /* A client that said goodbye, or wants none of us, can't be dialled: there is nothing to wait for. */
    if (client && (lasts(reason) || reason == HWS_LINK_shutdown)) {
        hwsi_endpoint_close(endpoint, reason, detail, HWS_REASON_disconnected);
        return;
    }
    endpoint->queue_while_away = hwsi_policy_disconnected(manager->policy, endpoint->address->text,
                                                          &error) == HWS_DISCONNECTED_QUEUE;
    if (error.text[0])
        hwsi_manager_policy_failed(manager, endpoint->address->text, &error);
    if (!client) {
        plan_retry(endpoint, reason, detail);
        return;
    }
    endpoint->attempt++;
    wait_in(endpoint, HWS_ENDPOINT_reconnecting, HWS_EVENT_EndpointReconnect,
            manager->local->options->client_wait, reason, detail);
}

/* --- -> connected --- */

static void stable_now(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, stable);
    endpoint->attempt = 0;
    endpoint->delay = 0;
}

void hwsi_endpoint_connected(struct hwsi_endpoint *endpoint, struct hwsi_connection *connection,
                             const struct hwsi_hello *hello, bool resumed)
{
    struct hwsi_local *local = endpoint->manager->local;
    bool again = endpoint->connected_before || endpoint->attempt;
    endpoint->dialing = NULL;
    endpoint->connection = connection;
    endpoint->connected_before = true;
    endpoint->connects++;
    endpoint->accepted += !connection->dialed;
    hwsi_endpoint_taken_by(endpoint, hello->uid);
    hwsi_text_printable(endpoint->name, sizeof endpoint->name, hello->name);
    hwsi_timer_stop(&endpoint->retry);
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_connected, NULL);
    hwsi_endpoint_name_association(endpoint);
    hwsi_timer_start(&endpoint->stable,
                     hwsi_later(local, hwsi_policy_stable_after(endpoint->manager->policy)));
    hwsi_heartbeat_start(endpoint);
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_EndpointConnected,
                                                         .name = endpoint->name,
                                                         .resumed = resumed });
    if (again) {
        hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_EndpointReconnect,
                                                             .attempt = endpoint->attempt,
                                                             .success = true });
        hwsi_endpoint_level_reset(endpoint);
    }
    hwsi_endpoint_touch(endpoint);
}

/* --- connected <-> suspended --- */

static void publish_suspicion(struct hwsi_endpoint *endpoint, enum hws_event_type type,
                              const char *detail)
{
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = type, .detail = detail });
}

void hwsi_endpoint_suspended(struct hwsi_endpoint *endpoint, const char *detail)
{
    publish_suspicion(endpoint, HWS_EVENT_Suspect, detail);
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_suspended, detail);
    publish_suspicion(endpoint, HWS_EVENT_EndpointSuspended, detail);
}

void hwsi_endpoint_reachable(struct hwsi_endpoint *endpoint)
{
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_connected, NULL);
    publish_suspicion(endpoint, HWS_EVENT_Reachable, NULL);
}

/* --- any -> closed --- */

static uint64_t give_up_association(struct hwsi_endpoint *endpoint,
                                    enum hws_dead_letter_reason unwritten)
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
    hwsi_due(endpoint->manager->local);
    return count;
}

uint64_t hwsi_endpoint_end_life(struct hwsi_endpoint *endpoint, enum hwsi_refusal say,
                                const char *detail, enum hws_dead_letter_reason unwritten)
{
    if (endpoint->dialing) {
        hwsi_tally_failure(endpoint, hwsi_reason_of_refusal(say));
        hwsi_connection_close(endpoint->dialing, HWSI_FRAME_BYE, 0, "");
    }
    if (endpoint->connection) {
        hwsi_tally_disconnect(endpoint, hwsi_reason_of_refusal(say));
        hwsi_connection_close(endpoint->connection, HWSI_FRAME_BYE, say, detail);
    }
    hwsi_timer_stop(&endpoint->retry);
    hwsi_timer_stop(&endpoint->stable);
    hwsi_timer_stop(&endpoint->acknowledge);
    hwsi_heartbeat_stop(endpoint);
    hwsi_endpoint_level_end(endpoint);
    return give_up_association(endpoint, unwritten);
}

static enum hwsi_refusal goodbye_of(const struct hwsi_manager *manager,
                                    enum hws_dead_letter_reason unwritten)
{
    if (manager->stopping)
        return HWSI_REFUSED_shutdown;
    return unwritten == HWS_REASON_blocked ? HWSI_REFUSED_blocked : HWSI_REFUSED_closed;
}

void hwsi_endpoint_close(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                         const char *detail, enum hws_dead_letter_reason unwritten)
{
    struct hwsi_manager *manager = endpoint->manager;
    if (endpoint->state == HWS_ENDPOINT_closed || endpoint->state == HWS_ENDPOINT_idle)
        return;
    if (endpoint->state ==
        HWS_ENDPOINT_quarantined) { /* its end was told when it was quarantined */
        hwsi_endpoint_release(endpoint, "operator");
        return;
    }
    uint64_t count =
        hwsi_endpoint_end_life(endpoint, goodbye_of(manager, unwritten), detail, unwritten);
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_closed, detail);
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_EndpointTerminated,
                                                         .reason = hws_link_reason_name(reason),
                                                         .detail = detail,
                                                         .count = count });
    hwsi_watcher_peer_gone(endpoint, HWS_TERMINATED_address_terminated, UINT64_MAX);
    hwsi_manager_bury(manager, endpoint);
}

void hwsi_endpoint_acknowledged(struct hwsi_endpoint *endpoint, uint64_t count)
{
    endpoint->deliver_success += count;
    if (endpoint->level)
        hwsi_endpoint_level_down(endpoint);
}

/* --- making and ending --- */

/*
 * Timers fire before the turn's handlers run. What has just come would be acknowledged before it is handled, and who kills the
 * process then loses it without a word: so the ACK is for the turn's flush, as if enough bytes had come.
 */
static void acknowledge_due(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, acknowledge);
    if (!endpoint->connection)
        return;
    endpoint->connection->unacknowledged_bytes =
        endpoint->manager->local->options->acknowledge_bytes;
    hwsi_endpoint_touch(endpoint);
}

int hwsi_endpoint_new(struct hwsi_manager *manager, struct hwsi_address *address,
                      struct hwsi_endpoint **out)
{
    struct hwsi_local *local = manager->local;
    struct hwsi_endpoint *endpoint = hwsi_alloc(local->heap, sizeof *endpoint);
    if (!endpoint)
        return HWS_ENOMEM;
    endpoint->manager = manager;
    hwsi_list_init(&endpoint->all);
    hwsi_list_init(&endpoint->dirty);
    hwsi_list_init(&endpoint->tomb);
    hwsi_list_init(&endpoint->pressed);
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
        hwsi_tally_add(endpoint, &endpoint->manager->forgotten);
        endpoint->address->endpoint = NULL;
        endpoint->manager->endpoint_count--;
        if (!hwsi_list_empty(&endpoint->tomb))
            endpoint->manager->tomb_count--;
    }
    hwsi_list_remove(&endpoint->all);
    hwsi_list_remove(&endpoint->dirty);
    hwsi_list_remove(&endpoint->tomb);
    hwsi_list_remove(&endpoint->pressed);
    hwsi_pid_release(endpoint->root);
    hwsi_address_release(endpoint->address);
    hwsi_free_text(local->heap, endpoint->reason);
    hwsi_levels_release(endpoint->levels, local->heap);
    hwsi_rtt_free(&endpoint->rtts, local->heap);
    hwsi_free(local->heap, endpoint->tally, sizeof *endpoint->tally);
    hwsi_free(local->heap, endpoint, sizeof *endpoint);
}
