/* SPDX-License-Identifier: MIT */
#include "statistics.h"

#include "call.h"
#include "events.h"
#include "pid.h"

static void set_count(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, value > INT64_MAX ? INT64_MAX : (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

/* Clock values are seconds; HWS_NEVER is nil. */
static void set_time(lua_State *L, const char *name, uint64_t value)
{
    if (value == HWS_NEVER)
        lua_pushnil(L);
    else
        lua_pushnumber(L, (double)value / 1e9);
    lua_setfield(L, -2, name);
}

#define set_bytes set_count
#define set_ns set_time

/* `field` = { total =, not_found =, ... }, the reasons that occurred */
static void set_reasons(lua_State *L, const char *field, const uint64_t *by_reason, int count,
                        const char *(*name_of)(int))
{
    uint64_t total = 0;
    lua_newtable(L);
    for (int reason = 0; reason < count; reason++) {
        total += by_reason[reason];
        if (by_reason[reason] > 0)
            set_count(L, name_of(reason), by_reason[reason]);
    }
    set_count(L, "total", total);
    lua_setfield(L, -2, field);
}

static const char *link_reason(int reason)
{
    return hws_link_reason_name((enum hws_link_reason)reason);
}

static void set_letters(lua_State *L, const uint64_t *by_reason)
{
    set_reasons(L, "dead_letters", by_reason, HWS_REASON_COUNT, hws_reason_name);
}

static void set_links(lua_State *L, const char *field, const uint64_t *by_reason)
{
    set_reasons(L, field, by_reason, HWS_LINK_REASON_COUNT, link_reason);
}

/* rtt_buckets = { { upper =, count = }, ... }: those that are not empty; the last has no upper */
static void set_buckets(lua_State *L, const uint32_t *buckets)
{
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < HWS_RTT_BUCKETS; i++) {
        if (!buckets[i])
            continue;
        lua_createtable(L, 0, 2);
        set_time(L, "upper", hws_rtt_bound(i));
        set_count(L, "count", buckets[i]);
        lua_rawseti(L, -2, ++n);
    }
    lua_setfield(L, -2, "rtt_buckets");
}

static void push_endpoint(lua_State *L, const struct hws_endpoint_statistics *statistics)
{
    lua_createtable(L, 0, 44);
    set_text(L, "address", statistics->address);
    set_text(L, "name", statistics->name);
    set_text(L, "level", statistics->level);
    set_text(L, "reason", statistics->reason);
    set_text(L, "state", hws_endpoint_state_name(statistics->state));
    hwl_push_uid(L, statistics->uid);
    lua_setfield(L, -2, "uid");
    set_count(L, "incarnation", statistics->incarnation);
    set_time(L, "since", statistics->since);
    set_time(L, "next", statistics->next);
    set_text(L, "step", hws_endpoint_step_name(statistics->step));
    hwl_push_correlation(L, statistics->correlation);
    lua_setfield(L, -2, "correlation");
#define X(name, unit, doc) set_##unit(L, #name, statistics->name);
    HWS_ENDPOINT_STATISTICS(X)
#undef X
    set_letters(L, statistics->dead_letters);
    set_links(L, "connect_failures", statistics->connect_failures);
    set_links(L, "disconnects", statistics->disconnects);
    set_buckets(L, statistics->rtt_buckets);
}

static int push_totals(struct hwl_system *self, lua_State *L)
{
    struct hws_system_statistics statistics;
    hws_system_statistics(self->system, &statistics);
    lua_createtable(L, 0, 20);
#define X(name, doc) set_count(L, #name, statistics.name);
    HWS_SYSTEM_STATISTICS(X)
#undef X
    set_letters(L, statistics.dead_letters_by_reason);
    set_links(L, "connect_failures", statistics.connect_failures);
    set_links(L, "disconnects", statistics.disconnects);
    set_links(L, "links_refused", statistics.links_refused);
    set_count(L, "callback_errors", self->callback_errors);
    return 1;
}

int hwl_system_statistics(lua_State *L)
{
    struct hwl_system *self = hwl_check_system(L, 1);
    struct hws_endpoint_statistics statistics;
    if (lua_isnoneornil(L, 2))
        return push_totals(self, L);
    const char *address = luaL_checkstring(L, 2);
    int error = hws_statistics(self->system, address, &statistics);
    if (error) {
        lua_pushfstring(L, "no endpoint of address %s", address);
        return hwl_failure(L, error, lua_tostring(L, -1));
    }
    push_endpoint(L, &statistics);
    return 1;
}

/*
 * The core's loops call these while they walk their own lists, so nothing may be raised out of them: each item is made in a
 * protected call.
 */
struct walk {
    struct hwl_system *system;
    int table;
    const struct hws_endpoint_statistics *statistics;
    const struct hws_connection_statistics *connection;
    struct hws_pid *pid;
    uint64_t mailbox_size;
    bool failed;
};

static int add_endpoint(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, walk->table);
    push_endpoint(L, walk->statistics);
    lua_setfield(L, -2, walk->statistics->address);
    return 0;
}

static void on_endpoint(void *data, const struct hws_endpoint_statistics *statistics)
{
    struct walk *walk = data;
    walk->statistics = statistics;
    if (!walk->failed)
        walk->failed = hwl_call(walk->system->state, 0, add_endpoint, walk, NULL) != HWL_DONE;
}

static int add_actor(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, walk->table);
    lua_createtable(L, 0, 2);
    hwl_push_pid(walk->system, L, walk->pid);
    lua_setfield(L, -2, "pid");
    set_count(L, "mailbox_size", walk->mailbox_size);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return 0;
}

static void on_actor(void *data, struct hws_pid *pid, uint64_t mailbox_size)
{
    struct walk *walk = data;
    walk->pid = pid;
    walk->mailbox_size = mailbox_size;
    if (!walk->failed)
        walk->failed = hwl_call(walk->system->state, 0, add_actor, walk, NULL) != HWL_DONE;
}

static int add_connection(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, 1);
    const struct hws_connection_statistics *link = walk->connection;
    lua_rawgeti(L, LUA_REGISTRYINDEX, walk->table);
    lua_createtable(L, 0, 9);
    set_text(L, "address", link->address);
    set_text(L, "peer", link->peer);
    set_text(L, "name", link->name);
    hwl_push_uid(L, link->uid);
    lua_setfield(L, -2, "uid");
    set_text(L, "phase", hws_connection_phase_name(link->phase));
    set_text(L, "direction", link->dialed ? "dialed" : "accepted");
    set_time(L, "since", link->since);
    set_count(L, "received_bytes", link->received_bytes);
    set_count(L, "sent_bytes", link->sent_bytes);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return 0;
}

static void on_connection(void *data, const struct hws_connection_statistics *connection)
{
    struct walk *walk = data;
    walk->connection = connection;
    if (!walk->failed)
        walk->failed = hwl_call(walk->system->state, 0, add_connection, walk, NULL) != HWL_DONE;
}

static void begin(struct walk *walk, lua_State *L)
{
    *walk = (struct walk){ .system = hwl_check_system(L, 1) };
    lua_newtable(L);
    lua_pushvalue(L, -1);
    walk->table = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int end(struct walk *walk, lua_State *L)
{
    luaL_unref(L, LUA_REGISTRYINDEX, walk->table);
    return walk->failed ? luaL_error(L, "out of memory") : 1;
}

int hwl_system_snapshot(lua_State *L)
{
    struct walk walk;
    begin(&walk, L);
    hws_statistics_snapshot(walk.system->system, on_endpoint, &walk);
    return end(&walk, L);
}

int hwl_system_actors(lua_State *L)
{
    struct walk walk;
    begin(&walk, L);
    hws_each_actor(walk.system->system, on_actor, &walk);
    return end(&walk, L);
}

int hwl_system_connections(lua_State *L)
{
    struct walk walk;
    begin(&walk, L);
    hws_each_connection(walk.system->system, on_connection, &walk);
    return end(&walk, L);
}
