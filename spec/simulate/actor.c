/* SPDX-License-Identifier: MIT */
#include "actor.h"

#include <stdio.h>
#include <string.h>

static uint8_t room[NUMBER_MOST];

/* --- what message `n` says of itself --- */

static const char *type_of(uint32_t n)
{
    static const char *const types[] = { NULL, "temperature", NULL, "humidity", "wind" };
    return types[n % 5];
}

/* Nobody, a voice of the sender, or one of a third system, which is the first that can be dialled. */
static const struct machine *third_party(const struct machine *machine)
{
    for (size_t i = 0; i < machine->world->size; i++)
        if (machine->talks[i] && !machine->world->machines[i].client)
            return &machine->world->machines[i];
    return NULL;
}

static struct hws_pid *named_sender(struct life *life, uint32_t n)
{
    const struct machine *third = third_party(life->machine);
    if (n % 4 == 0)
        return NULL;
    return n % 4 == 1 && third ? world_peer(life, third, 1) : life->voices[0];
}

static void check_envelope(struct life *life, const struct number *number,
                           const struct hws_message *message)
{
    char expected[NAME_ROOM + 8] = "", got[NAME_ROOM + 8] = "", address[NAME_ROOM];
    const struct life *from = book_sender(life->world, number);
    const struct machine *third = from ? third_party(from->machine) : NULL;
    const char *type = type_of(number->number);
    if (!from || life->world->starved) /* without memory, a name may have been left out */
        return;
    if (number->number % 4 == 1 && third) {
        world_address(third, address);
        snprintf(expected, sizeof expected, "%s/r1", address);
    } else if (number->number % 4) {
        snprintf(expected, sizeof expected, "%s/r0", from->address);
    }
    if (message->sender)
        hws_pid_format(message->sender, got, sizeof got);
    if (strcmp(expected, got) != 0)
        world_fail(life->world, "s%02u->s%02u #%u says it is from \"%s\", not \"%s\"", number->from,
                   number->to, number->number, got, expected);
    if (strcmp(type ? type : "", message->type ? hws_atom_text(message->type) : "") != 0)
        world_fail(life->world, "s%02u->s%02u #%u is of another type", number->from, number->to,
                   number->number);
}

/* --- receiving --- */

struct machine *actor_partner(struct machine *machine)
{
    struct world *world = machine->world;
    uint64_t first = dice_roll(&world->dice, world->size);
    for (size_t i = 0; i < world->size; i++) {
        struct machine *other = &world->machines[(first + i) % world->size];
        if (machine->talks[other->index])
            return other;
    }
    return NULL;
}

static uint32_t voice_of(struct hws_context *context)
{
    return (uint32_t)(hws_pid_id(hws_context_self(context))[1] - '0');
}

static int receive(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct life *life = self;
    struct number number;
    if (life->killed)
        return 0;
    if (message->kind == HWS_MESSAGE_terminated)
        book_ended(life, message);
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    if (!number_read(message->payload, &number))
        world_fail(life->world, "s%02u got a damaged payload of %zu bytes", life->machine->index,
                   message->payload.size);
    else if (number.kind == 'm') {
        check_envelope(life, &number, message);
        book_delivered(life, &number, voice_of(context));
    } else if (number.kind == 'w')
        book_word(life, &number);
    else if (message->request_id && !dice_chance(&life->world->dice, 5))
        hws_context_respond(context, message, message->payload);
    if (!life->stopping && !life->world->calm && dice_chance(&life->world->dice, 6))
        actor_send(life, actor_partner(life->machine));
    return 0;
}
static const struct hws_actor_ops voice_ops = { .receive = receive };

/* --- the policy --- */

static struct life *life_of(struct hws_policy *policy)
{
    return ((struct policy *)(void *)policy)->life;
}

/* Sees every letter when it comes to be; events of it may be late, or dropped. */
static int see_letter(struct hws_policy *policy, const struct hws_letter *letter,
                      struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct life *life = life_of(policy);
    struct number number;
    (void)error;
    bool named = number_read(letter->message->payload, &number);
    if (!life->killed && named && (number.kind == 'm' || number.kind == 'q'))
        book_letter(life, &number, letter->reason);
    life->world->nameless += !named;
    answer->route = HWS_LETTER_DROP; /* it is seen here */
    world_trace(life->world, "s%02u dead letter to %s/%s: %s, %c #%u", life->machine->index,
                hws_pid_address(letter->target), hws_pid_id(letter->target),
                hws_reason_name((int)letter->reason), named ? number.kind : '?',
                named ? number.number : 0);
    return 0;
}

static int answer_disconnected(struct hws_policy *policy, const char *address,
                               enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    *answer =
        life_of(policy)->machine->queue ? HWS_DISCONNECTED_QUEUE : HWS_DISCONNECTED_DEADLETTER;
    return 0;
}

static int answer_levels(struct hws_policy *policy, const char *address,
                         struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    (void)address;
    if (!life_of(policy)->machine->levels) {
        snprintf(error->text, sizeof error->text, "told to fail");
        return HWS_EPOLICY;
    }
    *answer = (struct hws_throttle_levels){ .count = 3, .hysteresis = 0.02 };
    snprintf(answer->level[0].name, sizeof answer->level[0].name, "some");
    answer->level[0].from = 0.1;
    snprintf(answer->level[1].name, sizeof answer->level[1].name, "many");
    answer->level[1].from = 0.4;
    answer->level[1].keep_every = 3;
    snprintf(answer->level[2].name, sizeof answer->level[2].name, "most");
    answer->level[2].from = 0.8;
    answer->level[2].refuse = true;
    return 0;
}

const struct hws_policy_ops actor_policy_ops = { .dead_letter = see_letter,
                                                 .disconnected = answer_disconnected,
                                                 .throttle = answer_levels };

/* --- sending --- */

/* A frame too long for the network's luck never gets through: it begins again on each link. */
static size_t random_padding(struct world *world)
{
    struct dice *dice = &world->dice;
    if (world->lossy)
        return dice_roll(dice, 100);
    switch (dice_roll(dice, 64)) {
    case 0: return dice_roll(dice, 60000);
    case 1: return dice_roll(dice, 6000);
    default: return dice_roll(dice, 100);
    }
}

void actor_send(struct life *life, const struct machine *to)
{
    struct world *world = life->world;
    for (uint32_t voice = 0; voice < VOICES; voice++)
        if (!world_peer(life, to, voice))
            return;
    uint32_t n = book_send(life, to);
    struct number number = { 'm', life->machine->index, to->index, n };
    struct hws_pid *target = world_peer(life, to, n % VOICES);
    struct hws_message message = { .payload = { room, 0 }, .sender = named_sender(life, n) };
    if (type_of(n) && hws_atom_make(life->system, type_of(n), &message.type))
        message.type = NULL;
    message.payload.size = number_write(room, &number, random_padding(world));
    unsigned nameless = world->nameless;
    world->sending = true;
    int error = hws_send(life->system, target, &message);
    world->sending = false;
    hws_atom_release(message.type);
    if (error && world->nameless > nameless) { /* what is too large is told without its content */
        world->nameless = nameless;
        book_letter(life, &number, HWS_REASON_too_large);
    }
    if (error)
        book_refused(life, to, n);
}

static void answered(void *data, int status, const struct hws_message *response)
{
    book_answered(data, status, response);
}

void actor_ask(struct life *life, const struct machine *to)
{
    struct world *world = life->world;
    struct request *request = book_ask(life, to);
    struct number number = { 'q', life->machine->index, to->index, request->number };
    size_t size = number_write(room, &number, random_padding(world));
    uint64_t timeout = (1 + dice_roll(&world->dice, 3000)) * HWS_MILLISECOND;
    struct hws_pid *target = world_peer(life, to, 0);
    if (!target ||
        hws_request(life->system, target, &(struct hws_message){ .payload = { room, size } },
                    timeout, answered, request, NULL))
        book_not_asked(request);
}

/* --- services: each question gets one answer --- */

static int brief_take(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    return hws_stop_actor(hws_context_system(context), hws_context_self(context));
}
static const struct hws_actor_ops brief_ops = { .receive = brief_take };

static int make_brief(void *data, const struct hws_kind_request *request,
                      struct hws_kind_product *out, char *detail, size_t capacity)
{
    (void)request;
    (void)detail;
    (void)capacity;
    *out = (struct hws_kind_product){ .ops = &brief_ops, .self = data };
    return 0;
}
static const struct hws_kind_ops brief_kind = { .make = make_brief };

static bool offer_services(struct life *life)
{
    static const char *const all[] = { "*" };
    return hws_register_kind(life->system, "brief", &brief_kind, life) == 0 &&
           hws_allow_kind(life->system, "brief", all, 1) == 0 &&
           hws_allow_diagnostics(life->system, all, 1) == 0;
}

/* Who lives is asked to stop. */
static void spawned(void *data, int status, const struct hws_message *response)
{
    struct request *request = data;
    struct life *life = request->life;
    struct hws_spawned outcome;
    book_over(request, status);
    if (life->killed || !life->system)
        return;
    hws_read_spawned(life->system, status, response, &outcome);
    size_t size = number_write(room, &(struct number){ 'g', 0, 0, 0 }, 0);
    if (outcome.pid)
        hws_send(life->system, outcome.pid, &(struct hws_message){ .payload = { room, size } });
    hws_pid_release(outcome.pid);
}

static void listed(void *data, int status, const struct hws_message *response)
{
    (void)response;
    book_over(data, status);
}

static void reconnected(void *data, int status)
{
    (void)status; /* its time may be over at any moment */
    book_over(data, 0);
}

void actor_ask_service(struct life *life, const struct machine *to)
{
    struct request *request = book_ask(life, to);
    uint64_t timeout = (1 + dice_roll(&life->world->dice, 3000)) * HWS_MILLISECOND;
    struct hws_spawn_remote_options spawn = { .timeout = timeout };
    struct hws_process_query query = { .timeout = timeout };
    char address[NAME_ROOM];
    int error;
    world_address(to, address);
    switch (*address ? dice_roll(&life->world->dice, 3) : 3) {
    case 0:
        error = hws_spawn_remote(life->system, address, "brief", &spawn, spawned, request, NULL);
        break;
    case 1: error = hws_list_processes(life->system, address, &query, listed, request, NULL); break;
    case 2:
        error = hws_await_reconnect(life->system, address, timeout, reconnected, request, NULL);
        break;
    default: error = HWS_ENOTFOUND;
    }
    if (error)
        book_not_asked(request);
}

bool actor_move_in(struct life *life)
{
    char name[4];
    for (unsigned i = 0; i < VOICES; i++) {
        snprintf(name, sizeof name, "r%u", i);
        if (hws_spawn_named(life->system, name, &voice_ops, life, &life->voices[i]))
            return false;
    }
    return offer_services(life);
}

/* --- mortals --- */

/* Last words to its listener, and the end. */
static int last_act(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct mortal *mortal = self;
    struct life *life = mortal->life;
    struct world *world = life->world;
    if (message->kind != HWS_MESSAGE_user || life->killed)
        return 0;
    uint64_t count = dice_roll(&world->dice, WORDS);
    const struct machine *to = mortal->listener->machine;
    struct hws_pid *listener = world_peer(life, to, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct number word = { 'w', life->machine->index, to->index, mortal->number * WORDS + i };
        struct hws_message last = { .payload = { room, number_write(room, &word, 10) },
                                    .sender = hws_context_self(context) };
        if (listener)
            hws_send(life->system, listener, &last);
    }
    return hws_stop_actor(hws_context_system(context), hws_context_self(context));
}

static void is_dead(void *self, struct hws_context *context)
{
    (void)context;
    ((struct mortal *)self)->dead = true;
}
static const struct hws_actor_ops mortal_ops = { .receive = last_act, .stopped = is_dead };

void actor_make_mortal(struct life *life, struct life *listener)
{
    struct mortal *mortal = book_mortal(life, listener);
    char name[24];
    snprintf(name, sizeof name, "mortal%u", mortal->number);
    if (hws_spawn_named(life->system, name, &mortal_ops, mortal, NULL))
        mortal->dead = true;
}

void actor_watch(struct life *life, struct mortal *mortal)
{
    char address[NAME_ROOM], name[24];
    struct hws_pid *pid;
    if (book_watches(life, mortal) || mortal->life->machine == life->machine)
        return;
    world_address(mortal->life->machine, address);
    snprintf(name, sizeof name, "mortal%u", mortal->number);
    if (!*address || hws_pid_make(life->system, address, name, &pid))
        return;
    if (hws_watch(life->system, life->voices[0], pid) == 0)
        book_watch(life, mortal);
    hws_pid_release(pid);
}

void actor_end_mortal(struct mortal *mortal)
{
    struct life *life = mortal->life;
    char name[24];
    struct hws_pid *pid;
    if (!life->system || life->stopping || mortal->dead)
        return;
    snprintf(name, sizeof name, "mortal%u", mortal->number);
    if (hws_pid_parse(life->system, name, &pid))
        return;
    size_t size = number_write(room, &(struct number){ 'g', 0, 0, 0 }, 0);
    hws_send(life->system, pid, &(struct hws_message){ .payload = { room, size } });
    hws_pid_release(pid);
}
