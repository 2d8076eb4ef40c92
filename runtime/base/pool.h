/* SPDX-License-Identifier: MIT */
/*
 * Blocks of memory that come and go with traffic: ring chunks and message buffers. Freed blocks of the usual sizes are kept, a
 * bounded number of each, so that steady state allocates nothing; those that nobody needs for a while are freed by the trim, so that
 * an idle system holds little.
 *
 * A buffer may be held longer than the system lives; the pool is reference-counted by its buffers.
 */
#ifndef HAWSER_BASE_POOL_H
#define HAWSER_BASE_POOL_H

#include "base/heap.h"

#define HWSI_POOL_CLASSES 4u /* 4, 16, 64, 256 KiB */
#define HWSI_POOL_LARGEST (size_t)262144

struct hwsi_pool {
    struct hwsi_heap *heap;
    struct hwsi_pool_block *free[HWSI_POOL_CLASSES];
    uint32_t kept[HWSI_POOL_CLASSES];
    uint32_t
        unused[HWSI_POOL_CLASSES]; /* the fewest kept since the last trim: nobody needed those */
    uint32_t refs;                 /* the owner's and one for each buffer */
    uint32_t buffers;              /* large buffers out there */
    bool closed;
};

struct hwsi_pool *hwsi_pool_new(struct hwsi_heap *heap);
void hwsi_pool_close(struct hwsi_pool *pool); /* the owner's reference; NULL is fine */

/* Frees the blocks that were not needed since the last trim; true when some are still kept. */
bool hwsi_pool_trim(struct hwsi_pool *pool);
bool hwsi_pool_keeps_some(const struct hwsi_pool *pool);

/* A raw block of at least *size bytes; *size becomes its real size, which hwsi_pool_give() wants back. NULL: out of memory. */
void *hwsi_pool_take(struct hwsi_pool *pool, size_t *size);
void hwsi_pool_give(struct hwsi_pool *pool, void *block, size_t size);

/* A buffer with room for `capacity` bytes or more, one reference. NULL: out of memory. */
struct hws_buffer *hwsi_buffer_new(struct hwsi_pool *pool, size_t capacity);
static inline void hwsi_buffer_retain(struct hws_buffer *buffer)
{
    buffer->refs++;
}
void hwsi_buffer_free(struct hws_buffer *buffer);
static inline void hwsi_buffer_release(struct hws_buffer *buffer)
{
    if (buffer && --buffer->refs == 0)
        hwsi_buffer_free(buffer);
}

/*
 * Payloads of local messages are copied one behind the other into shared buffers. Returns the buffer with one reference for the
 * caller and sets *copy. NULL: out of memory.
 */
struct hwsi_arena {
    struct hwsi_pool *pool;
    struct hws_buffer *buffer;
};
struct hws_buffer *hwsi_arena_copy(struct hwsi_arena *arena, struct hws_slice bytes,
                                   struct hws_slice *copy);
void hwsi_arena_free(struct hwsi_arena *arena);
/* Are so many large buffers held that a message which waits should get a small one of its own? */
static inline bool hwsi_pool_crowded(const struct hwsi_pool *pool)
{
    return pool->buffers > 64;
}

#endif
