/* SPDX-License-Identifier: MIT */
/*
 * What the bindings keep for one lua_State: the coroutine that calls from C use, the loop that the scripts' systems share, and
 * the metatables by which values are told apart. It is a userdata in the registry, made when the module is opened and
 * finalized after every other object of the module, because it is the oldest.
 *
 * hwl_state() may be called from anywhere on the thread. `lua` is only used inside hwl_call() (call.h).
 */
#ifndef HWL_STATE_H
#define HWL_STATE_H

#include <stdatomic.h>

#include <lauxlib.h>
#include <lua.h>

#include "hawser/hawser.h"

struct hwl_budget;
struct hwl_guard;
struct hwl_runner;
struct hwl_system;

/* A growable block that outgoing messages are encoded into. */
struct hwl_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

#define HWL_PLACES 1024

struct hwl_state {
    lua_State *lua;             /* a coroutine of ours */
    lua_State *main;            /* for interrupts only */
    struct hwl_budget *budget;  /* of the innermost call from C, NULL outside */
    struct hwl_guard *guard;    /* of the line of a console that runs, NULL outside */
    struct hwl_runner *runners; /* idle ones */
    size_t idle_runners;
    int places[HWL_PLACES]; /* in the registry, for callbacks; they hold false */
    int spare_places;
    struct hwl_system *systems;
    struct hwl_system *leaving;       /* closed ones, until the loop is done with their links */
    _Atomic(struct uv_loop_s *) loop; /* NULL until the first system, descriptor or alarm */
    struct hwl_bytes spare;           /* the encoder's, while nobody encodes */
    atomic_bool running;              /* the loop runs */
    bool closing;                     /* lua_close() has begun: no Lua any more */
    int answering;         /* above 0: a policy or log function runs, which may not act */
    atomic_int interrupts; /* asked for */
    int obeyed;            /* of them */
    atomic_int reloads;    /* of policies, asked for */
    int reloaded;          /* of them */
    _Atomic(struct hws_system *) waker;  /* whose hws_wake_from_any_thread() wakes the loop */
    const void *array, *map, *bin, *ext; /* metatables */
    void *null;
};

/* The state's struct; NULL when the module was never opened there. */
struct hwl_state *hwl_state(lua_State *L);
/* Makes it on the first call. Raises errors. */
struct hwl_state *hwl_state_open(lua_State *L);

/* Pushes `nil, hws_strerror or message, name` and returns 3. */
int hwl_failure(lua_State *L, int error, const char *message);
/* Raises an error while a policy or a log function runs: those only answer. */
void hwl_must_act(struct hwl_state *state, lua_State *L);
/* A new metatable `name` with `methods` as __index and `meta` (either may be NULL); leaves it on the stack. */
void hwl_metatable(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

void *hwl_alloc(size_t size); /* zeroed */
void hwl_free(void *block, size_t size);

/* A number of seconds at `index` as ns, at most HWS_NEVER; raises an error for negative numbers and NaN. */
uint64_t hwl_check_seconds(lua_State *L, int index, const char *what);
uint64_t hwl_seconds_to_ns(double seconds);

#endif
