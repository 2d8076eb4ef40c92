/* SPDX-License-Identifier: MIT */
/* system:after(seconds, fn): a callback (callback.h) that a timer of the system calls once. */
#ifndef HWL_TIMER_H
#define HWL_TIMER_H

#include "system.h"

/* The method. */
int hwl_system_after(lua_State *L);

#endif
