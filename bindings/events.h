/* SPDX-License-Identifier: MIT */
/*
 * system.events. Subscribers are callbacks (callback.h): errors in one are logged with their traceback, counted in the system's
 * callback_errors, and harm nobody.
 */
#ifndef HWL_EVENTS_H
#define HWL_EVENTS_H

#include "system.h"

/* Pushes the `events` object of the system object at `index`. */
void hwl_push_events(struct hwl_system *system, lua_State *L, int index);
/* Pushes an event as a table: type, time, and its type's fields. Durations are seconds, uids 16 hex digits, PIDs are PIDs. */
void hwl_push_event(struct hwl_system *system, lua_State *L, const struct hws_event *event);
/* core.event_types() -> { { name=, doc=, fields = { { name=, kind=, doc= }, ... } }, ... } */
int hwl_list_events(lua_State *L);
void hwl_open_events(lua_State *L);

/* Pushes a correlation id as text, 24 hex digits. */
void hwl_push_correlation(lua_State *L, struct hws_correlation value);
/* Pushes a uid as text. */
void hwl_push_uid(lua_State *L, uint64_t uid); /* 16 hex digits; 0, which is nobody's: nil */

#endif
