/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <lauxlib.h>

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
