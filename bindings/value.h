/* SPDX-License-Identifier: MIT */
/*
 * Lua values <-> msgpack. The mapping is the contract that spec/value_spec.lua pins:
 *
 *   nil                    nil           (inside arrays hawser.null both ways; inside maps a nil received is a missing key)
 *   boolean                true, false
 *   integer                int, the shortest form; received above 2^63-1: a float
 *   float                  float 64; float 32 is taken too
 *   string                 str when it is valid UTF-8, else bin; both are received as strings
 *   hawser.bin(s)          bin
 *   table 1..n             array; so is an empty table
 *   any other table        map; an empty map is received as hawser.map {}
 *   hawser.array, .map     array, map whatever the keys
 *   PID                    ext 1, its text "host:port/id"
 *   hawser.ext(type, s)    ext of that type; so are ext types received that nothing else is said about
 *
 * Functions, threads, other userdata and tables that contain themselves can not be sent. Metatables are not looked at, but for
 * those of the module. Neither direction ever calls Lua.
 */
#ifndef HWL_VALUE_H
#define HWL_VALUE_H

#include "state.h"

#define HWL_DEPTH 64  /* as hws_value_check() */
#define HWL_EXT_PID 1 /* the msgpack ext type of a PID */

/*
 * Encodes the value at `index` into *out, from its start. 0; HWS_EENCODE and `message` saying where in the value the culprit
 * is; HWS_ETOOLARGE: *out holds the first bytes, more than `limit`; HWS_ENOMEM. Raises nothing.
 */
int hwl_encode(struct hwl_state *state, lua_State *L, int index, size_t limit,
               struct hwl_bytes *out, char *message, size_t capacity);

/* Pushes the value. PIDs in it belong to `system` (NULL: to none). Raises an error when it is not well formed, or on memory. */
void hwl_decode(struct hwl_state *state, struct hwl_system *system, lua_State *L,
                struct hws_slice value);

/* Takes and gives back the state's buffer; a nested user gets one of its own. */
struct hwl_bytes hwl_bytes_take(struct hwl_state *state);
void hwl_bytes_give(struct hwl_state *state, struct hwl_bytes bytes);

/* Adds array, map, bin, ext, null, pack and unpack to the table on top. */
void hwl_open_values(struct hwl_state *state, lua_State *L);

#endif
