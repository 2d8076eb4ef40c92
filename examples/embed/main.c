/* SPDX-License-Identifier: MIT */
/*
 * A C host that owns its uv_loop_t: it makes a system, spawns an actor written in C, gives the system to a Lua script that
 * spawns another, and asks the Lua actor, which asks the C actor. Then everything is taken down in order.
 */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <msgpack.h>
#include <uv.h>

#include "hawser/hawser.h"
#include "hawser_lua.h"

/* --- an actor in C: adds the integers of an array --- */

static int64_t sum_of(const struct hws_message *message)
{
    msgpack_unpacked value;
    int64_t sum = 0;
    msgpack_unpacked_init(&value);
    size_t offset = 0;
    if (msgpack_unpack_next(&value, (const char *)message->payload.data, message->payload.size,
                            &offset) == MSGPACK_UNPACK_SUCCESS &&
        value.data.type == MSGPACK_OBJECT_ARRAY) {
        for (uint32_t i = 0; i < value.data.via.array.size; i++)
            sum += value.data.via.array.ptr[i].via.i64;
    }
    msgpack_unpacked_destroy(&value);
    return sum;
}

static int add(void *self, struct hws_context *context, const struct hws_message *message)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    (void)self;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_int64(&packer, sum_of(message));
    int error = hws_context_respond(context, message, hws_slice_of(buffer.data, buffer.size));
    msgpack_sbuffer_destroy(&buffer);
    return error;
}

static const struct hws_actor_ops adder = { .receive = add };

/* --- the host --- */

struct host {
    uv_loop_t loop;
    struct hws_system *system;
    int status;
};

static void write_line(struct hws_logger *logger, enum hws_log_level level, const char *line)
{
    (void)logger;
    if (level >= HWS_LOG_warning)
        fprintf(stderr, "embed: %s\n", line);
}

static struct hws_logger logger = { write_line };

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "embed: %s: %s\n", what, why);
    return 1;
}

static int start_system(struct host *host)
{
    struct hws_options options;
    char message[256] = "";
    hws_options_init(&options);
    options.name = "embed";
    options.listen = "127.0.0.1:0";
    options.logger = &logger;
    int error = hws_system_new(&options, &host->system, message, sizeof message);
    if (!error)
        error = hws_loop_attach(host->system, &host->loop);
    if (!error)
        error = hws_start(host->system, message, sizeof message);
    if (!error)
        error = hws_spawn_named(host->system, "adder", &adder, NULL, NULL);
    return error ? fail("system", message[0] ? message : hws_strerror(error)) : 0;
}

/* The script gets the system as its argument. */
static int run_script(lua_State *L, struct host *host, const char *file)
{
    luaL_openlibs(L);
    hwl_preload(L);
    if (luaL_loadfile(L, file) != LUA_OK)
        return fail("script", lua_tostring(L, -1));
    hwl_push_system(L, host->system);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        return fail("script", lua_tostring(L, -1));
    return 0;
}

static void on_answer(void *data, int status, const struct hws_message *response)
{
    struct host *host = data;
    if (status == 0 && response->payload.size == 1) {
        printf("the Lua actor says: 2 x 21 = %d\n", response->payload.data[0]);
        host->status = response->payload.data[0] == 42 ? 0 : 1;
    } else {
        host->status = fail("request", hws_strerror(status));
    }
    hws_stop(host->system, "done", HWS_SECOND);
}

static int ask(struct host *host)
{
    static const uint8_t twenty_one = 21; /* msgpack: small integers are themselves */
    struct hws_message message = { .payload = { &twenty_one, 1 } };
    struct hws_pid *doubler;
    int error = hws_pid_parse(host->system, "doubler", &doubler);
    if (error)
        return fail("doubler", hws_strerror(error));
    error = hws_request(host->system, doubler, &message, HWS_SECOND, on_answer, host, NULL);
    hws_pid_release(doubler);
    return error ? fail("request", hws_strerror(error)) : 0;
}

int main(int count, char **arguments)
{
    struct host host = { .status = 1 };
    if (count != 2)
        return fail("usage", "example_embed embed.lua");
    uv_loop_init(&host.loop);
    lua_State *L = luaL_newstate();
    if (L && start_system(&host) == 0 && run_script(L, &host, arguments[1]) == 0 && ask(&host) == 0)
        uv_run(&host.loop, UV_RUN_DEFAULT);
    /* Lua first: closing it cuts its actors loose from a system that may still run. */
    if (L)
        lua_close(L);
    hws_system_free(host.system);
    uv_run(&host.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&host.loop) != 0)
        return fail("loop", "something is still open on it");
    return host.status;
}
