/* SPDX-License-Identifier: MIT */
/*
 * The endpoint's chart (remote/endpoint.h) in a world: each event leaves the state that the one before entered, since when that was;
 * what is counted adds up; both ends of an association name it alike.
 */
#ifndef HAWSER_SPEC_SIMULATE_CHART_H
#define HAWSER_SPEC_SIMULATE_CHART_H

#include "world.h"

struct hwsi_endpoint;

void chart_event(struct life *life, struct sight *sight, const struct hws_event *event);
void chart_balance(struct life *life, const struct hwsi_endpoint *endpoint);
/* When nothing is under way any more. */
void chart_agree(struct world *world);

#endif
