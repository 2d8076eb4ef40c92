/* SPDX-License-Identifier: MIT */
/*
 * Ties one system to a uv_loop_t: it takes its turns there (turns.h), other threads wake the loop for it, and the loop stays
 * alive until the system has stopped.
 *
 * Lives until everything of it on the loop is closed and its owners have let go. Its own loop, if it has one, is closed with it:
 * handles that a host has put on that loop must be closed before the system is freed.
 */
#ifndef HAWSER_LOOP_DRIVER_H
#define HAWSER_LOOP_DRIVER_H

#include "base/heap.h"
#include "base/list.h"
#include "hawser/system.h"

#include <uv.h>

struct hwsi_turns;

struct hwsi_driver {
    struct hws_system *system; /* NULL: stopped */
    struct hwsi_heap *heap;
    uv_loop_t *loop;
    struct hwsi_turns *turns;
    struct hwsi_list node; /* in turns->drivers */
    uint64_t due;          /* the next turn, on the system's clock, when it was last asked */
    uv_async_t wake;
    unsigned
        open; /* things on the loop that are not closed yet: the wake-up, the turns, and what has joined */
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
int hwsi_driver_new(struct hws_system *system, struct hws_allocator *allocator, uv_loop_t *loop,
                    void (*stopped)(void *data), void *data, struct hwsi_driver **out);

/* Owners. The last release() of an own loop runs it until everything on it is closed. */
void hwsi_driver_hold(struct hwsi_driver *driver);
void hwsi_driver_release(struct hwsi_driver *driver);

/* Something else that is closed with the system is on the loop; it has left the loop. */
void hwsi_driver_join(struct hwsi_driver *driver);
void hwsi_driver_leave(struct hwsi_driver *driver);

void hwsi_driver_turn(struct hwsi_driver *driver); /* for turns.c */

/* Stops driving, as if the system had stopped; idempotent. `stopped` is called. */
void hwsi_driver_stop(struct hwsi_driver *driver);

/* Runs the loop: its own until the system has stopped and all is closed, a host's until uv_run() returns. */
int hwsi_driver_run(struct hwsi_driver *driver);

#endif
