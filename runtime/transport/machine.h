/* SPDX-License-Identifier: MIT */
/*
 * A machine of a loopback: what systems of one name run on, one after the other or side by side. Its clock, its pauses, how
 * fast it reads. Made when it is first named, freed with the loopback.
 */
#ifndef HAWSER_TRANSPORT_MACHINE_H
#define HAWSER_TRANSPORT_MACHINE_H

#include "transport/network.h"

struct hwsi_machine {
    struct hws_clock clock; /* first: the clock finds its machine */
    struct hws_loopback *loopback;
    uint64_t number;        /* from 1, in the order they were named */
    struct hwsi_list ends;  /* struct hwsi_end */
    uint64_t paused_until;  /* not after now: it is not */
    uint64_t stalled_until; /* the clock stands at `frozen` until then */
    uint64_t frozen, ahead; /* what its clock adds to the world's, modulo 2^64 */
    uint64_t read_rate;     /* bytes a second; 0: any */
    uint64_t read_free;     /* when it may read again */
    bool down;              /* it lost its power, and no system was attached since */
    size_t size;            /* of this block */
    char name[];
};

/* Finds or makes. 0 or HWS_ENOMEM. */
int hwsi_machine_named(struct hws_loopback *loopback, const char *name, struct hwsi_machine **out);
struct hwsi_machine *hwsi_machine_find(const struct hws_loopback *loopback, const char *name);
void hwsi_machines_free(struct hws_loopback *loopback);
bool hwsi_machine_paused(const struct hwsi_machine *machine);
/* The world's time when its clock will show `due`. */
uint64_t hwsi_machine_world_time(const struct hwsi_machine *machine, uint64_t due);
/* What waits for it is looked at again. */
void hwsi_machine_wake(struct hwsi_machine *machine);
/* How long a reader of `rate` needs for `bytes`, and how much it takes at a time. */
size_t hwsi_machine_mouthful(const struct hwsi_machine *machine, size_t size);
void hwsi_machine_has_read(struct hwsi_machine *machine, size_t size);

#endif
