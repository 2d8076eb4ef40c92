/* SPDX-License-Identifier: MIT */
/* Where loop.h's functions meet system.c. */
#ifndef HAWSER_SYSTEM_LOOP_H
#define HAWSER_SYSTEM_LOOP_H

#include "hawser/loop.h"

struct hwsi_driver;

/* system.c: the place where a system keeps its driver; NULL inside until hws_loop_attach(). The system never looks into it. */
struct hwsi_driver **hwsi_system_driver(struct hws_system *system);

/*
 * For hws_system_free(): a system that has not stopped, on a loop of its own, has nobody to run that loop any more. Runs it until the
 * system has stopped, and is true. On a host's loop, or inside a turn, it does nothing: the loop is going to be run.
 */
bool hwsi_loop_finish(struct hws_system *system);

#endif
