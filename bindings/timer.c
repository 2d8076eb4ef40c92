/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include "call.h"
#include "callback.h"
#include "context.h"
#include "names.h"
#include "send.h"

/* The seconds at `index`, of a timer that comes again: the core takes no period below a millisecond. */
static uint64_t check_period(lua_State *L, int index)
{
    uint64_t period = hwl_check_seconds(L, index, "every");
    if (period < HWS_MILLISECOND)
        luaL_error(L, "every: expected at least 0.001 seconds, got %s",
                   luaL_tolstring(L, index, NULL));
    return period;
}

/* The option `delay`: how long until the first tick, when it is not the period. */
static uint64_t read_delay(lua_State *L, int options, uint64_t period)
{
    if (lua_isnoneornil(L, options) || lua_getfield(L, options, "delay") == LUA_TNIL)
        return period;
    return hwl_check_seconds(L, -1, "delay");
}

/* --- the system's --- */

struct timer {
    struct hwl_callback callback;
    struct hws_timer *timer;
    bool again;
};

static void cancel(struct hwl_callback *callback)
{
    hws_timer_cancel(((struct timer *)callback)->timer);
}

static const struct hwl_callback_ops ops = { sizeof(struct timer), cancel, "timer" };

static int call(lua_State *L)
{
    struct timer *timer = lua_touserdata(L, 1);
    hwl_callback_push(&timer->callback, L);
    if (!timer->again)
        hwl_callback_free(&timer->callback);
    lua_call(L, 0, 0);
    return 0;
}

static void fire(void *data)
{
    struct timer *timer = data;
    struct hwl_system *self = hwl_system_retain(timer->callback.system);
    char text[HWL_TEXT];
    if (!timer->again)
        timer->timer = NULL;
    if (hwl_call(self->state, self->handler_budget, call, timer, text) != HWL_DONE)
        hwl_report(self, "a timer's function", text);
    hwl_system_release(self);
}

static int started(lua_State *L, struct timer *timer, int error)
{
    if (error) {
        hwl_callback_free(&timer->callback);
        return hwl_failure(L, error, NULL);
    }
    hwl_callback_push_handle(&timer->callback, L);
    return 1;
}

int hwl_system_after(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    uint64_t delay = hwl_check_seconds(L, 2, "after");
    struct timer *timer = (struct timer *)hwl_callback_new(self, L, 3, &ops);
    return started(L, timer, hws_after(self->system, delay, fire, timer, &timer->timer));
}

int hwl_system_every(lua_State *L)
{
    static const char *const names[] = { "delay" };
    struct hwl_system *self = hwl_check_acting(L, 1);
    uint64_t period = check_period(L, 2);
    if (!lua_isnoneornil(L, 4))
        hwl_check_options(L, 4, "every option", names, 1);
    uint64_t delay = read_delay(L, 4, period);
    struct timer *timer = (struct timer *)hwl_callback_new(self, L, 3, &ops);
    timer->again = true;
    return started(L, timer, hws_every(self->system, delay, period, fire, timer, &timer->timer));
}

/* --- an actor's --- */

struct handle {
    const void *tag;
    struct hwl_system *system; /* retained */
    uint64_t id;
};
static const char handle_tag;

static struct handle *push_handle(struct hwl_system *system, lua_State *L)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (struct handle){ .tag = &handle_tag };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_tag);
    lua_setmetatable(L, -2);
    handle->system = hwl_system_retain(system);
    return handle;
}

static struct handle *check_handle(lua_State *L)
{
    struct handle *handle = lua_touserdata(L, 1);
    if (!handle || lua_rawlen(L, 1) < sizeof *handle || handle->tag != &handle_tag)
        luaL_typeerror(L, 1, "timer");
    return handle;
}

/* timer:cancel() -> was it still to come? */
static int cancel_handle(lua_State *L)
{
    struct handle *handle = check_handle(L);
    hwl_must_act(hwl_state(L), L);
    lua_pushboolean(L, handle->system && handle->system->system &&
                           hws_actor_timer_cancel(handle->system->system, handle->id) == 0);
    return 1;
}

static int free_handle(lua_State *L)
{
    struct handle *handle = check_handle(L);
    if (handle->system)
        hwl_system_release(handle->system);
    handle->system = NULL;
    return 0;
}

/* A function is what system:after() takes; here it would be a message that can't be sent. */
static void check_message(lua_State *L, const char *what)
{
    lua_settop(L, 4);
    if (lua_isfunction(L, 3))
        luaL_error(L, "ctx:%s sends the actor a message; for a function there is system:%s", what,
                   what);
}

static int set(lua_State *L, struct hwl_actor *actor, uint64_t delay, uint64_t period)
{
    struct hwl_system *self = actor->system;
    struct hwl_outgoing out;
    hwl_outgoing_options(&out, self, L, 4, NULL, period ? HWL_EVERY : HWL_AFTER);
    struct handle *handle = push_handle(self, L);
    hwl_outgoing_encode(&out, self, L, 3);
    int error = out.error;
    if (!error)
        error = period ? hws_context_every(actor->context, delay, period, &out.message, &handle->id)
                       : hws_context_after(actor->context, delay, &out.message, &handle->id);
    hwl_outgoing_done(&out, self);
    if (!error)
        return 1;
    const char *why = out.error            ? out.text
                      : error == HWS_EFULL ? "the system's actors have actor_timers timers already"
                      : error == HWS_ECLOSED ? "the actor is about to stop or to restart"
                                             : NULL;
    return hwl_failure(L, error, why);
}

int hwl_context_after(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    check_message(L, "after");
    return set(L, actor, hwl_check_seconds(L, 2, "after"), 0);
}

int hwl_context_every(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    check_message(L, "every");
    uint64_t period = check_period(L, 2);
    if (!lua_isnil(L, 4))
        luaL_checktype(L, 4, LUA_TTABLE);
    uint64_t delay = read_delay(L, 4, period);
    lua_settop(L, 4);
    return set(L, actor, delay, period);
}

void hwl_open_timers(lua_State *L)
{
    static const luaL_Reg methods[] = { { "cancel", cancel_handle }, { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__gc", free_handle },
                                     { "__close", cancel_handle },
                                     { NULL, NULL } };
    hwl_metatable(L, "hawser.timer", methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_tag);
}
