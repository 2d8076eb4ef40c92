/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy that ends its connections when a number of bytes has passed: mid-frame, by reset, by close or one way only. Or it
 * keeps them open and passes nothing on, one way or both: a link that is half open. Lives on the test's loop; owned by the test.
 */
#ifndef HAWSER_SPEC_SUPPORT_PROXY_H
#define HAWSER_SPEC_SUPPORT_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum proxy_end { PROXY_RESET, PROXY_CLOSE, PROXY_HALF_CLOSE };

struct proxy {
    uv_tcp_t listener;
    int port, upstream; /* on 127.0.0.1 */
    struct proxy_relay *relays;
    uint64_t relayed; /* bytes */
    uint64_t budget;  /* bytes until the end, when armed */
    bool armed;
    bool held[2]; /* nothing passes from who dialled (0), from who was dialled (1) */
    enum proxy_end end;
    unsigned ended; /* connections ended by the budget */
    unsigned open;  /* handles */
};

int proxy_start(struct proxy *proxy, uv_loop_t *loop, int upstream); /* 0, or libuv's error */
void proxy_arm(struct proxy *proxy, uint64_t budget, enum proxy_end end);
/* From now on nothing, or everything again, that comes from that side: bytes and ends of connections wait. New ones are taken. */
void proxy_hold(struct proxy *proxy, int from, bool held);
void proxy_stop(struct proxy *proxy); /* the loop runs until `open` is 0 */
int proxy_free_port(uv_loop_t *loop); /* one that was free a moment ago */

#endif
