/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "support_transport.h"

#include "transport/tcp.h"
#include "transport/unix.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void *counted(struct hws_allocator *allocator, void *block, size_t old_size, size_t new_size)
{
    struct bench *bench = HWSI_ENTRY(allocator, struct bench, allocator);
    if (new_size > 0 && bench->exhausted)
        return NULL;
    bench->held += new_size - old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

static void on_released(void *data)
{
    ((struct bench *)data)->released++;
}

static void on_gone(void *data)
{
    ((struct bench *)data)->gone++;
}

int bench_set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    bench->allocator.reallocate = counted;
    snprintf(bench->path, sizeof bench->path, "/tmp/hawser-test-%ld.socket", (long)getpid());
    uv_loop_init(&bench->loop);
    uv_timer_init(&bench->loop, &bench->guard);
    if (hwsi_sockets_new(&bench->allocator, &bench->loop, &bench->sockets) != 0 ||
        hwsi_tcp_new(bench->sockets, on_released, bench, &bench->tcp) != 0 ||
        hwsi_unix_new(bench->sockets, on_released, bench, &bench->unix_domain) != 0)
        return -1;
    *state = bench;
    return 0;
}

static bool is_gone(void *bench)
{
    return ((struct bench *)bench)->gone > 0;
}

/* A handle, a socket or a byte that is left fails the test. */
int bench_tear_down(void **state)
{
    struct bench *bench = *state;
    hwsi_sockets_close(bench->sockets, on_gone, bench);
    bench_run_until(bench, is_gone, bench);
    bench->tcp->ops->release(bench->tcp);
    bench->unix_domain->ops->release(bench->unix_domain);
    uv_close((uv_handle_t *)&bench->guard, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    assert_int_equal(bench->released, 2);
    assert_int_equal(bench->gone, 1);
    assert_int_equal(bench->held, 0);
    free(bench);
    return 0;
}

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
}

void bench_run_until(struct bench *bench, bool (*done)(void *data), void *data)
{
    uint64_t end = uv_hrtime() + 20 * HWS_SECOND;
    uv_timer_start(&bench->guard, on_guard, 20, 20);
    while (!done(data)) {
        assert_true(uv_hrtime() < end);
        uv_run(&bench->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&bench->guard);
}

void bench_turn(struct bench *bench, unsigned iterations)
{
    while (iterations-- > 0)
        uv_run(&bench->loop, UV_RUN_NOWAIT);
}

static void peer_on_open(struct hws_link_handler *handler)
{
    struct peer *peer = (struct peer *)handler;
    assert_int_equal(peer->closed, 0);
    peer->opened++;
    if (peer->on_open)
        peer->on_open(peer);
}

static bool peer_on_reserve(struct hws_link_handler *handler, uint8_t **room, size_t *size)
{
    struct peer *peer = (struct peer *)handler;
    assert_int_equal(peer->closed, 0);
    peer->reads++;
    if (peer->room == 0)
        return false;
    if (peer->size + peer->room > peer->capacity) {
        peer->capacity = 2 * (peer->size + peer->room);
        peer->bytes = realloc(peer->bytes, peer->capacity);
    }
    *room = peer->bytes + peer->size;
    *size = peer->room;
    return true;
}

static void peer_on_bytes(struct hws_link_handler *handler, size_t size)
{
    struct peer *peer = (struct peer *)handler;
    assert_int_equal(peer->closed, 0);
    assert_in_range(size, 1, peer->room);
    peer->size += size;
    if (peer->on_bytes)
        peer->on_bytes(peer, size);
}

static void peer_on_writable(struct hws_link_handler *handler)
{
    struct peer *peer = (struct peer *)handler;
    assert_int_equal(peer->closed, 0);
    peer->writable++;
    if (peer->on_writable)
        peer->on_writable(peer);
}

static void peer_on_close(struct hws_link_handler *handler, int error, const char *detail)
{
    struct peer *peer = (struct peer *)handler;
    assert_int_equal(peer->closed, 0);
    peer->closed++;
    peer->error = error;
    peer->link = NULL;
    snprintf(peer->detail, sizeof peer->detail, "%s", detail);
    if (peer->on_close)
        peer->on_close(peer);
}

static const struct hws_link_handler_ops peer_ops = { peer_on_open, peer_on_reserve, peer_on_bytes,
                                                      peer_on_writable, peer_on_close };

void peer_init(struct peer *peer)
{
    *peer = (struct peer){ .handler = { &peer_ops }, .room = 65536 };
}

void peer_free(struct peer *peer)
{
    free(peer->bytes);
}

bool peer_is_open(void *peer)
{
    return ((struct peer *)peer)->opened > 0;
}

bool peer_is_closed(void *peer)
{
    return ((struct peer *)peer)->closed > 0;
}

void peer_dial(struct bench *bench, struct hws_transport *transport, const char *address,
               struct peer *peer)
{
    char detail[512] = "";
    (void)bench;
    if (transport->ops->dial(transport, address, &peer->handler, &peer->link, detail,
                             sizeof detail) != 0)
        fail_msg("%s", detail);
    assert_int_equal(peer->opened + peer->closed, 0);
}

size_t peer_write(struct peer *peer, const void *data, size_t size)
{
    struct hws_slice slice = hws_slice_of(data, size);
    size_t taken = 0;
    assert_int_equal(peer->link->ops->write(peer->link, &slice, 1, &taken), 0);
    assert_true(taken <= size);
    return taken;
}

static int host_on_accept(struct hws_listener_handler *handler, struct hws_link *link)
{
    struct host *host = (struct host *)handler;
    if (host->refuse || host->accepted == host->capacity)
        return HWS_EFULL;
    link->handler = &host->peers[host->accepted].handler;
    host->peers[host->accepted++].link = link;
    return 0;
}

void host_init(struct host *host, struct peer *peers, size_t capacity)
{
    *host = (struct host){ .handler = { host_on_accept }, .peers = peers, .capacity = capacity };
    for (size_t i = 0; i < capacity; i++)
        peer_init(&peers[i]);
}

void host_listen(struct bench *bench, struct hws_transport *transport, const char *address,
                 struct host *host)
{
    char detail[512] = "";
    (void)bench;
    if (transport->ops->listen(transport, address, &host->handler, &host->listener, detail,
                               sizeof detail) != 0)
        fail_msg("%s", detail);
}

bool host_has_accepted(void *host)
{
    struct host *h = host;
    return h->accepted == h->capacity;
}
