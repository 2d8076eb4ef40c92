/* SPDX-License-Identifier: MIT */
/*
 * Waiting for an endpoint to be connected. Outside of actors a function hears of it, a callback (callback.h); inside a handler
 * the handler's coroutine is suspended (runner.h).
 */
#ifndef HWL_AWAIT_H
#define HWL_AWAIT_H

#include "system.h"

/* system:await_reconnect(address, seconds [, fn]): the method; without fn it runs the loop until the end. */
int hwl_system_await(lua_State *L);
/* ctx:await_reconnect(address, seconds): the method. */
int hwl_context_await(lua_State *L);

#endif
