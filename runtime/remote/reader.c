/* SPDX-License-Identifier: MIT */
/*
 * The EndpointReader: from a link's bytes to frames, through the handshake to the endpoint, and from there each frame to its
 * association. Frames are decoded in place; a payload is a slice of the buffer that was read into.
 */
#include <string.h>

#include "base/text.h"
#include "remote/manager.h"

#define INTAKE_SIZE (HWSI_POOL_LARGEST - sizeof(struct hws_buffer))
#define INTAKE_FIRST (size_t)(4096 - sizeof(struct hws_buffer))
#define ROOM_LEAST 16384u
#define CONTROL_MOST 64 /* control frames that wait to be written */

static struct hwsi_connection *connection_of(struct hws_link_handler *handler)
{
    return (struct hwsi_connection *)(void *)handler;
}

/* --- room --- */

/* A buffer with space, the undecoded rest moved to its start. Before the handshake a peer is worth 4 KiB. */
static bool new_intake(struct hwsi_connection *connection)
{
    struct hws_buffer *old = connection->intake;
    size_t rest = old ? old->size - connection->decoded : 0;
    size_t capacity = connection->phase == HWSI_UP ? INTAKE_SIZE : INTAKE_FIRST;
    /* A long frame gets room as its bytes arrive, not when its length is claimed. */
    if (rest * 2 > capacity)
        capacity = connection->wanted < rest * 4 ? connection->wanted + ROOM_LEAST : rest * 4;
    struct hws_buffer *buffer = hwsi_buffer_new(connection->manager->local->pool, capacity);
    if (!buffer)
        return false;
    if (rest)
        memcpy(buffer->data, old->data + connection->decoded, rest);
    buffer->size = rest;
    connection->intake = buffer;
    connection->decoded = 0;
    hwsi_buffer_release(old);
    return true;
}

static bool on_reserve(struct hws_link_handler *handler, uint8_t **room, size_t *size)
{
    struct hwsi_connection *connection = connection_of(handler);
    struct hws_buffer *intake = connection->intake;
    if (connection->phase == HWSI_UP && connection->manager->paused)
        return false;
    if (intake && intake->refs == 1 && connection->decoded == intake->size)
        intake->size = connection->decoded = 0;
    if (!intake || intake->capacity - intake->size <
                       (intake->capacity < ROOM_LEAST * 2 ? intake->capacity / 4 : ROOM_LEAST))
        if (!new_intake(connection))
            return false;
    intake = connection->intake;
    *room = intake->data + intake->size;
    *size = intake->capacity - intake->size;
    return true;
}

/* --- the handshake --- */

static int refuse(struct hwsi_connection *connection, enum hwsi_refusal code, const char *detail)
{
    if (code != HWSI_REFUSED_duplicate) /* two dials that crossed: nothing is wrong */
        hwsi_manager_link_refused(connection->manager, connection->link->peer, code, detail);
    hwsi_connection_close(connection, HWSI_FRAME_REFUSE, code, detail);
    return 0;
}

static void come_up(struct hwsi_connection *connection, struct hwsi_endpoint *endpoint,
                    const struct hwsi_hello *hello, bool resumed)
{
    connection->manager->waiting_count -= connection->phase == HWSI_WAITING;
    connection->phase = HWSI_UP;
    connection->endpoint = endpoint;
    connection->opened = hwsi_now(connection->manager->local);
    hwsi_timer_stop(&connection->timer);
    hwsi_endpoint_connected(endpoint, connection, hello, resumed);
}

static int take_hello(struct hwsi_connection *connection, struct hws_slice body)
{
    struct hwsi_manager *manager = connection->manager;
    struct hwsi_endpoint *endpoint;
    struct hwsi_hello hello;
    bool resumed;
    int error = hwsi_hello_decode(body, &hello);
    if (error == HWS_EVERSION)
        return refuse(connection, HWSI_REFUSED_version,
                      hwsi_refusal_sentence(HWSI_REFUSED_version));
    if (error)
        return error;
    enum hwsi_refusal refusal = hwsi_manager_judge(manager, &hello, &endpoint);
    if (refusal)
        return refuse(connection, refusal, hwsi_refusal_sentence(refusal));
    /* What can fail comes first: the endpoint's link is not given up for one that then does not come up. */
    if (!hwsi_ring_reserve(&connection->control, HWSI_HELLO_BOUND))
        return HWS_ENOMEM;
    error = hwsi_endpoint_greet(endpoint, &hello, &resumed);
    if (error)
        return error;
    hwsi_manager_make_way(endpoint);
    struct hwsi_hello welcome = hwsi_manager_hello(manager, endpoint->association);
    welcome.nonce = hello.nonce;
    hwsi_connection_hello(connection, HWSI_FRAME_WELCOME, &welcome);
    come_up(connection, endpoint, &hello, resumed);
    return 0;
}

/* Who has answered our dial is not wanted. */
static int turn_down(struct hwsi_connection *connection, enum hwsi_refusal code)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    hwsi_connection_close(connection, HWSI_FRAME_BYE, code, hwsi_refusal_sentence(code));
    hwsi_endpoint_dial_failed(endpoint, hwsi_reason_of_refusal(code), hwsi_refusal_sentence(code));
    return 0;
}

static int take_welcome(struct hwsi_connection *connection, struct hws_slice body)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    struct hwsi_hello hello;
    char detail[HWS_ADDRESS_MAX * 2 + 160], address[HWS_ADDRESS_MAX + 1];
    bool resumed;
    int error = hwsi_hello_decode(body, &hello);
    if (error)
        return error;
    if (hello.nonce != connection->nonce)
        return HWS_EPROTOCOL;
    hwsi_text_printable(address, sizeof address, hello.address);
    if (strcmp(address, endpoint->address->text) != 0) {
        hwsi_say(detail, sizeof detail,
                 "%s answers as %s; use that address, or set its option advertise to %s",
                 endpoint->address->text, address, endpoint->address->text);
        hwsi_connection_close(connection, HWSI_FRAME_BYE, HWSI_REFUSED_unexpected, detail);
        hwsi_endpoint_dial_failed(endpoint, HWS_LINK_unexpected, detail);
        return 0;
    }
    if (hwsi_manager_refuses(connection->manager, endpoint->address->text, hello.name)) {
        hwsi_text_printable(endpoint->name, sizeof endpoint->name, hello.name);
        return turn_down(connection, HWSI_REFUSED_blocked);
    }
    error = hwsi_endpoint_greet(endpoint, &hello, &resumed);
    if (error)
        return error;
    const uint64_t *received = endpoint->association->received;
    for (int lane = 0; lane < HWSI_LANES; lane++)
        connection->told[lane] = connection->sequence[lane] = received[lane];
    come_up(connection, endpoint, &hello, resumed);
    return 0;
}

static int take_end(struct hwsi_connection *connection, const struct hwsi_control *control)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    char said[HWSI_CONTROL_TEXT_MAX + 1], detail[HWSI_CONTROL_TEXT_MAX + 64];
    bool up = connection->phase == HWSI_UP;
    hwsi_text_printable(said, sizeof said, control->text);
    hwsi_say(detail, sizeof detail, "the peer says: %s",
             said[0] ? said : hwsi_refusal_sentence(control->a));
    hwsi_connection_close(connection, HWSI_FRAME_BYE, 0, "");
    if (endpoint && up)
        hwsi_endpoint_link_lost(endpoint, hwsi_reason_of_refusal(control->a), detail);
    else if (endpoint && control->a == HWSI_REFUSED_duplicate)
        hwsi_endpoint_await_peer(endpoint);
    else if (endpoint)
        hwsi_endpoint_dial_failed(endpoint, hwsi_reason_of_refusal(control->a), detail);
    return 0;
}

/* --- frames --- */

/* Who asks the system is who shook hands, whatever third one the message names. */
static void name_the_peer(struct hwsi_endpoint *endpoint, struct hws_message *message, bool *own)
{
    if (!message->sender || message->sender->address == endpoint->address)
        return;
    if (*own)
        hwsi_pid_release(message->sender);
    message->sender = endpoint->root;
    *own = false;
}

static int deliver(struct hwsi_connection *connection, const struct hwsi_deliver *in,
                   struct hws_message *message, bool decodable)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    struct hwsi_association *association = endpoint->association;
    struct hwsi_local *local = association->local;
    struct hws_pid *target = NULL;
    bool own_target, own_sender = false, own_type = false;
    bool answer = in->target.index == 0 && !in->target.text.data;
    int error = answer ? 0
                       : hwsi_inbound_target(&association->in, local->names, &in->target, &target,
                                             &own_target);
    own_target = answer ? false : own_target;
    if (!error)
        error = hwsi_inbound_sender(&association->in, local->names, endpoint->address, &in->sender,
                                    &message->sender, &own_sender);
    if (!error)
        error =
            hwsi_inbound_type(&association->in, local->names, &in->type, &message->type, &own_type);
    if (!error && in->request_id && !answer && !message->sender)
        message->sender = endpoint->root;
    if (!error && target == local->services_pid)
        name_the_peer(endpoint, message, &own_sender);
    if (!error && !decodable) {
        endpoint->undecodable++;
        message->payload.size = 0;
        if (answer)
            hwsi_response_undecodable(local, endpoint->address, message);
        else
            hwsi_letter(local, target, message, HWS_REASON_decode);
    } else if (!error && answer) {
        hwsi_response_arrived(local, endpoint->address, message);
    } else if (!error) {
        hwsi_deliver_local(local, target, message);
    }
    if (own_target)
        hwsi_pid_release(target);
    if (own_sender)
        hwsi_pid_release(message->sender);
    if (own_type)
        hwsi_atom_release(message->type);
    return error;
}

static int take_deliver(struct hwsi_connection *connection, struct hws_slice body)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    struct hwsi_association *association = endpoint->association;
    struct hwsi_deliver in;
    int error = hwsi_deliver_decode(body, &in);
    if (error && error != HWS_EDECODE)
        return error;
    uint64_t number = ++connection->sequence[HWSI_LANE_USER];
    if (number <= association->received[HWSI_LANE_USER]) {
        endpoint->duplicates++;
        return 0;
    }
    /* Field by field: copying pairs at once would wait for their halves to be stored. */
    struct hws_message message;
    message.payload.data = in.payload.data;
    message.payload.size = in.payload.size;
    message.sender = message.who = NULL;
    message.type = NULL;
    message.request_id = in.request_id;
    message.kind = HWS_MESSAGE_user;
    message.reason = 0;
    message.buffer = connection->intake;
    if (in.has_correlation) {
        message.correlation.hi = in.correlation.hi;
        message.correlation.lo = in.correlation.lo;
    } else {
        message.correlation = hwsi_correlation(association->remote_seed, number);
    }
    error = deliver(connection, &in, &message, error == 0);
    if (error)
        return error; /* not taken: after HWS_ENOMEM the peer sends it again */
    association->received[HWSI_LANE_USER] = number;
    endpoint->received++;
    return 0;
}

static int take_system(struct hwsi_connection *connection, struct hws_slice body)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    uint64_t number = ++connection->sequence[HWSI_LANE_SYSTEM];
    if (number <= endpoint->association->received[HWSI_LANE_SYSTEM]) {
        endpoint->duplicates++;
        return 0;
    }
    struct hwsi_association *association = endpoint->association;
    int error = hwsi_watcher_receive(endpoint, body);
    if (!error &&
        endpoint->association == association) /* what it led to may have closed the endpoint */
        association->received[HWSI_LANE_SYSTEM] = number;
    return error;
}

static int take_control(struct hwsi_connection *connection, struct hws_slice body)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    struct hwsi_control control;
    uint64_t count;
    int error = hwsi_control_decode(body, &control);
    if (error)
        return error;
    bool up = connection->phase == HWSI_UP;
    switch (control.kind) {
    case HWSI_FRAME_BYE:
    case HWSI_FRAME_REFUSE: return take_end(connection, &control);
    case HWSI_FRAME_PING:
        if (!up || hwsi_ring_count(&connection->control) > CONTROL_MOST)
            return HWS_EPROTOCOL; /* it asks and does not read the answers */
        hwsi_connection_control(connection,
                                &(struct hwsi_control){ .kind = HWSI_FRAME_PONG, .a = control.a });
        hwsi_endpoint_touch(endpoint);
        return 0;
    case HWSI_FRAME_PONG:
        return up && hwsi_heartbeat_answered(endpoint, control.a) ? 0 : HWS_EPROTOCOL;
    case HWSI_FRAME_ACK:
        if (!up)
            return HWS_EPROTOCOL;
        error = hwsi_association_acknowledged(endpoint->association, control.a, control.b, &count);
        if (!error)
            hwsi_endpoint_acknowledged(endpoint, count);
        return error;
    default: return HWS_EPROTOCOL;
    }
}

static int take_frame(struct hwsi_connection *connection, struct hws_slice body)
{
    int kind = hwsi_frame_kind(body);
    bool up = connection->phase == HWSI_UP;
    if (kind == HWSI_FRAME_DELIVER && up)
        return take_deliver(connection, body);
    if (kind == HWSI_FRAME_SYSTEM && up)
        return take_system(connection, body);
    if (kind == HWSI_FRAME_HELLO && connection->phase == HWSI_WAITING)
        return take_hello(connection, body);
    if (kind == HWSI_FRAME_WELCOME && connection->phase == HWSI_GREETING)
        return take_welcome(connection, body);
    return kind < 0 ? kind : take_control(connection, body);
}

/* What was wrong, for who writes the other side: which frame, and how it begins. */
static void describe(const struct hwsi_connection *connection, int error, struct hws_slice body,
                     char *out, size_t capacity)
{
    const struct hws_buffer *intake = connection->intake;
    struct hws_slice bytes = body;
    size_t used = 0, shown;
    if (!body.data && intake) { /* not even a frame: its first bytes */
        bytes = (struct hws_slice){ intake->data + connection->decoded,
                                    intake->size - connection->decoded };
        hwsi_text_append(out, capacity, &used, "%s: not a frame, but bytes that begin with",
                         hws_strerror(error));
    } else {
        int kind = hwsi_frame_kind(body);
        hwsi_text_append(out, capacity, &used, "%s: %s frame of %zu bytes that begins with",
                         hws_strerror(error), kind < 0 ? "an unknown" : hwsi_frame_kind_name(kind),
                         body.size);
    }
    shown = bytes.size < 16 ? bytes.size : 16;
    for (size_t i = 0; i < shown; i++)
        hwsi_text_append(out, capacity, &used, " %02x", bytes.data[i]);
    char text[17];
    hwsi_text_printable(text, sizeof text, (struct hws_slice){ bytes.data, shown });
    hwsi_text_append(out, capacity, &used, " (\"%s\")", text);
}

static void protocol_error(struct hwsi_connection *connection, int error, struct hws_slice body)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    bool up = connection->phase == HWSI_UP;
    char detail[HWSI_CONTROL_TEXT_MAX + 1] = "";
    if (error == HWS_ENOMEM)
        hwsi_say(detail, sizeof detail, "%s", hws_strerror(error));
    else
        describe(connection, error, body, detail, sizeof detail);
    if (!endpoint) {
        refuse(connection, HWSI_REFUSED_protocol, detail);
        return;
    }
    hwsi_connection_close(connection, HWSI_FRAME_BYE, HWSI_REFUSED_protocol, detail);
    if (up)
        hwsi_endpoint_link_lost(endpoint, hwsi_reason_of_error(error), detail);
    else
        hwsi_endpoint_dial_failed(endpoint, hwsi_reason_of_error(error), detail);
}

static void after_bytes(struct hwsi_connection *connection)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    if (connection->decoded == connection->intake->size && connection->intake->refs == 1 &&
        connection->phase !=
            HWSI_UP) { /* an idle connection holds no buffer; a busy one gives it up in the flush */
        hwsi_buffer_release(connection->intake);
        connection->intake = NULL;
        connection->decoded = 0;
    }
    if (!endpoint || connection->phase != HWSI_UP)
        return;
    hwsi_watcher_settle(endpoint);
    hwsi_endpoint_touch(endpoint);
}

static void on_bytes(struct hws_link_handler *handler, size_t size)
{
    struct hwsi_connection *connection = connection_of(handler);
    struct hws_buffer *intake = connection->intake;
    size_t limit = connection->manager->local->options->max_frame_size;
    int error = 0;
    struct hws_slice body = { 0 };
    intake->size += size;
    connection->received_bytes += size;
    if (connection->endpoint)
        connection->endpoint->received_bytes += size;
    connection->unacknowledged_bytes += size;
    if (connection->phase == HWSI_UP)
        hwsi_heartbeat_heard(connection->endpoint);
    while (connection->phase != HWSI_CLOSING) {
        int split =
            hwsi_frame_split(intake->data + connection->decoded, intake->size - connection->decoded,
                             connection->phase == HWSI_UP ? limit : HWSI_HELLO_BOUND + 256, &body);
        connection->wanted = split == 0 && body.size ? body.size + HWSI_FRAME_PREFIX : 0;
        if (split == 0)
            break;
        if (split < 0)
            body = (struct hws_slice){ 0 };
        error = split < 0 ? split : take_frame(connection, body);
        if (error)
            break;
        connection->decoded += body.size + HWSI_FRAME_PREFIX;
    }
    if (error && connection->phase != HWSI_CLOSING)
        protocol_error(connection, error, body);
    after_bytes(connection);
}

static void on_open(struct hws_link_handler *handler)
{
    struct hwsi_connection *connection = connection_of(handler);
    struct hwsi_manager *manager = connection->manager;
    if (connection->phase != HWSI_DIALING)
        return;
    connection->phase = HWSI_GREETING;
    connection->writable = true;
    connection->nonce = hwsi_random_id(manager->random);
    hwsi_timer_start(&connection->timer,
                     hwsi_now(manager->local) + manager->local->options->handshake_timeout);
    struct hwsi_hello hello = hwsi_manager_hello(manager, connection->endpoint->association);
    hello.nonce = connection->nonce;
    if (hwsi_connection_hello(connection, HWSI_FRAME_HELLO, &hello))
        protocol_error(connection, HWS_ENOMEM, (struct hws_slice){ 0 });
    else
        hwsi_writer_flush(connection, true);
}

static void on_writable(struct hws_link_handler *handler)
{
    struct hwsi_connection *connection = connection_of(handler);
    connection->writable = true;
    if (connection->phase == HWSI_UP)
        hwsi_endpoint_touch(connection->endpoint);
    else if (connection->phase != HWSI_CLOSING)
        hwsi_writer_flush(connection, true);
}

static void on_close(struct hws_link_handler *handler, int error, const char *detail)
{
    struct hwsi_connection *connection = connection_of(handler);
    struct hwsi_endpoint *endpoint = connection->endpoint;
    bool up = connection->phase == HWSI_UP;
    connection->link = NULL;
    hwsi_connection_close(connection, HWSI_FRAME_BYE, 0, "");
    hwsi_connection_free(connection);
    if (endpoint && up)
        hwsi_endpoint_link_lost(endpoint, hwsi_reason_of_error(error), detail);
    else if (endpoint)
        hwsi_endpoint_dial_failed(endpoint, hwsi_reason_of_error(error), detail);
}

const struct hws_link_handler_ops hwsi_reader_ops = { .on_open = on_open,
                                                      .on_reserve = on_reserve,
                                                      .on_bytes = on_bytes,
                                                      .on_writable = on_writable,
                                                      .on_close = on_close };
