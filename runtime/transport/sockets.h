/* SPDX-License-Identifier: MIT */
/*
 * What the socket transports of one loop share: the loop, the memory, the links whose on_close waits for a clean stack, and the
 * links that linger. Made by who drives the loop, given to hwsi_tcp_new() and hwsi_unix_new(), closed once their links and
 * listeners are.
 *
 * Lingering: a socket that is closed while input is unread makes the kernel send a reset, which may overtake what was written
 * last (a REFUSE, a BYE). So a link's user gets on_close at once, and the socket goes on in the background: its sending side is
 * shut down, its input is thrown away until the peer ends too, for one second at most.
 */
#ifndef HAWSER_TRANSPORT_SOCKETS_H
#define HAWSER_TRANSPORT_SOCKETS_H

#include "base/heap.h"
#include "base/list.h"

#include <uv.h>

#define HWSI_LINGER_MS 1000

struct hwsi_sockets {
    uv_loop_t *loop;
    struct hwsi_heap *heap;
    uv_idle_t later;            /* active while `ended` holds someone */
    uv_timer_t deadline;        /* of the first of `lingering` */
    struct hwsi_list ended;     /* streams whose on_close is due */
    struct hwsi_list lingering; /* streams, the next deadline first */
    size_t members;             /* streams, dialers and acceptors with memory or handles */
    unsigned handles;           /* of its own, not closed yet */
    bool closing;
    void (*gone)(void *data);
    void *data;
};

/* 0 or HWS_ENOMEM. The handles are idle and keep no loop alive. */
int hwsi_sockets_new(struct hws_allocator *allocator, uv_loop_t *loop, struct hwsi_sockets **out);

/*
 * Ends it once the last lingering link is gone; `gone` is called then, from the loop, when no handle is left in it and the memory
 * is freed. Idempotent, the first call's `gone` counts. No dial or listen after it.
 */
void hwsi_sockets_close(struct hwsi_sockets *sockets, void (*gone)(void *data), void *data);

/* Zeroed memory of a member; it counts as one until it is freed. */
void *hwsi_sockets_join(struct hwsi_sockets *sockets, size_t size);
void hwsi_sockets_leave(struct hwsi_sockets *sockets, void *member, size_t size);

struct hwsi_stream;
/* Streams only: says its on_close from the loop, soon; throws its input away for a while. A stream waits for one thing at a time. */
void hwsi_sockets_tell(struct hwsi_sockets *sockets, struct hwsi_stream *stream);
void hwsi_sockets_linger(struct hwsi_sockets *sockets, struct hwsi_stream *stream);

/* A non-blocking socket, closed on exec, without Nagle's delay. 0 or a libuv error. */
int hwsi_sockets_open(int family, int *out);

#endif
