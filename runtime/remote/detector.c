/* SPDX-License-Identifier: MIT */
#include "remote/detector.h"

#include <math.h>

static double exponent(double y)
{
    return y * (1.5976 + 0.070566 * y * y);
}

double hwsi_phi(double t, double mean, double deviation)
{
    double e = exp(-exponent((t - mean) / deviation));
    return t > mean ? -log10(e / (1 + e)) : -log10(1 - 1 / (1 + e));
}

/* The y at which phi reaches the threshold: e^exponent(y) = 10^threshold - 1. The exponent grows with y, so halving finds it. */
static double deviations_until(double threshold)
{
    double wanted = threshold * M_LN10, low = 0, high = 64;
    for (int i = 0; i < 48; i++) {
        double y = (low + high) / 2;
        if (exponent(y) < wanted)
            low = y;
        else
            high = y;
    }
    return high;
}

static void moments(const struct hwsi_detector *detector, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < detector->count; i++)
        sum += detector->samples[i];
    *mean = detector->count ? sum / detector->count : 0;
    for (uint32_t i = 0; i < detector->count; i++)
        squares += (detector->samples[i] - *mean) * (detector->samples[i] - *mean);
    *deviation = detector->count ? sqrt(squares / detector->count) : 0;
}

static uint64_t phi_patience(const struct hwsi_detector *detector,
                             const struct hws_options *options)
{
    double mean, deviation, least = (double)options->phi_min_deviation / (double)HWS_MICROSECOND;
    moments(detector, &mean, &deviation);
    if (deviation < least)
        deviation = least;
    return (uint64_t)((mean + deviation * deviations_until(options->phi_threshold)) *
                      (double)HWS_MICROSECOND);
}

static uint64_t deadline_patience(const struct hwsi_detector *detector,
                                  const struct hws_options *options)
{
    (void)detector;
    return options->suspect_after;
}

static const struct hwsi_detector_ops phi_ops = { phi_patience },
                                      deadline_ops = { deadline_patience };

void hwsi_detector_init(struct hwsi_detector *detector, const struct hws_options *options)
{
    *detector = (struct hwsi_detector){ .ops = options->suspect_after ? &deadline_ops : &phi_ops };
}

void hwsi_detector_free(struct hwsi_detector *detector, struct hwsi_heap *heap)
{
    hwsi_free(heap, detector->samples, detector->capacity * sizeof *detector->samples);
    detector->samples = NULL;
    detector->count = detector->capacity = detector->next = 0;
}

static void grow(struct hwsi_detector *detector, struct hwsi_heap *heap, uint32_t most)
{
    uint32_t capacity = detector->capacity ? detector->capacity * 2 : 8;
    if (capacity > most)
        capacity = most;
    uint32_t *samples = hwsi_resize(heap, detector->samples, detector->capacity * sizeof *samples,
                                    capacity * sizeof *samples);
    if (!samples)
        return;
    detector->samples = samples;
    detector->capacity = capacity;
    detector->next = detector->count;
}

void hwsi_detector_sample(struct hwsi_detector *detector, struct hwsi_heap *heap, uint32_t most,
                          uint64_t took)
{
    uint64_t us = took / HWS_MICROSECOND;
    if (detector->count == detector->capacity && detector->capacity < most)
        grow(detector, heap, most);
    if (!detector->capacity)
        return;
    if (detector->next == detector->capacity)
        detector->next = 0;
    detector->samples[detector->next++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    if (detector->count < detector->capacity)
        detector->count++;
}
