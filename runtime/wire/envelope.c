/* SPDX-License-Identifier: MIT */
#include "wire/envelope.h"

#include <assert.h>

#include "base/utf8.h"
#include "wire/token.h"

#define CORRELATION_SIZE 12u
#define SYSTEM_ELEMENTS 6u

static uint8_t *put_symbol_slowly(uint8_t *at, const struct hwsi_symbol *symbol)
{
    if (symbol->text.size == 0) {
        assert(symbol->index <= HWSI_SYMBOL_MAX);
        return symbol->index ? hwsi_put_uint(at, symbol->index) : hwsi_put_nil(at);
    }
    if (symbol->index) {
        assert(symbol->text.size <= HWSI_SYMBOL_DEFINED_MAX);
        at = hwsi_put_uint(hwsi_put_array(at, 2), symbol->index);
    }
    return hwsi_put_str(at, symbol->text);
}

/* In steady state a symbol is a reference, and one byte. */
static inline uint8_t *put_symbol(uint8_t *at, const struct hwsi_symbol *symbol)
{
    if (symbol->text.size == 0 && symbol->index < 0x80) {
        *at = symbol->index ? (uint8_t)symbol->index : HWSI_NIL;
        return at + 1;
    }
    return put_symbol_slowly(at, symbol);
}

static uint8_t *put_correlation(uint8_t *at, const struct hws_correlation *correlation)
{
    *at++ = 0xc4;
    *at++ = CORRELATION_SIZE;
    return hwsi_put_big(hwsi_put_big(at, 8, correlation->hi), 4, correlation->lo);
}

size_t hwsi_deliver_encode(uint8_t *out, const struct hwsi_deliver *deliver)
{
    assert(deliver->payload.size > 0);
    assert(deliver->request_id || deliver->target.index || deliver->target.text.size);
    unsigned extra = deliver->has_correlation ? 2 : deliver->request_id ? 1 : 0;
    uint8_t *at = hwsi_put_array(out + HWSI_FRAME_PREFIX, 5 + extra);
    *at++ = HWSI_FRAME_DELIVER;
    at = put_symbol(at, &deliver->target);
    at = put_symbol(at, &deliver->sender);
    at = put_symbol(at, &deliver->type);
    if (extra) {
        at = hwsi_put_uint(at, deliver->request_id);
        if (extra == 2) {
            at = put_correlation(at, &deliver->correlation);
        }
    }
    memcpy(at, deliver->payload.data, deliver->payload.size);
    size_t size = (size_t)(at - out) + deliver->payload.size;
    hwsi_put_length(out, size - HWSI_FRAME_PREFIX);
    return size;
}

size_t hwsi_system_message_encode(uint8_t *out, const struct hwsi_system_message *message)
{
    uint8_t *at = hwsi_put_array(out + HWSI_FRAME_PREFIX, SYSTEM_ELEMENTS);
    *at++ = HWSI_FRAME_SYSTEM;
    at = hwsi_put_uint(at, message->code);
    at = hwsi_put_str(at, message->target);
    at = message->sender.size ? hwsi_put_str(at, message->sender) : hwsi_put_nil(at);
    at = hwsi_put_uint(at, message->reason);
    at = hwsi_put_uint(at, message->number);
    size_t size = (size_t)(at - out);
    hwsi_put_length(out, size - HWSI_FRAME_PREFIX);
    return size;
}

static inline bool read_open(struct hwsi_reader *reader, unsigned kind, uint64_t *count)
{
    if (hwsi_reader_left(reader) > 2 && (reader->at[0] & 0xf0) == HWSI_FIXARRAY &&
        reader->at[1] == kind) {
        *count = reader->at[0] & 0x0f;
        reader->at += 2;
        return true;
    }
    uint64_t first;
    return hwsi_read_array(reader, count) && hwsi_read_uint(reader, &first) && first == kind;
}

static bool read_index(struct hwsi_reader *reader, uint32_t *out)
{
    uint64_t index;
    if (!hwsi_read_uint(reader, &index) || index == 0 || index > HWSI_SYMBOL_MAX) {
        return false;
    }
    *out = (uint32_t)index;
    return true;
}

static bool read_text(struct hwsi_reader *reader, size_t most, enum hwsi_text_class class_,
                      struct hws_slice *out)
{
    return hwsi_read_str(reader, out) && hwsi_text_valid(*out, most, class_);
}

static bool read_symbol_slowly(struct hwsi_reader *reader, size_t most, enum hwsi_text_class class_,
                               struct hwsi_symbol *out)
{
    struct hwsi_reader start = *reader;
    uint64_t count;
    if (hwsi_read_array(reader, &count)) {
        most = most < HWSI_SYMBOL_DEFINED_MAX ? most : HWSI_SYMBOL_DEFINED_MAX;
        return count == 2 && read_index(reader, &out->index) &&
               read_text(reader, most, class_, &out->text);
    }
    *reader = start;
    if (read_index(reader, &out->index)) {
        return true;
    }
    *reader = start;
    return read_text(reader, most, class_, &out->text);
}

/* In steady state a symbol is one byte, or three for an index from 256 on. */
static inline bool read_symbol(struct hwsi_reader *reader, size_t most, enum hwsi_text_class class_,
                               struct hwsi_symbol *out)
{
    *out = (struct hwsi_symbol){ 0, { NULL, 0 } };
    if (reader->at != reader->end) {
        uint8_t head = *reader->at;
        if (head == HWSI_NIL || (head > 0 && head < 0x80)) {
            out->index = head == HWSI_NIL ? 0 : head;
            reader->at++;
            return true;
        }
    }
    return read_symbol_slowly(reader, most, class_, out);
}

static bool read_correlation(struct hwsi_reader *reader, struct hws_correlation *out)
{
    struct hws_slice bytes;
    if (!hwsi_read_bin(reader, &bytes) || bytes.size != CORRELATION_SIZE) {
        return false;
    }
    out->hi = hwsi_get_big(bytes.data, 8);
    out->lo = (uint32_t)hwsi_get_big(bytes.data + 8, 4);
    return true;
}

static bool read_deliver_header(struct hwsi_reader *reader, struct hwsi_deliver *out)
{
    uint64_t count;
    if (!read_open(reader, HWSI_FRAME_DELIVER, &count) || count < 5 || count > 7 ||
        !read_symbol(reader, HWS_ID_MAX, HWSI_TEXT_WORD, &out->target) ||
        !read_symbol(reader, HWSI_SYMBOL_TEXT_MAX, HWSI_TEXT_WORD, &out->sender) ||
        !read_symbol(reader, HWS_ATOM_MAX, HWSI_TEXT_PRINTABLE, &out->type)) {
        return false;
    }
    out->request_id = 0;
    out->has_correlation = count == 7;
    out->correlation = (struct hws_correlation){ 0, 0 };
    if (count > 5 && !hwsi_read_uint(reader, &out->request_id)) {
        return false;
    }
    if (count == 7 && !read_correlation(reader, &out->correlation)) {
        return false;
    }
    return out->target.index || out->target.text.size || out->request_id;
}

/* Fills `out` in place: a copy of it at the end would cost more than all the rest. */
int hwsi_deliver_decode(struct hws_slice body, struct hwsi_deliver *out)
{
    struct hwsi_reader reader = { body.data, body.data + body.size };
    if (!read_deliver_header(&reader, out)) {
        return HWS_EPROTOCOL;
    }
    out->payload = (struct hws_slice){ reader.at, hwsi_reader_left(&reader) };
    return hws_value_check(out->payload);
}

static bool sender_optional(enum hwsi_system_code code)
{
    return code == HWSI_SYSTEM_STOP || code == HWSI_SYSTEM_DEAD_LETTER;
}

static bool read_system_sender(struct hwsi_reader *reader, struct hwsi_system_message *message)
{
    message->sender = (struct hws_slice){ NULL, 0 };
    if (hwsi_read_nil(reader)) {
        return sender_optional(message->code);
    }
    return read_text(reader, HWSI_SYMBOL_TEXT_MAX, HWSI_TEXT_WORD, &message->sender);
}

int hwsi_system_message_decode(struct hws_slice body, struct hwsi_system_message *out)
{
    struct hwsi_reader reader = { body.data, body.data + body.size };
    struct hwsi_system_message message;
    uint64_t count, code, reason;
    if (!read_open(&reader, HWSI_FRAME_SYSTEM, &count) || count != SYSTEM_ELEMENTS ||
        !hwsi_read_uint(&reader, &code) || code < HWSI_SYSTEM_WATCH ||
        code > HWSI_SYSTEM_DEAD_LETTER) {
        return HWS_EPROTOCOL;
    }
    message.code = (enum hwsi_system_code)code;
    if (!read_text(&reader, HWS_ID_MAX, HWSI_TEXT_WORD, &message.target) ||
        !read_system_sender(&reader, &message) || !hwsi_read_uint(&reader, &reason) ||
        reason > UINT16_MAX || !hwsi_read_uint(&reader, &message.number) ||
        reader.at != reader.end) {
        return HWS_EPROTOCOL;
    }
    message.reason = (uint32_t)reason;
    *out = message;
    return 0;
}
