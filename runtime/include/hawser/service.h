/* SPDX-License-Identifier: MIT */
/*
 * What a system does for others: it starts actors of kinds that its host has registered, and tells about its processes (its
 * living actors). Both are closed by default: the host says which peers may ask for what; the system itself may always ask.
 *
 * The questions are requests like any other (hws_request()): `done` gets a status and a response, which hws_read_...() makes sense
 * of; hws_request_cancel() forgets one. An address may be the system's own (or NULL): the same call, near and far.
 *
 * Peers are named by patterns ('*' any run, '?' one byte). A pattern with a ':' in it is for addresses ("10.1.*:*"), one without for
 * system names ("peer-*"), which hold no ':'. Both are what the peer said of itself in its handshake: a guard against accidents, and
 * as good as the network is.
 */
#ifndef HAWSER_SERVICE_H
#define HAWSER_SERVICE_H

#include "hawser/actor.h"

#define HWS_KIND_MAX 64u               /* bytes in a kind's name: letters, digits, '_', '.', '-' */
#define HWS_SPAWN_ARGUMENTS_MAX 65536u /* bytes of a remote spawn's arguments */
#define HWS_DETAIL_MAX 256u /* bytes of a sentence in an answer, its terminating 0 counted */

/* --- kinds: for who is asked --- */

/* What somebody wants an actor of. Borrowed, valid during the call. */
struct hws_kind_request {
    const char *kind;
    const char *name;           /* NULL: the system makes one up */
    struct hws_slice arguments; /* one msgpack value; nil when none were given */
    const char *peer;           /* the asking system's name */
    const char *address;        /* and its address */
};
/* What is to be spawned. `options.name` is not looked at. */
struct hws_kind_product {
    const struct hws_actor_ops *ops;
    void *self;
    struct hws_spawn_options options;
};
struct hws_kind_ops {
    /*
     * Makes what an actor needs, or says in `detail` why not, with a negative code; the asker hears both. Called from the dispatcher.
     * When the spawn then fails, ops->released(self) is called.
     */
    int (*make)(void *data, const struct hws_kind_request *request, struct hws_kind_product *out,
                char *detail, size_t capacity);
    /* Nothing refers to `data` any more: the kind is unregistered and the last actor of it gone. Optional. */
    void (*released)(void *data);
};

/* HWS_EEXIST: there is one of that name; HWS_EINVAL: no kind can have that name. On failure nothing was called. */
HWS_API int hws_register_kind(struct hws_system *system, const char *name,
                              const struct hws_kind_ops *ops, void *data);
/* No more actors of it are made; those that live go on. HWS_ENOTFOUND. */
HWS_API int hws_unregister_kind(struct hws_system *system, const char *name);

/* Who may ask for actors of a kind: these patterns, instead of those before; none at first. HWS_ENOTFOUND, HWS_EINVAL. */
HWS_API int hws_allow_kind(struct hws_system *system, const char *kind, const char *const *peers,
                           size_t count);
/* Who may list processes and read their diagnostics: the same. */
HWS_API int hws_allow_diagnostics(struct hws_system *system, const char *const *peers,
                                  size_t count);

/* Calls `fn` for each kind, with how many actors of it live; it may not register or unregister. */
HWS_API void hws_each_kind(struct hws_system *system,
                           void (*fn)(void *data, const char *name, uint64_t living), void *data);

/* --- kinds: for who asks --- */

/* What became of a remote spawn. X(name, retryable: may the same call succeed later?, sentence) */
#define HWS_SPAWN_STATUSES(X)                                                                    \
    X(ok, false, "the actor lives")                                                              \
    X(unavailable, true, "the system can not be reached, or takes no more now")                  \
    X(timeout, true, "no answer within the deadline; the actor may have been made all the same") \
    X(process_name_already_exists, false, "an actor of that name lives there already")           \
    X(error, false, "refused, or the actor could not be made")                                   \
    X(dead_letter, false, "the request could not be delivered, and would not be a second time")
enum hws_spawn_status {
#define X(name, retryable, sentence) HWS_SPAWN_##name,
    HWS_SPAWN_STATUSES(X)
#undef X
        HWS_SPAWN_STATUS_COUNT
};
HWS_API const char *hws_spawn_status_name(enum hws_spawn_status status);
HWS_API const char *hws_spawn_status_sentence(enum hws_spawn_status status);
HWS_API bool hws_spawn_retryable(enum hws_spawn_status status);

struct hws_spawn_remote_options {
    struct hws_slice arguments; /* one msgpack value, borrowed for the call; empty: nil */
    uint64_t timeout;           /* ns; 0: the option request_timeout */
};
/*
 * Asks the system at `address` for an actor of a kind. The answer may be lost after the actor was made (timeout, or unavailable
 * with HWS_EDISCONNECTED): one with a name is found by asking again (process_name_already_exists), one without lives on
 * unknown. Returns as hws_request() does, and HWS_EINVAL for a kind or name that no system takes; hws_read_spawned() has the status for
 * such a code too. `options` and `id` may be NULL. Names hold no '/' and do not begin with '$'.
 */
HWS_API int hws_spawn_remote(struct hws_system *system, const char *address, const char *kind,
                             const struct hws_spawn_remote_options *options, hws_response_fn done,
                             void *data, uint64_t *id);
HWS_API int hws_spawn_remote_named(struct hws_system *system, const char *address, const char *name,
                                   const char *kind, const struct hws_spawn_remote_options *options,
                                   hws_response_fn done, void *data, uint64_t *id);

struct hws_spawned {
    enum hws_spawn_status status;
    int error; /* HWS_E...; 0 when ok */
    struct hws_pid
        *pid; /* ok, process_name_already_exists: one reference of the caller's; else NULL */
    char detail[HWS_DETAIL_MAX]; /* a sentence; empty when ok */
};
/* What `done` was given; or a negative code of hws_spawn_remote(), with `response` NULL. */
HWS_API void hws_read_spawned(struct hws_system *system, int status,
                              const struct hws_message *response, struct hws_spawned *out);

/* --- diagnostics --- */

/* How a pattern is held against an id. X(name) */
#define HWS_MATCHES(X) X(part) X(exact) X(regex)
enum hws_match {
#define X(name) HWS_MATCH_##name,
    HWS_MATCHES(X)
#undef X
        HWS_MATCH_COUNT
};

#define HWS_PATTERN_MAX 255u /* bytes of a pattern */
#define HWS_PAGE_MAX 1000u   /* processes on a page, at most */

/*
 * One page of a list. Pages are short when much had to be looked at or the ids are long; only `next` tells the end. Between two
 * pages actors may come and go: who lives all the while is listed exactly once.
 */
struct hws_process_query {
    const char *
        pattern; /* NULL: every process; regex: Perl's, of limited cost (HWS_EINVAL says what is wrong with it) */
    enum hws_match match;
    uint64_t cursor;  /* 0: from the start; else the `next` of the page before */
    uint64_t limit;   /* 0: 100; at most HWS_PAGE_MAX */
    uint64_t timeout; /* ns; 0: the option request_timeout */
};
/* `query` and `id` may be NULL. Returns as hws_request() does. */
HWS_API int hws_list_processes(struct hws_system *system, const char *address,
                               const struct hws_process_query *query, hws_response_fn done,
                               void *data, uint64_t *id);
struct hws_process_page {
    int error; /* HWS_EACCESS: not allowed there; HWS_EINVAL: the pattern; those of hws_request() */
    char detail[HWS_DETAIL_MAX];
    uint64_t count; /* processes not taken yet */
    uint64_t next;  /* the next page's cursor; 0: that was all */
    /* internal: */
    struct hws_pid *who;
    struct hws_slice rest;
};
/* Valid as long as the response is. */
HWS_API void hws_read_processes(int status, const struct hws_message *response,
                                struct hws_process_page *out);
/* The next one of the page, a reference of the caller's. HWS_ENOTFOUND: no more; HWS_EDECODE: the peer wrote no id. */
HWS_API int hws_next_process(struct hws_process_page *page, struct hws_pid **out);

/* What an actor is at. X(name) */
#define HWS_PROCESS_STATES(X) X(starting) X(idle) X(busy) X(suspended) X(stopping)
enum hws_process_state {
#define X(name) HWS_PROCESS_##name,
    HWS_PROCESS_STATES(X)
#undef X
        HWS_PROCESS_STATE_COUNT
};
HWS_API const char *hws_process_state_name(enum hws_process_state state);

/* X(name, unit, doc) */
#define HWS_PROCESS_DIAGNOSTICS(X)                                                  \
    X(mailbox_length, count, "messages that wait, system ones included")            \
    X(mailbox_size, count, "user messages that may wait")                           \
    X(handled, count, "messages taken, those of the present visit not counted yet") \
    X(failures, count, "times that a handler failed")                               \
    X(watchers, count, "actors, near and far, that watch it")                       \
    X(memory, bytes, "bytes of its struct and mailbox; not payloads, nor what its handlers hold")

struct hws_process_diagnostics {
    int error; /* 0; HWS_ENOTFOUND: it does not live; as in struct hws_process_page */
    char detail[HWS_DETAIL_MAX];
    char kind[HWS_KIND_MAX + 1]; /* "" when it is of none */
    enum hws_process_state state;
#define X(name, unit, doc) uint64_t name;
    HWS_PROCESS_DIAGNOSTICS(X)
#undef X
};
HWS_API int hws_get_process_diagnostics(struct hws_system *system, struct hws_pid *pid,
                                        uint64_t timeout, hws_response_fn done, void *data,
                                        uint64_t *id);
HWS_API void hws_read_process_diagnostics(int status, const struct hws_message *response,
                                          struct hws_process_diagnostics *out);

#endif
