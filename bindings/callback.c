/* SPDX-License-Identifier: MIT */
#include "callback.h"

#include <string.h>

static const char handle_tag;

/* Places in the registry are kept for the next callback: luaL_ref() and luaL_unref() cost three times as much. */
static int take_place(struct hwl_state *state, lua_State *L)
{
    if (state->spare_places == 0)
        return luaL_ref(L, LUA_REGISTRYINDEX);
    int ref = state->places[--state->spare_places];
    lua_rawseti(L, LUA_REGISTRYINDEX, ref);
    return ref;
}

static void give_place(struct hwl_state *state, int ref)
{
    if (state->spare_places == HWL_PLACES) {
        luaL_unref(state->lua, LUA_REGISTRYINDEX, ref);
        return;
    }
    lua_pushboolean(state->lua, 0); /* not nil: luaL_ref() may give out places that hold none */
    lua_rawseti(state->lua, LUA_REGISTRYINDEX, ref);
    state->places[state->spare_places++] = ref;
}

struct hwl_callback *hwl_callback_new(struct hwl_system *system, lua_State *L, int index,
                                      const struct hwl_callback_ops *ops)
{
    luaL_checktype(L, index, LUA_TFUNCTION);
    index = lua_absindex(L, index);
    struct hwl_callback *callback = lua_newuserdatauv(L, ops->size, 1);
    memset(callback, 0, ops->size);
    callback->tag = &handle_tag;
    callback->ops = ops;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_tag);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, 1);
    callback->ref = take_place(system->state, L);
    callback->system = hwl_system_retain(system);
    callback->next = system->callbacks;
    callback->link = &system->callbacks;
    if (callback->next)
        callback->next->link = &callback->next;
    system->callbacks = callback;
    return callback;
}

void hwl_callback_free(struct hwl_callback *callback)
{
    struct hwl_system *system = callback->system;
    struct hwl_state *state = system->state;
    *callback->link = callback->next;
    if (callback->next)
        callback->next->link = callback->link;
    callback->system = NULL;
    if (state && !state->closing)
        give_place(state, callback->ref);
    hwl_system_release(system);
}

void hwl_callback_cancel(struct hwl_callback *callback)
{
    if (!callback)
        return;
    callback->ops->cancel(callback);
    hwl_callback_free(callback);
}

void hwl_callbacks_cancel(struct hwl_system *system)
{
    while (system->callbacks)
        hwl_callback_cancel(system->callbacks);
}

void hwl_callback_push(struct hwl_callback *callback, lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, callback->ref);
    lua_getiuservalue(L, -1, 1);
    lua_replace(L, -2);
}

void hwl_callback_push_handle(struct hwl_callback *callback, lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, callback->ref);
}

static struct hwl_callback *check_handle(lua_State *L)
{
    struct hwl_callback *callback = lua_touserdata(L, 1);
    if (!callback || lua_rawlen(L, 1) < sizeof *callback || callback->tag != &handle_tag)
        luaL_typeerror(L, 1, "subscription, timer or request");
    return callback;
}

/* handle:cancel() -> was it still to come? */
static int cancel(lua_State *L)
{
    struct hwl_callback *callback = check_handle(L);
    bool active = callback->system != NULL;
    if (active) {
        hwl_must_act(hwl_state(L), L);
        hwl_callback_cancel(callback);
    }
    lua_pushboolean(L, active);
    return 1;
}

static int handle_text(lua_State *L)
{
    struct hwl_callback *callback = check_handle(L);
    lua_pushfstring(L, "%s%s", callback->ops->what, callback->system ? "" : " (over)");
    return 1;
}

void hwl_open_callbacks(lua_State *L)
{
    static const luaL_Reg methods[] = { { "cancel", cancel },
                                        { "unsubscribe", cancel },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__close", cancel },
                                     { "__tostring", handle_text },
                                     { NULL, NULL } };
    hwl_metatable(L, "hawser.handle", methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_tag);
}
