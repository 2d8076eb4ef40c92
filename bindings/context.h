/* SPDX-License-Identifier: MIT */
/*
 * The methods of `ctx`. A context belongs to its actor: sender, type, kind, request_id and correlation are those of the message
 * that its handler handles now (also after the handler was suspended), nil outside of handlers; send, respond and the rest work
 * as long as the actor lives.
 */
#ifndef HWL_CONTEXT_H
#define HWL_CONTEXT_H

#include "actor.h"

/* The context at `index`, its actor living, outside of policies and log functions; raises an error otherwise. */
struct hwl_context *hwl_check_context(lua_State *L, int index);

#endif
