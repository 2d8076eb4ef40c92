/* SPDX-License-Identifier: MIT */
#include "actor.h"

#include <string.h>

#include "names.h"
#include "pid.h"
#include "runner.h"

/* --- what the core calls --- */

/* One that was cut before its first turn: its messages become dead letters, and nobody is told of a failure. */
static int end_quietly(struct hws_context *context)
{
    hws_stop_actor(hws_context_system(context), hws_context_self(context));
    return 0;
}

static int on_started(void *self, struct hws_context *context)
{
    struct hwl_actor *actor = self;
    actor->context = context;
    hwl_runners_drop(actor); /* of the life before a restart */
    if (actor->cut)
        return end_quietly(context);
    return actor->handlers[HWL_ON_started] == LUA_NOREF ? 0 : hwl_runner_start(actor);
}

static int on_batch(void *self, struct hws_context *context)
{
    struct hwl_actor *actor = self;
    actor->context = context;
    return actor->cut ? end_quietly(context) : hwl_runner_serve(actor);
}

static int call_stopped(lua_State *L)
{
    struct hwl_actor *actor = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, actor->handlers[HWL_ON_stopped]);
    hwl_push_context(actor, L)->kind = "stopped";
    lua_call(L, 1, 0);
    return 0;
}

static void on_stopped(void *self, struct hws_context *context)
{
    struct hwl_actor *actor = self;
    char text[HWL_TEXT];
    actor->context = context;
    hwl_runners_drop(actor);
    if (actor->cut || actor->handlers[HWL_ON_stopped] == LUA_NOREF)
        return;
    struct hwl_system *system = actor->system;
    if (hwl_call(system->state, system->handler_budget, call_stopped, actor, text) != HWL_DONE)
        hwl_report(system, "a stopped handler", text);
    if (actor->ready)
        hwl_context_end(actor->ready);
}

/* Lua's hold on the actor ends: handlers, and the context that waited for the next message. */
static void let_go(struct hwl_actor *actor)
{
    struct hwl_state *state = actor->system->state;
    if (!state || state->closing)
        return;
    for (int i = 0; i < HWL_HANDLER_COUNT; i++) {
        luaL_unref(state->lua, LUA_REGISTRYINDEX, actor->handlers[i]);
        actor->handlers[i] = LUA_NOREF;
    }
    luaL_unref(state->lua, LUA_REGISTRYINDEX, actor->ready_ref);
    actor->ready_ref = LUA_NOREF;
    actor->ready = NULL;
}

static void unlink_actor(struct hwl_actor *actor)
{
    if (!actor->link)
        return;
    *actor->link = actor->next;
    if (actor->next)
        actor->next->link = actor->link;
    actor->link = NULL;
}

static void on_released(void *self)
{
    struct hwl_actor *actor = self;
    hwl_runners_drop(actor);
    actor->context = NULL;
    let_go(actor);
    unlink_actor(actor);
    hwl_actor_release(actor);
}

const struct hws_actor_ops hwl_actor_ops = {
    .receive_batch = on_batch, .started = on_started, .stopped = on_stopped, .released = on_released
};

void hwl_actor_retain(struct hwl_actor *actor)
{
    actor->refs++;
}

void hwl_actor_release(struct hwl_actor *actor)
{
    if (--actor->refs > 0)
        return;
    hwl_system_release(actor->system);
    hwl_free(actor, sizeof *actor);
}

void hwl_actor_cut(struct hwl_actor *actor)
{
    hwl_runners_drop(actor);
    actor->cut = true;
    let_go(actor);
    unlink_actor(actor);
    if (actor->context)
        hws_stop_actor(actor->system->system, hws_context_self(actor->context));
}

/* --- spawn --- */

#define X(name) #name,
static const char *const handler_names[] = { HWL_HANDLERS(X) };
static const char *const supervision_names[] = { HWS_SUPERVISIONS(X) };
#undef X
static const char *const option_names[] = { "name",          "mailbox_size",   "supervision",
                                            "restart_limit", "restart_window", "reentrant" };

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A table of handlers is read once; an unknown name in it would be a handler that is never called. */
static void check_handlers(lua_State *L, int index)
{
    if (lua_isfunction(L, index))
        return;
    luaL_argexpected(L, lua_istable(L, index), index, "function or table of handlers");
    lua_pushnil(L);
    while (lua_next(L, index)) {
        size_t i =
            hwl_check_name(L, lua_gettop(L) - 1, "handler", handler_names, COUNT(handler_names));
        if (!lua_isfunction(L, -1))
            luaL_error(L, "handler %s: expected a function, got %s", handler_names[i],
                       luaL_typename(L, -1));
        lua_pop(L, 1);
    }
}

static const char *read_name(lua_State *L, int index)
{
    if (lua_getfield(L, index, "name") == LUA_TNIL)
        return NULL;
    return hwl_check_text(L, "name");
}

static uint64_t read_count(lua_State *L, int index, const char *name)
{
    if (lua_getfield(L, index, name) == LUA_TNIL)
        return 0;
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1)
        luaL_error(L, "%s: expected an integer from 1 up", name);
    return (uint64_t)lua_tointeger(L, -1);
}

static uint64_t read_window(lua_State *L, int index)
{
    if (lua_getfield(L, index, "restart_window") == LUA_TNIL)
        return 0;
    uint64_t window = hwl_check_seconds(L, -1, "restart_window");
    if (window == 0)
        luaL_error(L, "restart_window: expected more than 0 seconds");
    return window;
}

/* What it reads stays on the stack. */
static void read_options(lua_State *L, int index, struct hws_spawn_options *options,
                         bool *reentrant)
{
    if (lua_isnoneornil(L, index))
        return;
    hwl_check_options(L, index, "spawn option", option_names, COUNT(option_names));
    const char *name = read_name(L, index);
    options->name = name ? name : options->name;
    options->mailbox_size = read_count(L, index, "mailbox_size");
    options->restart_limit = read_count(L, index, "restart_limit");
    options->restart_window = read_window(L, index);
    if (lua_getfield(L, index, "supervision") != LUA_TNIL)
        options->supervision = (enum hws_supervision)hwl_check_name(
            L, lua_gettop(L), "supervision", supervision_names, COUNT(supervision_names));
    lua_getfield(L, index, "reentrant");
    *reentrant = lua_toboolean(L, -1);
}

static int reference(lua_State *L)
{
    return lua_isnil(L, -1) ? (lua_pop(L, 1), LUA_NOREF) : luaL_ref(L, LUA_REGISTRYINDEX);
}

static void take_handlers(lua_State *L, int index, int *handlers)
{
    bool plain = lua_isfunction(L, index);
    for (int i = 0; i < HWL_HANDLER_COUNT; i++) {
        if (!plain)
            lua_getfield(L, index, handler_names[i]);
        else if (i == HWL_ON_receive || i == HWL_ON_terminated)
            lua_pushvalue(L, index);
        else
            lua_pushnil(L);
        handlers[i] = reference(L);
    }
}

/* Nothing may be raised between this and the spawn. */
static struct hwl_actor *new_actor(struct hwl_system *system, const int *handlers)
{
    struct hwl_actor *actor = hwl_alloc(sizeof *actor);
    if (!actor)
        return NULL;
    actor->refs = 1;
    actor->system = hwl_system_retain(system);
    actor->ready_ref = LUA_NOREF;
    memcpy(actor->handlers, handlers, sizeof actor->handlers);
    actor->next = system->actors;
    actor->link = &system->actors;
    if (actor->next)
        actor->next->link = &actor->next;
    system->actors = actor;
    return actor;
}

static int spawn_failed(lua_State *L, int error, struct hws_context *parent, const char *name)
{
    const char *above = parent ? hws_pid_id(hws_context_self(parent)) : "";
    const char *slash = parent ? "/" : "";
    if (error == HWS_EEXIST)
        lua_pushfstring(L, "the name \"%s%s%s\" is taken", above, slash, name);
    else if (error == HWS_ECLOSED && parent)
        lua_pushliteral(L, "the actor is about to stop or to restart; it can have no new children");
    else if (error == HWS_EADDRESS && name && strchr(name, '/'))
        lua_pushfstring(L, "\"%s\" is no name: '/' stands between a parent's and a child's", name);
    else if (error == HWS_EADDRESS)
        lua_pushfstring(
            L, "\"%s%s%s\" is no id; expected 1 to %d bytes of printable text without a space",
            above, slash, name ? name : "$", (int)HWS_ID_MAX);
    else
        lua_pushnil(L);
    return hwl_failure(L, error, lua_tostring(L, -1));
}

/* Handlers at `first`, options behind them. */
static struct hwl_actor *read_actor(struct hwl_system *system, lua_State *L, int first,
                                    struct hws_spawn_options *options)
{
    int handlers[HWL_HANDLER_COUNT];
    bool reentrant = false;
    check_handlers(L, first);
    read_options(L, first + 1, options, &reentrant);
    take_handlers(L, first, handlers);
    struct hwl_actor *actor = new_actor(system, handlers);
    if (!actor)
        return NULL;
    actor->plain = lua_isfunction(L, first);
    actor->reentrant = reentrant;
    return actor;
}

struct hwl_actor *hwl_actor_make(struct hwl_system *system, lua_State *L, int first,
                                 struct hws_spawn_options *options)
{
    lua_settop(L, first + 1);
    struct hwl_actor *actor = read_actor(system, L, first, options);
    if (actor && options->name) {
        on_released(actor);
        luaL_error(L, "name: who asks for an actor of a kind names it");
    }
    return actor;
}

int hwl_spawn(struct hwl_system *system, struct hws_context *parent, lua_State *L, const char *name,
              int first)
{
    struct hws_spawn_options options = { .name = name };
    lua_settop(L, first + 1);
    struct hws_pid **pid = hwl_push_pid_holder(L);
    struct hwl_actor *actor = read_actor(system, L, first, &options);
    if (!actor)
        return hwl_failure(L, HWS_ENOMEM, NULL);
    int error = parent ? hws_context_spawn(parent, &hwl_actor_ops, actor, &options, pid)
                       : hws_spawn(system->system, &hwl_actor_ops, actor, &options, pid);
    if (error) {
        on_released(actor);
        return spawn_failed(L, error, parent, options.name);
    }
    lua_settop(L, first + 2);
    hwl_replace_pid_holder(system, L);
    return 1;
}
