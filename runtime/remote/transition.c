/* SPDX-License-Identifier: MIT */
/* An endpoint's state as others see it: the change from one to the next, what comes after that, and the event that tells it. */
#include <assert.h>

#include "base/text.h"
#include "remote/manager.h"

/* --- names --- */

const char *hws_endpoint_state_name(enum hws_endpoint_state state)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_ENDPOINT_STATES(X)
#undef X
    };
    return state < HWS_ENDPOINT_STATE_COUNT ? names[state] : "unknown";
}

const char *hws_endpoint_step_name(enum hws_endpoint_step step)
{
    static const char *const names[] = {
#define X(name, doc) #name,
        HWS_ENDPOINT_STEPS(X)
#undef X
    };
    return step < HWS_STEP_COUNT ? names[step] : "unknown";
}

const char *hws_link_reason_name(enum hws_link_reason reason)
{
    static const char *const names[] = {
#define X(name, lasts, doc, advice) #name,
        HWS_LINK_REASONS(X)
#undef X
    };
    return reason < HWS_LINK_REASON_COUNT ? names[reason] : "unknown";
}

/* --- the chart --- */

static const struct transition {
    enum hws_endpoint_state from, to;
    enum hws_event_type event;
} transitions[] = {
#define X(from, to, event, doc) { HWS_ENDPOINT_##from, HWS_ENDPOINT_##to, HWS_EVENT_##event },
    HWSI_ENDPOINT_TRANSITIONS(X)
#undef X
};

bool hwsi_endpoint_on_the_chart(enum hws_endpoint_state from, enum hws_endpoint_state to,
                                enum hws_event_type event)
{
    for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++)
        if (transitions[i].from == from && transitions[i].to == to && transitions[i].event == event)
            return true;
    return false;
}

void hwsi_endpoint_set_state(struct hwsi_endpoint *endpoint, enum hws_endpoint_state state,
                             const char *why)
{
    struct hwsi_local *local = endpoint->manager->local;
    endpoint->from = endpoint->state;
    endpoint->from_since = endpoint->since;
    endpoint->state = state;
    endpoint->since = hwsi_now(local);
    char *reason = why && *why ? hwsi_copy_text(local->heap, why)
                               : NULL;             /* without memory: no reason to show */
    hwsi_free_text(local->heap, endpoint->reason); /* `why` may have been this */
    endpoint->reason = reason;
}

enum hws_endpoint_step hwsi_endpoint_step(const struct hwsi_endpoint *endpoint, uint64_t *due)
{
    const struct hwsi_manager *manager = endpoint->manager;
    *due = HWS_NEVER;
    switch (endpoint->state) {
    case HWS_ENDPOINT_connected:
    case HWS_ENDPOINT_suspended: return hwsi_heartbeat_step(endpoint, due);
    case HWS_ENDPOINT_closed:
        if (manager->stopping)
            return HWS_STEP_none;
        *due = endpoint->since + manager->local->options->tombstone_duration;
        return HWS_STEP_forget;
    default: break;
    }
    if (endpoint->dialing) {
        *due = endpoint->dialing->timer.due;
        return HWS_STEP_timeout;
    }
    if (!hwsi_timer_running(&endpoint->retry))
        return HWS_STEP_none;
    *due = endpoint->retry.due;
    if (endpoint->state == HWS_ENDPOINT_quarantined)
        return HWS_STEP_release;
    if (!hwsi_is_client_address(endpoint->address->text))
        return HWS_STEP_dial;
    *due = endpoint->lost_at + manager->local->options->client_wait;
    return HWS_STEP_give_up;
}

void hwsi_endpoint_publish(struct hwsi_endpoint *endpoint, struct hws_event *event)
{
    bool changes = hws_event_fields(event->type) & HWS_F(from);
    assert(!changes || event->success ||
           hwsi_endpoint_on_the_chart(endpoint->from, endpoint->state, event->type));
    event->address = endpoint->address->text;
    event->uid = endpoint->uid;
    event->incarnation = endpoint->incarnation;
    event->correlation = endpoint->correlation;
    event->state = hws_endpoint_state_name(endpoint->state);
    event->from = hws_endpoint_state_name(endpoint->from);
    event->since = changes ? endpoint->from_since : endpoint->since;
    event->step = hws_endpoint_step_name(hwsi_endpoint_step(endpoint, &event->next));
    hwsi_publish(endpoint->manager->local, event);
}

/*
 * Before the handshake it is this side's own stream that names the association; after it the stream of the smaller uid, which
 * both sides find alike. Number 0: no message has it.
 */
void hwsi_endpoint_name_association(struct hwsi_endpoint *endpoint)
{
    const struct hwsi_association *association = endpoint->association;
    bool ours = !association->bound || endpoint->manager->uid < association->remote_uid;
    endpoint->correlation =
        hwsi_correlation(ours ? association->seed : association->remote_seed, 0);
}
