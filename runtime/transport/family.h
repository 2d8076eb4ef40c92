/* SPDX-License-Identifier: MIT */
/* What the tcp and unix transports have in common beside their links: their own life, and the way from dial() to a dialer. */
#ifndef HAWSER_TRANSPORT_FAMILY_H
#define HAWSER_TRANSPORT_FAMILY_H

#include "hawser/transport.h"
#include "transport/dialer.h"

struct hwsi_family {
    struct hws_transport transport;
    struct hwsi_sockets *sockets; /* borrowed; may be gone by release() */
    struct hwsi_heap *heap;
    void (*released)(void *data);
    void *data;
};

int hwsi_family_new(struct hwsi_sockets *sockets, const struct hws_transport_ops *ops,
                    void (*released)(void *data), void *data, struct hws_transport **out);
void hwsi_family_release(struct hws_transport *transport);

int hwsi_family_dial(struct hwsi_family *family, const char *peer, const struct sockaddr *address,
                     socklen_t size, struct hws_link_handler *handler, struct hws_link **out,
                     char *detail, size_t capacity);
int hwsi_family_dial_name(struct hwsi_family *family, const char *peer, const char *host,
                          unsigned port, struct hws_link_handler *handler, struct hws_link **out,
                          char *detail, size_t capacity);

#endif
