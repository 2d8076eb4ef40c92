/* SPDX-License-Identifier: MIT */
/* Names that a script may get wrong. */
#ifndef HWL_NAMES_H
#define HWL_NAMES_H

#include <lua.h>
#include <stddef.h>

/* Raises `unknown WHAT "x"; did you mean "y"?`, or lists the known ones when none is near. */
int hwl_unknown_name(lua_State *L, int index, const char *what, const char *const *names,
                     size_t count);

#endif
