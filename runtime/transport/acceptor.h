/* SPDX-License-Identifier: MIT */
/*
 * A listener over a listening stream socket, of whatever family. Accepts a bounded number of connections a loop iteration;
 * when the process has no descriptor left it pauses a moment instead of spinning. Owned by who listens; close() frees it, later.
 */
#ifndef HAWSER_TRANSPORT_ACCEPTOR_H
#define HAWSER_TRANSPORT_ACCEPTOR_H

#include "hawser/transport.h"
#include "transport/sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>

struct hwsi_acceptor;

/* What the families do differently. */
struct hwsi_acceptor_ops {
    /* Prepares an accepted socket, and names its peer. */
    void (*welcome)(struct hwsi_acceptor *acceptor, int fd, const struct sockaddr_storage *from,
                    char *peer, size_t capacity);
    void (*closing)(struct hwsi_acceptor *acceptor); /* may be NULL */
};

struct hwsi_acceptor {
    struct hws_listener listener;
    const struct hwsi_acceptor_ops *ops;
    struct hws_listener_handler *handler;
    struct hwsi_sockets *sockets;
    uv_poll_t poll;
    uv_timer_t pause;
    unsigned handles; /* open ones */
    int fd;
    bool closing;
    struct stat node; /* unix: the socket file that is ours */
    size_t size;      /* of this block */
    char address[];
};

/*
 * Takes over a bound socket and listens on it. On failure (a libuv error) the socket is closed. `address` is what
 * listener->address will say.
 */
int hwsi_acceptor_new(struct hwsi_sockets *sockets, const struct hwsi_acceptor_ops *ops, int fd,
                      const char *address, struct hws_listener_handler *handler,
                      struct hwsi_acceptor **out);

#endif
