/* SPDX-License-Identifier: MIT */
/*
 * Three systems over a loopback, the third of them a client that does not listen: their actors, what they send, and what became of
 * it. Owned by the test. support_life.h leads them through a life; tests run it again and again with another call failing each time.
 * Everything goes on as far as it can, and each message is accounted for also without memory: letters are seen by the policy.
 */
#ifndef HAWSER_SPEC_SUPPORT_SCENARIO_H
#define HAWSER_SPEC_SUPPORT_SCENARIO_H

#include "hawser/hawser.h"
#include "support_delivery.h"

#define SCENARIO_MESSAGES 300u /* a lane, at most */
#define SCENARIO_REQUESTS 32u

enum { SCENARIO_ALPHA, SCENARIO_BETA, SCENARIO_CLIENT, SCENARIO_SIDES };
/* From, to: who sends numbered messages to whom, and watches them. */
#define SCENARIO_LANES(X)            \
    X(SCENARIO_ALPHA, SCENARIO_BETA) \
    X(SCENARIO_BETA, SCENARIO_ALPHA) \
    X(SCENARIO_CLIENT, SCENARIO_ALPHA) X(SCENARIO_ALPHA, SCENARIO_CLIENT)
enum { SCENARIO_LANE_COUNT = 4 };

struct scenario;

struct scenario_message {
    bool sent, accepted;
    uint8_t arrived, letters, unacknowledged; /* unacknowledged: so many of the letters */
};
struct scenario_lane {
    uint8_t from, to;
    struct hws_pid *target; /* NULL: could not be made */
    struct scenario_message messages[SCENARIO_MESSAGES];
    uint32_t sent, last; /* last: the number received last, from 1 */
    bool watched;        /* and not told of its end */
    bool untold;         /* nor was it while its system lived */
};
struct scenario_policy {
    struct hws_policy policy; /* first */
    struct scenario_side *side;
};
struct scenario_side {
    struct scenario *scenario;
    uint8_t index;
    struct hws_system *system; /* NULL: could not be made */
    struct hws_pid *sink, *clumsy;
    struct scenario_policy policies[2];
    struct hws_subscription *events;
    unsigned nameless; /* letters whose content was lost for want of memory */
};
struct scenario {
    struct hws_allocator *allocator; /* the systems'; set by the test */
    /* Called with each new system before it starts; may be NULL. */
    void (*prepare)(struct scenario *scenario, struct scenario_side *side);
    uint64_t symbol_table_size;
    bool small; /* no message longer than a few bytes */
    struct hws_loopback *network;
    struct scenario_side sides[SCENARIO_SIDES];
    struct scenario_lane lanes[SCENARIO_LANE_COUNT];
    struct scenario_request {
        bool accepted, cancelled;
        unsigned done;
        uint64_t id;
    } requests[SCENARIO_REQUESTS];
    size_t request_count;
    uint64_t seen; /* a bit a type of event */
    const char *wrong;
};

/* A system starts, or can not, and meets who is there; it ends. */
void scenario_begin(struct scenario *scenario, uint8_t index);
void scenario_end(struct scenario *scenario, uint8_t index);
const char *scenario_address(const struct scenario *scenario, uint8_t index);
/* Each lane sends so many; each side asks, and sends to itself. Then time goes by. */
void scenario_exchange(struct scenario *scenario, unsigned count, uint64_t time);
void scenario_send(struct scenario *scenario, unsigned lane, unsigned count);
void scenario_watch(struct scenario *scenario);

/* NULL, or what the contract forbids, in a sentence. */
const char *scenario_verdict(const struct scenario *scenario);
/* Did who watches another to its end hear nothing? */
bool scenario_untold(const struct scenario *scenario);

#endif
