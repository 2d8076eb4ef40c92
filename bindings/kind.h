/* SPDX-License-Identifier: MIT */
/*
 * Kinds whose constructors are Lua functions, and who may ask for what. The core owns a kind until nothing refers to it any more;
 * until then it is in its system's list, so that Lua can be cut loose.
 */
#ifndef HWL_KIND_H
#define HWL_KIND_H

#include "system.h"

struct hwl_kind {
    struct hwl_system *system; /* retained */
    struct hwl_kind *next, **link;
    int function;    /* in the registry; LUA_NOREF: Lua is gone */
    bool registered; /* under this name */
    char name[HWS_KIND_MAX + 1];
};

/* Calls no Lua any more; a host's system forgets them. */
void hwl_kinds_cut(struct hwl_system *system);

/* The methods register_kind, unregister_kind, allow_kind, allow_diagnostics and kinds. */
int hwl_system_register_kind(lua_State *L);
int hwl_system_unregister_kind(lua_State *L);
int hwl_system_allow_kind(lua_State *L);
int hwl_system_allow_diagnostics(lua_State *L);
int hwl_system_kinds(lua_State *L);

#endif
