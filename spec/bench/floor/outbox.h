/* SPDX-License-Identifier: MIT */
/*
 * What one turn has to say, gathered in the connection's batch so that it leaves in one write.
 * While an earlier write is in flight it goes on gathering; so all that may be unwritten at once
 * must fit into one batch, which the number of outstanding requests sees to.
 */
#ifndef HAWSER_BENCH_FLOOR_OUTBOX_H
#define HAWSER_BENCH_FLOOR_OUTBOX_H

#include "connection.h"

struct floor_outbox {
    size_t length;
};

/* Room for `size` bytes at the end of what is gathered; NULL after abandoning the connection. */
static inline uint8_t *floor_outbox_room(struct floor_outbox *outbox,
                                         struct floor_connection *connection, size_t size)
{
    uint8_t *batch = floor_connection_batch(connection);

    if (!batch) {
        return NULL;
    }
    if (connection->batch_capacity - outbox->length < size) {
        floor_connection_abandon(connection, floor_fail("more is outstanding than was agreed"));
        return NULL;
    }
    outbox->length += size;
    return batch + outbox->length - size;
}

/* To be called at the end of a turn, and when the connection is drained. */
static inline void floor_outbox_flush(struct floor_outbox *outbox,
                                      struct floor_connection *connection)
{
    if (outbox->length > 0 && connection->in_flight == 0 && floor_connection_batch(connection)) {
        floor_connection_send(connection, outbox->length);
        outbox->length = 0;
    }
}

#endif
