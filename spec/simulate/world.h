/* SPDX-License-Identifier: MIT */
/*
 * A world of 2 to 50 systems on a loopback, all of it chosen by one seed: who talks to whom, every option, what goes wrong. A machine
 * is a name that systems run under, one after the other; each of those is a life. The first thing that is not as promised ends the
 * world (world_fail) and is told with its time and seed.
 *
 *   world.c    machines and lives: their options, beginning and end
 *   book.c     every message, request and watch, and what may become of it
 *   actor.c    what actors and policies do
 *   fault.c    what goes wrong
 *   witness.c  what holds at every step: events, bounds, links
 *   chart.c    endpoints keep to their chart, and what they count adds up
 *   course.c   a world from its first second to its last
 */
#ifndef HAWSER_SPEC_SIMULATE_WORLD_H
#define HAWSER_SPEC_SIMULATE_WORLD_H

#include "../unit/support_delivery.h"
#include "book.h"
#include "hawser/hawser.h"
#include "tally.h"

#define MACHINES 50u
#define VOICES 2u /* receivers of a system: "r0", "r1" */
#define NAME_ROOM 40u

/* What a life has seen of one peer's endpoint. */
struct sight {
    uint64_t incarnation, uid;
    uint64_t due; /* no try before this; 0: no wait is known */
    bool connected;
    bool told; /* the state that the last event entered, and when: */
    enum hws_endpoint_state state;
    uint64_t entered;
    uint32_t life; /* of a client, whose address is its life's */
};
/* A uid or system that a life has shut out. */
struct shut {
    uint64_t uid, until; /* until: by its own clock */
    uint32_t allowance;  /* messages that were in its mailboxes already */
};
#define SHUTS 8u

struct policy {
    struct hws_policy policy; /* first */
    struct life *life;
};
/* One system from start to end. */
struct life {
    struct world *world;
    struct machine *machine;
    struct life *before; /* in the world's list */
    uint32_t number;
    struct hws_system *system; /* NULL: freed */
    uint64_t uid;
    char address[NAME_ROOM];
    bool killed, stopping;
    struct policy policy;
    struct hws_pid *voices[VOICES], *peers[MACHINES][VOICES];
    struct hws_subscription *events;
    struct sight sights[MACHINES];
    struct shut shuts[SHUTS];
    uint32_t shut_count;
    bool blocked[MACHINES];
    uint32_t blocked_allowance;
};
struct machine {
    struct world *world;
    uint8_t index;
    char name[8];
    bool client; /* does not listen */
    bool queue;  /* its policy's answer to `disconnected` */
    bool levels; /* its policy has levels of its own */
    struct hws_options options;
    struct hws_clock *clock;
    struct life *now; /* NULL: nobody runs there */
    uint64_t back_at; /* when somebody will again */
    uint32_t lives;
    bool talks[MACHINES];
};
struct world {
    uint64_t seed, born;
    bool verbose, steady; /* steady: nobody ends, gives up or shuts out */
    bool
        starved; /* memory runs out now and then: events may be lost, so what is judged by them is not */
    bool calm; /* nothing goes wrong any more */
    bool ending;
    bool lossy;
    struct dice dice;
    struct meter meter;
    struct hws_loopback *network;
    struct hws_loopback_way way;
    size_t size;
    struct machine machines[MACHINES];
    bool troubled[MACHINES]
                 [MACHINES];        /* one of the two has ended, given up or shut out the other */
    bool doubt[MACHINES][MACHINES]; /* one was treated as if, and no reason is known yet */
    bool doubted;
    bool sending; /* inside of hws_send() */
    uint64_t doubted_at;
    uint64_t mend_at; /* when the network is whole again; 0: it is */
    struct life *lives;
    uint32_t life_count;
    struct book book;
    struct tally *tally;
    uint64_t steps;
    unsigned nameless; /* letters whose content found no memory */
    char violation[600];
    uint64_t violated_at;
};

struct world *world_new(uint64_t seed, bool verbose, struct tally *tally); /* NULL: out of memory */
void world_free(struct world *world);
uint64_t world_now(const struct world *world); /* ns since it began */
void world_run(struct world *world, uint64_t duration);

/* Told once: the first. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of the trace, when somebody reads it. */
void world_trace(const struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void world_begin_life(struct machine *machine);
/* Nobody hears its last words. */
void world_kill(struct machine *machine, enum hws_loopback_death death);
/* It says goodbye, and is freed. */
void world_stop(struct machine *machine, uint64_t deadline);
void world_troubled(struct world *world, const struct machine *one, const struct machine *other);
/* It must turn out within a second that they are troubled: events come after what led to them. */
void world_doubt(struct world *world, unsigned one, unsigned other);
void world_clear_doubts(struct world *world);
void world_address(const struct machine *machine, char *out); /* NAME_ROOM */
/* The machine of an address; NULL: a client that is gone. */
struct machine *world_machine(struct world *world, const char *address);
struct hws_pid *world_peer(struct life *life, const struct machine *to, uint32_t voice);
uint32_t life_mail(const struct life *life); /* messages in its mailboxes */

#endif
