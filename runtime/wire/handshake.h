/* SPDX-License-Identifier: MIT */
/*
 * The frames of a link: HELLO, WELCOME, REFUSE, BYE, PING, PONG, ACK.
 *   HELLO/WELCOME [kind, version, features, name, address, uid, nonce, seed, session, known_session, received_system,
 *                  received_user, max_frame_size, ...]   max_frame_size may be left out, more elements are ignored, so that a later version can add some
 *   REFUSE/BYE    [kind, code, text]     PING/PONG [kind, time]     ACK [6, system, user]
 */
#ifndef HAWSER_WIRE_HANDSHAKE_H
#define HAWSER_WIRE_HANDSHAKE_H

#include "hawser/message.h"
#include "wire/frame.h"

#define HWSI_NAME_MAX 64u
#define HWSI_CONTROL_TEXT_MAX 255u
#define HWSI_FRAME_LIMIT_LEAST \
    1024u /* the least a system may set max_frame_size to: every frame of its own fits */
#define HWSI_HELLO_BOUND (176u + HWSI_NAME_MAX + HWS_ADDRESS_MAX)
#define HWSI_CONTROL_BOUND (48u + HWSI_CONTROL_TEXT_MAX)

struct hwsi_hello {
    uint32_t version;
    uint64_t features;
    struct hws_slice name, address; /* validated: printable, within their limits, name not empty */
    uint64_t uid;                   /* never 0 */
    uint64_t nonce;                 /* HELLO's own; WELCOME repeats it */
    uint64_t seed;                  /* correlation ids of what this side sends */
    uint64_t session;               /* this side's association, never 0 */
    uint64_t known_session;         /* the other side's, as far as this side knows one; 0: none */
    uint64_t received_system, received_user; /* positions this side has taken of known_session */
    uint64_t
        max_frame_size; /* the largest frame this side takes; 0: not said (the element is left out) */
};
size_t hwsi_hello_encode(uint8_t *out, enum hwsi_frame_kind kind, const struct hwsi_hello *hello);
/* HWS_EPROTOCOL as for envelopes; HWS_EVERSION: another version (out->version is set, the rest may not be). */
int hwsi_hello_decode(struct hws_slice body, struct hwsi_hello *out);

/* Why a handshake was refused or a link is ended. X(name, number, sentence) */
#define HWSI_REFUSALS(X)                                            \
    X(none, 0, "no reason given")                                   \
    X(version, 1, "the protocol versions differ")                   \
    X(self, 2, "the system dialled itself")                         \
    X(duplicate, 3, "another link of this pair is kept")            \
    X(shutdown, 4, "the system is shutting down")                   \
    X(closed, 5, "the endpoint was closed")                         \
    X(protocol, 6, "the peer broke the wire protocol")              \
    X(busy, 7, "too many handshakes are under way")                 \
    X(timeout, 8, "the handshake took too long")                    \
    X(unexpected, 9, "another system answers at this address")      \
    X(blocked, 10, "the system is on the block list")               \
    X(quarantined, 11, "this process of the system is quarantined") \
    X(stale, 12, "a newer process of the system has taken its address")
enum hwsi_refusal {
#define X(name, number, sentence) HWSI_REFUSED_##name = number,
    HWSI_REFUSALS(X)
#undef X
        HWSI_REFUSAL_COUNT
};
const char *hwsi_refusal_name(uint64_t code); /* "unknown" past the end */
const char *hwsi_refusal_sentence(uint64_t code);

/* REFUSE, BYE: a is the code, text is for people. PING, PONG: a is the pinger's clock. ACK: a system, b user positions. */
struct hwsi_control {
    enum hwsi_frame_kind kind;
    uint64_t a, b;
    struct hws_slice text; /* valid UTF-8 is not promised; print it escaped */
};
size_t hwsi_control_encode(uint8_t *out, const struct hwsi_control *control);
int hwsi_control_decode(struct hws_slice body, struct hwsi_control *out);

#endif
