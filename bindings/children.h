/* SPDX-License-Identifier: MIT */
/* Parents and children as methods and a field of `ctx`. */
#ifndef HWL_CHILDREN_H
#define HWL_CHILDREN_H

#include "actor.h"

/* ctx:spawn(handlers, options) and ctx:spawn_named(name, handlers, options): the methods. */
int hwl_context_spawn(lua_State *L);
int hwl_context_spawn_named(lua_State *L);
/* ctx:children() -> list of PIDs, the oldest first: the method. */
int hwl_context_children(lua_State *L);
/* ctx.parent */
int hwl_push_parent(struct hwl_context *context, lua_State *L);

#endif
