/* SPDX-License-Identifier: MIT */
/*
 * core.descriptor(number): a file descriptor that the scripts' loop waits for. What reads a terminal, a pipe or a console's
 * socket is Lua; the object only tells when there is something to read, reads, and writes.
 *
 * The descriptor belongs to the object only when it was made by it (an accepted or connected socket); 0, 1 and 2 are never
 * closed. on_readable() keeps the object alive until it is told nil or closed.
 *
 * core.after(seconds, fn): a timer of the loop, for who has no system. Its handle may be dropped without effect.
 */
#ifndef HWL_DESCRIPTOR_H
#define HWL_DESCRIPTOR_H

#include "state.h"

/* Adds `descriptor` and `after` to the module's table on top. */
void hwl_open_descriptors(lua_State *L);

#endif
