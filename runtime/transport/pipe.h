/* SPDX-License-Identifier: MIT */
/*
 * Bytes under way in one direction of a loopback link: a queue of bytes, and of when they arrive. Pure; owned by its
 * connection. Memory follows what is under way.
 */
#ifndef HAWSER_TRANSPORT_PIPE_H
#define HAWSER_TRANSPORT_PIPE_H

#include "base/heap.h"

struct hwsi_segment {
    uint64_t due;
    size_t size;
};

struct hwsi_pipe {
    struct hwsi_heap *heap;
    uint8_t *bytes; /* a ring */
    size_t capacity, first, size;
    struct hwsi_segment *segments; /* a ring, too; both capacities are powers of two */
    size_t segment_capacity, first_segment, segment_count;
};

void hwsi_pipe_init(struct hwsi_pipe *pipe, struct hwsi_heap *heap);
void hwsi_pipe_free(struct hwsi_pipe *pipe);

/* Adds bytes that arrive at `due`, or with the bytes before them if those arrive later. 0 or HWS_ENOMEM. */
int hwsi_pipe_put(struct hwsi_pipe *pipe, const uint8_t *data, size_t size, uint64_t due);
uint64_t hwsi_pipe_next(
    const struct hwsi_pipe *pipe); /* when the first byte arrives; HWS_NEVER: none is under way */
uint64_t hwsi_pipe_last(const struct hwsi_pipe *pipe); /* when the last one does; 0: none */
size_t hwsi_pipe_arrived(const struct hwsi_pipe *pipe, uint64_t now);
/* Takes the first `size` bytes out; so many must be there. `room` may be NULL. */
void hwsi_pipe_take(struct hwsi_pipe *pipe, uint8_t *room, size_t size);

#endif
