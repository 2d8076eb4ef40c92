/* SPDX-License-Identifier: MIT */
/* What all worlds of a run had, so that a fault that never occurs is seen. */
#ifndef HAWSER_SPEC_SIMULATE_TALLY_H
#define HAWSER_SPEC_SIMULATE_TALLY_H

#include <stdint.h>

/* X(name): what goes wrong (fault.c) */
/* clang-format off */
#define FAULTS(X)                                                                      \
    X(cut_everything) X(cut_pair) X(cut_by_call) X(unreachable) X(partition_cut)       \
    X(partition_silent) X(partition_one_way) X(collide) X(dial_at_once) X(way_slow)    \
    X(way_narrow) X(way_lossy) X(pause) X(clock_stalls) X(clock_jumps) X(slow_reader)  \
    X(kill_reset) X(kill_silent) X(restart) X(close_endpoint) X(quarantine) X(release) \
    X(block) X(unblock) X(no_memory)
/* clang-format on */
enum fault_kind {
#define X(name) FAULT_##name,
    FAULTS(X)
#undef X
        FAULT_KINDS
};

/* X(name): what happened */
/* clang-format off */
#define COUNTS(X)                                                                         \
    X(systems) X(lives) X(steps) X(sent) X(refused) X(delivered) X(letters)               \
    X(unacknowledged) X(requests) X(answered) X(watches) X(ends) X(connects) X(resumes)   \
    X(reconnects) X(gates) X(given_up) X(suspected) X(throttled) X(quarantines) X(blocks) \
    X(refused_links)
/* clang-format on */
enum count_kind {
#define X(name) COUNT_##name,
    COUNTS(X)
#undef X
        COUNT_KINDS
};

struct tally {
    uint64_t faults[FAULT_KINDS], counts[COUNT_KINDS];
    uint64_t worlds, steady, virtual_ns;
    double most_memory; /* of what the options allow */
};

#endif
