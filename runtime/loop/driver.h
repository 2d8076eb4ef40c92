/* SPDX-License-Identifier: MIT */
/*
 * Drives one system from a uv_loop_t. Once a loop iteration, right before the loop sleeps, the system takes its turn; then the
 * driver looks when the next one is due and sets a timer, or keeps the loop from sleeping. An asynchronous handle wakes the
 * loop for other threads and keeps it alive until the system has stopped.
 *
 * Lives until its handles are closed, the system has let go of it, and every hold on it is gone; then `freed` is called. Its
 * own loop is closed with it: handles that a host has put on that loop must be closed before the system is freed.
 */
#ifndef HAWSER_LOOP_DRIVER_H
#define HAWSER_LOOP_DRIVER_H

#include "base/heap.h"
#include "hawser/system.h"

#include <uv.h>

struct hwsi_driver {
    struct hws_system *system; /* NULL: stopped */
    struct hwsi_heap *heap;
    uv_loop_t *loop;
    uv_prepare_t prepare; /* the turn */
    uv_timer_t timer;     /* wakes the loop at `due` */
    uv_idle_t idle;       /* active: a turn is due now */
    uv_async_t wake;
    uint64_t due;     /* on the system's clock, while `timer` is active */
    unsigned open;  /* things on the loop that are not closed yet: the four handles, and what has joined */
    unsigned holds; /* owners */
    bool owns_loop;
    bool busy; /* inside a turn, or inside hwsi_driver_run() */
    void (*stopped)(void *data);
    void *data;
};

/*
 * Starts driving `system` from `loop` or, with NULL, from a loop of its own. `stopped` is called when the system has stopped,
 * as the driver starts closing its handles. The caller has one hold on it. HWS_ENOMEM, or HWS_EIO: no descriptor is left.
 */
int hwsi_driver_new(struct hws_system *system, struct hws_allocator *allocator, uv_loop_t *loop, void (*stopped)(void *data),
                    void *data, struct hwsi_driver **out);

/* Owners. The last release() of an own loop runs it until everything on it is closed. */
void hwsi_driver_hold(struct hwsi_driver *driver);
void hwsi_driver_release(struct hwsi_driver *driver);

/* Something else that is closed with the system is on the loop; it has left the loop. */
void hwsi_driver_join(struct hwsi_driver *driver);
void hwsi_driver_leave(struct hwsi_driver *driver);

/* Stops driving, as if the system had stopped; idempotent. `stopped` is called. */
void hwsi_driver_stop(struct hwsi_driver *driver);

/* Runs the loop: its own until the system has stopped and all is closed, a host's until uv_run() returns. */
int hwsi_driver_run(struct hwsi_driver *driver);

#endif
