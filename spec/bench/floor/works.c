/* SPDX-License-Identifier: MIT */
#include "floor.h"

extern const struct floor_work floor_stream, floor_echo, floor_requests;
#ifdef HAWSER_FLOOR_LUA
extern const struct floor_work floor_lua_stream, floor_lua_requests;
#endif

const char floor_program[] = "hawser-floor";
const bool floor_raw = true;
const struct floor_work *const floor_works[] = {
    &floor_stream,
    &floor_echo,
    &floor_requests,
#ifdef HAWSER_FLOOR_LUA
    &floor_lua_stream,
    &floor_lua_requests,
#endif
    NULL,
};
