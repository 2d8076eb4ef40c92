/* SPDX-License-Identifier: MIT */
/*
 * Actors in C. An actor is a `self` pointer of yours with an ops table. The system calls it on the system's thread, one
 * message at a time, never from inside an I/O callback. A handler may send, spawn, stop (itself too), watch and close anything;
 * it must not block.
 */
#ifndef HAWSER_ACTOR_H
#define HAWSER_ACTOR_H

#include "hawser/message.h"

struct
    hws_context; /* a running actor; valid while it lives, and only inside its handlers unless said otherwise */

/*
 * What a failing handler leads to. X(name)
 *   resume     the next message is taken
 *   restart    the actor's children and timers end, then started() is called again; the mailbox stays. More than restart_limit
 *              times in restart_window: stop
 *   stop       it stops, and its children before it
 *   escalate   it stops, and its parent fails as if a handler of the parent's had; at the top the same as stop
 */
#define HWS_SUPERVISIONS(X) X(resume) X(restart) X(stop) X(escalate)
enum hws_supervision {
#define X(name) HWS_SUPERVISE_##name,
    HWS_SUPERVISIONS(X)
#undef X
};

struct hws_actor_ops {
    /*
     * Takes one message. 0, or a negative code: ActorFailed is published (with hws_context_fail()'s text), who waits for an answer
     * to the message hears HWS_EFAILED, and the actor is resumed, restarted or stopped as its options say. Required unless receive_batch is given.
     */
    int (*receive)(void *self, struct hws_context *context, const struct hws_message *message);
    /*
     * Instead of receive: takes messages with hws_context_next() until that returns NULL. A negative code blames the message
     * taken last; the rest stay in the mailbox.
     */
    int (*receive_batch)(void *self, struct hws_context *context);
    /* Before the first message, and again after a restart (fresh start of its state). Optional; a negative code stops the actor. */
    int (*started)(void *self, struct hws_context *context);
    /* Called once, after the last message and before watchers hear Terminated. Optional. */
    void (*stopped)(void *self, struct hws_context *context);
    /* The system is done with `self`: free it here. Called exactly once, when nothing refers to it any more. Optional. */
    void (*released)(void *self);
};

struct hws_spawn_options {
    const char *name; /* without '/'; NULL: the system makes one up ("$1"); HWS_EEXIST when taken */
    uint64_t mailbox_size; /* 0: the system's option */
    enum hws_supervision supervision;
    uint64_t restart_limit, restart_window; /* 0: the system's options */
};

/*
 * Starts an actor. On success `self` belongs to the system until released() is called, and the caller owns one reference of
 * *out (`out` may be NULL). On failure nothing was called and `self` is still the caller's.
 */
HWS_API int hws_spawn(struct hws_system *system, const struct hws_actor_ops *ops, void *self,
                      const struct hws_spawn_options *options, struct hws_pid **out);
/* The same with a name and nothing else. */
HWS_API int hws_spawn_named(struct hws_system *system, const char *name,
                            const struct hws_actor_ops *ops, void *self, struct hws_pid **out);

/*
 * Sends to a local or remote actor. 0: accepted, that is, it will be delivered once or become one dead letter. A negative
 * code: it became a dead letter already (HWS_EFULL queue_full or mailbox_full, HWS_ETOOLARGE, HWS_EENCODE, HWS_EDISCONNECTED,
 * HWS_ENOTFOUND for a local actor that is not there, HWS_EADDRESS for an address that can never be dialled (hws_check_address()
 * says why), HWS_ETHROTTLED, HWS_EBLOCKED, HWS_EGATED, HWS_EQUARANTINED, HWS_ECLOSED; hws_reason_error() maps them), and DeadLetter
 * tells which. The size is checked first. Who wants to slow down before anything is refused asks hws_pressure() (hawser/remote.h)
 * when this has returned 0.
 */
HWS_API int hws_send(struct hws_system *system, struct hws_pid *target,
                     const struct hws_message *message);

/*
 * Sends and waits for one answer. `done` is called exactly once on the system's thread, from the dispatcher, never from
 * inside this call: status 0 with the response, or HWS_ETIMEOUT, HWS_EDEADLETTER (response->reason says why),
 * HWS_EDISCONNECTED (the peer went away after taking it), HWS_EFAILED (the handler failed with it), HWS_ECLOSED (the system
 * stopped), with a response without payload whose `who` is the target.
 * `timeout` in ns; 0 is the option request_timeout. *id (may be NULL) is for hws_request_cancel(). On a negative code `done`
 * is not called.
 */
typedef void (*hws_response_fn)(void *data, int status, const struct hws_message *response);
HWS_API int hws_request(struct hws_system *system, struct hws_pid *target,
                        const struct hws_message *message, uint64_t timeout, hws_response_fn done,
                        void *data, uint64_t *id);
/* Forgets a request: `done` will not be called. HWS_ENOTFOUND when it is over already. */
HWS_API int hws_request_cancel(struct hws_system *system, uint64_t id);

/* Answers a request: `to` and `request_id` are the request's `sender` and `request_id`. The rest as hws_send(). */
HWS_API int hws_respond(struct hws_system *system, struct hws_pid *to, uint64_t request_id,
                        const struct hws_message *message);

/*
 * Answers a request with its failure: it ends with HWS_EFAILED. Called by the system for the message with which a handler has
 * failed; for who keeps requests to answer them later. An answer that was given before stands.
 */
HWS_API int hws_respond_failed(struct hws_system *system, struct hws_pid *to, uint64_t request_id);

/*
 * Stops an actor, local or remote, after the message it is handling, and its children before it; what is in its mailbox becomes
 * dead letters (stopped).
 */
HWS_API int hws_stop_actor(struct hws_system *system, struct hws_pid *target);

/*
 * `watcher` (a local actor) gets one HWS_MESSAGE_terminated when `target` ends; at once (not_found) when it does not live.
 * Watching twice is one watch. Unwatch: none comes any more, not even one that is under way.
 */
HWS_API int hws_watch(struct hws_system *system, struct hws_pid *watcher, struct hws_pid *target);
HWS_API int hws_unwatch(struct hws_system *system, struct hws_pid *watcher, struct hws_pid *target);

/* Calls `fn` for each living actor; it may not spawn or stop. */
HWS_API void hws_each_actor(struct hws_system *system,
                            void (*fn)(void *data, struct hws_pid *pid, uint64_t mailbox_size),
                            void *data);

/* --- inside handlers --- */
HWS_API struct hws_system *hws_context_system(struct hws_context *context);
HWS_API struct hws_pid *hws_context_self(struct hws_context *context); /* borrowed */
/*
 * A child: its id is "parent/name", at most HWS_ID_MAX bytes (HWS_EADDRESS), which bounds how deep children nest. It lives no
 * longer than its parent: an actor that stops, or is restarted, first stops its children, each of which does the same, and
 * takes no message until they are gone. HWS_ECLOSED: that has begun. Else as hws_spawn().
 */
HWS_API int hws_context_spawn(struct hws_context *context, const struct hws_actor_ops *ops,
                              void *self, const struct hws_spawn_options *options,
                              struct hws_pid **out);
HWS_API int hws_context_spawn_named(struct hws_context *context, const char *name,
                                    const struct hws_actor_ops *ops, void *self,
                                    struct hws_pid **out);
HWS_API struct hws_pid *
hws_context_parent(struct hws_context *context); /* borrowed; NULL: it has none */
/* Calls `fn` for each living child, the oldest first; it may not spawn or stop. */
HWS_API void hws_context_each_child(struct hws_context *context,
                                    void (*fn)(void *data, struct hws_pid *pid), void *data);
/*
 * Timers: the actor gets `message` from itself, through its mailbox, `delay` ns from now; with every(), again each `period` ns
 * (HWS_EINVAL below a millisecond), on a grid that does not drift. A tick is left out while the one before waits in the mailbox,
 * and so are those that a stall of the loop missed. Only payload and type of `message` count; both are copied. They end with
 * hws_actor_timer_cancel(), with a restart, and with the actor; what is in the mailbox by then still comes.
 * HWS_EFULL: the option actor_timers; HWS_ECLOSED: the actor stops; HWS_EENCODE, HWS_ETOOLARGE. `id` may be NULL.
 */
HWS_API int hws_context_after(struct hws_context *context, uint64_t delay,
                              const struct hws_message *message, uint64_t *id);
HWS_API int hws_context_every(struct hws_context *context, uint64_t delay, uint64_t period,
                              const struct hws_message *message, uint64_t *id);
/* HWS_ENOTFOUND when it is over already. Ids are not used twice. */
HWS_API int hws_actor_timer_cancel(struct hws_system *system, uint64_t id);
/* receive_batch only: the next message, valid until the next call; NULL: return now. */
HWS_API const struct hws_message *hws_context_next(struct hws_context *context);
/* The text that ActorFailed will carry; copied, cut at 4 KiB. */
HWS_API void hws_context_fail(struct hws_context *context, const char *text);
/*
 * Takes no further message until hws_context_resume(), which may be called at any later time on the system's thread (the
 * context stays valid until the ops' released()). For handlers that wait for something. Both are idempotent.
 */
HWS_API void hws_context_suspend(struct hws_context *context);
HWS_API void hws_context_resume(struct hws_context *context);
/* A suspended handler that failed after all: the same as returning `error` from receive. Resumes the actor. */
HWS_API void hws_context_failed_later(struct hws_context *context, int error, const char *text);
/* hws_respond() to `message`, with this actor as sender. HWS_EINVAL when `message` is no request. */
HWS_API int hws_context_respond(struct hws_context *context, const struct hws_message *message,
                                struct hws_slice payload);

#endif
