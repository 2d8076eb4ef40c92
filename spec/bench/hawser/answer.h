/* SPDX-License-Identifier: MIT */
/*
 * The peer of the ping-pong and of the requests: an actor "echo" that answers each message with
 * its payload, until the other side has said goodbye.
 */
#ifndef HAWSER_BENCH_ANSWER_H
#define HAWSER_BENCH_ANSWER_H

#include "side.h"

enum floor_outcome bench_answer(int fd, const struct floor_options *options);

#endif
