/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <stdio.h>
#include <string.h>

#include "actor.h"
#include "callback.h"
#include "events.h"
#include "hawser_lua.h"
#include "kind.h"
#include "log.h"
#include "methods.h"
#include "policy.h"
#include "run.h"
#include "world.h"

static const char object_tag;
static const char system_metatable;

/* --- the struct --- */

struct hwl_system *hwl_system_retain(struct hwl_system *system)
{
    system->refs++;
    return system;
}

void hwl_system_release(struct hwl_system *system)
{
    if (--system->refs > 0)
        return;
    hwl_logger_free(system->logger);
    hwl_free(system, sizeof *system);
}

static void unlink_system(struct hwl_system *self)
{
    struct hwl_system **link = &self->state->systems;
    while (*link && *link != self)
        link = &(*link)->next;
    if (*link)
        *link = self->next;
}

static void drop_references(struct hwl_system *self)
{
    lua_State *L = self->state->lua;
    luaL_unref(L, LUA_REGISTRYINDEX, self->targets);
    luaL_unref(L, LUA_REGISTRYINDEX, self->atoms);
    if (self->anchored)
        luaL_unref(L, LUA_REGISTRYINDEX, self->object);
    self->anchored = false;
}

static void free_core(struct hwl_system *self)
{
    struct hwl_state *state = self->state;
    struct hws_system *system = self->system;
    self->system = NULL;
    if (self->world) {
        hwl_world_free_system(self->world, system, self->silent_death);
        return;
    }
    hwl_run_forget(state, system);
    /* Links that are still closing may log, so the logger stays until the loop is done with them. */
    if (!hws_is_stopped(system)) {
        hwl_system_retain(self);
        self->next = state->leaving;
        state->leaving = self;
    }
    hws_system_free(system);
}

/* No more calls into Lua from here on, but for the log function. */
static void cut_loose(struct hwl_system *self)
{
    hwl_callbacks_cancel(self);
    hwl_kinds_cut(self);
    while (self->actors)
        hwl_actor_cut(self->actors);
    if (!self->owned && self->policy && self->system)
        hws_set_policy(self->system, NULL);
    if (self->policy)
        hwl_policy_cut(self->policy);
}

void hwl_system_close(struct hwl_system *self)
{
    struct hwl_state *state = self->state;
    if (!state)
        return;
    cut_loose(self);
    hwl_logger_cut(self->logger);
    unlink_system(self);
    if (self->owned && self->system)
        free_core(self);
    if (!state->closing)
        drop_references(self);
    if (self->world)
        hwl_world_release(self->world);
    self->world = NULL;
    self->system = NULL;
    self->state = NULL;
    hwl_system_release(self);
}

void hwl_systems_close(struct hwl_state *state)
{
    /* All before any: ending one runs the loop that the others are on. */
    for (struct hwl_system *self = state->systems; self; self = self->next)
        cut_loose(self);
    while (state->systems)
        hwl_system_close(state->systems);
    hws_loop_free(atomic_exchange(&state->loop, NULL)); /* a signal must not wake it any more */
    while (state->leaving) {
        struct hwl_system *self = state->leaving;
        state->leaving = self->next;
        hwl_system_release(self);
    }
}

/* --- the object --- */

struct hwl_system_object *hwl_push_system_object(struct hwl_system *system, lua_State *L)
{
    struct hwl_system_object *object = lua_newuserdatauv(L, sizeof *object, 1);
    object->tag = &object_tag;
    object->system = hwl_system_retain(system);
    return object;
}

static struct hwl_system *to_system(lua_State *L, int index)
{
    struct hwl_system_object *object = lua_touserdata(L, index);
    if (!object || lua_rawlen(L, index) < sizeof *object || object->tag != &object_tag) {
        luaL_typeerror(L, index, "system");
        return NULL;
    }
    return object->system;
}

struct hwl_system *hwl_check_system(lua_State *L, int index)
{
    struct hwl_system *self = to_system(L, index);
    if (!self || !self->state || !self->system)
        luaL_error(L, "the system has stopped");
    return self;
}

struct hwl_system *hwl_check_acting(lua_State *L, int index)
{
    struct hwl_system *self = hwl_check_system(L, index);
    if (self->state->answering > 0)
        hwl_must_act(self->state, L);
    return self;
}

int hwl_free_system_object(lua_State *L)
{
    struct hwl_system_object *object = lua_touserdata(L, 1);
    if (object->system)
        hwl_system_release(object->system);
    object->system = NULL;
    return 0;
}

/* Nobody can reach it any more: it has stopped, or the state closes. */
static int collect(lua_State *L)
{
    struct hwl_system *self = to_system(L, 1);
    struct hwl_state *state = hwl_state(L);
    if (self && self->state && !self->anchored && !state->closing)
        hwl_system_close(self);
    return hwl_free_system_object(L);
}

void hwl_push_object(struct hwl_system *system, lua_State *L)
{
    if (system->anchored)
        lua_rawgeti(L, LUA_REGISTRYINDEX, system->object);
    else
        lua_pushnil(L);
}

static int new_table(lua_State *L)
{
    lua_newtable(L);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

struct hwl_system *hwl_system_wrap(lua_State *L, bool owned)
{
    struct hwl_system_object *object = lua_newuserdatauv(L, sizeof *object, 1);
    *object = (struct hwl_system_object){ .tag = &object_tag };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &system_metatable);
    lua_setmetatable(L, -2);
    struct hwl_system *self = hwl_alloc(sizeof *self);
    if (!self) {
        luaL_error(L, "out of memory");
        return NULL;
    }
    self->refs = 1; /* the object's */
    self->owned = owned;
    object->system = self;
    return self;
}

void hwl_system_join(struct hwl_system *self, struct hwl_state *state, lua_State *L)
{
    self->targets = new_table(L);
    self->atoms = new_table(L);
    lua_pushvalue(L, -1);
    self->object = luaL_ref(L, LUA_REGISTRYINDEX);
    self->anchored = true;
    self->state = state;
    self->next = state->systems;
    state->systems = hwl_system_retain(self);
}

void hwl_system_publish(struct hwl_system *self, lua_State *L)
{
    const struct hws_options *options = hws_system_options(self->system);
    self->limit = options->max_frame_size;
    self->policy_budget = options->policy_budget;
    lua_createtable(L, 0, 4);
    lua_pushstring(L, hws_system_name(self->system));
    lua_setfield(L, -2, "name");
    lua_pushstring(L, hws_system_address(self->system));
    lua_setfield(L, -2, "address");
    hwl_push_uid(L, hws_system_uid(self->system));
    lua_setfield(L, -2, "uid");
    hwl_push_events(self, L, -2);
    lua_setfield(L, -2, "events");
    lua_setiuservalue(L, -2, 1);
}

/* system.name: a method from upvalue 1, or a field */
static int index_system(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    to_system(L, 1);
    if (lua_getiuservalue(L, 1, 1) != LUA_TTABLE)
        return 0;
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
}

static int system_text(lua_State *L)
{
    struct hwl_system *self = to_system(L, 1);
    bool alive = self && self->system;
    lua_pushfstring(L, "system %s%s", alive ? hws_system_name(self->system) : "",
                    alive && !hws_is_stopped(self->system) ? "" : "(stopped)");
    return 1;
}

void hwl_open_systems(lua_State *L)
{
    static const luaL_Reg meta[] = { { "__gc", collect },
                                     { "__tostring", system_text },
                                     { NULL, NULL } };
    hwl_metatable(L, "hawser.system", NULL, meta);
    lua_newtable(L);
    luaL_setfuncs(L, hwl_system_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "methods");
    lua_pushcclosure(L, index_system, 1);
    lua_setfield(L, -2, "__index");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &system_metatable);
}

static bool is_alive(const struct hwl_system *self)
{
    return self->anchored && self->system && !hws_is_stopped(self->system);
}

int hwl_list_systems(lua_State *L)
{
    lua_Integer count = 0;
    for (struct hwl_system *self = hwl_state(L)->systems; self; self = self->next)
        count += is_alive(self);
    lua_createtable(L, (int)count, 0);
    for (struct hwl_system *self = hwl_state(L)->systems; self; self = self->next) {
        if (!is_alive(self))
            continue;
        hwl_push_object(self, L);
        lua_rawseti(L, -2, count--);
    }
    return 1;
}

/* --- reports --- */

void hwl_log(struct hwl_system *self, enum hws_log_level level, const char *text)
{
    char line[1024];
    while (self->system && *text) {
        size_t size = strcspn(text, "\n");
        size_t taken = size < sizeof line ? size : sizeof line - 1;
        memcpy(line, text, taken);
        line[taken] = 0;
        hws_log(self->system, level, line);
        text += size + (text[size] == '\n');
    }
}

void hwl_report(struct hwl_system *self, const char *what, const char *text)
{
    char line[HWL_REPORT];
    self->callback_errors++;
    (void)snprintf(line, sizeof line, "%s failed: %s", what, text);
    hwl_log(self, HWS_LOG_error, line);
}

/* --- a host's systems --- */

static struct hwl_system *find(struct hwl_state *state, const struct hws_system *system)
{
    struct hwl_system *self = state ? state->systems : NULL;
    while (self && self->system != system)
        self = self->next;
    return self;
}

void hwl_push_system(lua_State *L, struct hws_system *system)
{
    lua_pushcfunction(L, luaopen_hawser_core);
    lua_call(L, 0, 0);
    struct hwl_state *state = hwl_state(L);
    struct hwl_system *self = find(state, system);
    if (self) {
        hwl_push_object(self, L);
        return;
    }
    self = hwl_system_wrap(L, false);
    self->handler_budget = HWL_HANDLER_BUDGET;
    hwl_system_join(self, state, L);
    self->system = system;
    hwl_system_publish(self, L);
}

void hwl_forget_system(lua_State *L, struct hws_system *system)
{
    struct hwl_system *self = find(hwl_state(L), system);
    if (self)
        hwl_system_close(self);
}
