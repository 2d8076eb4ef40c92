/* SPDX-License-Identifier: MIT */
/*
 * Frames: a u32 big-endian length, then that many bytes that are one msgpack array whose first element is the kind.
 * Pure functions over borrowed bytes; nothing allocates. docs/wire.md defines every byte.
 */
#ifndef HAWSER_WIRE_FRAME_H
#define HAWSER_WIRE_FRAME_H

#include "hawser/core.h"

#define HWSI_WIRE_VERSION 1
#define HWSI_FRAME_PREFIX 4u /* bytes of the length */

/* X(name, number) */
#define HWSI_FRAME_KINDS(X) \
    X(HELLO, 0)             \
    X(WELCOME, 1) X(REFUSE, 2) X(BYE, 3) X(PING, 4) X(PONG, 5) X(ACK, 6) X(DELIVER, 7) X(SYSTEM, 8)
enum hwsi_frame_kind {
#define X(name, number) HWSI_FRAME_##name = number,
    HWSI_FRAME_KINDS(X)
#undef X
};
const char *hwsi_frame_kind_name(int kind);

/*
 * Finds the first frame in `size` bytes. 1: *body is its body (without the length), a slice of `data`. 0: more bytes are needed;
 * *body.size is the body's length if the prefix is complete, else 0. HWS_ETOOLARGE: longer than `limit`. HWS_EPROTOCOL: empty.
 */
int hwsi_frame_split(const uint8_t *data, size_t size, size_t limit, struct hws_slice *body);

/* The kind of a frame's body, without looking at the rest. HWS_EPROTOCOL: no array, or its first element is no known kind. */
int hwsi_frame_kind_slowly(struct hws_slice body);
static inline int hwsi_frame_kind(struct hws_slice body)
{
    bool short_form = body.size > 1 && body.data[0] > 0x90 && body.data[0] < 0xa0; /* a fixarray */
    return short_form && body.data[1] <= HWSI_FRAME_SYSTEM ? body.data[1]
                                                           : hwsi_frame_kind_slowly(body);
}

#endif
