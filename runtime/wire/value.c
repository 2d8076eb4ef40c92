/* SPDX-License-Identifier: MIT */
#include "wire/value.h"

#include "wire/token.h"

/* Heads 0xc0 to 0xdf: bytes of the length field, and bytes that follow whatever that field says. */
struct shape {
    uint8_t length, fixed;
};
static const struct shape shapes[32] = {
    [0x00] = { 0, 0 },                                                           /* nil */
    [0x02] = { 0, 0 },  [0x03] = { 0, 0 },                                       /* false, true */
    [0x04] = { 1, 0 },  [0x05] = { 2, 0 }, [0x06] = { 4, 0 },                    /* bin */
    [0x07] = { 1, 1 },  [0x08] = { 2, 1 }, [0x09] = { 4, 1 },                    /* ext: its type */
    [0x0a] = { 0, 4 },  [0x0b] = { 0, 8 },                                       /* float */
    [0x0c] = { 0, 1 },  [0x0d] = { 0, 2 }, [0x0e] = { 0, 4 }, [0x0f] = { 0, 8 }, /* uint */
    [0x10] = { 0, 1 },  [0x11] = { 0, 2 }, [0x12] = { 0, 4 }, [0x13] = { 0, 8 }, /* int */
    [0x14] = { 0, 2 },  [0x15] = { 0, 3 }, [0x16] = { 0, 5 }, [0x17] = { 0, 9 }, /* fixext */
    [0x18] = { 0, 17 }, [0x19] = { 1, 0 }, [0x1a] = { 2, 0 }, [0x1b] = { 4, 0 }, /* str */
    [0x1c] = { 2, 0 },  [0x1d] = { 4, 0 },                                       /* array */
    [0x1e] = { 2, 0 },  [0x1f] = { 4, 0 },                                       /* map */
};

/* Passes one token; tells how many values it contains, and whether it could (an empty array). */
static bool pass_token(struct hwsi_reader *reader, uint64_t *values, bool *container)
{
    uint8_t head = *reader->at++;
    *values = 0;
    *container = false;
    if (head < 0x80 || head >= 0xe0) {
        return true;
    }
    if (head < 0xa0) {
        *container = true;
        *values = head < 0x90 ? (head & 0x0fu) * 2u : head & 0x0fu;
        return true;
    }
    uint64_t size = head & 0x1fu;
    if (head >= 0xc0) {
        const struct shape *shape = &shapes[head & 0x1f];
        size = 0;
        if (head == 0xc1 || (shape->length && !hwsi_read_big(reader, shape->length, &size))) {
            return false;
        }
        if (head >= 0xdc) {
            *container = true;
            *values = head >= 0xde ? size * 2 : size;
            return true;
        }
        size += shape->fixed;
    }
    if (size > hwsi_reader_left(reader)) {
        return false;
    }
    reader->at += size;
    return true;
}

int hwsi_value_skip(struct hws_slice bytes, size_t count, size_t *skipped)
{
    struct hwsi_reader reader = { bytes.data, bytes.data + bytes.size };
    size_t outer[HWSI_VALUE_DEPTH_MAX];
    size_t depth = 0, wanted = count;
    for (;;) {
        while (wanted == 0) {
            if (depth == 0) {
                *skipped = (size_t)(reader.at - bytes.data);
                return 0;
            }
            wanted = outer[--depth];
        }
        uint64_t values;
        bool container;
        if (reader.at == reader.end || !pass_token(&reader, &values, &container)) {
            return HWS_EDECODE;
        }
        wanted--;
        if (container) {
            /* A value takes a byte at least: a greater claim is a lie that ends here. */
            if (depth == HWSI_VALUE_DEPTH_MAX || values > hwsi_reader_left(&reader)) {
                return HWS_EDECODE;
            }
            outer[depth++] = wanted;
            wanted = (size_t)values;
        }
    }
}

int hws_value_check(struct hws_slice value)
{
    if (value.size == 0) {
        return HWS_EDECODE;
    }
    /* A bin or str of up to 255 bytes, what most hosts send, is checked without a walk. */
    uint8_t head = value.data[0];
    if (value.size >= 2 && (head == 0xc4 || head == 0xd9)) {
        return value.size == value.data[1] + (size_t)2 ? 0 : HWS_EDECODE;
    }
    if ((head & 0xe0) == 0xa0) {
        return value.size == (head & 0x1f) + (size_t)1 ? 0 : HWS_EDECODE;
    }
    size_t skipped;
    int error = hwsi_value_skip(value, 1, &skipped);
    return error ? error : skipped == value.size ? 0 : HWS_EDECODE;
}
