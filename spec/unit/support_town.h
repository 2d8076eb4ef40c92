/* SPDX-License-Identifier: MIT */
/*
 * A few systems on a loopback, each on its own machine with an actor "sink" that counts what comes. One at a time; what is
 * allocated is counted, and town_close() checks that nothing is left.
 */
#ifndef HAWSER_SPEC_SUPPORT_TOWN_H
#define HAWSER_SPEC_SUPPORT_TOWN_H

#include "hawser/hawser.h"
#include "hawser/loopback.h"

#define TOWN_SYSTEMS 8

struct town {
    struct hws_loopback *network;
    struct hws_system *systems[TOWN_SYSTEMS];
    unsigned lives[TOWN_SYSTEMS];
    uint64_t got[TOWN_SYSTEMS];
    size_t held; /* bytes allocated */
    struct hws_allocator allocator, network_allocator;
    uint64_t fail_in; /* not 0: the n-th allocation of the network from now fails */
};

extern struct town town;

void town_clear(void);
void town_open(uint64_t seed, unsigned count);
/* Ends what is there; a minute of its time passes. */
void town_close(void);
const char *town_name(unsigned i);
void town_start(unsigned i); /* again after a kill, with another uid */
void town_send(unsigned from, unsigned to);
void town_run(uint64_t ms);
/* How `at` sees `of`; `uid` may be NULL. */
enum hws_endpoint_state town_state(unsigned at, unsigned of, uint64_t *uid);
void town_kill(unsigned i, enum hws_loopback_death death);

#endif
