/* SPDX-License-Identifier: MIT */
/*
 * A whole system with actors, a watcher and a subscriber, and a peer made of the input: it dials in or answers a dial, shakes hands
 * well or not, and sends what it likes in pieces that it chooses, while links break and time passes. Whatever it does: no crash,
 * no leak, no endless turn, bounded memory, and another peer is still served afterwards.
 *
 * The first byte says how it begins. Then each operation is one byte, its low 3 bits what and its high 5 bits how.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hawser/hawser.h"
#include "host.h"
#include "wire/envelope.h"
#include "wire/handshake.h"
#include "wire/service.h"

#define MEMORY_MOST (8u << 20)
#define TURNS_MOST 20000u

/* --- the system --- */

static struct hws_system *fuzzed;
static struct hws_pid *watcher, *peer, *other;
static unsigned answers, requests;

static int echo(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    if (message->request_id)
        hws_context_respond(context, message, message->payload);
    else if (message->sender)
        hws_send(fuzzed, message->sender,
                 &(struct hws_message){ .payload = message->payload,
                                        .sender = hws_context_self(context) });
    return 0;
}

static int listen_only(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    require(message->kind != HWS_MESSAGE_terminated || message->who);
    return 0;
}
static const struct hws_actor_ops echo_ops = { .receive = echo },
                                  watcher_ops = { .receive = listen_only };

/* A kind for whoever asks; what it gets has to be a value, whatever was sent. */
static int make(void *data, const struct hws_kind_request *request,
                struct hws_kind_product *product, char *detail, size_t capacity)
{
    (void)data;
    require(hws_value_check(request->arguments) == 0 && request->peer && request->address);
    if (request->arguments.data[0] == 0xc2) {
        snprintf(detail, capacity, "no");
        return HWS_EFAILED;
    }
    product->ops = &echo_ops;
    return 0;
}
static const struct hws_kind_ops kind_ops = { .make = make };

static void on_event(void *data, const struct hws_event *event)
{
    char json[256];
    (void)data;
    hws_event_json(event, json, sizeof json);
}

static void on_answer(void *data, int status, const struct hws_message *response)
{
    (void)data;
    (void)status;
    (void)response;
    answers++;
}

/* Makes sense of whatever the peer answers to a question. */
static void on_service_answer(void *data, int status, const struct hws_message *response)
{
    struct hws_spawned spawned;
    struct hws_process_page page;
    struct hws_process_diagnostics diagnostics;
    struct hws_pid *pid;
    (void)data;
    answers++;
    hws_read_spawned(fuzzed, status, response, &spawned);
    require(spawned.status != HWS_SPAWN_ok || (spawned.pid && !spawned.error));
    hws_pid_release(spawned.pid);
    hws_read_process_diagnostics(status, response, &diagnostics);
    hws_read_processes(status, response, &page);
    while (page.count)
        if (hws_next_process(&page, &pid) == 0)
            hws_pid_release(pid);
}

static void ask_service(unsigned how)
{
    requests += how & 8 ? hws_spawn_remote_named(fuzzed, "fuzz:peer:1", "n", "k", NULL,
                                                 on_service_answer, NULL, NULL) == 0
                        : hws_list_processes(fuzzed, "fuzz:peer:1", NULL, on_service_answer, NULL,
                                             NULL) == 0;
}

static void turn(void)
{
    for (unsigned i = 0;; i++) {
        hws_turn(fuzzed);
        for (size_t l = 0; l < LINKS; l++)
            if (links[l].used && links[l].closing) {
                links[l].used = false;
                links[l].base.handler->ops->on_close(links[l].base.handler, 0, "closed");
            }
        if (hws_next_turn(fuzzed) > now)
            return;
        require(i < TURNS_MOST);
    }
}

static void pass_time(uint64_t span)
{
    uint64_t until = now + span;
    for (unsigned i = 0; hws_next_turn(fuzzed) <= until; i++) {
        now = hws_next_turn(fuzzed) > now ? hws_next_turn(fuzzed) : now;
        turn();
        require(i < TURNS_MOST);
    }
    now = until;
    turn();
}

static void begin(struct hws_subscription **subscription)
{
    static const char *const everybody = "*";
    struct hws_options options;
    hws_options_init(&options);
    options.remote_spawn_limit = 20;
    options.name = "fuzzed";
    options.listen = "fuzz:here:1";
    options.allocator = &allocator;
    options.clock = &manual;
    options.seed = 7;
    options.max_frame_size = 60000;
    options.endpoint_writer_queue_size = 100;
    options.endpoint_writer_queue_bytes = 100000;
    options.mailbox_size = 50;
    options.event_queue_size = 64;
    options.tombstones = 2;
    options.endpoints = 20;
    options.pending_requests = 20;
    options.pending_handshakes = LINKS;
    options.reconnect_max_retries = 2;
    require(hws_system_new(&options, &fuzzed, NULL, 0) == 0);
    require(hws_add_transport(fuzzed, &transport) == 0 && hws_start(fuzzed, NULL, 0) == 0);
    require(hws_spawn_named(fuzzed, "echo", &echo_ops, NULL, NULL) == 0);
    require(hws_spawn_named(fuzzed, "watcher", &watcher_ops, NULL, &watcher) == 0);
    require(hws_register_kind(fuzzed, "k", &kind_ops, NULL) == 0);
    require(hws_allow_kind(fuzzed, "k", &everybody, 1) == 0 &&
            hws_allow_diagnostics(fuzzed, &everybody, 1) == 0);
    require(hws_subscribe(fuzzed, "*", on_event, NULL, subscription, NULL) == 0);
    require(hws_pid_parse(fuzzed, "fuzz:peer:1/x", &peer) == 0 &&
            hws_pid_parse(fuzzed, "fuzz:other:1/y", &other) == 0);
}

/* --- the peers --- */

/* Puts bytes into a link, as the network would; what the system has no room for waits for its next turn. */
static void feed(struct link *link, const uint8_t *bytes, size_t size)
{
    unsigned refused = 0;
    while (size && link->used && !link->closing && link->opened) {
        struct hws_link_handler *handler = link->base.handler;
        uint8_t *room;
        size_t space;
        if (!handler->ops->on_reserve(handler, &room, &space)) {
            require(refused++ < 100);
            turn();
            continue;
        }
        require(space > 0);
        size_t part = space < size ? space : size;
        memcpy(room, bytes, part);
        bytes += part;
        size -= part;
        handler->ops->on_bytes(handler, part);
    }
}

static void lose(struct link *link)
{
    if (!link->used)
        return;
    link->used = false;
    link->base.handler->ops->on_close(link->base.handler, HWS_ERESET, "lost");
}

/* The first frame of a kind in what the system wrote. */
static bool find_frame(const struct link *link, int kind, struct hws_slice *body)
{
    size_t at = 0;
    while (hwsi_frame_split(link->output + at, link->output_size - at, 70000, body) == 1) {
        if (hwsi_frame_kind(*body) == kind)
            return true;
        at += body->size + HWSI_FRAME_PREFIX;
    }
    return false;
}

struct identity {
    const char *address;
    uint64_t uid, session, known, received_system, received_user;
};
static struct identity peer_identity;

static void greet(struct link *link, const struct identity *who)
{
    uint8_t frame[HWSI_HELLO_BOUND];
    struct hws_slice body;
    struct hwsi_hello theirs = { 0 };
    struct hwsi_hello hello = { .version = HWSI_WIRE_VERSION,
                                .name = hws_slice_text("peer"),
                                .address = hws_slice_text(who->address),
                                .uid = who->uid,
                                .nonce = 5,
                                .seed = 9,
                                .session = who->session,
                                .known_session = who->known,
                                .received_system = who->received_system,
                                .received_user = who->received_user };
    if (link->dialed && find_frame(link, HWSI_FRAME_HELLO, &body) &&
        hwsi_hello_decode(body, &theirs) == 0) {
        hello.nonce = theirs.nonce;
        hello.known_session = theirs.session;
        hello.received_system = hello.received_user = 0;
        if (theirs.session == who->known) {
            hello.received_system = who->received_system;
            hello.received_user = who->received_user;
        }
    }
    feed(link, frame,
         hwsi_hello_encode(frame, link->dialed ? HWSI_FRAME_WELCOME : HWSI_FRAME_HELLO, &hello));
    turn();
}

static struct link *dial_in(void)
{
    struct link *link = accepting ? link_new(false) : NULL;
    if (!link)
        return NULL;
    if (accepting->on_accept(accepting, &link->base)) {
        link->used = false;
        return NULL;
    }
    return link;
}

static struct link *answer_dial(void)
{
    for (size_t i = 0; i < LINKS; i++)
        if (links[i].used && links[i].dialed && !links[i].opened && !links[i].closing) {
            links[i].opened = true;
            links[i].base.handler->ops->on_open(links[i].base.handler);
            return &links[i];
        }
    return NULL;
}

/* After it all: somebody else asks, and is answered. */
static void serve_another(void)
{
    static const struct identity who = { .address = "fuzz:good:1", .uid = 4242, .session = 4343 };
    uint8_t frame[256];
    struct hwsi_deliver ask = { .target = { .text = hws_slice_text("echo") },
                                .request_id = 77,
                                .payload = hws_slice_of("\x2a", 1) };
    struct hwsi_deliver got;
    struct hws_slice body;
    for (size_t i = 0; i < LINKS; i++)
        lose(&links[i]);
    turn();
    struct link *link = dial_in();
    require(link != NULL);
    greet(link, &who);
    require(find_frame(link, HWSI_FRAME_WELCOME, &body));
    feed(link, frame, hwsi_deliver_encode(frame, &ask));
    turn();
    require(find_frame(link, HWSI_FRAME_DELIVER, &body) && hwsi_deliver_decode(body, &got) == 0);
    require(got.request_id == 77 && got.payload.size == 1 && got.payload.data[0] == 0x2a);
}

static void end(struct hws_subscription *subscription)
{
    struct hws_system_statistics statistics;
    hws_system_statistics(fuzzed, &statistics);
    require(statistics.memory < MEMORY_MOST && held < MEMORY_MOST);
    hws_pid_release(watcher);
    hws_pid_release(peer);
    hws_pid_release(other);
    hws_stop(fuzzed, "end", 0);
    pass_time(HWS_SECOND);
    require(hws_is_stopped(fuzzed));
    hws_system_free(fuzzed);
    hws_unsubscribe(subscription);
    require(held == 0 && answers == requests);
}

/* --- the input --- */

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *input)
{
    if (!input->size)
        return 0;
    input->size--;
    return *input->data++;
}

static void act(unsigned how, struct link *link)
{
    struct hws_message message = { .payload = hws_slice_of("\xa2hi", 3),
                                   .sender = how & 8 ? watcher : NULL };
    switch (how & 7) {
    case 0: hws_send(fuzzed, peer, &message); break;
    case 1:
        requests += hws_request(fuzzed, peer, &message, HWS_SECOND, on_answer, NULL, NULL) == 0;
        break;
    case 2: hws_watch(fuzzed, watcher, how & 16 ? other : peer); break;
    case 3: hws_unwatch(fuzzed, watcher, how & 16 ? other : peer); break;
    case 4: hws_cut_link(fuzzed, "fuzz:peer:1"); break;
    case 5: hws_close_endpoint(fuzzed, "fuzz:peer:1", "why not"); break;
    case 6:
        if (how & 16)
            ask_service(how);
        else
            hws_send(fuzzed, other, &message);
        break;
    default: hws_stop_actor(fuzzed, peer);
    }
    if (link && how & 16)
        turn();
}

/* Another link: found or dialled, greeted with a handshake that goes on where the last one of the peer was, or not at all. */
static struct link *change_link(struct link *link, unsigned how)
{
    struct hws_slice body;
    struct hwsi_hello theirs;
    if (link && find_frame(link, link->dialed ? HWSI_FRAME_HELLO : HWSI_FRAME_WELCOME, &body) &&
        hwsi_hello_decode(body, &theirs) == 0)
        peer_identity.known = how & 2 ? theirs.session : peer_identity.known;
    if (link && how & 1)
        lose(link);
    turn();
    struct link *next = how & 4 ? answer_dial() : dial_in();
    if (how & 16)
        peer_identity.uid++;
    if (next && how & 8)
        greet(next, &peer_identity);
    return next;
}

static struct link *operate(struct input *input, struct link *link)
{
    uint8_t operation = take(input), how = operation >> 3, frame[4 + 8192];
    size_t size = 0;
    switch (operation & 7) {
    case 0:
    case 1:
        size = (size_t)take(input) + 1;
        size = size < input->size ? size : input->size;
        if (link)
            feed(link, input->data, size);
        break;
    case 2:
    case 3: /* a frame with the right length */
        size = (size_t)(how & 7) << 8 | take(input);
        size = size < input->size ? size : input->size;
        memcpy(frame, (uint8_t[]){ 0, 0, (uint8_t)(size >> 8), (uint8_t)size }, 4);
        memcpy(frame + 4, input->data, size);
        if (link)
            feed(link, frame, size + 4);
        break;
    case 4: pass_time(how < 16 ? how * HWS_MILLISECOND : (how - 15) * HWS_SECOND); break;
    case 5: return change_link(link, how);
    case 6:
        if (!link || !link->used)
            break;
        link->takes = how ? (size_t)how * how : SIZE_MAX;
        if (link->full && link->opened && !link->closing) {
            link->full = false;
            link->base.handler->ops->on_writable(link->base.handler);
        }
        break;
    default: act(how, link);
    }
    input->data += size;
    input->size -= size;
    return link && link->used && !link->closing ? link : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    struct hws_subscription *subscription;
    now = HWS_SECOND;
    answers = requests = 0;
    memset(&listening, 0, sizeof listening);
    for (size_t i = 0; i < LINKS; i++)
        links[i].used = false;
    peer_identity = (struct identity){ .address = "fuzz:peer:1", .uid = 11, .session = 22 };
    begin(&subscription);
    unsigned how = take(&input);
    if (how & 4) {
        act(how >> 3 & 3, NULL);
        turn();
    }
    struct link *link = change_link(NULL, how & 28 ? how & 12 : 8);
    while (input.size)
        link = operate(&input, link);
    turn();
    serve_another();
    end(subscription);
    return 0;
}

/* --- seeds: a word with each frame there is --- */

static void seed_write(const char *directory, unsigned number, const uint8_t *frame, size_t size)
{
    char path[1024];
    size_t body = size - HWSI_FRAME_PREFIX;
    snprintf(path, sizeof path, "%s/seed-%02u", directory, number);
    FILE *file = fopen(path, "wb");
    if (!file)
        return;
    fputc(number % 2 ? 8 : 12, file);
    for (int i = 0; i < 2; i++) {
        fputc((int)(2 | (body >> 8) << 3), file);
        fputc((int)(body & 255), file);
        fwrite(frame + HWSI_FRAME_PREFIX, 1, body, file);
    }
    fputc(4 | 5 << 3, file);
    fclose(file);
}

static unsigned seed_services(const char *directory, unsigned number)
{
    const struct hws_slice ids = hws_slice_of("\x92\xa1x\xa1y", 5);
    const struct hwsi_service_request asked[] = {
        { .request = hws_slice_text("spawn"), .kind = hws_slice_text("k"), .args = ids },
        { .request = hws_slice_text("spawn"),
          .kind = hws_slice_text("k"),
          .name = hws_slice_text("n") },
        { .request = hws_slice_text("processes"),
          .pattern = hws_slice_text("^(e|w)+.*[xr]"),
          .match = hws_slice_text("regex"),
          .limit = 3 },
        { .request = hws_slice_text("processes"), .cursor = 2 },
        { .request = hws_slice_text("diagnostics"), .id = hws_slice_text("echo") },
    };
    const struct hwsi_service_answer told[] = {
        { .status = hws_slice_text("ok"), .id = hws_slice_text("x"), .processes = ids, .next = 5 },
        { .status = hws_slice_text("error"), .code = hws_slice_text("EFULL") },
    };
    uint8_t payload[256], frame[512];
    struct hwsi_deliver deliver = { .target = { 0, hws_slice_text("$services") }, .request_id = 1 };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        deliver.payload =
            (struct hws_slice){ payload, hwsi_service_request_encode(payload, &asked[i]) };
        seed_write(directory, number++, frame, hwsi_deliver_encode(frame, &deliver));
    }
    deliver.target = (struct hwsi_symbol){ 0 };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        deliver.payload =
            (struct hws_slice){ payload, hwsi_service_answer_encode(payload, &told[i]) };
        seed_write(directory, number++, frame, hwsi_deliver_encode(frame, &deliver));
    }
    return number;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint8_t frame[1024];
    unsigned number = 0;
    int i = 1;
    while (i < *argc && (*argv)[i][0] == '-')
        i++;
    if (i == *argc)
        return 0;
    const char *directory = (*argv)[i];
    struct hws_slice value = hws_slice_of("\x93\x01\xa2hi\xc0", 6),
                     echo_text = hws_slice_text("echo"), x = hws_slice_text("x");
    for (unsigned shape = 0; shape < 8; shape++) {
        struct hwsi_deliver deliver = { .target = { shape & 1 ? 1 : 0, echo_text },
                                        .request_id = shape & 2 ? 9 : 0,
                                        .payload = value,
                                        .has_correlation = shape == 6,
                                        .correlation = { 3, 4 } };
        if (shape & 4)
            deliver.sender = (struct hwsi_symbol){ 2, x };
        seed_write(directory, number++, frame, hwsi_deliver_encode(frame, &deliver));
    }
    number = seed_services(directory, number);
    for (int code = HWSI_SYSTEM_WATCH; code <= HWSI_SYSTEM_DEAD_LETTER; code++) {
        struct hwsi_system_message message = { .code = (enum hwsi_system_code)code,
                                               .target = hws_slice_text("watcher"),
                                               .sender = x,
                                               .reason = 1,
                                               .number = 1 };
        seed_write(directory, number++, frame, hwsi_system_message_encode(frame, &message));
    }
    for (int kind = HWSI_FRAME_REFUSE; kind <= HWSI_FRAME_ACK; kind++) {
        struct hwsi_control control = { .kind = (enum hwsi_frame_kind)kind, .a = 1, .b = 1 };
        seed_write(directory, number++, frame, hwsi_control_encode(frame, &control));
    }
    return 0;
}
