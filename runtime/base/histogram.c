/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SUB_BUCKETS (UINT64_C(1) << HWSI_HISTOGRAM_SUB_BITS)
#define MILLION UINT64_C(1000000)

static unsigned highest_bit(uint64_t value)
{
#if defined(__GNUC__)
    return 63u - (unsigned)__builtin_clzll(value);
#else
    unsigned bit = 0;
    while (value >>= 1) {
        bit++;
    }
    return bit;
#endif
}

static unsigned bucket_of(uint64_t nanoseconds)
{
    if (nanoseconds < SUB_BUCKETS) {
        return (unsigned)nanoseconds;
    }
    if (nanoseconds >> HWSI_HISTOGRAM_MAX_BITS) {
        return HWSI_HISTOGRAM_BUCKETS - 1;
    }
    /* The shifted value keeps its top bit, worth 32: that makes up for the octave left out. */
    unsigned shift = highest_bit(nanoseconds) - HWSI_HISTOGRAM_SUB_BITS;
    return (shift << HWSI_HISTOGRAM_SUB_BITS) + (unsigned)(nanoseconds >> shift);
}

static uint64_t upper_of(unsigned bucket)
{
    if (bucket < 2 * SUB_BUCKETS) {
        return bucket;
    }
    unsigned shift = (bucket >> HWSI_HISTOGRAM_SUB_BITS) - 1;
    uint64_t top = (bucket & (SUB_BUCKETS - 1)) | SUB_BUCKETS;
    return ((top + 1) << shift) - 1;
}

/* The last bucket has no bound of its own, and no bound need be above the longest duration. */
static uint64_t upper_seen(const struct hwsi_histogram *histogram, unsigned bucket)
{
    uint64_t upper = upper_of(bucket);
    bool last = bucket == HWSI_HISTOGRAM_BUCKETS - 1;
    return last || upper > histogram->max ? histogram->max : upper;
}

void hwsi_histogram_init(struct hwsi_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->min = UINT64_MAX;
}

void hwsi_histogram_record(struct hwsi_histogram *histogram, uint64_t nanoseconds)
{
    histogram->count++;
    histogram->sum += nanoseconds;
    histogram->min = nanoseconds < histogram->min ? nanoseconds : histogram->min;
    histogram->max = nanoseconds > histogram->max ? nanoseconds : histogram->max;
    histogram->buckets[bucket_of(nanoseconds)]++;
}

void hwsi_histogram_merge(struct hwsi_histogram *into, const struct hwsi_histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    into->min = from->min < into->min ? from->min : into->min;
    into->max = from->max > into->max ? from->max : into->max;
    for (unsigned i = 0; i < HWSI_HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

/* ceil(count * per_million / 1e6), at least 1; no overflow, no rounding of floating point. */
static uint64_t rank_of(uint64_t count, uint64_t per_million)
{
    if (per_million > MILLION) {
        per_million = MILLION;
    }
    uint64_t rank = count / MILLION * per_million;
    rank += (count % MILLION * per_million + MILLION - 1) / MILLION;
    return rank > 0 ? rank : 1;
}

uint64_t hwsi_histogram_percentile(const struct hwsi_histogram *histogram, uint32_t per_million)
{
    uint64_t rank = rank_of(histogram->count, per_million);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HWSI_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            return upper_seen(histogram, i);
        }
    }
    return 0;
}

bool hwsi_histogram_next(const struct hwsi_histogram *histogram, unsigned *cursor, uint64_t *upper,
                         uint64_t *count)
{
    for (unsigned i = *cursor; i < HWSI_HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] > 0) {
            *cursor = i + 1;
            *upper = upper_seen(histogram, i);
            *count = histogram->buckets[i];
            return true;
        }
    }
    *cursor = HWSI_HISTOGRAM_BUCKETS;
    return false;
}

/* snprintf at an offset that may already be past the end of the text; answers the new offset. */
static size_t append(char *text, size_t capacity, size_t length, const char *format, ...)
{
    bool room = length < capacity;
    va_list arguments;

    va_start(arguments, format);
    int added =
        vsnprintf(room ? text + length : NULL, room ? capacity - length : 0, format, arguments);
    va_end(arguments);
    return length + (size_t)added;
}

size_t hwsi_histogram_json(const struct hwsi_histogram *histogram, char *text, size_t capacity)
{
    size_t length = append(text, capacity, 0, "[");
    unsigned cursor = 0;
    uint64_t upper, count;

    while (hwsi_histogram_next(histogram, &cursor, &upper, &count)) {
        const char *separator = length > 1 ? "," : "";
        length =
            append(text, capacity, length, "%s[%" PRIu64 ",%" PRIu64 "]", separator, upper, count);
    }
    return append(text, capacity, length, "]");
}
