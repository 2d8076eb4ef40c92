/* SPDX-License-Identifier: MIT */
/*
 * The peer of the ping-pong and of the requests: sends each message back as it came, one write for
 * all that arrived in one read, until the other side closes.
 */
#ifndef HAWSER_BENCH_FLOOR_ANSWER_H
#define HAWSER_BENCH_FLOOR_ANSWER_H

#include "floor.h"

enum floor_outcome floor_answer(int fd, const struct floor_options *options);

#endif
