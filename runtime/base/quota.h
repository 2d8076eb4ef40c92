/* SPDX-License-Identifier: MIT */
/*
 * So many a second and no more, for log lines that a peer or a script could cause without end. Owned by whoever logs; a zeroed
 * one is new. It knows no clock: each question brings the time.
 */
#ifndef HAWSER_BASE_QUOTA_H
#define HAWSER_BASE_QUOTA_H

#include "hawser/core.h"

struct hwsi_quota {
    uint64_t second, taken, refused;
};

/*
 * May one more be logged at `now` (ns), of `most` a second? *untold: how many were refused since this was last told, in a second
 * that is over by now.
 */
bool hwsi_quota_take(struct hwsi_quota *quota, uint64_t now, uint64_t most, uint64_t *untold);

#endif
