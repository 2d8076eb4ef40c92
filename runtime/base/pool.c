/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <string.h>

struct hwsi_pool_block {
    struct hwsi_pool_block *next;
};

static const size_t class_size[HWSI_POOL_CLASSES] = { 4096, 16384, 65536, HWSI_POOL_LARGEST };
static const uint32_t class_kept[HWSI_POOL_CLASSES] = { 64, 32, 64, 32 };

struct hwsi_pool *hwsi_pool_new(struct hwsi_heap *heap)
{
    struct hwsi_pool *pool = hwsi_alloc(heap, sizeof *pool);
    if (pool) {
        pool->heap = hwsi_heap_retain(heap);
        pool->refs = 1;
    }
    return pool;
}

static void release(struct hwsi_pool *pool)
{
    if (--pool->refs)
        return;
    struct hwsi_heap *heap = pool->heap;
    hwsi_free(heap, pool, sizeof *pool);
    hwsi_heap_release(heap);
}

static void free_some(struct hwsi_pool *pool, size_t i, uint32_t count)
{
    for (; count && pool->free[i]; count--) {
        struct hwsi_pool_block *block = pool->free[i];
        pool->free[i] = block->next;
        pool->kept[i]--;
        hwsi_free(pool->heap, block, class_size[i]);
    }
}

bool hwsi_pool_keeps_some(const struct hwsi_pool *pool)
{
    for (size_t i = 0; i < HWSI_POOL_CLASSES; i++)
        if (pool->kept[i])
            return true;
    return false;
}

bool hwsi_pool_trim(struct hwsi_pool *pool)
{
    for (size_t i = 0; i < HWSI_POOL_CLASSES; i++) {
        free_some(pool, i, pool->unused[i]);
        pool->unused[i] = pool->kept[i];
    }
    return hwsi_pool_keeps_some(pool);
}

void hwsi_pool_close(struct hwsi_pool *pool)
{
    if (!pool)
        return;
    pool->closed = true;
    for (size_t i = 0; i < HWSI_POOL_CLASSES; i++)
        free_some(pool, i, UINT32_MAX);
    release(pool);
}

static size_t class_of(size_t size)
{
    size_t i = 0;
    while (i < HWSI_POOL_CLASSES && class_size[i] < size)
        i++;
    return i;
}

void *hwsi_pool_take(struct hwsi_pool *pool, size_t *size)
{
    size_t i = class_of(*size);
    if (i == HWSI_POOL_CLASSES)
        return hwsi_alloc_raw(pool->heap, *size);
    *size = class_size[i];
    struct hwsi_pool_block *block = pool->free[i];
    if (!block)
        return hwsi_alloc_raw(pool->heap, *size);
    pool->free[i] = block->next;
    if (--pool->kept[i] < pool->unused[i])
        pool->unused[i] = pool->kept[i];
    return block;
}

void hwsi_pool_give(struct hwsi_pool *pool, void *memory, size_t size)
{
    size_t i = class_of(size);
    if (i == HWSI_POOL_CLASSES || pool->closed || pool->kept[i] == class_kept[i]) {
        hwsi_free(pool->heap, memory, size);
        return;
    }
    struct hwsi_pool_block *block = memory;
    block->next = pool->free[i];
    pool->free[i] = block;
    pool->kept[i]++;
}

struct hws_buffer *hwsi_buffer_new(struct hwsi_pool *pool, size_t capacity)
{
    size_t size = sizeof(struct hws_buffer) + capacity;
    struct hws_buffer *buffer =
        capacity < 2048 ? hwsi_alloc_raw(pool->heap, size) : hwsi_pool_take(pool, &size);
    if (!buffer)
        return NULL;
    *buffer = (struct hws_buffer){
        .data = (uint8_t *)(buffer + 1), .capacity = size - sizeof *buffer, .refs = 1, .owner = pool
    };
    buffer->pooled = capacity >= 2048;
    pool->buffers += buffer->pooled;
    pool->refs++;
    return buffer;
}

void hwsi_buffer_free(struct hws_buffer *buffer)
{
    struct hwsi_pool *pool = buffer->owner;
    size_t size = sizeof *buffer + buffer->capacity;
    if (buffer->pooled) {
        pool->buffers--;
        hwsi_pool_give(pool, buffer, size);
    } else {
        hwsi_free(pool->heap, buffer, size);
    }
    release(pool);
}

void hws_buffer_retain(struct hws_buffer *buffer)
{
    hwsi_buffer_retain(buffer);
}

void hws_buffer_release(struct hws_buffer *buffer)
{
    hwsi_buffer_release(buffer);
}

static bool has_room(const struct hws_buffer *buffer, size_t size)
{
    return buffer && buffer->capacity - buffer->size >= size;
}

struct hws_buffer *hwsi_arena_copy(struct hwsi_arena *arena, struct hws_slice bytes,
                                   struct hws_slice *copy)
{
    struct hws_buffer *buffer = arena->buffer;
    if (buffer && buffer->refs == 1)
        buffer->size = 0;
    if (!has_room(buffer, bytes.size)) {
        bool own = bytes.size > 16384 || hwsi_pool_crowded(arena->pool);
        buffer = hwsi_buffer_new(arena->pool, own ? bytes.size : 65536 - sizeof *buffer);
        if (!buffer)
            return NULL;
        if (!own) {
            hwsi_buffer_release(arena->buffer);
            arena->buffer = buffer;
        }
    }
    if (buffer == arena->buffer)
        hwsi_buffer_retain(buffer);
    if (bytes.size)
        memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
    *copy = (struct hws_slice){ buffer->data + buffer->size, bytes.size };
    buffer->size += bytes.size;
    return buffer;
}

void hwsi_arena_free(struct hwsi_arena *arena)
{
    hwsi_buffer_release(arena->buffer);
    arena->buffer = NULL;
}
