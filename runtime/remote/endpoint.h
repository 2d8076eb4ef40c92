/* SPDX-License-Identifier: MIT */
/*
 * This system's view of one remote address. What is in force:
 *
 *     idle -----send, associate-----> associating ----handshake----> connected <-> suspended
 *       ^                                | failed                      | link lost      | silent too long
 *       | (never: a closed one           v                             v                |
 *       |  starts a new life)        reconnecting <--------------------+----------------+
 *       |                                | handshake -> connected
 *     closed <---the policy gives up-----+      any -> closed (by call, shutdown)
 *
 *     associating, reconnecting, connected --refused--> gated --time--> associating      (or the policy gives up: closed)
 *     any --quarantine--> quarantined --deadline, operator, new uid--> closed
 *
 * suspended: the link is up, but the peer does not answer (heartbeat.c).
 *
 * An endpoint answers events with actions and asks the policy; each transition is one function in endpoint.c and publishes its
 * event. A closed endpoint is a tombstone with its last statistics until the next send, an inbound handshake, or its end.
 */
#ifndef HAWSER_REMOTE_ENDPOINT_H
#define HAWSER_REMOTE_ENDPOINT_H

#include "hawser/remote.h"
#include "remote/connection.h"
#include "remote/detector.h"

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
    struct hwsi_manager *manager;
    struct hwsi_address *address;
    struct hws_pid *root; /* "$system" over there */
    struct hwsi_list all, dirty, tomb;
    struct hwsi_list pressed; /* its level has changed, and listeners do not know (pressure.h) */
    struct hwsi_association *association; /* NULL: idle or closed */
    struct hwsi_connection *connection;   /* up */
    struct hwsi_connection *dialing;
    enum hws_endpoint_state state;
    bool connected_before; /* in this life */
    bool queue_while_away; /* the policy's answer for this absence */
    uint64_t incarnation, since, next, uid;
    uint64_t attempt, delay, lost_at;
    uint64_t quarantined_uid;
    uint64_t replaced[HWSI_REPLACED_MAX]; /* the newest first; 0: none */
    enum hws_dead_letter_reason gate;     /* what deliveries become while it is gated */
    struct hwsi_timer retry, acknowledge, stable;
    struct hwsi_list waiting; /* watches whose Terminated waits for user messages, by position */
    struct hwsi_heartbeat heartbeat;
    struct hws_throttle_levels levels;
    uint8_t level;                   /* 0 normal, i: levels.level[i - 1] */
    uint8_t last_level;              /* when closed */
    uint8_t told_level;              /* what listeners know */
    struct hwsi_level_mark up, down; /* reaching `up` or falling to `down` changes the level */
    uint32_t keep;                   /* at this level: 1 takes each message, 0 none, n every n-th */
    uint32_t offered;                /* at this level, counted when `keep` is above 1 */
    uint64_t rtt;
    uint64_t deliver_success, deliver_failure, received, received_bytes, sent_bytes, duplicates,
        resent, connects, undecodable;
    uint64_t letters[HWS_REASON_COUNT];
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
void hwsi_endpoint_close(struct hwsi_endpoint *endpoint, const char *reason, const char *detail,
                         enum hws_dead_letter_reason unwritten);
/*
 * Throttle levels (level.c): asks the policy anew; the ring has reached or fallen to a mark; a link is back; the ring is given up.
 * The name of the level in force, or of the last one of a closed endpoint.
 */
void hwsi_endpoint_levels(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_up(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_down(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_reset(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_level_end(struct hwsi_endpoint *endpoint);
const char *hwsi_endpoint_level_name(const struct hwsi_endpoint *endpoint, uint8_t level);
void hwsi_endpoint_statistics(const struct hwsi_endpoint *endpoint,
                              struct hws_endpoint_statistics *out);

/* Shuts the peer's present uid out (quarantine.c); the quarantine is over. */
int hwsi_endpoint_quarantine(struct hwsi_endpoint *endpoint, const char *detail, uint64_t duration);
void hwsi_endpoint_release(struct hwsi_endpoint *endpoint, const char *reason);
/* `uid` has taken the endpoint: the one before, if it was another, is not to come back. Was `uid` replaced itself? Forgets all. */
void hwsi_endpoint_taken_by(struct hwsi_endpoint *endpoint, uint64_t uid);
bool hwsi_endpoint_is_stale(const struct hwsi_endpoint *endpoint, uint64_t uid);
bool hwsi_endpoint_forget_replaced(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_set_state(struct hwsi_endpoint *endpoint, enum hws_endpoint_state state,
                             const char *why);
/* Lets go of its links with `say`, stops its timers, gives its association up and ends its watches; returns the messages given up. */
uint64_t hwsi_endpoint_end_life(struct hwsi_endpoint *endpoint, enum hwsi_refusal say,
                                const char *detail, enum hws_dead_letter_reason unwritten);

/* --- from its connections --- */
/* The peer's HELLO or WELCOME against the association: resumes it, binds it, or starts another. HWS_EPROTOCOL, HWS_ENOMEM. */
int hwsi_endpoint_greet(struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello,
                        bool *resumed);
void hwsi_endpoint_connected(struct hwsi_endpoint *endpoint, struct hwsi_connection *connection,
                             const struct hwsi_hello *hello, bool resumed);
/* A dial of ours came to nothing. */
void hwsi_endpoint_dial_failed(struct hwsi_endpoint *endpoint, const char *reason,
                               const char *detail);
/* A dial of ours was one too many: the peer keeps its own, or one that is up. Waits for that, and asks no policy. */
void hwsi_endpoint_await_peer(struct hwsi_endpoint *endpoint);
void hwsi_endpoint_link_lost(struct hwsi_endpoint *endpoint, const char *reason,
                             const char *detail);
void hwsi_endpoint_acknowledged(struct hwsi_endpoint *endpoint, uint64_t count);
void hwsi_endpoint_suspended(struct hwsi_endpoint *endpoint, const char *detail);
void hwsi_endpoint_reachable(struct hwsi_endpoint *endpoint);
/* --- heartbeat.c --- */
int hwsi_heartbeat_init(struct hwsi_endpoint *endpoint);
void hwsi_heartbeat_free(struct hwsi_endpoint *endpoint);
void hwsi_heartbeat_start(struct hwsi_endpoint *endpoint); /* a link is up */
void hwsi_heartbeat_stop(struct hwsi_endpoint *endpoint);
void hwsi_heartbeat_heard(struct hwsi_endpoint *endpoint); /* bytes came in */
/* A PONG; false: to a PING that was never sent. */
bool hwsi_heartbeat_answered(struct hwsi_endpoint *endpoint, uint64_t pinged);

/* Marks it for the flush at the end of the turn. */
void hwsi_endpoint_touch(struct hwsi_endpoint *endpoint);

#endif
