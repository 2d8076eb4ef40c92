/* SPDX-License-Identifier: MIT */
#include "kind.h"

#include <stdio.h>
#include <string.h>

#include "actor.h"
#include "call.h"
#include "methods.h"
#include "names.h"
#include "value.h"

/* --- what the core calls --- */

struct making {
    struct hwl_kind *kind;
    const struct hws_kind_request *request;
    struct hws_spawn_options options;
    struct hwl_actor *actor; /* NULL: refused */
    char *detail;
    size_t capacity;
};

static void push_about(lua_State *L, const struct hws_kind_request *request)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, request->kind);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, request->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, request->peer);
    lua_setfield(L, -2, "peer");
    lua_pushstring(L, request->address);
    lua_setfield(L, -2, "address");
}

static int construct(lua_State *L)
{
    struct making *making = lua_touserdata(L, 1);
    struct hwl_system *system = making->kind->system;
    lua_rawgeti(L, LUA_REGISTRYINDEX, making->kind->function);
    hwl_decode(system->state, system, L, making->request->arguments);
    push_about(L, making->request);
    lua_call(L, 2, 2);
    int first = lua_gettop(L) - 1;
    if (lua_isnil(L, first)) {
        const char *why = lua_isnil(L, first + 1) ? "its constructor returned nil"
                                                  : luaL_tolstring(L, first + 1, NULL);
        (void)snprintf(making->detail, making->capacity, "%s", why);
        return 0;
    }
    making->actor = hwl_actor_make(system, L, first, &making->options);
    return making->actor ? 0 : luaL_error(L, "out of memory");
}

/* A stranger hears what went wrong, not where in our files. */
static void first_line(char *out, size_t capacity, const char *text)
{
    int length = (int)strcspn(text, "\n");
    for (int i = 0; i + 1 < length; i++) {
        int digits = text[i] == ':' ? (int)strspn(text + i + 1, "0123456789") : 0;
        if (!digits || strncmp(text + i + 1 + digits, ": ", 2) != 0)
            continue;
        text += i + digits + 3;
        length -= i + digits + 3;
        break;
    }
    (void)snprintf(out, capacity, "%.*s", length, text);
}

static int make(void *data, const struct hws_kind_request *request, struct hws_kind_product *out,
                char *detail, size_t capacity)
{
    struct hwl_kind *kind = data;
    struct hwl_system *system = kind->system;
    struct making making = { kind, request, { 0 }, NULL, detail, capacity };
    char text[HWL_TEXT], what[HWS_KIND_MAX + 32];
    if (kind->function == LUA_NOREF)
        return HWS_ECLOSED;
    if (hwl_call(system->state, system->handler_budget, construct, &making, text) != HWL_DONE) {
        first_line(detail, capacity, text);
        (void)snprintf(what, sizeof what, "the constructor of kind %s", kind->name);
        hwl_report(system, what, text);
        return HWS_EFAILED;
    }
    if (!making.actor)
        return HWS_EFAILED;
    out->ops = &hwl_actor_ops;
    out->self = making.actor;
    out->options = making.options;
    return 0;
}

static void forget_function(struct hwl_kind *kind)
{
    struct hwl_state *state = kind->system->state;
    if (state && !state->closing)
        luaL_unref(state->lua, LUA_REGISTRYINDEX, kind->function);
    kind->function = LUA_NOREF;
}

static void unlink_kind(struct hwl_kind *kind)
{
    if (!kind->link)
        return;
    *kind->link = kind->next;
    if (kind->next)
        kind->next->link = kind->link;
    kind->link = NULL;
}

static void released(void *data)
{
    struct hwl_kind *kind = data;
    forget_function(kind);
    unlink_kind(kind);
    hwl_system_release(kind->system);
    hwl_free(kind, sizeof *kind);
}

static const struct hws_kind_ops ops = { .make = make, .released = released };

void hwl_kinds_cut(struct hwl_system *system)
{
    while (system->kinds) {
        struct hwl_kind *kind = system->kinds;
        forget_function(kind);
        unlink_kind(kind);
        if (kind->registered && !system->owned && system->system)
            hws_unregister_kind(system->system, kind->name);
    }
}

/* --- patterns of peers --- */

struct peers {
    const char **patterns;
    size_t count;
};

/* Of the list at `index`, without its metamethods: the texts stay in it, the array on the stack. */
static struct peers check_peers(lua_State *L, int index, const char *what)
{
    struct peers peers = { NULL, 0 };
    index = lua_absindex(L, index);
    if (!lua_istable(L, index))
        luaL_error(L, "%s: expected a list of patterns such as { \"beta\", \"10.1.*:*\" }, got %s",
                   what, luaL_typename(L, index));
    peers.count = (size_t)lua_rawlen(L, index);
    peers.patterns = lua_newuserdatauv(L, (peers.count + 1) * sizeof *peers.patterns, 0);
    for (size_t i = 0; i < peers.count; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TSTRING)
            luaL_error(L, "%s[%d]: expected a string, got %s", what, (int)i + 1,
                       luaL_typename(L, -1));
        peers.patterns[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    return peers;
}

static int raise_peers(lua_State *L, const char *what)
{
    return luaL_error(
        L,
        "%s: expected at most 1024 patterns of 1 to %d bytes without a space; one with "
        "a ':' is for addresses, one without for system names",
        what, (int)HWS_ADDRESS_MAX);
}

/* --- methods --- */

static struct hwl_kind *new_kind(struct hwl_system *system, lua_State *L, const char *name,
                                 int constructor)
{
    lua_pushvalue(L, constructor);
    int function = luaL_ref(L, LUA_REGISTRYINDEX);
    struct hwl_kind *kind = hwl_alloc(sizeof *kind);
    if (!kind) {
        luaL_unref(L, LUA_REGISTRYINDEX, function);
        luaL_error(L, "out of memory");
        return NULL;
    }
    kind->system = hwl_system_retain(system);
    kind->function = function;
    (void)snprintf(kind->name, sizeof kind->name, "%s", name);
    kind->next = system->kinds;
    kind->link = &system->kinds;
    if (kind->next)
        kind->next->link = &kind->next;
    system->kinds = kind;
    return kind;
}

/* system:register_kind(name, constructor [, { allow = {...} }]) */
int hwl_system_register_kind(lua_State *L)
{
    static const char *const names[] = { "allow" };
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *name = luaL_checkstring(L, 2);
    struct peers peers = { NULL, 0 };
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 4);
    if (!lua_isnil(L, 4)) {
        hwl_check_options(L, 4, "kind option", names, 1);
        if (lua_getfield(L, 4, "allow") != LUA_TNIL)
            peers = check_peers(L, -1, "allow");
    }
    struct hwl_kind *kind = new_kind(self, L, name, 3);
    int error = hws_register_kind(self->system, name, &ops, kind);
    if (error) {
        released(kind);
        if (error == HWS_EINVAL)
            return luaL_error(L, "kind \"%s\": expected 1 to %d of letters, digits, '_', '.', '-'",
                              name, (int)HWS_KIND_MAX);
        lua_pushfstring(L, "a kind \"%s\" is registered already", name);
        return hwl_failure(L, error, error == HWS_EEXIST ? lua_tostring(L, -1) : NULL);
    }
    kind->registered = true;
    error = hws_allow_kind(self->system, name, peers.patterns, peers.count);
    if (error) {
        hws_unregister_kind(self->system, name);
        return error == HWS_EINVAL ? raise_peers(L, "allow") : hwl_failure(L, error, NULL);
    }
    return hwl_answer(L, 0);
}

struct known {
    const char *names[64];
    size_t count;
};

static void add_known(void *data, const char *name, uint64_t living)
{
    struct known *known = data;
    (void)living;
    if (known->count < sizeof known->names / sizeof *known->names)
        known->names[known->count++] = name;
}

static int no_kind(struct hwl_system *self, lua_State *L, const char *name)
{
    struct known known = { .count = 0 };
    hws_each_kind(self->system, add_known, &known);
    const char *near = hws_nearest_name(name, known.names, known.count);
    if (near)
        lua_pushfstring(L, "no kind \"%s\" is registered; did you mean \"%s\"?", name, near);
    else
        lua_pushfstring(L, "no kind \"%s\" is registered", name);
    return hwl_failure(L, HWS_ENOTFOUND, lua_tostring(L, -1));
}

int hwl_system_unregister_kind(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *name = luaL_checkstring(L, 2);
    for (struct hwl_kind *kind = self->kinds; kind; kind = kind->next)
        if (strcmp(kind->name, name) == 0)
            kind->registered = false;
    int error = hws_unregister_kind(self->system, name);
    return error ? no_kind(self, L, name) : hwl_answer(L, 0);
}

/* system:allow_kind(name, patterns) */
int hwl_system_allow_kind(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    const char *name = luaL_checkstring(L, 2);
    struct peers peers = check_peers(L, 3, "allow_kind");
    int error = hws_allow_kind(self->system, name, peers.patterns, peers.count);
    if (error == HWS_EINVAL)
        return raise_peers(L, "allow_kind");
    return error == HWS_ENOTFOUND ? no_kind(self, L, name) : hwl_answer(L, error);
}

/* system:allow_diagnostics(patterns) */
int hwl_system_allow_diagnostics(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    struct peers peers = check_peers(L, 2, "allow_diagnostics");
    int error = hws_allow_diagnostics(self->system, peers.patterns, peers.count);
    return error == HWS_EINVAL ? raise_peers(L, "allow_diagnostics") : hwl_answer(L, error);
}

/* The walk holds nothing, so a memory error may pass through it. */
static void add_kind(void *data, const char *name, uint64_t living)
{
    lua_State *L = data;
    lua_pushinteger(L, (lua_Integer)living);
    lua_setfield(L, -2, name);
}

/* system:kinds() -> { name = how many live } */
int hwl_system_kinds(lua_State *L)
{
    struct hwl_system *self = hwl_check_system(L, 1);
    lua_newtable(L);
    hws_each_kind(self->system, add_kind, L);
    return 1;
}
