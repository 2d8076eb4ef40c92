/* SPDX-License-Identifier: MIT */
/*
 * A link over a connected stream socket, of whatever family. The socket is non-blocking and watched by a uv_poll_t; written to
 * with MSG_NOSIGNAL, because libuv's own writes raise SIGPIPE in a host that has not turned it off; read at most once a loop
 * iteration, straight into the handler's room, so that no link starves the others. Nothing is buffered here: what write() takes,
 * the kernel has.
 *
 *   dialled -> open -> ended -> lingering -> shut
 *        \________________^ \________________^
 *
 * dialled: a dialer looks for an address that answers. ended: on_close waits for a clean stack. lingering: see sockets.h.
 * shut: the socket is closed, the handle is closing. Freed from the loop, after on_close.
 */
#ifndef HAWSER_TRANSPORT_STREAM_H
#define HAWSER_TRANSPORT_STREAM_H

#include "hawser/transport.h"
#include "transport/sockets.h"

struct hwsi_dialer;

enum hwsi_stream_state {
    HWSI_STREAM_DIALLED,
    HWSI_STREAM_OPEN,
    HWSI_STREAM_ENDED,
    HWSI_STREAM_LINGERING,
    HWSI_STREAM_SHUT
};

struct hwsi_stream {
    struct hws_link link;
    struct hwsi_sockets *sockets;
    struct hwsi_dialer *dialer; /* while dialled */
    struct hwsi_list node;      /* in sockets->ended or sockets->lingering */
    uint64_t deadline;          /* ms of the loop, while lingering */
    uv_poll_t poll;
    int fd;    /* -1: none, and `poll` is not initialised */
    int error; /* why it ended: a libuv error; 0: by this side */
    enum hwsi_stream_state state;
    bool opened;  /* was it ever open? */
    bool starved; /* the last write took less than it was given */
    bool watched; /* for room to write, too */
    bool broken;  /* writing failed; what came in is read before on_close */
    size_t size;  /* of this block */
    char peer[];
};

/* A link to be, in state dialled. NULL: out of memory. */
struct hwsi_stream *hwsi_stream_new(struct hwsi_sockets *sockets, const char *peer);
/* Gives it its socket, which is the stream's from here on, success or not. 0 or a libuv error. Nothing is read yet. */
int hwsi_stream_adopt(struct hwsi_stream *stream, int fd);
/* Starts reading. */
void hwsi_stream_start(struct hwsi_stream *stream);
/* Ends it: on_close comes later, with this libuv error (0: closed by this side). Idempotent. */
void hwsi_stream_end(struct hwsi_stream *stream, int error);
/* Closes the socket; the memory goes from the loop. Nobody is told. */
void hwsi_stream_shut(struct hwsi_stream *stream);
/* For sockets.c: says on_close, and lingers or shuts. */
void hwsi_stream_tell(struct hwsi_stream *stream);

#endif
