/* SPDX-License-Identifier: MIT */
/* A frame's body, without its length, into the decoders of the handshake and the link's frames. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seeds.h"
#include "wire/handshake.h"
#include "base/utf8.h"

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

static struct hws_slice body_of(const uint8_t *block, size_t size, size_t bound)
{
    struct hws_slice body;
    require(size <= bound && hwsi_frame_split(block, size, bound, &body) == 1);
    require(body.size == size - HWSI_FRAME_PREFIX);
    return body;
}

static void check_hello(const struct hwsi_hello *hello)
{
    require(hello->version == HWSI_WIRE_VERSION && hello->uid && hello->session);
    require(hwsi_text_valid(hello->name, HWSI_NAME_MAX, HWSI_TEXT_NAME));
    require(hello->address.size == 0 ||
            hwsi_text_valid(hello->address, HWS_ADDRESS_MAX, HWSI_TEXT_WORD));
}

static void take_hello(struct hws_slice body)
{
    struct hwsi_hello first, second;
    int error = hwsi_hello_decode(body, &first);
    require(error != HWS_EVERSION || first.version != HWSI_WIRE_VERSION);
    if (error) {
        require(error == HWS_EPROTOCOL || error == HWS_EVERSION);
        return;
    }
    check_hello(&first);
    int kind = hwsi_frame_kind(body);
    require(kind == HWSI_FRAME_HELLO || kind == HWSI_FRAME_WELCOME);
    uint8_t *block = malloc(HWSI_HELLO_BOUND);
    require(block);
    struct hws_slice again = body_of(
        block, hwsi_hello_encode(block, (enum hwsi_frame_kind)kind, &first), HWSI_HELLO_BOUND);
    require(again.size <= body.size && hwsi_frame_kind(again) == kind &&
            hwsi_hello_decode(again, &second) == 0);
    require(first.features == second.features && same(first.name, second.name) &&
            same(first.address, second.address) && first.uid == second.uid &&
            first.nonce == second.nonce && first.seed == second.seed &&
            first.session == second.session && first.known_session == second.known_session &&
            first.received_system == second.received_system &&
            first.received_user == second.received_user);
    free(block);
}

static void take_control(struct hws_slice body)
{
    struct hwsi_control first, second;
    int error = hwsi_control_decode(body, &first);
    if (error) {
        require(error == HWS_EPROTOCOL);
        return;
    }
    require(first.text.size <= HWSI_CONTROL_TEXT_MAX && hwsi_frame_kind(body) == (int)first.kind);
    require(hwsi_refusal_name(first.a) && hwsi_refusal_sentence(first.a));
    uint8_t *block = malloc(HWSI_CONTROL_BOUND);
    require(block);
    struct hws_slice again = body_of(block, hwsi_control_encode(block, &first), HWSI_CONTROL_BOUND);
    require(again.size <= body.size && hwsi_control_decode(again, &second) == 0);
    require(first.kind == second.kind && first.a == second.a && first.b == second.b &&
            same(first.text, second.text));
    free(block);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    seed_corpus(*argc, *argv, HWSI_FRAME_PREFIX);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_slice body = { data, size };
    take_hello(body);
    take_control(body);
    return 0;
}
