/* SPDX-License-Identifier: MIT */
/*
 * PIDs as Lua values. A PID of a system is one userdata as long as somebody holds it, so that == and table keys work; PIDs of
 * different systems, and those that belong to none (hawser.pid(text), hawser.unpack), compare by their text. The text is made
 * once. They outlive their system.
 */
#ifndef HWL_PID_H
#define HWL_PID_H

#include "state.h"

struct hwl_pid {
    const void *tag;
    struct hwl_system *system; /* whose `pid` is; NULL: of none */
    struct hws_pid *pid;       /* a reference of ours; NULL without a system */
    size_t size;
    char text[]; /* "host:port/id" */
};

/* The PID at `index`, or NULL when there is something else. */
struct hwl_pid *hwl_to_pid(lua_State *L, int index);
/* Pushes the PID's value, nil for NULL. Takes a reference of its own. May raise a memory error. */
void hwl_push_pid(struct hwl_system *system, lua_State *L, struct hws_pid *pid);
/*
 * For a PID that a call will give us a reference of: pushes a place for it, from which it is released whatever is raised
 * meanwhile; then replaces the place on top by the PID's value.
 */
struct hws_pid **hwl_push_pid_holder(lua_State *L);
void hwl_replace_pid_holder(struct hwl_system *system, lua_State *L);
/* Pushes the PID that `text` names, for `system` or (NULL) for none. False, and nothing pushed, when it is none. */
bool hwl_push_pid_text(struct hwl_system *system, lua_State *L, const char *text, size_t size);
/*
 * The PID that a script named at `index` as a PID or a text; borrowed, valid while the argument stays or until the next call of
 * this function. Raises an error for other types; returns NULL for a text that is no PID.
 */
struct hws_pid *hwl_check_target(struct hwl_system *system, lua_State *L, int index);

void hwl_open_pids(lua_State *L);

#endif
