/* SPDX-License-Identifier: MIT */
/*
 * What went wrong at an endpoint, by reason: dials, links, messages. At most endpoints nothing ever does, and the counts are half a
 * KiB, so they are made with the first. Owned by the endpoint; calls nothing.
 */
#ifndef HAWSER_REMOTE_TALLY_H
#define HAWSER_REMOTE_TALLY_H

#include "hawser/remote.h"

struct hwsi_endpoint;

struct hwsi_tally {
    uint64_t failures[HWS_LINK_REASON_COUNT], disconnects[HWS_LINK_REASON_COUNT];
    uint64_t letters[HWS_REASON_COUNT];
};
/* The connects of several endpoints together. */
struct hwsi_dial_totals {
    uint64_t attempts, connects;
    uint64_t failures[HWS_LINK_REASON_COUNT], disconnects[HWS_LINK_REASON_COUNT];
};

/* Without memory for these counts a failure or disconnect is one of reason `memory`, and a letter has none at the endpoint. */
void hwsi_tally_failure(struct hwsi_endpoint *endpoint, enum hws_link_reason reason);
void hwsi_tally_disconnect(struct hwsi_endpoint *endpoint, enum hws_link_reason reason);
void hwsi_tally_letter(struct hwsi_endpoint *endpoint, enum hws_dead_letter_reason reason);
void hwsi_tally_add(const struct hwsi_endpoint *endpoint, struct hwsi_dial_totals *totals);

#endif
