/* SPDX-License-Identifier: MIT */
/* Blocks, buffers and the arena that local payloads are copied into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

struct bench {
    struct hws_allocator allocator;
    struct hwsi_heap *heap;
    struct hwsi_pool *pool;
    bool exhausted;
};

static void *reallocate(struct hws_allocator *allocator, void *block, size_t old_size,
                        size_t new_size)
{
    struct bench *b = (struct bench *)(void *)allocator;
    struct hws_allocator *plain = hws_default_allocator();
    return new_size && b->exhausted ? NULL : plain->reallocate(plain, block, old_size, new_size);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->allocator.reallocate = reallocate;
    b->heap = hwsi_heap_new(&b->allocator);
    b->pool = hwsi_pool_new(b->heap);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    hwsi_pool_close(b->pool);
    assert_int_equal(b->heap->held, sizeof *b->heap);
    hwsi_heap_release(b->heap);
    free(b);
    return 0;
}

static void test_sizes(void **state)
{
    struct bench *b = *state;
    static const size_t asked[] = { 1, 4096, 4097, 16384, 65536, 65537, 262144, 262145 };
    static const size_t given[] = { 4096, 4096, 16384, 16384, 65536, 262144, 262144, 262145 };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        size_t size = asked[i];
        void *block = hwsi_pool_take(b->pool, &size);
        assert_non_null(block);
        assert_int_equal(size, given[i]);
        memset(block, 0xee, size);
        hwsi_pool_give(b->pool, block, size);
    }
}

static void test_keeps_a_bounded_number(void **state)
{
    struct bench *b = *state;
    enum { MANY = 300 };
    void *blocks[MANY];
    size_t size = 65536;
    for (int i = 0; i < MANY; i++)
        assert_non_null(blocks[i] = hwsi_pool_take(b->pool, &size));
    for (int i = 0; i < MANY; i++)
        hwsi_pool_give(b->pool, blocks[i], size);
    assert_true(b->heap->held >= 65536);
    assert_true(b->heap->held <= 65 * 65536);
    uint64_t held = b->heap->held;
    void *again = hwsi_pool_take(b->pool, &size);
    assert_int_equal(b->heap->held, held); /* nothing new was allocated */
    hwsi_pool_give(b->pool, again, size);
}

static void test_buffers_outlive_the_pool(void **state)
{
    struct bench *b = *state;
    struct hws_buffer *small = hwsi_buffer_new(b->pool, 10),
                      *large = hwsi_buffer_new(b->pool, 100000);
    assert_true(small->capacity >= 10 && small->capacity < 100);
    assert_true(large->capacity >= 100000);
    hws_buffer_retain(large);
    hwsi_pool_close(b->pool);
    memset(small->data, 1, small->capacity);
    memset(large->data, 1, large->capacity);
    hws_buffer_release(small);
    hws_buffer_release(large);
    hws_buffer_release(large);
    hws_buffer_release(NULL);
    assert_int_equal(b->heap->held, sizeof *b->heap);
    b->pool = hwsi_pool_new(b->heap);
}

static void test_arena_shares(void **state)
{
    struct bench *b = *state;
    struct hwsi_arena arena = { .pool = b->pool };
    struct hws_slice one, two;
    struct hws_buffer *first = hwsi_arena_copy(&arena, hws_slice_text("one"), &one);
    struct hws_buffer *second = hwsi_arena_copy(&arena, hws_slice_text("two"), &two);
    assert_ptr_equal(first, second);
    assert_memory_equal(one.data, "one", 3);
    assert_memory_equal(two.data, "two", 3);
    hws_buffer_release(first);
    hws_buffer_release(second);
    struct hws_slice three;
    struct hws_buffer *third = hwsi_arena_copy(&arena, hws_slice_text("three"), &three);
    assert_ptr_equal(three.data, third->data); /* nobody held it: it starts again */
    hws_buffer_release(third);
    hwsi_arena_free(&arena);
}

static void test_arena_never_moves_what_is_held(void **state)
{
    struct bench *b = *state;
    struct hwsi_arena arena = { .pool = b->pool };
    enum { HELD = 400 };
    struct {
        struct hws_buffer *buffer;
        struct hws_slice slice;
        uint8_t fill;
    } held[HELD] = { { 0 } };
    static uint8_t bytes[40000];
    for (int step = 0; step < 5000; step++) {
        int i = rand() % HELD;
        if (held[i].buffer) {
            for (size_t k = 0; k < held[i].slice.size; k++)
                assert_int_equal(held[i].slice.data[k], held[i].fill);
            hws_buffer_release(held[i].buffer);
            held[i].buffer = NULL;
            continue;
        }
        size_t size = (size_t)rand() % (rand() % 20 ? 200 : sizeof bytes);
        held[i].fill = (uint8_t)rand();
        memset(bytes, held[i].fill, size);
        held[i].buffer = hwsi_arena_copy(&arena, (struct hws_slice){ bytes, size }, &held[i].slice);
        assert_non_null(held[i].buffer);
        assert_int_equal(held[i].slice.size, size);
    }
    for (int i = 0; i < HELD; i++)
        hws_buffer_release(held[i].buffer);
    hwsi_arena_free(&arena);
    assert_int_equal(b->pool->buffers, 0);
}

/* Many large buffers are held: a small payload gets one of its own size, not a share of another large one. */
static void test_crowded(void **state)
{
    struct bench *b = *state;
    struct hwsi_arena arena = { .pool = b->pool };
    struct hws_buffer *many[80];
    struct hws_slice copy;
    for (size_t i = 0; i < 80; i++)
        many[i] = hwsi_buffer_new(b->pool, 60000);
    assert_true(hwsi_pool_crowded(b->pool));
    uint64_t held = b->heap->held;
    struct hws_buffer *own = hwsi_arena_copy(&arena, hws_slice_text("small"), &copy);
    assert_true(b->heap->held - held < 200);
    hws_buffer_release(own);
    for (size_t i = 0; i < 80; i++)
        hws_buffer_release(many[i]);
    assert_false(hwsi_pool_crowded(b->pool));
    hwsi_arena_free(&arena);
}

static void test_out_of_memory(void **state)
{
    struct bench *b = *state;
    struct hwsi_arena arena = { .pool = b->pool };
    struct hws_slice copy;
    size_t size = 5000;
    b->exhausted = true;
    assert_null(hwsi_pool_take(b->pool, &size));
    assert_null(hwsi_buffer_new(b->pool, 10));
    assert_null(hwsi_buffer_new(b->pool, 10000));
    assert_null(hwsi_arena_copy(&arena, hws_slice_text("x"), &copy));
    assert_null(hwsi_heap_new(&b->allocator));
    assert_null(hwsi_pool_new(b->heap));
    assert_null(hwsi_copy_text(b->heap, "text"));
    hwsi_free_text(b->heap, NULL);
    hwsi_free(b->heap, NULL, 10);
    b->exhausted = false;
    assert_int_equal(b->pool->buffers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keeps_a_bounded_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_buffers_outlive_the_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arena_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arena_never_moves_what_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crowded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
    };
    srand(9);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
