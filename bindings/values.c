/* SPDX-License-Identifier: MIT */
/* What scripts use to say how a value is to be encoded: hawser.array, .map, .bin, .ext, .null, and pack and unpack. */
#include "value.h"

/* hawser.array and .map: mark the table given, or a new one. */
static int mark_table(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    if (lua_getmetatable(L, 1) && !lua_rawequal(L, 2, 3)) {
        lua_getfield(L, 3, "__name");
        const char *name = lua_tostring(L, -1);
        return luaL_error(L, "the table has a metatable already (%s)", name ? name : "unnamed");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int make_bin(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    return 1;
}

static int make_ext(lua_State *L)
{
    lua_Integer type = luaL_checkinteger(L, 1);
    luaL_argcheck(L, type >= -128 && type <= 127, 1, "expected an ext type from -128 to 127");
    luaL_checkstring(L, 2);
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    return 1;
}

static int null_text(lua_State *L)
{
    lua_pushliteral(L, "hawser.null");
    return 1;
}

static int bin_text(lua_State *L)
{
    lua_rawgeti(L, 1, 1);
    return 1;
}

/* hawser.pack(value [, limit]) -> bytes | nil, message, code */
static int pack(lua_State *L)
{
    struct hwl_state *state = hwl_state(L);
    char message[400];
    lua_Integer limit = luaL_optinteger(L, 2, 1 << 30);
    luaL_argcheck(L, limit >= 1, 2, "expected a number of bytes");
    lua_settop(L, 1);
    struct hwl_bytes bytes = hwl_bytes_take(state);
    int error = hwl_encode(state, L, 1, (size_t)limit, &bytes, message, sizeof message);
    if (error == 0)
        lua_pushlstring(L, (const char *)bytes.data, bytes.size);
    hwl_bytes_give(state, bytes);
    return error ? hwl_failure(L, error, message) : 1;
}

/* hawser.unpack(bytes) -> value | nil, message, code */
static int unpack(lua_State *L)
{
    size_t size;
    const char *data = luaL_checklstring(L, 1, &size);
    struct hws_slice value = { (const uint8_t *)data, size };
    int error = hws_value_check(value);
    if (error)
        return hwl_failure(L, error, NULL);
    hwl_decode(hwl_state(L), NULL, L, value);
    return 1;
}

/* Adds `name`, a function with the new mark's metatable as its upvalue; the metatable is found by the address of *slot. */
static void open_mark(lua_State *L, const void **slot, const char *type, const char *name,
                      lua_CFunction make, const luaL_Reg *meta)
{
    hwl_metatable(L, type, NULL, meta);
    *slot = lua_topointer(L, -1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, slot);
    lua_pushcclosure(L, make, 1);
    lua_setfield(L, -2, name);
}

void hwl_open_values(struct hwl_state *state, lua_State *L)
{
    static const luaL_Reg bin[] = { { "__tostring", bin_text }, { NULL, NULL } };
    static const luaL_Reg null[] = { { "__tostring", null_text }, { NULL, NULL } };
    open_mark(L, &state->array, "hawser.array", "array", mark_table, NULL);
    open_mark(L, &state->map, "hawser.map", "map", mark_table, NULL);
    open_mark(L, &state->bin, "hawser.bin", "bin", make_bin, bin);
    open_mark(L, &state->ext, "hawser.ext", "ext", make_ext, NULL);
    state->null = lua_newuserdatauv(L, 0, 0);
    hwl_metatable(L, "hawser.null", NULL, null);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state->null);
    lua_setfield(L, -2, "null");
    lua_pushcfunction(L, pack);
    lua_setfield(L, -2, "pack");
    lua_pushcfunction(L, unpack);
    lua_setfield(L, -2, "unpack");
}
