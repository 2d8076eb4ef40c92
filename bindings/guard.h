/* SPDX-License-Identifier: MIT */
/*
 * core.resume(co, descriptor, ...): coroutine.resume() for what a person typed. While it runs, the coroutine and those it makes
 * look every few thousand instructions whether the descriptor can be read, or hwl_interrupt() was called: from then on every instruction in them fails with
 * "interrupted", so that no pcall in a loop can go on. Reading the descriptor is for the caller.
 *
 * As with budgets, time inside C functions such as string.rep can't be interrupted.
 */
#ifndef HWL_GUARD_H
#define HWL_GUARD_H

#include "state.h"

/* core.interrupted() -> is what a person typed to end? For C functions that run long, which nothing else interrupts. */
int hwl_is_interrupted(lua_State *L);
/* core.resume(co, descriptor, ...) -> as coroutine.resume(), and behind an error whether it was the interrupt */
int hwl_guarded_resume(lua_State *L);

#endif
