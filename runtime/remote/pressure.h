/* SPDX-License-Identifier: MIT */
/*
 * Who wants to know of throttle levels (hawser/remote.h). An endpoint whose level has changed is marked, in the middle of a send
 * or of I/O; the turn tells the listeners what is true by then. Owned by the manager; a handle may outlive it.
 *
 * A listener may do anything, so while they are called none is freed, and an endpoint may be gone when its first has returned.
 */
#ifndef HAWSER_REMOTE_PRESSURE_H
#define HAWSER_REMOTE_PRESSURE_H

#include "base/heap.h"
#include "base/list.h"
#include "hawser/remote.h"

struct hwsi_endpoint;

struct hwsi_pressure {
    struct hwsi_list listeners;
    struct hwsi_list changed; /* endpoints */
    bool telling;
};

void hwsi_pressure_init(struct hwsi_pressure *pressure);
void hwsi_pressure_free(struct hwsi_pressure *pressure);
/* The level of `endpoint` is another one now. */
void hwsi_pressure_changed(struct hwsi_endpoint *endpoint);
void hwsi_pressure_tell(struct hwsi_pressure *pressure);
/* For all of `endpoints`. HWS_EINVAL, HWS_ENOMEM. */
int hwsi_pressure_listen(struct hwsi_pressure *pressure, struct hwsi_heap *heap,
                         struct hwsi_list *endpoints, const char *pattern, hws_backpressure_fn fn,
                         void *data, struct hws_backpressure_listener **out);
void hwsi_pressure_read(const struct hwsi_endpoint *endpoint, struct hws_backpressure *out);

#endif
