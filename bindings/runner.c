/* SPDX-License-Identifier: MIT */
#include "runner.h"

#include <stdio.h>
#include <string.h>

#include "pid.h"
#include "timer.h"
#include "value.h"

#define IDLE_MAX 256

/* --- the pool --- */

static int make_coroutine(lua_State *L)
{
    struct hwl_runner *runner = lua_touserdata(L, 1);
    runner->co = lua_newthread(L);
    runner->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static struct hwl_runner *new_runner(struct hwl_state *state)
{
    struct hwl_runner *runner = hwl_alloc(sizeof *runner);
    if (runner && hwl_call(state, 0, make_coroutine, runner, NULL) != HWL_DONE) {
        hwl_free(runner, sizeof *runner);
        return NULL;
    }
    if (runner)
        runner->state = state;
    return runner;
}

static struct hwl_runner *take(struct hwl_actor *actor)
{
    struct hwl_state *state = actor->system->state;
    struct hwl_runner *runner = state->runners;
    if (runner) {
        state->runners = runner->next;
        state->idle_runners--;
    } else {
        runner = new_runner(state);
        if (!runner)
            return NULL;
    }
    uint64_t limit = actor->system->handler_budget;
    if (runner->budget.limit != limit || runner->budget.over)
        hwl_arm(runner->co, limit);
    runner->budget.limit = limit;
    runner->actor = actor;
    runner->context = NULL;
    runner->context_ref = LUA_NOREF;
    runner->failed = runner->waiting = runner->parked = false;
    return runner;
}

static void free_runner(struct hwl_runner *runner)
{
    if (!runner->state->closing)
        luaL_unref(runner->state->lua, LUA_REGISTRYINDEX, runner->ref);
    hwl_free(runner, sizeof *runner);
}

/* The handler's context becomes the actor's ready one again, when it has none. */
static void give_context_back(struct hwl_runner *runner)
{
    struct hwl_actor *actor = runner->actor;
    if (runner->context)
        hwl_context_end(runner->context);
    if (runner->context_ref == LUA_NOREF)
        return;
    if (!actor->ready && !actor->cut) {
        actor->ready = runner->context;
        actor->ready_ref = runner->context_ref;
    } else if (!runner->state->closing) {
        luaL_unref(runner->state->lua, LUA_REGISTRYINDEX, runner->context_ref);
    }
}

static void give(struct hwl_runner *runner)
{
    struct hwl_state *state = runner->state;
    give_context_back(runner);
    if (state->idle_runners >= IDLE_MAX || state->closing) {
        free_runner(runner);
        return;
    }
    runner->next = state->runners;
    state->runners = runner;
    state->idle_runners++;
}

void hwl_runners_free(struct hwl_state *state)
{
    while (state->runners) {
        struct hwl_runner *runner = state->runners;
        state->runners = runner->next;
        free_runner(runner);
    }
}

/* --- inside the coroutine: 1 hwl_traceback, 2 the context, 3 receive --- */

/* Pushes the handler and its arguments; returns how many these are, or -1 when nobody handles such a message. */
static int push_notice(struct hwl_runner *runner, lua_State *co, const struct hws_message *message)
{
    struct hwl_actor *actor = runner->actor;
    bool terminated = message->kind == HWS_MESSAGE_terminated;
    int handler = actor->handlers[terminated ? HWL_ON_terminated : HWL_ON_dead_letter];
    if (handler == LUA_NOREF)
        return -1;
    runner->context->kind = terminated ? "terminated" : "dead_letter";
    const char *reason =
        terminated ? hws_terminated_name(message->reason) : hws_reason_name(message->reason);
    lua_rawgeti(co, LUA_REGISTRYINDEX, handler);
    lua_pushvalue(co, 2);
    if (actor->plain) {
        lua_createtable(co, 0, 2);
        hwl_push_pid(actor->system, co, message->who);
        lua_setfield(co, -2, "pid");
        lua_pushstring(co, reason);
        lua_setfield(co, -2, "reason");
        return 2;
    }
    hwl_push_pid(actor->system, co, message->who);
    lua_pushstring(co, reason);
    return 3;
}

static int push_call(struct hwl_runner *runner, lua_State *co, const struct hws_message *message)
{
    struct hwl_actor *actor = runner->actor;
    if (message->kind != HWS_MESSAGE_user)
        return push_notice(runner, co, message);
    if (actor->handlers[HWL_ON_receive] == LUA_NOREF)
        return -1;
    runner->context->kind = "user";
    lua_pushvalue(co, 3);
    lua_pushvalue(co, 2);
    hwl_decode(runner->state, actor->system, co, message->payload);
    return 2;
}

static void guarded_end(struct hwl_runner *runner, lua_State *co, bool failed)
{
    runner->failed = failed;
    if (failed)
        hwl_take_error(co, runner->text);
}

/* A handler that had suspended has ended; its runner serves no further messages. */
static int resumed_end(lua_State *co, int status, lua_KContext k)
{
    struct hwl_context *context = lua_touserdata(co, 2);
    (void)k;
    guarded_end(context->runner, co, status != LUA_OK && status != LUA_YIELD);
    return 0;
}

static struct hwl_runner *enter(lua_State *co)
{
    struct hwl_runner *runner = lua_touserdata(co, 1);
    lua_settop(co, 0);
    lua_pushcfunction(co, hwl_traceback);
    runner->context = hwl_push_context(runner->actor, co);
    runner->context->runner = runner;
    return runner;
}

static int serve(lua_State *co)
{
    struct hwl_runner *runner = enter(co);
    struct hwl_context *context = runner->context;
    const struct hws_message *message;
    lua_rawgeti(co, LUA_REGISTRYINDEX, runner->actor->handlers[HWL_ON_receive]);
    while ((message = hws_context_next(runner->actor->context)) != NULL) {
        context->message = message;
        int arguments = push_call(runner, co, message);
        if (arguments < 0)
            continue;
        runner->budget.used = 0;
        int status = hwl_guarded(co, arguments, resumed_end);
        if (status != LUA_OK) {
            guarded_end(runner, co, true);
            return 0;
        }
    }
    return 0;
}

static int start(lua_State *co)
{
    struct hwl_runner *runner = enter(co);
    runner->context->kind = "started";
    lua_rawgeti(co, LUA_REGISTRYINDEX, runner->actor->handlers[HWL_ON_started]);
    lua_pushvalue(co, 2);
    int status = hwl_guarded(co, 1, resumed_end);
    guarded_end(runner, co, status != LUA_OK);
    return 0;
}

/* --- outside of it --- */

enum ended { ENDED_DONE, ENDED_FAILED, ENDED_PARKED };

static enum ended run(struct hwl_runner *runner, int arguments, char *text)
{
    runner->text = text;
    runner->waiting = false;
    enum hwl_outcome outcome =
        hwl_resume(runner->state, &runner->budget, runner->co, arguments, text);
    if (outcome == HWL_YIELDED && runner->waiting)
        return ENDED_PARKED;
    if (outcome == HWL_YIELDED) {
        hwl_reset(runner->state, &runner->budget, runner->co);
        (void)snprintf(
            text, HWL_TEXT,
            "a handler may not yield; only calls such as ctx:request() and ctx:sleep() suspend it");
        return ENDED_FAILED;
    }
    return outcome != HWL_DONE || runner->failed ? ENDED_FAILED : ENDED_DONE;
}

/* Between two resumptions the handler belongs to the parked runner, with its context. */
static void park(struct hwl_runner *runner)
{
    struct hwl_actor *actor = runner->actor;
    runner->parked = true;
    runner->next = actor->parked;
    runner->link = &actor->parked;
    if (runner->next)
        runner->next->link = &runner->next;
    actor->parked = runner;
    hwl_context_keep(runner->context);
    runner->context_ref = actor->ready_ref;
    actor->ready = NULL;
    actor->ready_ref = LUA_NOREF;
}

static void unpark(struct hwl_runner *runner)
{
    *runner->link = runner->next;
    if (runner->next)
        runner->next->link = runner->link;
    runner->parked = false;
}

/* Runs `body` in a runner. */
static enum ended run_in_new(struct hwl_actor *actor, lua_CFunction body)
{
    char text[HWL_TEXT];
    struct hwl_runner *runner = take(actor);
    if (!runner) {
        hws_context_fail(actor->context, "out of memory");
        return ENDED_FAILED;
    }
    lua_pushcfunction(runner->co, body);
    lua_pushlightuserdata(runner->co, runner);
    enum ended ended = run(runner, 1, text);
    if (ended == ENDED_PARKED) {
        park(runner);
        return ended;
    }
    if (ended == ENDED_FAILED)
        hws_context_fail(actor->context, text);
    give(runner);
    return ended;
}

int hwl_runner_serve(struct hwl_actor *actor)
{
    for (;;) {
        enum ended ended = run_in_new(actor, serve);
        if (ended == ENDED_DONE)
            return 0;
        if (ended == ENDED_FAILED)
            return HWS_EFAILED;
        if (!actor->reentrant) {
            hws_context_suspend(actor->context);
            return 0;
        }
    }
}

int hwl_runner_start(struct hwl_actor *actor)
{
    enum ended ended = run_in_new(actor, start);
    if (ended == ENDED_PARKED && !actor->reentrant)
        hws_context_suspend(actor->context);
    return ended == ENDED_FAILED ? HWS_EFAILED : 0;
}

/* A handler that had suspended will not answer any more: the core has forgotten its message. */
static void answer_failed(const struct hwl_runner *runner)
{
    const struct hws_message *message = runner->context ? runner->context->message : NULL;
    struct hws_system *system = runner->actor->system->system;
    if (system && message && message->request_id && message->sender)
        hws_respond_failed(system, message->sender, message->request_id);
}

void hwl_runner_wake(struct hwl_runner *runner)
{
    char text[HWL_TEXT];
    struct hwl_actor *actor = runner->actor;
    hwl_actor_retain(actor);
    enum ended ended = run(runner, 0, text);
    runner->response = NULL;
    if (ended != ENDED_PARKED) {
        struct hws_context *context = actor->context;
        if (ended == ENDED_FAILED)
            answer_failed(runner);
        unpark(runner);
        give(runner);
        if (ended == ENDED_FAILED)
            hws_context_failed_later(context, HWS_EFAILED, text);
        else if (!actor->reentrant)
            hws_context_resume(context);
    }
    hwl_actor_release(actor);
}

struct hwl_runner *hwl_check_runner(struct hwl_context *context, lua_State *L, const char *what)
{
    struct hwl_runner *runner = context->runner;
    if (!runner || runner->co != L)
        luaL_error(L, "ctx:%s suspends this actor's handler; it can not be called %s", what,
                   runner ? "from a coroutine inside it" : "outside of it");
    if (!lua_isyieldable(L))
        luaL_error(L,
                   "ctx:%s suspends the handler, which is not possible inside a C function's "
                   "callback such as table.sort's",
                   what);
    return runner;
}

static void drop(struct hwl_runner *runner)
{
    struct hws_system *system = runner->actor->system->system;
    answer_failed(runner);
    unpark(runner);
    if (runner->request && system)
        hws_request_cancel(system, runner->request);
    if (runner->await && system)
        hws_await_cancel(system, runner->await);
    hws_timer_cancel(runner->timer);
    runner->request = runner->await = 0;
    runner->timer = NULL;
    if (!runner->state->closing)
        hwl_reset(runner->state, &runner->budget, runner->co);
    give(runner);
}

void hwl_runners_drop(struct hwl_actor *actor)
{
    while (actor->parked)
        drop(actor->parked);
}
