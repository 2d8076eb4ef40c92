/* SPDX-License-Identifier: MIT */
/*
 * The session between two uids: two lanes of numbered frames each way, acknowledgements, symbol tables. It outlives its links:
 * on a new link to the same uid and session both sides trim what the other has and resend the rest.
 *
 * Owned by its endpoint; when that gives it up, it becomes remains, whose frames are turned into dead letters bit by bit.
 */
#ifndef HAWSER_REMOTE_ASSOCIATION_H
#define HAWSER_REMOTE_ASSOCIATION_H

#include "actor/context.h"
#include "base/ring.h"
#include "remote/symbols.h"
#include "wire/handshake.h"

struct hwsi_association {
    struct hwsi_local *local;
    struct hwsi_address *address; /* the peer's */
    struct hws_pid *root;         /* "$system" over there */
    struct hwsi_ring lanes[HWSI_LANES];
    uint64_t received[HWSI_LANES];
    struct hwsi_outbound out;
    struct hwsi_inbound in;
    uint64_t session, seed;
    uint64_t frame_limit; /* the smaller of both sides' max_frame_size, once the peer's is known */
    bool bound;           /* the peer is known: */
    uint64_t remote_uid, remote_session, remote_seed;
    /* as remains: */
    struct hwsi_list node;
    uint64_t requests_until; /* requests up to this order that are not answered yet fail with it */
    bool moved;     /* what was never written went on to the next association, but for answers */
    uint64_t *left; /* numbers of what did not go on, too large for the next peer */
    size_t left_count;
    uint64_t was_written; /* user frames up to this number may have been processed */
    enum hws_dead_letter_reason unwritten; /* the reason for the others */
};

struct hwsi_association *hwsi_association_new(struct hwsi_local *local,
                                              struct hwsi_address *address, uint64_t session,
                                              uint64_t seed);
void hwsi_association_free(struct hwsi_association *association); /* NULL is fine */

/* The bound of a frame whatever the symbols turn out to be, so that nothing is defined for a frame that is then refused. */
size_t hwsi_association_room(const struct hws_pid *target, const struct hws_message *message);
/* Of it, without the payload. */
#define HWSI_DELIVER_MOST \
    (HWSI_DELIVER_OVERHEAD + HWS_ID_MAX + HWSI_SYMBOL_TEXT_MAX + 1 + HWS_ATOM_MAX)
/* Encodes into the user lane. HWS_ETOOLARGE, HWS_ENOMEM; then nothing is changed. `target` NULL: an answer. */
int hwsi_association_append(struct hwsi_association *association, struct hws_pid *target,
                            const struct hws_message *message);
int hwsi_association_notify(struct hwsi_association *association,
                            const struct hwsi_system_message *message);
/* What the peer has. Returns how many user messages that acknowledged in *count. HWS_EPROTOCOL: more than was written. */
int hwsi_association_acknowledged(struct hwsi_association *association, uint64_t system,
                                  uint64_t user, uint64_t *count);
/* The same from a handshake, where the peer may have more than this side's cursor says; what it lacks will be written again. */
int hwsi_association_resumed(struct hwsi_association *association, uint64_t system, uint64_t user,
                             uint64_t *count);
/* The correlation id of number `n` of a stream with `seed`. */
static inline struct hws_correlation hwsi_correlation(uint64_t seed, uint64_t n)
{
    return (struct hws_correlation){ seed + (n >> 32), (uint32_t)n };
}

/* Reads one of our own frames back; its target is NULL for an answer. HWS_ENOMEM: then nothing is to be released. */
struct hwsi_own_frame {
    struct hws_pid *target;     /* one reference; NULL: an answer */
    struct hws_message message; /* sender and type: one reference each */
    bool explicit_correlation, answer;
};
int hwsi_association_read_own(struct hwsi_association *association, struct hws_slice frame,
                              uint64_t number, struct hwsi_own_frame *out);
void hwsi_own_frame_release(struct hwsi_own_frame *own);

/* Message `number` did not go on to the next association, because it is too large for that peer: a letter when this one is drained. */
int hwsi_association_leave(struct hwsi_association *association, uint64_t number);
void hwsi_association_leave_none(struct hwsi_association *association);
/* Remains: turns up to `most` frames into dead letters; false when nothing is left and it can be freed. */
bool hwsi_remains_drain(struct hwsi_association *association, uint64_t most);

#endif
