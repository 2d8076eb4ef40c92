/* SPDX-License-Identifier: MIT */
/*
 * The book of a world: every message, request and watch from its beginning to its one end. What is forbidden fails the world when
 * it happens; what did not happen fails it in book_close().
 */
#ifndef HAWSER_SPEC_SIMULATE_BOOK_H
#define HAWSER_SPEC_SIMULATE_BOOK_H

#include "../unit/support_delivery.h"
#include "hawser/hawser.h"

struct world;
struct life;
struct machine;

struct record {
    uint32_t life; /* of the sender */
    bool refused, settled, unacknowledged;
    uint8_t delivered;
    uint8_t processed; /* dead letters where it was going */
    uint8_t returned;  /* dead letters where it came from */
};
/* From a machine to a machine. */
struct lane {
    struct record *records;
    uint32_t count, capacity;
    uint32_t next[2]; /* the least number that may come next, of each voice */
};
struct request {
    struct world *world;
    struct life *life;
    uint32_t number;
    uint8_t to;        /* machine */
    uint64_t asked_at; /* by its life's clock */
    uint64_t lost_at;  /* known to be lost since then, so it must not time out; 0: not */
    bool over;
};
/* An actor that will say some last words and stop. */
struct mortal {
    struct life *life, *listener; /* listener: whom it tells */
    uint32_t number;
    bool dead;
};
struct watch {
    struct life *life;
    struct mortal *mortal;
    uint32_t last_word;
    bool over, stopped; /* stopped: by its own will, so nothing may come after */
};
struct entries {
    void **items;
    uint32_t count;
};
struct book {
    struct lane *lanes; /* of every pair */
    struct entries requests, mortals, watches;
    uint64_t unsettled; /* messages, requests and watches that must still end */
};

int book_open(struct world *world);
void book_free(struct world *world);
/* A message that is about to be sent; its number, or UINT32_MAX: out of memory. */
uint32_t book_send(struct life *life, const struct machine *to);
void book_refused(struct life *life, const struct machine *to, uint32_t number);
void book_delivered(struct life *life, const struct number *number, uint32_t voice);
const struct life *book_sender(struct world *world, const struct number *number);
void book_letter(struct life *life, const struct number *number,
                 enum hws_dead_letter_reason reason);
struct request *book_ask(struct life *life, const struct machine *to);
/* What was asked of this peer before `time` will not be answered. */
void book_peer_gone(struct life *life, const struct machine *peer, uint64_t time);
void book_answered(struct request *request, int status, const struct hws_message *response);
void book_over(struct request *request, int status); /* it got an answer of some kind */
void book_not_asked(struct request *request);
struct mortal *book_mortal(struct life *life, struct life *listener);
void book_watch(struct life *life, struct mortal *mortal);
bool book_watches(const struct life *life, const struct mortal *mortal);
void book_word(struct life *life, const struct number *number);
void book_ended(struct life *life, const struct hws_message *message);
/* A life is over: who waits for it, or whom it waited for, does no more. `lost`: what was in its mailboxes is lost with it. */
void book_died(struct life *life, bool lost);
/* Everything has ended as it may. */
void book_close(struct world *world);

#endif
