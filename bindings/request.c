/* SPDX-License-Identifier: MIT */
#include "request.h"

#include "callback.h"
#include "context.h"
#include "pid.h"
#include "runner.h"
#include "send.h"

/* --- with a function --- */

struct request {
    struct hwl_callback callback;
    uint64_t id;
    uint64_t timeout;
};

struct answer {
    struct request *request;
    struct hwl_system *system;
    int status;
    const struct hws_message *response;
    uint64_t timeout;
};

static void cancel(struct hwl_callback *callback)
{
    struct hwl_system *self = callback->system;
    if (self->system)
        hws_request_cancel(self->system, ((struct request *)callback)->id);
}

static const struct hwl_callback_ops ops = { sizeof(struct request), cancel, "request" };

static int call(lua_State *L)
{
    struct answer *answer = lua_touserdata(L, 1);
    hwl_callback_push(&answer->request->callback, L);
    hwl_callback_free(&answer->request->callback);
    answer->request = NULL;
    lua_call(
        L, hwl_push_response(answer->system, L, answer->status, answer->response, answer->timeout),
        0);
    return 0;
}

static void on_answer(void *data, int status, const struct hws_message *response)
{
    struct request *request = data;
    struct hwl_system *self = hwl_system_retain(request->callback.system);
    struct answer answer = { request, self, status, response, request->timeout };
    char text[HWL_TEXT];
    if (hwl_call(self->state, self->handler_budget, call, &answer, text) != HWL_DONE)
        hwl_report(self, "a request's function", text);
    hwl_system_release(self);
}

int hwl_system_request(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    struct hwl_outgoing out;
    if (lua_isfunction(L, 4)) {
        lua_settop(L, 4);
        lua_pushnil(L);
        lua_insert(L, 4);
    }
    lua_settop(L, 5);
    luaL_argexpected(L, lua_isfunction(L, 5), 5, "function that takes the reply");
    struct hws_pid *target = hwl_check_target(self, L, 2);
    if (!target)
        return hwl_failure(L, HWS_EADDRESS, "the target is no PID");
    hwl_outgoing_options(&out, self, L, 4, NULL, HWL_REQUEST);
    struct request *request = (struct request *)hwl_callback_new(self, L, 5, &ops);
    hwl_outgoing_encode(&out, self, L, 3);
    request->timeout = out.timeout;
    int error = hws_request(self->system, target, &out.message, out.timeout, on_answer, request,
                            &request->id);
    hwl_outgoing_done(&out, self);
    if (error) {
        hwl_callback_free(&request->callback);
        return hwl_push_unsent(self, L, &out, target, error);
    }
    hwl_callback_push_handle(&request->callback, L);
    return 1;
}

/* --- inside a handler --- */

void hwl_runner_answered(void *data, int status, const struct hws_message *response)
{
    struct hwl_runner *runner = data;
    runner->request = 0;
    runner->status = status;
    runner->response = response;
    hwl_runner_wake(runner);
}

static int responded(lua_State *L, int status, lua_KContext k)
{
    struct hwl_context *context = lua_touserdata(L, 1);
    struct hwl_runner *runner = context->runner;
    (void)status;
    (void)k;
    return hwl_push_response(runner->actor->system, L, runner->status, runner->response,
                             runner->timeout);
}

int hwl_context_request(lua_State *L)
{
    struct hwl_context *context = hwl_check_context(L, 1);
    struct hwl_runner *runner = hwl_check_runner(context, L, "request");
    struct hwl_system *self = context->actor->system;
    struct hwl_outgoing out;
    lua_settop(L, 4);
    struct hws_pid *target = hwl_check_target(self, L, 2);
    if (!target)
        return hwl_failure(L, HWS_EADDRESS, "the target is no PID");
    hwl_outgoing_options(&out, self, L, 4, hws_context_self(context->actor->context), HWL_REQUEST);
    hwl_outgoing_encode(&out, self, L, 3);
    int error = hws_request(self->system, target, &out.message, out.timeout, hwl_runner_answered,
                            runner, &runner->request);
    hwl_outgoing_done(&out, self);
    if (error) {
        runner->request = 0;
        return hwl_push_unsent(self, L, &out, target, error);
    }
    runner->timeout = out.timeout;
    runner->waiting = true;
    return lua_yieldk(L, 0, 0, responded);
}

static void on_time(void *data)
{
    struct hwl_runner *runner = data;
    runner->timer = NULL;
    hwl_runner_wake(runner);
}

static int slept(lua_State *L, int status, lua_KContext k)
{
    (void)status;
    (void)k;
    lua_pushboolean(L, 1);
    return 1;
}

int hwl_context_sleep(lua_State *L)
{
    struct hwl_context *context = hwl_check_context(L, 1);
    struct hwl_runner *runner = hwl_check_runner(context, L, "sleep");
    uint64_t delay = hwl_check_seconds(L, 2, "sleep");
    int error = hws_after(context->actor->system->system, delay, on_time, runner, &runner->timer);
    if (error)
        return hwl_failure(L, error, NULL);
    runner->waiting = true;
    return lua_yieldk(L, 0, 0, slept);
}
