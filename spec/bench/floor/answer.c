/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"

#include "outbox.h"

static size_t answer_messages(struct floor_connection *connection, const uint8_t *bytes,
                              size_t length)
{
    struct floor_outbox *outbox = connection->state;
    const uint8_t *at = bytes, *end = bytes + length;

    while (end - at >= (ptrdiff_t)FLOOR_PREFIX) {
        uint32_t size = floor_prefix_read(at);
        if ((size_t)(end - at) - FLOOR_PREFIX < size) {
            break;
        }
        uint8_t *room = floor_outbox_room(outbox, connection, FLOOR_PREFIX + size);
        if (!room) {
            return length;
        }
        floor_prefix_write(room, size);
        memcpy(room + FLOOR_PREFIX, at + FLOOR_PREFIX, size);
        at += FLOOR_PREFIX + size;
    }
    floor_outbox_flush(outbox, connection);
    return (size_t)(at - bytes);
}

static void flush(struct floor_connection *connection)
{
    floor_outbox_flush(connection->state, connection);
}

enum floor_outcome floor_answer(int fd, const struct floor_options *options)
{
    static const struct floor_hooks hooks = { .arrived = answer_messages, .drained = flush };
    struct floor_outbox outbox = { 0 };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, 0, &hooks, &outbox);
    return outcome == FLOOR_OK ? floor_connection_run(&connection) : outcome;
}
