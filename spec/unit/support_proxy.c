/* SPDX-License-Identifier: MIT */
#include "support_proxy.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_QUEUE_MOST (1u << 20)

/* sides[0] is the one that dialled us, sides[1] the one we dialled */
struct proxy_relay {
    uv_tcp_t sides[2];
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct proxy *proxy;
    struct proxy_relay *next;
    bool closing, connected;
    unsigned closed;
};

struct passing {
    uv_write_t request;
    char bytes[];
};

static void on_closed(uv_handle_t *handle)
{
    struct proxy_relay *relay = handle->data, **link;
    relay->proxy->open--;
    if (++relay->closed < 2)
        return;
    for (link = &relay->proxy->relays; *link != relay; link = &(*link)->next)
        ;
    *link = relay->next;
    free(relay);
}

static void end_relay(struct proxy_relay *relay, bool reset)
{
    if (relay->closing)
        return;
    relay->closing = true;
    for (int i = 0; i < 2; i++)
        if (!reset || uv_tcp_close_reset(&relay->sides[i], on_closed))
            uv_close((uv_handle_t *)&relay->sides[i], on_closed);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char room[65536];
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

static void read_from(struct proxy_relay *relay, int from)
{
    if (!relay->closing && !relay->proxy->held[from])
        uv_read_start((uv_stream_t *)&relay->sides[from], on_room, on_read);
}

static void on_written(uv_write_t *request, int status)
{
    struct proxy_relay *relay = request->handle->data;
    int other = request->handle == (uv_stream_t *)&relay->sides[0];
    free(request);
    if (!status && uv_stream_get_write_queue_size((uv_stream_t *)&relay->sides[!other]) == 0)
        read_from(relay, other);
}

static void pass_on(struct proxy_relay *relay, int from, const char *bytes, size_t size)
{
    struct passing *passing = malloc(sizeof *passing + size);
    uv_stream_t *to = (uv_stream_t *)&relay->sides[!from];
    uv_buf_t buffer = uv_buf_init(passing->bytes, (unsigned)size);
    memcpy(passing->bytes, bytes, size);
    relay->proxy->relayed += size;
    if (uv_write(&passing->request, to, &buffer, 1, on_written)) {
        free(passing);
        end_relay(relay, false);
    } else if (uv_stream_get_write_queue_size(to) > WRITE_QUEUE_MOST) {
        uv_read_stop((uv_stream_t *)&relay->sides[from]);
    }
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status;
}

static void spend(struct proxy_relay *relay, int from)
{
    struct proxy *proxy = relay->proxy;
    proxy->armed = false;
    proxy->ended++;
    uv_read_stop((uv_stream_t *)&relay->sides[from]);
    if (proxy->end != PROXY_HALF_CLOSE ||
        uv_shutdown(&relay->shutdown, (uv_stream_t *)&relay->sides[!from], on_shutdown))
        end_relay(relay, proxy->end == PROXY_RESET);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct proxy_relay *relay = stream->data;
    struct proxy *proxy = relay->proxy;
    int from = stream == (uv_stream_t *)&relay->sides[1];
    if (size < 0) {
        end_relay(relay, false);
        return;
    }
    bool last = proxy->armed && (uint64_t)size >= proxy->budget;
    size_t part = last ? (size_t)proxy->budget : (size_t)size;
    if (proxy->armed)
        proxy->budget -= part;
    if (part)
        pass_on(relay, from, buffer->base, part);
    if (last && !relay->closing)
        spend(relay, from);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct proxy_relay *relay = request->data;
    if (status && !relay->closing)
        end_relay(relay, false);
    relay->connected = true;
    for (int i = 0; i < 2; i++)
        read_from(relay, i);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct proxy *proxy = listener->data;
    struct proxy_relay *relay = status ? NULL : calloc(1, sizeof *relay);
    struct sockaddr_in address;
    if (!relay)
        return;
    relay->proxy = proxy;
    relay->connect.data = relay;
    relay->next = proxy->relays;
    proxy->relays = relay;
    for (int i = 0; i < 2; i++) {
        uv_tcp_init(listener->loop, &relay->sides[i]);
        relay->sides[i].data = relay;
        proxy->open++;
    }
    uv_ip4_addr("127.0.0.1", proxy->upstream, &address);
    if (uv_accept(listener, (uv_stream_t *)&relay->sides[0]) ||
        uv_tcp_connect(&relay->connect, &relay->sides[1], (struct sockaddr *)&address,
                       on_connected))
        end_relay(relay, false);
}

static int bind_somewhere(uv_loop_t *loop, uv_tcp_t *tcp, int *port)
{
    struct sockaddr_in address;
    int size = sizeof address;
    uv_tcp_init(loop, tcp);
    uv_ip4_addr("127.0.0.1", 0, &address);
    int error = uv_tcp_bind(tcp, (struct sockaddr *)&address, 0);
    if (!error)
        error = uv_tcp_getsockname(tcp, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return error;
}

int proxy_start(struct proxy *proxy, uv_loop_t *loop, int upstream)
{
    *proxy = (struct proxy){ .upstream = upstream, .open = 1 };
    int error = bind_somewhere(loop, &proxy->listener, &proxy->port);
    proxy->listener.data = proxy;
    return error ? error : uv_listen((uv_stream_t *)&proxy->listener, 16, on_connection);
}

void proxy_arm(struct proxy *proxy, uint64_t budget, enum proxy_end end)
{
    proxy->armed = true;
    proxy->budget = budget;
    proxy->end = end;
}

void proxy_hold(struct proxy *proxy, int from, bool held)
{
    proxy->held[from] = held;
    for (struct proxy_relay *relay = proxy->relays; relay; relay = relay->next) {
        if (held && !relay->closing)
            uv_read_stop((uv_stream_t *)&relay->sides[from]);
        else if (relay->connected)
            read_from(relay, from);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    ((struct proxy *)handle->data)->open--;
}

void proxy_stop(struct proxy *proxy)
{
    for (struct proxy_relay *relay = proxy->relays; relay; relay = relay->next)
        end_relay(relay, false);
    uv_close((uv_handle_t *)&proxy->listener, on_listener_closed);
}

static void on_probe_closed(uv_handle_t *handle)
{
    (void)handle;
}

int proxy_free_port(uv_loop_t *loop)
{
    uv_tcp_t probe;
    int port = 0;
    if (bind_somewhere(loop, &probe, &port))
        port = 0;
    uv_close((uv_handle_t *)&probe, on_probe_closed);
    uv_run(loop, UV_RUN_NOWAIT);
    return port;
}
