/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "names.h"

struct object {
    const void *tag;
    struct hwl_world *world;
};
static const char world_tag;

void hwl_world_retain(struct hwl_world *world)
{
    world->refs++;
}

void hwl_world_release(struct hwl_world *world)
{
    if (--world->refs > 0)
        return;
    hws_loopback_free(world->loopback);
    hwl_free(world, sizeof *world);
}

/* --- arguments --- */

static struct object *to_object(lua_State *L, int index)
{
    struct object *object = lua_touserdata(L, index);
    if (!object || lua_rawlen(L, index) < sizeof *object || object->tag != &world_tag)
        luaL_typeerror(L, index, "world");
    return object;
}

struct hwl_world *hwl_opt_world(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return NULL;
    struct hwl_world *world = to_object(L, index)->world;
    if (!world || world->closed)
        luaL_error(L, "the world is closed");
    return world;
}

struct hwl_world *hwl_check_world(lua_State *L)
{
    luaL_checkany(L, 1);
    struct hwl_world *world = hwl_opt_world(L, 1);
    hwl_must_act(world->state, L);
    return world;
}

static int answer(lua_State *L, int error)
{
    if (error)
        return hwl_failure(L, error, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

static double check_number(lua_State *L, const char *name, double least, double most)
{
    int is_number;
    double value = lua_tonumberx(L, -1, &is_number);
    if (!is_number || !(value >= least && value <= most))
        luaL_error(L, "%s: expected a number from %d to %f, got %s", name, (int)least, most,
                   luaL_tolstring(L, -1, NULL));
    return value;
}

/* --- ways --- */

static const char *const way_names[] = { "latency", "jitter", "bandwidth", "pipe_bytes", "loss" };
enum { WAY_NAMES = 5 };
static const char *const option_names[] = { "latency", "jitter", "bandwidth",   "pipe_bytes",
                                            "loss",    "seed",   "split_writes" };

static bool has_field(lua_State *L, int index, const char *name)
{
    if (lua_getfield(L, index, name) != LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

/* What the table at `index` says of a way; the rest stays. */
static void read_way(lua_State *L, int index, struct hws_loopback_way *way)
{
    if (has_field(L, index, "latency"))
        way->latency = hwl_check_seconds(L, -1, "latency");
    if (has_field(L, index, "jitter"))
        way->jitter = hwl_check_seconds(L, -1, "jitter");
    if (has_field(L, index, "bandwidth"))
        way->bandwidth = (uint64_t)check_number(L, "bandwidth", 0, 1e15);
    if (has_field(L, index, "pipe_bytes"))
        way->pipe_bytes = (size_t)check_number(L, "pipe_bytes", 1, 1e12);
    if (has_field(L, index, "loss"))
        way->drop_link = check_number(L, "loss", 0, 1);
}

/* world:way(from, to): nil, nil are all about which nothing was said */
static int get_way(lua_State *L)
{
    struct hws_loopback_way way;
    struct hwl_world *world = hwl_check_world(L);
    hws_loopback_get_way(world->loopback, luaL_optstring(L, 2, NULL), luaL_optstring(L, 3, NULL),
                         &way);
    lua_createtable(L, 0, WAY_NAMES);
    lua_pushnumber(L, (double)way.latency / 1e9);
    lua_setfield(L, -2, "latency");
    lua_pushnumber(L, (double)way.jitter / 1e9);
    lua_setfield(L, -2, "jitter");
    lua_pushinteger(L, (lua_Integer)way.bandwidth);
    lua_setfield(L, -2, "bandwidth");
    lua_pushinteger(L, (lua_Integer)way.pipe_bytes);
    lua_setfield(L, -2, "pipe_bytes");
    lua_pushnumber(L, way.drop_link);
    lua_setfield(L, -2, "loss");
    return 1;
}

/* world:set_way(from, to, way or nil) */
static int set_way(lua_State *L)
{
    struct hws_loopback_way way;
    struct hwl_world *world = hwl_check_world(L);
    const char *from = luaL_optstring(L, 2, NULL), *to = luaL_optstring(L, 3, NULL);
    lua_settop(L, 4);
    if (lua_isnil(L, 4))
        return answer(L, hws_loopback_set_way(world->loopback, from, to, NULL));
    hwl_check_options(L, 4, "link option", way_names, WAY_NAMES);
    hws_loopback_get_way(world->loopback, from, to, &way);
    read_way(L, 4, &way);
    return answer(L, hws_loopback_set_way(world->loopback, from, to, &way));
}

/* world:partition(one, other, mode) */
static int partition(lua_State *L)
{
#define X(name) #name,
    static const char *const modes[] = { HWS_LOOPBACK_RIFTS(X) };
#undef X
    struct hwl_world *world = hwl_check_world(L);
    const char *one = luaL_checkstring(L, 2), *other = luaL_checkstring(L, 3);
    size_t mode = hwl_check_name(L, 4, "mode of a partition", modes, 3);
    return answer(L, hws_loopback_partition(world->loopback, &one, 1, &other, 1,
                                            (enum hws_loopback_rift)mode));
}

static int heal(lua_State *L)
{
    struct hwl_world *world = hwl_check_world(L);
    hws_loopback_heal(world->loopback, luaL_optstring(L, 2, NULL), luaL_optstring(L, 3, NULL));
    return 0;
}

/* world:cut(one, other) -> how many links */
static int cut(lua_State *L)
{
    struct hwl_world *world = hwl_check_world(L);
    lua_pushinteger(L, (lua_Integer)hws_loopback_cut_between(
                           world->loopback, luaL_checkstring(L, 2), luaL_checkstring(L, 3)));
    return 1;
}

static int collide(lua_State *L)
{
    struct hwl_world *world = hwl_check_world(L);
    return answer(
        L, hws_loopback_collide(world->loopback, luaL_checkstring(L, 2), luaL_checkstring(L, 3)));
}

/* --- machines --- */

static int with_duration(lua_State *L, int (*call)(struct hws_loopback *, const char *, uint64_t),
                         const char *what)
{
    struct hwl_world *world = hwl_check_world(L);
    const char *machine = luaL_checkstring(L, 2);
    return answer(L, call(world->loopback, machine, hwl_check_seconds(L, 3, what)));
}

static int pause_machine(lua_State *L)
{
    return with_duration(L, hws_loopback_pause, "pause");
}

static int stall_clock(lua_State *L)
{
    return with_duration(L, hws_loopback_stall_clock, "stall_clock");
}

static int jump_clock(lua_State *L)
{
    return with_duration(L, hws_loopback_jump_clock, "jump_clock");
}

static int slow_reader(lua_State *L)
{
    struct hwl_world *world = hwl_check_world(L);
    const char *machine = luaL_checkstring(L, 2);
    lua_settop(L, 3);
    return answer(L, hws_loopback_slow_reader(world->loopback, machine,
                                              (uint64_t)check_number(L, "slow_reader", 0, 1e15)));
}

static int is_paused(lua_State *L)
{
    lua_pushboolean(L,
                    hws_loopback_is_paused(hwl_check_world(L)->loopback, luaL_checkstring(L, 2)));
    return 1;
}

/* world:kill(system, silently): nil, message, "ESTATE" in a handler of that system */
static int kill_system(lua_State *L)
{
    struct hwl_world *world = hwl_check_world(L);
    struct hwl_system *self = hwl_check_acting(L, 2);
    if (self->world != world)
        return luaL_error(L, "the system is not of this world");
    if (hws_in_turn(self->system))
        return hwl_failure(L, HWS_ESTATE, "a system's own handler can't kill it");
    self->silent_death = lua_toboolean(L, 3);
    hwl_system_close(self);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- the object --- */

static void close_systems(struct hwl_world *world)
{
    struct hwl_system *self = world->state->systems;
    while (self) {
        struct hwl_system *following = self->next;
        if (self->world == world) {
            hwl_system_close(self);
            following = world->state->systems; /* the list has changed */
        }
        self = following;
    }
}

static int close_world(lua_State *L)
{
    struct object *object = to_object(L, 1);
    if (!object->world || object->world->closed)
        return 0;
    if (object->world->running)
        return luaL_error(L, "the world is running; a handler can not close it");
    object->world->closed = true;
    close_systems(object->world);
    return 0;
}

static int collect(lua_State *L)
{
    struct object *object = to_object(L, 1);
    struct hwl_world *world = object->world;
    object->world = NULL;
    if (!world)
        return 0;
    if (!world->closed)
        close_systems(world);
    hwl_world_release(world);
    return 0;
}

/* core.world { seed =, latency =, ... } */
static int new_world(lua_State *L)
{
    struct hws_loopback_options options = { 0 };
    struct hws_loopback_way way = { .pipe_bytes = (size_t)256 * 1024 };
    luaL_checktype(L, 1, LUA_TTABLE);
    hwl_check_options(L, 1, "world option", option_names, 7);
    read_way(L, 1, &way);
    options.latency = way.latency;
    options.jitter = way.jitter;
    options.bandwidth = way.bandwidth;
    options.pipe_bytes = way.pipe_bytes;
    options.drop_link = way.drop_link;
    if (has_field(L, 1, "seed"))
        options.seed = (uint64_t)luaL_checkinteger(L, -1);
    lua_getfield(L, 1, "split_writes");
    options.split_writes = lua_toboolean(L, -1);
    struct object *object = lua_newuserdatauv(L, sizeof *object, 0);
    *object = (struct object){ .tag = &world_tag };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &world_tag);
    lua_setmetatable(L, -2);
    struct hwl_world *world = hwl_alloc(sizeof *world);
    int error = world ? hws_loopback_new(&options, &world->loopback) : HWS_ENOMEM;
    if (error) {
        hwl_free(world, sizeof *world);
        return luaL_error(L, "%s", hws_strerror(error));
    }
    world->refs = 1;
    world->state = hwl_state(L);
    object->world = world;
    return 1;
}

void hwl_open_worlds(lua_State *L)
{
    static const luaL_Reg methods[] = { { "run", hwl_world_run },
                                        { "run_until", hwl_world_run_until },
                                        { "step", hwl_world_step },
                                        { "now", hwl_world_now },
                                        { "next", hwl_world_next },
                                        { "digest", hwl_world_digest },
                                        { "halt", hwl_world_halt },
                                        { "way", get_way },
                                        { "set_way", set_way },
                                        { "partition", partition },
                                        { "heal", heal },
                                        { "cut", cut },
                                        { "collide", collide },
                                        { "pause", pause_machine },
                                        { "is_paused", is_paused },
                                        { "stall_clock", stall_clock },
                                        { "jump_clock", jump_clock },
                                        { "slow_reader", slow_reader },
                                        { "kill", kill_system },
                                        { "close", close_world },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__gc", collect }, { NULL, NULL } };
    hwl_metatable(L, "hawser.world", methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &world_tag);
    lua_pushcfunction(L, new_world);
    lua_setfield(L, -2, "world");
}

/* --- its systems --- */

int hwl_world_new_system(struct hwl_world *world, struct hws_options *options,
                         struct hws_system **out, char *message, size_t capacity)
{
    int error =
        hws_loopback_clock_of(world->loopback, options->name ? options->name : "", &options->clock);
    error = error ? error : hws_system_new(options, out, message, capacity);
    if (error)
        return error;
    options->policy = NULL; /* the system's */
    return hws_loopback_attach(world->loopback, *out);
}

void hwl_world_free_system(struct hwl_world *world, struct hws_system *system, bool silently)
{
    enum hws_loopback_death death = silently ? HWS_LOOPBACK_DEATH_silent : HWS_LOOPBACK_DEATH_reset;
    if (hws_loopback_kill(world->loopback, system, death) != 0)
        hws_system_free(system); /* it has stopped, or its handler closes the Lua state */
}
