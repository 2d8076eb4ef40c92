/* SPDX-License-Identifier: MIT */
/*
 * A histogram of round trip times, small enough for every endpoint to have one: base/histogram.h is exact to 3 % and takes 8 KiB,
 * this one to a third and takes 312 bytes. Its bounds are round numbers, as exporters want them (hws_rtt_bound() in hawser/remote.h).
 * Owned by its endpoint; allocates nothing.
 */
#ifndef HAWSER_REMOTE_RTT_H
#define HAWSER_REMOTE_RTT_H

#include "hawser/remote.h"

struct hwsi_rtt {
    uint64_t count, sum, max; /* ns */
    uint32_t buckets[HWS_RTT_BUCKETS];
};

void hwsi_rtt_record(struct hwsi_rtt *rtt, uint64_t took);
/* What `per_cent` of all did not exceed, as hws_endpoint_statistics says; 0 while empty. */
uint64_t hwsi_rtt_percentile(const struct hwsi_rtt *rtt, uint64_t per_cent);

#endif
