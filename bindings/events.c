/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "callback.h"
#include "pid.h"
#include "value.h"

struct subscription {
    struct hwl_callback callback;
    struct hws_subscription *core;
};

struct publication {
    struct subscription *subscription;
    const struct hws_event *event;
};

static const char events_tag;

void hwl_push_uid(lua_State *L, uint64_t uid)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)uid);
    lua_pushstring(L, uid ? text : NULL);
}

void hwl_push_correlation(lua_State *L, struct hws_correlation value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%016llx%08lx", (unsigned long long)value.hi,
                   (unsigned long)value.lo);
    lua_pushstring(L, text);
}

/* --- one function a kind of field --- */

static void push_text(struct hwl_system *system, lua_State *L, const char *text)
{
    (void)system;
    lua_pushstring(L, text);
}

static void push_pid(struct hwl_system *system, lua_State *L, struct hws_pid *pid)
{
    hwl_push_pid(system, L, pid);
}

static void push_u64(struct hwl_system *system, lua_State *L, uint64_t value)
{
    (void)system;
    lua_pushinteger(L, (lua_Integer)value);
}

static void push_uid(struct hwl_system *system, lua_State *L, uint64_t uid)
{
    (void)system;
    hwl_push_uid(L, uid);
}

static void push_seconds(struct hwl_system *system, lua_State *L, uint64_t value)
{
    (void)system;
    lua_pushnumber(L, (double)value / 1e9);
}

static void push_clock(struct hwl_system *system, lua_State *L, uint64_t value)
{
    if (value == HWS_NEVER)
        lua_pushnil(L);
    else
        push_seconds(system, L, value);
}

static void push_flag(struct hwl_system *system, lua_State *L, bool value)
{
    (void)system;
    lua_pushboolean(L, value);
}

static void push_correlation(struct hwl_system *system, lua_State *L, struct hws_correlation value)
{
    (void)system;
    hwl_push_correlation(L, value);
}

/* The message of a letter may be anything: what is no value is left out. */
static void push_value(struct hwl_system *system, lua_State *L, struct hws_slice value)
{
    if (hws_value_check(value))
        lua_pushnil(L);
    else
        hwl_decode(system->state, system, L, value);
}

void hwl_push_event(struct hwl_system *system, lua_State *L, const struct hws_event *event)
{
    uint32_t fields = hws_event_fields(event->type);
    lua_createtable(L, 0, 8);
    lua_pushstring(L, hws_event_name(event->type));
    lua_setfield(L, -2, "type");
    push_seconds(system, L, event->time);
    lua_setfield(L, -2, "time");
#define X(name, kind, doc)                   \
    if (fields & HWS_F(name)) {              \
        push_##kind(system, L, event->name); \
        lua_setfield(L, -2, #name);          \
    }
    HWS_EVENT_FIELDS(X)
#undef X
}

static int call(lua_State *L)
{
    struct publication *publication = lua_touserdata(L, 1);
    struct hwl_callback *callback = &publication->subscription->callback;
    hwl_callback_push(callback, L);
    hwl_push_event(callback->system, L, publication->event);
    lua_call(L, 1, 0);
    return 0;
}

static void on_event(void *data, const struct hws_event *event)
{
    struct publication publication = { data, event };
    struct hwl_system *self = hwl_system_retain(publication.subscription->callback.system);
    char text[HWL_TEXT], what[96];
    if (hwl_call(self->state, self->handler_budget, call, &publication, text) != HWL_DONE) {
        (void)snprintf(what, sizeof what, "a subscriber of %s", hws_event_name(event->type));
        hwl_report(self, what, text);
    }
    hwl_system_release(self);
}

static void cancel(struct hwl_callback *callback)
{
    hws_unsubscribe(((struct subscription *)callback)->core);
}

static const struct hwl_callback_ops ops = { sizeof(struct subscription), cancel, "subscription" };

static int unknown_event(lua_State *L, const char *pattern, const char *nearest)
{
    if (nearest)
        return luaL_error(L, "no event matches \"%s\"; did you mean \"%s\"?", pattern, nearest);
    return luaL_error(L, "no event matches \"%s\"", pattern);
}

/* system.events:subscribe(pattern, fn) -> subscription */
static int subscribe(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *pattern = luaL_checkstring(L, 2), *nearest = NULL;
    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct subscription *subscription = (struct subscription *)hwl_callback_new(self, L, 3, &ops);
    int error =
        hws_subscribe(self->system, pattern, on_event, subscription, &subscription->core, &nearest);
    if (error) {
        hwl_callback_free(&subscription->callback);
        return error == HWS_ENOTFOUND ? unknown_event(L, pattern, nearest)
                                      : hwl_failure(L, error, NULL);
    }
    hwl_callback_push_handle(&subscription->callback, L);
    return 1;
}

void hwl_push_events(struct hwl_system *system, lua_State *L, int index)
{
    index = lua_absindex(L, index);
    hwl_push_system_object(system, L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &events_tag);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, 1);
}

static void list_fields(lua_State *L, uint32_t fields)
{
    lua_newtable(L);
    for (int field = 0; field < HWS_FIELD_COUNT; field++) {
        if (!(fields >> field & 1))
            continue;
        lua_createtable(L, 0, 3);
        lua_pushstring(L, hws_event_field_name((enum hws_event_field)field));
        lua_setfield(L, -2, "name");
        lua_pushstring(L, hws_event_field_kind((enum hws_event_field)field));
        lua_setfield(L, -2, "kind");
        lua_pushstring(L, hws_event_field_doc((enum hws_event_field)field));
        lua_setfield(L, -2, "doc");
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

int hwl_list_events(lua_State *L)
{
    lua_newtable(L);
    for (int type = 0; type < HWS_EVENT_COUNT; type++) {
        lua_createtable(L, 0, 3);
        lua_pushstring(L, hws_event_name((enum hws_event_type)type));
        lua_setfield(L, -2, "name");
        lua_pushstring(L, hws_event_doc((enum hws_event_type)type));
        lua_setfield(L, -2, "doc");
        list_fields(L, hws_event_fields((enum hws_event_type)type));
        lua_setfield(L, -2, "fields");
        lua_rawseti(L, -2, type + 1);
    }
    return 1;
}

void hwl_open_events(lua_State *L)
{
    static const luaL_Reg methods[] = { { "subscribe", subscribe }, { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__gc", hwl_free_system_object }, { NULL, NULL } };
    hwl_metatable(L, "hawser.events", methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &events_tag);
}
