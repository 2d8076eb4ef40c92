/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <string.h>

#include "await.h"
#include "children.h"
#include "events.h"
#include "pid.h"
#include "request.h"
#include "send.h"
#include "service.h"
#include "timer.h"

static const char context_tag;

static struct hwl_context *to_context(lua_State *L, int index)
{
    struct hwl_context *context = lua_touserdata(L, index);
    if (!context || lua_rawlen(L, index) < sizeof *context || context->tag != &context_tag)
        luaL_typeerror(L, index, "ctx");
    return context;
}

struct hwl_context *hwl_check_context(lua_State *L, int index)
{
    struct hwl_context *context = to_context(L, index);
    struct hwl_actor *actor = context->actor;
    if (!actor || !actor->context || !actor->system->system) {
        luaL_error(L, "the actor has stopped");
        return NULL;
    }
    if (actor->system->state->answering > 0)
        hwl_must_act(actor->system->state, L);
    return context;
}

struct hwl_context *hwl_push_context(struct hwl_actor *actor, lua_State *L)
{
    if (actor->ready) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, actor->ready_ref);
        return actor->ready;
    }
    struct hwl_context *context = lua_newuserdatauv(L, sizeof *context, 0);
    *context = (struct hwl_context){ .tag = &context_tag };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &context_tag);
    lua_setmetatable(L, -2);
    context->actor = actor;
    hwl_actor_retain(actor);
    lua_pushvalue(L, -1);
    actor->ready_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    actor->ready = context;
    return context;
}

void hwl_context_keep(struct hwl_context *context)
{
    if (!context->message || context->message == &context->kept)
        return;
    context->kept = *context->message;
    context->kept.payload = (struct hws_slice){ 0 };
    context->kept.buffer = NULL;
    if (context->kept.sender)
        hws_pid_retain(context->kept.sender);
    if (context->kept.who)
        hws_pid_retain(context->kept.who);
    if (context->kept.type)
        hws_atom_retain(context->kept.type);
    context->message = &context->kept;
}

void hwl_context_end(struct hwl_context *context)
{
    if (context->message == &context->kept) {
        hws_pid_release(context->kept.sender);
        hws_pid_release(context->kept.who);
        hws_atom_release(context->kept.type);
        context->kept = (struct hws_message){ 0 };
    }
    context->message = NULL;
    context->runner = NULL;
    context->kind = NULL;
}

static int free_context(lua_State *L)
{
    struct hwl_context *context = to_context(L, 1);
    hwl_context_end(context);
    if (context->actor)
        hwl_actor_release(context->actor);
    context->actor = NULL;
    return 0;
}

/* --- fields --- */

static int get_sender(struct hwl_context *context, lua_State *L)
{
    hwl_push_pid(context->actor->system, L, context->message ? context->message->sender : NULL);
    return 1;
}

static int get_type(struct hwl_context *context, lua_State *L)
{
    struct hws_atom *type = context->message ? context->message->type : NULL;
    lua_pushstring(L, type ? hws_atom_text(type) : NULL);
    return 1;
}

static int get_kind(struct hwl_context *context, lua_State *L)
{
    lua_pushstring(L, context->kind);
    return 1;
}

static int get_request_id(struct hwl_context *context, lua_State *L)
{
    if (context->message && context->message->request_id)
        lua_pushinteger(L, (lua_Integer)context->message->request_id);
    else
        lua_pushnil(L);
    return 1;
}

static int get_correlation(struct hwl_context *context, lua_State *L)
{
    if (context->message)
        hwl_push_correlation(L, context->message->correlation);
    else
        lua_pushnil(L);
    return 1;
}

static int get_self(struct hwl_context *context, lua_State *L)
{
    struct hws_context *core = context->actor->context;
    hwl_push_pid(context->actor->system, L, core ? hws_context_self(core) : NULL);
    return 1;
}

static int get_system(struct hwl_context *context, lua_State *L)
{
    hwl_push_object(context->actor->system, L);
    return 1;
}

static const struct field {
    const char *name;
    int (*get)(struct hwl_context *context, lua_State *L);
} fields[] = { { "sender", get_sender },
               { "type", get_type },
               { "kind", get_kind },
               { "request_id", get_request_id },
               { "correlation", get_correlation },
               { "self", get_self },
               { "parent", hwl_push_parent },
               { "system", get_system } };

/* ctx.name: a method from upvalue 1, or a field, whose number is there instead. */
static int index_context(lua_State *L)
{
    /* A metamethod is always called with two arguments; every call of a method comes through here. */
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER)
        return 1;
    struct hwl_context *context = to_context(L, 1);
    if (!context->actor)
        return 0;
    return fields[lua_tointeger(L, -1)].get(context, L);
}

/* --- methods --- */

static int send(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    return hwl_send(actor->system, L, 2, hws_context_self(actor->context));
}

/* ctx:respond(message): nothing waits for it, unless the message was a request */
static int respond(lua_State *L)
{
    struct hwl_context *context = hwl_check_context(L, 1);
    struct hwl_system *self = context->actor->system;
    const struct hws_message *message = context->message;
    struct hwl_outgoing out;
    if (!message)
        return luaL_error(L, "ctx:respond answers a message; there is none outside of its handler");
    lua_settop(L, 3);
    if (message->request_id == 0)
        return hwl_failure(L, HWS_EINVAL, "the message is no request; nobody waits for an answer");
    hwl_outgoing_options(&out, self, L, 3, hws_context_self(context->actor->context), HWL_RESPOND);
    hwl_outgoing_encode(&out, self, L, 2);
    int error = hws_respond(self->system, message->sender, message->request_id, &out.message);
    hwl_outgoing_done(&out, self);
    if (out.error || error)
        return hwl_failure(L, out.error ? out.error : error, out.error ? out.text : NULL);
    lua_pushboolean(L, 1);
    return 1;
}

static int watch_or_not(lua_State *L,
                        int (*call)(struct hws_system *, struct hws_pid *, struct hws_pid *))
{
    struct hwl_context *context = hwl_check_context(L, 1);
    struct hwl_system *self = context->actor->system;
    lua_settop(L, 2);
    struct hws_pid *target = hwl_check_target(self, L, 2);
    int error = target ? call(self->system, hws_context_self(context->actor->context), target)
                       : HWS_EADDRESS;
    if (error)
        return hwl_failure(L, error, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

static int watch(lua_State *L)
{
    return watch_or_not(L, hws_watch);
}

static int unwatch(lua_State *L)
{
    return watch_or_not(L, hws_unwatch);
}

/* ctx:stop(): this actor, after the message it is handling */
static int stop(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    int error = hws_stop_actor(actor->system->system, hws_context_self(actor->context));
    if (error)
        return hwl_failure(L, error, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

static int context_text(lua_State *L)
{
    struct hwl_context *context = to_context(L, 1);
    struct hws_context *core = context->actor ? context->actor->context : NULL;
    if (!core) {
        lua_pushliteral(L, "ctx (stopped)");
        return 1;
    }
    hwl_push_pid(context->actor->system, L, hws_context_self(core));
    lua_pushfstring(L, "ctx of %s", luaL_tolstring(L, -1, NULL));
    return 1;
}

void hwl_open_contexts(lua_State *L)
{
    static const luaL_Reg methods[] = { { "send", send },
                                        { "request", hwl_context_request },
                                        { "respond", respond },
                                        { "watch", watch },
                                        { "unwatch", unwatch },
                                        { "stop", stop },
                                        { "sleep", hwl_context_sleep },
                                        { "await_reconnect", hwl_context_await },
                                        { "spawn_remote", hwl_context_spawn_remote },
                                        { "spawn_remote_named", hwl_context_spawn_remote_named },
                                        { "list_processes", hwl_context_list_processes },
                                        { "get_process_diagnostics",
                                          hwl_context_get_process_diagnostics },
                                        { "spawn", hwl_context_spawn },
                                        { "spawn_named", hwl_context_spawn_named },
                                        { "children", hwl_context_children },
                                        { "after", hwl_context_after },
                                        { "every", hwl_context_every },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__gc", free_context },
                                     { "__tostring", context_text },
                                     { NULL, NULL } };
    hwl_metatable(L, "hawser.context", NULL, meta);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "context_methods");
    lua_pushcclosure(L, index_context, 1);
    lua_setfield(L, -2, "__index");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &context_tag);
}
