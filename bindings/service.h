/* SPDX-License-Identifier: MIT */
/*
 * Asking systems for actors, lists of processes and their diagnostics. As with requests, an answer comes to a function outside of
 * actors, and in a handler to the call that suspended it.
 */
#ifndef HWL_SERVICE_H
#define HWL_SERVICE_H

#include "system.h"

/* system:NAME(..., fn): the methods. */
int hwl_system_spawn_remote(lua_State *L);
int hwl_system_spawn_remote_named(lua_State *L);
int hwl_system_list_processes(lua_State *L);
int hwl_system_get_process_diagnostics(lua_State *L);
/* ctx:NAME(...) */
int hwl_context_spawn_remote(lua_State *L);
int hwl_context_spawn_remote_named(lua_State *L);
int hwl_context_list_processes(lua_State *L);
int hwl_context_get_process_diagnostics(lua_State *L);

#endif
