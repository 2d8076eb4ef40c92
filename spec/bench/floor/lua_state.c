/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "lua_state.h"

#include <lauxlib.h>
#include <lualib.h>

struct opening {
    const char *chunk;
    lua_CFunction send;
    void *context;
};

static int open_protected(lua_State *L)
{
    const struct opening *opening = lua_touserdata(L, 1);

    luaL_openlibs(L);
    if (opening->send) {
        lua_pushlightuserdata(L, opening->context);
        lua_pushcclosure(L, opening->send, 1);
        lua_setglobal(L, "send");
    }
    if (luaL_loadstring(L, opening->chunk) != LUA_OK) {
        return lua_error(L);
    }
    lua_call(L, 0, 1);
    return 1;
}

lua_State *floor_lua_open(const char *chunk, lua_CFunction send, void *context)
{
    struct opening opening = { chunk, send, context };
    lua_State *L = luaL_newstate();

    if (!L) {
        floor_fail("out of memory");
        return NULL;
    }
    lua_pushcfunction(L, open_protected);
    lua_pushlightuserdata(L, &opening);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        floor_fail("can't start Lua: %s", lua_tostring(L, -1));
        lua_close(L);
        return NULL;
    }
    return L;
}

void floor_lua_turn(lua_State *L, lua_CFunction turn, struct floor_connection *connection)
{
    lua_pushcfunction(L, turn);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, connection);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
        floor_connection_abandon(connection, floor_fail("Lua failed: %s", lua_tostring(L, -1)));
        lua_pop(L, 1);
    }
}
