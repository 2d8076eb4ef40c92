/* SPDX-License-Identifier: MIT */
#include "support_scenario.h"

#include <stdio.h>
#include <string.h>

static const char *const addresses[] = { "loop:alpha:1", "loop:beta:1" };
static uint8_t room[NUMBER_MOST];

static int sink(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct scenario_side *side = self;
    struct number number;
    side->terminated += message->kind == HWS_MESSAGE_terminated;
    if (message->kind != HWS_MESSAGE_user || !number_read(message->payload, &number))
        return 0;
    if (message->request_id)
        hws_context_respond(context, message, message->payload);
    if (number.kind != 'm')
        return 0;
    struct scenario_message *sent = &side->scenario->sides[number.from].messages[number.number];
    sent->arrived += number.number >= side->last ? 1 : 100; /* out of order: as bad as twice */
    side->last = number.number + 1;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = sink };

/* The policy sees every letter, whether or not there is memory for an event. */
static int see_letter(struct hws_policy *policy, const struct hws_letter *letter,
                      struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct scenario_side *side = (struct scenario_side *)(void *)policy;
    struct number number;
    (void)answer;
    (void)error;
    if (!number_read(letter->message->payload, &number)) {
        side->nameless++;
        return 0;
    }
    if (number.kind != 'm')
        return 0;
    struct scenario_message *sent = &side->scenario->sides[number.from].messages[number.number];
    sent->letters++;
    sent->unacknowledged +=
        letter->reason == HWS_REASON_unacknowledged && side->index == number.from;
    return 0;
}

static int queue_meanwhile(struct hws_policy *policy, const char *address,
                           enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)policy;
    (void)address;
    (void)error;
    *answer = HWS_DISCONNECTED_QUEUE;
    return 0;
}
static const struct hws_policy_ops policy_ops = { .dead_letter = see_letter,
                                                  .disconnected = queue_meanwhile };

static void begin(struct scenario *scenario, uint8_t index)
{
    struct scenario_side *side = &scenario->sides[index];
    struct hws_options options;
    hws_options_init(&options);
    side->scenario = scenario;
    side->index = index;
    side->policy = (struct hws_policy){ .ops = &policy_ops, .name = "test" };
    options.name = index ? "beta" : "alpha";
    options.listen = addresses[index];
    options.allocator = scenario->allocator;
    options.clock = hws_loopback_clock(scenario->network);
    options.policy = &side->policy;
    options.seed = 1 + index;
    options.symbol_table_size = scenario->symbol_table_size;
    if (hws_system_new(&options, &side->system, NULL, 0))
        return;
    if (scenario->prepare)
        scenario->prepare(scenario, side);
    if (hws_loopback_attach(scenario->network, side->system) || hws_start(side->system, NULL, 0)) {
        hws_system_free(side->system);
        side->system = NULL;
        return;
    }
    if (hws_spawn_named(side->system, "sink", &sink_ops, side, &side->sink))
        side->sink = NULL;
    if (hws_pid_make(side->system, addresses[!index], "sink", &side->peer))
        side->peer = NULL;
}

/* Small ones share buffers, large ones have their own. */
static size_t padding_of(uint32_t number)
{
    return number % 11 == 0 ? 20000 : number % 7 == 0 ? 900 : 20;
}

static void send_some(struct scenario_side *side, unsigned count)
{
    if (!side->system || !side->peer)
        return;
    for (; count && side->sent < SCENARIO_MESSAGES; count--) {
        struct scenario_message *sent = &side->messages[side->sent];
        size_t size =
            number_write(room, &(struct number){ 'm', side->index, !side->index, side->sent++ },
                         side->scenario->small ? 20 : padding_of(side->sent));
        struct hws_message message = { .payload = { room, size },
                                       .sender = side->sent % 3 ? side->sink : NULL };
        sent->sent = true;
        sent->accepted = hws_send(side->system, side->peer, &message) == 0;
    }
}

static void answered(void *data, int status, const struct hws_message *response)
{
    (void)status;
    (void)response;
    ((struct scenario_request *)data)->done++;
}

static void ask(struct scenario_side *side)
{
    struct scenario *scenario = side->scenario;
    if (!side->system || !side->peer || scenario->request_count == SCENARIO_REQUESTS)
        return;
    struct scenario_request *request = &scenario->requests[scenario->request_count++];
    size_t size = number_write(room, &(struct number){ 'q', side->index, !side->index, 0 }, 10);
    request->accepted =
        hws_request(side->system, side->peer, &(struct hws_message){ .payload = { room, size } }, 0,
                    answered, request, NULL) == 0;
}

/* A message that needs a buffer of its own, to the actor next door. */
static void send_near(struct scenario_side *side)
{
    size_t size = number_write(room, &(struct number){ 'n', side->index, side->index, 0 }, 20000);
    if (side->system && side->sink)
        hws_send(side->system, side->sink, &(struct hws_message){ .payload = { room, size } });
}

static void exchange(struct scenario *scenario, unsigned count, uint64_t time)
{
    for (int i = 0; i < 2; i++) {
        send_some(&scenario->sides[i], count);
        ask(&scenario->sides[i]);
        send_near(&scenario->sides[i]);
    }
    hws_loopback_run(scenario->network, time);
}

static void watch_each_other(struct scenario *scenario)
{
    for (int i = 0; i < 2; i++) {
        struct scenario_side *side = &scenario->sides[i];
        if (side->system && side->sink && side->peer)
            side->watching += hws_watch(side->system, side->sink, side->peer) == 0;
    }
}

/* Beta is killed: nothing that it says is heard. Messages, a request and a watch wait for its successor. */
static void restart_beta(struct scenario *scenario)
{
    struct scenario_side *beta = &scenario->sides[1];
    hws_loopback_reachable(scenario->network, addresses[1] + 5, false);
    hws_system_free(beta->system);
    hws_pid_release(beta->sink);
    hws_pid_release(beta->peer);
    beta->system = NULL;
    beta->sink = beta->peer = NULL;
    beta->watching = beta->terminated = 0;
    hws_loopback_run(scenario->network, 30 * HWS_MILLISECOND);
    exchange(scenario, 10, HWS_MILLISECOND);
    watch_each_other(scenario);
    hws_loopback_reachable(scenario->network, addresses[1] + 5, true);
    begin(scenario, 1);
    exchange(scenario, 10, 2 * HWS_SECOND);
}

static void stop(struct scenario *scenario)
{
    struct scenario_side *first = &scenario->sides[0], *second = &scenario->sides[1];
    send_near(second);
    if (second->system && second->sink)
        hws_stop_actor(second->system, second->sink);
    hws_loopback_run(scenario->network, HWS_SECOND);
    send_some(first, 5); /* to an actor that is gone */
    if (second->system)
        hws_stop(second->system, "test", HWS_SECOND);
    hws_loopback_run(scenario->network, 20 * HWS_SECOND); /* alpha gives up */
    for (int i = 0; i < 2; i++) {
        hws_system_free(scenario->sides[i].system);
        hws_pid_release(scenario->sides[i].sink);
        hws_pid_release(scenario->sides[i].peer);
    }
    hws_loopback_run(scenario->network, 60 * HWS_SECOND);
}

void scenario_run(struct scenario *scenario)
{
    struct hws_loopback_options options = { .seed = 3,
                                            .latency = HWS_MILLISECOND,
                                            .split_writes = true };
    if (hws_loopback_new(&options, &scenario->network))
        return;
    begin(scenario, 0);
    begin(scenario, 1);
    exchange(scenario, 50, 100 * HWS_MILLISECOND);
    watch_each_other(scenario);
    exchange(scenario, 10, 1500 * HWS_MICROSECOND);
    hws_loopback_cut(scenario->network);
    exchange(scenario, 10, 2 * HWS_SECOND);
    if (scenario->sides[0].system)
        hws_cut_link(scenario->sides[0].system, addresses[1]);
    exchange(scenario, 10, 2 * HWS_SECOND);
    restart_beta(scenario);
    watch_each_other(scenario);
    exchange(scenario, 10, 2 * HWS_SECOND);
    stop(scenario);
    hws_loopback_free(scenario->network);
}

static const char *judge(const struct scenario_message *message, unsigned *missing)
{
    if (message->arrived > 1)
        return "a message arrived twice, or out of order";
    if (!message->accepted && message->arrived)
        return "a message was refused and arrived";
    if (message->unacknowledged > 1 ||
        message->arrived + message->letters - message->unacknowledged > 1)
        return "a message became two, or arrived and became a dead letter";
    *missing += message->sent && message->arrived + message->letters == 0;
    return NULL;
}

const char *scenario_verdict(const struct scenario *scenario)
{
    unsigned missing = 0, nameless = 0;
    for (int i = 0; i < 2; i++) {
        const struct scenario_side *side = &scenario->sides[i];
        nameless += side->nameless;
        for (uint32_t n = 0; n < side->sent; n++) {
            const char *wrong = judge(&side->messages[n], &missing);
            if (wrong)
                return wrong;
        }
        if (side->terminated > side->watching)
            return "a watch ended more than once";
    }
    if (missing > nameless)
        return "a message vanished";
    for (size_t i = 0; i < scenario->request_count; i++)
        if (scenario->requests[i].done != scenario->requests[i].accepted)
            return "a request did not end once";
    return NULL;
}

bool scenario_untold(const struct scenario *scenario)
{
    return scenario->sides[0].watching && !scenario->sides[0].terminated;
}
