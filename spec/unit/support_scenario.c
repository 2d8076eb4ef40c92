/* SPDX-License-Identifier: MIT */
#include "support_scenario.h"

#include <stdio.h>
#include <string.h>

static const char *const addresses[] = { "loop:alpha:1", "loop:beta:1", NULL };
static const char *const names[] = { "alpha", "beta", "gamma" };
static const uint8_t lanes[SCENARIO_LANE_COUNT][2] = {
#define X(from, to) { from, to },
    SCENARIO_LANES(X)
#undef X
};
static uint8_t room[NUMBER_MOST];

const char *scenario_address(const struct scenario *scenario, uint8_t index)
{
    const struct hws_system *system = scenario->sides[index].system;
    return addresses[index] ? addresses[index] : system ? hws_system_address(system) : NULL;
}

/* --- the actors --- */

static void take_end(struct scenario_side *side, const struct hws_message *message)
{
    struct scenario *scenario = side->scenario;
    for (int i = 0; i < SCENARIO_LANE_COUNT; i++) {
        struct scenario_lane *lane = &scenario->lanes[i];
        if (lane->from != side->index || lane->target != message->who)
            continue;
        if (!lane->watched)
            scenario->wrong = "a watch ended more than once";
        lane->watched = false;
        return;
    }
    scenario->wrong = "an end was told that nobody watched";
}

static int sink(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct scenario_side *side = self;
    struct number number;
    if (message->kind == HWS_MESSAGE_terminated)
        take_end(side, message);
    if (message->kind != HWS_MESSAGE_user || !number_read(message->payload, &number))
        return 0;
    if (message->request_id)
        hws_context_respond(context, message, message->payload);
    if (number.kind != 'm')
        return 0;
    struct scenario_lane *lane = &side->scenario->lanes[number.from];
    struct scenario_message *sent = &lane->messages[number.number];
    sent->arrived += number.number >= lane->last ? 1 : 100; /* out of order: as bad as twice */
    lane->last = number.number + 1;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = sink };

/* Fails at every message. */
static int stumble(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    hws_context_fail(context, "told to fail");
    return HWS_EFAILED;
}
static const struct hws_actor_ops clumsy_ops = { .receive = stumble };

/* --- the policy --- */

static struct scenario_side *side_of(struct hws_policy *policy)
{
    return ((struct scenario_policy *)(void *)policy)->side;
}

/* It sees every letter, whether or not there is memory for an event. */
static int see_letter(struct hws_policy *policy, const struct hws_letter *letter,
                      struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct scenario_side *side = side_of(policy);
    struct number number;
    (void)error;
    if (!number_read(letter->message->payload, &number)) {
        side->nameless++;
        return 0;
    }
    if (number.kind == 'n') {
        answer->route = HWS_LETTER_REDIRECT;
        snprintf(answer->redirect, sizeof answer->redirect, "sink");
    }
    if (number.kind != 'm')
        return 0;
    struct scenario_lane *lane = &side->scenario->lanes[number.from];
    struct scenario_message *sent = &lane->messages[number.number];
    sent->letters++;
    sent->unacknowledged +=
        letter->reason == HWS_REASON_unacknowledged && side->index == lane->from;
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

/* Fails at every second try: the fallback answers. */
static int wait_a_while(struct hws_policy *policy, const struct hws_policy_question *question,
                        struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    (void)policy;
    if (question->attempt % 2 == 0) {
        snprintf(error->text, sizeof error->text, "told to fail");
        return HWS_EPOLICY;
    }
    answer->give_up = question->attempt > 6;
    answer->delay = 150 * HWS_MILLISECOND;
    return 0;
}

static int two_levels(struct hws_policy *policy, const char *address,
                      struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    (void)policy;
    (void)address;
    (void)error;
    answer->count = 2;
    answer->level[0].from = 0.2;
    answer->level[1].from = 0.6;
    snprintf(answer->level[0].name, sizeof answer->level[0].name, "some");
    snprintf(answer->level[1].name, sizeof answer->level[1].name, "many");
    answer->hysteresis = 0.05;
    return 0;
}
static const struct hws_policy_ops policy_ops = { .backoff = wait_a_while,
                                                  .dead_letter = see_letter,
                                                  .disconnected = queue_meanwhile,
                                                  .throttle = two_levels };

/* --- a system's beginning and end --- */

static void on_event(void *data, const struct hws_event *event)
{
    ((struct scenario *)data)->seen |= UINT64_C(1) << event->type;
}

static void choose(struct scenario_side *side, struct hws_options *options)
{
    hws_options_init(options);
    options->name = names[side->index];
    options->listen = addresses[side->index];
    options->allocator = side->scenario->allocator;
    options->clock = hws_loopback_clock(side->scenario->network);
    options->policy = &side->policies[0].policy;
    options->seed = 1 + side->index;
    options->symbol_table_size = side->scenario->symbol_table_size;
    options->endpoint_writer_queue_size = 100;
    options->heartbeat_interval = HWS_SECOND;
    options->suspect_after = 100 * HWS_MILLISECOND;
    options->gate_duration = 100 * HWS_MILLISECOND;
    options->client_wait = 2 * HWS_SECOND;
    options->tombstones = side->index; /* alpha keeps none, beta one */
}

static void meet(struct scenario *scenario)
{
    for (int i = 0; i < SCENARIO_LANE_COUNT; i++) {
        struct scenario_lane *lane = &scenario->lanes[i];
        struct hws_system *system = scenario->sides[lanes[i][0]].system;
        const char *address = scenario_address(scenario, lanes[i][1]);
        lane->from = lanes[i][0];
        lane->to = lanes[i][1];
        if (!system || !address || lane->target)
            continue;
        if (hws_pid_make(system, address, "sink", &lane->target))
            lane->target = NULL;
    }
}

static void people(struct scenario_side *side)
{
    struct hws_spawn_options again = { .name = "clumsy", .supervision = HWS_SUPERVISE_restart };
    if (hws_spawn_named(side->system, "sink", &sink_ops, side, &side->sink))
        side->sink = NULL;
    if (hws_spawn(side->system, &clumsy_ops, side, &again, &side->clumsy))
        side->clumsy = NULL;
}

void scenario_begin(struct scenario *scenario, uint8_t index)
{
    struct scenario_side *side = &scenario->sides[index];
    struct hws_options options;
    side->scenario = scenario;
    side->index = index;
    for (int i = 0; i < 2; i++)
        side->policies[i] =
            (struct scenario_policy){ { .ops = &policy_ops, .name = "test" }, side };
    choose(side, &options);
    if (hws_system_new(&options, &side->system, NULL, 0))
        return;
    hws_subscribe(side->system, "*", on_event, scenario, &side->events, NULL);
    if (scenario->prepare)
        scenario->prepare(scenario, side);
    if (hws_loopback_attach(scenario->network, side->system) || hws_start(side->system, NULL, 0)) {
        scenario_end(scenario, index);
        return;
    }
    people(side);
    meet(scenario);
}

static void release(struct hws_pid **pid)
{
    hws_pid_release(*pid);
    *pid = NULL;
}

/* The handles outlive the system. */
void scenario_end(struct scenario *scenario, uint8_t index)
{
    struct scenario_side *side = &scenario->sides[index];
    hws_system_free(side->system);
    side->system = NULL;
    hws_unsubscribe(side->events);
    side->events = NULL;
    release(&side->sink);
    release(&side->clumsy);
    for (int i = 0; i < SCENARIO_LANE_COUNT; i++) {
        if (lanes[i][0] != index)
            continue;
        release(&scenario->lanes[i].target);
        scenario->lanes[i].untold = scenario->lanes[i].watched;
        scenario->lanes[i].watched = false;
    }
}

/* --- what they do --- */

/* Small ones share buffers, large ones have their own. */
static size_t padding_of(uint32_t number)
{
    return number % 11 == 0 ? 20000 : number % 7 == 0 ? 900 : 20;
}

static struct scenario_side *sender_of(struct scenario *scenario, const struct scenario_lane *lane)
{
    struct scenario_side *side = &scenario->sides[lane->from];
    return lane->target && side->system ? side : NULL;
}

static void send_from(struct scenario *scenario, struct scenario_lane *lane, unsigned count)
{
    struct scenario_side *side = sender_of(scenario, lane);
    for (; side && count && lane->sent < SCENARIO_MESSAGES; count--) {
        struct scenario_message *sent = &lane->messages[lane->sent];
        struct number number = { 'm', (uint8_t)(lane - scenario->lanes), lane->to, lane->sent++ };
        size_t size = number_write(room, &number, scenario->small ? 20 : padding_of(lane->sent));
        struct hws_message message = { .payload = { room, size },
                                       .sender = lane->sent % 3 ? side->sink : NULL };
        if (lane->sent % 5 == 0 && hws_atom_make(side->system, "wind", &message.type))
            message.type = NULL;
        sent->sent = true;
        sent->accepted = hws_send(side->system, lane->target, &message) == 0;
        hws_atom_release(message.type);
    }
}

void scenario_send(struct scenario *scenario, unsigned lane, unsigned count)
{
    send_from(scenario, &scenario->lanes[lane], count);
}

static void answered(void *data, int status, const struct hws_message *response)
{
    (void)status;
    (void)response;
    ((struct scenario_request *)data)->done++;
}

/* Every fifth is called off. */
static void ask(struct scenario *scenario, struct scenario_lane *lane)
{
    struct scenario_side *side = sender_of(scenario, lane);
    if (!side || scenario->request_count == SCENARIO_REQUESTS)
        return;
    struct scenario_request *request = &scenario->requests[scenario->request_count++];
    size_t size = number_write(room, &(struct number){ 'q', lane->from, lane->to, 0 }, 10);
    request->accepted =
        hws_request(side->system, lane->target, &(struct hws_message){ .payload = { room, size } },
                    0, answered, request, &request->id) == 0;
    if (request->accepted && scenario->request_count % 5 == 0)
        request->cancelled = hws_request_cancel(side->system, request->id) == 0;
}

/* To the actor next door, who needs a buffer of its own for it; to the clumsy one; and to nobody. */
static void send_near(struct scenario_side *side)
{
    struct hws_pid *nobody;
    struct hws_message message = { .payload = { room, 0 } };
    if (!side->system)
        return;
    struct number number = { 'n', side->index, side->index, 0 };
    message.payload.size = number_write(room, &number, 20000);
    if (side->sink)
        hws_send(side->system, side->sink, &message);
    message.payload.size = number_write(room, &number, 10);
    if (side->clumsy)
        hws_send(side->system, side->clumsy, &message);
    hws_post(side->system, "sink", message.payload);
    if (hws_pid_parse(side->system, "nobody", &nobody))
        return;
    hws_send(side->system, nobody, &message);
    hws_pid_release(nobody);
}

void scenario_exchange(struct scenario *scenario, unsigned count, uint64_t time)
{
    for (int i = 0; i < SCENARIO_LANE_COUNT; i++) {
        send_from(scenario, &scenario->lanes[i], count);
        ask(scenario, &scenario->lanes[i]);
    }
    for (int i = 0; i < SCENARIO_SIDES; i++)
        send_near(&scenario->sides[i]);
    hws_loopback_run(scenario->network, time);
}

void scenario_watch(struct scenario *scenario)
{
    for (int i = 0; i < SCENARIO_LANE_COUNT; i++) {
        struct scenario_lane *lane = &scenario->lanes[i];
        struct scenario_side *side = sender_of(scenario, lane);
        if (side && side->sink && hws_watch(side->system, side->sink, lane->target) == 0)
            lane->watched = true;
    }
}

/* --- what became of it --- */

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
    if (scenario->wrong)
        return scenario->wrong;
    for (int i = 0; i < SCENARIO_SIDES; i++)
        nameless += scenario->sides[i].nameless;
    for (int i = 0; i < SCENARIO_LANE_COUNT; i++)
        for (uint32_t n = 0; n < scenario->lanes[i].sent; n++) {
            const char *wrong = judge(&scenario->lanes[i].messages[n], &missing);
            if (wrong)
                return wrong;
        }
    if (missing > nameless)
        return "a message vanished";
    for (size_t i = 0; i < scenario->request_count; i++) {
        const struct scenario_request *request = &scenario->requests[i];
        if (request->done != (request->accepted && !request->cancelled))
            return "a request did not end once";
    }
    return NULL;
}

bool scenario_untold(const struct scenario *scenario)
{
    return scenario->lanes[0].untold || scenario->lanes[3].untold; /* alpha lives longest */
}
