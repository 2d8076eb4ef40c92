/* SPDX-License-Identifier: MIT */
/*
 * An actor system: its life, and how it is driven.
 *
 *     struct hws_options options;
 *     hws_options_init(&options);
 *     options.name = "alpha";
 *     options.listen = "127.0.0.1:25520";
 *     hws_system_new(&options, &system, message, sizeof message);
 *     hws_loop_attach(system, loop);            // hawser/loop.h: a uv_loop_t of yours, or NULL for one of its own
 *     hws_start(system, message, sizeof message);
 *     ... uv_run(loop) or hws_loop_run(system) ...
 *     hws_stop(system, "done", deadline);       // drains, says goodbye; Shutdown is published; hws_is_stopped()
 *     hws_system_free(system);
 *
 * A system lives on one thread: that of its loop. The calls that may come from other threads say so: hws_post(),
 * those that end in _from_any_thread(), and hws_snapshot_take(), _last() and _release().
 */
#ifndef HAWSER_SYSTEM_H
#define HAWSER_SYSTEM_H

#include "hawser/actor.h"
#include "hawser/event.h"
#include "hawser/options.h"
#include "hawser/policy.h"
#include "hawser/remote.h"
#include "hawser/snapshot.h"
#include "hawser/service.h"
#include "hawser/transport.h"

#define HWS_VERSION_MAJOR 0
#define HWS_VERSION_MINOR 1
#define HWS_VERSION_PATCH 0
HWS_API const char *hws_version(void); /* "0.1.0" */

/* Makes a system that does nothing yet. `message` (may be NULL) says what is wrong with the options. */
HWS_API int hws_system_new(const struct hws_options *options, struct hws_system **out,
                           char *message, size_t capacity);
/* Adds a transport for addresses of its scheme, before hws_start(). The system owns it from here on, success or not. */
HWS_API int hws_add_transport(struct hws_system *system, struct hws_transport *transport);
/* Listens, when options.listen is set, and publishes ListenStarted. HWS_EADDRINUSE, HWS_EADDRESS, ... with a sentence. */
HWS_API int hws_start(struct hws_system *system, char *message, size_t capacity);

/*
 * Stops in order: no new connection or spawn; local actors are stopped when `deadline` (ns from now; HWS_NEVER: the option
 * shutdown_deadline) has passed or every ring is acknowledged; endpoints say BYE; what is left becomes dead letters; Shutdown
 * is published. Returns at once; idempotent (a second call with a shorter deadline shortens it).
 */
HWS_API int hws_stop(struct hws_system *system, const char *reason, uint64_t deadline);
HWS_API bool
hws_is_stopped(const struct hws_system *system); /* nothing is open any more; it may be freed */
/*
 * Frees it. Not stopped yet: stops with deadline 0 first, and the memory goes when the last link has closed, for which
 * a host's loop has to run on (one of the system's own is run here). PIDs, atoms and subscriptions held outlive it. NULL is fine. Never call it from a handler: stop instead.
 */
HWS_API void hws_system_free(struct hws_system *system);

/* Any thread: sends a copy of `payload` to the actor named by `target` (a PID's text). HWS_EFULL: 65536 are waiting already. */
HWS_API int hws_post(struct hws_system *system, const char *target, struct hws_slice payload);
/* Any thread, and signal handlers: asks for hws_stop() with its default deadline. */
HWS_API void hws_stop_from_any_thread(struct hws_system *system);
/* Any thread, and signal handlers: the system's driver takes a turn soon. */
HWS_API void hws_wake_from_any_thread(struct hws_system *system);

HWS_API const char *hws_system_name(const struct hws_system *system);
HWS_API const char *
hws_system_address(const struct hws_system *system); /* as peers use it; after hws_start() */
HWS_API uint64_t hws_system_uid(const struct hws_system *system);
HWS_API uint64_t hws_system_now(struct hws_system *system); /* its clock, ns */
HWS_API const struct hws_options *hws_system_options(const struct hws_system *system);

/* Calls `fn` once, `delay` ns from now, from a turn. The handle is gone after that, after a cancel, and with the system (which
 * then does not call `fn`). `out` may be NULL. */
struct hws_timer;
HWS_API int hws_after(struct hws_system *system, uint64_t delay, void (*fn)(void *data), void *data,
                      struct hws_timer **out);
/*
 * Calls `fn` `delay` ns from now and then every `period` ns (HWS_EINVAL below a millisecond), on a grid that does not drift;
 * ticks that a stall of the loop missed are left out. The handle lives until it is cancelled, which `fn` may do, or the system
 * goes.
 */
HWS_API int hws_every(struct hws_system *system, uint64_t delay, uint64_t period,
                      void (*fn)(void *data), void *data, struct hws_timer **out);
HWS_API void hws_timer_cancel(
    struct hws_timer
        *timer); /* NULL is fine; not after hws_after() called `fn` or the system is gone */

/* One line to the system's logger. */
HWS_API void hws_log(struct hws_system *system, enum hws_log_level level, const char *line);

/*
 * For who drives a system without hawser/loop.h. A turn fires due timers, runs actors and subscribers, and flushes what they
 * sent. hws_next_turn() tells when the next one is due on the system's clock: 0 now, HWS_NEVER when only I/O can bring work.
 * `wake` is called (with `data`) from hws_post() and the calls ..._from_any_thread(), on any thread and from signal handlers.
 */
HWS_API void hws_turn(struct hws_system *system);
HWS_API bool hws_in_turn(const struct hws_system *system); /* does a handler of its call this? */
HWS_API uint64_t hws_next_turn(struct hws_system *system);
HWS_API void hws_on_wake(struct hws_system *system, void (*wake)(void *data), void *data);
/* `due` is called, on the system's thread and outside its turn, whenever hws_next_turn() may have become earlier, so that a driver
 * of many systems need not ask them all. It must do nothing to the system but ask hws_next_turn(). NULL: nobody. */
HWS_API void hws_on_due(struct hws_system *system, void (*due)(void *data), void *data);
/* (The three hold one function each: hws_loop_attach() and hws_loopback_attach() use them.) Called once, from the turn that stops the system and after everything else: the driver closes its own handles. */
HWS_API void hws_on_stopped(struct hws_system *system, void (*stopped)(void *data), void *data);

#endif
