/* SPDX-License-Identifier: MIT */
/*
 * What travels between actors: PIDs, atoms, messages, and the reasons for which a message does not arrive.
 *
 * PIDs and atoms are interned in their system: the same text is the same pointer, so they compare with ==. Both are
 * reference-counted handles; they may be held after the system is freed (they then name nothing, and releasing them is
 * still right). All calls on the system's thread.
 */
#ifndef HAWSER_MESSAGE_H
#define HAWSER_MESSAGE_H

#include "hawser/core.h"

struct hws_system;
struct hws_pid;  /* {address, id} */
struct hws_atom; /* a short string that repeats: a message's type */

#define HWS_ID_MAX 255u /* bytes in a PID's id; printable, no space, no "://" */
#define HWS_ADDRESS_MAX \
    255u /* bytes in an address: "host:port", "[v6]:port" or a Unix socket's path */
#define HWS_ATOM_MAX 255u /* bytes in a message type */

/*
 * Reads "host:port/id", "hawser.tcp://name@host:port/id", or "id" alone (a local actor). HWS_EADDRESS when it is none of
 * these. The caller owns one reference of *out.
 */
HWS_API int hws_pid_parse(struct hws_system *system, const char *text, struct hws_pid **out);
HWS_API int hws_pid_make(struct hws_system *system, const char *address, const char *id,
                         struct hws_pid **out);
HWS_API struct hws_pid *hws_pid_retain(struct hws_pid *pid);
HWS_API void hws_pid_release(struct hws_pid *pid); /* NULL is fine */
HWS_API const char *
hws_pid_address(const struct hws_pid *pid); /* "host:port"; valid while the PID is held */
HWS_API const char *hws_pid_id(const struct hws_pid *pid);
HWS_API bool hws_pid_is_local(const struct hws_pid *pid);
/* Writes "host:port/id" with a terminating 0, cut to `capacity`; returns the length it needed, like snprintf. */
HWS_API size_t hws_pid_format(const struct hws_pid *pid, char *out, size_t capacity);

HWS_API int hws_atom_make(struct hws_system *system, const char *text, struct hws_atom **out);
HWS_API struct hws_atom *hws_atom_retain(struct hws_atom *atom);
HWS_API void hws_atom_release(struct hws_atom *atom);
HWS_API const char *hws_atom_text(const struct hws_atom *atom);

/* Why a message was not delivered. X(name, sentence) */
#define HWS_DEAD_LETTER_REASONS(X)                                                                \
    X(none, "delivered")                                                                          \
    X(not_found, "no actor of that id lives there")                                               \
    X(queue_full, "the endpoint's queue is full")                                                 \
    X(mailbox_full, "the actor's mailbox is full")                                                \
    X(disconnected, "the endpoint is not connected and its policy does not queue")                \
    X(unacknowledged, "the peer went away before it acknowledged it; it may have been processed") \
    X(too_large, "the message is larger than max_frame_size")                                     \
    X(encode, "the payload is not one well-formed msgpack value")                                 \
    X(decode, "the payload received can not be decoded")                                          \
    X(quarantined, "the peer is quarantined")                                                     \
    X(blocked, "the peer is on the block list")                                                   \
    X(gated, "the endpoint is gated after a refusal")                                             \
    X(throttled, "the policy refuses deliveries at this throttle level")                          \
    X(stopped, "the actor or its system has stopped")                                             \
    X(no_such_kind, "the kind is not registered")
enum hws_dead_letter_reason {
#define X(name, sentence) HWS_REASON_##name,
    HWS_DEAD_LETTER_REASONS(X)
#undef X
        HWS_REASON_COUNT
};
HWS_API const char *hws_reason_name(int reason); /* "queue_full"; "unknown" when out of range */
HWS_API const char *hws_reason_sentence(int reason);
/* The code that hws_send() returns for it, and a request to be told by; HWS_EDEADLETTER when out of range. */
HWS_API int hws_reason_error(int reason);

/* Why an actor's watcher hears Terminated. X(name) */
#define HWS_TERMINATED_REASONS(X) \
    X(stopped) X(failed) X(not_found) X(address_terminated) X(restarted)
enum hws_terminated_reason {
#define X(name) HWS_TERMINATED_##name,
    HWS_TERMINATED_REASONS(X)
#undef X
        HWS_TERMINATED_COUNT
};
HWS_API const char *hws_terminated_name(int reason);

/* 96 bits that name a message at both ends, in events and traces. */
struct hws_correlation {
    uint64_t hi;
    uint32_t lo;
};

/*
 * user                  somebody sent it
 * terminated            `who`, watched before, has ended for the terminated reason `reason`
 * dead_letter_response  a message of yours to `who` was not delivered for the dead-letter reason `reason`
 */
#define HWS_MESSAGE_KINDS(X) X(user) X(terminated) X(dead_letter_response)
enum hws_message_kind {
#define X(name) HWS_MESSAGE_##name,
    HWS_MESSAGE_KINDS(X)
#undef X
};

/*
 * A message, out or in.
 *   Out: fill `payload` (one msgpack value), and if wanted `sender`, `type`, `correlation`; leave the rest 0. All is borrowed
 *        for the call: the system copies the payload.
 *   In:  everything is valid until the handler returns (or asks for the next message). To keep the payload longer, retain
 *        `buffer`; to keep a PID or atom, retain that.
 */
struct hws_message {
    struct hws_slice payload;
    struct hws_pid *sender;             /* NULL: nobody to answer */
    struct hws_atom *type;              /* NULL: none */
    uint64_t request_id;                /* not 0: the sender waits for hws_respond() */
    struct hws_correlation correlation; /* out: 0 lets the system derive one */
    uint16_t kind;                      /* enum hws_message_kind */
    uint16_t reason;
    struct hws_pid
        *who; /* terminated, dead_letter_response; of a response: whom the request went to */
    struct hws_buffer *buffer; /* what the payload is a slice of */
};

#endif
