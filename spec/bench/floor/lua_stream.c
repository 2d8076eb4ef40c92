/* SPDX-License-Identifier: MIT */
/*
 * The one-way stream with what Lua actors can't do without: the sender's messages come from a Lua
 * loop, one call of a C function a message, which packs a msgpack bin; the receiver parses the
 * msgpack value and calls one Lua function with it. The payload is the string's length.
 */
#define _POSIX_C_SOURCE 200809L
#include "lua_state.h"
#include "value.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char receiver_chunk[] = "local count = 0\n"
                                     "return function(message)\n"
                                     "    count = count + 1\n"
                                     "    return count\n"
                                     "end\n";

/* The loop ends when `send` answers false: the socket is full, or the time is over. */
static const char sender_chunk[] = "local send = send\n"
                                   "return function(message)\n"
                                   "    while send(message) do end\n"
                                   "end\n";

struct receiver {
    struct floor_result *result;
    lua_State *L;
    const uint8_t *bytes; /* of this turn */
    size_t length, used;
    uint64_t first, last; /* ns, of the reads */
    lua_Integer counted;  /* by Lua */
};

struct sender {
    lua_State *L;
    struct floor_connection *connection;
    size_t payload, filled;
    uint64_t deadline;
};

static void hand_over(lua_State *L, struct receiver *receiver, const uint8_t *message, size_t size)
{
    const char *bytes;
    size_t length;

    if (!floor_value_read(message, size, &bytes, &length)) {
        luaL_error(L, "a message is not one msgpack string");
    }
    lua_pushvalue(L, 1);
    lua_pushlstring(L, bytes, length);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_error(L);
    }
    receiver->counted = lua_tointeger(L, -1);
    lua_pop(L, 1);
    receiver->result->messages++;
}

static int receive_turn(lua_State *L)
{
    struct floor_connection *connection = lua_touserdata(L, 2);
    struct receiver *receiver = connection->state;
    const uint8_t *at = receiver->bytes, *end = at + receiver->length;

    while (end - at >= (ptrdiff_t)FLOOR_PREFIX) {
        uint32_t size = floor_prefix_read(at);
        if ((size_t)(end - at) - FLOOR_PREFIX < size) {
            break;
        }
        hand_over(L, receiver, at + FLOOR_PREFIX, size);
        at += FLOOR_PREFIX + size;
    }
    receiver->used = (size_t)(at - receiver->bytes);
    return 0;
}

static size_t on_messages(struct floor_connection *connection, const uint8_t *bytes, size_t length)
{
    struct receiver *receiver = connection->state;

    receiver->bytes = bytes;
    receiver->length = receiver->used = length;
    receiver->first = receiver->first ? receiver->first : floor_now();
    floor_lua_turn(receiver->L, receive_turn, connection);
    receiver->last = floor_now();
    return receiver->used;
}

static enum floor_outcome receive(int fd, const struct floor_options *options,
                                  struct floor_result *result)
{
    static const struct floor_hooks hooks = { .arrived = on_messages };
    struct receiver receiver = { .result = result };
    struct floor_connection connection;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, FLOOR_VALUE_OVERHEAD, &hooks, &receiver);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    receiver.L = floor_lua_open(receiver_chunk, NULL, NULL);
    if (!receiver.L) {
        floor_connection_abandon(&connection, FLOOR_FAILED);
    }
    outcome = floor_connection_run(&connection);
    if (receiver.L) {
        lua_close(receiver.L);
    }
    result->elapsed = receiver.last - receiver.first;
    if (outcome == FLOOR_FAILED || receiver.used != receiver.length || result->messages == 0) {
        return outcome;
    }
    return (uint64_t)receiver.counted == result->messages
               ? FLOOR_OK
               : floor_fail("Lua has not seen every message");
}

/*
 * Sends one write of what is gathered and carries the rest over to the next batch. When the time is
 * over, or the socket is full, all of it is sent.
 */
static void send_some(struct sender *sender, bool all)
{
    struct floor_connection *connection = sender->connection;
    uint8_t *batch = floor_connection_batch(connection);
    size_t length = all || connection->in_flight ? sender->filled : connection->write_bytes;

    floor_connection_send(connection, length);
    sender->filled -= length;
    uint8_t *next = floor_connection_batch(connection);
    if (next) {
        memmove(next, batch + length, sender->filled);
    }
}

/* Answers whether to go on: not before the socket takes more, and not after the deadline. */
static bool send_full_batches(struct sender *sender)
{
    struct floor_connection *connection = sender->connection;
    bool last = floor_now() >= sender->deadline;

    while (sender->filled > 0 && floor_connection_batch(connection) &&
           (last || sender->filled >= connection->write_bytes)) {
        send_some(sender, last);
    }
    if (last) {
        floor_connection_finish(connection);
    }
    return floor_connection_batch(connection) && connection->in_flight == 0;
}

static int lua_send(lua_State *L)
{
    struct sender *sender = lua_touserdata(L, lua_upvalueindex(1));
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    uint8_t *batch = floor_connection_batch(sender->connection);
    bool more = batch != NULL;

    if (batch) {
        uint8_t *at = batch + sender->filled;
        size_t length = floor_value_write(at + FLOOR_PREFIX, bytes, size);
        floor_prefix_write(at, (uint32_t)length);
        sender->filled += FLOOR_PREFIX + length;
        more = sender->filled < sender->connection->write_bytes || send_full_batches(sender);
    }
    lua_pushboolean(L, more);
    return 1;
}

static int send_turn(lua_State *L)
{
    struct floor_connection *connection = lua_touserdata(L, 2);
    struct sender *sender = connection->state;
    luaL_Buffer payload;

    lua_pushvalue(L, 1);
    memset(luaL_buffinitsize(L, &payload, sender->payload), 'Z', sender->payload);
    luaL_pushresultsize(&payload, sender->payload);
    lua_call(L, 1, 0);
    return 0;
}

static void pump(struct floor_connection *connection)
{
    struct sender *sender = connection->state;
    floor_lua_turn(sender->L, send_turn, connection);
}

static size_t ignore_bytes(struct floor_connection *connection, const uint8_t *bytes, size_t length)
{
    (void)connection;
    (void)bytes;
    return length;
}

static enum floor_outcome send_all(int fd, const struct floor_options *options)
{
    static const struct floor_hooks hooks = { .arrived = ignore_bytes, .drained = pump };
    struct floor_connection connection;
    struct sender sender = { .connection = &connection, .payload = options->payload };

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, FLOOR_VALUE_OVERHEAD, &hooks, &sender);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    sender.deadline = floor_now() + options->duration;
    sender.L = floor_lua_open(sender_chunk, lua_send, &sender);
    if (sender.L) {
        pump(&connection);
    } else {
        floor_connection_abandon(&connection, FLOOR_FAILED);
    }
    outcome = floor_connection_run(&connection);
    if (sender.L) {
        lua_close(sender.L);
    }
    return outcome;
}

const struct floor_work floor_lua_stream = {
    .name = "lua_stream", .least_payload = 1, .stream = true, .measure = receive, .peer = send_all
};
