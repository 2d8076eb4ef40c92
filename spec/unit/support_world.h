/* SPDX-License-Identifier: MIT */
/*
 * A world for test_delivery_loopback.c: two or three systems that send numbered messages, ask and watch each other, and the book of
 * what became of each. Here is what its actors do and what must be true in the end; the test makes worlds and breaks things in them.
 */
#ifndef HAWSER_SPEC_SUPPORT_WORLD_H
#define HAWSER_SPEC_SUPPORT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "support_delivery.h"

#define SIDES 3
#define LIVES 24     /* systems in a world, one after the other */
#define MESSAGES 600 /* a pair of sides */
#define REQUESTS 200
#define MORTALS 40

struct record {
    bool sent, refused, settled;
    uint8_t processed; /* delivered to an actor, or a dead letter where the actor lives */
    uint8_t delivered;
    uint8_t returned; /* a dead letter where it was sent */
    bool unacknowledged;
    uint8_t life; /* of the sender */
};
struct request {
    struct world *world;
    bool accepted;
    unsigned done;
    int status;
    struct number number;
};
struct mortal {
    uint8_t home, watcher; /* sides */
    struct life *life, *watcher_life;
    bool alive, watched;
    unsigned accepted, received, dropped,
        terminated; /* dropped: dead letters at the watcher's full mailbox */
    uint32_t last;
};
struct policy {
    struct hws_policy policy; /* first */
    bool queue;
};
/* One system from start to end. */
struct life {
    struct world *world;
    uint8_t side, number;
    bool over;
    struct hws_system *system;
    struct policy policy;
    struct hws_pid *sink, *peers[SIDES];
    struct hws_subscription *letters;
    uint32_t next[SIDES][LIVES]; /* the least number that may come next from there */
};
struct world {
    uint64_t seed;
    bool restarts;
    struct dice dice;
    struct meter meter;
    struct hws_loopback *network;
    struct hws_options options;
    bool queue, lossy, client; /* client: the third side does not listen */
    size_t sides, life_count;
    struct life lives[LIVES], *now[SIDES];
    struct record records[SIDES][SIDES][MESSAGES];
    uint32_t sent[SIDES][SIDES];
    struct request requests[REQUESTS];
    uint32_t request_count;
    struct mortal mortals[MORTALS];
    uint32_t mortal_count;
    uint64_t unsettled;
    uint64_t delivered, resent, duplicates, letters, unacknowledged;
};

extern struct world *world_now; /* whose seed a failure prints */

#define require(condition, ...)                                                  \
    do {                                                                         \
        if (!(condition)) {                                                      \
            print_error("seed %llu (%s): ", (unsigned long long)world_now->seed, \
                        world_now->restarts ? "restarts" : "steady");            \
            print_error(__VA_ARGS__);                                            \
            fail_msg(" [%s]", #condition);                                       \
        }                                                                        \
    } while (0)

void world_send(struct life *life, uint8_t to);
void world_ask(struct life *life, uint8_t to);
int world_sink(void *self, struct hws_context *context,
               const struct hws_message *message); /* a life's actor "sink" */
void world_on_letter(void *life, const struct hws_event *event);
extern const struct hws_actor_ops world_mortal_ops;
void world_check(struct world *world); /* each message, request and watch ended as it may */

#endif
