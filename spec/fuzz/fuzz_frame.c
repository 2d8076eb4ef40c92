/* SPDX-License-Identifier: MIT */
/*
 * Bytes as they come from a peer: split, classified, decoded. What was taken is written again and
 * must mean the same; the verdict on a payload must agree with a checker written another way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seeds.h"
#include "wire/envelope.h"
#include "wire/handshake.h"
#include "base/utf8.h"

#define LIMIT 65536u

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool same(struct hws_slice a, struct hws_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The size of the value at the start of `bytes`, 0 when there is none: by recursion. */
static size_t value_size(const uint8_t *bytes, size_t size, unsigned depth);

static size_t container_size(const uint8_t *bytes, size_t size, size_t used, uint64_t values,
                             unsigned depth)
{
    if (depth == 64) {
        return 0;
    }
    while (values-- > 0) {
        size_t one = value_size(bytes + used, size - used, depth + 1);
        if (one == 0) {
            return 0;
        }
        used += one;
    }
    return used;
}

static uint64_t number_of(const uint8_t *bytes, unsigned length)
{
    uint64_t number = 0;
    while (length-- > 0) {
        number = number * 256 + *bytes++;
    }
    return number;
}

static size_t value_size(const uint8_t *bytes, size_t size, unsigned depth)
{
    static const uint8_t scalars[] = { 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5,  9, 2,
                                       3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18 };
    if (size == 0) {
        return 0;
    }
    uint8_t head = bytes[0];
    unsigned length = 0, extra = 0;
    switch (head) {
    case 0xc4:
    case 0xd9: length = 1; break;
    case 0xc5:
    case 0xda:
    case 0xdc:
    case 0xde: length = 2; break;
    case 0xc6:
    case 0xdb:
    case 0xdd:
    case 0xdf: length = 4; break;
    case 0xc7: length = 1, extra = 1; break;
    case 0xc8: length = 2, extra = 1; break;
    case 0xc9: length = 4, extra = 1; break;
    default: break;
    }
    if (length >= size) {
        return 0;
    }
    uint64_t number = number_of(bytes + 1, length);
    if (head >= 0xdc && head <= 0xdf) {
        return container_size(bytes, size, 1 + length, head < 0xde ? number : 2 * number, depth);
    }
    if (head >= 0x80 && head < 0xa0) {
        return container_size(bytes, size, 1, head < 0x90 ? 2u * (head - 0x80u) : head - 0x90u,
                              depth);
    }
    uint64_t whole = length                        ? 1 + length + extra + number
                     : head >= 0xc0 && head < 0xd9 ? scalars[head - 0xc0]
                     : head >= 0xa0 && head < 0xc0 ? head - 0x9fu
                                                   : 1u;
    return whole <= size ? (size_t)whole : 0;
}

static bool same_symbol(const struct hwsi_symbol *a, const struct hwsi_symbol *b)
{
    return a->index == b->index && same(a->text, b->text);
}

static void check_symbol(const struct hwsi_symbol *symbol, size_t most, enum hwsi_text_class class_)
{
    require(symbol->index <= HWSI_SYMBOL_MAX);
    require(symbol->index == 0 || symbol->text.size <= HWSI_SYMBOL_DEFINED_MAX);
    require(symbol->text.size == 0 || hwsi_text_valid(symbol->text, most, class_));
}

static uint8_t *block_of(size_t bound)
{
    uint8_t *block = malloc(bound);
    require(block);
    return block;
}

/* The body of a frame just written into a block of `bound` bytes. */
static struct hws_slice body_of(const uint8_t *block, size_t size, size_t bound, int kind)
{
    struct hws_slice body;
    require(size <= bound && hwsi_frame_split(block, size, bound, &body) == 1);
    require(body.size == size - HWSI_FRAME_PREFIX && hwsi_frame_kind(body) == kind);
    return body;
}

static void take_deliver(struct hws_slice body)
{
    struct hwsi_deliver first, second;
    int error = hwsi_deliver_decode(body, &first);
    if (error == HWS_EPROTOCOL) {
        return;
    }
    check_symbol(&first.target, HWS_ID_MAX, HWSI_TEXT_WORD);
    check_symbol(&first.sender, HWSI_SYMBOL_TEXT_MAX, HWSI_TEXT_WORD);
    check_symbol(&first.type, HWS_ATOM_MAX, HWSI_TEXT_PRINTABLE);
    require(first.target.index || first.target.text.size || first.request_id);
    require(first.payload.data + first.payload.size == body.data + body.size);
    size_t value = value_size(first.payload.data, first.payload.size, 0);
    require((error == 0) == (value != 0 && value == first.payload.size));
    if (error) {
        require(error == HWS_EDECODE);
        return;
    }
    size_t bound = hwsi_deliver_bound(&first);
    uint8_t *block = block_of(bound);
    struct hws_slice again =
        body_of(block, hwsi_deliver_encode(block, &first), bound, HWSI_FRAME_DELIVER);
    require(again.size <= body.size && hwsi_deliver_decode(again, &second) == 0);
    require(same_symbol(&first.target, &second.target) &&
            same_symbol(&first.sender, &second.sender) && same_symbol(&first.type, &second.type) &&
            first.request_id == second.request_id &&
            first.has_correlation == second.has_correlation &&
            first.correlation.hi == second.correlation.hi &&
            first.correlation.lo == second.correlation.lo && same(first.payload, second.payload));
    free(block);
}

static void take_system(struct hws_slice body)
{
    struct hwsi_system_message first, second;
    if (hwsi_system_message_decode(body, &first)) {
        return;
    }
    require(hwsi_text_valid(first.target, HWS_ID_MAX, HWSI_TEXT_WORD) &&
            first.reason <= UINT16_MAX);
    size_t bound = hwsi_system_message_bound(&first);
    uint8_t *block = block_of(bound);
    struct hws_slice again =
        body_of(block, hwsi_system_message_encode(block, &first), bound, HWSI_FRAME_SYSTEM);
    require(again.size <= body.size && hwsi_system_message_decode(again, &second) == 0);
    require(first.code == second.code && same(first.target, second.target) &&
            same(first.sender, second.sender) && first.reason == second.reason &&
            first.number == second.number);
    free(block);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    seed_corpus(*argc, *argv, 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_slice body;
    while (hwsi_frame_split(data, size, LIMIT, &body) == 1) {
        require(body.data == data + HWSI_FRAME_PREFIX && body.size > 0 && body.size <= LIMIT);
        int kind = hwsi_frame_kind(body);
        require(kind == HWS_EPROTOCOL || (kind >= 0 && kind <= HWSI_FRAME_SYSTEM));
        /* Every decoder gets every body: none may trust that another has looked first. */
        struct hwsi_hello hello;
        struct hwsi_control control;
        hwsi_hello_decode(body, &hello);
        hwsi_control_decode(body, &control);
        take_deliver(body);
        take_system(body);
        data += HWSI_FRAME_PREFIX + body.size;
        size -= HWSI_FRAME_PREFIX + body.size;
    }
    return 0;
}
