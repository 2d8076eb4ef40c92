/* SPDX-License-Identifier: MIT */
#include "wire/handshake.h"

#include <assert.h>

#include "base/utf8.h"
#include "wire/token.h"
#include "wire/value.h"

#define HELLO_ELEMENTS 12u

static const struct refusal {
    const char *name, *sentence;
} refusals[HWSI_REFUSAL_COUNT] = {
#define X(name, number, sentence) [number] = { #name, sentence },
    HWSI_REFUSALS(X)
#undef X
};

const char *hwsi_refusal_name(uint64_t code)
{
    return code < HWSI_REFUSAL_COUNT ? refusals[code].name : "unknown";
}

const char *hwsi_refusal_sentence(uint64_t code)
{
    return code < HWSI_REFUSAL_COUNT ? refusals[code].sentence
                                     : "a reason this version does not know";
}

static size_t close_frame(uint8_t *out, const uint8_t *end)
{
    size_t size = (size_t)(end - out);
    hwsi_put_length(out, size - HWSI_FRAME_PREFIX);
    return size;
}

size_t hwsi_hello_encode(uint8_t *out, enum hwsi_frame_kind kind, const struct hwsi_hello *hello)
{
    assert(kind == HWSI_FRAME_HELLO || kind == HWSI_FRAME_WELCOME);
    assert(hello->name.size <= HWSI_NAME_MAX && hello->address.size <= HWS_ADDRESS_MAX);
    bool says_limit = hello->max_frame_size != 0;
    uint8_t *at = hwsi_put_array(out + HWSI_FRAME_PREFIX, HELLO_ELEMENTS + says_limit);
    at = hwsi_put_uint(at, kind);
    at = hwsi_put_uint(at, hello->version);
    at = hwsi_put_uint(at, hello->features);
    at = hwsi_put_str(at, hello->name);
    at = hwsi_put_str(at, hello->address);
    at = hwsi_put_uint(at, hello->uid);
    at = hwsi_put_uint(at, hello->nonce);
    at = hwsi_put_uint(at, hello->seed);
    at = hwsi_put_uint(at, hello->session);
    at = hwsi_put_uint(at, hello->known_session);
    at = hwsi_put_uint(at, hello->received_system);
    at = hwsi_put_uint(at, hello->received_user);
    if (says_limit)
        at = hwsi_put_uint(at, hello->max_frame_size);
    return close_frame(out, at);
}

/* `elements` is how many are left when the kind and the version are read. */
static bool read_hello(struct hwsi_reader *reader, uint64_t elements, struct hwsi_hello *hello)
{
    size_t skipped;
    if (elements < HELLO_ELEMENTS - 2 || !hwsi_read_uint(reader, &hello->features) ||
        !hwsi_read_str(reader, &hello->name) || !hwsi_read_str(reader, &hello->address) ||
        !hwsi_read_uint(reader, &hello->uid) || !hwsi_read_uint(reader, &hello->nonce) ||
        !hwsi_read_uint(reader, &hello->seed) || !hwsi_read_uint(reader, &hello->session) ||
        !hwsi_read_uint(reader, &hello->known_session) ||
        !hwsi_read_uint(reader, &hello->received_system) ||
        !hwsi_read_uint(reader, &hello->received_user)) {
        return false;
    }
    elements -= HELLO_ELEMENTS - 2;
    const uint8_t *limit = reader->at;
    if (elements && hwsi_read_uint(reader, &hello->max_frame_size))
        elements--;
    else
        reader->at = limit; /* something else stands there: skipped with the rest */
    if (hello->max_frame_size < HWSI_FRAME_LIMIT_LEAST)
        hello->max_frame_size = 0; /* no limit that a system can have */
    struct hws_slice rest = { reader->at, hwsi_reader_left(reader) };
    return elements <= rest.size && !hwsi_value_skip(rest, (size_t)elements, &skipped) &&
           skipped == rest.size;
}

static bool hello_valid(const struct hwsi_hello *hello)
{
    return hwsi_text_valid(hello->name, HWSI_NAME_MAX, HWSI_TEXT_NAME) &&
           (hello->address.size == 0 ||
            hwsi_text_valid(hello->address, HWS_ADDRESS_MAX, HWSI_TEXT_WORD)) &&
           hello->uid != 0 && hello->session != 0;
}

int hwsi_hello_decode(struct hws_slice body, struct hwsi_hello *out)
{
    struct hwsi_reader reader = { body.data, body.data + body.size };
    uint64_t count, kind, version;
    if (!hwsi_read_array(&reader, &count) || count < 2 || !hwsi_read_uint(&reader, &kind) ||
        (kind != HWSI_FRAME_HELLO && kind != HWSI_FRAME_WELCOME) ||
        !hwsi_read_uint(&reader, &version)) {
        return HWS_EPROTOCOL;
    }
    struct hwsi_hello hello = { .version = version > UINT32_MAX ? UINT32_MAX : (uint32_t)version };
    if (version != HWSI_WIRE_VERSION) {
        *out = hello;
        return HWS_EVERSION;
    }
    if (!read_hello(&reader, count - 2, &hello) || !hello_valid(&hello)) {
        return HWS_EPROTOCOL;
    }
    *out = hello;
    return 0;
}

static bool has_text(uint64_t kind)
{
    return kind == HWSI_FRAME_REFUSE || kind == HWSI_FRAME_BYE;
}

size_t hwsi_control_encode(uint8_t *out, const struct hwsi_control *control)
{
    assert(control->kind >= HWSI_FRAME_REFUSE && control->kind <= HWSI_FRAME_ACK);
    assert(control->text.size <= HWSI_CONTROL_TEXT_MAX);
    bool acknowledges = control->kind == HWSI_FRAME_ACK;
    bool texts = has_text(control->kind);
    uint8_t *at = hwsi_put_array(out + HWSI_FRAME_PREFIX, acknowledges || texts ? 3 : 2);
    at = hwsi_put_uint(at, control->kind);
    at = hwsi_put_uint(at, control->a);
    if (acknowledges) {
        at = hwsi_put_uint(at, control->b);
    } else if (texts) {
        at = hwsi_put_str(at, control->text);
    }
    return close_frame(out, at);
}

static bool read_control(struct hwsi_reader *reader, struct hwsi_control *control)
{
    uint64_t count, kind;
    if (!hwsi_read_array(reader, &count) || !hwsi_read_uint(reader, &kind) ||
        kind < HWSI_FRAME_REFUSE || kind > HWSI_FRAME_ACK || !hwsi_read_uint(reader, &control->a)) {
        return false;
    }
    control->kind = (enum hwsi_frame_kind)kind;
    if (kind == HWSI_FRAME_ACK) {
        return count == 3 && hwsi_read_uint(reader, &control->b);
    }
    if (has_text(kind)) {
        return count == 3 && hwsi_read_str(reader, &control->text) &&
               control->text.size <= HWSI_CONTROL_TEXT_MAX;
    }
    return count == 2;
}

int hwsi_control_decode(struct hws_slice body, struct hwsi_control *out)
{
    struct hwsi_reader reader = { body.data, body.data + body.size };
    struct hwsi_control control = { .a = 0 };
    if (!read_control(&reader, &control) || reader.at != reader.end) {
        return HWS_EPROTOCOL;
    }
    *out = control;
    return 0;
}
