/* SPDX-License-Identifier: MIT */
/* Drives systems from a libuv loop, and brings the tcp and unix transports. */
#ifndef HAWSER_LOOP_H
#define HAWSER_LOOP_H

#include "hawser/system.h"

struct uv_loop_s;

/*
 * Attaches a new system to `loop` (which the host owns, runs and closes) or, with NULL, to a loop of its own, and adds
 * the transports "tcp" and "unix". Before hws_start(). Several systems may share a loop. The system keeps the loop alive until
 * it has stopped. The loop must outlive the system: run it until nothing of the system is left on it. Links may linger for a second, so
 * that a last frame arrives.
 */
HWS_API int hws_loop_attach(struct hws_system *system, struct uv_loop_s *loop);
/* Runs the system's loop until the system has stopped (own loop) or uv_run returns (a host's). */
HWS_API int hws_loop_run(struct hws_system *system);
HWS_API struct uv_loop_s *hws_loop_of(struct hws_system *system); /* NULL: not attached */

/* A loop of its own for several systems that come and go: made, run until `done` says so, freed (which runs it until its handles
 * have closed). hws_loop_run_until() asks `done` after each turn; 0 when done or nothing is left to wait for, or HWS_ETIMEOUT. */
HWS_API int hws_loop_new(struct uv_loop_s **out);
HWS_API int hws_loop_run_until(struct uv_loop_s *loop, bool (*done)(void *data), void *data,
                               uint64_t timeout);
/* Has it ask `done` soon, also while it sleeps. From any thread and from signal handlers; not beside hws_loop_free(). */
HWS_API void hws_loop_wake(struct uv_loop_s *loop);
HWS_API void hws_loop_free(struct uv_loop_s *loop);

/*
 * What else a host may have its loop wait for, without uv.h: calls ready(data) in every turn in which `descriptor` can be read
 * or its other end has gone. The descriptor stays the caller's, and open until hws_poll_free(), which may be called from
 * anywhere, `ready` too, and lets no further call happen. It keeps the loop alive. HWS_EINVAL: nothing can wait for such a
 * descriptor (a regular file); HWS_ENOMEM.
 */
struct hws_poll;
HWS_API int hws_loop_poll(struct uv_loop_s *loop, int descriptor, void (*ready)(void *data),
                          void *data, struct hws_poll **out);
/* From here on it is called when the descriptor can be read, written, both, or only when its other end has gone. */
HWS_API int hws_poll_want(struct hws_poll *poll, bool reads, bool writes);
HWS_API void hws_poll_free(struct hws_poll *poll); /* NULL is fine */

/* The same for a time: calls ring(data) once, `delay` ns from now, rounded up to milliseconds. Freed in any case. */
struct hws_alarm;
HWS_API int hws_loop_alarm(struct uv_loop_s *loop, uint64_t delay, void (*ring)(void *data),
                           void *data, struct hws_alarm **out);
HWS_API void hws_alarm_free(struct hws_alarm *alarm); /* NULL is fine */

HWS_API const char *hws_libuv_version(void); /* of the libuv that runs */

#endif
