/* SPDX-License-Identifier: MIT */
/*
 * The EventStream: what happens to a system, as typed events. Published events wait in a bounded queue and subscribers run from
 * the dispatcher, on the system's thread, never inside an I/O callback. One table makes the enum, the names, the JSON form, the
 * Lua table and docs/events.md.
 *
 * Dead letters of a ring that is given up are published only as fast as the queue takes them, so none is lost. When single
 * events come faster than subscribers take them, what does not fit is counted and told in one EventsDropped.
 */
#ifndef HAWSER_EVENT_H
#define HAWSER_EVENT_H

#include "hawser/message.h"

/*
 * Fields an event can have. X(name, kind, doc); kind: text, pid, uid, u64, seconds and clock (ns in C), flag, reason, correlation,
 * value. clock: a time on the system's clock, as the event's own `time`; HWS_NEVER: it has none.
 */
#define HWS_EVENT_FIELDS(X)                                                             \
    X(address, text, "the endpoint's or listener's address")                            \
    X(name, text, "the peer's system name, the policy's or the actor's name")           \
    X(file, text, "where the policy was read from")                                     \
    X(version, text, "the policy's own, or a hash of its files, 8 hex digits")          \
    X(uid, uid, "the peer's uid, 16 hex digits in JSON and Lua")                        \
    X(incarnation, u64, "counts this endpoint's lives, from 1")                         \
    X(state, text, "the endpoint's state now")                                          \
    X(from, text, "the state that it left")                                             \
    X(since, clock, "when it had entered that one; without `from`, the state it is in") \
    X(reason, text, "one word: refused, timeout, reset, protocol, not_found, ...")      \
    X(detail, text, "a sentence for people; a traceback where there is one")            \
    X(attempt, u64, "which try this is, from 1")                                        \
    X(delay, seconds, "until the next try")                                             \
    X(step, text, "what the endpoint does next by itself")                              \
    X(next, clock, "when it does that")                                                 \
    X(success, flag, "did the try succeed")                                             \
    X(resumed, flag, "is this the association of before the link was lost")             \
    X(level, text, "the throttle level's name")                                         \
    X(count, u64, "how many")                                                           \
    X(pid, pid, "the actor it is about")                                                \
    X(sender, pid, "who sent the message, where known")                                 \
    X(watcher, pid, "who watches")                                                      \
    X(message, value, "the message's payload")                                          \
    X(correlation, correlation, "the message's or the association's correlation id, 24 hex digits")

enum hws_event_field {
#define X(name, kind, doc) HWS_FIELD_##name,
    HWS_EVENT_FIELDS(X)
#undef X
        HWS_FIELD_COUNT
};
#define HWS_F(name) (UINT32_C(1) << HWS_FIELD_##name)
/* Of an endpoint, and of its change from a state to another. Number 0 of the correlation ids of one of the association's two
 * streams (docs/wire.md) is the association's own, and the same at both ends from the handshake on. */
#define HWS_F_ENDPOINT                                                                      \
    (HWS_F(address) | HWS_F(uid) | HWS_F(incarnation) | HWS_F(correlation) | HWS_F(state) | \
     HWS_F(since))
#define HWS_F_TRANSITION (HWS_F_ENDPOINT | HWS_F(from) | HWS_F(step) | HWS_F(next))

/* X(name, fields, doc) */
#define HWS_EVENTS(X)                                                                              \
    X(ListenStarted, HWS_F(address) | HWS_F(name), "the system accepts connections")               \
    X(EndpointAssociating, HWS_F_TRANSITION,                                                       \
      "a life of the endpoint begins, or a gated one may be dialled again")                        \
    X(AssociationAttempt, HWS_F_ENDPOINT | HWS_F(step) | HWS_F(next) | HWS_F(attempt),             \
      "the endpoint dials; attempt 0 is the first")                                                \
    X(EndpointConnected, HWS_F_TRANSITION | HWS_F(name) | HWS_F(resumed), "handshake done")        \
    X(EndpointDisconnected, HWS_F_ENDPOINT | HWS_F(reason) | HWS_F(detail),                        \
      "the link was lost; what becomes of the endpoint follows")                                   \
    X(EndpointReconnect,                                                                           \
      HWS_F_TRANSITION | HWS_F(attempt) | HWS_F(delay) | HWS_F(success) | HWS_F(reason) |          \
          HWS_F(detail),                                                                           \
      "a try was put off by `delay` (success false), or the link is back (success true)")          \
    X(Suspect, HWS_F_ENDPOINT | HWS_F(detail), "the peer does not answer")                         \
    X(Reachable, HWS_F_TRANSITION, "a suspect peer was heard again")                               \
    X(EndpointSuspended, HWS_F_TRANSITION | HWS_F(detail), "the link is up, the peer is suspect")  \
    X(Gated, HWS_F_TRANSITION | HWS_F(attempt) | HWS_F(delay) | HWS_F(reason) | HWS_F(detail),     \
      "refused: not dialled for `delay`")                                                          \
    X(Quarantined, HWS_F_TRANSITION | HWS_F(delay) | HWS_F(detail) | HWS_F(count),                 \
      "this uid is shut out for `delay`; `count` messages become dead letters")                    \
    X(Released, HWS_F_TRANSITION | HWS_F(reason),                                                  \
      "a quarantine is over: deadline, operator or new_uid")                                       \
    X(Blocked, HWS_F(address) | HWS_F(name),                                                       \
      "a system on the block list was refused, or its connection closed")                          \
    X(EndpointTerminated, HWS_F_TRANSITION | HWS_F(reason) | HWS_F(detail) | HWS_F(count),         \
      "given up or closed; `count` messages become dead letters")                                  \
    X(EndpointThrottled, HWS_F_ENDPOINT | HWS_F(level),                                            \
      "the ring's throttle level changed, or starts from normal on a new link")                    \
    X(LinkRefused, HWS_F(address) | HWS_F(reason) | HWS_F(detail),                                 \
      "an inbound connection was refused or broke the protocol")                                   \
    X(DeadLetter,                                                                                  \
      HWS_F(pid) | HWS_F(sender) | HWS_F(reason) | HWS_F(message) | HWS_F(correlation),            \
      "a message was not delivered")                                                               \
    X(ServiceRefused, HWS_F(address) | HWS_F(name) | HWS_F(reason) | HWS_F(detail),                \
      "a system asked for an actor or for diagnostics, and did not get it")                        \
    X(ActorStarted, HWS_F(pid), "an actor was spawned")                                            \
    X(ActorStopped, HWS_F(pid) | HWS_F(reason), "an actor ended")                                  \
    X(ActorFailed, HWS_F(pid) | HWS_F(detail) | HWS_F(reason) | HWS_F(count),                      \
      "a handler failed; reason: resume, restart or stop")                                         \
    X(Watch, HWS_F(pid) | HWS_F(watcher), "a watch was placed")                                    \
    X(PolicyLoaded, HWS_F(name) | HWS_F(file) | HWS_F(version) | HWS_F(count) | HWS_F(detail),     \
      "a policy is in force, this system's `count`th; a reload's trial")                           \
    X(PolicyError,                                                                                 \
      HWS_F(name) | HWS_F(file) | HWS_F(version) | HWS_F(address) | HWS_F(reason) | HWS_F(detail), \
      "the policy failed and the C fallback answered; or a reload was refused")                    \
    X(EventsDropped, HWS_F(count), "events that did not fit the queue")                            \
    X(Shutdown, HWS_F(reason) | HWS_F(detail) | HWS_F(count),                                      \
      "the system has stopped; `count` messages stayed undelivered, for whom says `detail`")

enum hws_event_type {
#define X(name, fields, doc) HWS_EVENT_##name,
    HWS_EVENTS(X)
#undef X
        HWS_EVENT_COUNT
};

/* Valid during the subscriber's call; fields its type does not have are NULL or 0. */
struct hws_event {
    enum hws_event_type type;
    uint64_t time; /* the system's clock */
    const char *address, *name, *file, *version, *reason, *detail, *level;
    const char *state, *from, *step; /* names of the library's own: valid for ever */
    uint64_t uid, incarnation, attempt, delay, count, since, next;
    bool success, resumed;
    struct hws_pid *pid, *sender, *watcher;
    struct hws_slice message;
    struct hws_correlation correlation;
};

struct hws_subscription;
typedef void (*hws_event_fn)(void *data, const struct hws_event *event);

/*
 * `pattern` is an event's name or a glob over names ("Endpoint*", "*"). HWS_ENOTFOUND when it matches none (`nearest`, may be
 * NULL, then names the nearest). The caller owns *out. Subscribers are called in the order of subscription.
 */
HWS_API int hws_subscribe(struct hws_system *system, const char *pattern, hws_event_fn fn,
                          void *data, struct hws_subscription **out, const char **nearest);
/* Ends it at once, from inside its own call too, and frees the handle. NULL, or after the system is gone: fine. */
HWS_API void hws_unsubscribe(struct hws_subscription *subscription);

HWS_API const char *hws_event_name(enum hws_event_type type);
HWS_API const char *hws_event_doc(enum hws_event_type type);
HWS_API uint32_t hws_event_fields(enum hws_event_type type); /* bits HWS_F(...) */
HWS_API const char *hws_event_field_name(enum hws_event_field field);
HWS_API const char *hws_event_field_kind(enum hws_event_field field);
HWS_API const char *hws_event_field_doc(enum hws_event_field field);
/* Writes one line of JSON with a terminating 0, cut to `capacity`; returns the length it needed. */
HWS_API size_t hws_event_json(const struct hws_event *event, char *out, size_t capacity);

#endif
