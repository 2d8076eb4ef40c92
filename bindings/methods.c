/* SPDX-License-Identifier: MIT */
#include "methods.h"

#include "actor.h"
#include "await.h"
#include "kind.h"
#include "log.h"
#include "names.h"
#include "options.h"
#include "pid.h"
#include "policy.h"
#include "pressure.h"
#include "reload.h"
#include "request.h"
#include "run.h"
#include "send.h"
#include "service.h"
#include "shutout.h"
#include "statistics.h"
#include "timer.h"
#include "world.h"

int hwl_answer(lua_State *L, int error)
{
    if (error)
        return hwl_failure(L, error, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

static int send(lua_State *L)
{
    return hwl_send(hwl_check_acting(L, 1), L, 2, NULL);
}

/* system:respond(to, request_id, message): what ctx.sender and ctx.request_id were */
static int respond(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    struct hwl_outgoing out;
    lua_Integer id = luaL_checkinteger(L, 3);
    lua_settop(L, 5);
    struct hws_pid *to = hwl_check_target(self, L, 2);
    if (!to)
        return hwl_failure(L, HWS_EADDRESS, NULL);
    hwl_outgoing_options(&out, self, L, 5, NULL, HWL_RESPOND);
    hwl_outgoing_encode(&out, self, L, 4);
    int error = hws_respond(self->system, to, (uint64_t)id, &out.message);
    hwl_outgoing_done(&out, self);
    return out.error ? hwl_failure(L, out.error, out.text) : hwl_answer(L, error);
}

static int spawn(lua_State *L)
{
    return hwl_spawn(hwl_check_acting(L, 1), NULL, L, NULL, 2);
}

static int spawn_named(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    return hwl_spawn(self, NULL, L, luaL_checkstring(L, 2), 3);
}

static int watch_or_not(lua_State *L,
                        int (*call)(struct hws_system *, struct hws_pid *, struct hws_pid *))
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    lua_settop(L, 3);
    struct hws_pid *watcher = hwl_check_target(self, L, 2), *target = hwl_check_target(self, L, 3);
    return hwl_answer(L, watcher && target ? call(self->system, watcher, target) : HWS_EADDRESS);
}

static int watch(lua_State *L)
{
    return watch_or_not(L, hws_watch);
}

static int unwatch(lua_State *L)
{
    return watch_or_not(L, hws_unwatch);
}

static int stop_system(struct hwl_system *self, lua_State *L)
{
    static const char *const names[] = { "deadline", "reason" };
    uint64_t deadline = HWS_NEVER;
    const char *reason = "stopped";
    if (lua_istable(L, 2)) {
        hwl_check_options(L, 2, "stop option", names, 2);
        if (lua_getfield(L, 2, "deadline") != LUA_TNIL)
            deadline = hwl_check_seconds(L, -1, "deadline");
        if (lua_getfield(L, 2, "reason") != LUA_TNIL)
            reason = hwl_check_text(L, "reason");
    }
    return hwl_answer(L, hws_stop(self->system, reason, deadline));
}

/* system:stop(pid) stops an actor, system:stop() and system:stop { deadline =, reason = } the system */
static int stop(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    if (lua_gettop(L) == 1 || lua_istable(L, 2))
        return stop_system(self, L);
    lua_settop(L, 2);
    struct hws_pid *target = hwl_check_target(self, L, 2);
    return hwl_answer(L, target ? hws_stop_actor(self->system, target) : HWS_EADDRESS);
}

static int associate(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *address = luaL_checkstring(L, 2);
    int error = hws_associate(self->system, address);
    if (error != HWS_EADDRESS)
        return hwl_answer(L, error);
    char message[512] = "";
    (void)hws_check_address(self->system, address, message, sizeof message);
    return hwl_failure(L, error, message);
}

static int close_endpoint(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *address = luaL_checkstring(L, 2);
    return hwl_answer(L, hws_close_endpoint(self->system, address, luaL_optstring(L, 3, "closed")));
}

static int cut_link(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    return hwl_answer(L, hws_cut_link(self->system, luaL_checkstring(L, 2)));
}

/* system:pid(text): a PID of this system; an id alone is a local actor's */
static int pid(lua_State *L)
{
    struct hwl_system *self = hwl_check_system(L, 1);
    lua_settop(L, 2);
    if (!hwl_check_target(self, L, 2))
        return hwl_failure(L, HWS_EADDRESS, NULL);
    return 1;
}

static int now(lua_State *L)
{
    lua_pushnumber(L, (double)hws_system_now(hwl_check_system(L, 1)->system) / 1e9);
    return 1;
}

static int is_stopped(lua_State *L)
{
    struct hwl_system_object *object = lua_touserdata(L, 1);
    if (object && object->system && !object->system->system)
        lua_pushboolean(L, 1);
    else
        lua_pushboolean(L, hws_is_stopped(hwl_check_system(L, 1)->system));
    return 1;
}

const luaL_Reg hwl_system_methods[] = { { "send", send },
                                        { "request", hwl_system_request },
                                        { "respond", respond },
                                        { "spawn", spawn },
                                        { "spawn_named", spawn_named },
                                        { "watch", watch },
                                        { "unwatch", unwatch },
                                        { "stop", stop },
                                        { "is_stopped", is_stopped },
                                        { "run", hwl_system_run },
                                        { "after", hwl_system_after },
                                        { "every", hwl_system_every },
                                        { "now", now },
                                        { "pid", pid },
                                        { "register_kind", hwl_system_register_kind },
                                        { "unregister_kind", hwl_system_unregister_kind },
                                        { "allow_kind", hwl_system_allow_kind },
                                        { "allow_diagnostics", hwl_system_allow_diagnostics },
                                        { "kinds", hwl_system_kinds },
                                        { "spawn_remote", hwl_system_spawn_remote },
                                        { "spawn_remote_named", hwl_system_spawn_remote_named },
                                        { "list_processes", hwl_system_list_processes },
                                        { "get_process_diagnostics",
                                          hwl_system_get_process_diagnostics },
                                        { "actors", hwl_system_actors },
                                        { "associate", associate },
                                        { "await_reconnect", hwl_system_await },
                                        { "close_endpoint", close_endpoint },
                                        { "cut_link", cut_link },
                                        { "quarantine", hwl_system_quarantine },
                                        { "release", hwl_system_release_endpoint },
                                        { "block_system", hwl_system_block },
                                        { "unblock_system", hwl_system_unblock },
                                        { "list_blocked_systems", hwl_system_blocked },
                                        { "queue", hwl_system_queue },
                                        { "register_backpressure_listener", hwl_system_listen },
                                        { "statistics", hwl_system_statistics },
                                        { "statistics_snapshot", hwl_system_snapshot },
                                        { "connections_snapshot", hwl_system_connections },
                                        { "set_policy", hwl_system_set_policy },
                                        { "reload_policy", hwl_system_reload_policy },
                                        { NULL, NULL } };

/* What can fail for good reasons: a port in use, a name that can't be resolved. */
static int start_on_loop(struct hwl_system *self, struct hws_options *options, char *message,
                         size_t capacity)
{
    struct hwl_state *state = self->state;
    int error = hwl_make_loop(state);
    error = error ? error : hws_system_new(options, &self->system, message, capacity);
    if (error)
        return error;
    options->policy = NULL; /* the system's */
    hwl_run_remember(state, self->system);
    return hws_loop_attach(self->system, state->loop);
}

static int start(struct hwl_system *self, struct hws_options *options, char *message,
                 size_t capacity)
{
    int error = self->world
                    ? hwl_world_new_system(self->world, options, &self->system, message, capacity)
                    : start_on_loop(self, options, message, capacity);
    return error ? error : hws_start(self->system, message, capacity);
}

int hwl_new_system(lua_State *L)
{
    struct hwl_state *state = hwl_state(L);
    struct hwl_options options;
    char message[512] = "";
    lua_settop(L, 2);
    hwl_must_act(state, L);
    hwl_read_options(L, 1, &options);
    struct hwl_world *world = hwl_opt_world(L, 2);
    struct hwl_system *self = hwl_system_wrap(L, true);
    self->logger = hwl_logger_new(state, L, 1, options.core.name);
    hwl_system_join(self, state, L);
    self->world = world;
    if (world)
        hwl_world_retain(world);
    self->handler_budget = options.handler_budget;
    self->policy_budget = options.core.policy_budget;
    options.core.logger = &self->logger->logger;
    struct hwl_policy *policy = NULL;
    if (lua_getfield(L, 1, "policy") != LUA_TNIL) {
        policy = hwl_policy_new(state, L, -1);
        hwl_policy_own(policy, self);
        options.core.policy = hwl_policy_core(policy);
    }
    lua_pop(L, 1);
    int error = start(self, &options.core, message, sizeof message);
    if (error) {
        bool invalid = error == HWS_EOPTION || error == HWS_EINVAL;
        if (!self->system)
            hwl_policy_free(policy);
        hwl_system_close(self);
        return invalid ? luaL_error(L, "%s", message[0] ? message : hws_strerror(error))
                       : hwl_failure(L, error, message);
    }
    hwl_system_publish(self, L);
    return 1;
}
