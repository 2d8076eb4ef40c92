/* SPDX-License-Identifier: MIT */
/*
 * Where the log lines of a system made in Lua go: the option `log` is a level ("debug" .. "error": lines of that severity and
 * above on stderr), "off" or false (nowhere), or a function(level, line, name), which may not act on systems. Default: "warning".
 */
#ifndef HWL_LOG_H
#define HWL_LOG_H

#include "system.h"

struct hwl_logger {
    struct hws_logger logger;
    struct hwl_state *state; /* NULL: Lua is gone */
    size_t least;            /* the lowest level that is written; beyond the highest: none is */
    int function;            /* in the registry, or LUA_NOREF */
    char name[65];
};

/* Reads the option from the table at `index`. Raises an error for anything else. */
struct hwl_logger *hwl_logger_new(struct hwl_state *state, lua_State *L, int index,
                                  const char *name);
void hwl_logger_cut(struct hwl_logger *logger); /* calls no Lua any more */
void hwl_logger_free(struct hwl_logger *logger);

#endif
