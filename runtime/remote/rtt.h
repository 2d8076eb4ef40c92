/* SPDX-License-Identifier: MIT */
/*
 * A histogram of round trip times, small enough for every endpoint to have one: base/histogram.h is exact to 3 % and takes 8 KiB,
 * this one to a third. Its bounds are round numbers, as exporters want them (hws_rtt_bound() in hawser/remote.h); it has memory
 * for those between which times occurred, mostly 32 or 64 bytes. Owned by its endpoint.
 */
#ifndef HAWSER_REMOTE_RTT_H
#define HAWSER_REMOTE_RTT_H

#include "base/heap.h"
#include "hawser/remote.h"

struct hwsi_rtt {
    uint64_t count, sum, max; /* ns */
    uint32_t *buckets;        /* from bucket `first` on */
    uint32_t first, size;
};

/* Without memory for its bucket it is not counted. */
void hwsi_rtt_record(struct hwsi_rtt *rtt, struct hwsi_heap *heap, uint64_t took);
void hwsi_rtt_free(struct hwsi_rtt *rtt, struct hwsi_heap *heap);
/* What `per_cent` of all did not exceed, as hws_endpoint_statistics says; 0 while empty. */
uint64_t hwsi_rtt_percentile(const struct hwsi_rtt *rtt, uint64_t per_cent);

#endif
