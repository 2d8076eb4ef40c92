/* SPDX-License-Identifier: MIT */
/*
 * A network inside the process, in virtual time, the same every time for the same seed. Systems attached to one loopback share
 * its clock; nothing moves until hws_loopback_step() or _run() is called.
 *
 * Addresses are "host:port" texts of any kind; a system that listens on one (options.listen = "loop:a:1") is dialled by the same text.
 */
#ifndef HAWSER_LOOPBACK_H
#define HAWSER_LOOPBACK_H

#include "hawser/system.h"

struct hws_loopback;

struct hws_loopback_options {
    uint64_t seed;     /* 0 is a seed like any other */
    uint64_t latency;  /* ns a byte is under way */
    uint64_t jitter;   /* ns added at random, order kept */
    size_t pipe_bytes; /* bytes under way each way before a writer must wait; 0: 256 KiB */
    bool split_writes; /* deliver and take bytes in random pieces, from 1 byte up */
    double drop_link;  /* the chance that a delivery cuts its link instead, 0 to 1 */
    struct hws_allocator *allocator; /* NULL: hws_default_allocator() */
};

HWS_API int hws_loopback_new(const struct hws_loopback_options *options, struct hws_loopback **out);
/* After every system attached to it is freed. */
HWS_API void hws_loopback_free(struct hws_loopback *loopback);
HWS_API struct hws_clock *
hws_loopback_clock(struct hws_loopback *loopback); /* give it as options.clock */
/* Adds the transport "loop" to a new system and drives the system. Before hws_start(). */
HWS_API int hws_loopback_attach(struct hws_loopback *loopback, struct hws_system *system);

/* Does what is due next and moves the clock to it. False: nothing will ever be due. */
HWS_API bool hws_loopback_step(struct hws_loopback *loopback);
/* Steps until the clock has moved by `duration` ns; the clock ends there exactly. */
HWS_API void hws_loopback_run(struct hws_loopback *loopback, uint64_t duration);
/* Steps until `done(data)` or the clock has moved by `limit`; was it done? */
HWS_API bool hws_loopback_run_until(struct hws_loopback *loopback, bool (*done)(void *data),
                                    void *data, uint64_t limit);

/* Cuts every link that is open now, as a lost connection; bytes under way are lost. */
HWS_API void hws_loopback_cut(struct hws_loopback *loopback);
/* While unreachable, dials to `address` are refused and its links are cut. */
HWS_API int hws_loopback_reachable(struct hws_loopback *loopback, const char *address,
                                   bool reachable);

#endif
