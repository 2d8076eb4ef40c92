/* SPDX-License-Identifier: MIT */
/*
 * A span is a connection over the loopback: two ends, which are links, and a pipe each way. Made by a dial, freed when both ends
 * have been told that they are closed. Handlers are called from the loopback's steps only.
 *
 *   dialling -> open -> closing (on_close is due) -> done
 *         \______________^
 */
#ifndef HAWSER_TRANSPORT_SPAN_H
#define HAWSER_TRANSPORT_SPAN_H

#include "transport/network.h"
#include "transport/pipe.h"

enum hwsi_end_state { HWSI_END_DONE, HWSI_END_DIALLING, HWSI_END_OPEN, HWSI_END_CLOSING };

struct hwsi_end {
    struct hws_link link;
    struct hwsi_span *span;
    struct hwsi_seat *seat;
    enum hwsi_end_state state;
    bool starved;              /* the last write took less than it was given */
    int error;                 /* why it is closing */
    const char *cause;         /* the end of the sentence */
    struct hwsi_timer notice;  /* on_writable or on_close is due */
    struct hwsi_timer arrival; /* bytes from the other end, or its end, arrive */
    struct hwsi_pipe out;      /* to the other end */
    uint64_t fin;              /* when this end's end arrives at the other; HWS_NEVER: not ended */
};

struct hwsi_span {
    struct hws_loopback *loopback;
    struct hwsi_list node;
    struct hwsi_timer dial;
    struct hwsi_end near; /* dialled */
    struct hwsi_end far;  /* accepted */
    size_t size;          /* of this block */
    char name[72];        /* the dialling system's; it may be gone before the other end is */
    char address[];
};

/* 0 or HWS_ENOMEM; the rest comes through the handler. */
int hwsi_span_dial(struct hwsi_seat *seat, const char *address, struct hws_link_handler *handler,
                   struct hws_link **out);

/* As a network that loses it: nothing more arrives, both ends get on_close. Only where both are open. */
void hwsi_span_cut(struct hwsi_span *span, const char *cause);

#endif
