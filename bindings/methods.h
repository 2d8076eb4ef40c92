/* SPDX-License-Identifier: MIT */
/* The methods of system objects, and core.system, which makes them. */
#ifndef HWL_METHODS_H
#define HWL_METHODS_H

#include "state.h"

extern const luaL_Reg hwl_system_methods[];

/* core.system(options) -> system | nil, message, code. Raises errors for options that can't be. */
int hwl_new_system(lua_State *L);

/* true, or nil, message, "ECODE" */
int hwl_answer(lua_State *L, int error);

#endif
