/* SPDX-License-Identifier: MIT */
/*
 * A lane's queue of encoded frames: a chain of chunks that never move, so that frames can be in flight while others are
 * appended. Frames are numbered from 1 and begin with their u32 length. Three marks move forward through it:
 *
 *     released (acknowledged) <= written (handed to a link) <= appended
 *
 * A new link moves `written` back to `released`. Memory follows what is queued: chunks come from the pool and go back whole.
 */
#ifndef HAWSER_BASE_RING_H
#define HAWSER_BASE_RING_H

#include "base/pool.h"

/*
 * The payload of the largest TCP segment on a loopback of MTU 65536 (less 40 of headers and 12 of timestamps, rounded by the
 * kernel): a write of one byte more costs a second packet, and was measured to take 40 % longer. Other networks do not mind.
 */
#define HWSI_SEGMENT 65483u

struct hwsi_chunk {
    struct hwsi_chunk *next;
    size_t block; /* bytes of the pool's block */
    uint32_t capacity, size;
    uint32_t frames;
    uint32_t unused;
    uint64_t first; /* number of its first frame */
};
#define HWSI_CHUNK_DATA(chunk) ((uint8_t *)((chunk) + 1))

struct hwsi_ring {
    struct hwsi_pool *pool;
    struct hwsi_chunk *head, *tail;
    uint64_t appended, released;
    uint64_t most_written; /* whole frames, over all links: what a peer may have seen */
    size_t bytes;          /* in chunks, whole frames */
    struct hwsi_chunk *at; /* write cursor; NULL: at the very end of an empty ring */
    uint32_t at_offset;
    uint32_t boundary;        /* the last frame start at or before at_offset ... */
    uint32_t boundary_frames; /* ... and the frames before it in that chunk */
};

void hwsi_ring_init(struct hwsi_ring *ring, struct hwsi_pool *pool);
void hwsi_ring_free(struct hwsi_ring *ring); /* everything in it is gone */

/* Room for one frame of up to `size` bytes; NULL: out of memory. Then hwsi_ring_commit() with its real size. */
uint8_t *hwsi_ring_grow(struct hwsi_ring *ring, size_t size);
static inline uint8_t *hwsi_ring_reserve(struct hwsi_ring *ring, size_t size)
{
    struct hwsi_chunk *tail = ring->tail;
    if (tail && tail->capacity - tail->size >= size)
        return HWSI_CHUNK_DATA(tail) + tail->size;
    return hwsi_ring_grow(ring, size);
}
static inline void hwsi_ring_commit(struct hwsi_ring *ring, size_t size)
{
    ring->tail->size += (uint32_t)size;
    ring->tail->frames++;
    ring->bytes += size;
    ring->appended++;
}

static inline uint64_t hwsi_ring_count(const struct hwsi_ring *ring)
{
    return ring->appended - ring->released;
}
static inline bool hwsi_ring_unwritten(const struct hwsi_ring *ring)
{
    return ring->at && (ring->at->next || ring->at_offset < ring->at->size);
}
uint64_t hwsi_ring_written(const struct hwsi_ring *ring); /* whole frames */
/* The rest of the frame that is written in part; empty when the cursor stands between frames. */
struct hws_slice hwsi_ring_partial(const struct hwsi_ring *ring);
/* What is to be written next: up to `most` slices and `frames` frames (at least one chunk's); returns the number of slices. */
size_t hwsi_ring_gather(const struct hwsi_ring *ring, struct hws_slice *slices, size_t most,
                        uint64_t frames);
void hwsi_ring_advance(struct hwsi_ring *ring, size_t bytes); /* they were written */
void hwsi_ring_rewind(struct hwsi_ring *ring); /* write again from the first unreleased frame */
/* Frames up to number `until` are done with; not past what was written. */
void hwsi_ring_release(struct hwsi_ring *ring, uint64_t until);

/* Walks from the first unreleased frame: *cursor zeroed at first; false at the end. The ring must not change meanwhile. */
struct hwsi_ring_cursor {
    struct hwsi_chunk *chunk;
    uint32_t offset;
    uint64_t number; /* of the frame just returned */
};
bool hwsi_ring_walk(const struct hwsi_ring *ring, struct hwsi_ring_cursor *cursor,
                    struct hws_slice *frame);
/* The first unreleased frame, left where it is; false: none. */
bool hwsi_ring_peek(struct hwsi_ring *ring, struct hws_slice *frame);
/* Takes the first unreleased frame out, written or not: *frame (length included) stays valid until the next call on this ring. */
bool hwsi_ring_pop(struct hwsi_ring *ring, struct hws_slice *frame);

#endif
