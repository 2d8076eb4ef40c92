/* SPDX-License-Identifier: MIT */
/*
 * Two processes with one TCP connection between them over 127.0.0.1, on a port the kernel chose.
 * The connection is made before the fork and no libuv loop exists then, so that each side starts
 * with nothing but its own end of it.
 */
#ifndef HAWSER_BENCH_FLOOR_PAIR_H
#define HAWSER_BENCH_FLOOR_PAIR_H

#include "floor.h"

/*
 * Runs the work's peer in a child and its measuring side here, waits for the child, and answers
 * FLOOR_OK with *result filled, or FLOOR_FAILED after one sentence on stderr.
 */
enum floor_outcome floor_pair_run(const struct floor_work *work,
                                  const struct floor_options *options, struct floor_result *result);

/* Stays on that core, the system's number for it, below 1024. */
enum floor_outcome floor_stay_on_core(unsigned nth);

#endif
