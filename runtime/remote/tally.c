/* SPDX-License-Identifier: MIT */
#include "remote/tally.h"

#include "remote/manager.h"

static struct hwsi_tally *tally_of(struct hwsi_endpoint *endpoint)
{
    if (!endpoint->tally)
        endpoint->tally = hwsi_alloc(endpoint->manager->local->heap, sizeof *endpoint->tally);
    return endpoint->tally;
}

void hwsi_tally_failure(struct hwsi_endpoint *endpoint, enum hws_link_reason reason)
{
    struct hwsi_tally *tally = tally_of(endpoint);
    if (tally)
        tally->failures[reason]++;
    else
        endpoint->failures++;
}

void hwsi_tally_disconnect(struct hwsi_endpoint *endpoint, enum hws_link_reason reason)
{
    struct hwsi_tally *tally = tally_of(endpoint);
    if (tally)
        tally->disconnects[reason]++;
    else
        endpoint->disconnects++;
}

void hwsi_tally_letter(struct hwsi_endpoint *endpoint, enum hws_dead_letter_reason reason)
{
    struct hwsi_tally *tally = tally_of(endpoint);
    if (tally)
        tally->letters[reason]++;
}

void hwsi_tally_add(const struct hwsi_endpoint *endpoint, struct hwsi_dial_totals *totals)
{
    const struct hwsi_tally *tally = endpoint->tally;
    totals->attempts += endpoint->dials;
    totals->connects += endpoint->connects;
    totals->failures[HWS_LINK_memory] += endpoint->failures;
    totals->disconnects[HWS_LINK_memory] += endpoint->disconnects;
    for (int i = 0; tally && i < HWS_LINK_REASON_COUNT; i++) {
        totals->failures[i] += tally->failures[i];
        totals->disconnects[i] += tally->disconnects[i];
    }
}
