/* SPDX-License-Identifier: MIT */
#include "call.h"

#include <stdio.h>
#include <string.h>

/* Often enough for a policy's budget to mean something, seldom enough to cost nothing beside the interpreter's own work. */
static int step_of(uint64_t limit)
{
    uint64_t step = limit / 10;
    return step < 1000 ? 1000 : step > 1000000 ? 1000000 : (int)step;
}

/* Where luaL_error() would name the caller of the function that runs, this names the function itself. */
static void raise_over(lua_State *L, lua_Debug *running, uint64_t limit)
{
    lua_getinfo(L, "Sl", running);
    if (running->currentline > 0)
        lua_pushfstring(L, "%s:%d: ", running->short_src, running->currentline);
    else
        lua_pushliteral(L, "");
    lua_pushfstring(L, "used up its budget of %I instructions", (LUAI_UACINT)limit);
    lua_concat(L, 2);
    lua_error(L);
}

static void on_count(lua_State *L, lua_Debug *debug)
{
    struct hwl_state *state = hwl_state(L);
    struct hwl_budget *budget = state ? state->budget : NULL;
    if (!budget || budget->limit == 0)
        return;
    int count = lua_gethookcount(L);
    if (count == 1 &&
        !budget->over) { /* a coroutine left over from a call that was over its budget */
        lua_sethook(L, on_count, LUA_MASKCOUNT, step_of(budget->limit));
        return;
    }
    budget->used += (uint64_t)count;
    if (!budget->over && budget->used < budget->limit)
        return;
    /* From here every instruction fails, so that a pcall in a loop can not go on, here or outside of this coroutine. */
    budget->over = true;
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    lua_sethook(budget->co, on_count, LUA_MASKCOUNT, 1);
    raise_over(L, debug, budget->limit);
}

void hwl_arm(lua_State *co, uint64_t limit)
{
    if (limit == 0)
        lua_sethook(co, NULL, 0, 0);
    else
        lua_sethook(co, on_count, LUA_MASKCOUNT, step_of(limit));
}

/* One line that says "[C]: in ?" tells nobody anything. */
static bool worth_a_traceback(lua_State *L)
{
    lua_Debug debug;
    if (!lua_getstack(L, 1, &debug))
        return false;
    lua_getinfo(L, "S", &debug);
    return debug.what[0] != 'C' || lua_getstack(L, 2, &debug);
}

int hwl_traceback(lua_State *L)
{
    const char *text = lua_tostring(L, 1);
    if (!text && luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING)
        text = lua_tostring(L, -1);
    if (!text)
        text = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    if (worth_a_traceback(L))
        luaL_traceback(L, L, text, 1);
    else
        lua_pushstring(L, text);
    return 1;
}

void hwl_take_error(lua_State *L, char *text)
{
    if (text) {
        /* lua_tostring would allocate for a number; every error that has a traceback is a string. */
        const char *error =
            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "error without a text";
        size_t size = strlen(error);
        size = size < HWL_TEXT ? size : HWL_TEXT - 1;
        memcpy(text, error, size);
        text[size] = 0;
    }
    lua_pop(L, 1);
}

static void enter(struct hwl_state *state, struct hwl_budget *budget, lua_State *co)
{
    budget->co = co;
    budget->used = 0;
    budget->over = false;
    budget->outer = state->budget;
    state->budget = budget;
}

static enum hwl_outcome outcome_of(int status, const struct hwl_budget *budget)
{
    if (status == LUA_OK)
        return HWL_DONE;
    if (status == LUA_YIELD)
        return HWL_YIELDED;
    if (status == LUA_ERRMEM)
        return HWL_OUT_OF_MEMORY;
    return budget->over ? HWL_OVER_BUDGET : HWL_FAILED;
}

enum hwl_outcome hwl_call(struct hwl_state *state, uint64_t limit, lua_CFunction body, void *data,
                          char *text)
{
    lua_State *L = state->lua;
    struct hwl_budget budget = { .limit = limit };
    if (state->closing || !lua_checkstack(L, LUA_MINSTACK)) {
        if (text)
            (void)snprintf(text, HWL_TEXT, "%s",
                           state->closing ? "the Lua state is closing" : "stack overflow");
        return HWL_FAILED;
    }
    lua_Hook outer_hook = lua_gethook(L);
    int outer_count = lua_gethookcount(L);
    enter(state, &budget, L);
    hwl_arm(L, limit);
    lua_pushcfunction(L, hwl_traceback);
    lua_pushcfunction(L, body);
    lua_pushlightuserdata(L, data);
    int handler = lua_gettop(L) - 2;
    int status = lua_pcall(L, 1, 0, handler);
    state->budget = budget.outer;
    lua_sethook(L, outer_hook, outer_hook ? LUA_MASKCOUNT : 0, outer_count);
    if (status != LUA_OK)
        hwl_take_error(L, text);
    lua_pop(L, 1);
    return outcome_of(status, &budget);
}

enum hwl_outcome hwl_resume(struct hwl_state *state, struct hwl_budget *budget, lua_State *co,
                            int count, char *text)
{
    int results;
    enter(state, budget, co);
    int status = lua_resume(co, state->lua, count, &results);
    state->budget = budget->outer;
    if (status != LUA_OK && status != LUA_YIELD) {
        hwl_take_error(co, text);
        lua_resetthread(co);
        lua_settop(co, 0);
    } else {
        lua_pop(co, results);
    }
    return outcome_of(status, budget);
}

void hwl_reset(struct hwl_state *state, struct hwl_budget *budget, lua_State *co)
{
    enter(state, budget, co);
    lua_resetthread(co);
    state->budget = budget->outer;
    lua_settop(co, 0);
}

int hwl_guarded(lua_State *co, int count, lua_KFunction k)
{
    return lua_pcallk(co, count, 0, 1, 0, k);
}
