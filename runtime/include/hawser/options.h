/* SPDX-License-Identifier: MIT */
/*
 * Every number that can be set. One table: the struct, its defaults, the checks, the names Lua knows and docs/options.md
 * come from it. Durations are nanoseconds in C and seconds in Lua and on the command line.
 */
#ifndef HAWSER_OPTIONS_H
#define HAWSER_OPTIONS_H

#include "hawser/core.h"

/* X(name, unit, default, least, most, doc); unit is count, bytes, ns, ratio (a double) or flag (0 or 1) */
#define HWS_OPTIONS(X)                                                                                        \
    X(endpoint_writer_batch_size, count, 1000, 1, 1000000,                                                    \
      "messages handed to one write, rounded up to a chunk of the ring")                                      \
    X(endpoint_writer_queue_size, count, 1000000, 1, 1000000000,                                              \
      "messages an endpoint's ring holds, unacknowledged ones included")                                      \
    X(endpoint_writer_queue_bytes, bytes, 67108864, 4096, 1099511627776,                                      \
      "bytes an endpoint's ring holds")                                                                       \
    X(connect_timeout, ns, 5 * HWS_SECOND, HWS_MILLISECOND, 3600 * HWS_SECOND,                                \
      "from dial to an open connection")                                                                      \
    X(handshake_timeout, ns, 5 * HWS_SECOND, HWS_MILLISECOND, 3600 * HWS_SECOND,                              \
      "from an open connection to WELCOME")                                                                   \
    X(max_frame_size, bytes, 4194304, 1024, 1073741824,                                                       \
      "the largest frame sent or taken, its 4-byte length not counted")                                       \
    X(reconnect_max_retries, count, 5, 0, 1000000000, "tries before giving up; 0 is without end")             \
    X(reconnect_initial, ns, 200 * HWS_MILLISECOND, HWS_MILLISECOND, 3600 * HWS_SECOND,                       \
      "the default curve's first delay")                                                                      \
    X(reconnect_max, ns, 5 * HWS_SECOND, HWS_MILLISECOND, 3600 * HWS_SECOND,                                  \
      "the default curve's longest delay")                                                                    \
    X(reconnect_factor, ratio, 2.0, 1.0, 100.0, "the default curve's growth from try to try")                 \
    X(reconnect_jitter, ratio, 0.2, 0.0, 1.0,                                                                 \
      "a delay d becomes one between d x (1 - jitter) and d x (1 + jitter)")                                  \
    X(reconnect_stable_after, ns, 5 * HWS_SECOND, 0, 3600 * HWS_SECOND,                                       \
      "a link this old resets the attempt count")                                                             \
    X(throttle_warning, ratio, 0.60, 0.001, 1.0,                                                              \
      "the default warning level, of the ring's messages or bytes")                                           \
    X(throttle_critical, ratio, 0.85, 0.001, 1.0, "the default critical level")                               \
    X(throttle_hysteresis, ratio, 0.05, 0.0, 0.5, "how far below its threshold a level is left")              \
    X(heartbeat_interval, ns, 15 * HWS_SECOND, HWS_MILLISECOND, 3600 * HWS_SECOND,                            \
      "a link silent this long is asked with a PING")                                                         \
    X(heartbeat_timeout, ns, 45 * HWS_SECOND, 2 * HWS_MILLISECOND, 86400 * HWS_SECOND,                        \
      "a link silent this long is given up")                                                                  \
    X(phi_threshold, ratio, 8.0, 0.1, 100.0, "a peer whose answer is this phi overdue is suspect")            \
    X(phi_samples, count, 100, 1, 100000, "answer times that the phi detector remembers")                     \
    X(phi_min_deviation, ns, 100 * HWS_MILLISECOND, HWS_MILLISECOND, 3600 * HWS_SECOND,                       \
      "the least deviation the phi detector assumes")                                                         \
    X(suspect_after, ns, 0, 0, 3600 * HWS_SECOND,                                                             \
      "not 0: instead of phi, a peer that has not answered for this long is suspect")                         \
    X(gate_duration, ns, 5 * HWS_SECOND, HWS_MILLISECOND, 86400 * HWS_SECOND,                                 \
      "the least wait after a peer has refused")                                                              \
    X(client_wait, ns, 60 * HWS_SECOND, HWS_MILLISECOND, 86400 * HWS_SECOND,                                  \
      "how long the endpoint of a client, which can not be dialled, waits for it to come back")               \
    X(quarantine_duration, ns, 432000 * HWS_SECOND, HWS_SECOND, 31536000 * HWS_SECOND,                        \
      "how long a uid is quarantined")                                                                        \
    X(acknowledge_after, ns, 20 * HWS_MILLISECOND, 0, 10 * HWS_SECOND,                                        \
      "the longest wait before an ACK of its own")                                                            \
    X(acknowledge_bytes, bytes, 65536, 1, 1073741824, "bytes taken before an ACK of its own")                 \
    X(symbol_table_size, count, 4096, 0, 4096, "strings an association names by number, each way")            \
    X(mailbox_size, count, 1000000, 1, 1000000000, "user messages an actor's mailbox holds")                  \
    X(dispatcher_throughput, count, 300, 1, 1000000,                                                          \
      "messages an actor handles before the next actor's turn")                                               \
    X(dispatcher_budget, count, 16384, 1, 100000000,                                                          \
      "messages all actors handle before the loop looks at its sockets again")                                \
    X(event_queue_size, count, 65536, 16, 100000000, "events that wait for subscribers")                      \
    X(request_timeout, ns, 5 * HWS_SECOND, HWS_MILLISECOND, 86400 * HWS_SECOND,                               \
      "a request's deadline when none is given")                                                              \
    X(pending_requests, count, 1000000, 1, 100000000,                                                         \
      "requests that wait for an answer at one time")                                                         \
    X(actor_timers, count, 1000000, 1, 100000000,                                                             \
      "timers of a system's actors that run at one time")                                                     \
    X(tombstone_duration, ns, 3600 * HWS_SECOND, HWS_SECOND, 86400 * HWS_SECOND,                              \
      "how long a closed endpoint's statistics are kept")                                                     \
    X(tombstones, count, 1024, 0, 1000000, "closed endpoints kept at most")                                   \
    X(endpoints, count, 100000, 1, 10000000, "endpoints at most, closed ones included")                       \
    X(pending_handshakes, count, 1024, 1, 1000000,                                                            \
      "inbound connections that have not said who they are, at most")                                         \
    X(dead_letter_log_rate, count, 10, 0, 1000000,                                                            \
      "dead letters logged a second, and as many refused links; the rest are counted and told once a second") \
    X(remote_spawn_limit, count, 100000, 0, 100000000,                                                        \
      "actors of registered kinds that live at one time; who asks for more hears unavailable")                \
    X(restart_limit, count, 10, 0, 1000000,                                                                   \
      "restarts of a failing actor within restart_window before it is stopped")                               \
    X(restart_window, ns, 60 * HWS_SECOND, HWS_MILLISECOND, 86400 * HWS_SECOND,                               \
      "the window of restart_limit")                                                                          \
    X(shutdown_deadline, ns, 10 * HWS_SECOND, 0, 3600 * HWS_SECOND,                                           \
      "the longest time hws_stop() waits for queues to drain")                                                \
    X(policy_budget, count, 100000, 1000, 1000000000, "Lua instructions a policy call may use")               \
    X(auto_start, flag, 1, 0, 1,                                                                              \
      "the first send to a remote address dials it; 0: only hws_associate() does")

#define HWS_UNIT_TYPE_count uint64_t
#define HWS_UNIT_TYPE_bytes uint64_t
#define HWS_UNIT_TYPE_ns uint64_t
#define HWS_UNIT_TYPE_flag uint64_t
#define HWS_UNIT_TYPE_ratio double

struct hws_policy;
struct hws_clock;

struct hws_options {
    const char *name; /* required; 1 to 64 of [A-Za-z0-9_.-] */
    const char *
        listen; /* "host:port", "unix:/path", "loop:name"; NULL: a client that only dials; port 0: any */
    const char *
        advertise; /* the address peers use, when it is not the one bound; NULL: the same. Needs `listen` */
    const char *const *
        blocked; /* names of systems on the block list from the start, ended by NULL; read by hws_system_new(). NULL: none */
    struct hws_allocator *allocator; /* NULL: hws_default_allocator() */
    struct hws_clock *clock;         /* NULL: hws_monotonic_clock() */
    struct hws_logger *logger;       /* NULL: silent */
    struct hws_policy *policy;       /* NULL: the C fallbacks; released by the system */
    uint64_t
        seed; /* 0: from the operating system; else every random choice follows from it, the uid from it, the
                                      * name and the time of the start */
#define X(name, unit, initial, least, most, doc) HWS_UNIT_TYPE_##unit name;
    HWS_OPTIONS(X)
#undef X
};

/* Defaults; name, listen and the hooks NULL. */
HWS_API void hws_options_init(struct hws_options *options);

/*
 * Sets one number by its name. `value` is in the option's unit, seconds for ns. HWS_EOPTION: `message` (may be NULL) says
 * which name or range was wrong, and the nearest known name.
 */
HWS_API int hws_options_set(struct hws_options *options, const char *name, double value,
                            char *message, size_t capacity);
/* Checks a filled struct; hws_system_new() does the same. */
HWS_API int hws_options_check(const struct hws_options *options, char *message, size_t capacity);

/* For tools that list them: the i-th option, or false past the last. */
struct hws_option_info {
    const char *name;
    const char *unit;
    const char *doc;
    double initial, least, most; /* seconds for ns */
};
HWS_API bool hws_options_describe(size_t index, struct hws_option_info *out);
HWS_API double hws_options_get(const struct hws_options *options,
                               size_t index); /* seconds for ns */

/* The nearest of `count` names to a mistyped one, or NULL when none is near. */
HWS_API const char *hws_nearest_name(const char *name, const char *const *names, size_t count);

#endif
