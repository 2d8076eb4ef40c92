/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: this system's view of one remote address each. They are made on first use; this header reads and steers them.
 */
#ifndef HAWSER_REMOTE_H
#define HAWSER_REMOTE_H

#include "hawser/message.h"

/*
 * idle: known, no link. associating: first dial and handshake, deliveries deferred. connected. suspended: the link is up, the peer
 * does not answer. reconnecting: link lost, the policy chose a delay. gated: the peer refused, or is blocked; not dialled for a time.
 * quarantined: nothing goes to or comes from this uid until a time. closed: told once, a tombstone.
 */
#define HWS_ENDPOINT_STATES(X) \
    X(idle)                    \
    X(associating) X(connected) X(suspended) X(reconnecting) X(gated) X(quarantined) X(closed)
enum hws_endpoint_state {
#define X(name) HWS_ENDPOINT_##name,
    HWS_ENDPOINT_STATES(X)
#undef X
        HWS_ENDPOINT_STATE_COUNT
};
HWS_API const char *hws_endpoint_state_name(enum hws_endpoint_state state);

/* X(name, unit, doc): gauges and counters of an endpoint. They survive a reconnect and, as last values, its closing. */
#define HWS_ENDPOINT_STATISTICS(X)                                                      \
    X(queue_capacity, count, "messages the ring may hold")                              \
    X(queue_size, count, "messages in the ring, sent but unacknowledged ones included") \
    X(queue_bytes, bytes, "bytes in the ring")                                          \
    X(deliver_success, count, "messages the peer has acknowledged")                     \
    X(deliver_failure, count, "messages for it that became dead letters")               \
    X(received, count, "messages taken from it")                                        \
    X(received_bytes, bytes, "bytes read from it")                                      \
    X(sent_bytes, bytes, "bytes written to it")                                         \
    X(duplicates, count, "resent messages dropped because they were here already")      \
    X(resent, count, "messages written a second time after a link was lost")            \
    X(connects, count, "handshakes done")                                               \
    X(reconnect_attempts, count, "tries since the last stable connection")              \
    X(undecodable, count, "envelopes from it that could not be decoded")

struct hws_endpoint_statistics {
    char address[HWS_ADDRESS_MAX + 1];
    char name[65];    /* the peer's, "" before the first handshake */
    char level[32];   /* throttle level */
    char reason[256]; /* why it is in this state: the last error's sentence, "" when connected */
    enum hws_endpoint_state state;
    uint64_t uid; /* the peer's; 0 before the first handshake */
    uint64_t incarnation;
    uint64_t since; /* when it entered the state, system clock */
    uint64_t next;  /* when the next step is due, HWS_NEVER when none */
    uint64_t rtt;   /* ns, the last one measured; 0 when none */
#define X(name, unit, doc) uint64_t name;
    HWS_ENDPOINT_STATISTICS(X)
#undef X
    uint64_t dead_letters[HWS_REASON_COUNT];
};

/* HWS_ENOTFOUND: no endpoint of that address, and no tombstone. On the system's thread. */
HWS_API int hws_statistics(struct hws_system *system, const char *address,
                           struct hws_endpoint_statistics *out);
/* Calls `fn` for each endpoint, tombstones included. `fn` must not close endpoints or make new ones. */
HWS_API void hws_statistics_snapshot(struct hws_system *system,
                                     void (*fn)(void *data,
                                                const struct hws_endpoint_statistics *statistics),
                                     void *data);
/* --- pressure: how full an endpoint's ring is --- */

struct hws_backpressure {
    const char *address;
    const char *level; /* its name; "normal" below the policy's first */
    unsigned index;    /* 0 is normal, then the policy's levels in ascending order */
    uint64_t queue_size, queue_capacity; /* messages */
    uint64_t queue_bytes, queue_bytes_capacity;
};
/*
 * After a send that was accepted: at which level? 0 is normal, so is a local actor; *level (may be NULL) is its name, valid until
 * the next turn. Costs two loads: the throttled part of a send's answer, ok, throttled or refused.
 */
HWS_API unsigned hws_pressure(const struct hws_pid *target, const char **level);
/* The queue of one endpoint without the rest of its statistics; out->address is `address`. HWS_ENOTFOUND. */
HWS_API int hws_queue(struct hws_system *system, const char *address, struct hws_backpressure *out);
/*
 * Calls `fn` when the level of an endpoint whose address matches `pattern` ('*' any run, '?' one byte; NULL: all) has changed, from
 * a turn, never from inside a send or I/O, with what is true by then: a level that was left again in the same turn is not told.
 * Levels that are not normal when it registers are told in the next turn. `fn` may do anything; the strings are valid during the
 * call. An endpoint that ends is at normal. HWS_EINVAL: the pattern is empty or too long. The caller owns *out.
 */
struct hws_backpressure_listener;
typedef void (*hws_backpressure_fn)(void *data, const struct hws_backpressure *pressure);
HWS_API int hws_register_backpressure_listener(struct hws_system *system, const char *pattern,
                                               hws_backpressure_fn fn, void *data,
                                               struct hws_backpressure_listener **out);
/* Ends it at once, from inside its own call too, and frees the handle. NULL, or after the system is gone: fine. */
HWS_API void hws_unregister_backpressure_listener(struct hws_backpressure_listener *listener);

/* X(name, doc): the system as a whole */
#define HWS_SYSTEM_STATISTICS(X)                            \
    X(actors, "living actors")                              \
    X(endpoints, "endpoints, closed ones included")         \
    X(delivered, "messages actors have handled")            \
    X(dead_letters, "dead letters of every reason")         \
    X(events_published, "events published")                 \
    X(events_dropped, "events that did not fit the queue")  \
    X(requests_pending, "requests that wait for an answer") \
    X(memory, "bytes held through the allocator")
struct hws_system_statistics {
#define X(name, doc) uint64_t name;
    HWS_SYSTEM_STATISTICS(X)
#undef X
    uint64_t dead_letters_by_reason[HWS_REASON_COUNT];
};
HWS_API void hws_system_statistics(struct hws_system *system, struct hws_system_statistics *out);

/*
 * Whether `address` could be dialled at all: 0, or HWS_EADDRESS with a sentence (`message` may be NULL with capacity 0): it is the
 * system's own, no transport speaks it, or its transport says that it can never work (a port above 65535). Opens nothing.
 */
HWS_API int hws_check_address(struct hws_system *system, const char *address, char *message,
                              size_t capacity);
/*
 * Dials `address` if there is no link yet. 0 also when it is connected already; events tell the outcome. HWS_EADDRESS as for
 * hws_check_address().
 */
HWS_API int hws_associate(struct hws_system *system, const char *address);
/*
 * Waits until the endpoint of `address` is connected, and dials nothing itself. `done` is called once, from a turn, never from inside
 * this call: 0, at once when it is connected already; HWS_ETIMEOUT after `timeout` ns; HWS_EDISCONNECTED when the endpoint is closed
 * (given up, or by call); HWS_ECLOSED when the system stops. While it is gated, quarantined or reconnecting the wait goes on. On a
 * negative code `done` is not called: HWS_ENOTFOUND, no endpoint of that address (hws_associate() makes one); HWS_EDISCONNECTED, it
 * is closed; HWS_EFULL, as many waits as the option pending_requests. `id` may be NULL.
 */
HWS_API int hws_await_reconnect(struct hws_system *system, const char *address, uint64_t timeout,
                                void (*done)(void *data, int status), void *data, uint64_t *id);
/* Forgets a wait: `done` will not be called. HWS_ENOTFOUND when it is over already. */
HWS_API int hws_await_cancel(struct hws_system *system, uint64_t id);
/* Ends an endpoint: BYE, EndpointTerminated, what is queued becomes dead letters. HWS_ENOTFOUND. */
HWS_API int hws_close_endpoint(struct hws_system *system, const char *address, const char *reason);
/*
 * Quarantines the process that was last heard at `address`: its link ends with the reason, what is queued becomes dead letters, its
 * watchers hear address_terminated, and it is refused until `duration` (ns; 0: the option quarantine_duration; at least 1 s) has passed, or
 * hws_release(). Another uid at that address is welcome at once. HWS_ENOTFOUND; HWS_ESTATE: no uid is known there.
 */
HWS_API int hws_quarantine(struct hws_system *system, const char *address, const char *reason,
                           uint64_t duration);
/*
 * Ends the quarantine at `address`, and forgets which uids were replaced there: an older process that comes back (a machine that
 * was thought dead) is refused as `stale` until then. HWS_ENOTFOUND: nobody is shut out there.
 */
HWS_API int hws_release(struct hws_system *system, const char *address);

/*
 * The block list, by system name. A blocked system is refused at the handshake and told why; open connections to it are closed at
 * once, and what is queued for it becomes dead letters (blocked). Blocking twice is fine. HWS_EINVAL: no system can have that name.
 */
HWS_API int hws_block_system(struct hws_system *system, const char *name);
HWS_API int hws_unblock_system(struct hws_system *system, const char *name); /* HWS_ENOTFOUND */
HWS_API void hws_each_blocked_system(struct hws_system *system,
                                     void (*fn)(void *data, const char *name), void *data);

/* Cuts the link and nothing else, as the network would; the endpoint reconnects and resumes. For tests and operators. */
HWS_API int hws_cut_link(struct hws_system *system, const char *address);

#endif
