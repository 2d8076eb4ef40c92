/* SPDX-License-Identifier: MIT */
/*
 * For the socket transports' tests: a loop with both transports on it, an allocator that notices what is left, and peers:
 * link handlers that keep what they are told. Owned by the test that sets it up; ends are checked in the teardown.
 */
#ifndef HAWSER_SPEC_SUPPORT_TRANSPORT_H
#define HAWSER_SPEC_SUPPORT_TRANSPORT_H

#include "hawser/transport.h"
#include "transport/sockets.h"

struct bench {
    uv_loop_t loop;
    uv_timer_t guard; /* keeps run_until() from sleeping for ever */
    struct hws_allocator allocator;
    size_t held;    /* bytes */
    bool exhausted; /* answer no memory */
    struct hwsi_sockets *sockets;
    struct hws_transport *tcp, *unix_domain;
    unsigned released, gone;
    char path[64]; /* for a socket */
};

struct peer {
    struct hws_link_handler handler;
    struct hws_link *link;
    uint8_t *bytes; /* what came; grows by malloc */
    size_t size, capacity;
    size_t room; /* to give a read; 0: none */
    unsigned opened, writable, closed, reads;
    int error;
    char detail[512];
    void (*on_open)(struct peer *peer); /* may be NULL, as the others */
    void (*on_bytes)(struct peer *peer, size_t size);
    void (*on_writable)(struct peer *peer);
    void (*on_close)(struct peer *peer);
    void *data;
};

struct host {
    struct hws_listener_handler handler;
    struct hws_listener *listener;
    struct peer *peers; /* filled from the front */
    size_t capacity, accepted;
    bool refuse;
};

int bench_set_up(void **state);
int bench_tear_down(void **state);
void bench_run_until(struct bench *bench, bool (*done)(void *data),
                     void *data);                          /* fails the test after 20 s */
void bench_turn(struct bench *bench, unsigned iterations); /* of the loop, without sleeping */

void peer_init(struct peer *peer);
void peer_free(struct peer *peer);
bool peer_is_open(void *peer);
bool peer_is_closed(void *peer);
void peer_dial(struct bench *bench, struct hws_transport *transport, const char *address,
               struct peer *peer);
size_t peer_write(struct peer *peer, const void *data, size_t size); /* how much was taken */

void host_init(struct host *host, struct peer *peers, size_t capacity);
void host_listen(struct bench *bench, struct hws_transport *transport, const char *address,
                 struct host *host);
bool host_has_accepted(void *host); /* `capacity` peers */

#endif
