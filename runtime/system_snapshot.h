/* SPDX-License-Identifier: MIT */
/*
 * Where readers of other threads ask for a snapshot and the system's turn leaves it (hawser/snapshot.h). Every request has a ticket;
 * a snapshot answers all tickets given out before it was begun.
 */
#ifndef HAWSER_SYSTEM_SNAPSHOT_H
#define HAWSER_SYSTEM_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>

#include "hawser/snapshot.h"

struct hwsi_shared_snapshot;
struct hwsi_desk {
    atomic_bool asked;         /* the next turn answers */
    _Atomic(pthread_t) turner; /* who ran the last turn; once `turned` */
    atomic_bool turned;
    bool open; /* lock and answers are there */
    pthread_mutex_t lock;
    pthread_cond_t answers;
    /* under the lock: */
    uint64_t tickets, answered, last_ticket;
    struct hwsi_shared_snapshot *last;
    bool over; /* the system has stopped */
};

int hwsi_desk_init(struct hwsi_desk *desk); /* HWS_ENOMEM */
void hwsi_desk_free(struct hwsi_desk *desk);
/* From a turn: this thread is the system's; somebody has asked; it was the last one. */
void hwsi_desk_turn(struct hwsi_desk *desk);
void hwsi_desk_answer(struct hws_system *system);
void hwsi_desk_close(struct hws_system *system);
static inline bool hwsi_desk_asked(const struct hwsi_desk *desk)
{
    return atomic_load_explicit(&desk->asked, memory_order_relaxed);
}

#endif
