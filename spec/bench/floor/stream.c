/* SPDX-License-Identifier: MIT */
/*
 * One way: the peer copies each message behind its length into 64 KiB batches and writes them as
 * fast as the socket takes them; the measuring side finds every message by its length, looks at its
 * first byte, and counts. Time runs from the first read to the last.
 */
#define _POSIX_C_SOURCE 200809L
#include "connection.h"

#include <stdlib.h>

#define FIRST_BYTE 0x5au

struct receiver {
    struct floor_result *result;
    uint64_t first, last; /* ns, of the reads */
    uint64_t first_bytes; /* their sum, which proves that each was read */
    bool partial;
};

struct sender {
    const struct floor_options *options;
    uint8_t *payload;
    uint64_t deadline;
};

static size_t count_messages(struct floor_connection *connection, const uint8_t *bytes,
                             size_t length)
{
    struct receiver *receiver = connection->state;
    const uint8_t *at = bytes, *end = bytes + length;
    uint64_t messages = 0, first_bytes = 0;

    while (end - at >= (ptrdiff_t)FLOOR_PREFIX) {
        uint32_t size = floor_prefix_read(at);
        if ((size_t)(end - at) - FLOOR_PREFIX < size) {
            break;
        }
        first_bytes += at[FLOOR_PREFIX];
        messages++;
        at += FLOOR_PREFIX + size;
    }
    receiver->last = floor_now();
    receiver->first = receiver->first ? receiver->first : receiver->last;
    receiver->result->messages += messages;
    receiver->first_bytes += first_bytes;
    receiver->partial = at != end;
    return (size_t)(at - bytes);
}

static enum floor_outcome receive(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    static const struct floor_hooks hooks = { .arrived = count_messages };
    struct receiver receiver = { .result = result };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, 0, &hooks, &receiver);
    if (outcome == FLOOR_OK) {
        outcome = floor_connection_run(&connection);
    }
    if (outcome == FLOOR_FAILED) {
        return outcome;
    }
    result->elapsed = receiver.last - receiver.first;
    if (receiver.partial || result->messages == 0) {
        return FLOOR_CUT;
    }
    return receiver.first_bytes == result->messages * FIRST_BYTE
               ? FLOOR_OK
               : floor_fail("a message arrived with a wrong first byte");
}

static size_t fill(uint8_t *batch, size_t capacity, const uint8_t *payload, size_t size)
{
    uint8_t *at = batch, *end = batch + capacity;

    while ((size_t)(end - at) >= FLOOR_PREFIX + size) {
        floor_prefix_write(at, (uint32_t)size);
        memcpy(at + FLOOR_PREFIX, payload, size);
        at += FLOOR_PREFIX + size;
    }
    return (size_t)(at - batch);
}

static void pump(struct floor_connection *connection)
{
    struct sender *sender = connection->state;
    uint8_t *batch;

    while ((batch = floor_connection_batch(connection)) != NULL) {
        if (floor_now() >= sender->deadline) {
            floor_connection_finish(connection);
            return;
        }
        floor_connection_send(connection, fill(batch, connection->batch_capacity, sender->payload,
                                               sender->options->payload));
    }
}

static size_t ignore_bytes(struct floor_connection *connection, const uint8_t *bytes, size_t length)
{
    (void)connection;
    (void)bytes;
    return length;
}

static enum floor_outcome send_all(int fd, const struct floor_options *options)
{
    static const struct floor_hooks hooks = { .arrived = ignore_bytes, .drained = pump };
    struct sender sender = { .options = options, .deadline = floor_now() + options->duration };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, 0, &hooks, &sender);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    sender.payload = malloc(options->payload);
    if (sender.payload) {
        memset(sender.payload, FIRST_BYTE, options->payload);
        pump(&connection);
    } else {
        floor_connection_abandon(&connection, floor_fail("out of memory"));
    }
    outcome = floor_connection_run(&connection);
    free(sender.payload);
    return outcome;
}

const struct floor_work floor_stream = { .name = "stream",
                                         .least_payload = 1,
                                         .one_outstanding = true,
                                         .measure = receive,
                                         .peer = send_all };
