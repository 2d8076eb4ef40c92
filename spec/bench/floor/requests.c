/* SPDX-License-Identifier: MIT */
/*
 * Requests: a number of them outstanding, each with its id in its first 8 bytes. Each answer is
 * checked against the id that is due and makes room for the next request; what one read brought is
 * followed by one write.
 */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"
#include "outbox.h"

struct client {
    struct floor_outbox outbox;
    struct floor_result *result;
    uint32_t payload;
    uint64_t next_id, due_id;
    uint64_t started, deadline; /* ns */
};

static bool ask(struct floor_connection *connection, struct client *client)
{
    uint8_t *room = floor_outbox_room(&client->outbox, connection, FLOOR_PREFIX + client->payload);
    if (!room) {
        return false;
    }
    floor_prefix_write(room, client->payload);
    memcpy(room + FLOOR_PREFIX, &client->next_id, sizeof client->next_id);
    memset(room + FLOOR_PREFIX + sizeof client->next_id, 0x5a,
           client->payload - sizeof client->next_id);
    client->next_id++;
    return true;
}

static bool take_answer(struct floor_connection *connection, struct client *client,
                        const uint8_t *answer)
{
    uint64_t id;

    memcpy(&id, answer + FLOOR_PREFIX, sizeof id);
    if (floor_prefix_read(answer) != client->payload || id != client->due_id) {
        floor_connection_abandon(connection, floor_fail("an answer is not the one that is due"));
        return false;
    }
    client->due_id++;
    return true;
}

static size_t on_answers(struct floor_connection *connection, const uint8_t *bytes, size_t length)
{
    struct client *client = connection->state;
    size_t frame = FLOOR_PREFIX + client->payload, used = 0;

    for (; length - used >= frame; used += frame) {
        if (!take_answer(connection, client, bytes + used) || !ask(connection, client)) {
            return length;
        }
    }
    uint64_t now = floor_now();
    client->result->messages = client->due_id;
    client->result->elapsed = now - client->started;
    if (now < client->deadline) {
        floor_outbox_flush(&client->outbox, connection);
    } else {
        floor_connection_close(connection);
    }
    return used;
}

static void flush(struct floor_connection *connection)
{
    struct client *client = connection->state;
    floor_outbox_flush(&client->outbox, connection);
}

static enum floor_outcome measure(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    static const struct floor_hooks hooks = { .arrived = on_answers, .drained = flush };
    struct client client = { .result = result, .payload = (uint32_t)options->payload };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, 0, &hooks, &client);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    client.started = floor_now();
    client.deadline = client.started + options->duration;
    for (unsigned i = 0; i < options->outstanding && ask(&connection, &client); i++) {}
    flush(&connection);
    return floor_connection_run(&connection);
}

const struct floor_work floor_requests = {
    .name = "requests", .least_payload = 8, .measure = measure, .peer = floor_answer
};
