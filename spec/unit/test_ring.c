/* SPDX-License-Identifier: MIT */
/* The ring against a model: an array of frames with three marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ring.h"

#define FRAMES 20000

struct bench {
    struct hwsi_heap *heap;
    struct hwsi_pool *pool;
    struct hwsi_ring ring;
    uint32_t size[FRAMES + 1];  /* of frame n, prefix included */
    uint64_t start[FRAMES + 2]; /* where it begins in the stream */
    uint64_t appended, released, written, most_written;
    uint64_t offset; /* of the write cursor in the stream */
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->heap = hwsi_heap_new(hws_default_allocator());
    b->pool = hwsi_pool_new(b->heap);
    hwsi_ring_init(&b->ring, b->pool);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    hwsi_ring_free(&b->ring);
    assert_int_equal(hwsi_ring_count(&b->ring), 0);
    hwsi_pool_close(b->pool);
    assert_int_equal(b->heap->held, sizeof *b->heap);
    hwsi_heap_release(b->heap);
    free(b);
    return 0;
}

/* Byte i of the stream's frame n. */
static uint8_t byte_of(uint64_t n, uint32_t size, uint32_t i)
{
    uint32_t length = size - 4;
    return i < 4 ? (uint8_t)(length >> (24 - 8 * i)) : (uint8_t)(n * 31 + i);
}

static void append(struct bench *b, uint32_t size)
{
    uint64_t n = ++b->appended;
    uint8_t *place = hwsi_ring_reserve(&b->ring, size + (uint32_t)(rand() % 50));
    assert_non_null(place);
    for (uint32_t i = 0; i < size; i++)
        place[i] = byte_of(n, size, i);
    hwsi_ring_commit(&b->ring, size);
    b->size[n] = size;
    b->start[n + 1] = b->start[n] + size;
}

static uint64_t frame_at(const struct bench *b, uint64_t offset)
{
    uint64_t n = b->released + 1;
    while (n <= b->appended && b->start[n + 1] <= offset)
        n++;
    return n; /* appended + 1 at the end */
}

static void check_bytes(const struct bench *b, uint64_t offset, struct hws_slice bytes)
{
    uint64_t n = frame_at(b, offset);
    for (size_t i = 0; i < bytes.size; i++, offset++) {
        if (offset == b->start[n + 1])
            n++;
        assert_true(n <= b->appended);
        assert_int_equal(bytes.data[i], byte_of(n, b->size[n], (uint32_t)(offset - b->start[n])));
    }
}

static void check_marks(struct bench *b)
{
    struct hwsi_ring *ring = &b->ring;
    uint64_t n = frame_at(b, b->offset);
    struct hws_slice rest = hwsi_ring_partial(ring);
    assert_int_equal(ring->appended, b->appended);
    assert_int_equal(ring->released, b->released);
    assert_int_equal(hwsi_ring_count(ring), b->appended - b->released);
    assert_int_equal(hwsi_ring_written(ring), n - 1);
    assert_int_equal(ring->most_written, b->most_written);
    assert_int_equal(hwsi_ring_unwritten(ring), n <= b->appended);
    if (n <= b->appended && b->offset > b->start[n]) {
        assert_int_equal(rest.size, b->start[n + 1] - b->offset);
        check_bytes(b, b->offset, rest);
    } else {
        assert_int_equal(rest.size, 0);
    }
    assert_true(ring->bytes >= b->start[b->appended + 1] - b->start[b->released + 1]);
    if (b->appended == b->released)
        assert_int_equal(ring->bytes, 0);
}

static void write_some(struct bench *b)
{
    struct hws_slice slices[8];
    size_t most = 1 + (size_t)rand() % 8, total = 0;
    size_t count = hwsi_ring_gather(&b->ring, slices, most, 1 + (uint64_t)rand() % 200);
    assert_true(count <= most);
    assert_int_equal(count > 0, hwsi_ring_unwritten(&b->ring));
    for (size_t i = 0; i < count; i++) {
        assert_true(slices[i].size > 0);
        check_bytes(b, b->offset + total, slices[i]);
        total += slices[i].size;
    }
    size_t taken = rand() % 3 ? total : total ? (size_t)rand() % total : 0;
    hwsi_ring_advance(&b->ring, taken);
    b->offset += taken;
    uint64_t written = frame_at(b, b->offset) - 1;
    b->most_written = written > b->most_written ? written : b->most_written;
}

static void release(struct bench *b, uint64_t until)
{
    hwsi_ring_release(&b->ring, until);
    if (until > b->released)
        b->released = until;
}

static void rewind_all(struct bench *b)
{
    /* As a handshake does: the peer may have more than the cursor says. */
    uint64_t until = b->released + (uint64_t)rand() % (b->most_written - b->released + 1);
    release(b, until);
    hwsi_ring_rewind(&b->ring);
    b->offset = b->start[b->released + 1];
}

static void walk(const struct bench *b)
{
    struct hwsi_ring_cursor cursor = { 0 };
    struct hws_slice frame;
    uint64_t n = b->released;
    while (hwsi_ring_walk(&b->ring, &cursor, &frame)) {
        n++;
        assert_int_equal(cursor.number, n);
        assert_int_equal(frame.size, b->size[n]);
        check_bytes(b, b->start[n], frame);
    }
    assert_int_equal(n, b->appended);
    assert_false(hwsi_ring_walk(&b->ring, &cursor, &frame)); /* stays at the end */
}

static uint32_t random_size(void)
{
    switch (rand() % 40) {
    case 0: return 5 + (uint32_t)rand() % 100000;
    case 1: return 5 + (uint32_t)rand() % 5000;
    default: return 5 + (uint32_t)rand() % 120;
    }
}

static void test_against_the_model(void **state)
{
    struct bench *b = *state;
    for (unsigned step = 0; b->appended < FRAMES - 40; step++) {
        int what = rand() % 16;
        if (what < 6)
            for (int i = rand() % 40; i; i--)
                append(b, random_size());
        else if (what < 11)
            write_some(b);
        else if (what < 14) {
            uint64_t written = hwsi_ring_written(&b->ring);
            release(b, b->released + (written > b->released
                                          ? (uint64_t)rand() % (written - b->released + 1)
                                          : 0));
        } else if (what == 14 && step % 3 == 0)
            rewind_all(b);
        else if (step % 16 == 0)
            walk(b);
        check_marks(b);
    }
    while (hwsi_ring_unwritten(&b->ring))
        write_some(b);
    release(b, b->appended);
    check_marks(b);
}

/* Pops come in order, whatever was written or released before; each frame is whole until the next call. */
static void test_pop(void **state)
{
    struct bench *b = *state;
    struct hws_slice frame;
    for (int round = 0; round < 200; round++) {
        for (int i = rand() % 60; i; i--)
            append(b, random_size());
        if (round < 5) { /* first some traffic, then only pops, as remains do */
            write_some(b);
            release(b, hwsi_ring_written(&b->ring));
        }
        for (int i = rand() % 70; i && round >= 5; i--) {
            if (!hwsi_ring_pop(&b->ring, &frame)) {
                assert_int_equal(b->released, b->appended);
                break;
            }
            assert_int_equal(frame.size, b->size[b->released + 1]);
            check_bytes(b, b->start[b->released + 1], frame);
            b->released++;
            assert_int_equal(hwsi_ring_count(&b->ring), b->appended - b->released);
        }
    }
}

static void test_memory_follows_what_is_queued(void **state)
{
    struct bench *b = *state;
    append(b, 100);
    assert_true(b->heap->held < 8192);
    for (int i = 0; i < 5000; i++)
        append(b, 100);
    uint64_t most = b->heap->held;
    assert_true(most > 500000 && most < 800000);
    hwsi_ring_advance(&b->ring, (size_t)b->start[b->appended + 1]);
    b->offset = b->start[b->appended + 1];
    release(b, b->appended);
    assert_null(b->ring.head);
    append(b, 300000); /* larger than any class of the pool */
    assert_true(b->ring.head->capacity >= 300000);
    assert_int_equal(hwsi_ring_partial(&b->ring).size, 0);
}

static bool exhausted;
static void *maybe(struct hws_allocator *allocator, void *block, size_t old_size, size_t new_size)
{
    (void)allocator;
    if (new_size && exhausted)
        return NULL;
    struct hws_allocator *plain = hws_default_allocator();
    return plain->reallocate(plain, block, old_size, new_size);
}

static void test_out_of_memory(void **state)
{
    struct hws_allocator allocator = { maybe };
    struct hwsi_heap *heap = hwsi_heap_new(&allocator);
    struct hwsi_pool *pool = hwsi_pool_new(heap);
    struct hwsi_ring ring;
    (void)state;
    hwsi_ring_init(&ring, pool);
    exhausted = true;
    assert_null(hwsi_ring_reserve(&ring, 10));
    assert_int_equal(hwsi_ring_count(&ring), 0);
    exhausted = false;
    assert_non_null(hwsi_ring_reserve(&ring, 10));
    hwsi_ring_free(&ring);
    hwsi_pool_close(pool);
    hwsi_heap_release(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_follows_what_is_queued, setup, teardown),
        cmocka_unit_test(test_out_of_memory),
    };
    srand(11);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
