/* SPDX-License-Identifier: MIT */
/*
 * The inside of a loopback: virtual time, the queue of what happens when, the machines and the ways between them, the systems
 * and listeners that are attached, the connections. Everything that happens is a timer of one heap, ordered by time and then by
 * when it was started; random numbers are drawn from one generator in that order, so a run follows from its seed.
 *
 * Systems are touched by what arrives for them and take their turn right afterwards, at the same time.
 */
#ifndef HAWSER_TRANSPORT_NETWORK_H
#define HAWSER_TRANSPORT_NETWORK_H

#include <stdatomic.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "base/timers.h"
#include "hawser/loopback.h"

struct hwsi_machine;

struct hws_loopback {
    struct hws_clock clock; /* first: the clock finds its loopback */
    uint64_t now;
    struct hws_loopback_way usual; /* where nothing else was said */
    bool split_writes;
    struct hwsi_heap *heap;
    struct hwsi_random random;
    struct hwsi_timers timers;
    struct hwsi_list seats;       /* struct hwsi_seat */
    struct hwsi_list spans;       /* struct hwsi_span */
    struct hwsi_list unreachable; /* struct unreachable */
    struct hwsi_list way_list;    /* struct hwsi_way */
    struct hwsi_map ways;         /* the same by the machines it leads from and to */
    struct hwsi_map machines;     /* struct hwsi_machine, by name */
    struct hwsi_map places;       /* struct hwsi_place, by address */
    uint64_t machine_count;
    atomic_bool
        woken; /* from another thread or a signal handler: some system has something to do */
    bool stepping;
    struct hws_loopback_step
        step; /* the one that is being done; number 0: nothing worth telling yet */
    char step_peer[80];
    uint64_t steps, digest;
    void (*on_step)(void *data, const struct hws_loopback_step *step);
    void *on_step_data;
};

/* A system's place at the loopback; it is the system's transport. */
struct hwsi_seat {
    struct hws_transport transport;
    struct hws_loopback *loopback;
    struct hwsi_machine *machine;
    struct hws_system *system; /* NULL: none, or it has stopped */
    struct hwsi_timer turn;
    struct hwsi_list node;
    bool in_turn;
    bool released; /* inside a turn: freed after it */
    bool dead;     /* killed: nothing passes any more */
};

/* Who listened on an address last, and who does. Stays for the loopback's life. */
struct hwsi_place {
    struct hwsi_machine *machine;
    struct hwsi_loop_listener *listener; /* NULL: nobody now */
    size_t size;                         /* of this block */
    char address[];
};

struct hwsi_loop_listener {
    struct hws_listener listener;
    struct hws_listener_handler *handler;
    struct hwsi_seat *seat;
    struct hwsi_place *place; /* NULL: its system was killed */
};

/* A transport at this loopback, for a system or, in tests, for nobody (NULL). */
int hwsi_seat_new(struct hws_loopback *loopback, const char *machine, struct hws_system *system,
                  struct hwsi_seat **out);
void hwsi_seat_touch(struct hwsi_seat *seat); /* something came: take a turn now; NULL is fine */
void hwsi_seat_look(struct hwsi_seat *seat);  /* its next turn may be earlier */

struct hwsi_place *hwsi_loopback_find(struct hws_loopback *loopback, const char *address);
/* Is the address, or an address that the machine listens on, cut off? */
bool hwsi_loopback_is_unreachable(struct hws_loopback *loopback, const char *address);
bool hwsi_machine_is_unreachable(const struct hwsi_machine *machine);
/* When what is sent now over `way` arrives. */
uint64_t hwsi_loopback_arrival(struct hws_loopback *loopback, const struct hws_loopback_way *way);
/* With split_writes, a random part of `size`, at least 1; else all of it. */
size_t hwsi_loopback_piece(struct hws_loopback *loopback, size_t size);
/* What the step that is being done does; the last word counts. `peer` is copied. */
void hwsi_loopback_note(struct hws_loopback *loopback, enum hws_loopback_step_kind kind,
                        const struct hwsi_machine *machine, const char *peer, uint64_t bytes);

#endif
