/* SPDX-License-Identifier: MIT */
/*
 * hawser-floor: how fast this machine is without hawser. Each work is the fastest honest program
 * of two processes over loopback TCP that does nothing but what the benchmark counts, on plain
 * libuv (and msgpack-c and Lua for the works named so). `hawser bench` runs it beside its own rows.
 *
 * A work has two sides. The measuring side fills a result in the process that was started; the peer
 * side runs in a forked child and measures nothing. Neither knows how the other was started.
 */
#ifndef HAWSER_BENCH_FLOOR_H
#define HAWSER_BENCH_FLOOR_H

#include "../../../runtime/base/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOOR_MOST_PAYLOAD (1024u * 1024u)

/*
 * A stream is written in 64 KiB, less what keeps a write within one packet of loopback's 65536
 * bytes with its headers: one byte more makes a second, nearly empty packet of each write, and
 * costs up to half of the rate.
 */
#define FLOOR_WRITE_BYTES 65483u

/* How a side ended. FLOOR_CUT: the other side was gone; what that means is its starter's to say. */
enum floor_outcome { FLOOR_OK, FLOOR_FAILED, FLOOR_CUT };

struct floor_options {
    size_t payload;       /* bytes of a message, without any prefix or header */
    uint64_t duration;    /* ns of sending */
    unsigned outstanding; /* requests without an answer; 1 for the ping-pong */
    unsigned cores;       /* 1: both sides on one, 2: one each, 0: as the system likes */
    size_t write;         /* bytes of a write of a stream */
    uint64_t endpoints;   /* that are idle */
};

struct floor_result {
    uint64_t messages;                 /* at the measuring side: received, or answered */
    uint64_t elapsed;                  /* ns, from the first to the last of them */
    uint64_t memory;                   /* bytes, of all idle endpoints */
    struct hwsi_histogram round_trips; /* empty where the work has none */
};

struct floor_work {
    const char *name;
    size_t least_payload;
    bool stream; /* it has --write, and no --outstanding */
    bool echo;   /* it has neither */
    bool idle;   /* it has only --endpoints, and no messages are counted but endpoints */
    enum floor_outcome (*measure)(int fd, const struct floor_options *options,
                                  struct floor_result *result);
    enum floor_outcome (*peer)(int fd, const struct floor_options *options);
};

/*
 * What a program made of floor.c and pair.c is: its name, its works (NULL behind the last), and
 * whether it is raw. The sides of a raw program get the two ends of one TCP connection; others get
 * a socket pair on which to agree about their own.
 */
extern const char floor_program[];
extern const bool floor_raw;
extern const struct floor_work *const floor_works[];

/* One sentence on stderr. Answers FLOOR_FAILED. */
enum floor_outcome floor_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* CLOCK_MONOTONIC in ns. */
uint64_t floor_now(void);

#endif
