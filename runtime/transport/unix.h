/* SPDX-License-Identifier: MIT */
/*
 * The transport "unix": the address is a path. The socket file is made with mode 0600, so that only this user (and root)
 * can connect; a host that wants others to may chmod it. A file that a dead process left behind is replaced, one that
 * somebody listens on is HWS_EADDRINUSE, and anything that is no socket is left alone. Closing the listener removes the file.
 */
#ifndef HAWSER_TRANSPORT_UNIX_H
#define HAWSER_TRANSPORT_UNIX_H

#include "hawser/transport.h"

struct hwsi_sockets;

/* As hwsi_tcp_new(). */
int hwsi_unix_new(struct hwsi_sockets *sockets, void (*released)(void *data), void *data,
                  struct hws_transport **out);

#endif
