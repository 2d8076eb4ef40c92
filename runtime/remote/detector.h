/* SPDX-License-Identifier: MIT */
/*
 * Failure detectors: how long may an answer to a PING be outstanding before the peer is suspect? Pure; time comes in.
 *
 * phi: the accrual detector of Hayashibara, Defago, Yared and Katayama, "The phi Accrual Failure Detector" (SRDS 2004).
 * phi = -log10(P(an answer comes later than this)), for answer times taken as normally distributed with the mean and deviation of the
 * last samples; the tail of the normal distribution by the logistic approximation that Akka and Pekko use (their
 * PhiAccrualFailureDetector): P = 1 / (1 + e^(y (1.5976 + 0.070566 y^2))), y = (t - mean) / deviation.
 * deadline: a fixed time.
 */
#ifndef HAWSER_REMOTE_DETECTOR_H
#define HAWSER_REMOTE_DETECTOR_H

#include "base/heap.h"
#include "hawser/options.h"

struct hwsi_detector;
struct hwsi_detector_ops {
    /* After how many ns without an answer the peer is suspect. */
    uint64_t (*patience)(const struct hwsi_detector *detector, const struct hws_options *options);
};
struct hwsi_detector {
    const struct hwsi_detector_ops *ops;
    uint32_t *samples; /* us; a ring that grows up to phi_samples */
    uint32_t count, capacity, next;
};

/* phi, unless options.suspect_after chooses the deadline. */
void hwsi_detector_init(struct hwsi_detector *detector, const struct hws_options *options);
void hwsi_detector_free(struct hwsi_detector *detector, struct hwsi_heap *heap);
/* An answer took so long. Without memory for more samples it goes on with those it has. */
void hwsi_detector_sample(struct hwsi_detector *detector, struct hwsi_heap *heap, uint32_t most,
                          uint64_t took);
static inline uint64_t hwsi_detector_patience(const struct hwsi_detector *detector,
                                              const struct hws_options *options)
{
    return detector->ops->patience(detector, options);
}
/* phi of an answer that is outstanding for `t`, of answers that took `mean` with `deviation` (any unit, the same). */
double hwsi_phi(double t, double mean, double deviation);

#endif
