/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "connection.h"

#include <stdlib.h>
#include <unistd.h>

#define INBOX_BYTES (256u * 1024u)
#define LEAST_READ (64u * 1024u)
#define GRACE_MS 10000u

static void abandon_with(struct floor_connection *connection, const char *what, int error)
{
    if (error == UV_EOF || error == UV_ECONNRESET || error == UV_EPIPE) {
        floor_connection_abandon(connection, FLOOR_CUT);
    } else {
        floor_connection_abandon(connection, floor_fail("%s: %s", what, uv_strerror(error)));
    }
}

/* Moves what is left over to the front only when the tail is short: most reads move nothing. */
static void make_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct floor_connection *connection = handle->data;
    (void)suggested;

    if (connection->inbox_capacity - connection->inbox_end < LEAST_READ) {
        size_t left = connection->inbox_end - connection->inbox_start;
        memmove(connection->inbox, connection->inbox + connection->inbox_start, left);
        connection->inbox_start = 0;
        connection->inbox_end = left;
    }
    *buffer = uv_buf_init((char *)connection->inbox + connection->inbox_end,
                          (unsigned)(connection->inbox_capacity - connection->inbox_end));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct floor_connection *connection = stream->data;
    (void)buffer;

    if (count < 0) {
        abandon_with(connection, "can't read", (int)count);
        return;
    }
    if (count == 0) {
        return;
    }
    connection->inbox_end += (size_t)count;
    connection->inbox_start +=
        connection->hooks->arrived(connection, connection->inbox + connection->inbox_start,
                                   connection->inbox_end - connection->inbox_start);
    if (connection->inbox_start == connection->inbox_end) {
        connection->inbox_start = connection->inbox_end = 0;
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    struct floor_connection *connection = timer->data;
    floor_connection_abandon(connection, floor_fail("the other process has stopped answering"));
}

static enum floor_outcome allocate(struct floor_connection *connection, size_t frame)
{
    connection->batch_capacity = connection->write_bytes + frame;
    connection->inbox_capacity = INBOX_BYTES + 2 * frame;
    connection->inbox = malloc(connection->inbox_capacity);
    bool complete = connection->inbox != NULL;
    for (unsigned i = 0; i < FLOOR_BATCHES; i++) {
        connection->batches[i].bytes = malloc(connection->batch_capacity);
        complete = complete && connection->batches[i].bytes;
    }
    return complete ? FLOOR_OK : floor_fail("out of memory");
}

static void release(struct floor_connection *connection)
{
    free(connection->inbox);
    for (unsigned i = 0; i < FLOOR_BATCHES; i++) {
        free(connection->batches[i].bytes);
    }
}

static int start(struct floor_connection *connection, int fd, uint64_t patience_ms)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;

    uv_tcp_init(&connection->loop, &connection->tcp);
    uv_timer_init(&connection->loop, &connection->watchdog);
    connection->tcp.data = connection;
    connection->watchdog.data = connection;
    int error = uv_tcp_open(&connection->tcp, fd);
    if (error) {
        close(fd);
        return error;
    }
    error = uv_tcp_nodelay(&connection->tcp, 1);
    if (!error) {
        error = uv_timer_start(&connection->watchdog, on_watchdog, patience_ms, 0);
    }
    return error ? error : uv_read_start(stream, make_room, on_read);
}

enum floor_outcome floor_connection_open(struct floor_connection *connection, int fd,
                                         const struct floor_options *options, size_t overhead,
                                         const struct floor_hooks *hooks, void *state)
{
    memset(connection, 0, sizeof *connection);
    connection->hooks = hooks;
    connection->state = state;
    connection->write_bytes = options->write;
    int error = uv_loop_init(&connection->loop);
    if (error || allocate(connection, FLOOR_PREFIX + options->payload + overhead) != FLOOR_OK) {
        close(fd);
        release(connection);
        return error ? floor_fail("can't make a loop: %s", uv_strerror(error)) : FLOOR_FAILED;
    }
    error = start(connection, fd, options->duration / 1000000u + GRACE_MS);
    if (error) {
        abandon_with(connection, "can't use the connection", error);
        return floor_connection_run(connection);
    }
    return FLOOR_OK;
}

enum floor_outcome floor_connection_run(struct floor_connection *connection)
{
    uv_run(&connection->loop, UV_RUN_DEFAULT);
    uv_loop_close(&connection->loop);
    release(connection);
    return connection->outcome;
}

void floor_connection_abandon(struct floor_connection *connection, enum floor_outcome outcome)
{
    if (floor_connection_open_still(connection)) {
        connection->outcome = outcome;
        uv_close((uv_handle_t *)&connection->tcp, NULL);
        uv_close((uv_handle_t *)&connection->watchdog, NULL);
    }
}

void floor_connection_close(struct floor_connection *connection)
{
    floor_connection_abandon(connection, FLOOR_OK);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct floor_connection *connection = request->handle->data;

    if (status == 0) {
        floor_connection_close(connection);
    } else if (status != UV_ECANCELED) {
        abandon_with(connection, "can't finish", status);
    }
}

void floor_connection_finish(struct floor_connection *connection)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;

    if (floor_connection_open_still(connection) && !connection->finishing) {
        connection->finishing = true;
        int error = uv_shutdown(&connection->shutdown, stream, on_shutdown);
        if (error) {
            abandon_with(connection, "can't finish", error);
        }
    }
}

uint8_t *floor_connection_batch(struct floor_connection *connection)
{
    struct floor_batch *batch = &connection->batches[connection->current];
    bool usable = !batch->in_flight && !connection->finishing;
    return usable && floor_connection_open_still(connection) ? batch->bytes : NULL;
}

static void on_written(uv_write_t *request, int status)
{
    struct floor_connection *connection = request->handle->data;
    struct floor_batch *batch = (struct floor_batch *)request;

    batch->in_flight = false;
    connection->in_flight--;
    if (status && status != UV_ECANCELED) {
        abandon_with(connection, "can't write", status);
    } else if (!status && connection->in_flight == 0 && connection->hooks->drained) {
        connection->hooks->drained(connection);
    }
}

void floor_connection_send(struct floor_connection *connection, size_t length)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    struct floor_batch *batch = &connection->batches[connection->current];
    uv_buf_t buffer = uv_buf_init((char *)batch->bytes, (unsigned)length);

    int written = connection->in_flight ? UV_EAGAIN : uv_try_write(stream, &buffer, 1);
    if (written == (int)length) {
        return;
    }
    if (written > 0) {
        buffer.base += written;
        buffer.len -= (size_t)written;
    } else if (written != UV_EAGAIN) {
        abandon_with(connection, "can't write", written);
        return;
    }
    int error = uv_write(&batch->request, stream, &buffer, 1, on_written);
    if (error) {
        abandon_with(connection, "can't write", error);
        return;
    }
    batch->in_flight = true;
    connection->in_flight++;
    connection->current = (connection->current + 1) % FLOOR_BATCHES;
}
