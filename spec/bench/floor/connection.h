/* SPDX-License-Identifier: MIT */
/*
 * One end of the pair: a loop of its own, one TCP handle with TCP_NODELAY, one large read buffer in
 * which messages are parsed in place, and a few write buffers ("batches") of a write and a message.
 *
 * A batch is tried at once with uv_try_write; what the socket does not take is left to uv_write,
 * and the batch is not free again until that is done. So what is in flight is bounded by the
 * batches.
 *
 * Everything runs in the loop's thread. The hooks may call anything here except open and run.
 * A message on the wire is a u32 big-endian length and that many bytes.
 */
#ifndef HAWSER_BENCH_FLOOR_CONNECTION_H
#define HAWSER_BENCH_FLOOR_CONNECTION_H

#include "floor.h"

#include <string.h>
#include <uv.h>

#define FLOOR_PREFIX 4u
#define FLOOR_BATCHES 8u

struct floor_connection;

struct floor_hooks {
    /*
     * Bytes that have arrived, after what was left over. Answers how many it has used; the rest
     * comes again with more behind it. Called once a read.
     */
    size_t (*arrived)(struct floor_connection *connection, const uint8_t *bytes, size_t length);
    /* Called when all that was in flight is written. NULL: nothing to do. */
    void (*drained)(struct floor_connection *connection);
};

struct floor_batch {
    uv_write_t request; /* first, so that the request is the batch */
    uint8_t *bytes;
    bool in_flight;
};

struct floor_connection {
    uv_loop_t loop;
    uv_tcp_t tcp;
    uv_timer_t watchdog;
    uv_shutdown_t shutdown;
    const struct floor_hooks *hooks;
    void *state; /* the work's own */
    enum floor_outcome outcome;
    uint8_t *inbox;
    size_t inbox_capacity, inbox_start, inbox_end;
    size_t write_bytes;    /* that a full batch is written with */
    size_t batch_capacity; /* one message more than that */
    unsigned current;      /* the batch being filled; they go round, as writes complete in order */
    unsigned in_flight;
    bool finishing;
    struct floor_batch batches[FLOOR_BATCHES];
};

/*
 * Takes the fd, also when it fails. The room for a message is that of the options' payload plus
 * `overhead` bytes that the work adds. The connection must stay where it is until run has returned.
 */
enum floor_outcome floor_connection_open(struct floor_connection *connection, int fd,
                                         const struct floor_options *options, size_t overhead,
                                         const struct floor_hooks *hooks, void *state);

/* Runs until the connection is closed, by either side, then frees everything it has. */
enum floor_outcome floor_connection_run(struct floor_connection *connection);

/* Closes now. What is in flight is lost. */
void floor_connection_close(struct floor_connection *connection);

/* Closes after everything in flight is written. */
void floor_connection_finish(struct floor_connection *connection);

/* Closes now, with this outcome; the sentence is the caller's to have said. */
void floor_connection_abandon(struct floor_connection *connection, enum floor_outcome outcome);

/*
 * The batch to fill, batch_capacity bytes, the same one until it is sent. NULL while all are in
 * flight and once the connection is closing or finishing.
 */
uint8_t *floor_connection_batch(struct floor_connection *connection);

/* Sends the first `length` bytes of the batch to fill. Never after it was answered with NULL. */
void floor_connection_send(struct floor_connection *connection, size_t length);

static inline bool floor_connection_open_still(const struct floor_connection *connection)
{
    return !uv_is_closing((const uv_handle_t *)&connection->tcp);
}

static inline uint32_t floor_prefix_read(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static inline void floor_prefix_write(uint8_t *at, uint32_t length)
{
    at[0] = (uint8_t)(length >> 24);
    at[1] = (uint8_t)(length >> 16);
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
}

#endif
