/* SPDX-License-Identifier: MIT */
/* system:quarantine(address [, { duration =, reason = }]), release(address); block_system(name), unblock_system(name),
 * list_blocked_systems(). */
#ifndef HAWSER_LUA_SHUTOUT_H
#define HAWSER_LUA_SHUTOUT_H

#include "system.h"

int hwl_system_quarantine(lua_State *L);
int hwl_system_release_endpoint(lua_State *L);
int hwl_system_block(lua_State *L);
int hwl_system_unblock(lua_State *L);
int hwl_system_blocked(lua_State *L);

#endif
