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

/* What an endpoint does next by itself, if nothing comes from outside before that. X(name, doc) */
#define HWS_ENDPOINT_STEPS(X)                                                             \
    X(none, "nothing: it waits for a send, a call or the peer")                           \
    X(dial, "dials")                                                                      \
    X(timeout, "gives up the dial or handshake that is under way")                        \
    X(ping, "asks the peer, which has been silent for heartbeat_interval, with a PING")   \
    X(suspect, "becomes suspended, if no byte has come in since the PING")                \
    X(disconnect, "gives up the link, if the peer has been silent for heartbeat_timeout") \
    X(give_up, "gives up a client that has not come back within client_wait")             \
    X(release, "lifts the quarantine")                                                    \
    X(forget, "frees the tombstone and its statistics")
enum hws_endpoint_step {
#define X(name, doc) HWS_STEP_##name,
    HWS_ENDPOINT_STEPS(X)
#undef X
        HWS_STEP_COUNT
};
HWS_API const char *hws_endpoint_step_name(enum hws_endpoint_step step);

/*
 * Why a dial came to nothing, a link was lost or refused, an endpoint was closed: the one list for events, statistics, policies
 * and the wire. X(name, lasts, doc, advice); lasts: the peer will say it again, so the endpoint is gated.
 */
#define HWS_LINK_REASONS(X)                                                                       \
    X(none, false, "the peer ended the link and gave no reason", "look into the peer's log")      \
    X(refused, false, "nobody listens at the address", "start the peer, or mend the address")     \
    X(timeout, false,                                                                             \
      "no connection within connect_timeout, or no handshake within handshake_timeout",           \
      "look for a firewall, a host that is down, or another program at that port")                \
    X(dns, false, "the host's name could not be resolved", "mend the name or the resolver")       \
    X(unreachable, false,                                                                         \
      "the address can not be dialled: no transport speaks it, it is malformed, access to it is " \
      "denied, or it is a client's, which has to come back by itself",                            \
      "mend the address or its permissions; wait for a client")                                   \
    X(reset, false, "the connection broke, or was cut by call",                                   \
      "nothing, unless it happens often: what was not acknowledged is resent")                    \
    X(heartbeat, false, "nothing was heard from the peer for heartbeat_timeout",                  \
      "see whether the peer's process or host hangs, or the network is cut")                      \
    X(protocol, false, "a side sent what the wire protocol does not allow",                       \
      "the detail shows the frame: compare the two sides' versions and max_frame_size")           \
    X(version, true, "the sides speak different versions of the wire protocol",                   \
      "bring both to releases of one protocol version")                                           \
    X(memory, false, "this system had no memory for the link", "give it more, or less to hold")   \
    X(self, true, "the address leads back to this system", "use send to its own actors")          \
    X(unexpected, true, "another system answers at this address",                                 \
      "dial the address that the detail names, or set the peer's option advertise")               \
    X(busy, false, "too many handshakes or endpoints over there",                                 \
      "nothing, or raise the peer's pending_handshakes and endpoints")                            \
    X(duplicate, false, "another link of this pair is kept", "nothing: both dialled at once")     \
    X(replaced, false, "the peer dialled again before this side noticed that the link was lost",  \
      "nothing: the new link goes on where the old one ended")                                    \
    X(blocked, true, "the system is on the block list, here or over there", "unblock_system")     \
    X(quarantined, true, "this process of the system is quarantined, here or over there",         \
      "release it there, wait for the deadline, or restart the process that is shut out")         \
    X(stale, true, "a newer process of the system has taken its address",                         \
      "end the old process, or give it an address of its own")                                    \
    X(closed, false, "the endpoint was closed by call, here or over there", "nothing")            \
    X(shutdown, false, "the system is shutting down, this one or the peer", "nothing")            \
    X(queue_full, false,                                                                          \
      "a Terminated could not be queued: without it watchers would wait for ever",                \
      "raise endpoint_writer_queue_size or endpoint_writer_queue_bytes, or watch less")           \
    X(unknown, false, "the peer gave a reason that this version does not know",                   \
      "look into the detail")
enum hws_link_reason {
#define X(name, lasts, doc, advice) HWS_LINK_##name,
    HWS_LINK_REASONS(X)
#undef X
        HWS_LINK_REASON_COUNT
};
HWS_API const char *hws_link_reason_name(enum hws_link_reason reason);

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
    X(connect_attempts, count, "tries to reach it")                                     \
    X(connects, count, "handshakes done")                                               \
    X(accepted, count, "of these, over links that the peer dialled")                    \
    X(reconnect_attempts, count, "tries since the last stable connection")              \
    X(undecodable, count, "envelopes from it that could not be decoded")                \
    X(rtt, ns, "the last round trip time measured; 0: none")                            \
    X(rtt_p50, ns, "half of the round trips took no longer than this")                  \
    X(rtt_p99, ns, "99 of 100 round trips took no longer than this")                    \
    X(rtt_max, ns, "the longest round trip")                                            \
    X(rtt_sum, ns, "all round trip times together")                                     \
    X(rtt_count, count, "round trips measured: one a PING")

/*
 * The histogram of round trip times: bucket i counts those that took longer than hws_rtt_bound(i - 1) and up to hws_rtt_bound(i) ns.
 * The bounds are 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 and 8 times 10 us, 100 us, ... 10 s; the last bucket's is HWS_NEVER. The
 * percentiles are bounds too (never above rtt_max), so at most a third too high.
 */
#define HWS_RTT_BUCKETS 71
HWS_API uint64_t hws_rtt_bound(size_t bucket);

struct hws_endpoint_statistics {
    char address[HWS_ADDRESS_MAX + 1];
    char name[65];    /* the peer's, "" before the first handshake */
    char level[32];   /* throttle level */
    char reason[256]; /* why it is in this state: the last error's sentence, "" when connected */
    enum hws_endpoint_state state;
    uint64_t uid; /* the peer's; 0 before the first handshake */
    uint64_t incarnation;
    uint64_t since;                     /* when it entered the state, system clock */
    enum hws_endpoint_step step;        /* what it does next by itself */
    uint64_t next;                      /* and when; HWS_NEVER with HWS_STEP_none */
    struct hws_correlation correlation; /* its association's, or that of the last one */
#define X(name, unit, doc) uint64_t name;
    HWS_ENDPOINT_STATISTICS(X)
#undef X
    uint64_t dead_letters[HWS_REASON_COUNT];
    /* connect_attempts = connects - accepted + all connect_failures, and 1 more while one is under way. */
    uint64_t connect_failures[HWS_LINK_REASON_COUNT];
    uint64_t disconnects[HWS_LINK_REASON_COUNT]; /* links that were up and ended */
    uint32_t rtt_buckets[HWS_RTT_BUCKETS];
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
 * the next turn or policy. Costs two loads: the throttled part of a send's answer, ok, throttled or refused.
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
    X(connections, "links, open or opening")                \
    X(connect_attempts, "dials")                            \
    X(connects, "handshakes done")                          \
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
    /* By reason, of all endpoints that there have been; inbound links that were not taken. */
    uint64_t connect_failures[HWS_LINK_REASON_COUNT];
    uint64_t disconnects[HWS_LINK_REASON_COUNT];
    uint64_t links_refused[HWS_LINK_REASON_COUNT];
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
