/* SPDX-License-Identifier: MIT */
/*
 * msgpack tokens by hand, for headers: uint, nil, str, bin, array, map. Bounded, allocates nothing, no
 * state but two pointers. The message path reads and writes a header of five small tokens; by hand
 * that is about a nanosecond a side, through msgpack-c 20 to 60. Payloads are not touched here: who
 * makes one (the Lua bindings, a C host) packs it with msgpack-c.
 *
 * Readers take any form of a token, the longer ones too, as other languages' libraries write them;
 * each returns false, with the cursor anywhere, when the token is another one or runs past the end.
 * Writers write the shortest form, need the room to be there, and return the place after it.
 */
#ifndef HAWSER_WIRE_TOKEN_H
#define HAWSER_WIRE_TOKEN_H

#include <string.h>

#include "hawser/core.h"

#define HWSI_NIL 0xc0u
#define HWSI_FIXMAP 0x80u
#define HWSI_FIXARRAY 0x90u
#define HWSI_FIXSTR 0xa0u

struct hwsi_reader {
    const uint8_t *at, *end;
};

static inline size_t hwsi_reader_left(const struct hwsi_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline uint64_t hwsi_get_big(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* A big-endian number of `size` bytes (1, 2, 4 or 8). */
static inline bool hwsi_read_big(struct hwsi_reader *reader, unsigned size, uint64_t *out)
{
    if (hwsi_reader_left(reader) < size) {
        return false;
    }
    *out = hwsi_get_big(reader->at, size);
    reader->at += size;
    return true;
}

/* Any integer that is not negative, also in a signed form. */
static inline bool hwsi_read_uint(struct hwsi_reader *reader, uint64_t *out)
{
    if (reader->at == reader->end) {
        return false;
    }
    uint8_t head = *reader->at++;
    if (head < 0x80) {
        *out = head;
        return true;
    }
    if (head >= 0xcc && head <= 0xcf) {
        return hwsi_read_big(reader, 1u << (head - 0xcc), out);
    }
    if (head < 0xd0 || head > 0xd3) {
        return false;
    }
    if (reader->at == reader->end || (*reader->at & 0x80)) { /* the sign is in the first byte */
        return false;
    }
    return hwsi_read_big(reader, 1u << (head - 0xd0), out);
}

static inline bool hwsi_read_nil(struct hwsi_reader *reader)
{
    if (reader->at == reader->end || *reader->at != HWSI_NIL) {
        return false;
    }
    reader->at++;
    return true;
}

/* Only the header: `count` is a claim that nobody has checked. */
static inline bool hwsi_read_array(struct hwsi_reader *reader, uint64_t *count)
{
    if (reader->at == reader->end) {
        return false;
    }
    uint8_t head = *reader->at++;
    if ((head & 0xf0) == HWSI_FIXARRAY) {
        *count = head & 0x0f;
        return true;
    }
    if (head != 0xdc && head != 0xdd) {
        return false;
    }
    return hwsi_read_big(reader, head == 0xdc ? 2 : 4, count);
}

/* The same: as many pairs. */
static inline bool hwsi_read_map(struct hwsi_reader *reader, uint64_t *count)
{
    if (reader->at == reader->end) {
        return false;
    }
    uint8_t head = *reader->at++;
    if ((head & 0xf0) == HWSI_FIXMAP) {
        *count = head & 0x0f;
        return true;
    }
    if (head != 0xde && head != 0xdf) {
        return false;
    }
    return hwsi_read_big(reader, head == 0xde ? 2 : 4, count);
}

static inline bool hwsi_read_bytes(struct hwsi_reader *reader, uint64_t size, struct hws_slice *out)
{
    if (size > hwsi_reader_left(reader)) {
        return false;
    }
    *out = (struct hws_slice){ reader->at, (size_t)size };
    reader->at += size;
    return true;
}

static inline bool hwsi_read_str(struct hwsi_reader *reader, struct hws_slice *out)
{
    if (reader->at == reader->end) {
        return false;
    }
    uint8_t head = *reader->at++;
    uint64_t size = head & 0x1f;
    if ((head & 0xe0) != HWSI_FIXSTR) {
        if (head < 0xd9 || head > 0xdb || !hwsi_read_big(reader, 1u << (head - 0xd9), &size)) {
            return false;
        }
    }
    return hwsi_read_bytes(reader, size, out);
}

static inline bool hwsi_read_bin(struct hwsi_reader *reader, struct hws_slice *out)
{
    if (reader->at == reader->end) {
        return false;
    }
    uint8_t head = *reader->at++;
    uint64_t size;
    if (head < 0xc4 || head > 0xc6 || !hwsi_read_big(reader, 1u << (head - 0xc4), &size)) {
        return false;
    }
    return hwsi_read_bytes(reader, size, out);
}

static inline uint8_t *hwsi_put_big(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = size; i-- > 0; value >>= 8) {
        at[i] = (uint8_t)value;
    }
    return at + size;
}

/* The big-endian length before a frame; in this form compilers make it one store. */
static inline void hwsi_put_length(uint8_t *at, size_t length)
{
    at[0] = (uint8_t)(length >> 24);
    at[1] = (uint8_t)(length >> 16);
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
}

static inline uint8_t *hwsi_put_uint(uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        *at = (uint8_t)value;
        return at + 1;
    }
    unsigned power = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
    *at = (uint8_t)(0xcc + power);
    return hwsi_put_big(at + 1, 1u << power, value);
}

static inline uint8_t *hwsi_put_nil(uint8_t *at)
{
    *at = HWSI_NIL;
    return at + 1;
}

/* At most 15 elements. */
static inline uint8_t *hwsi_put_array(uint8_t *at, unsigned count)
{
    *at = (uint8_t)(HWSI_FIXARRAY | count);
    return at + 1;
}

/* At most 15 pairs. */
static inline uint8_t *hwsi_put_map(uint8_t *at, unsigned count)
{
    *at = (uint8_t)(HWSI_FIXMAP | count);
    return at + 1;
}

/* At most 65535 bytes. */
static inline uint8_t *hwsi_put_str(uint8_t *at, struct hws_slice text)
{
    if (text.size < 32) {
        *at++ = (uint8_t)(HWSI_FIXSTR | text.size);
    } else {
        unsigned power = text.size <= UINT8_MAX ? 0 : 1;
        *at = (uint8_t)(0xd9 + power);
        at = hwsi_put_big(at + 1, 1u << power, text.size);
    }
    if (text.size) { /* memcpy from NULL is undefined, even of nothing */
        memcpy(at, text.data, text.size);
    }
    return at + text.size;
}

#endif
