/* SPDX-License-Identifier: MIT */
/*
 * Timers. The system's call a function, a callback (callback.h), once or again and again; an actor's send it a message, and
 * their handle knows no more than the number by which the core knows them.
 */
#ifndef HWL_TIMER_H
#define HWL_TIMER_H

#include "system.h"

/* system:after(seconds, fn) and system:every(seconds, fn, options): the methods. */
int hwl_system_after(lua_State *L);
int hwl_system_every(lua_State *L);
/* ctx:after(seconds, message, options) and ctx:every(seconds, message, options): the methods. */
int hwl_context_after(lua_State *L);
int hwl_context_every(lua_State *L);

void hwl_open_timers(lua_State *L);

#endif
