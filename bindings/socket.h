/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that are sockets, for the ways of a cluster in one process: "127.0.0.1:port"; consoles have theirs from local.h. Not
 * for systems, whose transports are the library's. None of these blocks but connect(), which is for addresses of this machine.
 */
#ifndef HWL_SOCKET_H
#define HWL_SOCKET_H

#include <lua.h>

/* core.listen(address) -> descriptor | nil, message, code */
int hwl_socket_listen(lua_State *L);
/* core.connect(address) -> descriptor | nil, message, code */
int hwl_socket_connect(lua_State *L);
/* descriptor:accept() -> descriptor, false: nobody is there yet | nil, message, code */
int hwl_socket_accept(lua_State *L);
/* descriptor:write(text) -> how many bytes of it were taken, maybe 0 | nil, message, code */
int hwl_socket_write(lua_State *L);
/* descriptor:address() -> "127.0.0.1:port", where it listens; nil for others */
int hwl_socket_address(lua_State *L);

#endif
