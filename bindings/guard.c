/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "guard.h"

#include <poll.h>

#define STEP 50000 /* instructions between two looks: about a millisecond */

struct hwl_guard {
    lua_State *co;
    int descriptor;
    bool interrupted;
    struct hwl_guard *outer;
};

static bool is_readable(int descriptor)
{
    struct pollfd waits = { .fd = descriptor, .events = POLLIN };
    return descriptor >= 0 && poll(&waits, 1, 0) > 0;
}

static bool is_over(const struct hwl_state *state, const struct hwl_guard *guard)
{
    return guard->interrupted || atomic_load(&state->interrupts) != state->obeyed ||
           is_readable(guard->descriptor);
}

int hwl_is_interrupted(lua_State *L)
{
    struct hwl_state *state = hwl_state(L);
    lua_pushboolean(L, state->guard && is_over(state, state->guard));
    return 1;
}

static void on_count(lua_State *L, lua_Debug *debug)
{
    struct hwl_state *state = hwl_state(L);
    struct hwl_guard *guard = state ? state->guard : NULL;
    (void)debug;
    if (!guard) { /* a coroutine that has outlived the line that made it */
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    if (!guard->interrupted && lua_gethookcount(L) == 1)
        lua_sethook(L, on_count, LUA_MASKCOUNT, STEP);
    if (!is_over(state, guard))
        return;
    guard->interrupted = true;
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    lua_sethook(guard->co, on_count, LUA_MASKCOUNT, 1);
    luaL_error(L, "interrupted");
}

int hwl_guarded_resume(lua_State *L)
{
    struct hwl_state *state = hwl_state(L);
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    int descriptor = (int)luaL_checkinteger(L, 2), count = lua_gettop(L) - 2, results = 0;
    if (!lua_checkstack(co, count))
        return luaL_error(L, "too many arguments");
    lua_xmove(L, co, count);
    struct hwl_guard guard = { co, descriptor, false, state->guard };
    state->guard = &guard;
    lua_sethook(co, on_count, LUA_MASKCOUNT, STEP);
    int status = lua_resume(co, L, count, &results);
    state->guard = guard.outer;
    lua_sethook(co, NULL, 0, 0);
    bool failed = status != LUA_OK && status != LUA_YIELD;
    results = failed ? 1 : results;
    lua_pushboolean(L, !failed);
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        return luaL_error(L, "too many results");
    }
    lua_xmove(co, L, results);
    if (!failed)
        return results + 1;
    lua_pushboolean(L, guard.interrupted);
    return 3;
}
