/* SPDX-License-Identifier: MIT */
/*
 * The Lua of one side: one handler, which each message calls once through lua_pcall with the
 * payload as a string. The handler stays on the stack; so does nothing else between calls.
 */
#ifndef HAWSER_BENCH_FLOOR_LUA_STATE_H
#define HAWSER_BENCH_FLOOR_LUA_STATE_H

#include "connection.h"

#include <lua.h>

/*
 * Runs the chunk, which answers the handler and leaves it at index 1. `context` is given to `send`,
 * a global of the chunk, as its first upvalue; NULL: there is no `send`. NULL after one sentence.
 */
lua_State *floor_lua_open(const char *chunk, lua_CFunction send, void *context);

/*
 * Calls `turn` with `context` on the C stack as light userdata at index 2, protected, so that an
 * error of Lua's own (out of memory) abandons the connection instead of ending the process.
 */
void floor_lua_turn(lua_State *L, lua_CFunction turn, struct floor_connection *connection);

#endif
