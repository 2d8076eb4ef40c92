/* SPDX-License-Identifier: MIT */
/* ctest: timeout=120 */
/*
 * A C host with Lua: systems are pushed, forgotten and closed in every order while Lua actors wait, and Lua runs out of memory
 * at each allocation in turn. Nothing may crash, leak (the sanitizers look) or keep the loop alive.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <uv.h>

#include "hawser/hawser.h"
#include "hawser_lua.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Uses everything of the Lua API that keeps something in the core. */
static const char *const script =
    "local system = ...\n"
    "local echo = system:spawn_named('echo', function(ctx, m) ctx:respond(m) end)\n"
    "system:spawn { started = function(ctx)\n"
    "    for i = 1, 3 do ctx:request('echo', { i, 'x', { a = 1 } }) end\n"
    "    ctx:sleep(0.001)\n"
    "    ctx:watch(echo)\n"
    "    ctx.system:stop(echo)\n"
    "  end, terminated = function() end, stopped = function() end }\n"
    "local waits = system:spawn(function(ctx, m)\n"
    "    local _ <close> = setmetatable({}, { __close = function() end })\n"
    "    ctx:request('echo', m, { timeout = 0.01 })\n"
    "  end, { reentrant = true })\n"
    "for i = 1, 5 do system:send(waits, i, { type = 't' .. i }) end\n"
    "system.events:subscribe('*', function() end)\n"
    "system:request('nobody', 1, function() end)\n"
    "system:after(0.002, function() system:send('127.0.0.1:1/x', 1) end)\n"
    "require('hawser').pack({ 1 })\n"
    "system:set_policy { name = 'p', backoff = function() return 0.001 end }\n"
    "system:statistics() system:actors() system:statistics_snapshot()\n";

static long allocations, failing_from; /* of Lua; -1: none fails */

static void *allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    (void)data;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    if (!block || new_size > old_size) {
        long number = allocations++;
        if (failing_from >= 0 && number >= failing_from && number < failing_from + 3)
            return NULL;
    }
    return realloc(block, new_size);
}

static int run_script(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_pushliteral(L, "lua/?.lua;lua/?/init.lua");
    lua_setfield(L, -2, "path");
    hwl_preload(L);
    if (luaL_loadstring(L, script) != LUA_OK)
        return lua_error(L);
    hwl_push_system(L, lua_touserdata(L, 1));
    lua_call(L, 1, 0);
    return 0;
}

static void stop(uv_timer_t *timer)
{
    hws_stop(timer->data, "test", 0);
    uv_close((uv_handle_t *)timer, NULL);
}

enum order { STOP_THEN_CLOSE, FORGET_THEN_STOP, CLOSE_THEN_STOP };

static void take_down(lua_State *L, uv_loop_t *loop, struct hws_system *system, enum order order)
{
    if (order != STOP_THEN_CLOSE) {
        for (int i = 0; i < 5; i++)
            uv_run(loop, UV_RUN_ONCE);
    }
    if (order == FORGET_THEN_STOP)
        hwl_forget_system(L, system);
    if (order == CLOSE_THEN_STOP)
        lua_close(L);
    uv_run(loop, UV_RUN_DEFAULT);
    if (order != CLOSE_THEN_STOP)
        lua_close(L);
    hws_system_free(system);
    uv_run(loop, UV_RUN_DEFAULT);
}

/* Returns what lua_pcall() gave. */
static int host(enum order order, long fail)
{
    uv_loop_t loop;
    uv_timer_t timer;
    struct hws_system *system;
    struct hws_options options;
    assert_int_equal(uv_loop_init(&loop), 0);
    hws_options_init(&options);
    options.name = "host";
    options.listen = "127.0.0.1:0";
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_loop_attach(system, &loop), 0);
    assert_int_equal(hws_start(system, NULL, 0), 0);
    failing_from = -1;
    allocations = 0;
    lua_State *L = lua_newstate(allocate, NULL);
    failing_from = fail;
    lua_pushcfunction(L, run_script);
    lua_pushlightuserdata(L, system);
    int status = lua_pcall(L, 1, 0, 0);
    uv_timer_init(&loop, &timer);
    timer.data = system;
    uv_timer_start(&timer, stop, order == STOP_THEN_CLOSE ? 20 : 3, 0);
    take_down(L, &loop, system, order);
    assert_int_equal(uv_loop_close(&loop), 0);
    return status;
}

static void test_orders(void **state)
{
    (void)state;
    for (int order = STOP_THEN_CLOSE; order <= CLOSE_THEN_STOP; order++)
        assert_int_equal(host((enum order)order, -1), LUA_OK);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    host(STOP_THEN_CLOSE, -1);
    long all = allocations;
    int failed = 0;
    assert_true(all > 1000);
    for (long fail = 1, i = 0; fail < all; fail += 41, i++)
        failed += host((enum order)(i % 3), fail) != LUA_OK;
    assert_true(failed > 0);
}

static int nothing(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    (void)message;
    return 0;
}

static void test_same_object(void **state)
{
    static const struct hws_actor_ops ops = { .receive = nothing };
    struct hws_options options;
    struct hws_system *system;
    (void)state;
    hws_options_init(&options);
    options.name = "host";
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_start(system, NULL, 0), 0);
    assert_int_equal(hws_spawn_named(system, "c", &ops, NULL, NULL), 0);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    hwl_push_system(L, system);
    hwl_push_system(L, system);
    assert_true(lua_rawequal(L, -1, -2));
    lua_setglobal(L, "system");
    assert_int_equal(luaL_dostring(L, "return system:send('c', 1), pcall(system.run, system)"), 0);
    assert_true(lua_toboolean(L, -3));
    assert_false(lua_toboolean(L, -2)); /* the host runs the loop */
    hwl_forget_system(L, system);
    hwl_forget_system(L, system);
    assert_int_equal(luaL_dostring(L, "system:send('c', 1)"), 1);
    assert_non_null(strstr(lua_tostring(L, -1), "has stopped"));
    assert_int_equal(luaL_dostring(L, "return tostring(system), system:is_stopped()"), 0);
    lua_close(L);
    hws_system_free(system);
}

static int open_console(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_pushliteral(L, "lua/?.lua;lua/?/init.lua");
    lua_setfield(L, -2, "path");
    hwl_preload(L);
    hwl_push_system(L, lua_touserdata(L, 1));
    lua_getglobal(L, "require");
    lua_pushliteral(L, "hawser");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "open_console");
    lua_pushstring(L, lua_touserdata(L, 2));
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "path");
    return lua_isstring(L, -1) ? 0 : luaL_error(L, "no console");
}

static int client_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

/* Runs the loop until the client has read something. */
static size_t read_from(int client, uv_loop_t *loop, char *out, size_t capacity)
{
    for (;;) {
        ssize_t size = read(client, out, capacity);
        if (size >= 0)
            return (size_t)size;
        uv_run(loop, UV_RUN_ONCE);
    }
}

/* It answers while the host runs its loop, and when the state is closed it leaves neither socket nor handle. */
static void test_console(void **state)
{
    static const char hello[] = "\0\0\0\x11\x92\xa5hello\x81\xa7version\x01";
    char path[] = "/tmp/hawser-host-XXXXXX", text[4096];
    uv_loop_t loop;
    struct hws_options options;
    struct hws_system *system;
    (void)state;
    assert_non_null(mkdtemp(path));
    char socket_path[sizeof path + 8];
    (void)snprintf(socket_path, sizeof socket_path, "%s/c.sock", path);
    assert_int_equal(uv_loop_init(&loop), 0);
    hws_options_init(&options);
    options.name = "host";
    assert_int_equal(hws_system_new(&options, &system, NULL, 0), 0);
    assert_int_equal(hws_loop_attach(system, &loop), 0);
    assert_int_equal(hws_start(system, NULL, 0), 0);
    lua_State *L = luaL_newstate();
    lua_pushcfunction(L, open_console);
    lua_pushlightuserdata(L, system);
    lua_pushlightuserdata(L, socket_path);
    assert_int_equal(lua_pcall(L, 2, 0, 0), LUA_OK);
    int client = client_of(socket_path);
    assert_int_equal(write(client, hello, sizeof hello - 1), sizeof hello - 1);
    size_t size = read_from(client, &loop, text, sizeof text);
    assert_non_null(memmem(text, size, "hawser", 6));
    lua_close(L);
    assert_int_equal(read_from(client, &loop, text, sizeof text), 0);
    assert_int_equal(access(socket_path, F_OK), -1);
    close(client);
    hws_stop(system, "test", 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    hws_system_free(system);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_same_object),
        cmocka_unit_test(test_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
