/* SPDX-License-Identifier: MIT */
/*
 * Reloading policies: the C half of system:reload_policy(), and what hwl_ask_reload() (hawser_lua.h) asks for, which is done
 * here between two turns of the loop.
 */
#ifndef HWL_RELOAD_H
#define HWL_RELOAD_H

#include "system.h"

/* system:reload_policy(compiled) -> true, text | nil, text, "EPOLICY"; lua/hawser/init.lua reads the file. */
int hwl_system_reload_policy(lua_State *L);
/* core.policy_refused(system, name, file, version, text): the file could not even be loaded. */
int hwl_policy_refused(lua_State *L);
/* Calls reload_policy() of every system, if that was asked for. */
void hwl_obey_reloads(struct hwl_state *state);

#endif
