/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/dialer.h"

#include "base/text.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

struct hwsi_dialer {
    struct hwsi_sockets *sockets;
    struct hwsi_stream *stream; /* NULL: abandoned or done */
    struct addrinfo *resolved;  /* freed by the resolver's rules */
    const struct addrinfo *next;
    int fd;    /* of the attempt under way; -1: none */
    int error; /* of the last attempt */
    bool resolving;
    uv_getaddrinfo_t request;
    uv_poll_t poll;
    struct addrinfo single;
    struct sockaddr_storage room; /* of `single` */
};

static void try_next(struct hwsi_dialer *dialer);

static void dialer_free(struct hwsi_dialer *dialer)
{
    if (dialer->resolved)
        uv_freeaddrinfo(dialer->resolved);
    hwsi_sockets_leave(dialer->sockets, dialer, sizeof *dialer);
}

static void on_attempt_closed(uv_handle_t *handle)
{
    struct hwsi_dialer *dialer = handle->data;
    if (dialer->stream)
        try_next(dialer);
    else
        dialer_free(dialer);
}

/* The next address is tried from the handle's close callback: a uv_poll_t is bound to its socket. */
static void end_attempt(struct hwsi_dialer *dialer)
{
    uv_close((uv_handle_t *)&dialer->poll, on_attempt_closed);
    if (dialer->fd >= 0)
        close(dialer->fd);
    dialer->fd = -1;
}

static void hand_over(struct hwsi_dialer *dialer)
{
    struct hwsi_stream *stream = dialer->stream;
    int error, fd = dialer->fd;
    dialer->fd = -1;
    dialer->stream = NULL;
    stream->dialer = NULL;
    end_attempt(dialer);
    error = hwsi_stream_adopt(stream, fd);
    if (error) {
        hwsi_stream_end(stream, error);
        return;
    }
    hwsi_stream_start(stream);
    stream->link.handler->ops->on_open(stream->link.handler);
}

/*
 * A port that nobody listens on, among those the kernel hands out by itself, may be handed out for this very dial: TCP then
 * connects the socket to itself, and the port stays taken for who should listen there.
 */
static bool is_self(int fd)
{
    struct sockaddr_storage here = { 0 }, there = { 0 };
    socklen_t size = sizeof here, peer_size = sizeof there;
    if (getsockname(fd, (struct sockaddr *)&here, &size) != 0 || here.ss_family == AF_UNIX)
        return false;
    return getpeername(fd, (struct sockaddr *)&there, &peer_size) == 0 && size == peer_size &&
           memcmp(&here, &there, size) == 0;
}

static void on_answer(uv_poll_t *poll, int status, int events)
{
    struct hwsi_dialer *dialer = poll->data;
    int error = 0;
    socklen_t size = sizeof error;
    (void)events;
    if (getsockopt(dialer->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error == 0 && status == 0 && !is_self(dialer->fd)) {
        hand_over(dialer);
        return;
    }
    dialer->error = error ? uv_translate_sys_error(error) : UV_ECONNREFUSED;
    end_attempt(dialer);
}

/* 0: on_answer or on_attempt_closed follows. */
static int attempt(struct hwsi_dialer *dialer, const struct addrinfo *address)
{
    int fd, error = hwsi_sockets_open(address->ai_family, &fd);
    if (error)
        return error;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
        error = uv_translate_sys_error(errno);
    if (!error)
        error = uv_poll_init(dialer->sockets->loop, &dialer->poll, fd);
    if (error) {
        close(fd);
        return error;
    }
    dialer->fd = fd;
    dialer->poll.data = dialer;
    uv_poll_start(&dialer->poll, UV_WRITABLE, on_answer);
    return 0;
}

static void try_next(struct hwsi_dialer *dialer)
{
    struct hwsi_stream *stream = dialer->stream;
    while (dialer->next) {
        const struct addrinfo *address = dialer->next;
        dialer->next = address->ai_next;
        dialer->error = attempt(dialer, address);
        if (!dialer->error)
            return;
    }
    stream->dialer = NULL;
    hwsi_stream_end(stream, dialer->error ? dialer->error : UV_EAI_NONAME);
    dialer_free(dialer);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct hwsi_dialer *dialer = request->data;
    dialer->resolving = false;
    dialer->resolved = found;
    if (!dialer->stream) {
        dialer_free(dialer);
        return;
    }
    dialer->next = status == 0 ? found : NULL;
    dialer->error = status;
    try_next(dialer);
}

static struct hwsi_dialer *dialer_new(struct hwsi_stream *stream)
{
    struct hwsi_dialer *dialer = hwsi_sockets_join(stream->sockets, sizeof *dialer);
    if (!dialer)
        return NULL;
    dialer->sockets = stream->sockets;
    dialer->stream = stream;
    dialer->fd = -1;
    stream->dialer = dialer;
    return dialer;
}

int hwsi_dialer_start(struct hwsi_stream *stream, const struct sockaddr *address, socklen_t size)
{
    struct hwsi_dialer *dialer = dialer_new(stream);
    if (!dialer)
        return HWS_ENOMEM;
    memcpy(&dialer->room, address, size);
    dialer->single.ai_family = address->sa_family;
    dialer->single.ai_addr = (struct sockaddr *)&dialer->room;
    dialer->single.ai_addrlen = size;
    dialer->next = &dialer->single;
    try_next(dialer);
    return 0;
}

int hwsi_dialer_start_name(struct hwsi_stream *stream, const char *host, unsigned port)
{
    static const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                           .ai_socktype = SOCK_STREAM,
                                           .ai_flags = AI_NUMERICSERV };
    struct hwsi_dialer *dialer = dialer_new(stream);
    char service[8];
    int error;
    if (!dialer)
        return HWS_ENOMEM;
    hwsi_say(service, sizeof service, "%u", port);
    dialer->request.data = dialer;
    error =
        uv_getaddrinfo(dialer->sockets->loop, &dialer->request, on_resolved, host, service, &hints);
    dialer->resolving = error == 0;
    if (error) {
        dialer->error = error;
        try_next(dialer);
    }
    return 0;
}

void hwsi_dialer_abandon(struct hwsi_dialer *dialer)
{
    dialer->stream = NULL;
    if (dialer->fd >= 0)
        end_attempt(dialer);
    else if (dialer->resolving)
        uv_cancel((uv_req_t *)&dialer->request); /* too late is fine */
}
