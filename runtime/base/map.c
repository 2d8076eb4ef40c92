/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <string.h>

void hwsi_map_init(struct hwsi_map *map, struct hwsi_heap *heap)
{
    *map = (struct hwsi_map){ .heap = heap };
}

void hwsi_map_free(struct hwsi_map *map)
{
    if (map->heap)
        hwsi_free(map->heap, map->slots, map->capacity * sizeof *map->slots);
    map->slots = NULL;
    map->capacity = map->count = 0;
}

static void insert(struct hwsi_slot *slots, size_t mask, uint64_t hash, void *value)
{
    size_t i = hash & mask;
    while (slots[i].value)
        i = (i + 1) & mask;
    slots[i] = (struct hwsi_slot){ hash, value };
}

int hwsi_map_reserve(struct hwsi_map *map)
{
    if ((map->count + 1) * 4 <= map->capacity * 3)
        return 0;
    size_t capacity = map->capacity ? map->capacity * 2 : 8;
    struct hwsi_slot *slots = hwsi_alloc(map->heap, capacity * sizeof *slots);
    if (!slots)
        return HWS_ENOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value)
            insert(slots, capacity - 1, map->slots[i].hash, map->slots[i].value);
    hwsi_free(map->heap, map->slots, map->capacity * sizeof *map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return 0;
}

int hwsi_map_put(struct hwsi_map *map, uint64_t hash, void *value)
{
    int error = hwsi_map_reserve(map);
    if (error)
        return error;
    insert(map->slots, map->capacity - 1, hash, value);
    map->count++;
    return 0;
}

void *hwsi_map_find(const struct hwsi_map *map, uint64_t hash, hwsi_map_equal equal,
                    const void *key)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask; map->slots[i].value; i = (i + 1) & mask)
        if (map->slots[i].hash == hash && equal(map->slots[i].value, key))
            return map->slots[i].value;
    return NULL;
}

/* Closes the hole at `i` by moving back what may stand there. */
static void shift_back(struct hwsi_map *map, size_t i)
{
    size_t mask = map->capacity - 1;
    for (size_t j = (i + 1) & mask; map->slots[j].value; j = (j + 1) & mask) {
        size_t home = map->slots[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            map->slots[i] = map->slots[j];
            i = j;
        }
    }
    map->slots[i].value = NULL;
}

bool hwsi_map_remove(struct hwsi_map *map, uint64_t hash, const void *value)
{
    if (map->count == 0)
        return false;
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask; map->slots[i].value; i = (i + 1) & mask)
        if (map->slots[i].value == value) {
            shift_back(map, i);
            map->count--;
            return true;
        }
    return false;
}

void *hwsi_map_next(const struct hwsi_map *map, size_t *cursor)
{
    while (*cursor < map->capacity) {
        void *value = map->slots[(*cursor)++].value;
        if (value)
            return value;
    }
    return NULL;
}

uint64_t hwsi_hash_bytes(const void *data, size_t size, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t hash = seed ^ size * UINT64_C(0x9e3779b97f4a7c15), word;
    for (; size >= 8; p += 8, size -= 8) {
        memcpy(&word, p, 8);
        hash = hwsi_hash_u64(hash ^ word) + UINT64_C(0x9e3779b97f4a7c15);
    }
    word = 0;
    if (size)
        memcpy(&word, p, size);
    return hwsi_hash_u64(hash ^ word);
}
