/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=240
 *
 * The delivery contract (design.md section 5) under a network that is cut, delayed and split at random, in virtual time. Each seed
 * is a world of two or three systems that send numbered messages, ask and watch each other. A seed that fails is printed;
 * `test_delivery_loopback steady 42` or `... restarts 42 99` runs that one, or those, alone.
 *
 *   steady    nobody gives up and nobody restarts: each message arrives once, in order, or became a dead letter in send()
 *   restarts  systems end and others begin at their addresses: each message accepted arrived at most once or is a dead letter;
 *             both only when that says `unacknowledged`
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "support_delivery.h"

#define SEEDS 1000u

#define SIDES 3
#define LIVES 24     /* systems in a world, one after the other */
#define MESSAGES 600 /* a pair of sides */
#define REQUESTS 200
#define MORTALS 40

struct record {
    bool sent, refused, settled;
    uint8_t processed; /* delivered to an actor, or a dead letter where the actor lives */
    uint8_t delivered;
    uint8_t returned; /* a dead letter where it was sent */
    bool unacknowledged;
    uint8_t life; /* of the sender */
};
struct request {
    struct world *world;
    bool accepted;
    unsigned done;
    int status;
    struct number number;
};
struct mortal {
    uint8_t home, watcher; /* sides */
    struct life *life, *watcher_life;
    bool alive, watched;
    unsigned accepted, received, dropped,
        terminated; /* dropped: dead letters at the watcher's full mailbox */
    uint32_t last;
};
struct policy {
    struct hws_policy policy; /* first */
    bool queue;
};
/* One system from start to end. */
struct life {
    struct world *world;
    uint8_t side, number;
    bool over;
    struct hws_system *system;
    struct policy policy;
    struct hws_pid *sink, *peers[SIDES];
    struct hws_subscription *letters;
    uint32_t next[SIDES][LIVES]; /* the least number that may come next from there */
};
struct world {
    uint64_t seed;
    bool restarts;
    struct dice dice;
    struct meter meter;
    struct hws_loopback *network;
    struct hws_options options;
    bool queue, lossy, client; /* client: the third side does not listen */
    size_t sides, life_count;
    struct life lives[LIVES], *now[SIDES];
    struct record records[SIDES][SIDES][MESSAGES];
    uint32_t sent[SIDES][SIDES];
    struct request requests[REQUESTS];
    uint32_t request_count;
    struct mortal mortals[MORTALS];
    uint32_t mortal_count;
    uint64_t unsettled;
    uint64_t delivered, resent, duplicates, letters, unacknowledged;
};

static struct world *current; /* whose seed a failure prints */
static uint8_t room[NUMBER_MOST];

#define require(condition, ...)                                                \
    do {                                                                       \
        if (!(condition)) {                                                    \
            print_error("seed %llu (%s): ", (unsigned long long)current->seed, \
                        current->restarts ? "restarts" : "steady");            \
            print_error(__VA_ARGS__);                                          \
            fail_msg(" [%s]", #condition);                                     \
        }                                                                      \
    } while (0)

/* --- what happened to a message --- */

static struct record *record_of(struct world *world, const struct number *number)
{
    require(number->from < world->sides && number->to < world->sides &&
                number->number < world->sent[number->from][number->to],
            "message %c %u->%u #%u was never sent", number->kind, number->from, number->to,
            number->number);
    return &world->records[number->from][number->to][number->number];
}

static void settle(struct world *world, struct record *record)
{
    if (!record->settled)
        world->unsettled--;
    record->settled = true;
}

/* Who message `n` says it is from: nobody, the sink there, or a third party. */
static struct hws_pid *sender_of(struct life *life, uint8_t from, uint32_t n)
{
    return n % 4 == 0 ? NULL : life->peers[n % 4 == 1 ? (from + 1) % life->world->sides : from];
}

static const char *type_of(uint32_t n)
{
    static const char *const types[] = { NULL, "temperature", NULL, "humidity", "wind" };
    return types[n % 5];
}

static void check_envelope(struct life *life, const struct number *number,
                           const struct hws_message *message)
{
    const char *type = type_of(number->number);
    require(message->sender == sender_of(life, number->from, number->number),
            "%u->%u #%u names another sender", number->from, number->to, number->number);
    require(type ? message->type && strcmp(hws_atom_text(message->type), type) == 0
                 : !message->type,
            "%u->%u #%u is of another type", number->from, number->to, number->number);
}

static void take_message(struct life *life, const struct number *number)
{
    struct world *world = life->world;
    struct record *record = record_of(world, number);
    require(number->to == life->side, "#%u for %u came to %u", number->number, number->to,
            life->side);
    uint32_t *next = &life->next[number->from][record->life];
    require(number->number >= *next, "%u->%u #%u came after #%u", number->from, number->to,
            number->number, *next - 1);
    *next = number->number + 1;
    record->processed++;
    record->delivered++;
    world->delivered++;
    settle(world, record);
}

static void on_letter(void *data, const struct hws_event *event)
{
    struct life *life = data;
    struct world *world = life->world;
    struct number number;
    if (!number_read(event->message, &number))
        return;
    if (number.kind == 'w')
        world->mortals[number.number >> 8].dropped +=
            world->mortals[number.number >> 8].watcher == life->side;
    if (number.kind != 'm')
        return;
    struct record *record = record_of(world, &number);
    world->letters++;
    if (number.from == life->side && record->life == life->number) {
        record->returned++;
        record->unacknowledged = strcmp(event->reason, "unacknowledged") == 0;
        world->unacknowledged += record->unacknowledged;
    } else {
        record->processed++;
    }
    settle(world, record);
}

/* --- what the systems do --- */

/* A frame too long for the network's luck never gets through: it begins again on each link. */
static size_t random_padding(struct world *world)
{
    struct dice *dice = &world->dice;
    switch (dice_roll(dice, world->lossy ? 3 : 64)) {
    case 0: return dice_roll(dice, world->lossy ? 200 : 60000);
    case 1: return dice_roll(dice, world->lossy ? 200 : 6000);
    default: return dice_roll(dice, 100);
    }
}

static void send_one(struct life *life, uint8_t to)
{
    struct world *world = life->world;
    uint32_t n = world->sent[life->side][to];
    if (n == MESSAGES || life->over)
        return;
    struct record *record = &world->records[life->side][to][n];
    world->sent[life->side][to]++;
    *record = (struct record){ .sent = true, .life = life->number };
    world->unsettled++;
    size_t size =
        number_write(room, &(struct number){ 'm', life->side, to, n }, random_padding(world));
    struct hws_message message = { .payload = { room, size },
                                   .sender = sender_of(life, life->side, n) };
    if (type_of(n))
        require(hws_atom_make(life->system, type_of(n), &message.type) == 0, "atom");
    record->refused = hws_send(life->system, life->peers[to], &message) != 0;
    hws_atom_release(message.type);
}

static void on_answer(void *data, int status, const struct hws_message *response)
{
    struct request *request = data;
    struct number number;
    require(request->done++ == 0, "request #%u ended twice", request->number.number);
    request->status = status;
    request->world->unsettled--;
    if (status == 0) {
        require(number_read(response->payload, &number), "the answer to request #%u is damaged",
                request->number.number);
        require(number.number == request->number.number && number.from == request->number.from,
                "request #%u got the answer to #%u", request->number.number, number.number);
    }
}

static void ask_one(struct life *life, uint8_t to)
{
    struct world *world = life->world;
    if (world->request_count == REQUESTS || life->over)
        return;
    struct request *request = &world->requests[world->request_count];
    *request = (struct request){ .world = world,
                                 .number = { 'q', life->side, to, world->request_count++ } };
    size_t size = number_write(room, &request->number, random_padding(world));
    uint64_t timeout = (1 + dice_roll(&world->dice, 3000)) * HWS_MILLISECOND;
    world->unsettled++;
    request->accepted = hws_request(life->system, life->peers[to],
                                    &(struct hws_message){ .payload = { room, size } }, timeout,
                                    on_answer, request, NULL) == 0;
    world->unsettled -= !request->accepted;
}

/* A mortal's last act: messages to its watcher, and the end. */
static int last_act(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct mortal *mortal = self;
    struct life *life = mortal->life;
    struct world *world = life->world;
    if (message->kind != HWS_MESSAGE_user || life->over)
        return 0;
    uint32_t index = (uint32_t)(mortal - world->mortals);
    uint64_t count = dice_roll(&world->dice, 20);
    for (uint32_t i = 1; i <= count; i++) {
        size_t size = number_write(
            room, &(struct number){ 'w', mortal->home, mortal->watcher, index << 8 | i }, 10);
        struct hws_message last = { .payload = { room, size },
                                    .sender = hws_context_self(context) };
        mortal->accepted += hws_send(life->system, life->peers[mortal->watcher], &last) == 0;
    }
    return hws_stop_actor(hws_context_system(context), hws_context_self(context));
}

static void mortal_stopped(void *self, struct hws_context *context)
{
    (void)context;
    ((struct mortal *)self)->alive = false;
}
static const struct hws_actor_ops mortal_ops = { .receive = last_act, .stopped = mortal_stopped };

static void take_last_words(struct life *life, const struct number *number)
{
    struct mortal *mortal = &life->world->mortals[number->number >> 8];
    uint32_t word = number->number & 255;
    require(word > mortal->last, "last words of mortal %u out of order: %u after %u",
            number->number >> 8, word, mortal->last);
    require(!mortal->terminated || mortal->watcher_life != life || life->world->restarts,
            "mortal %u spoke after its end was told", number->number >> 8);
    mortal->last = word;
    mortal->received++;
}

static void take_terminated(struct life *life, const struct hws_message *message)
{
    struct world *world = life->world;
    unsigned index = (unsigned)atoi(hws_pid_id(message->who) + strlen("mortal"));
    require(index < world->mortal_count, "Terminated of %s", hws_pid_id(message->who));
    struct mortal *mortal = &world->mortals[index];
    require(mortal->watched && mortal->watcher_life == life, "mortal %u's end was told to another",
            index);
    require(mortal->terminated++ == 0, "mortal %u ended twice", index);
    world->unsettled--;
    if (world->restarts)
        return;
    require(!mortal->alive, "mortal %u lives and was told dead (%s)", index,
            hws_terminated_name(message->reason));
    require(message->reason == HWS_TERMINATED_stopped ||
                message->reason == HWS_TERMINATED_not_found,
            "mortal %u ended: %s", index, hws_terminated_name(message->reason));
}

static int sink(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct life *life = self;
    struct world *world = life->world;
    struct number number;
    if (message->kind == HWS_MESSAGE_terminated)
        take_terminated(life, message);
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    require(number_read(message->payload, &number), "a payload of %zu bytes is damaged",
            message->payload.size);
    if (number.kind == 'm') {
        check_envelope(life, &number, message);
        take_message(life, &number);
    } else if (number.kind == 'w') {
        take_last_words(life, &number);
    } else if (message->request_id && !dice_chance(&world->dice, 5)) {
        hws_context_respond(context, message, message->payload);
    }
    if (dice_chance(&world->dice, 6))
        send_one(life, (uint8_t)((life->side + 1 + dice_roll(&world->dice, world->sides - 1)) %
                                 world->sides));
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = sink };

/* --- the beginning and the end of a system --- */

static int answer_disconnected(struct hws_policy *policy, const char *address,
                               enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    *answer =
        ((struct policy *)policy)->queue ? HWS_DISCONNECTED_QUEUE : HWS_DISCONNECTED_DEADLETTER;
    return 0;
}
static const struct hws_policy_ops policy_ops = { .disconnected = answer_disconnected };

#define ADDRESS_ROOM 48
static const char *const hosts[SIDES] = { "a:1", "b:1", "c:1" };

static void address_of(const struct world *world, char *out, uint8_t side)
{
    if (world->client && side == 2) /* known by its uid, and reached over its own dial */
        snprintf(out, ADDRESS_ROOM, "%s", hws_system_address(world->now[side]->system));
    else
        snprintf(out, ADDRESS_ROOM, "loop:%s", hosts[side]);
}

static void begin(struct world *world, uint8_t side)
{
    struct life *life = &world->lives[world->life_count];
    struct hws_options options = world->options;
    char address[ADDRESS_ROOM], text[256] = "";
    *life = (struct life){ .world = world, .side = side, .number = (uint8_t)world->life_count++ };
    life->policy =
        (struct policy){ .policy = { .ops = &policy_ops, .name = "test" }, .queue = world->queue };
    options.name = "side";
    options.listen = NULL;
    if (!world->client || side != 2) {
        address_of(world, address, side);
        options.listen = address;
    }
    options.policy = &life->policy.policy;
    options.seed = 1 + dice_roll(&world->dice, UINT64_MAX);
    int error = hws_system_new(&options, &life->system, text, sizeof text);
    require(error == 0, "%s", text);
    require(hws_loopback_attach(world->network, life->system) == 0, "attach");
    error = hws_start(life->system, text, sizeof text);
    require(error == 0, "%s", text);
    require(hws_spawn_named(life->system, "sink", &sink_ops, life, &life->sink) == 0, "spawn");
    require(hws_subscribe(life->system, "DeadLetter", on_letter, life, &life->letters, NULL) == 0,
            "subscribe");
    world->now[side] = life;
}

static void meet_others(struct life *life)
{
    char address[ADDRESS_ROOM];
    for (uint8_t to = 0; to < life->world->sides; to++) {
        address_of(life->world, address, to);
        require(hws_pid_make(life->system, address, "sink", &life->peers[to]) == 0, "pid");
    }
}

static void count_up(void *data, const struct hws_endpoint_statistics *statistics)
{
    struct world *world = data;
    world->resent += statistics->resent;
    world->duplicates += statistics->duplicates;
}

static void end(struct life *life)
{
    struct world *world = life->world;
    if (life->over)
        return;
    hws_statistics_snapshot(life->system, count_up, world);
    life->over = true; /* its handlers run on until it has stopped */
    hws_system_free(life->system);
    hws_pid_release(life->sink);
    for (uint8_t to = 0; to < world->sides; to++)
        hws_pid_release(life->peers[to]);
    for (uint32_t i = 0; i < world->mortal_count; i++) {
        struct mortal *mortal = &world->mortals[i];
        if (mortal->watched && mortal->watcher_life == life && !mortal->terminated) {
            mortal->watched = false; /* nobody waits for it any more */
            world->unsettled--;
        }
    }
}

/* --- what is done to them --- */

static void make_mortal(struct life *life, uint8_t watcher)
{
    struct world *world = life->world;
    char name[24];
    if (world->mortal_count == MORTALS)
        return;
    struct mortal *mortal = &world->mortals[world->mortal_count];
    *mortal =
        (struct mortal){ .home = life->side, .watcher = watcher, .life = life, .alive = true };
    snprintf(name, sizeof name, "mortal%u", world->mortal_count++);
    require(hws_spawn_named(life->system, name, &mortal_ops, mortal, NULL) == 0, "spawn %s", name);
}

static void watch_mortal(struct world *world, uint32_t index)
{
    struct mortal *mortal = &world->mortals[index];
    struct life *watcher = world->now[mortal->watcher];
    char address[ADDRESS_ROOM], name[24];
    struct hws_pid *pid;
    if (mortal->watched || mortal->terminated)
        return;
    address_of(world, address, mortal->home);
    snprintf(name, sizeof name, "mortal%u", index);
    require(hws_pid_make(watcher->system, address, name, &pid) == 0, "pid");
    require(hws_watch(watcher->system, watcher->sink, pid) == 0, "watch");
    mortal->watched = true;
    mortal->watcher_life = watcher;
    world->unsettled++;
    hws_pid_release(pid);
}

static void end_mortal(struct world *world, uint32_t index)
{
    struct mortal *mortal = &world->mortals[index];
    char name[24];
    struct hws_pid *pid;
    if (mortal->life->over || !mortal->alive)
        return;
    snprintf(name, sizeof name, "mortal%u", index);
    require(hws_pid_parse(mortal->life->system, name, &pid) == 0, "pid");
    size_t size = number_write(room, &(struct number){ 'g', 0, 0, 0 }, 0);
    hws_send(mortal->life->system, pid, &(struct hws_message){ .payload = { room, size } });
    hws_pid_release(pid);
}

static void restart(struct world *world, uint8_t side)
{
    struct life *life = world->now[side];
    if (world->life_count == LIVES)
        return;
    uint64_t how = dice_roll(&world->dice, 4);
    if (how == 0) { /* in order */
        hws_stop(life->system, "test", dice_roll(&world->dice, 1000) * HWS_MILLISECOND);
        hws_loopback_run(world->network, dice_roll(&world->dice, 1500) * HWS_MILLISECOND);
    } else if (how > 1) { /* as if killed: nothing of what it says on its way out is heard */
        hws_loopback_reachable(world->network, hosts[side], false);
    }
    end(life);
    if (dice_chance(&world->dice, 2))
        hws_loopback_run(world->network, dice_roll(&world->dice, 800) * HWS_MILLISECOND);
    hws_loopback_reachable(world->network, hosts[side], true);
    begin(world, side);
    meet_others(world->now[side]);
}

static void cut(struct world *world, uint8_t a, uint8_t b)
{
    char address[ADDRESS_ROOM];
    uint8_t away = dice_chance(&world->dice, 2) ? a : b;
    address_of(world, address, b);
    switch (dice_roll(&world->dice, 4)) {
    case 0: hws_loopback_cut(world->network); break;
    case 1: hws_cut_link(world->now[a]->system, address); break;
    case 2:
        hws_loopback_reachable(world->network, hosts[away], false);
        hws_loopback_run(world->network, dice_roll(&world->dice, 200) * HWS_MILLISECOND);
        hws_loopback_reachable(world->network, hosts[away], true);
        break;
    default: /* both ends dial at once */
        hws_loopback_cut(world->network);
        address_of(world, address, b);
        hws_associate(world->now[a]->system, address);
        address_of(world, address, a);
        hws_associate(world->now[b]->system, address);
    }
}

static void act(struct world *world)
{
    struct dice *dice = &world->dice;
    uint8_t from = (uint8_t)dice_roll(dice, world->sides);
    uint8_t to = (uint8_t)((from + 1 + dice_roll(dice, world->sides - 1)) % world->sides);
    char address[ADDRESS_ROOM];
    switch (dice_roll(dice, 14)) {
    default:
        for (uint64_t count = 1 + dice_roll(dice, 20); count; count--)
            send_one(world->now[from], to);
        break;
    case 0:
    case 1: ask_one(world->now[from], to); break;
    case 2: make_mortal(world->now[from], to); break;
    case 3:
    case 4:
        if (world->mortal_count)
            watch_mortal(world, (uint32_t)dice_roll(dice, world->mortal_count));
        break;
    case 5:
        if (world->mortal_count)
            end_mortal(world, (uint32_t)dice_roll(dice, world->mortal_count));
        break;
    case 6:
    case 7: cut(world, from, to); break;
    case 8:
        if (!world->restarts)
            break;
        address_of(world, address, to);
        if (dice_chance(dice, 4))
            hws_close_endpoint(world->now[from]->system, address, "test");
        else if (dice_chance(dice, 2))
            restart(world, from);
    }
    if (dice_chance(dice, 2))
        hws_loopback_run(world->network, dice_roll(dice, 20000) * HWS_MICROSECOND);
}

/* --- a world --- */

static uint64_t one_of(struct dice *dice, const uint64_t *values, size_t count)
{
    return values[dice_roll(dice, count)];
}
#define ONE_OF(dice, ...)                           \
    one_of(dice, (const uint64_t[]){ __VA_ARGS__ }, \
           sizeof(const uint64_t[]){ __VA_ARGS__ } / sizeof(uint64_t))

static void choose_options(struct world *world)
{
    struct dice *dice = &world->dice;
    struct hws_options *options = &world->options;
    hws_options_init(options);
    options->allocator = &world->meter.allocator;
    options->clock = hws_loopback_clock(world->network);
    options->reconnect_max_retries = 0;
    options->reconnect_initial = ONE_OF(dice, 1, 20, 200) * HWS_MILLISECOND;
    options->reconnect_max = 300 * HWS_MILLISECOND;
    options->symbol_table_size = ONE_OF(dice, 0, 1, 3, 4096);
    options->acknowledge_after = ONE_OF(dice, 0, 1, 20) * HWS_MILLISECOND;
    options->acknowledge_bytes = ONE_OF(dice, 1, 500, 65536);
    options->endpoint_writer_batch_size = ONE_OF(dice, 1, 7, 1000);
    options->dispatcher_throughput = ONE_OF(dice, 1, 300);
    options->dispatcher_budget = ONE_OF(dice, 1, 16384);
    options->mailbox_size = ONE_OF(dice, 5, 1000000, 1000000);
    options->endpoint_writer_queue_size = ONE_OF(dice, 30, 1000000, 1000000);
    options->endpoint_writer_queue_bytes = ONE_OF(dice, 100000, 64 << 20, 64 << 20);
    world->queue = dice_chance(dice, 2);
}

static void create(struct world *world, uint64_t seed, bool restarts)
{
    static const double drops[] = { 0, 0, 0.0002, 0.002 };
    *world = (struct world){ .seed = seed, .restarts = restarts, .dice = { seed * 2 + restarts } };
    struct dice *dice = &world->dice;
    meter_init(&world->meter);
    struct hws_loopback_options options = { .seed = seed,
                                            .latency = dice_roll(dice, 5000) * HWS_MICROSECOND,
                                            .jitter = dice_roll(dice, 5000) * HWS_MICROSECOND,
                                            .pipe_bytes = ONE_OF(dice, 100, 1000, 0, 0),
                                            .split_writes = !dice_chance(dice, 4),
                                            .drop_link = drops[dice_roll(dice, 4)],
                                            .allocator = &world->meter.allocator };
    world->sides = dice_chance(dice, 4) ? 3 : 2;
    world->lossy = options.drop_link > 0;
    require(hws_loopback_new(&options, &world->network) == 0, "no network");
    choose_options(world);
    world->client = !restarts && world->sides == 3 && dice_chance(dice, 2);
    for (uint8_t side = 0; side < world->sides; side++)
        begin(world, side);
    for (uint8_t side = 0; side < world->sides; side++)
        meet_others(world->now[side]);
}

static bool is_settled(void *data)
{
    return ((struct world *)data)->unsettled == 0;
}

static void check_message(struct world *world, const struct number *number, const struct record *r)
{
    require(r->delivered <= 1 && r->returned <= 1, "%u->%u #%u arrived %u times, returned %u times",
            number->from, number->to, number->number, r->delivered, r->returned);
    require(r->processed + r->returned >= 1, "%u->%u #%u vanished", number->from, number->to,
            number->number);
    require(!r->refused || (r->returned == 1 && r->processed == 0),
            "%u->%u #%u was refused and arrived", number->from, number->to, number->number);
    require(r->processed + r->returned == 1 ||
                (world->restarts && r->unacknowledged && r->processed == 1),
            "%u->%u #%u arrived %u times and returned %u times", number->from, number->to,
            number->number, r->processed, r->returned);
    require(world->restarts || r->refused || r->returned == 0,
            "%u->%u #%u was accepted and returned", number->from, number->to, number->number);
}

/* With take_last_words(), which lets none come after Terminated, this says that all came before it. */
static void check_mortal(struct world *world, uint32_t index)
{
    const struct mortal *mortal = &world->mortals[index];
    require(mortal->terminated == mortal->watched, "mortal %u: %u Terminated", index,
            mortal->terminated);
    require(world->restarts || mortal->received + mortal->dropped == mortal->accepted,
            "mortal %u: %u + %u of %u last words came", index, mortal->received, mortal->dropped,
            mortal->accepted);
}

static void check_world(struct world *world)
{
    for (uint8_t from = 0; from < world->sides; from++)
        for (uint8_t to = 0; to < world->sides; to++)
            for (uint32_t n = 0; n < world->sent[from][to]; n++)
                check_message(world, &(struct number){ 'm', from, to, n },
                              &world->records[from][to][n]);
    for (uint32_t i = 0; i < world->request_count; i++)
        require(world->requests[i].done == world->requests[i].accepted,
                "request #%u ended %u times", i, world->requests[i].done);
    for (uint32_t i = 0; i < world->mortal_count; i++)
        check_mortal(world, i);
}

/* What is lost in the end, acknowledgements under way for instance, does not count. */
static void destroy(struct world *world)
{
    uint64_t letters = world->letters, unacknowledged = world->unacknowledged;
    for (size_t i = 0; i < world->life_count; i++)
        end(&world->lives[i]);
    hws_loopback_run(world->network, 60 * HWS_SECOND);
    for (size_t i = 0; i < world->life_count; i++)
        hws_unsubscribe(world->lives[i].letters);
    hws_loopback_free(world->network);
    require(world->meter.held == 0, "%zu bytes are left", world->meter.held);
    world->letters = letters;
    world->unacknowledged = unacknowledged;
}

static void describe_endpoint(void *data, const struct hws_endpoint_statistics *s)
{
    print_error(
        "  %s -> %s: %s, queue %llu, acknowledged %llu, received %llu, attempts %llu, connects %llu, %s\n",
        (const char *)data, s->address, hws_endpoint_state_name(s->state),
        (unsigned long long)s->queue_size, (unsigned long long)s->deliver_success,
        (unsigned long long)s->received, (unsigned long long)s->reconnect_attempts,
        (unsigned long long)s->connects, s->reason);
}

static void describe(struct world *world)
{
    print_error("not settled: %llu\n", (unsigned long long)world->unsettled);
    for (uint8_t side = 0; side < world->sides; side++)
        hws_statistics_snapshot(world->now[side]->system, describe_endpoint,
                                (void *)hws_system_address(world->now[side]->system));
}

static void live_once(struct world *world, uint64_t seed, bool restarts)
{
    current = world;
    create(world, seed, restarts);
    uint64_t steps = 20 + dice_roll(&world->dice, 80);
    while (steps--)
        act(world);
    for (uint8_t side = 0; side < world->sides; side++)
        hws_loopback_reachable(world->network, hosts[side], true);
    for (uint32_t i = 0; i < world->mortal_count; i++)
        end_mortal(world, i);
    if (world->client) /* what waits for it waits for its dial */
        for (uint8_t side = 0; side < 2; side++)
            hws_associate(world->now[2]->system, hws_system_address(world->now[side]->system));
    hws_loopback_run_until(world->network, is_settled, world, 120 * HWS_SECOND);
    hws_loopback_run(world->network,
                     HWS_SECOND); /* for what must not come any more; what may come is answered */
    if (!hws_loopback_run_until(world->network, is_settled, world, 120 * HWS_SECOND))
        describe(world);
    check_world(world);
    require(world->unsettled == 0, "%llu of something is not settled",
            (unsigned long long)world->unsettled);
    destroy(world);
}

static uint64_t first_seed = 1, last_seed = SEEDS;

static void live(bool restarts)
{
    struct world *world = malloc(sizeof *world);
    unsigned long long delivered = 0, letters = 0, resent = 0, duplicates = 0, unacknowledged = 0;
    uint64_t seeds = last_seed - first_seed + 1;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++) {
        live_once(world, seed, restarts);
        delivered += world->delivered;
        letters += world->letters;
        resent += world->resent;
        duplicates += world->duplicates;
        unacknowledged += world->unacknowledged;
    }
    free(world);
    print_message(
        "%llu seeds: %llu delivered, %llu resent, %llu duplicates dropped, %llu dead letters, %llu of them unacknowledged\n",
        (unsigned long long)seeds, delivered, resent, duplicates, letters, unacknowledged);
    if (seeds < SEEDS)
        return;
    assert_true(delivered > 100 * seeds && letters > seeds && resent > seeds);
    assert_true(restarts ? unacknowledged > seeds : unacknowledged == 0);
}

static void test_steady(void **state)
{
    (void)state;
    live(false);
}

static void test_restarts(void **state)
{
    (void)state;
    live(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_steady),
                                        cmocka_unit_test(test_restarts) };
    if (argc < 3)
        return cmocka_run_group_tests(tests, NULL, NULL);
    first_seed = last_seed = strtoull(argv[2], NULL, 10);
    if (argc > 3)
        last_seed = strtoull(argv[3], NULL, 10);
    cmocka_set_test_filter(strcmp(argv[1], "restarts") == 0 ? "test_restarts" : "test_steady");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
