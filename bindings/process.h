/* SPDX-License-Identifier: MIT */
/*
 * Child processes, for demos, specs and benchmarks that kill and restart peers: hawser.process in Lua. A child that is still
 * running when its object is collected, or when the parent dies, is killed.
 */
#ifndef HWL_PROCESS_H
#define HWL_PROCESS_H

#include <lua.h>

/* Adds process(argv [, { stdout = path, stderr = path }]) and sleep(seconds) to the table on top. */
void hwl_open_processes(lua_State *L);

#endif
