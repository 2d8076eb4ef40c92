/* SPDX-License-Identifier: MIT */
/*
 * Reads tokens straight into Lua values. The core has checked what it delivers, so nothing here fails for messages; the bounds
 * are checked all the same, because being sure costs a compare.
 */
#include <string.h>

#include "pid.h"
#include "value.h"

struct decoder {
    struct hwl_state *state;
    struct hwl_system *system;
    lua_State *L;
    const uint8_t *next;
    const uint8_t *end;
    int depth;
};

static void decode(struct decoder *d);

static int malformed(struct decoder *d)
{
    return luaL_error(d->L, "not one well-formed msgpack value");
}

static inline const uint8_t *take(struct decoder *d, size_t size)
{
    if ((size_t)(d->end - d->next) < size)
        malformed(d);
    const uint8_t *bytes = d->next;
    d->next += size;
    return bytes;
}

static inline uint64_t take_big(struct decoder *d, int size)
{
    const uint8_t *bytes = take(d, (size_t)size);
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static inline void push_bytes(struct decoder *d, size_t size)
{
    lua_pushlstring(d->L, (const char *)take(d, size), size);
}

static void push_unsigned(struct decoder *d, int size)
{
    uint64_t value = take_big(d, size);
    if (value <= INT64_MAX)
        lua_pushinteger(d->L, (lua_Integer)value);
    else
        lua_pushnumber(d->L, (lua_Number)value);
}

static void push_signed(struct decoder *d, int size)
{
    int unused = 64 - size * 8;
    lua_pushinteger(d->L, (lua_Integer)((int64_t)(take_big(d, size) << unused) >> unused));
}

static void push_float32(struct decoder *d)
{
    uint32_t bits = (uint32_t)take_big(d, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    lua_pushnumber(d->L, (lua_Number)value);
}

static void push_float64(struct decoder *d)
{
    uint64_t bits = take_big(d, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    lua_pushnumber(d->L, value);
}

static void push_mark(struct decoder *d, const void *mark)
{
    lua_rawgetp(d->L, LUA_REGISTRYINDEX, mark);
}

static void push_ext(struct decoder *d, size_t size)
{
    int8_t type = (int8_t)*take(d, 1);
    const char *data = (const char *)take(d, size);
    if (type == HWL_EXT_PID && hwl_push_pid_text(d->system, d->L, data, size))
        return;
    lua_createtable(d->L, 2, 0);
    lua_pushlstring(d->L, data, size);
    lua_rawseti(d->L, -2, 1);
    lua_pushinteger(d->L, type);
    lua_rawseti(d->L, -2, 2);
    push_mark(d, &d->state->ext);
    lua_setmetatable(d->L, -2);
}

/* Containers: each entry takes a byte at least, so a count is never believed beyond what is there. */
static void enter(struct decoder *d, size_t count, size_t least)
{
    if (d->depth == HWL_DEPTH || count > (size_t)(d->end - d->next) / least)
        malformed(d);
    luaL_checkstack(d->L, 6, "message nested too deep");
    d->depth++;
}

static void push_array(struct decoder *d, size_t count)
{
    enter(d, count, 1);
    lua_createtable(d->L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        if (d->next < d->end && *d->next == 0xc0) {
            d->next++;
            push_mark(d, &d->state->null);
        } else {
            decode(d);
        }
        lua_rawseti(d->L, -2, (lua_Integer)i);
    }
    d->depth--;
}

static void push_key(struct decoder *d)
{
    decode(d);
    bool nan = lua_type(d->L, -1) == LUA_TNUMBER && !lua_rawequal(d->L, -1, -1);
    if (lua_isnil(d->L, -1) || nan) {
        lua_pop(d->L, 1);
        push_mark(d, &d->state->null);
    }
}

static void push_map(struct decoder *d, size_t count)
{
    enter(d, count, 2);
    lua_createtable(d->L, 0, (int)count);
    if (count == 0) {
        push_mark(d, &d->state->map);
        lua_setmetatable(d->L, -2);
    }
    for (size_t i = 0; i < count; i++) {
        push_key(d);
        decode(d);
        lua_rawset(d->L, -3);
    }
    d->depth--;
}

static void decode_tail(struct decoder *d, uint8_t token)
{
    switch (token) {
    case 0xc4: push_bytes(d, take_big(d, 1)); break;
    case 0xc5: push_bytes(d, take_big(d, 2)); break;
    case 0xc6: push_bytes(d, take_big(d, 4)); break;
    case 0xc7: push_ext(d, take_big(d, 1)); break;
    case 0xc8: push_ext(d, take_big(d, 2)); break;
    case 0xc9: push_ext(d, take_big(d, 4)); break;
    case 0xca: push_float32(d); break;
    case 0xcb: push_float64(d); break;
    case 0xcc: push_unsigned(d, 1); break;
    case 0xcd: push_unsigned(d, 2); break;
    case 0xce: push_unsigned(d, 4); break;
    case 0xcf: push_unsigned(d, 8); break;
    case 0xd0: push_signed(d, 1); break;
    case 0xd1: push_signed(d, 2); break;
    case 0xd2: push_signed(d, 4); break;
    case 0xd3: push_signed(d, 8); break;
    case 0xd4: push_ext(d, 1); break;
    case 0xd5: push_ext(d, 2); break;
    case 0xd6: push_ext(d, 4); break;
    case 0xd7: push_ext(d, 8); break;
    case 0xd8: push_ext(d, 16); break;
    case 0xd9: push_bytes(d, take_big(d, 1)); break;
    case 0xda: push_bytes(d, take_big(d, 2)); break;
    case 0xdb: push_bytes(d, take_big(d, 4)); break;
    case 0xdc: push_array(d, take_big(d, 2)); break;
    case 0xdd: push_array(d, take_big(d, 4)); break;
    case 0xde: push_map(d, take_big(d, 2)); break;
    case 0xdf: push_map(d, take_big(d, 4)); break;
    default: malformed(d);
    }
}

static void decode(struct decoder *d)
{
    uint8_t token = *take(d, 1);
    if (token <= 0x7f)
        lua_pushinteger(d->L, token);
    else if (token >= 0xe0)
        lua_pushinteger(d->L, (int8_t)token);
    else if (token <= 0x8f)
        push_map(d, token & 0x0f);
    else if (token <= 0x9f)
        push_array(d, token & 0x0f);
    else if (token <= 0xbf)
        push_bytes(d, token & 0x1f);
    else if (token == 0xc0)
        lua_pushnil(d->L);
    else if (token == 0xc2 || token == 0xc3)
        lua_pushboolean(d->L, token == 0xc3);
    else
        decode_tail(d, token);
}

void hwl_decode(struct hwl_state *state, struct hwl_system *system, lua_State *L,
                struct hws_slice value)
{
    struct decoder d = { state, system, L, value.data, value.data + value.size, 0 };
    decode(&d);
    if (d.next != d.end)
        malformed(&d);
}
