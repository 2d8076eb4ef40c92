/* SPDX-License-Identifier: MIT */
#include "await.h"

#include "call.h"
#include "callback.h"
#include "context.h"
#include "methods.h"
#include "run.h"
#include "runner.h"

/* Its end as results: true, or nil, message, code. */
static int push_end(lua_State *L, int status)
{
    return status == HWS_EDISCONNECTED ? hwl_failure(L, status, "the endpoint is closed")
                                       : hwl_answer(L, status);
}

static int refused(lua_State *L, const char *address, int error)
{
    if (error == HWS_ENOTFOUND)
        lua_pushfstring(L, "no endpoint of address %s; associate() makes one", address);
    else if (error == HWS_EDISCONNECTED)
        lua_pushfstring(L, "the endpoint of address %s is closed; associate() opens it", address);
    else
        return hwl_failure(L, error, NULL);
    return hwl_failure(L, error, lua_tostring(L, -1));
}

/* --- with a function --- */

struct wait {
    struct hwl_callback callback;
    uint64_t id;
    int status;
};

static void cancel(struct hwl_callback *callback)
{
    struct hwl_system *self = callback->system;
    if (self->system)
        hws_await_cancel(self->system, ((struct wait *)callback)->id);
}

static const struct hwl_callback_ops ops = { sizeof(struct wait), cancel, "wait" };

static int call(lua_State *L)
{
    struct wait *wait = lua_touserdata(L, 1);
    int status = wait->status;
    hwl_callback_push(&wait->callback, L);
    hwl_callback_free(&wait->callback);
    lua_call(L, push_end(L, status), 0);
    return 0;
}

static void on_end(void *data, int status)
{
    struct wait *wait = data;
    struct hwl_system *self = hwl_system_retain(wait->callback.system);
    char text[HWL_TEXT];
    wait->status = status;
    if (hwl_call(self->state, self->handler_budget, call, wait, text) != HWL_DONE)
        hwl_report(self, "the function of an await_reconnect", text);
    hwl_system_release(self);
}

/* --- in the main program --- */

struct stay {
    bool over;
    int status;
};

static void on_stayed(void *data, int status)
{
    *(struct stay *)data = (struct stay){ true, status };
}

static int stay(struct hwl_system *self, lua_State *L, const char *address, uint64_t timeout)
{
    struct stay stay = { 0 };
    uint64_t id;
    if (self->state->running)
        return hwl_failure(L, HWS_ESTATE, "the loop is running; inside a handler give a function");
    hwl_check_runs(self, L);
    int error = hws_await_reconnect(self->system, address, timeout, on_stayed, &stay, &id);
    if (error)
        return refused(L, address, error);
    error = hwl_run_until_over(self, &stay.over);
    if (stay.over)
        return push_end(L, stay.status);
    if (self->system)
        hws_await_cancel(self->system, id);
    return hwl_failure(L, error ? error : HWS_ECLOSED, NULL);
}

int hwl_system_await(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *address = luaL_checkstring(L, 2);
    uint64_t timeout = hwl_check_seconds(L, 3, "timeout");
    if (lua_isnoneornil(L, 4))
        return stay(self, L, address, timeout);
    struct wait *wait = (struct wait *)hwl_callback_new(self, L, 4, &ops);
    int error = hws_await_reconnect(self->system, address, timeout, on_end, wait, &wait->id);
    if (error) {
        hwl_callback_free(&wait->callback);
        return refused(L, address, error);
    }
    hwl_callback_push_handle(&wait->callback, L);
    return 1;
}

/* --- inside a handler --- */

static void on_runner(void *data, int status)
{
    struct hwl_runner *runner = data;
    runner->await = 0;
    runner->status = status;
    hwl_runner_wake(runner);
}

static int awaited(lua_State *L, int status, lua_KContext k)
{
    const struct hwl_context *context = lua_touserdata(L, 1);
    (void)status;
    (void)k;
    return push_end(L, context->runner->status);
}

int hwl_context_await(lua_State *L)
{
    struct hwl_context *context = hwl_check_context(L, 1);
    struct hwl_runner *runner = hwl_check_runner(context, L, "await_reconnect");
    const char *address = luaL_checkstring(L, 2);
    uint64_t timeout = hwl_check_seconds(L, 3, "timeout");
    int error = hws_await_reconnect(context->actor->system->system, address, timeout, on_runner,
                                    runner, &runner->await);
    if (error)
        return refused(L, address, error);
    runner->waiting = true;
    return lua_yieldk(L, 0, 0, awaited);
}
