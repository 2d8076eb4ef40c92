/* SPDX-License-Identifier: MIT */
/*
 * Requests. Outside of actors an answer comes to a function, a callback (callback.h); inside a handler the handler's coroutine
 * is suspended until it comes (runner.h).
 */
#ifndef HWL_REQUEST_H
#define HWL_REQUEST_H

#include "system.h"

/* system:request(target, message, [options,] fn): the method. */
int hwl_system_request(lua_State *L);
/* ctx:request(target, message, options) and ctx:sleep(seconds): the methods. */
int hwl_context_request(lua_State *L);
int hwl_context_sleep(lua_State *L);
/* The answer that a parked runner (`data`) waits for, as hws_response_fn: it goes on with `status` and `response`. */
void hwl_runner_answered(void *data, int status, const struct hws_message *response);

#endif
