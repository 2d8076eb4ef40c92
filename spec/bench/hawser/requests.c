/* SPDX-License-Identifier: MIT */
/*
 * Requests: a number of them outstanding, each with its number in its first 8 bytes. Each answer
 * must be the one that is due, and makes room for the next request.
 */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"

#include <stdlib.h>
#include <string.h>

struct client {
    struct bench_side side;
    struct floor_result *result;
    struct hws_pid *target;
    struct hws_slice payload;
    uint8_t *number; /* in the payload */
    uint64_t next, due;
    uint64_t started, deadline; /* ns */
};

static void on_answer(void *data, int status, const struct hws_message *response);

static void ask(struct client *client)
{
    memcpy(client->number, &client->next, sizeof client->next);
    client->next++;
    int error = hws_request(client->side.system, client->target,
                            &(struct hws_message){ .payload = client->payload }, 60 * HWS_SECOND,
                            on_answer, client, NULL);
    if (error)
        bench_side_fail(&client->side, "can't ask: %s", hws_strerror(error));
}

/* As many as are outstanding: then the clock is read once for so many answers. */
static void look_at_clock(struct client *client)
{
    uint64_t now = floor_now();
    client->result->messages = client->due;
    client->result->elapsed = now - client->started;
    if (now >= client->deadline)
        client->deadline = 0;
}

static void on_answer(void *data, int status, const struct hws_message *response)
{
    struct client *client = data;
    struct hws_slice content = status ? (struct hws_slice){ 0 } : bench_content(response->payload);

    if (status || content.size < sizeof client->due ||
        memcmp(content.data, &client->due, sizeof client->due) != 0) {
        bench_side_fail(&client->side, "an answer is not the one that is due: %s",
                        hws_strerror(status));
        return;
    }
    client->due++;
    if (client->deadline && client->due % 64 == 0)
        look_at_clock(client);
    if (client->deadline)
        ask(client);
    else if (client->due == client->next)
        bench_side_finish(&client->side);
}

static enum floor_outcome run(struct client *client, const char *address,
                              const struct floor_options *options)
{
    if (hws_pid_make(client->side.system, address, "echo", &client->target)) {
        bench_side_free(&client->side);
        return floor_fail("can't name the peer's actor");
    }
    client->started = floor_now();
    client->deadline = client->started + options->duration;
    for (unsigned i = 0; i < options->outstanding; i++)
        ask(client);
    enum floor_outcome outcome = bench_side_run(&client->side);
    hws_pid_release(client->target);
    return outcome;
}

static enum floor_outcome measure(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    struct client client = { .result = result, .payload = bench_payload(options->payload) };
    char address[HWS_ADDRESS_MAX + 1];
    enum floor_outcome outcome =
        client.payload.data ? bench_hear(fd, address, sizeof address) : FLOOR_FAILED;

    if (outcome == FLOOR_OK) {
        client.number = (uint8_t *)(uintptr_t)bench_content(client.payload).data;
        outcome = bench_side_open(&client.side, "client", NULL, NULL, options);
    }
    if (outcome == FLOOR_OK)
        outcome = run(&client, address, options);
    free((void *)(uintptr_t)client.payload.data);
    return outcome;
}

const struct floor_work bench_requests = {
    .name = "requests", .least_payload = 8, .measure = measure, .peer = bench_answer
};
