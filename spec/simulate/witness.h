/* SPDX-License-Identifier: MIT */
/*
 * What must hold at every step of a world: events of each endpoint in their order, no try before its time, one live association a
 * uid, rings and memory within their bounds.
 */
#ifndef HAWSER_SPEC_SIMULATE_WITNESS_H
#define HAWSER_SPEC_SIMULATE_WITNESS_H

#include "world.h"

void witness_event(void *life, const struct hws_event *event);
void witness_step(void *world, const struct hws_loopback_step *step);
/* When nothing is under way any more: rings are empty, levels normal, nothing waits. */
void witness_quiet(struct life *life);
/* Has `life` a link to the present life of `other`? */
bool witness_connected(const struct life *life, const struct machine *other);

#endif
