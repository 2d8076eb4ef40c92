/* SPDX-License-Identifier: MIT */
/*
 * Every call from C into Lua goes through here: hwl_call() for policies, subscribers, timers and callbacks; hwl_resume() and
 * hwl_guarded() for actors, whose handlers may suspend. Each gives a traceback, an instruction budget and a typed outcome, and
 * none lets a Lua error through.
 *
 * The budget is a count hook on the coroutine that runs: a guard against accidents (`while true do end`, a runaway recursion in
 * a pcall loop), not a sandbox. Coroutines that a handler makes inherit it; those made before do not. Time inside C functions
 * such as string.rep does not count.
 *
 * Calls nest (a handler sends, which asks a policy); each level has its own budget.
 */
#ifndef HWL_CALL_H
#define HWL_CALL_H

#include "state.h"

enum hwl_outcome { HWL_DONE, HWL_YIELDED, HWL_FAILED, HWL_OVER_BUDGET, HWL_OUT_OF_MEMORY };

#define HWL_TEXT 4096 /* of an error with its traceback */

struct hwl_budget {
    uint64_t limit; /* instructions; 0: none */
    uint64_t used;
    bool over;
    lua_State *co; /* whose call it is; coroutines inside it share the budget */
    struct hwl_budget *outer;
};

/*
 * Runs body(L) in protected mode with `data` as a light userdata at index 1; what it returns is dropped. `text` (HWL_TEXT
 * bytes, may be NULL) gets the error and its traceback. Not while the state closes: then HWL_FAILED.
 */
enum hwl_outcome hwl_call(struct hwl_state *state, uint64_t budget, lua_CFunction body, void *data,
                          char *text);

/* Resumes `co` with `count` values on its stack, with a full budget. A coroutine that failed is reset, fit for the next use. */
enum hwl_outcome hwl_resume(struct hwl_state *state, struct hwl_budget *budget, lua_State *co,
                            int count, char *text);

/* Ends a suspended coroutine for good; its to-be-closed variables are closed, within the budget. */
void hwl_reset(struct hwl_state *state, struct hwl_budget *budget, lua_State *co);

/*
 * Inside a coroutine that hwl_resume() runs: calls the function below `count` arguments with no result. The message handler
 * hwl_traceback is at index 1. A status as of lua_pcallk(); after a yield `k` is called instead.
 */
int hwl_guarded(lua_State *co, int count, lua_KFunction k);

/* Puts the budget's hook on `co`; again after it was exceeded. */
void hwl_arm(lua_State *co, uint64_t limit);

/* The message handler: makes any error object a text with its traceback. */
int hwl_traceback(lua_State *L);
/* Copies the error text on top of the stack and pops it. */
void hwl_take_error(lua_State *L, char *text);

#endif
