/* SPDX-License-Identifier: MIT */
/*
 * Requests with what Lua actors can't do without: each message is an id of 8 bytes and a msgpack
 * value; both sides parse it, call one Lua function with it, and pack the string that it returns,
 * the server as the answer, the client as the next request. The payload is the string's length.
 */
#define _POSIX_C_SOURCE 200809L
#include "lua_state.h"
#include "outbox.h"
#include "value.h"

#include <lauxlib.h>

#define ID 8u

static const char handler_chunk[] = "return function(message) return message end\n";

/* One of the two: the server has no result, and takes the ids as they come. */
struct side {
    struct floor_outbox outbox;
    struct floor_result *result;
    lua_State *L;
    const uint8_t *bytes;
    size_t length, used; /* of this turn */
    uint64_t next_id, due_id;
    uint64_t started, deadline; /* ns */
};

static bool say(struct floor_connection *connection, struct side *side, uint64_t id,
                const char *bytes, size_t size)
{
    size_t most = FLOOR_PREFIX + ID + FLOOR_VALUE_OVERHEAD + size;
    uint8_t *room = floor_outbox_room(&side->outbox, connection, most);

    if (!room) {
        return false;
    }
    memcpy(room + FLOOR_PREFIX, &id, ID);
    size_t length = ID + floor_value_write(room + FLOOR_PREFIX + ID, bytes, size);
    floor_prefix_write(room, (uint32_t)length);
    side->outbox.length -= most - FLOOR_PREFIX - length;
    return true;
}

/* Leaves what the handler returned on top of the stack. */
static void call_handler(lua_State *L, const uint8_t *value, size_t length)
{
    const char *bytes;
    size_t size;

    if (!floor_value_read(value, length, &bytes, &size)) {
        luaL_error(L, "a message is not one msgpack string");
    }
    lua_pushvalue(L, 1);
    lua_pushlstring(L, bytes, size);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_error(L);
    }
}

static void take(lua_State *L, struct side *side, const uint8_t *message, uint32_t size)
{
    struct floor_connection *connection = lua_touserdata(L, 2);
    uint64_t id;

    if (size < ID) {
        luaL_error(L, "a message has no id");
    }
    memcpy(&id, message, ID);
    if (side->result && id != side->due_id++) {
        luaL_error(L, "an answer is not the one that is due");
    }
    call_handler(L, message + ID, size - ID);
    size_t length;
    const char *bytes = luaL_checklstring(L, -1, &length);
    say(connection, side, side->result ? side->next_id++ : id, bytes, length);
    lua_pop(L, 1);
}

static int take_turn(lua_State *L)
{
    struct floor_connection *connection = lua_touserdata(L, 2);
    struct side *side = connection->state;
    const uint8_t *at = side->bytes, *end = at + side->length;

    while (end - at >= (ptrdiff_t)FLOOR_PREFIX) {
        uint32_t size = floor_prefix_read(at);
        if ((size_t)(end - at) - FLOOR_PREFIX < size) {
            break;
        }
        take(L, side, at + FLOOR_PREFIX, size);
        at += FLOOR_PREFIX + size;
    }
    side->used = (size_t)(at - side->bytes);
    return 0;
}

static size_t on_messages(struct floor_connection *connection, const uint8_t *bytes, size_t length)
{
    struct side *side = connection->state;

    side->bytes = bytes;
    side->length = side->used = length;
    floor_lua_turn(side->L, take_turn, connection);
    if (side->result) {
        uint64_t now = floor_now();
        side->result->messages = side->due_id;
        side->result->elapsed = now - side->started;
        if (now >= side->deadline) {
            floor_connection_close(connection);
        }
    }
    floor_outbox_flush(&side->outbox, connection);
    return side->used;
}

static void flush(struct floor_connection *connection)
{
    struct side *side = connection->state;
    floor_outbox_flush(&side->outbox, connection);
}

static void ask_first(struct floor_connection *connection, struct side *side,
                      const struct floor_options *options)
{
    static char payload[FLOOR_MOST_PAYLOAD];

    memset(payload, 'Z', sizeof payload);
    side->started = floor_now();
    side->deadline = side->started + options->duration;
    for (unsigned i = 0; i < options->outstanding; i++) {
        if (!say(connection, side, side->next_id++, payload, options->payload)) {
            return;
        }
    }
    flush(connection);
}

static enum floor_outcome run(int fd, const struct floor_options *options,
                              struct floor_result *result)
{
    static const struct floor_hooks hooks = { .arrived = on_messages, .drained = flush };
    struct side side = { .result = result };
    struct floor_connection connection;
    size_t overhead = ID + FLOOR_VALUE_OVERHEAD;

    enum floor_outcome outcome =
        floor_connection_open(&connection, fd, options, overhead, &hooks, &side);
    if (outcome != FLOOR_OK) {
        return outcome;
    }
    side.L = floor_lua_open(handler_chunk, NULL, NULL);
    if (!side.L) {
        floor_connection_abandon(&connection, FLOOR_FAILED);
    } else if (result) {
        ask_first(&connection, &side, options);
    }
    outcome = floor_connection_run(&connection);
    if (side.L) {
        lua_close(side.L);
    }
    return outcome;
}

static enum floor_outcome answer(int fd, const struct floor_options *options)
{
    return run(fd, options, NULL);
}

const struct floor_work floor_lua_requests = {
    .name = "lua_requests", .least_payload = 1, .measure = run, .peer = answer
};
