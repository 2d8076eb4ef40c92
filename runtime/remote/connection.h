/* SPDX-License-Identifier: MIT */
/*
 * One link with its framing: what is read but not decoded yet, the control frames still to be written, the handshake's phase.
 *
 *   dialing --on_open: HELLO--> greeting --WELCOME--> up          (we dialled)
 *   waiting --HELLO: WELCOME--> up                                (they dialled)
 *   any --close or on_close--> closing --on_close--> freed
 *
 * Owned by the manager; an endpoint points to the one it uses. A connection that was let go (endpoint NULL) only waits for on_close.
 */
#ifndef HAWSER_REMOTE_CONNECTION_H
#define HAWSER_REMOTE_CONNECTION_H

#include "base/ring.h"
#include "hawser/transport.h"
#include "remote/association.h"

enum hwsi_phase { HWSI_DIALING, HWSI_GREETING, HWSI_WAITING, HWSI_UP, HWSI_CLOSING };

struct hwsi_connection {
    struct hws_link_handler handler; /* first */
    struct hwsi_manager *manager;
    struct hwsi_endpoint *endpoint;
    struct hws_link *link;   /* NULL after on_close */
    struct hwsi_list node;   /* all of the manager's */
    struct hwsi_timer timer; /* connect and handshake timeouts */
    struct hws_buffer *intake;
    size_t decoded; /* bytes of the intake that are done with */
    size_t wanted;  /* bytes of the frame that is under way, 0: unknown */
    struct hwsi_ring control;
    enum hwsi_phase phase;
    bool dialed, writable;
    int8_t partial; /* the lane whose frame is written in part, -1 control, HWSI_NO_LANE none */
    uint64_t nonce;
    uint64_t made, opened; /* when it was dialled or accepted, and came up */
    uint64_t received_bytes, sent_bytes;
    uint64_t sequence[HWSI_LANES]; /* of the last frame received on this link */
    uint64_t told[HWSI_LANES];     /* the received positions that the peer knows of */
    size_t unacknowledged_bytes;   /* received since the last ACK */
};
#define HWSI_NO_LANE 2
#define HWSI_CONTROL_LANE (-1)

struct hwsi_connection *hwsi_connection_new(struct hwsi_manager *manager,
                                            struct hwsi_endpoint *endpoint, bool dialed);
/* Lets go of it: no callback reaches the endpoint any more. Writes `code` as BYE or REFUSE first when `say` is not 0. */
void hwsi_connection_close(struct hwsi_connection *connection, enum hwsi_frame_kind say,
                           uint64_t code, const char *text);
void hwsi_connection_free(struct hwsi_connection *connection);
int hwsi_connection_control(struct hwsi_connection *connection, const struct hwsi_control *control);
int hwsi_connection_hello(struct hwsi_connection *connection, enum hwsi_frame_kind kind,
                          const struct hwsi_hello *hello);

/*
 * Writes as much as the link takes: control, then the system lane, then the user lane (writer.c). Not `all`: only whole
 * segments, because more is coming in this turn.
 */
void hwsi_writer_flush(struct hwsi_connection *connection, bool all);
/* Acknowledges now what the peer does not know of yet. */
void hwsi_writer_acknowledge(struct hwsi_connection *connection);
/* The link's callbacks (reader.c). */
extern const struct hws_link_handler_ops hwsi_reader_ops;

#endif
