/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <lauxlib.h>
#include <string.h>

#include "hawser/options.h"

int hwl_unknown_name(lua_State *L, int index, const char *what, const char *const *names,
                     size_t count)
{
    const char *name = luaL_tolstring(L, index, NULL);
    const char *near =
        lua_type(L, index) == LUA_TSTRING ? hws_nearest_name(name, names, count) : NULL;
    if (near)
        return luaL_error(L, "unknown %s \"%s\"; did you mean \"%s\"?", what, name, near);
    luaL_Buffer list;
    luaL_buffinit(L, &list);
    for (size_t i = 0; i < count; i++) {
        luaL_addstring(&list, i == 0 ? "" : i + 1 == count ? " or " : ", ");
        luaL_addstring(&list, names[i]);
    }
    luaL_pushresult(&list);
    return luaL_error(L, "unknown %s \"%s\"; expected %s", what, name, lua_tostring(L, -1));
}

size_t hwl_check_name(lua_State *L, int index, const char *what, const char *const *names,
                      size_t count)
{
    const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
    for (size_t i = 0; name && i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    hwl_unknown_name(L, index, what, names, count);
    return 0;
}

void hwl_check_options(lua_State *L, int index, const char *what, const char *const *names,
                       size_t count)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        hwl_check_name(L, lua_gettop(L) - 1, what, names, count);
        lua_pop(L, 1);
    }
}

const char *hwl_check_text(lua_State *L, const char *option)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: expected a string, got %s", option, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}
