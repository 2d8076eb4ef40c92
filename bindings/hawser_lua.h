/* SPDX-License-Identifier: MIT */
/*
 * For a C host that has its own lua_State: brings hawser's Lua module into it, and shows it systems that the host made.
 *
 *     lua_State *L = luaL_newstate();
 *     luaL_openlibs(L);
 *     hwl_preload(L);                      // require "hawser" needs lua/ on package.path as well
 *     hwl_push_system(L, system);          // a system object, the same as hawser.system{...} returns
 *     lua_setglobal(L, "system");
 *     ... the host runs its loop; Lua actors run in it ...
 *     hwl_forget_system(L, system);        // before hws_system_free(); lua_close() before that does it too
 *
 * A Lua state, its systems and their loop live on one thread. Lua actors, subscribers, timers and policies run on coroutines
 * of their own, never on L. Nothing here calls exit, prints, or touches a signal.
 */
#ifndef HAWSER_LUA_H
#define HAWSER_LUA_H

#include <lua.h>

#include "hawser/system.h"

/* The C module. Opening it again in the same state gives the same table. */
HWS_API int luaopen_hawser_core(lua_State *L);

/* Makes require "hawser.core" find the module that is linked into the host. May raise a memory error. */
HWS_API void hwl_preload(lua_State *L);

/*
 * Pushes the Lua object of a started system that the host owns. The same system gives the same object. The object can do what
 * a system made in Lua can, but run(): the host runs the loop. May raise an error.
 */
HWS_API void hwl_push_system(lua_State *L, struct hws_system *system);

/*
 * Cuts the tie before the host frees a system: its Lua actors are stopped, its subscriptions and timers end, its Lua policy is
 * replaced by the C fallbacks, and the Lua object says that the system has stopped. Unknown systems are fine.
 */
HWS_API void hwl_forget_system(lua_State *L, struct hws_system *system);

/*
 * For signal handlers. hwl_interrupt() is async-signal-safe: it stops every system that the state's scripts made, in order, each
 * with its shutdown_deadline; the second call stops them at once. While no loop runs, an error "interrupted" is raised in the
 * script instead. Returns how often it was called. The handle is valid until lua_close().
 */
struct hwl_state;
HWS_API struct hwl_state *hwl_interrupt_handle(lua_State *L);
HWS_API int hwl_interrupt(struct hwl_state *handle);

/*
 * Async-signal-safe too, with the same handle: each system that the state's scripts made reads its policy's file again, as
 * system:reload_policy() does, before the next turn of the loop that run() runs.
 */
HWS_API void hwl_ask_reload(struct hwl_state *handle);

#endif
