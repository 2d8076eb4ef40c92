/* SPDX-License-Identifier: MIT */
/*
 * The inside of a loopback: virtual time, the queue of what happens when, the systems and listeners that are attached, the
 * connections between them. Everything that happens is a timer of one heap, ordered by time and then by when it was
 * started; random numbers are drawn from one generator in that order, so a run follows from its seed.
 *
 * Systems are touched by what arrives for them and take their turn right afterwards, at the same time.
 */
#ifndef HAWSER_TRANSPORT_NETWORK_H
#define HAWSER_TRANSPORT_NETWORK_H

#include "base/heap.h"
#include "base/list.h"
#include "base/random.h"
#include "base/timers.h"
#include "hawser/loopback.h"

struct hws_loopback {
    struct hws_clock clock; /* first: the clock finds its loopback */
    uint64_t now;
    struct hws_loopback_options options;
    struct hwsi_heap *heap;
    struct hwsi_random random;
    struct hwsi_timers timers;
    struct hwsi_list seats;       /* struct hwsi_seat */
    struct hwsi_list listeners;   /* struct hwsi_loop_listener */
    struct hwsi_list spans;       /* struct hwsi_span */
    struct hwsi_list unreachable; /* struct unreachable */
};

/* A system's place at the loopback; it is the system's transport. */
struct hwsi_seat {
    struct hws_transport transport;
    struct hws_loopback *loopback;
    struct hws_system *system; /* NULL: none, or it has stopped */
    struct hwsi_timer turn;
    struct hwsi_list node;
    bool in_turn;
    bool released; /* inside a turn: freed after it */
};

struct hwsi_loop_listener {
    struct hws_listener listener;
    struct hws_listener_handler *handler;
    struct hwsi_seat *seat;
    struct hwsi_list node;
    size_t size; /* of this block */
    char address[];
};

/* A transport at this loopback, for a system or, in tests, for nobody (NULL). */
int hwsi_seat_new(struct hws_loopback *loopback, struct hws_system *system, struct hwsi_seat **out);
void hwsi_seat_touch(struct hwsi_seat *seat); /* something came: take a turn now */
const char *hwsi_seat_name(const struct hwsi_seat *seat);

struct hwsi_loop_listener *hwsi_loopback_find(struct hws_loopback *loopback, const char *address);
/* Is the address, or an address that the seat listens on, cut off? */
bool hwsi_loopback_is_unreachable(struct hws_loopback *loopback, const char *address);
bool hwsi_seat_is_unreachable(const struct hwsi_seat *seat);
/* When what is sent now arrives. */
uint64_t hwsi_loopback_arrival(struct hws_loopback *loopback);
/* With split_writes, a random part of `size`, at least 1; else all of it. */
size_t hwsi_loopback_piece(struct hws_loopback *loopback, size_t size);

#endif
