/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "hawser_lua.h"
#include "kind.h"
#include "reload.h"

struct run {
    struct hwl_state *state;
    struct hwl_system *only; /* NULL: all */
    const bool *over;        /* not NULL: until that is true */
    struct hwl_condition until;
};

void hwl_let_go_of_stopped(struct hwl_state *state)
{
    for (struct hwl_system *self = state->systems; self; self = self->next) {
        if (self->owned && self->anchored && self->system && hws_is_stopped(self->system)) {
            self->anchored = false;
            hwl_kinds_cut(self); /* a constructor may hold the system */
            hwl_run_forget(state, self->system);
            luaL_unref(state->lua, LUA_REGISTRYINDEX, self->object);
        }
    }
}

static bool all_stopped(const struct hwl_state *state)
{
    for (const struct hwl_system *self = state->systems; self; self = self->next) {
        if (self->owned && !self->world && self->system && !hws_is_stopped(self->system))
            return false;
    }
    return true;
}

bool hwl_interrupted(const struct hwl_state *state)
{
    return atomic_load(&state->interrupts) != state->obeyed;
}

/* The first interrupt stops in order, the second at once. */
static void obey_interrupts(struct hwl_state *state)
{
    int interrupts = atomic_load(&state->interrupts);
    if (!hwl_interrupted(state))
        return;
    state->obeyed = interrupts;
    for (struct hwl_system *self = state->systems; self; self = self->next) {
        if (self->owned && !self->world && self->system)
            hws_stop(self->system, "interrupted", interrupts > 1 ? 0 : HWS_NEVER);
    }
}

static int call_condition(lua_State *L)
{
    struct hwl_condition *condition = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, condition->function);
    lua_call(L, 0, 1);
    condition->met = lua_toboolean(L, -1);
    return 0;
}

void hwl_ask_condition(struct hwl_state *state, struct hwl_condition *condition)
{
    condition->outcome =
        hwl_call(state, HWL_HANDLER_BUDGET, call_condition, condition, condition->text);
}

static bool is_done(void *data)
{
    struct run *run = data;
    obey_interrupts(run->state);
    hwl_obey_reloads(run->state);
    hwl_let_go_of_stopped(run->state);
    if (run->until.function != LUA_NOREF) {
        hwl_ask_condition(run->state, &run->until);
        return run->until.outcome != HWL_DONE || run->until.met;
    }
    if (run->over)
        return *run->over;
    if (run->only)
        return !run->only->system || hws_is_stopped(run->only->system);
    return all_stopped(run->state);
}

int hwl_make_loop(struct hwl_state *state)
{
    struct uv_loop_s *loop = atomic_load(&state->loop);
    int error = loop ? 0 : hws_loop_new(&loop);
    if (!error)
        atomic_store(&state->loop, loop);
    return error;
}

static int run_loop(struct run *run, lua_State *L, uint64_t timeout)
{
    struct hwl_state *state = run->state;
    if (state->running)
        return luaL_error(L, "the loop is running; run() can not be called inside a handler");
    if (!state->loop)
        return is_done(run) ? 0 : HWS_ESTATE;
    state->running = true;
    int error = hws_loop_run_until(state->loop, is_done, run, timeout);
    state->running = false;
    return error;
}

/* Nothing is left for who waits for "stopped": a last look, in case the loop ended with the system. */
static int finish(struct run *run, lua_State *L, int error)
{
    hwl_let_go_of_stopped(run->state);
    if (error)
        return hwl_failure(L, error, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

void hwl_check_runs(const struct hwl_system *self, lua_State *L)
{
    if (!self->owned)
        luaL_error(L, "the host that made this system runs its loop");
    if (self->world)
        luaL_error(L, "the system is of a world, which runs it: world:run(seconds)");
}

int hwl_system_run(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    struct run run = { .state = self->state, .only = self, .until.function = LUA_NOREF };
    hwl_check_runs(self, L);
    return finish(&run, L, run_loop(&run, L, HWS_NEVER));
}

int hwl_run_until_over(struct hwl_system *self, const bool *over)
{
    struct run run = { .state = self->state, .until.function = LUA_NOREF, .over = over };
    struct hwl_state *state = self->state;
    int error = state->running ? HWS_ESTATE : run_loop(&run, state->lua, HWS_NEVER);
    hwl_let_go_of_stopped(state);
    return error;
}

int hwl_run_all(lua_State *L)
{
    struct run run = { .state = hwl_state(L), .until.function = LUA_NOREF };
    hwl_must_act(run.state, L);
    return finish(&run, L, run_loop(&run, L, HWS_NEVER));
}

/* core.run_until(fn [, seconds]) -> true | nil, message, "ETIMEOUT". An error in fn is raised. */
int hwl_run_until(lua_State *L)
{
    struct run run = { .state = hwl_state(L) };
    uint64_t timeout = lua_isnoneornil(L, 2) ? HWS_NEVER : hwl_check_seconds(L, 2, "timeout");
    luaL_checktype(L, 1, LUA_TFUNCTION);
    hwl_must_act(run.state, L);
    lua_pushvalue(L, 1);
    run.until.function = luaL_ref(L, LUA_REGISTRYINDEX);
    int error = run.state->running ? HWS_ESTATE : run_loop(&run, L, timeout);
    luaL_unref(L, LUA_REGISTRYINDEX, run.until.function);
    if (run.until.outcome != HWL_DONE)
        return luaL_error(L, "%s", run.until.text);
    return finish(&run, L, error);
}

/* --- interrupts --- */

void hwl_run_remember(struct hwl_state *state, struct hws_system *system)
{
    atomic_store(&state->waker, system);
}

void hwl_run_forget(struct hwl_state *state, struct hws_system *system)
{
    if (atomic_load(&state->waker) != system)
        return;
    struct hws_system *next = NULL;
    for (struct hwl_system *self = state->systems; self; self = self->next) {
        if (self->owned && !self->world && self->system && self->system != system &&
            !hws_is_stopped(self->system))
            next = self->system;
    }
    atomic_store(&state->waker, next);
}

static void raise_interrupted(lua_State *L, lua_Debug *debug)
{
    (void)debug;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted");
}

struct hwl_state *hwl_interrupt_handle(lua_State *L)
{
    return hwl_state_open(L);
}

int hwl_interrupts(lua_State *L)
{
    lua_pushinteger(L, atomic_load(&hwl_state(L)->interrupts));
    return 1;
}

int hwl_interrupt(struct hwl_state *state)
{
    int interrupts = atomic_fetch_add(&state->interrupts, 1) + 1;
    struct hws_system *waker = atomic_load(&state->waker);
    struct uv_loop_s *loop = atomic_load(&state->loop);
    if (waker)
        hws_stop_from_any_thread(waker);
    else if (loop)
        hws_loop_wake(loop);
    if (!atomic_load(&state->running))
        lua_sethook(state->main, raise_interrupted,
                    LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
    return interrupts;
}
