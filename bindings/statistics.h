/* SPDX-License-Identifier: MIT */
/* Statistics of endpoints and of the system as Lua tables, made from the tables in hawser/remote.h. */
#ifndef HWL_STATISTICS_H
#define HWL_STATISTICS_H

#include "system.h"

/* system:statistics([address]), system:statistics_snapshot(), system:connections_snapshot(), system:actors(): the methods. */
int hwl_system_statistics(lua_State *L);
int hwl_system_snapshot(lua_State *L);
int hwl_system_connections(lua_State *L);
int hwl_system_actors(lua_State *L);

#endif
