/* SPDX-License-Identifier: MIT */
/*
 * A transport makes links: ordered, reliable byte streams between two systems. hawser ships tcp, unix and loopback; a host may
 * add its own. Everything here runs on the system's thread. A transport never calls a handler from inside a call into it
 * (write, close, dial, ...): it comes back later, from its own I/O callback or from its turn.
 *
 *   dial ok:      dial() -> link ... on_open -> on_bytes*, on_writable* -> [close()] -> on_close
 *   dial failed:  dial() -> link ... on_close(reason)                 (no on_open before it)
 *   accepted:     listener's on_accept(link) -> handler set by link->handler -> on_bytes*, ... -> on_close
 *
 * on_close comes exactly once, last, also after close(); the handler must not touch the link afterwards.
 */
#ifndef HAWSER_TRANSPORT_H
#define HAWSER_TRANSPORT_H

#include "hawser/core.h"

struct hws_link;
struct hws_listener;
struct hws_transport;

/* What a link tells its user. Embedded by the user, set before the link's first callback. */
struct hws_link_handler {
    const struct hws_link_handler_ops *ops;
};
struct hws_link_handler_ops {
    void (*on_open)(struct hws_link_handler *handler); /* dialled links only */
    /*
     * Room for the next read. Sets *room (at least 1 byte) and its size; it is valid until on_bytes, which has to come before the
     * transport returns to its event loop (when nothing was read after all, simply ask again next time). Returns false to
     * read nothing now; the link asks again after the system's next turn.
     */
    bool (*on_reserve)(struct hws_link_handler *handler, uint8_t **room, size_t *size);
    void (*on_bytes)(struct hws_link_handler *handler,
                     size_t size); /* `size` bytes were put into the room */
    void (*on_writable)(
        struct hws_link_handler *handler); /* after a write that took less than it was given */
    /* `error`: 0 when closed by us, HWS_ERESET (also a peer's orderly end), HWS_EREFUSED, HWS_EHOST, HWS_ETIMEOUT, ... `detail`: a
     * sentence that names address and cause, valid during the call. The link is gone afterwards. */
    void (*on_close)(struct hws_link_handler *handler, int error, const char *detail);
};

struct hws_link_ops {
    /*
     * Takes as much of the slices as it can now and tells how much in *taken. Less than all: on_writable follows when more
     * can be taken. A negative code: the link is broken, on_close follows. The bytes are the caller's again on return.
     */
    int (*write)(struct hws_link *link, const struct hws_slice *slices, size_t count,
                 size_t *taken);
    /* Ends the link: what write() took is sent if that is possible without waiting. on_close follows. Idempotent. */
    void (*close)(struct hws_link *link);
};
struct hws_link {
    const struct hws_link_ops *ops;
    struct hws_link_handler *handler; /* set by the user: at dial, or in on_accept */
    const char *peer;                 /* who is at the other end, for people */
};

/* What a listener tells its user. */
struct hws_listener_handler {
    /* Takes the link: sets link->handler, and returns 0. A negative code: the transport closes it without a callback. */
    int (*on_accept)(struct hws_listener_handler *handler, struct hws_link *link);
};

struct hws_listener_ops {
    void (*close)(
        struct hws_listener
            *listener); /* stops accepting; frees itself; no callback; idempotent is not needed */
};
struct hws_listener {
    const struct hws_listener_ops *ops;
    const char *
        address; /* the address really bound ("127.0.0.1:41523"), for as long as the listener lives */
};

struct hws_transport_ops {
    const char *scheme; /* "tcp", "unix", "loop" */
    /*
     * `address` without its scheme. On failure `detail` holds a sentence with address, cause and what to do. dial() fails at
     * once only for malformed addresses or out of memory; everything else comes through on_close.
     */
    int (*listen)(struct hws_transport *transport, const char *address,
                  struct hws_listener_handler *handler, struct hws_listener **out, char *detail,
                  size_t capacity);
    int (*dial)(struct hws_transport *transport, const char *address,
                struct hws_link_handler *handler, struct hws_link **out, char *detail,
                size_t capacity);
    /* The system is going away: no link or listener of it is left. Frees the transport (maybe later). */
    void (*release)(struct hws_transport *transport);
    /* 0, or HWS_EADDRESS with a sentence when dial() could never take the address. Opens nothing. May be NULL: anything goes. */
    int (*check)(struct hws_transport *transport, const char *address, char *detail,
                 size_t capacity);
};
/* Embed as first member. */
struct hws_transport {
    const struct hws_transport_ops *ops;
};

#endif
