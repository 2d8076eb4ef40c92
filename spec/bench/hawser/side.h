/* SPDX-License-Identifier: MIT */
/*
 * One side of a hawser work: a process with one system, its loop, and the end of a socket pair on
 * which the two sides say once where they listen. Measured is only what goes over TCP.
 *
 * A side fails when anything at all became a dead letter in it, when its work said so, or when it
 * takes ten seconds longer than it was given.
 */
#ifndef HAWSER_BENCH_SIDE_H
#define HAWSER_BENCH_SIDE_H

#include "../floor/floor.h"
#include "hawser/hawser.h"

struct bench_side {
    struct hws_system *system;
    struct hws_timer *watchdog;
    enum floor_outcome outcome;
};

/* Makes and starts a system. `loop` NULL: one of its own. `listen` NULL: it only dials. */
enum floor_outcome bench_side_open(struct bench_side *side, const char *name, const char *listen,
                                   struct uv_loop_s *loop, const struct floor_options *options);
/*
 * Spawns an actor of that name; `self` stays the caller's. The reference in `out` (may be NULL)
 * is the caller's.
 */
enum floor_outcome bench_side_spawn(struct bench_side *side, const char *name,
                                    const struct hws_actor_ops *ops, void *self,
                                    struct hws_pid **out);
/* Runs the system's own loop until it has stopped, checks it, and frees it. */
enum floor_outcome bench_side_run(struct bench_side *side);
/* Drains and stops the system. */
void bench_side_finish(struct bench_side *side);
/* The same, and the side has failed. */
void bench_side_fail(struct bench_side *side, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bench_side_free(struct bench_side *side); /* without running it; half-opened is fine */

/*
 * A text to, or from, the other side. `text` has room for `capacity` bytes with the terminating
 * 0.
 */
enum floor_outcome bench_tell(int fd, const char *text);
enum floor_outcome bench_hear(int fd, char *text, size_t capacity);

/*
 * A msgpack bin of `size` bytes that are all `fill`, for the caller to free; NULL: out of memory,
 * and said so.
 */
#define BENCH_FILL 0x5au
struct hws_slice bench_payload(size_t size);
/* The bin's content; size 0 when it is no bin. */
struct hws_slice bench_content(struct hws_slice payload);

#endif
