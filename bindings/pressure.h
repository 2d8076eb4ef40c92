/* SPDX-License-Identifier: MIT */
/* How full the endpoints' rings are: system:queue(address), and system:register_backpressure_listener(pattern, fn). */
#ifndef HWL_PRESSURE_H
#define HWL_PRESSURE_H

#include "system.h"

int hwl_system_queue(lua_State *L);
int hwl_system_listen(lua_State *L);

#endif
