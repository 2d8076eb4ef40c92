/* SPDX-License-Identifier: MIT */
/*
 * All statistics of a system at one moment, for any thread of its host, without stopping the system. Who reads leaves a request;
 * the system's next turn, between two messages, fills one immutable block for all who have asked by then, and they share it. A
 * turn in which nobody asks pays one load; the messages pay nothing. Filling takes about 1 us and 1.6 KiB for each endpoint.
 */
#ifndef HAWSER_SNAPSHOT_H
#define HAWSER_SNAPSHOT_H

#include "hawser/remote.h"

/* dialing: not open yet. greeting: our HELLO is out. waiting: theirs has not come. up. closing: waits for its end. X(name) */
#define HWS_CONNECTION_PHASES(X) X(dialing) X(greeting) X(waiting) X(up) X(closing)
enum hws_connection_phase {
#define X(name) HWS_CONNECTION_##name,
    HWS_CONNECTION_PHASES(X)
#undef X
        HWS_CONNECTION_PHASE_COUNT
};
HWS_API const char *hws_connection_phase_name(enum hws_connection_phase phase);

/* One link. */
struct hws_connection_statistics {
    char address
        [HWS_ADDRESS_MAX +
         1]; /* of its endpoint; "" before the handshake says whose it is, and when it was let go */
    char peer[HWS_ADDRESS_MAX + 1]; /* the other end as the transport knows it */
    char name[65];                  /* the peer's, as far as its endpoint knows it */
    uint64_t uid;                   /* the same; 0: not met yet */
    enum hws_connection_phase phase;
    bool dialed; /* by this side */
    uint64_t
        since; /* when it came up, or, before that, was dialled or accepted; the system's clock */
    uint64_t received_bytes, sent_bytes;
};
/* Calls `fn` for each link. It must not open or close any. On the system's thread. */
HWS_API void hws_each_connection(struct hws_system *system,
                                 void (*fn)(void *data,
                                            const struct hws_connection_statistics *connection),
                                 void *data);

struct hws_snapshot {
    uint64_t time; /* when it was made, on the system's clock */
    struct hws_system_statistics system;
    size_t endpoint_count, connection_count;
    const struct hws_endpoint_statistics *endpoints; /* closed ones included */
    const struct hws_connection_statistics *connections;
};

/*
 * Any thread: a snapshot not older than the call. Waits up to `timeout` ns of real time (HWS_NEVER: for ever) for the system's next
 * turn, which it wakes; on the thread that turns the system it is made at once. HWS_ETIMEOUT: the loop does not turn, or has not
 * begun to; HWS_ECLOSED: the system has stopped; HWS_ENOMEM. The caller releases *out, on any thread, also after the system is gone.
 * As with hws_post(), the system must be there for the whole call: who frees it lets its readers end first (they do when it stops).
 * The memory comes from the system's allocator, on the thread that turns it, and is given back on the one that releases it last.
 */
HWS_API int hws_snapshot_take(struct hws_system *system, uint64_t timeout,
                              const struct hws_snapshot **out);
/*
 * Any thread, does not wait: the last one that was made, whatever its age; after the end of a system that was ever asked for one,
 * the one of its last turn. HWS_ENOTFOUND: there is none.
 */
HWS_API int hws_snapshot_last(struct hws_system *system, const struct hws_snapshot **out);
HWS_API void hws_snapshot_release(const struct hws_snapshot *snapshot); /* NULL is fine */

#endif
