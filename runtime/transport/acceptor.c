/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/acceptor.h"

#include "transport/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    ACCEPTS = 64,  /* an iteration */
    PAUSE_MS = 100 /* without descriptors */
};

static void on_connections(uv_poll_t *poll, int status, int events);

static void watch(struct hwsi_acceptor *acceptor)
{
    uv_poll_start(&acceptor->poll, UV_READABLE, on_connections);
}

static void on_pause_over(uv_timer_t *timer)
{
    watch(timer->data);
}

/* Out of descriptors or memory: the connection waits in the kernel's queue. */
static void pause_accepting(struct hwsi_acceptor *acceptor)
{
    uv_poll_stop(&acceptor->poll);
    uv_timer_start(&acceptor->pause, on_pause_over, PAUSE_MS, 0);
}

static void welcome(struct hwsi_acceptor *acceptor, int fd, const struct sockaddr_storage *from)
{
    struct hwsi_stream *stream;
    char peer[512];
    acceptor->ops->welcome(acceptor, fd, from, peer, sizeof peer);
    stream = hwsi_stream_new(acceptor->sockets, peer);
    if (!stream) {
        close(fd);
        return;
    }
    if (hwsi_stream_adopt(stream, fd) != 0 ||
        acceptor->handler->on_accept(acceptor->handler, &stream->link) != 0)
        hwsi_stream_shut(stream);
    else
        hwsi_stream_start(stream);
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
    struct hwsi_acceptor *acceptor = poll->data;
    (void)events;
    if (status < 0)
        watch(acceptor);
    for (int i = 0; i < ACCEPTS && !acceptor->closing; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t size = sizeof from;
        int fd =
            accept4(acceptor->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(acceptor, fd, &from);
        else if (errno == EAGAIN)
            return;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(acceptor);
            return;
        } /* anything else is the error of a connection that has gone: the next one */
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct hwsi_acceptor *acceptor = handle->data;
    if (--acceptor->handles == 0)
        hwsi_sockets_leave(acceptor->sockets, acceptor, acceptor->size);
}

static void acceptor_close(struct hws_listener *listener)
{
    struct hwsi_acceptor *acceptor = (struct hwsi_acceptor *)listener;
    acceptor->closing = true;
    if (acceptor->ops->closing)
        acceptor->ops->closing(acceptor);
    uv_close((uv_handle_t *)&acceptor->poll, on_closed);
    uv_close((uv_handle_t *)&acceptor->pause, on_closed);
    close(acceptor->fd);
}

static const struct hws_listener_ops acceptor_ops = { acceptor_close };

int hwsi_acceptor_new(struct hwsi_sockets *sockets, const struct hwsi_acceptor_ops *ops, int fd,
                      const char *address, struct hws_listener_handler *handler,
                      struct hwsi_acceptor **out)
{
    size_t size = sizeof(struct hwsi_acceptor) + strlen(address) + 1;
    struct hwsi_acceptor *acceptor = hwsi_sockets_join(sockets, size);
    int error = acceptor ? 0 : UV_ENOMEM;
    if (!error && listen(fd, BACKLOG) != 0)
        error = uv_translate_sys_error(errno);
    if (!error)
        error = uv_poll_init(sockets->loop, &acceptor->poll, fd);
    if (error) {
        close(fd);
        if (acceptor)
            hwsi_sockets_leave(sockets, acceptor, size);
        return error;
    }
    memcpy(acceptor->address, address, strlen(address) + 1);
    acceptor->listener = (struct hws_listener){ &acceptor_ops, acceptor->address };
    acceptor->ops = ops;
    acceptor->handler = handler;
    acceptor->sockets = sockets;
    acceptor->fd = fd;
    acceptor->size = size;
    acceptor->handles = 2;
    uv_timer_init(sockets->loop, &acceptor->pause);
    acceptor->poll.data = acceptor->pause.data = acceptor;
    watch(acceptor);
    *out = acceptor;
    return 0;
}
