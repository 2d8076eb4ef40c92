/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "support_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the environment: clock, memory, log, events --- */

static uint64_t clock_now(struct hws_clock *clock)
{
    return ((struct rig *)(void *)((char *)clock - offsetof(struct rig, clock)))->now;
}

/* Old sizes have to be what was asked for: kept in front of each block. */
static void *reallocate(struct hws_allocator *allocator, void *block, size_t old_size,
                        size_t new_size)
{
    struct rig *rig = (struct rig *)(void *)((char *)allocator - offsetof(struct rig, allocator));
    size_t *head = block ? (size_t *)block - 2 : NULL;
    if (head && head[0] != old_size)
        fail_msg("a block of %zu bytes is given back as one of %zu", head[0], old_size);
    if (new_size == 0) {
        rig->blocks -= block != NULL;
        free(head);
        return NULL;
    }
    if (rig->allow == 0 || (rig->fail_in && --rig->fail_in == 0))
        return NULL;
    if (rig->allow != UINT64_MAX)
        rig->allow--;
    head = realloc(head, new_size + 2 * sizeof *head);
    rig->blocks += !block;
    head[0] = new_size;
    return head + 2;
}

static void write_log(struct hws_logger *logger, enum hws_log_level level, const char *line)
{
    struct rig *rig = (struct rig *)(void *)((char *)logger - offsetof(struct rig, logger));
    (void)level;
    snprintf(rig->log[rig->log_count++ % 64], sizeof rig->log[0], "%s", line);
}

static void copy(char *out, size_t capacity, const char *text)
{
    snprintf(out, capacity, "%s", text ? text : "");
}

static void on_event(void *data, const struct hws_event *event)
{
    struct rig *rig = data;
    if (rig->event_count == RIG_EVENTS)
        return;
    struct rig_event *kept = &rig->events[rig->event_count++];
    *kept = (struct rig_event){ .type = event->type,
                                .uid = event->uid,
                                .incarnation = event->incarnation,
                                .attempt = event->attempt,
                                .delay = event->delay,
                                .count = event->count,
                                .time = event->time,
                                .since = event->since,
                                .next = event->next,
                                .correlation = event->correlation,
                                .success = event->success,
                                .resumed = event->resumed };
    copy(kept->address, sizeof kept->address, event->address);
    copy(kept->reason, sizeof kept->reason, event->reason);
    copy(kept->detail, sizeof kept->detail, event->detail);
    copy(kept->level, sizeof kept->level, event->level);
    copy(kept->file, sizeof kept->file, event->file);
    copy(kept->version, sizeof kept->version, event->version);
    copy(kept->name, sizeof kept->name, event->name);
    copy(kept->state, sizeof kept->state, event->state);
    copy(kept->from, sizeof kept->from, event->from);
    copy(kept->step, sizeof kept->step, event->step);
}

const struct rig_event *rig_event(const struct rig *rig, enum hws_event_type type, size_t nth)
{
    for (size_t i = rig->event_count; i--;)
        if (rig->events[i].type == type && nth-- == 0)
            return &rig->events[i];
    fail_msg("no %s was published", hws_event_name(type));
    return NULL;
}

size_t rig_count(const struct rig *rig, enum hws_event_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->event_count; i++)
        count += rig->events[i].type == type;
    return count;
}

bool rig_logged(const struct rig *rig, const char *part)
{
    for (size_t i = 0; i < rig->log_count && i < 64; i++)
        if (strstr(rig->log[i], part))
            return true;
    return false;
}

/* --- the transport --- */

static int link_write(struct hws_link *link, const struct hws_slice *slices, size_t count,
                      size_t *taken)
{
    struct rig_link *l = (struct rig_link *)(void *)link;
    assert_false(l->closing);
    if (l->write_error)
        return l->write_error;
    *taken = 0;
    for (size_t i = 0; i < count && l->most; i++) {
        size_t size = slices[i].size < l->most ? slices[i].size : l->most;
        if (l->out_capacity < l->out_size + size) {
            l->out_capacity = (l->out_size + size) * 2;
            l->out = realloc(l->out, l->out_capacity);
        }
        memcpy(l->out + l->out_size, slices[i].data, size);
        l->out_size += size;
        l->most -= size;
        *taken += size;
    }
    return 0;
}

static void link_close(struct hws_link *link)
{
    ((struct rig_link *)(void *)link)->closing = true;
}

static const struct hws_link_ops link_ops = { link_write, link_close };

static struct rig_link *new_link(struct rig *rig, const char *address)
{
    assert_true(rig->link_count < RIG_LINKS);
    struct rig_link *link = calloc(1, sizeof *link);
    link->link.ops = &link_ops;
    link->link.peer = link->address;
    link->rig = rig;
    link->most = SIZE_MAX;
    snprintf(link->address, sizeof link->address, "%s", address);
    rig->links[rig->link_count++] = link;
    return link;
}

static int dial(struct hws_transport *transport, const char *address,
                struct hws_link_handler *handler, struct hws_link **out, char *detail,
                size_t capacity)
{
    struct rig *rig = (struct rig *)(void *)transport;
    if (rig->dial_error) {
        snprintf(detail, capacity, "%s can not be dialled", address);
        return rig->dial_error;
    }
    struct rig_link *link = new_link(rig, address);
    link->dialed = true;
    link->link.handler = handler;
    *out = &link->link;
    return 0;
}

static void listener_close(struct hws_listener *listener)
{
    ((struct rig *)(void *)((char *)listener - offsetof(struct rig, listener)))->accepting = NULL;
}

static const struct hws_listener_ops listener_ops = { listener_close };

static int listen_on(struct hws_transport *transport, const char *address,
                     struct hws_listener_handler *handler, struct hws_listener **out, char *detail,
                     size_t capacity)
{
    struct rig *rig = (struct rig *)(void *)transport;
    (void)detail;
    (void)capacity;
    rig->accepting = handler;
    rig->listener = (struct hws_listener){ &listener_ops, strdup(address) };
    *out = &rig->listener;
    return 0;
}

static void release(struct hws_transport *transport)
{
    ((struct rig *)(void *)transport)->released = true;
}

static int check(struct hws_transport *transport, const char *address, char *detail,
                 size_t capacity)
{
    (void)transport;
    if (!strstr(address, "never"))
        return 0;
    snprintf(detail, capacity, "%s is never there", address);
    return HWS_EADDRESS;
}

static const struct hws_transport_ops transport_ops = { "tcp", listen_on, dial, release, check };

/* --- its life --- */

void rig_options(struct rig *rig, struct hws_options *options)
{
    memset(rig, 0, sizeof *rig);
    rig->transport.ops = &transport_ops;
    rig->clock.now = clock_now;
    rig->logger.write = write_log;
    rig->allocator.reallocate = reallocate;
    rig->allow = UINT64_MAX;
    rig->now = 1000 * HWS_SECOND;
    hws_options_init(options);
    options->name = "here";
    options->listen = RIG_HERE;
    options->clock = &rig->clock;
    options->allocator = &rig->allocator;
    options->logger = &rig->logger;
    options->seed = 42;
    options->reconnect_jitter = 0;
}

void rig_start(struct rig *rig, const struct hws_options *options)
{
    char message[256] = "";
    if (hws_system_new(options, &rig->system, message, sizeof message))
        fail_msg("%s", message);
    assert_int_equal(hws_add_transport(rig->system, &rig->transport), 0);
    assert_int_equal(hws_subscribe(rig->system, "*", on_event, rig, &rig->subscription, NULL), 0);
    if (hws_start(rig->system, message, sizeof message))
        fail_msg("%s", message);
    rig_turn(rig);
}

void rig_start_default(struct rig *rig)
{
    struct hws_options options;
    rig_options(rig, &options);
    rig_start(rig, &options);
}

void rig_turn(struct rig *rig)
{
    bool more = true;
    for (int i = 0; more && i < 100000; i++) {
        hws_turn(rig->system);
        more = hws_next_turn(rig->system) <= rig->now;
        for (size_t k = 0; k < rig->link_count; k++)
            if (rig->links[k]->closing && !rig->links[k]->gone) {
                rig_close(rig->links[k], 0, "closed by us");
                more = true;
            }
    }
    assert_false(more);
}

void rig_pass(struct rig *rig, uint64_t duration)
{
    uint64_t end = rig->now + duration, next;
    rig_turn(rig);
    while ((next = hws_next_turn(rig->system)) <= end) {
        rig->now = next > rig->now ? next : rig->now;
        rig_turn(rig);
    }
    rig->now = end;
}

void rig_end(struct rig *rig)
{
    rig->allow = UINT64_MAX;
    rig->fail_in = 0;
    hws_stop(rig->system, "end", 0);
    rig_turn(rig);
    assert_true(hws_is_stopped(rig->system));
    hws_system_free(rig->system);
    hws_unsubscribe(rig->subscription); /* it may outlive the system */
    assert_true(rig->released);
    for (size_t i = 0; i < rig->link_count; i++) {
        assert_true(rig->links[i]->gone);
        free(rig->links[i]->out);
        free(rig->links[i]);
    }
    free((char *)rig->listener.address);
    assert_int_equal(rig->blocks, 0);
}

/* --- links --- */

struct rig_link *rig_last(struct rig *rig)
{
    assert_true(rig->link_count > 0);
    return rig->links[rig->link_count - 1];
}

struct rig_link *rig_accept(struct rig *rig)
{
    struct rig_link *link = new_link(rig, "stranger");
    assert_non_null(rig->accepting);
    if (rig->accepting->on_accept(rig->accepting, &link->link) == 0)
        return link;
    free(link);
    rig->link_count--;
    return NULL;
}

void rig_open(struct rig_link *link)
{
    link->link.handler->ops->on_open(link->link.handler);
}

void rig_feed(struct rig_link *link, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    while (size && !link->gone) {
        uint8_t *room = NULL;
        size_t here = 0;
        if (!link->link.handler->ops->on_reserve(link->link.handler, &room, &here)) {
            rig_turn(link->rig); /* it asks again after the next turn */
            assert_true(link->gone ||
                        link->link.handler->ops->on_reserve(link->link.handler, &room, &here));
            continue;
        }
        assert_true(here > 0);
        here = here < size ? here : size;
        memcpy(room, p, here);
        p += here;
        size -= here;
        link->link.handler->ops->on_bytes(link->link.handler, here);
    }
}

void rig_writable(struct rig_link *link)
{
    link->link.handler->ops->on_writable(link->link.handler);
}

void rig_close(struct rig_link *link, int error, const char *detail)
{
    assert_false(link->gone);
    link->gone = link->closing = true;
    link->link.handler->ops->on_close(link->link.handler, error, detail);
}

int rig_frame(struct rig_link *link, struct hws_slice *body)
{
    if (hwsi_frame_split(link->out + link->read, link->out_size - link->read, SIZE_MAX, body) != 1)
        return -1;
    link->read += body->size + HWSI_FRAME_PREFIX;
    return hwsi_frame_kind(*body);
}

struct hws_slice rig_expect(struct rig_link *link, int kind)
{
    struct hws_slice body = { 0 };
    int got;
    while ((got = rig_frame(link, &body)) != kind)
        if (got < 0)
            fail_msg("no %s was written", hwsi_frame_kind_name(kind));
    return body;
}

void rig_hello(struct rig_link *link, enum hwsi_frame_kind kind, const struct hwsi_hello *hello)
{
    uint8_t bytes[HWSI_HELLO_BOUND];
    rig_feed(link, bytes, hwsi_hello_encode(bytes, kind, hello));
}

void rig_control(struct rig_link *link, enum hwsi_frame_kind kind, uint64_t a, uint64_t b)
{
    uint8_t bytes[HWSI_CONTROL_BOUND];
    struct hwsi_control control = { .kind = kind, .a = a, .b = b };
    if (kind == HWSI_FRAME_BYE || kind == HWSI_FRAME_REFUSE)
        control.text = hws_slice_text("so be it");
    rig_feed(link, bytes, hwsi_control_encode(bytes, &control));
}

void rig_deliver(struct rig_link *link, const struct hwsi_deliver *deliver)
{
    uint8_t *bytes = malloc(hwsi_deliver_bound(deliver));
    rig_feed(link, bytes, hwsi_deliver_encode(bytes, deliver));
    free(bytes);
}

void rig_system(struct rig_link *link, enum hwsi_system_code code, const char *target,
                const char *sender, uint32_t reason, uint64_t number)
{
    struct hwsi_system_message message = {
        .code = code, .target = hws_slice_text(target), .reason = reason, .number = number
    };
    uint8_t bytes[1024];
    if (sender)
        message.sender = hws_slice_text(sender);
    rig_feed(link, bytes, hwsi_system_message_encode(bytes, &message));
}

struct hwsi_hello rig_peer(uint64_t uid, uint64_t session)
{
    return (struct hwsi_hello){ .version = HWSI_WIRE_VERSION,
                                .name = hws_slice_text("peer"),
                                .address = hws_slice_text(RIG_PEER),
                                .uid = uid,
                                .seed = uid * 1000,
                                .session = session };
}

/* What the system said in its HELLO, remembered as a peer does. */
static struct hwsi_hello answer_to(struct rig_link *link, const struct hwsi_hello *peer)
{
    struct hwsi_hello hello, answer = *peer;
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    answer.nonce = hello.nonce;
    answer.known_session = hello.session;
    return answer;
}

struct rig_link *rig_connect(struct rig *rig, const struct hwsi_hello *peer)
{
    assert_int_equal(hws_associate(rig->system, RIG_PEER), 0);
    rig_turn(rig);
    struct rig_link *link = rig_last(rig);
    rig_open(link);
    struct hwsi_hello welcome = answer_to(link, peer);
    rig_hello(link, HWSI_FRAME_WELCOME, &welcome);
    rig_turn(rig);
    return link;
}

struct rig_link *rig_connect_in(struct rig *rig, const struct hwsi_hello *peer)
{
    struct rig_link *link = rig_accept(rig);
    rig_hello(link, HWSI_FRAME_HELLO, peer);
    rig_turn(rig);
    return link;
}

/* --- the system --- */

struct hws_endpoint_statistics rig_statistics(struct rig *rig, const char *address)
{
    struct hws_endpoint_statistics statistics;
    assert_int_equal(hws_statistics(rig->system, address, &statistics), 0);
    return statistics;
}

enum hws_endpoint_state rig_state(struct rig *rig)
{
    return rig_statistics(rig, RIG_PEER).state;
}

struct hws_pid *rig_pid(struct rig *rig, const char *text)
{
    struct hws_pid *pid;
    assert_int_equal(hws_pid_parse(rig->system, text, &pid), 0);
    return pid;
}

struct hws_slice rig_value(void)
{
    static const uint8_t hello[] = { 0xa5, 'h', 'e', 'l', 'l', 'o' };
    return hws_slice_of(hello, sizeof hello);
}

int rig_send(struct rig *rig, const char *target)
{
    struct hws_pid *pid = rig_pid(rig, target);
    int error = hws_send(rig->system, pid, &(struct hws_message){ .payload = rig_value() });
    hws_pid_release(pid);
    return error;
}
