/* SPDX-License-Identifier: MIT */
/*
 * Actors whose handlers are Lua functions. The core owns the actor from a successful spawn to `released`; contexts (the `ctx`
 * objects of handlers) count on it too, since scripts may keep them.
 *
 * A batch of messages runs in one coroutine, a runner (runner.h). A handler that suspends takes its runner with it:
 *
 *   receive_batch -> runner serves messages -> all done                      -> runner back to the pool
 *                                           -> a handler suspends: parked    -> the actor is suspended, or, when it is
 *                                                                               reentrant, goes on with another runner
 *   response, timer -> the parked runner goes on -> its handler returns      -> runner to the pool, the actor resumed
 *                                                -> suspends again           -> stays parked
 *   the actor stops or is restarted -> parked runners are dropped, their requests cancelled
 */
#ifndef HWL_ACTOR_H
#define HWL_ACTOR_H

#include "system.h"

struct hwl_context;
struct hwl_runner;

/* X(name): what a table of handlers may hold; a plain function is both receive and terminated */
#define HWL_HANDLERS(X) X(receive) X(started) X(stopped) X(terminated) X(dead_letter)
enum hwl_handler {
#define X(name) HWL_ON_##name,
    HWL_HANDLERS(X)
#undef X
        HWL_HANDLER_COUNT
};

struct hwl_actor {
    unsigned refs;
    struct hwl_system *system;   /* retained */
    struct hws_context *context; /* NULL: not started yet, or released */
    struct hwl_actor *next, **link;
    struct hwl_runner *parked;
    struct hwl_context *ready; /* the context for the next message; NULL: a parked runner has it */
    int ready_ref;
    int handlers[HWL_HANDLER_COUNT]; /* in the registry, or LUA_NOREF */
    bool reentrant;
    bool plain; /* one function for all */
    bool cut;   /* Lua is gone */
};

/* What a handler gets as `ctx`. */
struct hwl_context {
    const void *tag;
    struct hwl_actor *actor;           /* retained */
    struct hwl_runner *runner;         /* the handler's, while it runs or is parked */
    const struct hws_message *message; /* NULL outside of handlers, and in started and stopped */
    struct hws_message kept;           /* a copy for a parked handler, with references of ours */
    const char *kind;                  /* NULL outside of handlers */
};

/*
 * spawn(handlers, options) with the arguments from `first`, an optional name, and an optional parent: pushes the PID, or nil,
 * message, code.
 */
int hwl_spawn(struct hwl_system *system, struct hws_context *parent, lua_State *L, const char *name,
              int first);
/*
 * The same for one that somebody else spawns, with `ops` below and itself as `self`: reads handlers at `first` and options behind
 * them (a name is an error). Raises errors; NULL: out of memory. Nothing may be raised between this and the spawn.
 */
struct hwl_actor *hwl_actor_make(struct hwl_system *system, lua_State *L, int first,
                                 struct hws_spawn_options *options);
extern const struct hws_actor_ops hwl_actor_ops;
/* Calls no Lua any more, and stops. */
void hwl_actor_cut(struct hwl_actor *actor);
void hwl_actor_retain(struct hwl_actor *actor);
void hwl_actor_release(struct hwl_actor *actor);

/* --- contexts (context.c) --- */
/* Pushes the actor's ready context, made if there is none. May raise a memory error. */
struct hwl_context *hwl_push_context(struct hwl_actor *actor, lua_State *L);
/* The handler suspends: what it knows of its message is kept. */
void hwl_context_keep(struct hwl_context *context);
/* The handler is done. */
void hwl_context_end(struct hwl_context *context);
/* Adds `context_methods` to the table on top. */
void hwl_open_contexts(lua_State *L);

#endif
