/* SPDX-License-Identifier: MIT */
/*
 * This system's view of one remote address. What is in force:
 *
 *     idle ------send, associate------> associating ----handshake----> connected <-> suspended
 *                                        ^ |  | failed                   | link lost     | silent too long
 *     closed --send, associate, peer-----+ |  v                          v               |
 *       ^                                  | reconnecting <--------------+---------------+
 *       |                                  |  |  |   | handshake -> connected
 *       +---------the policy gives up------+--+  |
 *                                                | refused, also from associating and connected
 *                                                v
 *                                              gated --time--> associating, or the peer dials: connected
 *
 *     any with a uid --quarantine--> quarantined --deadline, operator, new uid--> closed
 *     any but idle   --call, shutdown--> closed
 *
 * suspended: the link is up, but the peer does not answer (heartbeat.c). HWSI_ENDPOINT_TRANSITIONS is the same as a table, and
 * the code asserts that it does nothing else.
 *
 * An endpoint answers events with actions and asks the policy; each transition is one function that publishes its event.
 * A closed endpoint is a tombstone with its last statistics until the next send, an inbound handshake, or its end.
 */
#ifndef HAWSER_REMOTE_ENDPOINT_H
#define HAWSER_REMOTE_ENDPOINT_H

#include "hawser/remote.h"
#include "remote/connection.h"
#include "remote/detector.h"
#include "remote/levels.h"
#include "remote/rtt.h"
#include "remote/tally.h"

/* X(from, to, event, doc) */
#define HWSI_ENDPOINT_TRANSITIONS(X)                                                              \
    X(idle, associating, EndpointAssociating,                                                     \
      "a send or a watch (with `auto_start`), `associate`, or a peer's handshake")                \
    X(closed, associating, EndpointAssociating, "the same: a new life begins")                    \
    X(gated, associating, EndpointAssociating,                                                    \
      "`gate_duration`, or the policy's delay if that is longer, is over: it is dialled")         \
    X(associating, connected, EndpointConnected, "the handshake is done, whoever dialled")        \
    X(reconnecting, connected, EndpointConnected, "the same")                                     \
    X(gated, connected, EndpointConnected, "the peer dialled")                                    \
    X(connected, connected, EndpointConnected,                                                    \
      "the peer dialled again before this side noticed that the link was lost")                   \
    X(suspended, connected, EndpointConnected, "the same")                                        \
    X(suspended, connected, Reachable, "any byte came from the peer")                             \
    X(connected, suspended, EndpointSuspended,                                                    \
      "the peer has not answered a PING for longer than its failure detector thinks likely")      \
    X(associating, reconnecting, EndpointReconnect,                                               \
      "the dial came to nothing, and the policy said when to try again")                          \
    X(reconnecting, reconnecting, EndpointReconnect, "the next try came to nothing")              \
    X(connected, reconnecting, EndpointReconnect, "the link was lost, or the peer said goodbye")  \
    X(suspended, reconnecting, EndpointReconnect,                                                 \
      "the link was lost, or was silent for `heartbeat_timeout`")                                 \
    X(associating, gated, Gated,                                                                  \
      "the peer refused for a reason that lasts, or is on our block list")                        \
    X(reconnecting, gated, Gated, "the same")                                                     \
    X(connected, gated, Gated, "the peer ended the link for such a reason")                       \
    X(associating, quarantined, Quarantined, "`quarantine`; its uid is known from a life before") \
    X(connected, quarantined, Quarantined, "`quarantine`")                                        \
    X(suspended, quarantined, Quarantined, "`quarantine`")                                        \
    X(reconnecting, quarantined, Quarantined, "`quarantine`")                                     \
    X(gated, quarantined, Quarantined, "`quarantine`")                                            \
    X(closed, quarantined, Quarantined, "`quarantine`")                                           \
    X(quarantined, quarantined, Quarantined, "`quarantine` again: another deadline")              \
    X(quarantined, closed, Released, "its time is over, `release`, or another uid dials")         \
    X(associating, closed, EndpointTerminated,                                                    \
      "the policy gave up, or `client_wait` a client; `close_endpoint`; the system stops")        \
    X(connected, closed, EndpointTerminated, "the same, or its name is blocked")                  \
    X(suspended, closed, EndpointTerminated, "the same")                                          \
    X(reconnecting, closed, EndpointTerminated, "as for associating")                             \
    X(gated, closed, EndpointTerminated, "as for associating")

/* Uids that a newer one has replaced, remembered for each address. */
#define HWSI_REPLACED_MAX 8

struct hwsi_level_mark {
    uint64_t count, bytes;
};

struct hwsi_heartbeat {
    struct hwsi_timer timer;
    struct hwsi_detector detector;
    uint64_t heard;  /* the last byte */
    uint64_t pinged; /* the PING that is not answered yet; 0: none */
    bool suspect;
};

struct hwsi_endpoint {
    /* What each message looks at; two cache lines. */
    struct hwsi_manager *manager;
    struct hwsi_address *address;
    struct hws_pid *root;                 /* "$system" over there */
    struct hwsi_association *association; /* NULL: idle or closed */
    struct hwsi_connection *connection;   /* up */
    enum hws_endpoint_state state;
    bool connected_before; /* in this life */
    bool queue_while_away; /* the policy's answer for this absence */
    struct hwsi_level_mark
        ample; /* a message that keeps the ring below is taken as it is (level.c) */
    struct hwsi_list dirty;
    uint64_t deliver_success, deliver_failure, received, received_bytes, sent_bytes;
    /* The rest. */
    struct hwsi_connection *dialing;
    struct hwsi_list all, tomb;
    struct hwsi_list pressed; /* its level has changed, and listeners do not know (pressure.h) */
    enum hws_endpoint_state from;     /* the state before, and when it had entered that */
    enum hws_dead_letter_reason gate; /* what deliveries become while it is gated */
    uint64_t from_since;
    uint64_t incarnation, since, uid;
    struct hws_correlation correlation; /* of the association, also when that is over */
    uint64_t attempt, delay, lost_at;
    uint64_t quarantined_uid;
    uint64_t replaced[HWSI_REPLACED_MAX]; /* the newest first; 0: none */
    struct hwsi_timer retry, acknowledge, stable;
    struct hwsi_list waiting; /* watches whose Terminated waits for user messages, by position */
    struct hwsi_heartbeat heartbeat;
    struct hwsi_levels *levels;      /* NULL before its first life */
    uint8_t level;                   /* 0 normal, i: levels->given.level[i - 1] */
    uint8_t last_level;              /* when closed */
    uint8_t told_level;              /* what listeners know */
    struct hwsi_level_mark up, down; /* reaching `up` or falling to `down` changes the level */
    uint32_t keep;                   /* at this level: 1 takes each message, 0 none, n every n-th */
    uint32_t offered;                /* at this level, counted when `keep` is above 1 */
    uint64_t rtt;                    /* the last one */
    struct hwsi_rtt rtts;
    uint64_t duplicates, resent, undecodable;
    uint64_t dials, connects;
    uint64_t accepted;              /* of its connects */
    struct hwsi_tally *tally;       /* NULL: nothing went wrong yet */
    uint32_t failures, disconnects; /* that it had no memory for */
    uint64_t last_size, last_bytes; /* of the ring, when closed */
    char name[HWSI_NAME_MAX + 1];
    char *reason; /* why it is in this state; NULL: none */
};

/* --- from the manager --- */
int hwsi_endpoint_new(struct hwsi_manager *manager, struct hwsi_address *address,
                      struct hwsi_endpoint **out);
void hwsi_endpoint_free(struct hwsi_endpoint *endpoint);
/* Takes a message for its address, or makes the dead letter and says why not. `target` NULL: an answer. */
int hwsi_endpoint_deliver(struct hwsi_endpoint *endpoint, struct hws_pid *target,
                          const struct hws_message *message);
int hwsi_endpoint_notify(struct hwsi_endpoint *endpoint, const struct hwsi_system_message *message,
                         uint64_t *sequence);
int hwsi_endpoint_associate(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_close(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                         const char *detail, enum hws_dead_letter_reason unwritten);
/*
 * Throttle levels (level.c): asks the policy anew (without memory those before stay; HWS_ENOMEM: there are none); the ring has reached or fallen to a mark; a
 * link is back; the ring is given up.
 * The name of the level in force, or of the last one of a closed endpoint.
 */
int hwsi_endpoint_levels(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_up(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_down(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_reset(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_end(struct hwsi_endpoint *endpoint);
const char *hwsi_endpoint_level_name(const struct hwsi_endpoint *endpoint, uint8_t level);

/* Shuts the peer's present uid out (quarantine.c); the quarantine is over. */
int hwsi_endpoint_quarantine(struct hwsi_endpoint *endpoint, const char *detail, uint64_t duration);
void hwsi_endpoint_release(struct hwsi_endpoint *endpoint, const char *reason);
/* `uid` has taken the endpoint: the one before, if it was another, is not to come back. */
void hwsi_endpoint_taken_by(struct hwsi_endpoint *endpoint, uint64_t uid);
/* Was `uid`, of a HELLO, replaced? Then the address is dialled, where nobody does yet: who answers there is the one. */
bool hwsi_endpoint_refuses_stale(struct hwsi_endpoint *endpoint, uint64_t uid);
/* Forgets all that were replaced; were there any? */
bool hwsi_endpoint_forget_replaced(struct hwsi_endpoint *endpoint);
/* Lets go of its links with `say`, stops its timers, gives its association up and ends its watches; returns the messages given up. */
uint64_t hwsi_endpoint_end_life(struct hwsi_endpoint *endpoint, enum hwsi_refusal say,
                                const char *detail, enum hws_dead_letter_reason unwritten);

/* --- dial.c --- */
void hwsi_endpoint_dial(struct hwsi_endpoint *endpoint); /* now; a client is waited for instead */

/* --- from its connections --- */
/* Was it written before the association that it is read in, by a dial that was given up? */
bool hwsi_endpoint_is_late(const struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello);
/* The peer's HELLO or WELCOME against the association: resumes it, binds it, or starts another. HWS_EPROTOCOL, HWS_ENOMEM. */
int hwsi_endpoint_greet(struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello,
                        bool *resumed);
void hwsi_endpoint_connected(struct hwsi_endpoint *endpoint, struct hwsi_connection *connection,
                             const struct hwsi_hello *hello, bool resumed);
/* A dial of ours came to nothing. */
void hwsi_endpoint_dial_failed(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                               const char *detail);
/* A dial of ours was one too many: the peer keeps its own, or one that is up. Waits for that, and asks no policy. */
void hwsi_endpoint_await_peer(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_link_lost(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                             const char *detail);
/* A link of it is no more: tells it, and stops what lives on a link. What becomes of the endpoint is the caller's. */
void hwsi_endpoint_disconnected(struct hwsi_endpoint *endpoint, enum hws_link_reason reason,
                                const char *detail);
void hwsi_endpoint_acknowledged(struct hwsi_endpoint *endpoint, uint64_t count);
void hwsi_endpoint_suspended(struct hwsi_endpoint *endpoint, const char *detail);
void hwsi_endpoint_reachable(struct hwsi_endpoint *endpoint);
/* --- transition.c: each change is hwsi_endpoint_set_state(), then hwsi_endpoint_publish() of its event --- */
void hwsi_endpoint_set_state(struct hwsi_endpoint *endpoint, enum hws_endpoint_state state,
                             const char *why);
bool hwsi_endpoint_on_the_chart(enum hws_endpoint_state from, enum hws_endpoint_state to,
                                enum hws_event_type event);
/* Fills in what every event of an endpoint has, and publishes it. */
void hwsi_endpoint_publish(struct hwsi_endpoint *endpoint, struct hws_event *event);
/* What it does next by itself, and when (HWS_NEVER with HWS_STEP_none). */
enum hws_endpoint_step hwsi_endpoint_step(const struct hwsi_endpoint *endpoint, uint64_t *due);
/* A fresh association, or its handshake is done: chooses its correlation id. */
void hwsi_endpoint_name_association(struct hwsi_endpoint *endpoint);
/* --- heartbeat.c --- */
enum hws_endpoint_step hwsi_heartbeat_step(const struct hwsi_endpoint *endpoint, uint64_t *due);
int hwsi_heartbeat_init(struct hwsi_endpoint *endpoint);
void hwsi_heartbeat_free(struct hwsi_endpoint *endpoint);
void hwsi_heartbeat_start(struct hwsi_endpoint *endpoint); /* a link is up */
void hwsi_heartbeat_stop(struct hwsi_endpoint *endpoint);
void hwsi_heartbeat_heard(struct hwsi_endpoint *endpoint); /* bytes came in */
/* A PONG; false: to a PING that was never sent. */
bool hwsi_heartbeat_answered(struct hwsi_endpoint *endpoint, uint64_t pinged);

/* Marks it for the flush at the end of the turn. */
void hwsi_endpoint_mark_dirty(struct hwsi_endpoint *endpoint);
static inline void hwsi_endpoint_touch(struct hwsi_endpoint *endpoint)
{
    if (hwsi_list_empty(&endpoint->dirty))
        hwsi_endpoint_mark_dirty(endpoint);
}

#endif
