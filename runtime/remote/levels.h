/* SPDX-License-Identifier: MIT */
/*
 * The throttle levels that a policy gave an endpoint. A policy gives most endpoints the same ones, and they are 400 bytes: endpoints
 * that were given the same share them. Never changed; counted by the endpoints; calls nothing.
 */
#ifndef HAWSER_REMOTE_LEVELS_H
#define HAWSER_REMOTE_LEVELS_H

#include "base/heap.h"
#include "base/list.h"
#include "hawser/policy.h"

struct hwsi_levels {
    struct hwsi_list node;
    uint32_t refs;
    struct hws_throttle_levels given;
};

/* One reference to levels like `given`, of `all` or new ones in it. NULL: out of memory. */
struct hwsi_levels *hwsi_levels_share(struct hwsi_list *all, struct hwsi_heap *heap,
                                      const struct hws_throttle_levels *given);
void hwsi_levels_release(struct hwsi_levels *levels, struct hwsi_heap *heap); /* NULL is fine */

#endif
