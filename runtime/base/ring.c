/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <assert.h>

#define CHUNK_LEAST (size_t)4096
#define CHUNK_MOST (size_t)65536

static uint32_t frame_size(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) + 4;
}

void hwsi_ring_init(struct hwsi_ring *ring, struct hwsi_pool *pool)
{
    *ring = (struct hwsi_ring){ .pool = pool };
}

static void drop_head(struct hwsi_ring *ring)
{
    struct hwsi_chunk *chunk = ring->head;
    if (ring->at == chunk) {
        ring->at = chunk->next;
        ring->at_offset = ring->boundary = ring->boundary_frames = 0;
    }
    ring->head = chunk->next;
    if (!ring->head)
        ring->tail = NULL;
    ring->bytes -= chunk->size;
    hwsi_pool_give(ring->pool, chunk, chunk->block);
}

void hwsi_ring_free(struct hwsi_ring *ring)
{
    while (ring->head)
        drop_head(ring);
    ring->released = ring->appended;
}

uint8_t *hwsi_ring_grow(struct hwsi_ring *ring, size_t size)
{
    size_t block = ring->tail ? ring->tail->block * 4 : CHUNK_LEAST;
    if (block > CHUNK_MOST)
        block = CHUNK_MOST;
    if (block < size + sizeof(struct hwsi_chunk))
        block = size + sizeof(struct hwsi_chunk);
    struct hwsi_chunk *chunk = hwsi_pool_take(ring->pool, &block);
    if (!chunk)
        return NULL;
    *chunk = (struct hwsi_chunk){ .block = block,
                                  .capacity = (uint32_t)(block - sizeof *chunk),
                                  .first = ring->appended + 1 };
    if (block == CHUNK_MOST && size <= HWSI_SEGMENT)
        chunk->capacity = HWSI_SEGMENT; /* a full chunk is a full segment */
    if (ring->tail)
        ring->tail->next = chunk;
    else
        ring->head = chunk;
    ring->tail = chunk;
    if (!ring->at) {
        ring->at = chunk;
        ring->at_offset = ring->boundary = ring->boundary_frames = 0;
    }
    return HWSI_CHUNK_DATA(chunk);
}

uint64_t hwsi_ring_written(const struct hwsi_ring *ring)
{
    return ring->at ? ring->at->first - 1 + ring->boundary_frames : ring->appended;
}

struct hws_slice hwsi_ring_partial(const struct hwsi_ring *ring)
{
    if (!ring->at || ring->at_offset == ring->boundary)
        return (struct hws_slice){ 0 };
    const uint8_t *data = HWSI_CHUNK_DATA(ring->at);
    uint32_t end = ring->boundary + frame_size(data + ring->boundary);
    return (struct hws_slice){ data + ring->at_offset, end - ring->at_offset };
}

size_t hwsi_ring_gather(const struct hwsi_ring *ring, struct hws_slice *slices, size_t most,
                        uint64_t frames)
{
    size_t count = 0;
    uint64_t taken = 0;
    uint32_t offset = ring->at_offset;
    for (struct hwsi_chunk *chunk = ring->at; chunk && count < most && taken < frames;
         chunk = chunk->next) {
        if (offset < chunk->size) {
            slices[count++] =
                (struct hws_slice){ HWSI_CHUNK_DATA(chunk) + offset, chunk->size - offset };
            taken += chunk->frames; /* a chunk that the cursor has behind it does not count */
        }
        offset = 0;
    }
    return count;
}

/* Finds the last frame start at or before at_offset, going on from the one known. */
static void settle_boundary(struct hwsi_ring *ring)
{
    struct hwsi_chunk *chunk = ring->at;
    if (ring->at_offset == chunk->size) {
        ring->boundary = chunk->size;
        ring->boundary_frames = chunk->frames;
        return;
    }
    const uint8_t *data = HWSI_CHUNK_DATA(chunk);
    for (;;) {
        uint32_t end = ring->boundary + frame_size(data + ring->boundary);
        if (end > ring->at_offset)
            return;
        ring->boundary = end;
        ring->boundary_frames++;
    }
}

void hwsi_ring_advance(struct hwsi_ring *ring, size_t bytes)
{
    while (bytes) {
        assert(ring->at);
        size_t here = ring->at->size - ring->at_offset;
        if (bytes < here || (bytes == here && !ring->at->next)) {
            ring->at_offset += (uint32_t)bytes;
            break;
        }
        bytes -= here;
        ring->at = ring->at->next;
        ring->at_offset = ring->boundary = ring->boundary_frames = 0;
        assert(ring->at);
    }
    if (!ring->at)
        return;
    settle_boundary(ring);
    if (hwsi_ring_written(ring) > ring->most_written)
        ring->most_written = hwsi_ring_written(ring);
}

static void cursor_to_head(const struct hwsi_ring *ring, struct hwsi_ring_cursor *cursor)
{
    *cursor = (struct hwsi_ring_cursor){ .chunk = ring->head, .number = ring->released };
    if (!ring->head)
        return;
    for (uint64_t n = ring->head->first; n <= ring->released; n++)
        cursor->offset += frame_size(HWSI_CHUNK_DATA(ring->head) + cursor->offset);
}

void hwsi_ring_rewind(struct hwsi_ring *ring)
{
    struct hwsi_ring_cursor cursor;
    cursor_to_head(ring, &cursor);
    ring->at = cursor.chunk;
    ring->at_offset = ring->boundary = cursor.offset;
    ring->boundary_frames = ring->head ? (uint32_t)(ring->released + 1 - ring->head->first) : 0;
}

void hwsi_ring_release(struct hwsi_ring *ring, uint64_t until)
{
    assert(until <= ring->appended);
    if (until <= ring->released)
        return;
    ring->released = until;
    while (ring->head && ring->head->first + ring->head->frames - 1 <= until && ring->head->frames)
        drop_head(ring);
}

bool hwsi_ring_walk(const struct hwsi_ring *ring, struct hwsi_ring_cursor *cursor,
                    struct hws_slice *frame)
{
    if (!cursor->chunk) {
        if (cursor->number)
            return false;
        cursor_to_head(ring, cursor);
    }
    while (cursor->chunk && cursor->offset == cursor->chunk->size) {
        cursor->chunk = cursor->chunk->next;
        cursor->offset = 0;
    }
    if (!cursor->chunk)
        return false;
    const uint8_t *data = HWSI_CHUNK_DATA(cursor->chunk) + cursor->offset;
    *frame = (struct hws_slice){ data, frame_size(data) };
    cursor->offset += (uint32_t)frame->size;
    cursor->number++;
    return true;
}

/* The chunk emptied by the last pop was kept, because the frame handed out lay in it. */
static void drop_emptied(struct hwsi_ring *ring)
{
    while (ring->head && ring->head->frames &&
           ring->head->first + ring->head->frames - 1 <= ring->released)
        drop_head(ring);
}

bool hwsi_ring_peek(struct hwsi_ring *ring, struct hws_slice *frame)
{
    drop_emptied(ring);
    if (ring->released == ring->appended)
        return false;
    struct hwsi_chunk *chunk = ring->head;
    uint32_t offset;
    if (ring->at == chunk && ring->boundary_frames == ring->released + 1 - chunk->first) {
        offset = ring->boundary;
    } else {
        struct hwsi_ring_cursor cursor;
        cursor_to_head(ring, &cursor);
        offset = cursor.offset;
    }
    const uint8_t *data = HWSI_CHUNK_DATA(chunk) + offset;
    *frame = (struct hws_slice){ data, frame_size(data) };
    return true;
}

bool hwsi_ring_pop(struct hwsi_ring *ring, struct hws_slice *frame)
{
    if (!hwsi_ring_peek(ring, frame))
        return false;
    struct hwsi_chunk *chunk = ring->head;
    ring->released++;
    ring->at = chunk;
    ring->at_offset = ring->boundary =
        (uint32_t)(frame->data - HWSI_CHUNK_DATA(chunk)) + (uint32_t)frame->size;
    ring->boundary_frames = (uint32_t)(ring->released + 1 - chunk->first);
    return true;
}
