/* SPDX-License-Identifier: MIT */
/*
 * DELIVER and SYSTEM frames.
 *   DELIVER [7, target, sender, type, payload]
 *           [7, target, sender, type, request_id, payload]
 *           [7, target, sender, type, request_id, correlation: bin 12 (hi, lo big-endian), payload]
 *           `target` nil and request_id not 0: the answer to that request.
 *   SYSTEM  [8, code, target: str, sender: str or nil, reason, number]      strings always inline: this lane has no symbols
 * A symbol is nil (none), uint (a reference, 1..4096), str (inline) or [uint, str] (defines the reference, then means it).
 * The payload is the last element and runs to the frame's end; decode checks that it is exactly one well-formed value.
 */
#ifndef HAWSER_WIRE_ENVELOPE_H
#define HAWSER_WIRE_ENVELOPE_H

#include "hawser/message.h"
#include "wire/frame.h"

#define HWSI_SYMBOL_MAX 4096u
#define HWSI_SYMBOL_DEFINED_MAX 255u /* a text that gets a number; longer ones go inline */
#define HWSI_SYMBOL_TEXT_MAX (HWS_ADDRESS_MAX + HWS_ID_MAX + 32u) /* a third party's PID as a URI */

struct hwsi_symbol {
    uint32_t index;        /* 0: none or inline */
    struct hws_slice text; /* data NULL: none, or a reference */
};

/* X(name, number) */
#define HWSI_SYSTEM_CODES(X) X(WATCH, 1) X(UNWATCH, 2) X(TERMINATED, 3) X(STOP, 4) X(DEAD_LETTER, 5)
enum hwsi_system_code {
#define X(name, number) HWSI_SYSTEM_##name = number,
    HWSI_SYSTEM_CODES(X)
#undef X
};

struct hwsi_deliver {
    struct hwsi_symbol target, sender, type;
    uint64_t request_id;
    bool has_correlation;
    struct hws_correlation correlation;
    struct hws_slice payload;
};
/*
 * WATCH/UNWATCH: sender watches target. TERMINATED: target (the watcher) hears that sender ended for `reason`; `number` is the
 * user lane's position to wait for. STOP: target. DEAD_LETTER: target hears that its message to `sender` was not
 * delivered for `reason`; `number` is its request id or 0.
 */
struct hwsi_system_message {
    enum hwsi_system_code code;
    struct hws_slice target, sender;
    uint32_t reason;
    uint64_t number;
};

/* Bytes enough for the whole frame, prefix included; what a DELIVER needs beside its texts and payload. */
#define HWSI_DELIVER_OVERHEAD 64u
static inline size_t hwsi_deliver_bound(const struct hwsi_deliver *d)
{
    return HWSI_DELIVER_OVERHEAD + d->target.text.size + d->sender.text.size + d->type.text.size +
           d->payload.size;
}
static inline size_t hwsi_system_message_bound(const struct hwsi_system_message *m)
{
    return 48 + m->target.size + m->sender.size;
}
/* Writes the whole frame to `out`, which has room for the bound; returns its size. The message path: no checks, asserts only. */
size_t hwsi_deliver_encode(uint8_t *out, const struct hwsi_deliver *deliver);
size_t hwsi_system_message_encode(uint8_t *out, const struct hwsi_system_message *message);

/*
 * Reads a frame's body (kind already known). Slices point into it.
 * HWS_EPROTOCOL: not such a frame (the link must close): bad token, wrong count, symbol index or text out of range, id too long.
 * `out` is undefined then.
 * HWS_EDECODE: well framed, but the payload is not one well-formed value nested at most 64 deep: everything but the
 * payload is filled in, payload is what is left (dead-letter it; the link lives on).
 */
int hwsi_deliver_decode(struct hws_slice body, struct hwsi_deliver *out);
int hwsi_system_message_decode(struct hws_slice body, struct hwsi_system_message *out);

#endif
