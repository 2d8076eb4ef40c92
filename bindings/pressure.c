/* SPDX-License-Identifier: MIT */
#include "pressure.h"

#include "call.h"
#include "callback.h"
#include "names.h"

struct listener {
    struct hwl_callback callback;
    struct hws_backpressure_listener *core;
};

struct change {
    struct listener *listener;
    const struct hws_backpressure *pressure;
};

static void set_integer(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void push_pressure(lua_State *L, const struct hws_backpressure *pressure)
{
    lua_createtable(L, 0, 7);
    lua_pushstring(L, pressure->address);
    lua_setfield(L, -2, "address");
    lua_pushstring(L, pressure->level);
    lua_setfield(L, -2, "level");
    set_integer(L, "index", pressure->index);
    set_integer(L, "queue_size", pressure->queue_size);
    set_integer(L, "queue_capacity", pressure->queue_capacity);
    set_integer(L, "queue_bytes", pressure->queue_bytes);
    set_integer(L, "queue_bytes_capacity", pressure->queue_bytes_capacity);
}

/* system:queue(address) -> messages, bytes, level */
int hwl_system_queue(lua_State *L)
{
    struct hwl_system *self = hwl_check_system(L, 1);
    const char *address = luaL_checkstring(L, 2);
    struct hws_backpressure pressure;
    int error = hws_queue(self->system, address, &pressure);
    if (error) {
        lua_pushfstring(L, "no endpoint of address %s", address);
        return hwl_failure(L, error, lua_tostring(L, -1));
    }
    lua_pushinteger(L, (lua_Integer)pressure.queue_size);
    lua_pushinteger(L, (lua_Integer)pressure.queue_bytes);
    lua_pushstring(L, pressure.level);
    return 3;
}

static int call(lua_State *L)
{
    struct change *change = lua_touserdata(L, 1);
    hwl_callback_push(&change->listener->callback, L);
    push_pressure(L, change->pressure);
    lua_call(L, 1, 0);
    return 0;
}

static void on_change(void *data, const struct hws_backpressure *pressure)
{
    struct change change = { data, pressure };
    struct hwl_system *self = hwl_system_retain(change.listener->callback.system);
    char text[HWL_TEXT];
    if (hwl_call(self->state, self->handler_budget, call, &change, text) != HWL_DONE)
        hwl_report(self, "a backpressure listener", text);
    hwl_system_release(self);
}

static void cancel(struct hwl_callback *callback)
{
    hws_unregister_backpressure_listener(((struct listener *)callback)->core);
}

static const struct hwl_callback_ops ops = { sizeof(struct listener), cancel,
                                             "backpressure listener" };

/* system:register_backpressure_listener([pattern,] fn) -> handle */
int hwl_system_listen(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    bool all = lua_isfunction(L, 2);
    const char *pattern = all ? NULL : luaL_checkstring(L, 2);
    struct listener *listener = (struct listener *)hwl_callback_new(self, L, all ? 2 : 3, &ops);
    int error = hws_register_backpressure_listener(self->system, pattern, on_change, listener,
                                                   &listener->core);
    if (error) {
        hwl_callback_free(&listener->callback);
        return error == HWS_EINVAL
                   ? luaL_error(L, "expected an address pattern of 1 to %d bytes", HWS_ADDRESS_MAX)
                   : hwl_failure(L, error, NULL);
    }
    hwl_callback_push_handle(&listener->callback, L);
    return 1;
}
