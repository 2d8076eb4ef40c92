/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/family.h"

#include "base/text.h"

int hwsi_family_new(struct hwsi_sockets *sockets, const struct hws_transport_ops *ops,
                    void (*released)(void *data), void *data, struct hws_transport **out)
{
    struct hwsi_family *family = hwsi_alloc(sockets->heap, sizeof *family);
    if (!family)
        return HWS_ENOMEM;
    *family =
        (struct hwsi_family){ { ops }, sockets, hwsi_heap_retain(sockets->heap), released, data };
    *out = &family->transport;
    return 0;
}

void hwsi_family_release(struct hws_transport *transport)
{
    struct hwsi_family *family = (struct hwsi_family *)transport;
    struct hwsi_heap *heap = family->heap;
    void (*released)(void *data) = family->released;
    void *data = family->data;
    hwsi_free(heap, family, sizeof *family);
    hwsi_heap_release(heap);
    if (released)
        released(data);
}

static int no_memory(const char *peer, char *detail, size_t capacity)
{
    hwsi_say(detail, capacity, "cannot connect to %.200s: out of memory", peer);
    return HWS_ENOMEM;
}

/* `started`: the dialer's answer for this stream. */
static int finish(struct hwsi_stream *stream, int started, struct hws_link **out, char *detail,
                  size_t capacity)
{
    if (started != 0) {
        no_memory(stream->peer, detail, capacity);
        hwsi_stream_shut(stream);
        return started;
    }
    *out = &stream->link;
    return 0;
}

int hwsi_family_dial(struct hwsi_family *family, const char *peer, const struct sockaddr *address,
                     socklen_t size, struct hws_link_handler *handler, struct hws_link **out,
                     char *detail, size_t capacity)
{
    struct hwsi_stream *stream = hwsi_stream_new(family->sockets, peer);
    if (!stream)
        return no_memory(peer, detail, capacity);
    stream->link.handler = handler;
    return finish(stream, hwsi_dialer_start(stream, address, size), out, detail, capacity);
}

int hwsi_family_dial_name(struct hwsi_family *family, const char *peer, const char *host,
                          unsigned port, struct hws_link_handler *handler, struct hws_link **out,
                          char *detail, size_t capacity)
{
    struct hwsi_stream *stream = hwsi_stream_new(family->sockets, peer);
    if (!stream)
        return no_memory(peer, detail, capacity);
    stream->link.handler = handler;
    return finish(stream, hwsi_dialer_start_name(stream, host, port), out, detail, capacity);
}
