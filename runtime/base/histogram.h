/* SPDX-License-Identifier: MIT */
/*
 * A histogram of durations in nanoseconds, log-linear: each power of two is cut into 32 equal
 * buckets, so a bucket is at most 1/32 (3.2 %) wider than its lowest value, and values below 64 are
 * exact. Recording is a few instructions and never fails.
 *
 * Durations of 2^36 ns (68.7 s) and more share the last bucket. The struct is 8 KiB, owns nothing,
 * allocates nothing and may be copied by assignment; it belongs to whoever declares it. Not
 * thread-safe. Nothing here calls back.
 */
#ifndef HWSI_BASE_HISTOGRAM_H
#define HWSI_BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HWSI_HISTOGRAM_SUB_BITS 5u
#define HWSI_HISTOGRAM_MAX_BITS 36u
#define HWSI_HISTOGRAM_BUCKETS \
    ((HWSI_HISTOGRAM_MAX_BITS - HWSI_HISTOGRAM_SUB_BITS + 1u) << HWSI_HISTOGRAM_SUB_BITS)

struct hwsi_histogram {
    uint64_t count; /* durations recorded */
    uint64_t sum;   /* ns, of all of them; wraps after 584 years */
    uint64_t min;   /* ns, exact; UINT64_MAX while empty */
    uint64_t max;   /* ns, exact; 0 while empty */
    uint64_t buckets[HWSI_HISTOGRAM_BUCKETS];
};

void hwsi_histogram_init(struct hwsi_histogram *histogram);

void hwsi_histogram_record(struct hwsi_histogram *histogram, uint64_t nanoseconds);

/* Adds all that `from` has recorded to `into`. They may not be the same histogram. */
void hwsi_histogram_merge(struct hwsi_histogram *into, const struct hwsi_histogram *from);

/*
 * The smallest bucket bound (ns, inclusive, never above `max`) that `per_million` of all durations
 * do not exceed: 500000 is the median, 999000 the 99.9th percentile; 0 answers the shortest
 * duration's bucket, anything above 1000000 is taken as 1000000. 0 while empty.
 */
uint64_t hwsi_histogram_percentile(const struct hwsi_histogram *histogram, uint32_t per_million);

/*
 * Walks the buckets that are not empty, from short to long. Start with *cursor = 0; while it
 * answers true, *upper is the longest duration the bucket can hold (never above `max`) and *count
 * how many it holds.
 */
bool hwsi_histogram_next(const struct hwsi_histogram *histogram, unsigned *cursor, uint64_t *upper,
                         uint64_t *count);

/*
 * Writes [[upper_ns,count],...] as JSON, NUL-terminated, cut off at `capacity`. Answers the length
 * of the whole text without the NUL, as snprintf does, so that a caller can measure first with a
 * NULL text and capacity 0.
 */
size_t hwsi_histogram_json(const struct hwsi_histogram *histogram, char *text, size_t capacity);

#endif
