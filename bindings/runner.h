/* SPDX-License-Identifier: MIT */
/*
 * A coroutine that runs handlers, and is reused. See actor.h for its way. Everything here is called on the system's thread;
 * hwl_runner_serve() and _start() only from the core's calls, hwl_runner_wake() only from answers and timers.
 */
#ifndef HWL_RUNNER_H
#define HWL_RUNNER_H

#include "actor.h"
#include "call.h"

struct hwl_runner {
    struct hwl_runner *next, **link; /* in the pool, or in the actor's parked ones */
    struct hwl_state *state;
    lua_State *co;
    int ref; /* keeps it */
    struct hwl_actor *actor;
    struct hwl_context *context;
    int context_ref; /* LUA_NOREF: the actor keeps the context */
    struct hwl_budget budget;
    bool failed;
    bool waiting; /* suspended by suspend(), not by a yield of the script's */
    bool parked;
    uint64_t request; /* what it waits for */
    uint64_t await;   /* the same, of hws_await_reconnect() */
    uint64_t timeout; /* of the request */
    struct hws_timer *timer;
    int status; /* what woke it */
    const struct hws_message *response;
    char *text; /* HWL_TEXT bytes while it runs: why it failed */
};

/* Takes messages until there are none or a handler suspends. As receive_batch, with hws_context_fail() done. */
int hwl_runner_serve(struct hwl_actor *actor);
/* Runs the handler `started`, which may suspend as well. */
int hwl_runner_start(struct hwl_actor *actor);
/* Goes on with a parked one, and resumes or fails its actor when the handler is done. */
void hwl_runner_wake(struct hwl_runner *runner);
/* The runner of the handler that calls `what`, a method of ctx; raises an error when it can't be suspended from here. */
struct hwl_runner *hwl_check_runner(struct hwl_context *context, lua_State *L, const char *what);
/* Drops the actor's parked runners: what they wait for is cancelled, their handlers never go on. */
void hwl_runners_drop(struct hwl_actor *actor);
/* Frees the pool. */
void hwl_runners_free(struct hwl_state *state);

#endif
