/* SPDX-License-Identifier: MIT */
/*
 * Running the loop that the systems of a Lua state share: system:run() until that system has stopped, core.run() until all have,
 * core.run_until(fn, seconds) until fn() is true. Not from inside handlers, and not for a host's systems: the host runs its loop.
 *
 * hwl_interrupt() and hwl_ask_reload() (hawser_lua.h) only count and wake the loop; what they ask for is done from here,
 * between two turns.
 */
#ifndef HWL_RUN_H
#define HWL_RUN_H

#include "call.h"
#include "system.h"

/* A function that says when a run is over, and what came of it. Whoever made the reference releases it. */
struct hwl_condition {
    int function; /* in the registry; LUA_NOREF: none */
    bool met;
    enum hwl_outcome outcome;
    char text[HWL_TEXT]; /* of its error */
};
void hwl_ask_condition(struct hwl_state *state, struct hwl_condition *condition);

int hwl_system_run(lua_State *L);
int hwl_run_all(lua_State *L);
int hwl_run_until(lua_State *L);
int hwl_interrupts(lua_State *L); /* core.interrupts() -> how often hwl_interrupt() was called */

/* The state's own loop, made if there is none yet. */
int hwl_make_loop(struct hwl_state *state);

/* Raises an error for a system that a host or a world runs. */
void hwl_check_runs(const struct hwl_system *self, lua_State *L);
/* For who waits in C: runs the loop until *over. HWS_ESTATE inside a handler. */
int hwl_run_until_over(struct hwl_system *self, const bool *over);

bool hwl_interrupted(const struct hwl_state *state); /* is there an interrupt to obey? */
/* Systems that have stopped need not be kept alive any more. */
void hwl_let_go_of_stopped(struct hwl_state *state);

/* The systems that may wake the loop from a signal. */
void hwl_run_remember(struct hwl_state *state, struct hws_system *system);
void hwl_run_forget(struct hwl_state *state, struct hws_system *system);

#endif
