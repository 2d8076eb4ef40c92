/* SPDX-License-Identifier: MIT */
/* Names that a script may get wrong: of options, handlers, levels. */
#ifndef HWL_NAMES_H
#define HWL_NAMES_H

#include <lua.h>
#include <stddef.h>

/* Raises `unknown WHAT "x"; did you mean "y"?`, or lists the known ones when none is near. */
int hwl_unknown_name(lua_State *L, int index, const char *what, const char *const *names,
                     size_t count);
/* Which of the names the value at `index` is; raises that error when it is none. */
size_t hwl_check_name(lua_State *L, int index, const char *what, const char *const *names,
                      size_t count);
/* A table of options at `index`: raises an error for anything else, and for a key that is none of the names. */
void hwl_check_options(lua_State *L, int index, const char *what, const char *const *names,
                       size_t count);
/* The string on top of the stack, an option's value. */
const char *hwl_check_text(lua_State *L, const char *option);

#endif
