/* SPDX-License-Identifier: MIT */
#include "support_world.h"

#include <stdlib.h>
#include <string.h>

struct world *world_now;
static uint8_t room[NUMBER_MOST];

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

void world_on_letter(void *data, const struct hws_event *event)
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

void world_send(struct life *life, uint8_t to)
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

void world_ask(struct life *life, uint8_t to)
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
const struct hws_actor_ops world_mortal_ops = { .receive = last_act, .stopped = mortal_stopped };

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

int world_sink(void *self, struct hws_context *context, const struct hws_message *message)
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
        world_send(life, (uint8_t)((life->side + 1 + dice_roll(&world->dice, world->sides - 1)) %
                                   world->sides));
    return 0;
}

/* --- what must be true in the end --- */

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

void world_check(struct world *world)
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
