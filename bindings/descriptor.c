/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "descriptor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "local.h"
#include "run.h"
#include "socket.h"

#define READ_MAX 65536

/* Something on the loop that calls a Lua function; it is anchored while it may. */
struct waiter {
    const void *tag;
    struct hwl_state *state;
    int function, self; /* in the registry */
    int descriptor;     /* -1: closed */
    bool owned;
    struct hws_poll *poll;
    struct hws_alarm *alarm;
};

static const char descriptor_tag, alarm_tag;

static struct waiter *new_waiter(lua_State *L, const void *tag)
{
    struct waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 0);
    *waiter = (struct waiter){ .tag = tag,
                               .state = hwl_state(L),
                               .function = LUA_NOREF,
                               .self = LUA_NOREF,
                               .descriptor = -1 };
    lua_rawgetp(L, LUA_REGISTRYINDEX, tag);
    lua_setmetatable(L, -2);
    return waiter;
}

static struct waiter *check_waiter(lua_State *L, const void *tag, const char *what)
{
    struct waiter *waiter = lua_touserdata(L, 1);
    if (!waiter || lua_rawlen(L, 1) < sizeof *waiter || waiter->tag != tag)
        luaL_typeerror(L, 1, what);
    return waiter;
}

static struct waiter *check_descriptor(lua_State *L)
{
    return check_waiter(L, &descriptor_tag, "descriptor");
}

static void anchor(struct waiter *waiter, lua_State *L, int self, int function)
{
    lua_pushvalue(L, self);
    lua_pushvalue(L, function);
    waiter->function = luaL_ref(L, LUA_REGISTRYINDEX);
    waiter->self = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void let_go(struct waiter *waiter)
{
    hws_poll_free(waiter->poll);
    hws_alarm_free(waiter->alarm);
    waiter->poll = NULL;
    waiter->alarm = NULL;
    if (!waiter->state->closing) {
        luaL_unref(waiter->state->lua, LUA_REGISTRYINDEX, waiter->function);
        luaL_unref(waiter->state->lua, LUA_REGISTRYINDEX, waiter->self);
    }
    waiter->function = waiter->self = LUA_NOREF;
}

static void close_descriptor(struct waiter *waiter)
{
    let_go(waiter);
    if (waiter->owned && waiter->descriptor >= 0)
        close(waiter->descriptor);
    waiter->descriptor = -1;
}

/* The loop that runs: our own or, in a host that has systems and we have none, the host's. */
static int find_loop(struct hwl_state *state, struct uv_loop_s **out)
{
    struct uv_loop_s *loop = atomic_load(&state->loop);
    for (struct hwl_system *self = state->systems; self && !loop; self = self->next) {
        if (!self->owned && self->system)
            loop = hws_loop_of(self->system);
    }
    int error = loop ? 0 : hwl_make_loop(state);
    *out = loop ? loop : atomic_load(&state->loop);
    return error;
}

/* --- what the loop calls --- */

static int call_function(lua_State *L)
{
    struct waiter *waiter = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, waiter->function);
    if (waiter->alarm)
        let_go(waiter);
    lua_call(L, 0, 0);
    return 0;
}

/* No budget: what runs here is the console's own, and it guards what it evaluates. */
static void on_event(void *data)
{
    struct waiter *waiter = data;
    char text[HWL_TEXT];
    if (hwl_call(waiter->state, 0, call_function, waiter, text) != HWL_DONE)
        lua_warning(waiter->state->lua, text, 0);
}

/* --- descriptors --- */

int hwl_io_failure(lua_State *L, int error)
{
    return hwl_failure(L, HWS_EIO, strerror(error));
}

int hwl_push_descriptor(lua_State *L, int number)
{
    struct waiter *waiter = new_waiter(L, &descriptor_tag);
    waiter->descriptor = number;
    waiter->owned = true;
    return 1;
}

int hwl_check_descriptor(lua_State *L, int index)
{
    luaL_argcheck(L, index == 1, index, "a descriptor is the first argument");
    struct waiter *waiter = check_descriptor(L);
    if (waiter->descriptor < 0)
        luaL_error(L, "the descriptor is closed");
    return waiter->descriptor;
}

/* core.descriptor(number) */
static int new_descriptor(lua_State *L)
{
    lua_Integer number = luaL_checkinteger(L, 1);
    luaL_argcheck(L, number >= 0 && number <= INT32_MAX, 1, "expected a descriptor's number");
    new_waiter(L, &descriptor_tag)->descriptor = (int)number;
    return 1;
}

/* descriptor:on_readable(fn or nil) -> true | nil, message, code */
static int on_readable(lua_State *L)
{
    struct waiter *waiter = check_descriptor(L);
    lua_settop(L, 2);
    let_go(waiter);
    if (lua_isnil(L, 2) || waiter->descriptor < 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct uv_loop_s *loop;
    int error = find_loop(waiter->state, &loop);
    error =
        error ? error : hws_loop_poll(loop, waiter->descriptor, on_event, waiter, &waiter->poll);
    if (error)
        return hwl_failure(L, error, NULL);
    anchor(waiter, L, 1, 2);
    lua_pushboolean(L, 1);
    return 1;
}

/* descriptor:want(reads, writes): what on_readable's function is called for -> true | nil, message, code */
static int want(lua_State *L)
{
    struct waiter *waiter = check_descriptor(L);
    int error = waiter->poll ? hws_poll_want(waiter->poll, lua_toboolean(L, 2), lua_toboolean(L, 3))
                             : HWS_ESTATE;
    if (error)
        return hwl_failure(L, error, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

/* descriptor:read([most]) -> bytes, "" at the end, false: none yet | nil, message, code */
static int read_some(lua_State *L)
{
    int descriptor = hwl_check_descriptor(L, 1);
    char buffer[READ_MAX];
    lua_Integer most = luaL_optinteger(L, 2, READ_MAX);
    luaL_argcheck(L, most >= 1, 2, "expected at least 1");
    ssize_t size;
    do
        size = read(descriptor, buffer, most < READ_MAX ? (size_t)most : READ_MAX);
    while (size < 0 && errno == EINTR);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (size < 0)
        return hwl_io_failure(L, errno);
    lua_pushlstring(L, buffer, (size_t)size);
    return 1;
}

static int close_it(lua_State *L)
{
    close_descriptor(check_descriptor(L));
    return 0;
}

static int descriptor_number(lua_State *L)
{
    lua_pushinteger(L, check_descriptor(L)->descriptor);
    return 1;
}

static int is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(check_descriptor(L)->descriptor));
    return 1;
}

/* --- alarms --- */

/* core.after(seconds, fn) -> handle */
static int after(lua_State *L)
{
    struct hwl_state *state = hwl_state(L);
    uint64_t delay = hwl_check_seconds(L, 1, "after");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    struct waiter *waiter = new_waiter(L, &alarm_tag);
    struct uv_loop_s *loop;
    int error = find_loop(state, &loop);
    error = error ? error : hws_loop_alarm(loop, delay, on_event, waiter, &waiter->alarm);
    if (error)
        return hwl_failure(L, error, NULL);
    anchor(waiter, L, 3, 2);
    return 1;
}

/* core.clock() -> seconds that never go back */
static int clock_now(lua_State *L)
{
    struct hws_clock *clock = hws_monotonic_clock();
    lua_pushnumber(L, (double)clock->now(clock) / 1e9);
    return 1;
}

static int cancel(lua_State *L)
{
    struct waiter *waiter = check_waiter(L, &alarm_tag, "timer");
    lua_pushboolean(L, waiter->alarm != NULL);
    let_go(waiter);
    return 1;
}

static int collect(lua_State *L)
{
    close_descriptor(lua_touserdata(L, 1));
    return 0;
}

void hwl_open_descriptors(lua_State *L)
{
    static const luaL_Reg descriptor_methods[] = { { "on_readable", on_readable },
                                                   { "want", want },
                                                   { "read", read_some },
                                                   { "number", descriptor_number },
                                                   { "is_terminal", is_terminal },
                                                   { "accept", hwl_socket_accept },
                                                   { "write", hwl_socket_write },
                                                   { "address", hwl_socket_address },
                                                   { "peer", hwl_local_peer },
                                                   { "close", close_it },
                                                   { NULL, NULL } };
    static const luaL_Reg alarm_methods[] = { { "cancel", cancel }, { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__gc", collect }, { NULL, NULL } };
    hwl_metatable(L, "hawser.descriptor", descriptor_methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &descriptor_tag);
    hwl_metatable(L, "hawser.alarm", alarm_methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &alarm_tag);
    lua_pushcfunction(L, new_descriptor);
    lua_setfield(L, -2, "descriptor");
    lua_pushcfunction(L, after);
    lua_setfield(L, -2, "after");
    lua_pushcfunction(L, clock_now);
    lua_setfield(L, -2, "clock");
    lua_pushcfunction(L, hwl_socket_listen);
    lua_setfield(L, -2, "listen");
    lua_pushcfunction(L, hwl_socket_connect);
    lua_setfield(L, -2, "connect");
}
