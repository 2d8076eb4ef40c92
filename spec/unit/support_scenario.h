/* SPDX-License-Identifier: MIT */
/*
 * The life of two systems over a loopback, gone through once with everything that a delivery may meet: start, connect, messages
 * both ways, requests, watches, cuts, resuming, stopping. Tests run it again and again with another call failing each time; it
 * goes on as far as it can and counts what became of each message, also without memory (letters are seen by the policy).
 */
#ifndef HAWSER_SPEC_SUPPORT_SCENARIO_H
#define HAWSER_SPEC_SUPPORT_SCENARIO_H

#include "hawser/hawser.h"
#include "support_delivery.h"

#define SCENARIO_MESSAGES 150u /* each way, at most */
#define SCENARIO_REQUESTS 8u

struct scenario;

struct scenario_message {
    bool sent, accepted;
    uint8_t arrived, letters, unacknowledged; /* unacknowledged: so many of the letters */
};
struct scenario_side {
    struct hws_policy policy; /* first */
    struct scenario *scenario;
    uint8_t index;
    struct hws_system *system; /* NULL: could not be made */
    struct hws_pid *sink, *peer;
    struct scenario_message messages[SCENARIO_MESSAGES]; /* sent from here */
    uint32_t sent, last;           /* last: the number received last, from 1 */
    unsigned nameless;             /* letters whose content was lost for want of memory */
    unsigned watching, terminated; /* watching twice is one watch, so there may be more of these */
};
struct scenario {
    struct hws_allocator *allocator; /* the systems'; set by the test */
    /* Called with each new system before it starts; may be NULL. */
    void (*prepare)(struct scenario *scenario, struct scenario_side *side);
    uint64_t symbol_table_size;
    bool small; /* no message longer than a few bytes */
    struct hws_loopback *network;
    struct scenario_side sides[2];
    struct scenario_request {
        bool accepted;
        unsigned done;
    } requests[SCENARIO_REQUESTS];
    size_t request_count;
};

void scenario_run(struct scenario *scenario);
/* NULL, or what the contract forbids, in a sentence. */
const char *scenario_verdict(const struct scenario *scenario);
/* Did alpha, who watches beta to its end, hear nothing? */
bool scenario_untold(const struct scenario *scenario);

#endif
