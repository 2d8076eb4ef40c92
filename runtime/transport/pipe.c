/* SPDX-License-Identifier: MIT */
#include "transport/pipe.h"

#include <assert.h>
#include <string.h>

void hwsi_pipe_init(struct hwsi_pipe *pipe, struct hwsi_heap *heap)
{
    *pipe = (struct hwsi_pipe){ .heap = heap };
}

void hwsi_pipe_free(struct hwsi_pipe *pipe)
{
    hwsi_free(pipe->heap, pipe->bytes, pipe->capacity);
    hwsi_free(pipe->heap, pipe->segments, pipe->segment_capacity * sizeof *pipe->segments);
    hwsi_pipe_init(pipe, pipe->heap);
}

static void copy_out(const struct hwsi_pipe *pipe, uint8_t *room, size_t size)
{
    size_t straight = pipe->capacity - pipe->first;
    if (straight > size)
        straight = size;
    if (size == 0)
        return;
    memcpy(room, pipe->bytes + pipe->first, straight);
    memcpy(room + straight, pipe->bytes, size - straight);
}

static int reserve_bytes(struct hwsi_pipe *pipe, size_t more)
{
    size_t capacity = pipe->capacity ? pipe->capacity : 256;
    uint8_t *bytes;
    while (capacity < pipe->size + more)
        capacity *= 2;
    if (capacity == pipe->capacity)
        return 0;
    bytes = hwsi_alloc_raw(pipe->heap, capacity);
    if (!bytes)
        return HWS_ENOMEM;
    copy_out(pipe, bytes, pipe->size);
    hwsi_free(pipe->heap, pipe->bytes, pipe->capacity);
    pipe->bytes = bytes;
    pipe->capacity = capacity;
    pipe->first = 0;
    return 0;
}

static struct hwsi_segment *segment_at(const struct hwsi_pipe *pipe, size_t i)
{
    return &pipe->segments[(pipe->first_segment + i) & (pipe->segment_capacity - 1)];
}

static int reserve_segment(struct hwsi_pipe *pipe)
{
    size_t capacity = pipe->segment_capacity ? pipe->segment_capacity * 2 : 4;
    struct hwsi_segment *segments;
    if (pipe->segment_count < pipe->segment_capacity)
        return 0;
    segments = hwsi_alloc_raw(pipe->heap, capacity * sizeof *segments);
    if (!segments)
        return HWS_ENOMEM;
    for (size_t i = 0; i < pipe->segment_count; i++)
        segments[i] = *segment_at(pipe, i);
    hwsi_free(pipe->heap, pipe->segments, pipe->segment_capacity * sizeof *segments);
    pipe->segments = segments;
    pipe->segment_capacity = capacity;
    pipe->first_segment = 0;
    return 0;
}

static void append(struct hwsi_pipe *pipe, const uint8_t *data, size_t size)
{
    size_t end = (pipe->first + pipe->size) & (pipe->capacity - 1);
    size_t straight = pipe->capacity - end < size ? pipe->capacity - end : size;
    memcpy(pipe->bytes + end, data, straight);
    memcpy(pipe->bytes, data + straight, size - straight);
    pipe->size += size;
}

int hwsi_pipe_put(struct hwsi_pipe *pipe, const uint8_t *data, size_t size, uint64_t due)
{
    if (size == 0)
        return 0;
    if (reserve_bytes(pipe, size) != 0 || reserve_segment(pipe) != 0)
        return HWS_ENOMEM;
    append(pipe, data, size);
    if (pipe->segment_count > 0 && hwsi_pipe_last(pipe) >= due)
        segment_at(pipe, pipe->segment_count - 1)->size += size;
    else
        *segment_at(pipe, pipe->segment_count++) = (struct hwsi_segment){ due, size };
    return 0;
}

uint64_t hwsi_pipe_next(const struct hwsi_pipe *pipe)
{
    return pipe->segment_count ? segment_at(pipe, 0)->due : HWS_NEVER;
}

uint64_t hwsi_pipe_last(const struct hwsi_pipe *pipe)
{
    return pipe->segment_count ? segment_at(pipe, pipe->segment_count - 1)->due : 0;
}

size_t hwsi_pipe_arrived(const struct hwsi_pipe *pipe, uint64_t now)
{
    size_t size = 0;
    for (size_t i = 0; i < pipe->segment_count && segment_at(pipe, i)->due <= now; i++)
        size += segment_at(pipe, i)->size;
    return size;
}

void hwsi_pipe_take(struct hwsi_pipe *pipe, uint8_t *room, size_t size)
{
    assert(size <= pipe->size);
    if (room)
        copy_out(pipe, room, size);
    pipe->size -= size;
    pipe->first = pipe->capacity ? (pipe->first + size) & (pipe->capacity - 1) : 0;
    while (size > 0) {
        struct hwsi_segment *segment = segment_at(pipe, 0);
        size_t part = segment->size < size ? segment->size : size;
        segment->size -= part;
        size -= part;
        if (segment->size > 0)
            break;
        pipe->first_segment = (pipe->first_segment + 1) & (pipe->segment_capacity - 1);
        pipe->segment_count--;
    }
}
