/* SPDX-License-Identifier: MIT */
/* The statistics of endpoints, links and the system, filled in from what they count. */
#include <string.h>

#include "base/text.h"
#include "system_private.h"

/* --- an endpoint --- */

static void fill_texts(const struct hwsi_endpoint *endpoint, struct hws_endpoint_statistics *out)
{
    hwsi_text_copy(out->address, sizeof out->address, endpoint->address->text);
    hwsi_text_copy(out->name, sizeof out->name, endpoint->name);
    hwsi_text_copy(out->level, sizeof out->level,
                   hwsi_endpoint_level_name(
                       endpoint, endpoint->association ? endpoint->level : endpoint->last_level));
    hwsi_text_copy(out->reason, sizeof out->reason, endpoint->reason ? endpoint->reason : "");
}

static void fill_rtt(const struct hwsi_endpoint *endpoint, struct hws_endpoint_statistics *out)
{
    const struct hwsi_rtt *rtts = &endpoint->rtts;
    out->rtt = endpoint->rtt;
    out->rtt_p50 = hwsi_rtt_percentile(rtts, 50);
    out->rtt_p99 = hwsi_rtt_percentile(rtts, 99);
    out->rtt_max = rtts->max;
    out->rtt_sum = rtts->sum;
    out->rtt_count = rtts->count;
    if (rtts->size)
        memcpy(out->rtt_buckets + rtts->first, rtts->buckets, rtts->size * sizeof *rtts->buckets);
}

static void fill_dials(const struct hwsi_endpoint *endpoint, struct hws_endpoint_statistics *out)
{
    struct hwsi_dial_totals totals = { 0 };
    hwsi_tally_add(endpoint, &totals);
    out->connect_attempts = totals.attempts;
    out->connects = totals.connects;
    memcpy(out->connect_failures, totals.failures, sizeof out->connect_failures);
    memcpy(out->disconnects, totals.disconnects, sizeof out->disconnects);
}

static void fill_endpoint(const struct hwsi_endpoint *endpoint, struct hws_endpoint_statistics *out)
{
    const struct hwsi_association *association = endpoint->association;
    const struct hwsi_ring *ring = association ? &association->lanes[HWSI_LANE_USER] : NULL;
    *out = (struct hws_endpoint_statistics){
        .state = endpoint->state,
        .uid = endpoint->uid,
        .incarnation = endpoint->incarnation,
        .since = endpoint->since,
        .correlation = endpoint->correlation,
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
        .accepted = endpoint->accepted,
        .reconnect_attempts = endpoint->attempt,
        .undecodable = endpoint->undecodable,
    };
    out->step = hwsi_endpoint_step(endpoint, &out->next);
    if (endpoint->tally)
        memcpy(out->dead_letters, endpoint->tally->letters, sizeof out->dead_letters);
    fill_dials(endpoint, out);
    fill_rtt(endpoint, out);
    fill_texts(endpoint, out);
}

int hws_statistics(struct hws_system *system, const char *text, struct hws_endpoint_statistics *out)
{
    struct hwsi_address *address;
    int error = hwsi_system_find_address(system, text, &address);
    if (error)
        return error;
    fill_endpoint(address->endpoint, out);
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
        fill_endpoint(HWSI_ENTRY(node, struct hwsi_endpoint, all), &statistics);
        fn(data, &statistics);
    }
}

/* --- the system --- */

void hws_system_statistics(struct hws_system *system, struct hws_system_statistics *out)
{
    const struct hwsi_local *local = &system->local;
    struct hwsi_manager *manager = &system->manager;
    struct hwsi_dial_totals totals = manager->forgotten;
    *out = (struct hws_system_statistics){ .actors = local->actor_count,
                                           .endpoints = manager->endpoint_count,
                                           .delivered = local->delivered,
                                           .dead_letters = local->letters.total,
                                           .events_published = local->events.published,
                                           .events_dropped = local->events.dropped,
                                           .requests_pending = local->requests.count,
                                           .memory = system->heap->held };
    for (struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = node->next)
        hwsi_tally_add(HWSI_ENTRY(node, struct hwsi_endpoint, all), &totals);
    for (struct hwsi_list *node = manager->connections.next; node != &manager->connections;
         node = node->next)
        out->connections++;
    out->connect_attempts = totals.attempts;
    out->connects = totals.connects;
    memcpy(out->connect_failures, totals.failures, sizeof out->connect_failures);
    memcpy(out->disconnects, totals.disconnects, sizeof out->disconnects);
    memcpy(out->links_refused, manager->links_refused, sizeof out->links_refused);
    memcpy(out->dead_letters_by_reason, local->letters.by_reason,
           sizeof out->dead_letters_by_reason);
}
