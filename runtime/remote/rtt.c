/* SPDX-License-Identifier: MIT */
#include "remote/rtt.h"

#define A_DECADE 10u

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

void hwsi_rtt_record(struct hwsi_rtt *rtt, uint64_t took)
{
    size_t bucket = 0;
    while (took > hws_rtt_bound(bucket))
        bucket++;
    rtt->buckets[bucket]++;
    rtt->count++;
    rtt->sum += took;
    rtt->max = took > rtt->max ? took : rtt->max;
}

uint64_t hwsi_rtt_percentile(const struct hwsi_rtt *rtt, uint64_t per_cent)
{
    uint64_t rank = (rtt->count * per_cent + 99) / 100, seen = 0;
    for (size_t i = 0; i < HWS_RTT_BUCKETS && rtt->count; i++) {
        seen += rtt->buckets[i];
        if (seen >= rank && seen)
            return hws_rtt_bound(i) < rtt->max ? hws_rtt_bound(i) : rtt->max;
    }
    return 0;
}
