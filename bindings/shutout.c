/* SPDX-License-Identifier: MIT */
#include "shutout.h"

#include "methods.h"
#include "names.h"

static void check_options(lua_State *L, uint64_t *duration, const char **reason)
{
    static const char *const names[] = { "duration", "reason" };
    *duration = 0;
    *reason = NULL;
    if (lua_isnoneornil(L, 3))
        return;
    hwl_check_options(L, 3, "quarantine option", names, 2);
    if (lua_getfield(L, 3, "duration") != LUA_TNIL) {
        lua_Number seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
        luaL_argcheck(L, seconds >= 1 && seconds <= 1e9, 3,
                      "duration: expected seconds, at least 1");
        *duration = (uint64_t)(seconds * 1e9);
    }
    if (lua_getfield(L, 3, "reason") != LUA_TNIL)
        *reason = hwl_check_text(L, "reason"); /* it stays on the stack */
}

int hwl_system_quarantine(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *address = luaL_checkstring(L, 2), *reason;
    uint64_t duration;
    check_options(L, &duration, &reason);
    return hwl_answer(L, hws_quarantine(self->system, address, reason, duration));
}

int hwl_system_release_endpoint(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    return hwl_answer(L, hws_release(self->system, luaL_checkstring(L, 2)));
}

int hwl_system_block(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    return hwl_answer(L, hws_block_system(self->system, luaL_checkstring(L, 2)));
}

int hwl_system_unblock(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    return hwl_answer(L, hws_unblock_system(self->system, luaL_checkstring(L, 2)));
}

static void append_name(void *data, const char *name)
{
    lua_State *L = data;
    lua_pushstring(L, name);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

int hwl_system_blocked(lua_State *L)
{
    struct hwl_system *self = hwl_check_system(L, 1);
    lua_newtable(L);
    hws_each_blocked_system(self->system, append_name, L);
    return 1;
}
