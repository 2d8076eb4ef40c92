/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/sockets.h"

#include "transport/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void on_later(uv_idle_t *handle)
{
    struct hwsi_sockets *sockets = handle->data;
    struct hwsi_list now, *node;
    hwsi_list_init(&now);
    hwsi_list_splice(&now,
                     &sockets->ended); /* what on_close ends in turn waits for the next iteration */
    while ((node = hwsi_list_first(&now))) {
        hwsi_list_remove(node);
        hwsi_stream_tell(HWSI_ENTRY(node, struct hwsi_stream, node));
    }
    if (hwsi_list_empty(&sockets->ended))
        uv_idle_stop(&sockets->later);
}

static void on_deadline(uv_timer_t *handle)
{
    struct hwsi_sockets *sockets = handle->data;
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&sockets->lingering))) {
        struct hwsi_stream *stream = HWSI_ENTRY(node, struct hwsi_stream, node);
        if (stream->deadline > uv_now(sockets->loop)) {
            uv_timer_start(handle, on_deadline, stream->deadline - uv_now(sockets->loop), 0);
            return;
        }
        hwsi_stream_shut(stream);
    }
}

void hwsi_sockets_tell(struct hwsi_sockets *sockets, struct hwsi_stream *stream)
{
    if (!hwsi_list_empty(&stream->node))
        return;
    hwsi_list_append(&sockets->ended, &stream->node);
    uv_idle_start(&sockets->later, on_later);
}

void hwsi_sockets_linger(struct hwsi_sockets *sockets, struct hwsi_stream *stream)
{
    stream->deadline = uv_now(sockets->loop) + HWSI_LINGER_MS;
    if (hwsi_list_empty(&sockets->lingering))
        uv_timer_start(&sockets->deadline, on_deadline, HWSI_LINGER_MS, 0);
    hwsi_list_append(&sockets->lingering, &stream->node);
}

int hwsi_sockets_new(struct hws_allocator *allocator, uv_loop_t *loop, struct hwsi_sockets **out)
{
    struct hwsi_heap *heap = hwsi_heap_new(allocator);
    struct hwsi_sockets *sockets = heap ? hwsi_alloc(heap, sizeof *sockets) : NULL;
    if (!sockets) {
        hwsi_heap_release(heap);
        return HWS_ENOMEM;
    }
    sockets->loop = loop;
    sockets->heap = heap;
    sockets->handles = 2;
    uv_idle_init(loop, &sockets->later);
    uv_timer_init(loop, &sockets->deadline);
    sockets->later.data = sockets->deadline.data = sockets;
    hwsi_list_init(&sockets->ended);
    hwsi_list_init(&sockets->lingering);
    *out = sockets;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct hwsi_sockets *sockets = handle->data;
    struct hwsi_heap *heap = sockets->heap;
    void (*gone)(void *data) = sockets->gone;
    void *data = sockets->data;
    if (--sockets->handles > 0)
        return;
    hwsi_free(heap, sockets, sizeof *sockets);
    hwsi_heap_release(heap);
    if (gone)
        gone(data);
}

static void finish_if_empty(struct hwsi_sockets *sockets)
{
    if (!sockets->closing || sockets->members > 0)
        return;
    uv_close((uv_handle_t *)&sockets->later, on_handle_closed);
    uv_close((uv_handle_t *)&sockets->deadline, on_handle_closed);
}

void hwsi_sockets_close(struct hwsi_sockets *sockets, void (*gone)(void *data), void *data)
{
    if (sockets->closing)
        return;
    sockets->closing = true;
    sockets->gone = gone;
    sockets->data = data;
    finish_if_empty(sockets);
}

void *hwsi_sockets_join(struct hwsi_sockets *sockets, size_t size)
{
    void *member = hwsi_alloc(sockets->heap, size);
    if (member)
        sockets->members++;
    return member;
}

void hwsi_sockets_leave(struct hwsi_sockets *sockets, void *member, size_t size)
{
    hwsi_free(sockets->heap, member, size);
    sockets->members--;
    finish_if_empty(sockets);
}

int hwsi_sockets_open(int family, int *out)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    *out = fd;
    return 0;
}
