/* SPDX-License-Identifier: MIT */
/*
 * Finds the socket for a dialled stream: resolves the name where there is one, and tries every address in turn until one
 * answers. Owned by the loop: it frees itself when it has handed over a socket, has failed, or is abandoned. Sets no deadline;
 * who is tired of waiting closes the link.
 */
#ifndef HAWSER_TRANSPORT_DIALER_H
#define HAWSER_TRANSPORT_DIALER_H

#include "transport/stream.h"

#include <sys/socket.h>

struct hwsi_dialer;

/* Both: 0 or HWS_ENOMEM; what happens comes through the stream's on_open or on_close. `size` is at most a sockaddr_storage's. */
int hwsi_dialer_start(struct hwsi_stream *stream, const struct sockaddr *address, socklen_t size);
int hwsi_dialer_start_name(struct hwsi_stream *stream, const char *host, unsigned port);

/* The stream wants no socket any more. A name that is being looked up keeps the loop alive until the resolver answers. */
void hwsi_dialer_abandon(struct hwsi_dialer *dialer);

#endif
