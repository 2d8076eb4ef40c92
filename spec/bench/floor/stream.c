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
    uint8_t *frame;           /* a whole message */
    size_t frame_bytes, sent; /* sent: of the message that is under way */
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

/* Up to `room` bytes of the message that is under way; answers how many. */
static size_t continue_message(struct sender *sender, uint8_t *at, size_t room)
{
    size_t left = sender->frame_bytes - sender->sent;
    size_t size = left < room ? left : room;

    memcpy(at, sender->frame + sender->sent, size);
    sender->sent = (sender->sent + size) % sender->frame_bytes;
    return size;
}

/* Every write has the same size, so the last message goes on in the next one. */
static size_t fill(struct sender *sender, uint8_t *batch, size_t capacity)
{
    uint8_t *at = batch, *end = batch + capacity;
    size_t payload = sender->frame_bytes - FLOOR_PREFIX;

    if (sender->sent > 0) {
        at += continue_message(sender, at, capacity);
    }
    while ((size_t)(end - at) >= FLOOR_PREFIX + payload) {
        floor_prefix_write(at, (uint32_t)payload);
        memcpy(at + FLOOR_PREFIX, sender->frame + FLOOR_PREFIX, payload);
        at += FLOOR_PREFIX + payload;
    }
    if (at < end) {
        at += continue_message(sender, at, (size_t)(end - at));
    }
    return capacity;
}

static void finish(struct floor_connection *connection, struct sender *sender, uint8_t *batch)
{
    if (sender->sent > 0) {
        floor_connection_send(connection,
                              continue_message(sender, batch, connection->batch_capacity));
    }
    floor_connection_finish(connection);
}

static void pump(struct floor_connection *connection)
{
    struct sender *sender = connection->state;
    uint8_t *batch;

    while ((batch = floor_connection_batch(connection)) != NULL) {
        if (floor_now() >= sender->deadline) {
            finish(connection, sender, batch);
            return;
        }
        floor_connection_send(connection, fill(sender, batch, connection->write_bytes));
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
    struct sender sender = { .frame_bytes = FLOOR_PREFIX + options->payload };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, 0, &hooks, &sender);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    sender.deadline = floor_now() + options->duration;
    sender.frame = malloc(sender.frame_bytes);
    if (sender.frame) {
        memset(sender.frame, FIRST_BYTE, sender.frame_bytes);
        floor_prefix_write(sender.frame, (uint32_t)options->payload);
        pump(&connection);
    } else {
        floor_connection_abandon(&connection, floor_fail("out of memory"));
    }
    outcome = floor_connection_run(&connection);
    free(sender.frame);
    return outcome;
}

const struct floor_work floor_stream = {
    .name = "stream", .least_payload = 1, .stream = true, .measure = receive, .peer = send_all
};
