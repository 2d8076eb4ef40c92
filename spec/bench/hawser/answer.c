/* SPDX-License-Identifier: MIT */
#include "answer.h"

static int answer(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    if (message->request_id)
        return hws_context_respond(context, message, message->payload);
    return hws_send(hws_context_system(context), message->sender,
                    &(struct hws_message){ .payload = message->payload });
}

static void on_event(void *data, const struct hws_event *event)
{
    (void)event;
    bench_side_finish(data);
}

enum floor_outcome bench_answer(int fd, const struct floor_options *options)
{
    static const struct hws_actor_ops ops = { .receive = answer };
    struct bench_side side;
    struct hws_subscription *subscription;

    if (bench_side_open(&side, "answerer", "127.0.0.1:0", NULL, options) != FLOOR_OK ||
        bench_side_spawn(&side, "echo", &ops, NULL, NULL) != FLOOR_OK)
        return FLOOR_FAILED;
    if (hws_subscribe(side.system, "EndpointDisconnected", on_event, &side, &subscription, NULL)) {
        bench_side_free(&side);
        return floor_fail("out of memory");
    }
    enum floor_outcome outcome = bench_tell(fd, hws_system_address(side.system));
    if (outcome == FLOOR_OK)
        outcome = bench_side_run(&side);
    else
        bench_side_free(&side);
    hws_unsubscribe(subscription);
    return outcome;
}
