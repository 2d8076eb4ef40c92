/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>

#include "names.h"
#include "system.h"

#define X(name, unit, initial, least, most, doc) #name,
static const char *const names[] = { HWS_OPTIONS(X) /* clang-format off */
    "name", "listen", "advertise", "blocked", "seed", "log", "policy", "handler_budget" }; /* clang-format on */
#undef X

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *check_text(lua_State *L, const char *name)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "option %s: expected a string, got %s", name, luaL_typename(L, -1));
    if (strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1))
        luaL_error(L, "option %s: a zero byte in it", name);
    return lua_tostring(L, -1);
}

static uint64_t check_integer(lua_State *L, const char *name)
{
    int is_integer;
    lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || value < 0)
        luaL_error(L, "option %s: expected an integer from 0 up, got %s", name,
                   luaL_tolstring(L, -1, NULL));
    return (uint64_t)value;
}

static void read_number(lua_State *L, const char *name, struct hws_options *options)
{
    char message[256];
    if (lua_isboolean(L, -1))
        lua_pushinteger(L, lua_toboolean(L, -1));
    else
        lua_pushvalue(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "option %s: expected a number, got %s", name, luaL_typename(L, -1));
    if (hws_options_set(options, name, lua_tonumber(L, -1), message, sizeof message))
        luaL_error(L, "%s", message);
    lua_pop(L, 1);
}

static bool is_number_option(const char *name)
{
    struct hws_option_info info;
    for (size_t i = 0; hws_options_describe(i, &info); i++) {
        if (strcmp(info.name, name) == 0)
            return true;
    }
    return false;
}

/* The value is on top of the stack, its name below it. */
static void read_option(lua_State *L, struct hwl_options *out)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (is_number_option(name))
        read_number(L, name, &out->core);
    else if (strcmp(name, "name") == 0)
        out->core.name = check_text(L, name);
    else if (strcmp(name, "listen") == 0)
        out->core.listen = check_text(L, name);
    else if (strcmp(name, "advertise") == 0)
        out->core.advertise = check_text(L, name);
    else if (strcmp(name, "seed") == 0)
        out->core.seed = check_integer(L, name);
    else if (strcmp(name, "handler_budget") == 0)
        out->handler_budget = check_integer(L, name);
    else if (strcmp(name, "log") != 0 && strcmp(name, "policy") != 0 &&
             strcmp(name, "blocked") != 0)
        hwl_unknown_name(L, lua_gettop(L) - 1, "option", names, COUNT(names));
}

/* The list of names as C wants it, pushed; NULL when there is none. What stands in it the table keeps. */
static const char *const *push_blocked(lua_State *L, int index)
{
    if (lua_getfield(L, index, "blocked") == LUA_TNIL)
        return NULL;
    if (lua_type(L, -1) != LUA_TTABLE)
        luaL_error(L, "option blocked: expected a list of names, got %s", luaL_typename(L, -1));
    size_t count = lua_rawlen(L, -1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (!lua_isinteger(L, -2))
            luaL_error(L, "option blocked: expected a list of names, found the key %s",
                       luaL_tolstring(L, -2, NULL));
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        names[i] = check_text(L, "blocked");
        lua_pop(L, 1);
    }
    names[count] = NULL;
    lua_remove(L, -2);
    return names;
}

void hwl_read_options(lua_State *L, int index, struct hwl_options *out)
{
    luaL_checktype(L, index, LUA_TTABLE);
    hws_options_init(&out->core);
    out->handler_budget = HWL_HANDLER_BUDGET;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        read_option(L, out);
        lua_pop(L, 1);
    }
    out->core.blocked = push_blocked(L, index);
}

int hwl_options_of(lua_State *L)
{
    const struct hws_options *options = hws_system_options(hwl_check_system(L, 1)->system);
    struct hws_option_info info;
    lua_newtable(L);
    for (size_t i = 0; hws_options_describe(i, &info); i++) {
        lua_pushnumber(L, hws_options_get(options, i));
        lua_setfield(L, -2, info.name);
    }
    return 1;
}

int hwl_list_options(lua_State *L)
{
    struct hws_option_info info;
    lua_newtable(L);
    for (size_t i = 0; hws_options_describe(i, &info); i++) {
        lua_createtable(L, 0, 6);
        lua_pushstring(L, info.name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, info.unit);
        lua_setfield(L, -2, "unit");
        lua_pushstring(L, info.doc);
        lua_setfield(L, -2, "doc");
        lua_pushnumber(L, info.initial);
        lua_setfield(L, -2, "initial");
        lua_pushnumber(L, info.least);
        lua_setfield(L, -2, "least");
        lua_pushnumber(L, info.most);
        lua_setfield(L, -2, "most");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}
