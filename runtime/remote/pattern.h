/* SPDX-License-Identifier: MIT */
/*
 * A pattern that ids are held against: a part, the whole, or a regular expression (PCRE2's). Whoever asks may be a stranger, so
 * that the work is bounded: a pattern has at most HWS_PATTERN_MAX bytes, and an expression that takes more than a number of steps or
 * bytes on one id is given up. Owned by whoever made it.
 */
#ifndef HAWSER_REMOTE_PATTERN_H
#define HAWSER_REMOTE_PATTERN_H

#include "base/heap.h"
#include "hawser/service.h"

struct hwsi_regex;
struct hwsi_pattern {
    enum hws_match match;
    struct hws_slice text; /* borrowed */
    struct hwsi_regex *regex;
};

/* HWS_EINVAL, with a sentence; HWS_ENOMEM. */
int hwsi_pattern_init(struct hwsi_pattern *pattern, struct hwsi_heap *heap, enum hws_match match,
                      struct hws_slice text, char *detail, size_t capacity);
void hwsi_pattern_free(struct hwsi_pattern *pattern);
/* 1: it matches, 0: it does not; HWS_EINVAL: it would cost too much. `id` is UTF-8. */
int hwsi_pattern_match(const struct hwsi_pattern *pattern, struct hws_slice id);

#endif
