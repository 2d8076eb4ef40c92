/* SPDX-License-Identifier: MIT */
/*
 * The local side of a system: its names, actors, run queue, requests, watches, events and dead letters. Knows nothing of
 * networks: what is addressed elsewhere goes out through the router, which remote/ implements.
 */
#ifndef HAWSER_ACTOR_LOCAL_H
#define HAWSER_ACTOR_LOCAL_H

#include "actor/kind.h"
#include "actor/mailbox.h"
#include "actor/names.h"
#include "actor/roster.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/quota.h"
#include "base/random.h"
#include "base/timers.h"
#include "hawser/actor.h"
#include "hawser/event.h"
#include "hawser/options.h"
#include "hawser/policy.h"

/* What goes to another system besides messages. */
enum hwsi_notice {
    HWSI_NOTICE_WATCH,
    HWSI_NOTICE_UNWATCH,
    HWSI_NOTICE_TERMINATED,
    HWSI_NOTICE_STOP,
    HWSI_NOTICE_DEAD_LETTER
};

struct hwsi_router {
    const struct hwsi_router_ops *ops;
};
struct hwsi_router_ops {
    /* `target` is remote. The router makes the dead letter when it can't take it. */
    int (*deliver)(struct hwsi_router *router, struct hws_pid *target,
                   const struct hws_message *message);
    /* The answer to `request_id` of a requester at `to`'s address. */
    int (*respond)(struct hwsi_router *router, struct hws_pid *to, uint64_t request_id,
                   const struct hws_message *message);
    /* `target` is remote; `sender` is the other actor concerned. *sequence (may be NULL): the system lane's number it got. */
    int (*notify)(struct hwsi_router *router, enum hwsi_notice notice, struct hws_pid *target,
                  struct hws_pid *sender, uint32_t reason, uint64_t number, uint64_t *sequence);
    /* Much has been queued since the last flush: write it now, while it is in the cache. */
    void (*flush)(struct hwsi_router *router);
    /* A dead letter for `target` is counted there. */
    void (*count_letter)(struct hwsi_router *router, struct hws_pid *target,
                         enum hws_dead_letter_reason reason);
};

/* Answers the question of a dead letter's way; remote/ or system.c asks the policy. NULL: publish all. */
struct hwsi_letter_route {
    void (*ask)(struct hwsi_letter_route *route, const struct hws_letter *letter,
                struct hws_letter_answer *answer);
};

struct hwsi_events {
    struct hwsi_list subscriptions;
    struct hwsi_list queue;
    uint64_t queued, published, dropped, dropped_untold;
    uint64_t wanted;            /* bits of event types that somebody subscribed to */
    struct hwsi_quota refusals; /* of the log's lines about them */
    bool dispatching, has_dead;
};

struct hwsi_requests {
    struct hwsi_request **slots; /* by id modulo capacity, a power of two */
    size_t capacity, count;
    struct hwsi_list spare; /* records for the next ones */
    size_t spare_count;
    struct hwsi_list done;
    uint64_t last_id, last_order;
};

struct hwsi_letters {
    uint64_t total, by_reason[HWS_REASON_COUNT];
    struct hwsi_quota log_quota;
    bool redirecting;
    struct hwsi_letter_route *route;
};

/* Answers what is asked of the system itself; remote/ implements it. */
struct hwsi_services {
    /* Starts the actor of local->services_pid, which lives only since somebody has asked. */
    int (*start)(struct hwsi_services *services);
};

struct hwsi_local {
    struct hws_system *system;
    const struct hws_options *options;
    struct hwsi_heap *heap;
    struct hwsi_pool *pool;
    struct hwsi_arena arena;
    struct hwsi_names *names;
    struct hwsi_timers *timers;
    struct hwsi_router *router;
    struct hwsi_mailbox_nodes nodes;
    struct hwsi_list actors;   /* struct hws_context.all */
    struct hwsi_list runnable; /* struct hws_context.run */
    struct hwsi_map watches;
    struct hwsi_map alarms;  /* by id */
    struct hwsi_list untold; /* watches that are over, whose Terminated found no memory yet */
    struct hwsi_timer retry; /* when that is tried again */
    struct hwsi_events events;
    struct hwsi_requests requests;
    struct hwsi_letters letters;
    struct hws_pid *root;         /* who asks when no actor does: "$system" */
    struct hws_pid *services_pid; /* whom to ask: "$services" */
    uint64_t actor_count, next_name, last_alarm, delivered;
    uint64_t spent;                     /* of dispatcher_budget, since the start */
    uint64_t backlog;                   /* user messages that wait for the dispatcher */
    struct hws_correlation correlation; /* of the last local message */
    bool in_turn;                       /* `now` is fresh enough */
    uint64_t now;
    bool flush_soon;            /* set by the router, looked at between two actors */
    bool stopping;              /* no more spawns */
    bool closed;                /* no more sends */
    void (*on_due)(void *data); /* hws_on_due() */
    void *on_due_data;
    /* seldom looked at: */
    struct hwsi_services *services;
    struct hwsi_kinds kinds;
    struct hwsi_peers diagnostics_peers; /* who may ask about actors */
    struct hwsi_roster roster;
};

/* struct hws_system begins with its local side. */
static inline struct hwsi_local *hwsi_local_of(struct hws_system *system)
{
    return (struct hwsi_local *)(void *)system;
}
/* There is something to do now, or earlier than before. Whoever makes work calls it; inside a turn nobody needs to be told. */
static inline void hwsi_due(const struct hwsi_local *local)
{
    if (local->on_due && !local->in_turn)
        local->on_due(local->on_due_data);
}
int hwsi_local_init(struct hwsi_local *local, struct hws_system *system,
                    const struct hws_options *options, struct hwsi_heap *heap,
                    struct hwsi_timers *timers, struct hwsi_random *random);
void hwsi_local_free(struct hwsi_local *local);    /* all actors are stopped by then */
uint64_t hwsi_now(const struct hwsi_local *local); /* inside a turn: the time it began */
uint64_t hwsi_later(const struct hwsi_local *local,
                    uint64_t delay); /* now + delay, at most HWS_NEVER - 1 */
__attribute__((format(printf, 3, 4))) void
hwsi_log(const struct hwsi_local *local, enum hws_log_level level, const char *format, ...);

/* A message kind inside the core: one that was taken back. Nobody hears it. */
#define HWSI_MESSAGE_nothing 0xffff

/* Size and well-formedness; makes the dead letter when wrong. */
int hwsi_check_outgoing(struct hwsi_local *local, struct hws_pid *target,
                        const struct hws_message *message);
/*
 * Takes the fields of an outgoing message that a sender may set, one by one: copying in larger pieces what was just stored in small
 * ones stalls, and this is the message path.
 */
static inline void hwsi_outgoing(struct hws_message *out, const struct hws_message *message)
{
    out->payload.data = message->payload.data;
    out->payload.size = message->payload.size;
    out->sender = message->sender;
    out->type = message->type;
    out->request_id = 0;
    out->correlation.hi = message->correlation.hi;
    out->correlation.lo = message->correlation.lo;
    out->kind = HWS_MESSAGE_user;
    out->reason = 0;
    out->who = NULL;
    out->buffer = message->buffer;
}
/* A local message's own correlation id, unless it continues another's. */
void hwsi_name_local(struct hwsi_local *local, struct hws_message *message);

/* --- actors (actor.c, dispatcher.c) --- */
/* Where an actor comes from. NULL or zeroed: from the host. */
struct hwsi_origin {
    struct hws_context *parent;
    struct hwsi_kind *kind;
    bool service; /* it is "$services", which nobody else may be */
};
int hwsi_spawn(struct hwsi_local *local, const struct hwsi_origin *origin,
               const struct hws_actor_ops *ops, void *self, const struct hws_spawn_options *options,
               struct hws_pid **out);
/* The message's payload as a slice of a counted buffer: the one it lies in, or a copy. NULL: out of memory. */
struct hws_buffer *hwsi_hold_payload(struct hwsi_local *local, const struct hws_message *message,
                                     struct hws_slice *payload);
/* Puts a message into a local mailbox. `message` is borrowed; its payload must lie in message->buffer, or is copied when that is
 * NULL. Makes the dead letter itself when it can't. */
int hwsi_deliver_local(struct hwsi_local *local, struct hws_pid *target,
                       const struct hws_message *message);
/* Terminated and DeadLetterResponse: `lane` is 0 system, 1 user; never refused for a full lane of users. */
int hwsi_tell(struct hws_context *actor, unsigned lane, enum hws_message_kind kind,
              struct hws_pid *who, uint16_t reason, uint64_t request_id);
void hwsi_schedule(struct hws_context *actor);
void hwsi_request_stop(struct hws_context *actor);
/* Runs actors and finished requests until there is nothing to do or `budget` messages, starts and ends are done. */
void hwsi_dispatch(struct hwsi_local *local, uint64_t budget);
bool hwsi_dispatch_pending(const struct hwsi_local *local);
void hwsi_stop_all(struct hwsi_local *local);

/* --- watches (watch.c) --- */
struct hwsi_watch {
    struct hws_pid *watcher, *target;
    struct hwsi_list by_target;  /* the local target's watchers */
    struct hwsi_list by_watcher; /* what the local watcher watches */
    struct hwsi_list by_address; /* of the remote one of the two */
    uint64_t sequence;           /* the WATCH frame's, when the target is remote */
    uint64_t
        position; /* Terminated waits for this position of the user lane; 0: not terminated yet */
    uint16_t reason;
    bool terminated;
};
int hwsi_watch_local_target(struct hwsi_local *local, struct hws_pid *watcher,
                            struct hws_pid *target);
int hwsi_watch_place(struct hwsi_local *local, struct hws_pid *watcher, struct hws_pid *target,
                     struct hwsi_watch **out);
struct hwsi_watch *hwsi_watch_find(struct hwsi_local *local, struct hws_pid *watcher,
                                   struct hws_pid *target);
void hwsi_watch_remove(struct hwsi_local *local, struct hwsi_watch *watch);
/* The watch is over: its watcher hears Terminated (near or far), and it is removed. */
void hwsi_watch_fire(struct hwsi_local *local, struct hwsi_watch *watch,
                     enum hws_terminated_reason reason);
void hwsi_watches_retry(struct hwsi_timer *timer); /* those that found no memory */

/* --- requests (request.c) --- */
struct hwsi_request *hwsi_request_find(struct hwsi_local *local, uint64_t id);
struct hws_pid *hwsi_request_target(const struct hwsi_request *request);
/* Its `done` will be called from the dispatcher. `response` is borrowed, may be NULL. */
void hwsi_request_finish(struct hwsi_local *local, struct hwsi_request *request, int status,
                         const struct hws_message *response);
/* An answer from `from` (NULL: this system). Unknown ids become dead letters. */
int hwsi_response_arrived(struct hwsi_local *local, const struct hwsi_address *from,
                          const struct hws_message *response);
/* The answer could not be decoded: the request learns that, and the answer is a dead letter. */
void hwsi_response_undecodable(struct hwsi_local *local, const struct hwsi_address *from,
                               const struct hws_message *response);
/* It is on its way, under the id it brought itself or else under the derived one. */
void hwsi_request_sent(struct hwsi_local *local, const struct hws_message *message,
                       struct hws_correlation derived);
/* Requests are numbered in the order they were put on a stream; one that moves to another stream gets a new number. */
void hwsi_request_moved(struct hwsi_local *local, uint64_t id);
/* Every request to `address` of an order up to `until` fails with `status`. */
void hwsi_requests_fail(struct hwsi_local *local, struct hwsi_address *address, int status,
                        uint64_t until);
void hwsi_requests_fail_all(struct hwsi_local *local, int status);
bool hwsi_requests_run(
    struct hwsi_local *local); /* calls one finished request's `done`; false: none */
void hwsi_requests_free(struct hwsi_local *local);

/* --- dead letters (letter.c) --- */
/* The message to `target` was not delivered: counted, routed, published, and its sender is told. */
void hwsi_letter(struct hwsi_local *local, struct hws_pid *target,
                 const struct hws_message *message, enum hws_dead_letter_reason reason);
/* A DEAD_LETTER notice for us: `target` (an actor here, or NULL for a request of nobody's) sent to `subject`. */
void hwsi_letter_response(struct hwsi_local *local, struct hws_pid *target, struct hws_pid *subject,
                          enum hws_dead_letter_reason reason, uint64_t request_id);

/* --- events (event.c) --- */
void hwsi_event_line(const struct hws_event *event, char *out, size_t capacity); /* for the log */
void hwsi_publish(struct hwsi_local *local, const struct hws_event *event);
static inline bool hwsi_events_wanted(const struct hwsi_local *local, enum hws_event_type type)
{
    return local->events.wanted >> type & 1;
}
/* Is there room for more events, so that dead letters may be drained? */
static inline bool hwsi_events_room(const struct hwsi_local *local)
{
    return local->events.queued < local->options->event_queue_size;
}
void hwsi_events_dispatch(struct hwsi_local *local, uint64_t most);
void hwsi_events_free(struct hwsi_local *local);

#endif
