/* SPDX-License-Identifier: MIT */
#include "remote/rtt.h"

#include <string.h>

#define A_DECADE 10u
#define STEP 8u /* buckets that memory comes for */

uint64_t hws_rtt_bound(size_t bucket)
{
    static const uint64_t tenths[A_DECADE] = { 10, 12, 15, 20, 25, 30, 40, 50, 60, 80 };
    uint64_t unit = HWS_MICROSECOND;
    if (bucket >= HWS_RTT_BUCKETS - 1)
        return HWS_NEVER;
    for (size_t decade = bucket / A_DECADE; decade; decade--)
        unit *= 10;
    return tenths[bucket % A_DECADE] * unit;
}

static bool reserve(struct hwsi_rtt *rtt, struct hwsi_heap *heap, uint32_t bucket)
{
    uint32_t first = bucket - bucket % STEP, end = first + STEP,
             end_before = rtt->first + rtt->size;
    if (bucket >= rtt->first && bucket < end_before)
        return true;
    if (rtt->size && rtt->first < first)
        first = rtt->first;
    if (end < end_before)
        end = end_before;
    end = end < HWS_RTT_BUCKETS ? end : HWS_RTT_BUCKETS;
    uint32_t *buckets = hwsi_alloc(heap, (end - first) * sizeof *buckets);
    if (!buckets)
        return false;
    if (rtt->size)
        memcpy(buckets + (rtt->first - first), rtt->buckets, rtt->size * sizeof *buckets);
    hwsi_rtt_free(rtt, heap);
    rtt->buckets = buckets;
    rtt->first = first;
    rtt->size = end - first;
    return true;
}

void hwsi_rtt_free(struct hwsi_rtt *rtt, struct hwsi_heap *heap)
{
    hwsi_free(heap, rtt->buckets, rtt->size * sizeof *rtt->buckets);
}

void hwsi_rtt_record(struct hwsi_rtt *rtt, struct hwsi_heap *heap, uint64_t took)
{
    uint32_t bucket = 0;
    while (took > hws_rtt_bound(bucket))
        bucket++;
    if (!reserve(rtt, heap, bucket))
        return;
    rtt->buckets[bucket - rtt->first]++;
    rtt->count++;
    rtt->sum += took;
    rtt->max = took > rtt->max ? took : rtt->max;
}

uint64_t hwsi_rtt_percentile(const struct hwsi_rtt *rtt, uint64_t per_cent)
{
    uint64_t rank = (rtt->count * per_cent + 99) / 100, seen = 0;
    for (uint32_t i = 0; i < rtt->size; i++) {
        uint64_t bound = hws_rtt_bound(rtt->first + i);
        seen += rtt->buckets[i];
        if (seen >= rank && seen)
            return bound < rtt->max ? bound : rtt->max;
    }
    return 0;
}
