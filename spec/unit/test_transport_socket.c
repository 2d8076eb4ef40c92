/* SPDX-License-Identifier: MIT */
/* The tcp and unix transports over a real loop: what links promise, on both. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "support_transport.h"
#include "transport/stream.h"

/* A dialled and an accepted end of one connection. */
struct pair {
    struct bench *bench;
    struct host host;
    struct peer near, far;
};

static void connect_pair(struct bench *bench, bool over_tcp, struct pair *pair)
{
    struct hws_transport *transport = over_tcp ? bench->tcp : bench->unix_domain;
    pair->bench = bench;
    peer_init(&pair->near);
    host_init(&pair->host, &pair->far, 1);
    host_listen(bench, transport, over_tcp ? "127.0.0.1:0" : bench->path, &pair->host);
    peer_dial(bench, transport, pair->host.listener->address, &pair->near);
    bench_run_until(bench, peer_is_open, &pair->near);
    bench_run_until(bench, host_has_accepted, &pair->host);
}

static void end_pair(struct pair *pair)
{
    if (pair->near.link)
        pair->near.link->ops->close(pair->near.link);
    if (pair->far.link)
        pair->far.link->ops->close(pair->far.link);
    pair->host.listener->ops->close(pair->host.listener);
    bench_run_until(pair->bench, peer_is_closed, &pair->near);
    bench_run_until(pair->bench, peer_is_closed, &pair->far);
    peer_free(&pair->near);
    peer_free(&pair->far);
}

static void each_family(void **state, void (*check)(struct pair *pair))
{
    for (int over_tcp = 0; over_tcp < 2; over_tcp++) {
        struct pair pair;
        connect_pair(*state, over_tcp, &pair);
        check(&pair);
        end_pair(&pair);
    }
}

static bool far_has_4(void *pair)
{
    return ((struct pair *)pair)->far.size == 4;
}

static bool near_has_4(void *pair)
{
    return ((struct pair *)pair)->near.size == 4;
}

static void check_both_ways(struct pair *pair)
{
    assert_int_equal(peer_write(&pair->near, "ping", 4), 4);
    bench_run_until(pair->bench, far_has_4, pair);
    assert_memory_equal(pair->far.bytes, "ping", 4);
    assert_int_equal(peer_write(&pair->far, "pong", 4), 4);
    bench_run_until(pair->bench, near_has_4, pair);
    assert_memory_equal(pair->near.bytes, "pong", 4);
    assert_int_equal(pair->near.opened, 1);
    assert_int_equal(pair->far.opened, 0);
}

static void bytes_go_both_ways(void **state)
{
    each_family(state, check_both_ways);
}

static void check_many_slices(struct pair *pair)
{
    struct hws_slice slices[200];
    uint8_t bytes[200];
    size_t taken = 0;
    for (size_t i = 0; i < 200; i++) {
        bytes[i] = (uint8_t)i;
        slices[i] = hws_slice_of(&bytes[i], i % 3 ? 1 : 0); /* empty ones, too */
    }
    assert_int_equal(pair->near.link->ops->write(pair->near.link, slices, 200, &taken), 0);
    assert_int_equal(taken, 133);
    while (pair->far.size < 133)
        bench_turn(pair->bench, 1);
    for (size_t i = 0, at = 0; i < 200; i++)
        if (i % 3)
            assert_int_equal(pair->far.bytes[at++], i);
}

static void more_slices_than_one_call_takes(void **state)
{
    each_family(state, check_many_slices);
}

/* A stream of numbered bytes, pushed whenever there is room. */
enum { FLOOD = 24 * 1024 * 1024 };

static void push(struct peer *peer)
{
    size_t *sent = peer->data;
    uint8_t block[60000];
    while (*sent < FLOOD) {
        size_t size = FLOOD - *sent < sizeof block ? FLOOD - *sent : sizeof block, taken;
        for (size_t i = 0; i < size; i++)
            block[i] = (uint8_t)((*sent + i) * 31 >> 3);
        taken = peer_write(peer, block, size);
        memset(block, 0xee, sizeof block); /* the bytes are ours again */
        *sent += taken;
        if (taken < size)
            return;
    }
}

static bool far_has_all(void *pair)
{
    return ((struct pair *)pair)->far.size == FLOOD;
}

static void check_flood(struct pair *pair)
{
    size_t sent = 0, before;
    pair->near.data = &sent;
    pair->near.on_writable = push;
    pair->far.room = 0; /* a slow reader */
    push(&pair->near);
    bench_turn(pair->bench, 50);
    before = sent;
    assert_in_range(before, 1, FLOOD - 1);
    bench_turn(pair->bench, 50);
    assert_int_equal(sent, before);
    assert_int_equal(peer_write(&pair->near, "x", 1), 0);
    pair->far.room = 77777;
    bench_run_until(pair->bench, far_has_all, pair);
    assert_true(pair->near.writable > 0);
    for (size_t i = 0; i < FLOOD; i++)
        if (pair->far.bytes[i] != (uint8_t)(i * 31 >> 3))
            fail_msg("byte %zu is wrong", i);
}

static void a_slow_reader_holds_the_writer_up(void **state)
{
    each_family(state, check_flood);
}

static void check_one_read(struct pair *pair)
{
    char block[4096] = { 0 };
    unsigned before;
    pair->far.room = 0;
    assert_int_equal(peer_write(&pair->near, block, sizeof block), sizeof block);
    bench_turn(pair->bench, 10);
    pair->far.room = 16;
    for (int i = 0; i < 20; i++) {
        before = pair->far.reads;
        bench_turn(pair->bench, 1);
        assert_int_equal(pair->far.reads, before + 1);
    }
    assert_int_equal(pair->far.size, 20 * 16);
}

static void a_link_reads_once_an_iteration(void **state)
{
    each_family(state, check_one_read);
}

static void close_now(struct peer *peer, size_t size)
{
    (void)size;
    peer->link->ops->close(peer->link);
    peer->link->ops->close(peer->link);
    assert_int_equal(peer->closed, 0); /* never from inside the call */
}

static void check_close_inside(struct pair *pair)
{
    pair->far.on_bytes = close_now;
    peer_write(&pair->near, "ping", 4);
    bench_run_until(pair->bench, peer_is_closed, &pair->far);
    assert_int_equal(pair->far.error, 0);
    assert_non_null(strstr(pair->far.detail, "closed by this side"));
    bench_run_until(pair->bench, peer_is_closed, &pair->near);
    assert_int_equal(pair->near.error, HWS_ERESET);
    assert_non_null(strstr(pair->near.detail, "the peer closed it"));
}

static void closing_inside_on_bytes(void **state)
{
    each_family(state, check_close_inside);
}

static void check_write_after_close(struct pair *pair)
{
    struct hws_slice more = hws_slice_text("more");
    size_t taken = 7;
    pair->near.link->ops->close(pair->near.link);
    assert_int_equal(pair->near.link->ops->write(pair->near.link, &more, 1, &taken), HWS_ECLOSED);
    assert_int_equal(pair->near.closed, 0);
}

static void nothing_is_taken_after_close(void **state)
{
    each_family(state, check_write_after_close);
}

/* What a REFUSE is: the last bytes, and input that nobody wants to read any more. */
static void check_last_bytes(struct pair *pair)
{
    static char unread[200000];
    size_t sent = peer_write(&pair->near, unread, sizeof unread);
    pair->far.room = 16;
    bench_turn(pair->bench, 3);
    assert_true(pair->far.size < sent);
    assert_int_equal(peer_write(&pair->far, "BYE!", 4), 4);
    pair->far.link->ops->close(pair->far.link);
    bench_run_until(pair->bench, peer_is_closed, &pair->near);
    assert_int_equal(pair->near.size, 4);
    assert_memory_equal(pair->near.bytes, "BYE!", 4);
    assert_int_equal(pair->near.error, HWS_ERESET);
    assert_non_null(strstr(pair->near.detail, "the peer closed it"));
}

static void last_bytes_arrive_although_input_is_unread(void **state)
{
    each_family(state, check_last_bytes);
}

/* The peer is gone, we do not know yet, and go on writing: no signal, and what it said last is read first. */
static void check_write_to_the_dead(struct pair *pair)
{
    pair->near.room = 0;
    peer_write(&pair->far, "last", 4);
    pair->far.link->ops->close(pair->far.link);
    bench_run_until(pair->bench, peer_is_closed, &pair->far);
    pair->near.room = 100;
    for (int i = 0; i < 100000 && pair->near.link; i++) {
        struct hws_slice slice = hws_slice_text("into the void");
        size_t taken;
        if (pair->near.link->ops->write(pair->near.link, &slice, 1, &taken) != 0)
            break;
        if (i % 100 == 99)
            bench_turn(pair->bench, 1);
    }
    bench_run_until(pair->bench, peer_is_closed, &pair->near);
    assert_int_equal(pair->near.size, 4);
    assert_int_equal(pair->near.error, HWS_ERESET);
}

static void writing_to_a_peer_that_is_gone(void **state)
{
    each_family(state, check_write_to_the_dead);
}

/*
 * The kernel at the other end resets the connection after some bytes, while ours are stuck: write() itself meets the error. It
 * must raise no signal, and what came before is still read.
 */
static void check_reset(struct pair *pair)
{
    struct hwsi_stream *far = (struct hwsi_stream *)pair->far.link;
    struct linger now = { 1, 0 };
    pair->near.room = 0;
    peer_write(&pair->far, "last", 4);
    bench_turn(pair->bench, 3);
    setsockopt(far->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    hwsi_stream_shut(far); /* as when the process dies: nobody is told */
    pair->far.closed = 1;
    pair->far.link = NULL;
    pair->near.room = 100;
    peer_write(&pair->near, "one", 3);
    peer_write(&pair->near, "two", 3);
    bench_run_until(pair->bench, peer_is_closed, &pair->near);
    assert_int_equal(pair->near.size, 4);
    assert_memory_equal(pair->near.bytes, "last", 4);
    assert_int_equal(pair->near.error, HWS_ERESET);
}

static void a_reset_meets_the_writer(void **state)
{
    each_family(state, check_reset);
}

static void closing_before_the_connection_is_there(void **state)
{
    struct bench *bench = *state;
    struct peer peer;
    struct host host;
    host_init(&host, NULL, 0);
    host_listen(bench, bench->tcp, "127.0.0.1:0", &host);
    peer_init(&peer);
    peer_dial(bench, bench->tcp, host.listener->address, &peer);
    peer.link->ops->close(peer.link);
    assert_int_equal(peer.closed, 0);
    bench_run_until(bench, peer_is_closed, &peer);
    assert_int_equal(peer.opened, 0);
    assert_int_equal(peer.error, 0);
    host.listener->ops->close(host.listener);
}

static void a_refused_link_is_closed_silently(void **state)
{
    struct bench *bench = *state;
    struct peer peer;
    struct host host;
    host_init(&host, NULL, 0);
    host_listen(bench, bench->tcp, "127.0.0.1:0", &host);
    peer_init(&peer);
    peer_dial(bench, bench->tcp, host.listener->address, &peer);
    bench_run_until(bench, peer_is_closed, &peer);
    assert_int_equal(peer.error, HWS_ERESET);
    peer_free(&peer);
    host.listener->ops->close(host.listener);
}

static void a_thousand_links(void **state)
{
    enum { LINKS = 1000, AT_ONCE = 100 };
    struct bench *bench = *state;
    struct peer far[AT_ONCE], near[AT_ONCE];
    for (int round = 0; round < LINKS / AT_ONCE; round++) {
        struct host host;
        host_init(&host, far, AT_ONCE);
        host_listen(bench, round % 2 ? bench->tcp : bench->unix_domain,
                    round % 2 ? "127.0.0.1:0" : bench->path, &host);
        for (int i = 0; i < AT_ONCE; i++) {
            peer_init(&near[i]);
            peer_dial(bench, round % 2 ? bench->tcp : bench->unix_domain, host.listener->address,
                      &near[i]);
        }
        bench_run_until(bench, host_has_accepted, &host);
        for (int i = 0; i < AT_ONCE; i++) {
            bench_run_until(bench, peer_is_open, &near[i]);
            near[i].link->ops->close(near[i].link);
        }
        for (int i = 0; i < AT_ONCE; i++)
            bench_run_until(bench, peer_is_closed, &far[i]);
        for (int i = 0; i < AT_ONCE; i++)
            bench_run_until(bench, peer_is_closed, &near[i]);
        for (int i = 0; i < AT_ONCE; i++) {
            peer_free(&near[i]);
            peer_free(&far[i]);
        }
        host.listener->ops->close(host.listener);
        bench_turn(bench, 2);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_both_ways),
        TEST(more_slices_than_one_call_takes),
        TEST(a_slow_reader_holds_the_writer_up),
        TEST(a_link_reads_once_an_iteration),
        TEST(closing_inside_on_bytes),
        TEST(nothing_is_taken_after_close),
        TEST(last_bytes_arrive_although_input_is_unread),
        TEST(writing_to_a_peer_that_is_gone),
        TEST(a_reset_meets_the_writer),
        TEST(closing_before_the_connection_is_there),
        TEST(a_refused_link_is_closed_silently),
        TEST(a_thousand_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
