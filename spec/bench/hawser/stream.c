/* SPDX-License-Identifier: MIT */
/*
 * One way: an actor in the peer sends to an actor in the measuring side, as much a turn as the
 * queue has room for below a mark, so that nothing is ever refused. The receiving actor looks at
 * each message's size and first byte and counts. At the end the sender asks how many have
 * arrived, which must be how many it sent. Time runs from the first message to that question,
 * which comes right behind the last.
 */
#define _POSIX_C_SOURCE 200809L
#include "side.h"

#include <stdlib.h>
#include <string.h>

/* What a turn sends, and up to where it fills the queue, unacknowledged messages included. */
#define TURN_BYTES (256u * 1024u)
#define MARK_BYTES (1024u * 1024u)
#define FRAME_BYTES 16u /* about what hawser adds to a payload */

struct receiver {
    struct bench_side side;
    struct floor_result *result;
    size_t payload;
    uint64_t first, first_bytes, wrong;
};

struct sender {
    struct bench_side side;
    struct hws_pid *self, *target;
    struct hws_slice payload;
    uint64_t sent, deadline;
    size_t batch;
};

/* --- the measuring side --- */

static int answer_count(struct receiver *receiver, struct hws_context *context,
                        const struct hws_message *message)
{
    uint8_t count[9] = { 0xcf };
    uint64_t messages = receiver->result->messages;

    receiver->result->elapsed = floor_now() - receiver->first;
    if (receiver->wrong || receiver->first_bytes != messages * BENCH_FILL)
        bench_side_fail(&receiver->side, "a message arrived with a wrong size or first byte");
    for (int i = 0; i < 8; i++)
        count[1 + i] = (uint8_t)(messages >> 8 * (7 - i));
    int error = hws_context_respond(context, message, hws_slice_of(count, sizeof count));
    bench_side_finish(&receiver->side);
    return error;
}

static int receive(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct receiver *receiver = self;
    if (message->request_id)
        return answer_count(receiver, context, message);
    struct hws_slice content = bench_content(message->payload);
    if (receiver->result->messages++ == 0)
        receiver->first = floor_now();
    receiver->wrong += content.size != receiver->payload;
    receiver->first_bytes += content.size ? content.data[0] : 0;
    return 0;
}

static enum floor_outcome measure(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    static const struct hws_actor_ops ops = { .receive = receive };
    struct receiver receiver = { .result = result, .payload = options->payload };

    if (bench_side_open(&receiver.side, "receiver", "127.0.0.1:0", NULL, options) != FLOOR_OK ||
        bench_side_spawn(&receiver.side, "sink", &ops, &receiver, NULL) != FLOOR_OK)
        return FLOOR_FAILED;
    enum floor_outcome told = bench_tell(fd, hws_system_address(receiver.side.system));
    if (told != FLOOR_OK)
        bench_side_free(&receiver.side);
    return told == FLOOR_OK ? bench_side_run(&receiver.side) : told;
}

/* --- the peer --- */

static void counted(void *data, int status, const struct hws_message *response)
{
    struct sender *sender = data;
    uint64_t count = 0;

    if (status) {
        bench_side_fail(&sender->side, "the last question was not answered: %s",
                        hws_strerror(status));
        return;
    }
    for (size_t i = 1; i < response->payload.size; i++)
        count = count << 8 | response->payload.data[i];
    if (count != sender->sent)
        bench_side_fail(&sender->side, "%llu messages were sent and %llu arrived",
                        (unsigned long long)sender->sent, (unsigned long long)count);
    bench_side_finish(&sender->side);
}

static void tick(void *data)
{
    struct sender *sender = data;
    static const uint8_t nil[] = { 0xc0 };
    if (hws_send(sender->side.system, sender->self,
                 &(struct hws_message){ .payload = hws_slice_of(nil, sizeof nil) }))
        bench_side_fail(&sender->side, "can't send a tick");
}

static bool has_room(const struct sender *sender)
{
    struct hws_backpressure queue;
    if (hws_queue(sender->side.system, hws_pid_address(sender->target), &queue))
        return true; /* nothing was sent yet */
    return queue.queue_bytes < MARK_BYTES;
}

static int send_some(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct sender *sender = self;
    struct hws_system *system = sender->side.system;
    struct hws_message out = { .payload = sender->payload };
    int error = 0;
    (void)context;
    (void)message;

    if (floor_now() >= sender->deadline)
        return hws_request(system, sender->target, &out, 60 * HWS_SECOND, counted, sender, NULL);
    if (has_room(sender)) {
        for (size_t i = 0; i < sender->batch && !error; i++)
            error = hws_send(system, sender->target, &out);
        sender->sent += sender->batch;
    }
    return error ? error : hws_after(system, 0, tick, sender, NULL);
}

static enum floor_outcome run_sender(struct sender *sender, const char *address,
                                     const struct floor_options *options)
{
    static const struct hws_actor_ops ops = { .receive = send_some };
    if (bench_side_spawn(&sender->side, "source", &ops, sender, &sender->self) != FLOOR_OK)
        return FLOOR_FAILED;
    if (hws_pid_make(sender->side.system, address, "sink", &sender->target)) {
        bench_side_free(&sender->side);
        return floor_fail("can't name the receiver");
    }
    sender->batch = TURN_BYTES / (options->payload + FRAME_BYTES) + 1;
    sender->deadline = floor_now() + options->duration;
    tick(sender);
    enum floor_outcome outcome = bench_side_run(&sender->side);
    hws_pid_release(sender->self);
    hws_pid_release(sender->target);
    return outcome;
}

static enum floor_outcome send_all(int fd, const struct floor_options *options)
{
    struct sender sender = { .payload = bench_payload(options->payload) };
    char address[HWS_ADDRESS_MAX + 1];
    enum floor_outcome outcome =
        sender.payload.data ? bench_hear(fd, address, sizeof address) : FLOOR_FAILED;

    if (outcome == FLOOR_OK)
        outcome = bench_side_open(&sender.side, "sender", NULL, NULL, options);
    if (outcome == FLOOR_OK)
        outcome = run_sender(&sender, address, options);
    free((void *)(uintptr_t)sender.payload.data);
    return outcome;
}

const struct floor_work bench_stream = {
    .name = "stream", .least_payload = 1, .stream = true, .measure = measure, .peer = send_all
};
