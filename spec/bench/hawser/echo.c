/* SPDX-License-Identifier: MIT */
/*
 * Ping-pong: an actor sends to an actor in the peer, which sends the same back to the sender. One
 * message at a time, the time of each round trip. The first tenth of the time warms up and is not
 * recorded.
 */
#define _POSIX_C_SOURCE 200809L
#include "answer.h"

#include <stdlib.h>

struct pinger {
    struct bench_side side;
    struct floor_result *result;
    struct hws_pid *self, *target;
    struct hws_slice payload;
    uint64_t sent, recording_from, deadline; /* ns */
};

static int ping(struct pinger *pinger)
{
    struct hws_message message = { .payload = pinger->payload, .sender = pinger->self };
    pinger->sent = floor_now();
    return hws_send(pinger->side.system, pinger->target, &message);
}

static int start(void *self, struct hws_context *context)
{
    (void)context;
    return ping(self);
}

static int on_pong(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct pinger *pinger = self;
    uint64_t now = floor_now();
    (void)context;

    if (message->kind != HWS_MESSAGE_user || message->payload.size != pinger->payload.size) {
        bench_side_fail(&pinger->side, "the answer is not what was sent");
        return 0;
    }
    if (pinger->sent >= pinger->recording_from) {
        hwsi_histogram_record(&pinger->result->round_trips, now - pinger->sent);
        pinger->result->messages++;
        pinger->result->elapsed = now - pinger->recording_from;
    }
    if (now < pinger->deadline)
        return ping(pinger);
    bench_side_finish(&pinger->side);
    return 0;
}

static enum floor_outcome run(struct pinger *pinger, const char *address,
                              const struct floor_options *options)
{
    static const struct hws_actor_ops ops = { .receive = on_pong, .started = start };
    uint64_t now = floor_now();

    pinger->recording_from = now + options->duration / 10;
    pinger->deadline = now + options->duration;
    if (hws_pid_make(pinger->side.system, address, "echo", &pinger->target)) {
        bench_side_free(&pinger->side);
        return floor_fail("can't name the peer's actor");
    }
    if (bench_side_spawn(&pinger->side, "pinger", &ops, pinger, &pinger->self) != FLOOR_OK)
        return FLOOR_FAILED;
    enum floor_outcome outcome = bench_side_run(&pinger->side);
    hws_pid_release(pinger->self);
    hws_pid_release(pinger->target);
    return outcome;
}

static enum floor_outcome measure(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    struct pinger pinger = { .result = result, .payload = bench_payload(options->payload) };
    char address[HWS_ADDRESS_MAX + 1];
    enum floor_outcome outcome =
        pinger.payload.data ? bench_hear(fd, address, sizeof address) : FLOOR_FAILED;

    if (outcome == FLOOR_OK)
        outcome = bench_side_open(&pinger.side, "pinger", NULL, NULL, options);
    if (outcome == FLOOR_OK)
        outcome = run(&pinger, address, options);
    free((void *)(uintptr_t)pinger.payload.data);
    return outcome;
}

const struct floor_work bench_echo = {
    .name = "echo", .least_payload = 1, .echo = true, .measure = measure, .peer = bench_answer
};
