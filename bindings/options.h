/* SPDX-License-Identifier: MIT */
/* hawser.system's table of options, and the list of all options for tools. */
#ifndef HWL_OPTIONS_H
#define HWL_OPTIONS_H

#include "system.h"

/* What the bindings add to struct hws_options. */
struct hwl_options {
    struct hws_options core;
    uint64_t handler_budget;
};

/*
 * Reads the table at `index`. Texts stay the table's. Raises an error for an unknown option or a value out of range, which names
 * the option and the nearest known one. `log` and `policy` are left to log.h and policy.h. Pushes one value, which keeps the list
 * `core.blocked`.
 */
void hwl_read_options(lua_State *L, int index, struct hwl_options *out);

/* core.options() -> { { name=, unit=, doc=, initial=, least=, most= }, ... } */
int hwl_list_options(lua_State *L);

/* core.options_of(system) -> { name = value, ... } */
int hwl_options_of(lua_State *L);

#endif
