/* SPDX-License-Identifier: MIT */
/*
 * The turns of all systems on one uv_loop_t. Once a loop iteration, right before the loop sleeps, each system takes its turn; only
 * then is it looked up when the next one is due, because a handler of one system may have given another something to do.
 * One timer wakes the loop for the earliest, and an idle handle keeps it from sleeping while one is due now. None of the handles
 * keeps the loop alive.
 *
 * Found on its loop by who attaches next; closed when its last driver and its last hold have gone.
 */
#ifndef HAWSER_LOOP_TURNS_H
#define HAWSER_LOOP_TURNS_H

#include "base/heap.h"
#include "base/list.h"

#include <uv.h>

struct hwsi_driver;

struct hwsi_turns {
    uv_loop_t *loop;
    struct hwsi_heap *heap;
    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_idle_t idle;
    struct hwsi_list drivers; /* struct hwsi_driver */
    struct hwsi_list *cursor; /* the next to take its turn, during a pass */
    unsigned holds;
    unsigned handles; /* not closed yet */
    bool closing;
    struct hwsi_driver *last; /* waits for the handles to be closed; NULL: nobody does */
    void (*ask)(
        void *
            data); /* called between the turns and the look at what is due next; NULL: nobody asks */
    void *data;
};

/*
 * The loop's own, found or made, with one hold more. NULL: out of memory. Its memory is malloc's: it belongs to the loop, and may
 * outlive any system and its allocator.
 */
struct hwsi_turns *hwsi_turns_of(uv_loop_t *loop);
void hwsi_turns_release(struct hwsi_turns *turns);

void hwsi_turns_join(struct hwsi_turns *turns, struct hwsi_driver *driver);
/* The driver, which has joined, takes no turn any more. hwsi_driver_leave() is called when nothing of it is left here, maybe at once. */
void hwsi_turns_leave(struct hwsi_turns *turns, struct hwsi_driver *driver);

#endif
