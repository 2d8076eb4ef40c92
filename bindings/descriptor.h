/* SPDX-License-Identifier: MIT */
/*
 * core.descriptor(number): a file descriptor that the scripts' loop waits for. What reads a terminal, a pipe or a console's
 * socket is Lua; the object only tells when there is something to read, reads, and writes.
 *
 * The descriptor belongs to the object only when it was made by it (an accepted or connected socket); 0, 1 and 2 are never
 * closed. on_readable() keeps the object alive until it is told nil or closed.
 *
 * core.after(seconds, fn): a timer of the loop, for who has no system. Its handle may be dropped without effect. core.clock() is
 * the time that it goes by.
 */
#ifndef HWL_DESCRIPTOR_H
#define HWL_DESCRIPTOR_H

#include "state.h"

/* Pushes an object that owns the descriptor; returns 1. */
int hwl_push_descriptor(lua_State *L, int number);
/* The open descriptor of the object at index 1; raises an error for anything else. */
int hwl_check_descriptor(lua_State *L, int index);
/* Pushes nil, what errno says, "EIO"; returns 3. */
int hwl_io_failure(lua_State *L, int error);

/* Adds `descriptor`, `after`, `clock`, `listen` and `connect` to the module's table on top. */
void hwl_open_descriptors(lua_State *L);

#endif
