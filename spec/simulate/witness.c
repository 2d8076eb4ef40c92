/* SPDX-License-Identifier: MIT */
#include "witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "system_private.h"

/* --- events --- */

/* What the fallback curve says of a try; the policies of a world have none of their own. */
static void check_delay(struct life *life, const struct hws_event *event, bool gated)
{
    const struct hws_options *options = &life->machine->options;
    double delay = (double)options->reconnect_initial, most = (double)options->reconnect_max;
    for (uint64_t i = 1; i < event->attempt && delay < most; i++)
        delay *= options->reconnect_factor;
    delay = delay < most ? delay : most;
    double least = delay * (1 - options->reconnect_jitter),
           longest = delay * (1 + options->reconnect_jitter);
    if (strncmp(event->address, "client-", 7) == 0)
        least = longest = (double)options->client_wait;
    if (gated && least < (double)options->gate_duration)
        least = (double)options->gate_duration;
    if (gated && longest < (double)options->gate_duration)
        longest = (double)options->gate_duration;
    if ((double)event->delay + 1 < least ||
        (double)event->delay > longest + (double)HWS_MILLISECOND)
        world_fail(life->world,
                   "s%02u waits %.6f s before try %llu of %s; the curve says %.6f to %.6f",
                   life->machine->index, (double)event->delay / HWS_SECOND,
                   (unsigned long long)event->attempt, event->address, least / HWS_SECOND,
                   longest / HWS_SECOND);
}

static void connected(struct life *life, struct sight *sight, const struct hws_event *event)
{
    struct world *world = life->world;
    for (size_t i = 0; i < world->size; i++)
        if (&life->sights[i] != sight && life->sights[i].connected &&
            life->sights[i].uid == event->uid)
            world_fail(world, "s%02u has two live associations with %016llx", life->machine->index,
                       (unsigned long long)event->uid);
    sight->uid = event->uid;
    sight->connected = true;
    sight->due = 0;
    world->tally->counts[COUNT_connects]++;
    world->tally->counts[COUNT_resumes] += event->resumed;
}

static void disconnected(struct life *life, struct sight *sight, const struct hws_event *event)
{
    if (sight->connected && sight->uid != event->uid)
        world_fail(life->world, "s%02u: %s of %016llx touches its link to %016llx",
                   life->machine->index, hws_event_name(event->type),
                   (unsigned long long)event->uid, (unsigned long long)sight->uid);
    sight->connected = false;
}

static void waits(struct life *life, struct sight *sight, const struct hws_event *event)
{
    check_delay(life, event, event->type == HWS_EVENT_Gated);
    sight->due = event->time + event->delay;
}

static void attempts(struct life *life, struct sight *sight, const struct hws_event *event)
{
    if (event->time < sight->due)
        world_fail(life->world, "s%02u dials %s %.6f s before its wait is over",
                   life->machine->index, event->address,
                   (double)(sight->due - event->time) / HWS_SECOND);
}

static void take(struct life *life, struct machine *peer, struct sight *sight,
                 const struct hws_event *event)
{
    uint64_t *counts = life->world->tally->counts;
    switch (event->type) {
    case HWS_EVENT_AssociationAttempt: attempts(life, sight, event); break;
    case HWS_EVENT_EndpointConnected: connected(life, sight, event); break;
    case HWS_EVENT_EndpointDisconnected: disconnected(life, sight, event); break;
    case HWS_EVENT_EndpointReconnect:
        counts[COUNT_reconnects] += !event->success;
        if (!event->success)
            waits(life, sight, event);
        break;
    case HWS_EVENT_Gated:
        counts[COUNT_gates]++;
        waits(life, sight, event);
        break;
    case HWS_EVENT_EndpointTerminated:
        counts[COUNT_given_up] += strcmp(event->reason, "closed") != 0;
        world_troubled(life->world, life->machine, peer);
        disconnected(life, sight, event);
        book_peer_gone(life, peer, event->time);
        break;
    case HWS_EVENT_Quarantined:
        counts[COUNT_quarantines]++;
        book_peer_gone(life, peer, event->time);
        disconnected(life, sight, event);
        break;
    case HWS_EVENT_Suspect: counts[COUNT_suspected]++; break;
    case HWS_EVENT_EndpointThrottled: counts[COUNT_throttled]++; break;
    default: break;
    }
}

static void trace_event(const struct life *life, const struct hws_event *event)
{
    char line[1200];
    if (!life->world->verbose)
        return;
    hws_event_json(event, line, sizeof line);
    world_trace(life->world, "s%02u %s", life->machine->index, line);
}

void witness_event(void *data, const struct hws_event *event)
{
    struct life *life = data;
    struct world *world = life->world;
    trace_event(life, event);
    if (life->killed || !life->system || world->starved)
        return;
    world->tally->counts[COUNT_blocks] += event->type == HWS_EVENT_Blocked;
    world->tally->counts[COUNT_refused_links] += event->type == HWS_EVENT_LinkRefused;
    if (event->type == HWS_EVENT_EventsDropped)
        world_fail(world, "s%02u dropped events; the checks need them all", life->machine->index);
    if (!(hws_event_fields(event->type) & HWS_F(incarnation)))
        return;
    struct machine *peer = world_machine(world, event->address);
    if (!peer) /* a client's life that is over */
        return;
    struct sight *sight = &life->sights[peer->index];
    if (peer->client && sight->life != peer->now->number)
        *sight = (struct sight){ .life = peer->now->number };
    /* An endpoint whose tombstone is gone counts from 1 again. */
    bool anew = event->type == HWS_EVENT_EndpointAssociating && event->incarnation == 1;
    if (event->incarnation < sight->incarnation && !peer->client && !anew)
        world_fail(world, "s%02u: %s of incarnation %llu of %s comes after one of %llu",
                   life->machine->index, hws_event_name(event->type),
                   (unsigned long long)event->incarnation, event->address,
                   (unsigned long long)sight->incarnation);
    if (event->type == HWS_EVENT_EndpointAssociating && strcmp(event->from, "gated") != 0)
        sight->due = 0; /* a new life */
    sight->incarnation = event->incarnation;
    chart_event(life, sight, event);
    take(life, peer, sight, event);
}

/* --- bounds --- */

static const struct hwsi_endpoint *endpoint_at(const struct hwsi_list *node)
{
    return HWSI_ENTRY(node, struct hwsi_endpoint, all);
}

/* What goes on to another peer is written anew, with its names spelled out once more. */
#define NAMES_AGAIN (size_t)(64 * 1024)

static void check_ring(struct life *life, const struct hwsi_endpoint *endpoint,
                       const struct hws_options *options)
{
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    size_t names = endpoint->connects > 1 ? NAMES_AGAIN : 0;
    if (ring->bytes > options->endpoint_writer_queue_bytes + names ||
        hwsi_ring_count(ring) > options->endpoint_writer_queue_size)
        world_fail(life->world,
                   "s%02u holds %llu messages of %llu bytes for %s; it may hold %llu of %llu",
                   life->machine->index, (unsigned long long)hwsi_ring_count(ring),
                   (unsigned long long)ring->bytes, endpoint->address->text,
                   (unsigned long long)options->endpoint_writer_queue_size,
                   (unsigned long long)options->endpoint_writer_queue_bytes);
}

/* An endpoint holds its state, symbols, a chunk of each ring, a read buffer; and what is queued. */
#define MEMORY_BASE (size_t)(2048 * 1024) /* with what the pool keeps for a second */
#define MEMORY_ENDPOINT (size_t)(320 * 1024)
#define MEMORY_MESSAGE (size_t)(70 * 1024)

static void check_memory(struct life *life, size_t endpoints, size_t queued)
{
    size_t held = life->system->heap->held;
    size_t most = MEMORY_BASE + endpoints * MEMORY_ENDPOINT + queued * 2;
    double part = (double)held / (double)most;
    if (part <= life->world->tally->most_memory)
        return;
    most += life_mail(life) * MEMORY_MESSAGE;
    part = (double)held / (double)most;
    if (part > life->world->tally->most_memory)
        life->world->tally->most_memory = part;
    if (held > most)
        world_fail(life->world,
                   "s%02u holds %zu bytes; with %zu endpoints and %zu bytes queued it may hold %zu",
                   life->machine->index, held, endpoints, queued, most);
}

static void check_life(struct life *life)
{
    const struct hws_options *options = &life->machine->options;
    const struct hwsi_manager *manager = &life->system->manager;
    const struct hwsi_list *node;
    size_t endpoints = 0, closed = 0, queued = 0, links = 0, up = 0;
    for (node = manager->endpoints.next; node != &manager->endpoints; node = node->next) {
        const struct hwsi_endpoint *endpoint = endpoint_at(node);
        chart_balance(life, endpoint);
        endpoints++;
        closed += endpoint->state == HWS_ENDPOINT_closed;
        links += endpoint->connection != NULL;
        if (!endpoint->association)
            continue;
        check_ring(life, endpoint, options);
        queued += endpoint->association->lanes[HWSI_LANE_USER].bytes +
                  endpoint->association->lanes[HWSI_LANE_SYSTEM].bytes;
    }
    for (node = manager->connections.next; node != &manager->connections; node = node->next)
        up += HWSI_ENTRY(node, struct hwsi_connection, node)->phase == HWSI_UP;
    if (closed > options->tombstones + 1 &&
        !manager->stopping) /* the last one's goes in a moment */
        world_fail(life->world, "s%02u keeps %zu tombstones of %llu", life->machine->index, closed,
                   (unsigned long long)options->tombstones);
    if (up != links)
        world_fail(life->world, "s%02u has %zu links up for %zu endpoints", life->machine->index,
                   up, links);
    for (node = manager->remains.next; node != &manager->remains; node = node->next)
        queued += HWSI_ENTRY(node, struct hwsi_association, node)->lanes[HWSI_LANE_USER].bytes;
    check_memory(life, endpoints, queued);
}

void witness_step(void *data, const struct hws_loopback_step *step)
{
    struct world *world = data;
    unsigned index = (unsigned)atoi(step->machine + 1);
    world->steps++;
    if (index < world->size && world->machines[index].now && world->machines[index].now->system)
        check_life(world->machines[index].now);
}

static const struct hwsi_association *association_with(const struct life *life, uint64_t uid)
{
    const struct hwsi_manager *manager = &life->system->manager;
    for (const struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = node->next) {
        const struct hwsi_endpoint *endpoint = endpoint_at(node);
        if (endpoint->connection && endpoint->association->remote_uid == uid)
            return endpoint->association;
    }
    return NULL;
}

/* Both ends of a link are of one association. */
static void check_agreement(struct life *life, const struct hwsi_association *here)
{
    for (size_t i = 0; i < life->world->size; i++) {
        const struct life *other = life->world->machines[i].now;
        const struct hwsi_association *there =
            other->uid == here->remote_uid ? association_with(other, life->uid) : NULL;
        if (there &&
            (there->remote_session != here->session || here->remote_session != there->session))
            world_fail(life->world, "s%02u and s%02u are connected, and of different associations",
                       life->machine->index, other->machine->index);
    }
}

static void check_rest(struct life *life, const struct hwsi_endpoint *endpoint)
{
    const struct hwsi_association *association = endpoint->association;
    unsigned long long user = 0, system = 0;
    bool waits = !hwsi_list_empty(&endpoint->waiting);
    if (association) {
        user = hwsi_ring_count(&association->lanes[HWSI_LANE_USER]);
        system = hwsi_ring_count(&association->lanes[HWSI_LANE_SYSTEM]);
    }
    if (endpoint->connection)
        check_agreement(life, association);
    if (hwsi_is_client_address(endpoint->address->text))
        return; /* of a life that is over, maybe: it is waited for */
    if (waits || endpoint->level || user || system)
        world_fail(
            life->world,
            "s%02u: all has ended, and its endpoint of %s (%s) has %llu and %llu messages in its rings, level %u%s",
            life->machine->index, endpoint->address->text, hws_endpoint_state_name(endpoint->state),
            user, system, (unsigned)endpoint->level, waits ? ", and watches that wait" : "");
}

void witness_quiet(struct life *life)
{
    const struct hwsi_manager *manager = &life->system->manager;
    for (const struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = node->next)
        check_rest(life, endpoint_at(node));
    if (!hwsi_list_empty(&manager->remains) || !hwsi_list_empty(&life->system->local.untold))
        world_fail(life->world, "s%02u: all has ended, and it is not at rest",
                   life->machine->index);
}

bool witness_connected(const struct life *life, const struct machine *other)
{
    return other->now && association_with(life, other->now->uid);
}
