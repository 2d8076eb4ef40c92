/* SPDX-License-Identifier: MIT */
/* Tokens by hand against msgpack-c, both ways; and what the vectors can not say about frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/envelope.h"
#include "wire/handshake.h"
#include "base/utf8.h"
#include "wire/token.h"

#include <msgpack.h>

#include <string.h>

static const uint64_t numbers[] = {
    0,
    1,
    127,
    128,
    255,
    256,
    65535,
    65536,
    UINT32_MAX,
    UINT64_C(1) << 32,
    UINT64_C(1) << 63,
    UINT64_MAX,
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

struct packing {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
};

static void pack_start(struct packing *packing)
{
    msgpack_sbuffer_init(&packing->buffer);
    msgpack_packer_init(&packing->packer, &packing->buffer, msgpack_sbuffer_write);
}

static struct hwsi_reader reader_of(const struct packing *packing)
{
    const uint8_t *data = (const uint8_t *)packing->buffer.data;
    return (struct hwsi_reader){ data, data + packing->buffer.size };
}

static void test_uint_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        struct packing packing;
        pack_start(&packing);
        msgpack_pack_uint64(&packing.packer, numbers[i]);
        uint8_t written[9];
        size_t size = (size_t)(hwsi_put_uint(written, numbers[i]) - written);
        assert_int_equal(size, packing.buffer.size);
        assert_memory_equal(written, packing.buffer.data, size);
        struct hwsi_reader reader = reader_of(&packing);
        uint64_t read = 0;
        assert_true(hwsi_read_uint(&reader, &read));
        assert_true(read == numbers[i] && reader.at == reader.end);
        msgpack_sbuffer_destroy(&packing.buffer);
    }
}

static void test_signed_forms_are_read_unless_negative(void **state)
{
    (void)state;
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    for (unsigned power = 0; power < 4; power++) {
        uint8_t bytes[9] = { (uint8_t)(0xd0 + power) };
        bytes[sizes[power]] = 5;
        struct hwsi_reader reader = { bytes, bytes + 1 + sizes[power] };
        uint64_t read;
        assert_true(hwsi_read_uint(&reader, &read));
        assert_int_equal(read, 5);
        bytes[1] |= 0x80;
        reader = (struct hwsi_reader){ bytes, bytes + 1 + sizes[power] };
        assert_false(hwsi_read_uint(&reader, &read));
    }
}

static void test_str_both_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 31, 32, 255, 256, 542 };
    static const uint8_t zeros[600];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct packing packing;
        pack_start(&packing);
        msgpack_pack_str_with_body(&packing.packer, zeros, sizes[i]);
        uint8_t written[600];
        struct hws_slice text = { sizes[i] ? zeros : NULL, sizes[i] };
        size_t size = (size_t)(hwsi_put_str(written, text) - written);
        assert_int_equal(size, packing.buffer.size);
        assert_memory_equal(written, packing.buffer.data, size);
        struct hwsi_reader reader = reader_of(&packing);
        assert_true(hwsi_read_str(&reader, &text));
        assert_true(text.size == sizes[i] && reader.at == reader.end);
        msgpack_sbuffer_destroy(&packing.buffer);
    }
}

static void test_bin_and_array_are_read(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 15, 16, 255, 256, 65535, 65536 };
    static const char zeros[65536];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct packing packing;
        pack_start(&packing);
        msgpack_pack_array(&packing.packer, sizes[i]);
        msgpack_pack_bin_with_body(&packing.packer, zeros, sizes[i]);
        msgpack_pack_nil(&packing.packer);
        struct hwsi_reader reader = reader_of(&packing);
        struct hws_slice bytes = { 0 };
        uint64_t count = 0;
        assert_true(hwsi_read_array(&reader, &count) && hwsi_read_bin(&reader, &bytes));
        assert_true(count == sizes[i] && bytes.size == sizes[i]);
        assert_true(hwsi_read_nil(&reader));
        assert_true(reader.at == reader.end);
        msgpack_sbuffer_destroy(&packing.buffer);
    }
}

/* Each reader takes its own heads only, and none reads past the end. */
static void test_readers_refuse_other_tokens(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 256; head++) {
        uint8_t bytes[17] = { (uint8_t)head };
        struct hwsi_reader start = { bytes, bytes + sizeof bytes }, reader;
        uint64_t number;
        struct hws_slice slice;
        reader = start;
        assert_true(hwsi_read_uint(&reader, &number) ==
                    (head < 0x80 || (head >= 0xcc && head <= 0xd3)));
        reader = start;
        assert_true(hwsi_read_array(&reader, &number) ==
                    ((head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd));
        reader = start;
        assert_true(hwsi_read_bin(&reader, &slice) == (head >= 0xc4 && head <= 0xc6));
        reader = start;
        bool fits = head >= 0xa0 && head <= 0xb0; /* longer ones run past these 17 bytes */
        assert_true(hwsi_read_str(&reader, &slice) == (fits || (head >= 0xd9 && head <= 0xdb)));
        reader = start;
        assert_true(hwsi_read_nil(&reader) == (head == 0xc0));
    }
    struct hwsi_reader empty = { (const uint8_t *)"", (const uint8_t *)"" };
    uint64_t number;
    struct hws_slice slice;
    assert_false(hwsi_read_uint(&empty, &number) || hwsi_read_array(&empty, &number) ||
                 hwsi_read_nil(&empty) || hwsi_read_str(&empty, &slice) ||
                 hwsi_read_bin(&empty, &slice));
}

static msgpack_object unpack(msgpack_unpacked *result, const uint8_t *frame, size_t size)
{
    size_t used = 0;
    msgpack_unpacked_init(result);
    assert_int_equal(msgpack_unpack_next(result, (const char *)frame + 4, size - 4, &used),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(used, size - 4);
    assert_int_equal(result->data.type, MSGPACK_OBJECT_ARRAY);
    return result->data;
}

static void test_msgpack_c_reads_a_deliver(void **state)
{
    (void)state;
    static const uint8_t payload[] = { 0x92, 0x01, 0x02 };
    struct hwsi_deliver deliver = {
        .target = { 300, { (const uint8_t *)"greeter", 7 } },
        .sender = { 0, { (const uint8_t *)"client", 6 } },
        .type = { 4096, { NULL, 0 } },
        .request_id = UINT64_MAX,
        .has_correlation = true,
        .correlation = { UINT64_C(0x0102030405060708), 0x090a0b0c },
        .payload = { payload, sizeof payload },
    };
    uint8_t frame[256];
    msgpack_unpacked result;
    msgpack_object read = unpack(&result, frame, hwsi_deliver_encode(frame, &deliver));
    const msgpack_object *at = read.via.array.ptr;
    assert_int_equal(read.via.array.size, 7);
    assert_int_equal(at[0].via.u64, 7);
    assert_int_equal(at[1].via.array.ptr[0].via.u64, 300);
    assert_memory_equal(at[1].via.array.ptr[1].via.str.ptr, "greeter", 7);
    assert_memory_equal(at[2].via.str.ptr, "client", 6);
    assert_int_equal(at[3].via.u64, 4096);
    assert_true(at[4].via.u64 == UINT64_MAX);
    assert_int_equal(at[5].via.bin.size, 12);
    assert_memory_equal(at[5].via.bin.ptr, "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    assert_int_equal(at[6].via.array.ptr[1].via.u64, 2);
    msgpack_unpacked_destroy(&result);
}

static void test_msgpack_c_reads_every_control(void **state)
{
    (void)state;
    static const unsigned elements[] = { 3, 3, 2, 2, 3 };
    for (int kind = HWSI_FRAME_REFUSE; kind <= HWSI_FRAME_ACK; kind++) {
        for (size_t i = 0; i < NUMBERS; i++) {
            struct hwsi_control control = {
                (enum hwsi_frame_kind)kind, numbers[i], numbers[i], { NULL, 0 }
            };
            uint8_t frame[HWSI_CONTROL_BOUND];
            msgpack_unpacked result;
            msgpack_object read = unpack(&result, frame, hwsi_control_encode(frame, &control));
            assert_int_equal(read.via.array.size, elements[kind - HWSI_FRAME_REFUSE]);
            assert_int_equal(read.via.array.ptr[0].via.u64, kind);
            assert_true(read.via.array.ptr[1].via.u64 == numbers[i]);
            msgpack_unpacked_destroy(&result);
        }
    }
}

/* What another implementation would do: msgpack-c packs a request, hawser reads it. */
static void test_msgpack_c_writes_a_deliver(void **state)
{
    (void)state;
    struct packing packing;
    pack_start(&packing);
    msgpack_packer *packer = &packing.packer;
    msgpack_pack_array(packer, 6);
    msgpack_pack_int(packer, 7);
    msgpack_pack_array(packer, 2);
    msgpack_pack_int(packer, 200);
    msgpack_pack_str_with_body(packer, "greeter", 7);
    msgpack_pack_nil(packer);
    msgpack_pack_str_with_body(packer, "greet", 5);
    msgpack_pack_uint64(packer, 5000000000u);
    msgpack_pack_double(packer, 0.5);
    struct hwsi_deliver deliver;
    struct hws_slice body = { (const uint8_t *)packing.buffer.data, packing.buffer.size };
    assert_int_equal(hwsi_deliver_decode(body, &deliver), 0);
    assert_int_equal(deliver.target.index, 200);
    assert_int_equal(deliver.target.text.size, 7);
    assert_true(deliver.sender.index == 0 && deliver.sender.text.data == NULL);
    assert_true(deliver.type.index == 0 && deliver.type.text.size == 5);
    assert_int_equal(deliver.request_id, 5000000000u);
    assert_false(deliver.has_correlation);
    assert_int_equal(deliver.payload.size, 9);
    msgpack_sbuffer_destroy(&packing.buffer);
}

static void test_split_tells_how_much_is_needed(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0, 0, 0, 3, 0x92, 4, 1, 0, 0 };
    struct hws_slice body = { bytes, 99 };
    for (size_t size = 0; size < 7; size++) {
        assert_int_equal(hwsi_frame_split(bytes, size, 100, &body), 0);
        assert_int_equal(body.size, size < 4 ? 0 : 3);
    }
    for (size_t size = 7; size <= sizeof bytes; size++) {
        assert_int_equal(hwsi_frame_split(bytes, size, 3, &body), 1);
        assert_true(body.data == bytes + 4 && body.size == 3);
    }
    assert_int_equal(hwsi_frame_split(bytes, sizeof bytes, 2, &body), HWS_ETOOLARGE);
}

/* No decoder trusts that somebody has looked at the kind. */
static void test_decoders_refuse_other_kinds(void **state)
{
    (void)state;
    for (uint8_t kind = 0; kind < 16; kind++) {
        uint8_t bytes[8] = { 0x95, kind, 1, 0xc0, 0xc0, 0xc0 };
        struct hws_slice body = { bytes, 6 };
        struct hwsi_deliver deliver;
        struct hwsi_system_message message;
        struct hwsi_control control;
        struct hwsi_hello hello;
        assert_int_equal(hwsi_deliver_decode(body, &deliver), kind == 7 ? 0 : HWS_EPROTOCOL);
        assert_int_equal(hwsi_system_message_decode(body, &message), HWS_EPROTOCOL);
        assert_int_equal(hwsi_hello_decode(body, &hello), HWS_EPROTOCOL);
        assert_int_equal(hwsi_control_decode(body, &control), HWS_EPROTOCOL);
        assert_int_equal(hwsi_frame_kind(body), kind <= 8 ? kind : HWS_EPROTOCOL);
        bytes[0] = 0x92;
        body.size = 3;
        bool number_alone = kind == 4 || kind == 5;
        assert_int_equal(hwsi_control_decode(body, &control), number_alone ? 0 : HWS_EPROTOCOL);
    }
}

/* Whole in everything but the kind. */
static void test_a_system_frame_is_known_by_its_kind(void **state)
{
    (void)state;
    for (uint8_t kind = 0; kind < 16; kind++) {
        const uint8_t bytes[] = { 0x96, kind, 4, 0xa1, 'a', 0xc0, 0, 0 };
        struct hwsi_system_message message;
        int error = hwsi_system_message_decode((struct hws_slice){ bytes, sizeof bytes }, &message);
        assert_int_equal(error, kind == HWSI_FRAME_SYSTEM ? 0 : HWS_EPROTOCOL);
    }
}

static void test_version_of_another_hello(void **state)
{
    (void)state;
    const uint8_t next[] = { 0x92, 0x00, 0x02 };
    const uint8_t huge[] = { 0x92, 0x00, 0xcf, 1, 0, 0, 0, 0, 0, 0, 1 };
    struct hwsi_hello hello;
    assert_int_equal(hwsi_hello_decode((struct hws_slice){ next, sizeof next }, &hello),
                     HWS_EVERSION);
    assert_int_equal(hello.version, 2);
    assert_int_equal(hwsi_hello_decode((struct hws_slice){ huge, sizeof huge }, &hello),
                     HWS_EVERSION);
    assert_true(hello.version == UINT32_MAX);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(hwsi_frame_kind_name(HWSI_FRAME_HELLO), "HELLO");
    assert_string_equal(hwsi_frame_kind_name(HWSI_FRAME_SYSTEM), "SYSTEM");
    assert_string_equal(hwsi_frame_kind_name(9), "unknown");
    assert_string_equal(hwsi_frame_kind_name(-1), "unknown");
    assert_string_equal(hwsi_refusal_name(HWSI_REFUSED_duplicate), "duplicate");
    assert_string_equal(hwsi_refusal_sentence(HWSI_REFUSED_self), "the system dialled itself");
    assert_string_equal(hwsi_refusal_name(HWSI_REFUSAL_COUNT), "unknown");
    assert_string_equal(hwsi_refusal_name(UINT64_MAX), "unknown");
    assert_non_null(hwsi_refusal_sentence(UINT64_MAX));
    for (uint64_t code = 0; code < HWSI_REFUSAL_COUNT; code++) {
        assert_non_null(hwsi_refusal_name(code));
        assert_non_null(hwsi_refusal_sentence(code));
    }
}

/* Every code point: a control character, a surrogate, or text. */
static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x110800; point++) {
        uint8_t bytes[4];
        size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
        for (size_t i = size; i-- > 0;) {
            bytes[i] = (uint8_t)(0x80 | (point >> (6 * (size - 1 - i)) & 0x3f));
        }
        bytes[0] = (uint8_t)(leads[size] | point >> (6 * (size - 1)));
        struct hws_slice text = { bytes, size };
        bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        bool right = !control && (point < 0xd800 || point > 0xdfff) && point < 0x110000;
        assert_int_equal(hwsi_text_valid(text, 4, HWSI_TEXT_PRINTABLE), right);
        assert_int_equal(hwsi_text_valid(text, 4, HWSI_TEXT_WORD), right && point != ' ');
        bool in_name =
            point < 0x80 && point > ' ' &&
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-", (int)point);
        assert_int_equal(hwsi_text_valid(text, 4, HWSI_TEXT_NAME), in_name);
        assert_false(hwsi_text_valid(text, size - 1, HWSI_TEXT_PRINTABLE));
    }
    assert_false(hwsi_text_valid((struct hws_slice){ NULL, 0 }, 4, HWSI_TEXT_PRINTABLE));
}

/* The frame limit travels at the end of HELLO, is optional, and nonsense in its place is skipped. */
static void test_frame_limit(void **state)
{
    (void)state;
    struct hwsi_hello hello = { .version = HWSI_WIRE_VERSION,
                                .name = hws_slice_text("a"),
                                .uid = 1,
                                .session = 2 },
                      read;
    uint8_t frame[HWSI_HELLO_BOUND];
    const uint64_t said[] = { 0, 1024, 4194304, 1023 }, heard[] = { 0, 1024, 4194304, 0 };
    for (size_t i = 0; i < 4; i++) {
        hello.max_frame_size = said[i];
        size_t size = hwsi_hello_encode(frame, HWSI_FRAME_HELLO, &hello);
        assert_int_equal(hwsi_hello_decode(hws_slice_of(frame + 4, size - 4), &read), 0);
        assert_int_equal(read.max_frame_size, heard[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uint_both_ways),
        cmocka_unit_test(test_frame_limit),
        cmocka_unit_test(test_signed_forms_are_read_unless_negative),
        cmocka_unit_test(test_str_both_ways),
        cmocka_unit_test(test_bin_and_array_are_read),
        cmocka_unit_test(test_readers_refuse_other_tokens),
        cmocka_unit_test(test_msgpack_c_reads_a_deliver),
        cmocka_unit_test(test_msgpack_c_reads_every_control),
        cmocka_unit_test(test_msgpack_c_writes_a_deliver),
        cmocka_unit_test(test_split_tells_how_much_is_needed),
        cmocka_unit_test(test_decoders_refuse_other_kinds),
        cmocka_unit_test(test_a_system_frame_is_known_by_its_kind),
        cmocka_unit_test(test_version_of_another_hello),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_code_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
