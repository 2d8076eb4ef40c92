/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/stream.h"

#include "transport/dialer.h"
#include "transport/uverror.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SLICES_A_CALL = 64, /* more are written in several calls */
    LAST_READS = 64     /* of a broken link, before it is told */
};

static void on_event(uv_poll_t *poll, int status, int events);

static void watch(struct hwsi_stream *stream, bool for_room)
{
    stream->watched = for_room;
    uv_poll_start(&stream->poll, UV_READABLE | (for_room ? UV_WRITABLE : 0), on_event);
}

/* True: something came, there may be more. */
static bool read_once(struct hwsi_stream *stream)
{
    struct hws_link_handler *handler = stream->link.handler;
    uint8_t *room;
    size_t size;
    ssize_t got;
    /* No room: the socket stays readable, and the next iteration asks again, after the system's turn. */
    if (!handler->ops->on_reserve(handler, &room, &size) || stream->state != HWSI_STREAM_OPEN)
        return false;
    do
        got = recv(stream->fd, room, size, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        handler->ops->on_bytes(handler, (size_t)got);
    else if (got == 0 || errno != EAGAIN)
        hwsi_stream_end(stream, got == 0 ? UV_EOF : uv_translate_sys_error(errno));
    return got > 0;
}

/* What a peer wrote before it ended is still to be had after our own writing failed: a REFUSE, say. */
static void read_rest(struct hwsi_stream *stream)
{
    int error = stream->error;
    for (int i = 0; i < LAST_READS && stream->state == HWSI_STREAM_OPEN; i++)
        if (!read_once(stream))
            break;
    if (stream->state == HWSI_STREAM_OPEN || stream->error == UV_EOF)
        stream->error = error;
    stream->state = HWSI_STREAM_ENDED;
    hwsi_list_remove(&stream->node); /* it is being told */
}

static void discard(struct hwsi_stream *stream)
{
    char room[16384];
    ssize_t got;
    do
        got = recv(stream->fd, room, sizeof room, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        hwsi_stream_shut(stream);
}

static void room_to_write(struct hwsi_stream *stream)
{
    struct hws_link_handler *handler = stream->link.handler;
    if (!stream->starved) {
        watch(
            stream,
            false); /* only now: whoever fills the socket again at once keeps the watch, and saves the calls */
        return;
    }
    stream->starved = false;
    handler->ops->on_writable(handler);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct hwsi_stream *stream = poll->data;
    if (status < 0) { /* libuv stopped watching: recv() tells why */
        watch(stream, stream->watched);
        events = UV_READABLE;
    }
    if (stream->state == HWSI_STREAM_LINGERING)
        discard(stream);
    if ((events & UV_READABLE) && stream->state == HWSI_STREAM_OPEN)
        read_once(stream);
    if ((events & UV_WRITABLE) && stream->state == HWSI_STREAM_OPEN && !stream->broken)
        room_to_write(stream);
}

static ssize_t send_some(struct hwsi_stream *stream, const struct hws_slice *slices, size_t count,
                         size_t *offered)
{
    struct iovec pieces[SLICES_A_CALL];
    struct msghdr message = { .msg_iov = pieces };
    ssize_t sent;
    *offered = 0;
    for (size_t i = 0; i < count && i < SLICES_A_CALL; i++) {
        pieces[i] = (struct iovec){ (void *)slices[i].data, slices[i].size };
        *offered += slices[i].size;
        message.msg_iovlen++;
    }
    do
        sent = count == 1 ? send(stream->fd, slices->data, slices->size, MSG_NOSIGNAL)
                          : sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/* Not told to the writer: on_close follows, after what can still be read. */
static void break_off(struct hwsi_stream *stream, int error)
{
    stream->broken = true;
    stream->error = error;
    uv_poll_stop(&stream->poll);
    hwsi_sockets_tell(stream->sockets, stream);
}

static int stream_write(struct hws_link *link, const struct hws_slice *slices, size_t count,
                        size_t *taken)
{
    struct hwsi_stream *stream = (struct hwsi_stream *)link;
    *taken = 0;
    if (stream->state > HWSI_STREAM_OPEN)
        return HWS_ECLOSED;
    if (stream->state == HWSI_STREAM_DIALLED)
        stream->starved = true;
    while (count > 0 && !stream->starved) {
        size_t offered, now = count < SLICES_A_CALL ? count : SLICES_A_CALL;
        ssize_t sent = send_some(stream, slices, now, &offered);
        if (sent < 0 && errno != EAGAIN)
            break_off(stream, uv_translate_sys_error(errno));
        *taken += sent > 0 ? (size_t)sent : 0;
        stream->starved = sent < 0 || (size_t)sent < offered;
        slices += now;
        count -= now;
    }
    if (stream->starved && !stream->watched && !stream->broken && stream->state == HWSI_STREAM_OPEN)
        watch(stream, true);
    return 0;
}

static void stream_close(struct hws_link *link)
{
    hwsi_stream_end((struct hwsi_stream *)link, 0);
}

static const struct hws_link_ops stream_ops = { stream_write, stream_close };

struct hwsi_stream *hwsi_stream_new(struct hwsi_sockets *sockets, const char *peer)
{
    size_t size = sizeof(struct hwsi_stream) + strlen(peer) + 1;
    struct hwsi_stream *stream = hwsi_sockets_join(sockets, size);
    if (!stream)
        return NULL;
    memcpy(stream->peer, peer, strlen(peer) + 1);
    stream->link = (struct hws_link){ .ops = &stream_ops, .peer = stream->peer };
    stream->sockets = sockets;
    stream->size = size;
    stream->fd = -1;
    hwsi_list_init(&stream->node);
    return stream;
}

int hwsi_stream_adopt(struct hwsi_stream *stream, int fd)
{
    int error = uv_poll_init(stream->sockets->loop, &stream->poll, fd);
    if (error) {
        close(fd);
        return error;
    }
    stream->poll.data = stream;
    stream->fd = fd;
    return 0;
}

void hwsi_stream_start(struct hwsi_stream *stream)
{
    stream->state = HWSI_STREAM_OPEN;
    stream->opened = true;
    watch(stream, stream->starved);
}

void hwsi_stream_end(struct hwsi_stream *stream, int error)
{
    if (stream->state > HWSI_STREAM_OPEN)
        return;
    if (stream->dialer)
        hwsi_dialer_abandon(stream->dialer);
    stream->dialer = NULL;
    stream->state = HWSI_STREAM_ENDED;
    stream->error = error;
    if (stream->fd >= 0)
        uv_poll_stop(&stream->poll);
    hwsi_sockets_tell(stream->sockets, stream);
}

static void on_shut(uv_handle_t *handle)
{
    struct hwsi_stream *stream = handle->data;
    hwsi_sockets_leave(stream->sockets, stream, stream->size);
}

void hwsi_stream_shut(struct hwsi_stream *stream)
{
    stream->state = HWSI_STREAM_SHUT;
    hwsi_list_remove(&stream->node);
    if (stream->fd < 0) {
        hwsi_sockets_leave(stream->sockets, stream, stream->size);
        return;
    }
    uv_close((uv_handle_t *)&stream->poll, on_shut);
    close(stream->fd);
}

static void linger(struct hwsi_stream *stream)
{
    if (shutdown(stream->fd, SHUT_WR) != 0) {
        hwsi_stream_shut(stream);
        return;
    }
    stream->state = HWSI_STREAM_LINGERING;
    hwsi_sockets_linger(stream->sockets, stream);
    watch(stream, false);
}

void hwsi_stream_tell(struct hwsi_stream *stream)
{
    struct hws_link_handler *handler = stream->link.handler;
    char detail[512];
    int code;
    if (stream->state == HWSI_STREAM_OPEN)
        read_rest(stream);
    code = stream->opened ? hwsi_uverror_lost(stream->error, stream->peer, detail, sizeof detail)
                          : hwsi_uverror_dial(stream->error, stream->peer, detail, sizeof detail);
    handler->ops->on_close(handler, code, detail);
    if (stream->error == 0 && stream->opened)
        linger(stream);
    else
        hwsi_stream_shut(stream);
}
