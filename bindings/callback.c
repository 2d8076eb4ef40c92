/* SPDX-License-Identifier: MIT */
#include "callback.h"

struct hwl_handle {
    const void *tag;
    struct hwl_callback *callback; /* NULL: over */
};
static const char handle_tag;

struct hwl_callback *hwl_callback_new(struct hwl_system *system, lua_State *L, int index,
                                      const struct hwl_callback_ops *ops)
{
    luaL_checktype(L, index, LUA_TFUNCTION);
    lua_pushvalue(L, index);
    int function = luaL_ref(L, LUA_REGISTRYINDEX);
    struct hwl_callback *callback = hwl_alloc(ops->size);
    if (!callback) {
        luaL_unref(L, LUA_REGISTRYINDEX, function);
        luaL_error(L, "out of memory");
        return NULL;
    }
    callback->ops = ops;
    callback->system = hwl_system_retain(system);
    callback->function = function;
    callback->next = system->callbacks;
    callback->link = &system->callbacks;
    if (callback->next)
        callback->next->link = &callback->next;
    system->callbacks = callback;
    return callback;
}

void hwl_callback_free(struct hwl_callback *callback)
{
    struct hwl_state *state = callback->system->state;
    *callback->link = callback->next;
    if (callback->next)
        callback->next->link = callback->link;
    if (callback->handle)
        callback->handle->callback = NULL;
    if (state && !state->closing)
        luaL_unref(state->lua, LUA_REGISTRYINDEX, callback->function);
    hwl_system_release(callback->system);
    hwl_free(callback, callback->ops->size);
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
    lua_rawgeti(L, LUA_REGISTRYINDEX, callback->function);
}

void hwl_callback_push_handle(struct hwl_callback *callback, lua_State *L)
{
    struct hwl_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    handle->tag = &handle_tag;
    handle->callback = callback;
    callback->handle = handle;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_tag);
    lua_setmetatable(L, -2);
}

static struct hwl_handle *check_handle(lua_State *L)
{
    struct hwl_handle *handle = lua_touserdata(L, 1);
    if (!handle || lua_rawlen(L, 1) < sizeof *handle || handle->tag != &handle_tag)
        luaL_typeerror(L, 1, "subscription, timer or request");
    return handle;
}

/* handle:cancel() -> was it still to come? */
static int cancel(lua_State *L)
{
    struct hwl_handle *handle = check_handle(L);
    struct hwl_callback *callback = handle->callback;
    handle->callback = NULL;
    if (callback)
        hwl_must_act(hwl_state(L), L);
    hwl_callback_cancel(callback);
    lua_pushboolean(L, callback != NULL);
    return 1;
}

/* Dropping the handle changes nothing for the callback. */
static int forget(lua_State *L)
{
    struct hwl_handle *handle = check_handle(L);
    if (handle->callback)
        handle->callback->handle = NULL;
    handle->callback = NULL;
    return 0;
}

void hwl_open_callbacks(lua_State *L)
{
    static const luaL_Reg methods[] = { { "cancel", cancel },
                                        { "unsubscribe", cancel },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__gc", forget }, { "__close", cancel }, { NULL, NULL } };
    hwl_metatable(L, "hawser.handle", methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_tag);
}
