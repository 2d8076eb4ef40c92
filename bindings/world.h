/* SPDX-License-Identifier: MIT */
/*
 * Worlds: systems on a loopback (hawser/loopback.h) instead of the loop, in virtual time. What scripts use is lua/hawser/world.lua.
 *
 * The struct is counted by its Lua object and by its systems, and frees the loopback with the last of them. Closing it, or
 * collecting its object, ends its systems as a kill does: nobody hears a word.
 */
#ifndef HWL_WORLD_H
#define HWL_WORLD_H

#include "system.h"

struct hwl_world {
    unsigned refs;
    struct hwl_state *state;
    struct hws_loopback *loopback;
    bool closed;
    bool running;
    bool halted; /* by a handler: the run ends after this step */
};

/* The world at `index`, or NULL when there is none; raises an error for anything else and for a closed one. */
struct hwl_world *hwl_opt_world(lua_State *L, int index);
/* The one at 1, for calls that act: a policy or log function gets an error. */
struct hwl_world *hwl_check_world(lua_State *L);
void hwl_world_retain(struct hwl_world *world);
void hwl_world_release(struct hwl_world *world);
/* Makes the system, on the world's clock and network. As hws_system_new(). */
int hwl_world_new_system(struct hwl_world *world, struct hws_options *options,
                         struct hws_system **out, char *message, size_t capacity);
/* Frees a system that stopped, or kills it, silently or not. */
void hwl_world_free_system(struct hwl_world *world, struct hws_system *system, bool silently);

/* Its methods that have to do with time (world_run.c). */
int hwl_world_run(lua_State *L);
int hwl_world_run_until(lua_State *L);
int hwl_world_step(lua_State *L);
int hwl_world_halt(lua_State *L);
int hwl_world_now(lua_State *L);
int hwl_world_next(lua_State *L);
int hwl_world_digest(lua_State *L);

/* Adds world(options) to the table on top. */
void hwl_open_worlds(lua_State *L);

#endif
