/* SPDX-License-Identifier: MIT */
/*
 * A transport over a loopback's that does what networks do, at the call or byte it is told: an operation fails, a read ends at a
 * byte, the link is lost at a byte. Owned by its system; the plan is the test's.
 */
#ifndef HAWSER_SPEC_SUPPORT_FAULT_H
#define HAWSER_SPEC_SUPPORT_FAULT_H

#include "hawser/loopback.h"

/* Calls that can fail. A short write takes half of what it is given, a full one nothing. */
#define FAULTS(X) X(listen) X(dial) X(refused_dial) X(accept) X(write) X(short_write) X(full_write)
enum fault {
#define X(name) FAULT_##name,
    FAULTS(X)
#undef X
        FAULT_COUNT
};
const char *fault_name(enum fault fault);

struct fault_plan {
    enum fault what;
    uint64_t fail_at; /* the call of this number fails; 0: none */
    bool for_good;    /* and every one of its kind after it */
    uint64_t calls[FAULT_COUNT];
    uint64_t split_at; /* bytes received by each link; 0: never */
    uint64_t cut_at;   /* by all links together */
    uint64_t received;
    unsigned cuts, open;
};

/* Before hws_loopback_attach(), so that it is the first of the scheme "loop". 0 or HWS_ENOMEM. */
int fault_add(struct hws_loopback *loopback, struct hws_system *system, struct fault_plan *plan);

#endif
