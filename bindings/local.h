/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets of this machine's consoles, as system calls only: what goes over them is Lua. All of them are non-blocking
 * descriptors (descriptor.h) that are closed with their objects.
 *
 *     core.local_listen(path) -> descriptor, mark      a socket with mode 0600; a stale one is taken over
 *     core.local_unlink(path, mark) -> boolean         takes it away again, if it still is that one
 *     core.local_connect(path) -> descriptor
 *     core.local_sockets(directory) -> { path, ... }   whose names end in .sock
 *     core.local_user() -> uid                         ours
 *     descriptor:peer() -> uid, pid                    of who is at the other end
 *
 * Failures are nil, message, code; the messages are sentences about the path.
 */
#ifndef HWL_LOCAL_H
#define HWL_LOCAL_H

#include "state.h"

int hwl_local_peer(lua_State *L);

/* Adds the functions to the module's table on top. */
void hwl_open_local(lua_State *L);

#endif
