/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <math.h>
#include <string.h>

#include "call.h"
#include "runner.h"
#include "system.h"

static const char state_key; /* its address names the state in the registry */

struct hwl_state *hwl_state(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
    struct hwl_state *state = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return state;
}

/* Runs last of all the module's finalizers; no Lua is called from here on. */
static int close_state(lua_State *L)
{
    struct hwl_state *state = lua_touserdata(L, 1);
    if (state->closing)
        return 0;
    state->closing = true;
    hwl_systems_close(state);
    hwl_runners_free(state);
    hws_default_allocator()->reallocate(hws_default_allocator(), state->spare.data,
                                        state->spare.capacity, 0);
    state->spare = (struct hwl_bytes){ 0 };
    return 0;
}

static lua_State *main_thread(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}

struct hwl_state *hwl_state_open(lua_State *L)
{
    struct hwl_state *state = hwl_state(L);
    if (state)
        return state;
    state = lua_newuserdatauv(L, sizeof *state, 1);
    *state = (struct hwl_state){ .main = main_thread(L) };
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, close_state);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    state->lua = lua_newthread(L);
    lua_setiuservalue(L, -2, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
    return state;
}

int hwl_failure(lua_State *L, int error, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message && message[0] ? message : hws_strerror(error));
    lua_pushstring(L, hws_errname(error));
    return 3;
}

void hwl_must_act(struct hwl_state *state, lua_State *L)
{
    if (state->answering > 0)
        luaL_error(L, "a policy or log function only answers; it can not act on a system");
}

void hwl_metatable(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "protected by hawser");
    lua_setfield(L, -2, "__metatable");
    if (methods) {
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    if (meta)
        luaL_setfuncs(L, meta, 0);
}

void *hwl_alloc(size_t size)
{
    struct hws_allocator *allocator = hws_default_allocator();
    void *block = allocator->reallocate(allocator, NULL, 0, size);
    if (block)
        memset(block, 0, size);
    return block;
}

void hwl_free(void *block, size_t size)
{
    struct hws_allocator *allocator = hws_default_allocator();
    if (block)
        allocator->reallocate(allocator, block, size, 0);
}

uint64_t hwl_seconds_to_ns(double seconds)
{
    return seconds >= 1.8e10 ? HWS_NEVER : (uint64_t)(seconds * 1e9 + 0.5);
}

uint64_t hwl_check_seconds(lua_State *L, int index, const char *what)
{
    int is_number;
    double seconds = lua_tonumberx(L, index, &is_number);
    if (!is_number || isnan(seconds) || seconds < 0)
        luaL_error(L, "%s: expected a number of seconds from 0 up, got %s", what,
                   luaL_tolstring(L, index, NULL));
    return hwl_seconds_to_ns(seconds);
}
