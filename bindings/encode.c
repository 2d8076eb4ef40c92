/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pid.h"
#include "value.h"

struct encoder {
    struct hwl_state *state;
    lua_State *L;
    struct hwl_bytes bytes;
    size_t limit;
    int depth;
    int ancestors[HWL_DEPTH]; /* the stack indices of the tables we are in */
    int error;
    char what[160]; /* what can not be sent */
    char path[160]; /* where it is, built from its end */
    size_t path_start;
};

static int encode(struct encoder *e, int index);

static int fail(struct encoder *e, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(e->what, sizeof e->what, format, arguments);
    va_end(arguments);
    return e->error = error;
}

static void path_prepend(struct encoder *e, const char *text, size_t size)
{
    if (size > e->path_start) { /* too long: its front is left out */
        memset(e->path, '.', e->path_start + 3);
        e->path_start = 0;
        return;
    }
    e->path_start -= size;
    memcpy(e->path + e->path_start, text, size);
}

/* Puts the key at `index` in front of the path of a failure. */
static void path_key(struct encoder *e, int index)
{
    char text[80];
    int size;
    if (lua_type(e->L, index) == LUA_TSTRING)
        size = snprintf(text, sizeof text, ".%s", lua_tostring(e->L, index));
    else if (lua_isinteger(e->L, index))
        size = snprintf(text, sizeof text, "[%lld]", (long long)lua_tointeger(e->L, index));
    else if (lua_type(e->L, index) == LUA_TNUMBER)
        size = snprintf(text, sizeof text, "[%.14g]", (double)lua_tonumber(e->L, index));
    else
        size = snprintf(text, sizeof text, "[%s]", luaL_typename(e->L, index));
    path_prepend(e, text, size < (int)sizeof text ? (size_t)size : sizeof text - 1);
}

static int grow(struct encoder *e, size_t more)
{
    size_t needed = e->bytes.size + more, capacity = e->bytes.capacity ? e->bytes.capacity : 1024;
    while (capacity < needed)
        capacity *= 2;
    struct hws_allocator *allocator = hws_default_allocator();
    uint8_t *data = allocator->reallocate(allocator, e->bytes.data, e->bytes.capacity, capacity);
    if (!data)
        return fail(e, HWS_ENOMEM, "out of memory");
    e->bytes.data = data;
    e->bytes.capacity = capacity;
    return 0;
}

/* Room for `more` bytes; not 0 when the limit is passed already. */
static inline int reserve(struct encoder *e, size_t more)
{
    if (e->bytes.size > e->limit)
        return e->error = HWS_ETOOLARGE;
    return e->bytes.capacity - e->bytes.size >= more ? 0 : grow(e, more);
}

static inline void put8(struct encoder *e, uint8_t byte)
{
    e->bytes.data[e->bytes.size++] = byte;
}

static inline void put_big(struct encoder *e, uint64_t value, int size)
{
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
        put8(e, (uint8_t)(value >> shift));
}

static int put_integer(struct encoder *e, lua_Integer value)
{
    uint64_t bits = (uint64_t)value;
    if (reserve(e, 9))
        return e->error;
    if (value >= -32 && value < 128) {
        put8(e, (uint8_t)bits);
        return 0;
    }
    /* 0xcc.. are uint 8 to 64, 0xd0.. int 8 to 64 */
    uint64_t most = value >= 0 ? bits : ~bits << 1;
    int width = most <= UINT8_MAX ? 0 : most <= UINT16_MAX ? 1 : most <= UINT32_MAX ? 2 : 3;
    put8(e, (uint8_t)((value >= 0 ? 0xcc : 0xd0) + width));
    put_big(e, bits, 1 << width);
    return 0;
}

static int put_float(struct encoder *e, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (reserve(e, 9))
        return e->error;
    put8(e, 0xcb);
    put_big(e, bits, 8);
    return 0;
}

static bool all_ascii(const uint8_t *p, size_t size)
{
    uint64_t word, seen = 0;
    for (; size >= 32; p += 32, size -= 32) {
        uint64_t words[4];
        memcpy(words, p, sizeof words);
        seen |= words[0] | words[1] | words[2] | words[3];
        if (seen & UINT64_C(0x8080808080808080))
            return false;
    }
    for (; size >= 8; p += 8, size -= 8) {
        memcpy(&word, p, sizeof word);
        seen |= word;
    }
    for (; size > 0; p++, size--)
        seen |= *p;
    return !(seen & UINT64_C(0x8080808080808080));
}

/* The length of the UTF-8 character at p, or 0. RFC 3629: no surrogates, nothing above U+10FFFF, shortest forms. */
static size_t character(const uint8_t *p, size_t size)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (length < 2 || p[0] > 0xf4 || length > size)
        return length == 1;
    uint32_t code = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    bool valid = code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return valid ? length : 0;
}

static bool is_text(const uint8_t *p, size_t size)
{
    if (all_ascii(p, size))
        return true;
    for (size_t length; size > 0; p += length, size -= length) {
        length = character(p, size);
        if (length == 0)
            return false;
    }
    return true;
}

static int put_bytes(struct encoder *e, const void *data, size_t size)
{
    /* A string that can not fit is not copied; one byte of it is, so that the result is over the limit. */
    if (size > e->limit) {
        e->bytes.size = 0;
        if (reserve(e, e->limit + 1) == 0) {
            memset(e->bytes.data, 0, e->limit + 1);
            e->bytes.size = e->limit + 1;
        }
        return e->error = e->error ? e->error : HWS_ETOOLARGE;
    }
    memcpy(e->bytes.data + e->bytes.size, data, size);
    e->bytes.size += size;
    return 0;
}

/* `first` is the type's 8-bit form: 0xd9 str, 0xc4 bin. */
static int put_sized(struct encoder *e, uint8_t first, const char *data, size_t size)
{
    size_t room = size > e->limit ? 5 : size + 5;
    if (size > UINT32_MAX)
        return fail(e, HWS_ETOOLARGE, "a string of more than 4 GiB");
    if (reserve(e, room))
        return e->error;
    int width = size <= UINT8_MAX ? 0 : size <= UINT16_MAX ? 1 : 2;
    put8(e, (uint8_t)(first + width));
    put_big(e, size, 1 << width);
    return put_bytes(e, data, size);
}

static int put_string(struct encoder *e, int index)
{
    size_t size;
    const char *data = lua_tolstring(e->L, index, &size);
    if (!is_text((const uint8_t *)data, size))
        return put_sized(e, 0xc4, data, size);
    if (size >= 32)
        return put_sized(e, 0xd9, data, size);
    if (reserve(e, 32))
        return e->error;
    put8(e, (uint8_t)(0xa0 | size));
    memcpy(e->bytes.data + e->bytes.size, data, size);
    e->bytes.size += size;
    return 0;
}

static int put_ext(struct encoder *e, int8_t type, const char *data, size_t size)
{
    if (size > UINT32_MAX)
        return fail(e, HWS_ETOOLARGE, "an ext of more than 4 GiB");
    if (reserve(e, size > e->limit ? 6 : size + 6))
        return e->error;
    if (size == 1 || size == 2 || size == 4 || size == 8 || size == 16) {
        static const uint8_t fixed[] = {
            [1] = 0xd4, [2] = 0xd5, [4] = 0xd6, [8] = 0xd7, [16] = 0xd8
        };
        put8(e, fixed[size]);
    } else {
        int width = size <= UINT8_MAX ? 0 : size <= UINT16_MAX ? 1 : 2;
        put8(e, (uint8_t)(0xc7 + width));
        put_big(e, size, 1 << width);
    }
    put8(e, (uint8_t)type);
    return put_bytes(e, data, size);
}

/* The header of a container: `fix` 0x90 or 0x80 for up to 15, else `wide` 0xdc or 0xde and 16 or 32 bits. */
static int put_count(struct encoder *e, uint8_t fix, uint8_t wide, size_t count)
{
    if (reserve(e, 5))
        return e->error;
    if (count <= 15) {
        put8(e, (uint8_t)(fix | count));
    } else {
        int width = count <= UINT16_MAX ? 0 : 1;
        put8(e, (uint8_t)(wide + width));
        put_big(e, count, 2 << width);
    }
    return 0;
}

static int put_array(struct encoder *e, int table, size_t count)
{
    if (put_count(e, 0x90, 0xdc, count))
        return e->error;
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(e->L, table, (lua_Integer)i);
        if (encode(e, lua_gettop(e->L))) {
            lua_pushinteger(e->L, (lua_Integer)i);
            path_key(e, -1);
            lua_pop(e->L, 2);
            return e->error;
        }
        lua_pop(e->L, 1);
    }
    return 0;
}

static int put_pairs(struct encoder *e, int table)
{
    lua_State *L = e->L;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        int key = lua_gettop(L) - 1;
        if (lua_istable(L, key) || lua_isuserdata(L, key)) {
            if (lua_touserdata(L, key) != e->state->null)
                fail(e, HWS_EENCODE, "a %s can not be a key", luaL_typename(L, key));
        }
        if (e->error || encode(e, key) || encode(e, key + 1)) {
            path_key(e, key);
            lua_pop(L, 2);
            return e->error;
        }
        lua_pop(L, 1);
    }
    return 0;
}

/* How many entries, and whether they are exactly 1..n. */
static size_t survey(lua_State *L, int table, bool *sequence)
{
    size_t count = 0, length = lua_rawlen(L, table);
    *sequence = true;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        count++;
        if (*sequence) {
            lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
            *sequence = key >= 1 && (size_t)key <= length;
        }
    }
    *sequence = *sequence && count == length;
    return count;
}

static int put_mark(struct encoder *e, int table, const void *mark)
{
    lua_State *L = e->L;
    lua_rawgeti(L, table, 1);
    size_t size;
    const char *data = lua_tolstring(L, -1, &size);
    if (!data) {
        fail(e, HWS_EENCODE, "a %s without its bytes can not be sent",
             mark == e->state->bin ? "bin" : "ext");
    } else if (mark == e->state->bin) {
        put_sized(e, 0xc4, data, size);
    } else {
        lua_rawgeti(L, table, 2);
        put_ext(e, (int8_t)lua_tointeger(L, -1), data, size);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return e->error;
}

static int put_entries(struct encoder *e, int table, const void *mark)
{
    bool sequence;
    size_t count;
    if (mark && mark == e->state->array)
        return put_array(e, table, lua_rawlen(e->L, table));
    count = survey(e->L, table, &sequence);
    if (sequence && !(mark && mark == e->state->map))
        return put_array(e, table, count);
    return put_count(e, 0x80, 0xde, count) ? e->error : put_pairs(e, table);
}

static int put_table(struct encoder *e, int table)
{
    const void *mark = NULL;
    if (lua_getmetatable(e->L, table)) {
        mark = lua_topointer(e->L, -1);
        lua_pop(e->L, 1);
        if (mark == e->state->bin || mark == e->state->ext)
            return put_mark(e, table, mark);
    }
    for (int i = 0; i < e->depth; i++) {
        if (lua_rawequal(e->L, e->ancestors[i], table))
            return fail(e, HWS_EENCODE, "a table that contains itself can not be sent");
    }
    if (e->depth == HWL_DEPTH)
        return fail(e, HWS_EENCODE, "nested more than %d deep", HWL_DEPTH);
    if (!lua_checkstack(e->L, 6))
        return fail(e, HWS_ENOMEM, "out of memory");
    e->ancestors[e->depth++] = table;
    put_entries(e, table, mark);
    e->depth--;
    return e->error;
}

static int put_userdata(struct encoder *e, int index)
{
    if (lua_touserdata(e->L, index) == e->state->null)
        return reserve(e, 1) ? e->error : (put8(e, 0xc0), 0);
    const struct hwl_pid *pid = hwl_to_pid(e->L, index);
    if (pid)
        return put_ext(e, HWL_EXT_PID, pid->text, pid->size);
    return fail(e, HWS_EENCODE, "a userdata can not be sent");
}

static int encode(struct encoder *e, int index)
{
    switch (lua_type(e->L, index)) {
    case LUA_TNIL: return reserve(e, 1) ? e->error : (put8(e, 0xc0), 0);
    case LUA_TBOOLEAN:
        return reserve(e, 1) ? e->error : (put8(e, lua_toboolean(e->L, index) ? 0xc3 : 0xc2), 0);
    case LUA_TNUMBER:
        if (lua_isinteger(e->L, index))
            return put_integer(e, lua_tointeger(e->L, index));
        return put_float(e, lua_tonumber(e->L, index));
    case LUA_TSTRING: return put_string(e, index);
    case LUA_TTABLE: return put_table(e, index);
    case LUA_TUSERDATA: return put_userdata(e, index);
    default: return fail(e, HWS_EENCODE, "a %s can not be sent", luaL_typename(e->L, index));
    }
}

int hwl_encode(struct hwl_state *state, lua_State *L, int index, size_t limit,
               struct hwl_bytes *out, char *message, size_t capacity)
{
    struct encoder e;
    e.state = state;
    e.L = L;
    e.bytes = *out;
    e.bytes.size = 0;
    e.limit = limit;
    e.depth = 0;
    e.error = 0;
    e.what[0] = 0;
    e.path_start = sizeof e.path;
    encode(&e, lua_absindex(L, index));
    *out = e.bytes;
    if (e.error == 0 && e.bytes.size > limit)
        e.error = HWS_ETOOLARGE;
    if (e.error == HWS_ETOOLARGE)
        (void)snprintf(message, capacity, "the message is larger than %zu bytes (max_frame_size)",
                       limit);
    else if (e.error)
        (void)snprintf(message, capacity, "message%.*s: %s", (int)(sizeof e.path - e.path_start),
                       e.path + e.path_start, e.what);
    return e.error;
}

struct hwl_bytes hwl_bytes_take(struct hwl_state *state)
{
    struct hwl_bytes bytes = state->spare;
    state->spare = (struct hwl_bytes){ 0 };
    return bytes;
}

void hwl_bytes_give(struct hwl_state *state, struct hwl_bytes bytes)
{
    struct hws_allocator *allocator = hws_default_allocator();
    /* A burst of large messages does not pin its memory. */
    if (state->spare.data || bytes.capacity > 1 << 20)
        allocator->reallocate(allocator, bytes.data, bytes.capacity, 0);
    else
        state->spare = bytes;
}
