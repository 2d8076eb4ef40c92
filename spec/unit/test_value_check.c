/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/value.h"

#include <msgpack.h>

#include <stdlib.h>
#include <string.h>

#define DEPTH HWSI_VALUE_DEPTH_MAX

/* The bytes in a block of their own, so that the sanitizer sees a read past the end. */
static int check(const void *bytes, size_t size)
{
    uint8_t *block = malloc(size ? size : 1);
    assert_non_null(block);
    memcpy(block, bytes, size);
    int error = hws_value_check((struct hws_slice){ block, size });
    free(block);
    return error;
}

#define CHECK(...) check((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void test_every_single_byte(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 256; head++) {
        uint8_t byte = (uint8_t)head;
        bool whole = head < 0x80 || head >= 0xe0 || head == 0x80 || head == 0x90 || head == 0xa0 ||
                     head == 0xc0 || head == 0xc2 || head == 0xc3;
        assert_int_equal(check(&byte, 1), whole ? 0 : HWS_EDECODE);
    }
}

/* For each head, the one size up to 64 that zero bytes after it make whole. */
static void test_every_head_has_its_size(void **state)
{
    (void)state;
    static const uint8_t sizes[32] = { 1, 0, 1, 1, 2, 3, 5, 3,  4,  6, 5, 9, 2, 3, 5, 9,
                                       2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5 };
    for (unsigned head = 0x80; head < 0xe0; head++) {
        size_t right = head >= 0xc0   ? sizes[head - 0xc0]
                       : head >= 0xa0 ? head - 0xa0 + 1u
                       : head >= 0x90 ? head - 0x90 + 1u
                                      : (head - 0x80) * 2u + 1u;
        for (size_t size = 1; size <= 64; size++) {
            uint8_t bytes[64] = { (uint8_t)head };
            assert_int_equal(check(bytes, size), size == right ? 0 : HWS_EDECODE);
        }
    }
}

static void test_nothing_is_no_value(void **state)
{
    (void)state;
    assert_int_equal(check("", 0), HWS_EDECODE);
    assert_int_equal(hws_value_check((struct hws_slice){ NULL, 0 }), HWS_EDECODE);
}

static void test_two_values_are_not_one(void **state)
{
    (void)state;
    assert_int_equal(CHECK(0xc0, 0xc0), HWS_EDECODE);
    assert_int_equal(CHECK(0x90, 0x90), HWS_EDECODE);
    assert_int_equal(CHECK(0x91, 0xc0, 0x01), HWS_EDECODE);
    assert_int_equal(CHECK(0xc4, 0x01, 0x00, 0x00), HWS_EDECODE);
    assert_int_equal(CHECK(0xa1, 'a', 'b'), HWS_EDECODE);
}

static void test_the_unused_byte_is_refused_at_any_place(void **state)
{
    (void)state;
    assert_int_equal(CHECK(0x92, 0x01, 0xc1), HWS_EDECODE);
    assert_int_equal(CHECK(0x81, 0xc1, 0x01), HWS_EDECODE);
    assert_int_equal(CHECK(0xc4, 0x01, 0xc1), 0);
}

/* A claim beyond what is there ends at once; believed, some of these would walk 2^32 times. */
static void test_claims_are_not_believed(void **state)
{
    (void)state;
    assert_int_equal(CHECK(0xdd, 0xff, 0xff, 0xff, 0xff), HWS_EDECODE);
    assert_int_equal(CHECK(0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0), HWS_EDECODE);
    assert_int_equal(CHECK(0xdb, 0xff, 0xff, 0xff, 0xff, 'a'), HWS_EDECODE);
    assert_int_equal(CHECK(0xc6, 0xff, 0xff, 0xff, 0xff, 'a'), HWS_EDECODE);
    assert_int_equal(CHECK(0xc9, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'), HWS_EDECODE);
    assert_int_equal(CHECK(0xdd, 0xff, 0xff), HWS_EDECODE);
    assert_int_equal(CHECK(0xde, 0x80, 0x00, 0xc0, 0xc0), HWS_EDECODE);
}

static int nested(unsigned arrays, uint8_t innermost)
{
    uint8_t bytes[DEPTH + 2];
    memset(bytes, 0x91, arrays);
    bytes[arrays] = innermost;
    return check(bytes, arrays + 1);
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(nested(DEPTH, 0xc0), 0);
    assert_int_equal(nested(DEPTH - 1, 0x90), 0);
    assert_int_equal(nested(DEPTH, 0x90), HWS_EDECODE);
    assert_int_equal(nested(DEPTH, 0x80), HWS_EDECODE);
    assert_int_equal(nested(DEPTH + 1, 0xc0), HWS_EDECODE);
}

/* Depth is what is open at one time, not how many containers a value has. */
static void test_wide_is_not_deep(void **state)
{
    (void)state;
    uint8_t bytes[3 + 2000 * 2] = { 0xdc, 2000 >> 8, 2000 & 0xff };
    for (size_t i = 0; i < 2000; i++) {
        bytes[3 + 2 * i] = 0x91;
        bytes[4 + 2 * i] = 0x90;
    }
    assert_int_equal(check(bytes, sizeof bytes), 0);
}

static void test_skip_counts_values(void **state)
{
    (void)state;
    const uint8_t bytes[] = { 0x01, 0x92, 0x02, 0x80, 0xa1, 'a', 0xcd };
    struct hws_slice all = { bytes, sizeof bytes };
    size_t skipped = 99;
    assert_int_equal(hwsi_value_skip(all, 0, &skipped), 0);
    assert_int_equal(skipped, 0);
    assert_int_equal(hwsi_value_skip(all, 2, &skipped), 0);
    assert_int_equal(skipped, 4);
    assert_int_equal(hwsi_value_skip(all, 3, &skipped), 0);
    assert_int_equal(skipped, 6);
    assert_int_equal(hwsi_value_skip(all, 4, &skipped), HWS_EDECODE);
    assert_int_equal(skipped, 6);
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

static void pack_bytes(msgpack_packer *packer, unsigned kind)
{
    static const char zeros[70000];
    static const uint32_t limits[] = { 3, 40, 300, 70000 };
    size_t size = random_below(limits[random_below(4)]);
    if (kind == 0) {
        msgpack_pack_str_with_body(packer, zeros, size);
    } else if (kind == 1) {
        msgpack_pack_bin_with_body(packer, zeros, size);
    } else {
        msgpack_pack_ext_with_body(packer, zeros, size, (int8_t)random_below(256));
    }
}

static void pack_random(msgpack_packer *packer, unsigned depth)
{
    static const uint32_t limits[] = { 2, 20, 100 };
    uint32_t kind = random_below(depth ? 11 : 8);
    uint64_t number = (uint64_t)random_below(UINT32_MAX) << 32 | random_below(UINT32_MAX);
    number >>= random_below(64);
    switch (kind) {
    case 0: msgpack_pack_nil(packer); return;
    case 1: msgpack_pack_uint64(packer, number); return;
    case 2: msgpack_pack_int64(packer, -(int64_t)(number >> 1)); return;
    case 3: msgpack_pack_double(packer, (double)number); return;
    case 4: msgpack_pack_float(packer, (float)number); return;
    case 8:
    case 9: {
        size_t count = random_below(limits[random_below(depth > 3 ? 3 : 2)]);
        if (kind == 8) {
            msgpack_pack_array(packer, count);
        } else {
            msgpack_pack_map(packer, count);
        }
        for (size_t i = 0; i < (kind == 8 ? count : 2 * count); i++) {
            pack_random(packer, depth - 1);
        }
        return;
    }
    case 10: msgpack_pack_true(packer); return;
    default: pack_bytes(packer, kind - 5); return;
    }
}

static bool library_reads(const char *bytes, size_t size)
{
    msgpack_unpacked result;
    msgpack_unpacked_init(&result);
    size_t used = 0;
    bool read =
        msgpack_unpack_next(&result, bytes, size, &used) == MSGPACK_UNPACK_SUCCESS && used == size;
    msgpack_unpacked_destroy(&result);
    return read;
}

/* msgpack-c allocates for any 32-bit count: such bytes are never shown to it unchecked. */
static bool library_may_see(const char *bytes, size_t size)
{
    return !memchr(bytes, 0xdd, size) && !memchr(bytes, 0xdf, size);
}

/* What msgpack-c packs is whole, less of it is not; after a changed byte both think the same. */
static void test_agrees_with_msgpack_c(void **state)
{
    (void)state;
    unsigned compared = 0;
    for (unsigned round = 0; round < 3000; round++) {
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        msgpack_sbuffer_init(&buffer);
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        pack_random(&packer, 4);
        assert_int_equal(check(buffer.data, buffer.size), 0);
        assert_int_equal(check(buffer.data, random_below((uint32_t)buffer.size)), HWS_EDECODE);
        for (unsigned i = 0; i < 8; i++) {
            uint32_t place = random_below((uint32_t)buffer.size < 64 ? (uint32_t)buffer.size : 64);
            buffer.data[place] = (char)random_below(256);
            bool whole = check(buffer.data, buffer.size) == 0;
            if (whole || library_may_see(buffer.data, buffer.size)) {
                assert_int_equal(whole, library_reads(buffer.data, buffer.size));
                compared += whole ? 0 : 1;
            }
        }
        msgpack_sbuffer_destroy(&buffer);
    }
    assert_true(compared > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_single_byte),
        cmocka_unit_test(test_every_head_has_its_size),
        cmocka_unit_test(test_nothing_is_no_value),
        cmocka_unit_test(test_two_values_are_not_one),
        cmocka_unit_test(test_the_unused_byte_is_refused_at_any_place),
        cmocka_unit_test(test_claims_are_not_believed),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_wide_is_not_deep),
        cmocka_unit_test(test_skip_counts_values),
        cmocka_unit_test(test_agrees_with_msgpack_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
