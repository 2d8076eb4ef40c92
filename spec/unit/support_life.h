/* SPDX-License-Identifier: MIT */
/*
 * The life that a scenario's systems lead: start, connect, messages, requests, watches, cuts, crossing dials, resume, suspicion,
 * throttling, a client, quarantine, block list, failing policies and actors, restart, stop. Every event that it should meet is in
 * LIFE_EVENTS: a test that counts the points of a life knows what it has passed through.
 */
#ifndef HAWSER_SPEC_SUPPORT_LIFE_H
#define HAWSER_SPEC_SUPPORT_LIFE_H

#include "support_scenario.h"

/* clang-format off */
#define LIFE_EVENTS(X)                                                                   \
    X(ListenStarted) X(AssociationAttempt) X(EndpointConnected) X(EndpointDisconnected)  \
    X(EndpointReconnect) X(Suspect) X(Reachable) X(EndpointSuspended) X(Gated)           \
    X(Quarantined) X(Released) X(Blocked) X(EndpointTerminated) X(EndpointThrottled)     \
    X(LinkRefused) X(DeadLetter) X(ActorStarted) X(ActorStopped) X(ActorFailed) X(Watch) \
    X(PolicyLoaded) X(PolicyError) X(Shutdown)
/* clang-format on */

void life_run(struct scenario *scenario);
/* Of the points of a life, every so many are tried: HAWSER_TORTURE, or `usual`, but eight times that where a sanitizer slows it down. */
unsigned life_step(unsigned usual);
/* NULL, or the first event of LIFE_EVENTS that did not come. */
const char *life_missed(const struct scenario *scenario);

#endif
