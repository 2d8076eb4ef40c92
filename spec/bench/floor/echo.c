/* SPDX-License-Identifier: MIT */
/*
 * Ping-pong: one message at a time, the time of each round trip. The first tenth of the time warms
 * up and is not recorded.
 */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"
#include "connection.h"

struct pinger {
    struct floor_result *result;
    uint32_t payload;
    uint64_t sent, recording_from, deadline; /* ns */
};

static void ping(struct floor_connection *connection)
{
    struct pinger *pinger = connection->state;
    uint8_t *batch = floor_connection_batch(connection);

    if (batch) {
        floor_prefix_write(batch, pinger->payload);
        memset(batch + FLOOR_PREFIX, 0x5a, pinger->payload);
        pinger->sent = floor_now();
        floor_connection_send(connection, FLOOR_PREFIX + pinger->payload);
    }
}

static size_t on_pong(struct floor_connection *connection, const uint8_t *bytes, size_t length)
{
    struct pinger *pinger = connection->state;
    struct floor_result *result = pinger->result;

    if (length < FLOOR_PREFIX + pinger->payload) {
        return 0;
    }
    uint64_t now = floor_now();
    if (floor_prefix_read(bytes) != pinger->payload || length != FLOOR_PREFIX + pinger->payload) {
        floor_connection_abandon(connection, floor_fail("the answer is not what was sent"));
        return length;
    }
    if (pinger->sent >= pinger->recording_from) {
        hwsi_histogram_record(&result->round_trips, now - pinger->sent);
        result->messages++;
        result->elapsed = now - pinger->recording_from;
    }
    if (now < pinger->deadline) {
        ping(connection);
    } else {
        floor_connection_close(connection);
    }
    return length;
}

static enum floor_outcome measure(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    static const struct floor_hooks hooks = { .arrived = on_pong };
    struct pinger pinger = { .result = result, .payload = (uint32_t)options->payload };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, 0, &hooks, &pinger);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    pinger.recording_from = floor_now() + options->duration / 10;
    pinger.deadline = pinger.recording_from + options->duration;
    ping(&connection);
    return floor_connection_run(&connection);
}

const struct floor_work floor_echo = {
    .name = "echo", .least_payload = 1, .echo = true, .measure = measure, .peer = floor_answer
};
