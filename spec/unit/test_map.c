/* SPDX-License-Identifier: MIT */
/* The hash table against an array, with hashes bad enough to collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 500

struct item {
    unsigned key;
};

static bool equal(const void *value, const void *key)
{
    return ((const struct item *)value)->key == *(const unsigned *)key;
}

static uint64_t hash_of(unsigned key, unsigned spread)
{
    return hwsi_hash_u64(key % spread) | (spread == 1 ? 7 : 0);
}

static void against_the_model(unsigned spread)
{
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    struct hwsi_map map;
    static struct item items[KEYS];
    bool there[KEYS] = { false };
    size_t count = 0;
    hwsi_map_init(&map, heap);
    for (unsigned i = 0; i < KEYS; i++)
        items[i].key = i;
    for (int step = 0; step < 20000; step++) {
        unsigned key = (unsigned)rand() % KEYS;
        if (!there[key] && rand() % 2) {
            assert_int_equal(hwsi_map_put(&map, hash_of(key, spread), &items[key]), 0);
            there[key] = true;
            count++;
        } else if (rand() % 2) {
            assert_int_equal(hwsi_map_remove(&map, hash_of(key, spread), &items[key]), there[key]);
            count -= there[key];
            there[key] = false;
        }
        key = (unsigned)rand() % KEYS;
        assert_ptr_equal(hwsi_map_find(&map, hash_of(key, spread), equal, &key),
                         there[key] ? &items[key] : NULL);
        assert_int_equal(map.count, count);
    }
    size_t cursor = 0, seen = 0;
    for (struct item *item; (item = hwsi_map_next(&map, &cursor)); seen++)
        assert_true(there[item->key]);
    assert_int_equal(seen, count);
    hwsi_map_free(&map);
    assert_int_equal(heap->held, sizeof *heap);
    hwsi_heap_release(heap);
}

static void test_good_hashes(void **state)
{
    (void)state;
    against_the_model(KEYS);
}

static void test_colliding_hashes(void **state)
{
    (void)state;
    against_the_model(3);
    against_the_model(1);
}

static void test_empty(void **state)
{
    struct hwsi_map map = { 0 };
    unsigned key = 1;
    size_t cursor = 0;
    (void)state;
    assert_null(hwsi_map_find(&map, 1, equal, &key));
    assert_false(hwsi_map_remove(&map, 1, &key));
    assert_null(hwsi_map_next(&map, &cursor));
    hwsi_map_free(&map);
}

static void *none(struct hws_allocator *allocator, void *block, size_t old_size, size_t new_size)
{
    struct hws_allocator *plain = hws_default_allocator();
    (void)allocator;
    return new_size > 100 ? NULL : plain->reallocate(plain, block, old_size, new_size);
}

static void test_out_of_memory(void **state)
{
    struct hws_allocator allocator = { none };
    struct hwsi_heap *heap = hwsi_heap_new(&allocator);
    struct hwsi_map map;
    struct item item = { 1 };
    (void)state;
    hwsi_map_init(&map, heap);
    assert_int_equal(hwsi_map_put(&map, 1, &item), HWS_ENOMEM);
    assert_int_equal(map.count, 0);
    assert_null(hwsi_map_find(&map, 1, equal, &item.key));
    hwsi_map_free(&map);
    hwsi_heap_release(heap);
}

static void test_hash_of_bytes(void **state)
{
    uint8_t bytes[40] = { 0 };
    (void)state;
    /* Length and every byte count, and so does the seed. */
    for (size_t size = 0; size < 40; size++)
        assert_int_not_equal(hwsi_hash_bytes(bytes, size, 1), hwsi_hash_bytes(bytes, size + 1, 1));
    for (size_t size = 1; size < 40; size++)
        for (size_t i = 0; i < size; i++) {
            uint64_t before = hwsi_hash_bytes(bytes, size, 1);
            bytes[i] = 1;
            assert_int_not_equal(hwsi_hash_bytes(bytes, size, 1), before);
            bytes[i] = 0;
        }
    assert_int_not_equal(hwsi_hash_bytes("abc", 3, 1), hwsi_hash_bytes("abc", 3, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_hashes),   cmocka_unit_test(test_colliding_hashes),
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_hash_of_bytes),
    };
    srand(5);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
