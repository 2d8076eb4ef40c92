/* SPDX-License-Identifier: MIT */
/*
 * A system as Lua sees it. The struct outlives both the hws_system (`system` is NULL then, and every method says that it has
 * stopped) and the Lua object; it is counted by whatever points to it: the object, PIDs, actors, callbacks.
 *
 * Systems that Lua made are kept alive by the registry until they have stopped, and freed when nothing refers to them any more
 * or the Lua state closes. Those of a host (hawser_lua.h) are only cut loose.
 */
#ifndef HWL_SYSTEM_H
#define HWL_SYSTEM_H

#include "state.h"

struct hwl_actor;
struct hwl_callback;
struct hwl_kind;
struct hwl_policy;
struct hwl_world;

struct hwl_system {
    unsigned refs;
    struct hwl_system *next;
    struct hwl_state *state;   /* NULL: cut loose, no Lua any more */
    struct hws_system *system; /* NULL: gone */
    bool owned;                /* made by Lua */
    bool anchored;             /* `object` keeps the Lua object alive */
    bool told_to_stop;
    bool silent_death;       /* in a world: its end is not to be seen */
    struct hwl_world *world; /* retained; NULL: it is on the loop */
    int object;              /* registry references */
    int targets;             /* text -> PID */
    int atoms;               /* text -> atom */
    int target_count, atom_count;
    size_t limit; /* max_frame_size */
    uint64_t handler_budget;
    uint64_t policy_budget;
    uint64_t callback_errors;
    struct hwl_actor *actors;
    struct hwl_callback *callbacks;
    struct hwl_kind *kinds;
    struct hwl_logger *logger;
    struct hwl_policy *policy; /* the one in force, when Lua made it */
};

/* The userdata. Its user value 1 is the table of fixed fields: name, address, uid, events. */
struct hwl_system_object {
    const void *tag;
    struct hwl_system *system;
};

#define HWL_REPORT 4400 /* a report's text */
/* The default of the option handler_budget; measured, about a second of instructions with nothing else to do. */
#define HWL_HANDLER_BUDGET 300000000

struct hwl_system *hwl_system_retain(struct hwl_system *system);
void hwl_system_release(struct hwl_system *system);

/* The system at `index`, living; raises an error for anything else ("the system has stopped"). */
struct hwl_system *hwl_check_system(lua_State *L, int index);
/* The same for calls that act: a policy or log function gets an error. */
struct hwl_system *hwl_check_acting(lua_State *L, int index);
/* Pushes a new userdata of the struct without a metatable; its finalizer is hwl_free_system_object(). */
struct hwl_system_object *hwl_push_system_object(struct hwl_system *system, lua_State *L);
int hwl_free_system_object(lua_State *L);
/* Pushes the Lua object. */
void hwl_push_object(struct hwl_system *system, lua_State *L);

/* A new struct with its Lua object on the stack, which frees it. Raises memory errors. */
struct hwl_system *hwl_system_wrap(lua_State *L, bool owned);
/* Takes it into the state's list, from which hwl_system_close() takes it out. The object is on top of the stack. The same. */
void hwl_system_join(struct hwl_system *self, struct hwl_state *state, lua_State *L);
/* `system` is started: fills the fixed fields of the object on top of the stack. */
void hwl_system_publish(struct hwl_system *self, lua_State *L);
/* Cuts Lua loose: actors, callbacks, policy and logger call it no more. Frees an owned system. */
void hwl_system_close(struct hwl_system *self);
void hwl_systems_close(struct hwl_state *state);

/* An error of a callback: counted and logged, each line with the traceback's. */
void hwl_report(struct hwl_system *self, const char *what, const char *text);
void hwl_log(struct hwl_system *self, enum hws_log_level level, const char *text);

/* core.systems() -> the systems of this state that have not stopped, the oldest first */
int hwl_list_systems(lua_State *L);

/* Adds `methods`, which Lua modules may add to, to the table on top. */
void hwl_open_systems(lua_State *L);

#endif
