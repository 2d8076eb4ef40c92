/* SPDX-License-Identifier: MIT */
/* The time of a world: running it, and what it shows. */
#include <stdio.h>

#include "run.h"
#include "world.h"

/* Ends the run that a handler is called from. */
int hwl_world_halt(lua_State *L)
{
    hwl_check_world(L)->halted = true;
    return 0;
}

struct run {
    struct hwl_world *world;
    lua_State *L;
    uint64_t end;
    struct hwl_condition until; /* without a function: until `end` */
    bool stepped;               /* of a single step: was there one? */
};

static uint64_t world_now(const struct hwl_world *world)
{
    struct hws_clock *clock = hws_loopback_clock(world->loopback);
    return clock->now(clock);
}

/* Has it come to its end before `end`, one way or the other? */
static bool is_over(const struct run *run)
{
    return run->until.outcome != HWL_DONE || run->until.met || run->world->halted ||
           hwl_interrupted(run->world->state);
}

static bool goes_on(struct run *run)
{
    if (run->until.function != LUA_NOREF)
        hwl_ask_condition(run->world->state, &run->until);
    return !is_over(run);
}

static void do_steps(struct run *run)
{
    struct hws_loopback *loopback = run->world->loopback;
    hwl_let_go_of_stopped(run->world->state);
    while (goes_on(run)) {
        if (hws_loopback_next(loopback) > run->end)
            break;
        hws_loopback_step(loopback);
    }
    if (!is_over(run))
        hws_loopback_run(loopback, run->end - world_now(run->world));
}

/* Raises what there is to raise. The interrupt counts as obeyed. */
static void finish(struct run *run)
{
    struct hwl_state *state = run->world->state;
    if (hwl_interrupted(state)) {
        state->obeyed = atomic_load(&state->interrupts);
        lua_pushliteral(run->L, "interrupted");
        lua_error(run->L);
    }
    if (run->until.outcome != HWL_DONE)
        luaL_error(run->L, "%s", run->until.text);
}

static void go(struct run *run, void (*steps)(struct run *run))
{
    struct hwl_world *world = run->world;
    bool inside = atomic_exchange(&world->state->running, true);
    hwl_world_retain(world);
    world->running = true;
    world->halted = false;
    steps(run);
    world->running = false;
    atomic_store(&world->state->running, inside);
    if (run->until.function != LUA_NOREF)
        luaL_unref(run->L, LUA_REGISTRYINDEX, run->until.function);
    hwl_world_release(world);
}

static uint64_t end_of(const struct hwl_world *world, uint64_t duration)
{
    uint64_t now = world_now(world);
    return duration < HWS_NEVER - now ? now + duration : HWS_NEVER - 1;
}

static struct hwl_world *check_idle(lua_State *L)
{
    struct hwl_world *world = hwl_check_world(L);
    if (world->running)
        luaL_error(L, "the world is running; it can not be run inside a handler");
    return world;
}

/* world:run(seconds) -> false when a handler halted it */
int hwl_world_run(lua_State *L)
{
    struct run run = { .world = check_idle(L), .L = L, .until.function = LUA_NOREF };
    run.end = end_of(run.world, hwl_check_seconds(L, 2, "run"));
    go(&run, do_steps);
    finish(&run);
    lua_pushboolean(L, !run.world->halted);
    return 1;
}

/* world:run_until(fn, seconds) -> was it so? */
int hwl_world_run_until(lua_State *L)
{
    struct run run = { .world = check_idle(L), .L = L };
    luaL_checktype(L, 2, LUA_TFUNCTION);
    run.end = end_of(run.world, hwl_check_seconds(L, 3, "run_until"));
    lua_pushvalue(L, 2);
    run.until.function = luaL_ref(L, LUA_REGISTRYINDEX);
    go(&run, do_steps);
    finish(&run);
    lua_pushboolean(L, run.until.met);
    return 1;
}

static void do_one(struct run *run)
{
    run->stepped = hws_loopback_step(run->world->loopback);
}

int hwl_world_step(lua_State *L)
{
    struct run run = { .world = check_idle(L), .L = L, .until.function = LUA_NOREF };
    go(&run, do_one);
    finish(&run);
    lua_pushboolean(L, run.stepped);
    return 1;
}

/* world:now() -> seconds since it began, which is at 1 s of its clock */
int hwl_world_now(lua_State *L)
{
    lua_pushnumber(L, (double)(world_now(hwl_check_world(L)) - HWS_SECOND) / 1e9);
    return 1;
}

/* world:next() -> when the next step is due, or nil */
int hwl_world_next(lua_State *L)
{
    uint64_t due = hws_loopback_next(hwl_check_world(L)->loopback);
    if (due == HWS_NEVER)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (double)(due - HWS_SECOND) / 1e9);
    return 1;
}

/* world:digest() -> 16 hex digits, steps */
int hwl_world_digest(lua_State *L)
{
    char text[24];
    uint64_t steps, hash = hws_loopback_digest(hwl_check_world(L)->loopback, &steps);
    (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    lua_pushstring(L, text);
    lua_pushinteger(L, (lua_Integer)steps);
    return 2;
}
