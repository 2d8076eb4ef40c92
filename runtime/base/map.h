/* SPDX-License-Identifier: MIT */
/*
 * A hash table of pointers: open addressing, the hash kept beside the pointer, removal by shifting back (no tombstones).
 * The caller brings hashes and equality; the map owns nothing but its slots.
 */
#ifndef HAWSER_BASE_MAP_H
#define HAWSER_BASE_MAP_H

#include "base/heap.h"

struct hwsi_slot {
    uint64_t hash;
    void *value; /* NULL: empty */
};
struct hwsi_map {
    struct hwsi_heap *heap;
    struct hwsi_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

typedef bool (*hwsi_map_equal)(const void *value, const void *key);

void hwsi_map_init(struct hwsi_map *map, struct hwsi_heap *heap);
void hwsi_map_free(struct hwsi_map *map); /* the slots, not the values */
/* Makes sure that the next put can't fail. */
int hwsi_map_reserve(struct hwsi_map *map);
/* The key must not be there yet. 0 or HWS_ENOMEM. */
int hwsi_map_put(struct hwsi_map *map, uint64_t hash, void *value);
void *hwsi_map_find(const struct hwsi_map *map, uint64_t hash, hwsi_map_equal equal,
                    const void *key);
bool hwsi_map_remove(struct hwsi_map *map, uint64_t hash, const void *value);
/* Walks: start with *cursor 0; NULL at the end. The map must not change meanwhile. */
void *hwsi_map_next(const struct hwsi_map *map, size_t *cursor);

uint64_t hwsi_hash_bytes(const void *data, size_t size, uint64_t seed);
static inline uint64_t hwsi_hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

#endif
