/* SPDX-License-Identifier: MIT */
/*
 * The transport "tcp": "host:port", "[v6]:port". Names are resolved without blocking when dialling, and every address a name
 * has is tried in turn. listen() resolves a name on the spot, and takes its first address. Port 0 is any free port.
 */
#ifndef HAWSER_TRANSPORT_TCP_H
#define HAWSER_TRANSPORT_TCP_H

#include "hawser/transport.h"

struct hwsi_sockets;

/* `sockets` is borrowed for as long as a link or a listener lives. `released` (may be NULL) is told of the transport's end. */
int hwsi_tcp_new(struct hwsi_sockets *sockets, void (*released)(void *data), void *data,
                 struct hws_transport **out);

#endif
