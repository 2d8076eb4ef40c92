/* SPDX-License-Identifier: MIT */
#include "book.h"

#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "world.h"

static struct lane *lane_of(struct world *world, unsigned from, unsigned to)
{
    return &world->book.lanes[from * MACHINES + to];
}

int book_open(struct world *world)
{
    world->book.lanes = calloc((size_t)MACHINES * MACHINES, sizeof(struct lane));
    return world->book.lanes ? 0 : HWS_ENOMEM;
}

static void free_all(struct entries *entries)
{
    for (uint32_t i = 0; i < entries->count; i++)
        free(entries->items[i]);
    free(entries->items);
}

void book_free(struct world *world)
{
    struct book *book = &world->book;
    for (unsigned i = 0; book->lanes && i < MACHINES * MACHINES; i++)
        free(book->lanes[i].records);
    free(book->lanes);
    free_all(&book->requests);
    free_all(&book->mortals);
    free_all(&book->watches);
}

static void *add(struct entries *entries, size_t size)
{
    void *entry = calloc(1, size);
    if ((entries->count & (entries->count - 1)) == 0) {
        size_t capacity = entries->count ? entries->count * 2 : 1;
        void **grown = realloc(entries->items, sizeof *grown * capacity);
        if (!grown)
            abort();
        entries->items = grown;
    }
    if (!entry)
        abort();
    return entries->items[entries->count++] = entry;
}

static struct request *request_at(const struct book *book, uint32_t i)
{
    return book->requests.items[i];
}

static struct watch *watch_at(const struct book *book, uint32_t i)
{
    return book->watches.items[i];
}

/* --- messages --- */

uint32_t book_send(struct life *life, const struct machine *to)
{
    struct world *world = life->world;
    struct lane *lane = lane_of(world, life->machine->index, to->index);
    if (lane->count == lane->capacity) {
        uint32_t capacity = lane->capacity ? lane->capacity * 2 : 64;
        struct record *grown = realloc(lane->records, capacity * sizeof *grown);
        if (!grown)
            abort();
        lane->records = grown;
        lane->capacity = capacity;
    }
    lane->records[lane->count] = (struct record){ .life = life->number };
    world->book.unsettled++;
    world->tally->counts[COUNT_sent]++;
    return lane->count++;
}

static struct record *find(struct world *world, const struct number *number)
{
    if (number->from < world->size && number->to < world->size) {
        struct lane *lane = lane_of(world, number->from, number->to);
        if (number->number < lane->count)
            return &lane->records[number->number];
    }
    world_fail(world, "a message %u->%u #%u was never sent", number->from, number->to,
               number->number);
    return NULL;
}

static void settle(struct world *world, struct record *record)
{
    world->book.unsettled -= !record->settled;
    record->settled = true;
}

#define WHICH "s%02u->s%02u #%u"
#define WHICH_OF(n) (n)->from, (n)->to, (n)->number

/* What holds after each change of a record. */
static void judge(struct world *world, const struct number *n, const struct record *r)
{
    unsigned processed = r->delivered + r->processed;
    if (r->delivered > 1 || processed > 1)
        world_fail(world, WHICH " was delivered %u times and is %u dead letters where it went",
                   WHICH_OF(n), r->delivered, r->processed);
    if (r->returned > 1)
        world_fail(world, WHICH " is %u dead letters where it came from", WHICH_OF(n), r->returned);
    if (processed && r->returned && !r->unacknowledged)
        world_fail(world, WHICH " was delivered, and is a dead letter that does not say so",
                   WHICH_OF(n));
    if (r->refused && processed)
        world_fail(world, WHICH " was refused by send() and arrived", WHICH_OF(n));
    if (r->unacknowledged)
        world_doubt(world, n->from, n->to);
}

void book_refused(struct life *life, const struct machine *to, uint32_t number)
{
    struct world *world = life->world;
    struct number n = { 'm', life->machine->index, to->index, number };
    struct record *record = find(world, &n);
    record->refused = true;
    world->tally->counts[COUNT_refused]++;
    if (!record->returned)
        world_fail(world, WHICH " was refused by send(), and is no dead letter", WHICH_OF(&n));
    judge(world, &n, record);
}

/* Nobody hears whom it has shut out, but for what was in its mailboxes before. */
static void check_shut(struct life *life, const struct number *n, uint32_t sender)
{
    struct world *world = life->world;
    uint64_t now = hws_system_now(life->system);
    if (life->blocked[n->from] && !life->blocked_allowance)
        world_fail(world, WHICH " came from a blocked system", WHICH_OF(n));
    life->blocked_allowance -= life->blocked_allowance > 0;
    for (uint32_t i = 0; i < life->shut_count; i++) {
        struct shut *shut = &life->shuts[i];
        bool is_it = false;
        for (struct life *other = world->lives; other; other = other->before)
            is_it |= other->number == sender && other->uid == shut->uid;
        if (is_it && now < shut->until && !shut->allowance)
            world_fail(world, WHICH " came from quarantined %016llx", WHICH_OF(n),
                       (unsigned long long)shut->uid);
        shut->allowance -= shut->allowance > 0;
    }
}

const struct life *book_sender(struct world *world, const struct number *number)
{
    const struct record *record = find(world, number);
    const struct life *life = record ? world->lives : NULL;
    while (life && life->number != record->life)
        life = life->before;
    return life;
}

void book_delivered(struct life *life, const struct number *number, uint32_t voice)
{
    struct world *world = life->world;
    struct record *record = find(world, number);
    if (!record)
        return;
    struct lane *lane = lane_of(world, number->from, number->to);
    if (number->to != life->machine->index || number->number % VOICES != voice)
        world_fail(world, WHICH " came to r%u of s%02u", WHICH_OF(number), voice,
                   life->machine->index);
    if (number->number < lane->next[voice])
        world_fail(world, WHICH " came after #%u", WHICH_OF(number), lane->next[voice] - 1);
    lane->next[voice] = number->number + 1;
    record->delivered++;
    world->tally->counts[COUNT_delivered]++;
    check_shut(life, number, record->life);
    settle(world, record);
    judge(world, number, record);
}

static void give_up(struct request *request)
{
    if (request->life->system && !request->lost_at)
        request->lost_at = world_now(request->world);
}

void book_letter(struct life *life, const struct number *number, enum hws_dead_letter_reason reason)
{
    struct world *world = life->world;
    if (number->kind == 'q') {
        struct request *request = request_at(&world->book, number->number);
        if (request->life == life)
            give_up(request);
        return;
    }
    struct record *record = find(world, number);
    if (!record)
        return;
    world->tally->counts[COUNT_letters]++;
    if (life->number == record->life) {
        record->returned++;
        record->unacknowledged |= reason == HWS_REASON_unacknowledged;
        world->tally->counts[COUNT_unacknowledged] += reason == HWS_REASON_unacknowledged;
    } else {
        record->processed++;
    }
    settle(world, record);
    judge(world, number, record);
    if (world->steady && record->returned && !world->sending && !world->ending)
        world_fail(world, WHICH " was accepted and came back (%s), and nobody gave up",
                   WHICH_OF(number), hws_reason_name((int)reason));
}

/* --- requests --- */

struct request *book_ask(struct life *life, const struct machine *to)
{
    struct book *book = &life->world->book;
    uint32_t number = book->requests.count;
    struct request *request = add(&book->requests, sizeof *request);
    *request = (struct request){ .world = life->world,
                                 .life = life,
                                 .number = number,
                                 .to = to->index,
                                 .asked_at = hws_system_now(life->system) };
    book->unsettled++;
    life->world->tally->counts[COUNT_requests]++;
    return request;
}

static void end_request(struct request *request)
{
    request->world->book.unsettled -= !request->over;
    request->over = true;
}

void book_peer_gone(struct life *life, const struct machine *peer, uint64_t time)
{
    struct book *book = &life->world->book;
    for (uint32_t i = 0; i < book->requests.count; i++) {
        struct request *request = request_at(book, i);
        /* Of a client's lives each has its address. */
        if (request->life == life && request->to == peer->index && !peer->client &&
            request->asked_at < time)
            give_up(request);
    }
}

void book_over(struct request *request, int status)
{
    /* In the same turn its time may have been over first. */
    bool lost = request->lost_at && request->lost_at < world_now(request->world);
    if (status == HWS_ETIMEOUT && lost && !request->over)
        world_fail(request->world, "request %u of s%02u timed out, and was known to be lost",
                   request->number, request->life->machine->index);
    if (request->over && !request->life->killed)
        world_fail(request->world, "request %u of s%02u ended twice", request->number,
                   request->life->machine->index);
    end_request(request);
}

void book_answered(struct request *request, int status, const struct hws_message *response)
{
    struct number number;
    book_over(request, status);
    if (status)
        return;
    request->world->tally->counts[COUNT_answered]++;
    if (!number_read(response->payload, &number) || number.number != request->number)
        world_fail(request->world, "request %u of s%02u got another's answer", request->number,
                   request->life->machine->index);
}

void book_not_asked(struct request *request)
{
    end_request(request);
}

/* --- actors that end, and who watches them --- */

struct mortal *book_mortal(struct life *life, struct life *listener)
{
    struct book *book = &life->world->book;
    uint32_t number = book->mortals.count;
    struct mortal *mortal = add(&book->mortals, sizeof *mortal);
    *mortal = (struct mortal){ .life = life, .listener = listener, .number = number };
    return mortal;
}

static struct watch *find_watch(struct book *book, const struct life *life, uint32_t mortal,
                                bool over)
{
    for (uint32_t i = book->watches.count; i-- > 0;) {
        struct watch *watch = watch_at(book, i);
        if (watch->life == life && watch->mortal->number == mortal && watch->over == over)
            return watch;
    }
    return NULL;
}

bool book_watches(const struct life *life, const struct mortal *mortal)
{
    return find_watch(&life->world->book, life, mortal->number, false) != NULL;
}

void book_watch(struct life *life, struct mortal *mortal)
{
    struct book *book = &life->world->book;
    struct watch *watch = add(&book->watches, sizeof *watch);
    *watch = (struct watch){ .life = life, .mortal = mortal };
    book->unsettled++;
    life->world->tally->counts[COUNT_watches]++;
}

/* The number of a last word: the mortal's, and which. */
void book_word(struct life *life, const struct number *number)
{
    struct book *book = &life->world->book;
    uint32_t mortal = number->number / WORDS, word = number->number % WORDS;
    struct watch *watch = find_watch(book, life, mortal, true);
    if (watch && watch->stopped)
        world_fail(life->world, "mortal%u spoke after s%02u was told that it stopped", mortal,
                   life->machine->index);
    watch = find_watch(book, life, mortal, false);
    if (watch && word < watch->last_word)
        world_fail(life->world, "last words of mortal%u out of order: %u after %u", mortal, word,
                   watch->last_word);
    if (watch)
        watch->last_word = word;
}

/* May the end of this actor be told to this life, with this reason? */
static void check_end(struct life *life, const struct watch *watch, int reason)
{
    const struct mortal *mortal = watch->mortal;
    struct world *world = life->world;
    const struct machine *home = mortal->life->machine;
    bool possible = false,
         gone = mortal->dead || home->now != mortal->life || mortal->life->stopping;
    if (reason == HWS_TERMINATED_stopped)
        possible = mortal->dead || mortal->life->stopping;
    else if (reason == HWS_TERMINATED_not_found)
        possible = gone;
    else if (reason == HWS_TERMINATED_restarted)
        possible = home->lives > 1; /* it was asked of a life before */
    else if (reason == HWS_TERMINATED_address_terminated)
        possible = true; /* or so it must turn out */
    if (reason == HWS_TERMINATED_address_terminated)
        world_doubt(world, life->machine->index, home->index);
    if (!possible)
        world_fail(world, "s%02u was told that mortal%u of s%02u ended: %s", life->machine->index,
                   mortal->number, home->index, hws_terminated_name(reason));
}

void book_ended(struct life *life, const struct hws_message *message)
{
    struct world *world = life->world;
    const char *id = hws_pid_id(message->who);
    uint32_t number = (uint32_t)strtoul(id + strlen("mortal"), NULL, 10);
    struct watch *watch = find_watch(&world->book, life, number, false);
    world->tally->counts[COUNT_ends]++;
    if (!watch && life->stopping) /* nobody waits for it any more */
        return;
    if (!watch) {
        world_fail(world, "s%02u was told the end of %s, and watches it no more",
                   life->machine->index, id);
        return;
    }
    check_end(life, watch, message->reason);
    watch->over = true;
    watch->stopped = message->reason == HWS_TERMINATED_stopped;
    world->book.unsettled--;
}

/* --- ends --- */

static void forget_lane(struct world *world, struct lane *lane, uint32_t life, bool any)
{
    for (uint32_t i = 0; i < lane->count; i++)
        if (any || lane->records[i].life == life)
            settle(world, &lane->records[i]);
}

void book_died(struct life *life, bool lost)
{
    struct world *world = life->world;
    struct book *book = &world->book;
    unsigned self = life->machine->index;
    for (unsigned other = 0; life->killed && other < world->size; other++) {
        forget_lane(world, lane_of(world, self, other), life->number, false);
        if (lost)
            forget_lane(world, lane_of(world, other, self), 0, true);
    }
    for (uint32_t i = 0; i < book->requests.count && life->killed; i++)
        if (request_at(book, i)->life == life)
            end_request(request_at(book, i));
    for (uint32_t i = 0; i < book->watches.count; i++) {
        struct watch *watch = watch_at(book, i);
        if (watch->life != life || watch->over)
            continue;
        watch->over = true;
        book->unsettled--;
    }
}

void book_close(struct world *world)
{
    struct book *book = &world->book;
    unsigned missing = 0;
    for (uint8_t from = 0; from < world->size; from++)
        for (uint8_t to = 0; to < world->size; to++) {
            struct lane *lane = lane_of(world, from, to);
            for (uint32_t i = 0; i < lane->count; i++)
                if (!lane->records[i].settled && missing++ >= world->nameless)
                    world_fail(world, "s%02u->s%02u #%u vanished", from, to, i);
        }
    for (uint32_t i = 0; i < book->requests.count; i++)
        if (!request_at(book, i)->over)
            world_fail(world, "request %u of s%02u never ended", i,
                       request_at(book, i)->life->machine->index);
    for (uint32_t i = 0; i < book->watches.count; i++)
        if (!watch_at(book, i)->over)
            world_fail(world, "s%02u was never told the end of mortal%u of s%02u",
                       watch_at(book, i)->life->machine->index, watch_at(book, i)->mortal->number,
                       watch_at(book, i)->mortal->life->machine->index);
}
