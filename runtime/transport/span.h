/* SPDX-License-Identifier: MIT */
/*
 * A span is a connection over the loopback: two ends, which are links, and a pipe each way. Made by a dial, freed when both ends
 * are done. Handlers are called from the loopback's steps only, and when a system is killed. span.c carries the bytes, dial.c
 * makes the connection.
 *
 *   dialling -> open -> closing (on_close is due) -> done
 *         \______________^
 *   waiting (accepted by a machine whose system is paused) -> open
 */
#ifndef HAWSER_TRANSPORT_SPAN_H
#define HAWSER_TRANSPORT_SPAN_H

#include "transport/machine.h"
#include "transport/pipe.h"

struct hwsi_way;

enum hwsi_end_state {
    HWSI_END_DONE,
    HWSI_END_DIALLING,
    HWSI_END_WAITING,
    HWSI_END_OPEN,
    HWSI_END_CLOSING
};

struct hwsi_end {
    struct hws_link link;
    struct hwsi_span *span;
    struct hwsi_seat *seat; /* until it is done */
    struct hwsi_machine *machine;
    struct hwsi_list node; /* of its machine's ends */
    enum hwsi_end_state state;
    bool starved;              /* the last write took less than it was given */
    bool lost;                 /* its machine lost its power: what is sent to it vanishes */
    int error;                 /* why it is closing */
    const char *cause;         /* the end of the sentence */
    struct hwsi_timer notice;  /* on_writable or on_close is due, or a waiting end is taken */
    struct hwsi_timer arrival; /* bytes from the other end, or its end, arrive */
    struct hwsi_pipe out;      /* to the other end */
    uint64_t sent;             /* when the last byte written has left, where bandwidth is limited */
    uint64_t fin;              /* when this end's end arrives at the other; HWS_NEVER: not ended */
};

struct hwsi_span {
    struct hws_loopback *loopback;
    struct hwsi_list node;
    struct hwsi_timer dial;
    struct hwsi_way *held_by; /* until one from the other side crosses it; NULL: it is not held */
    struct hwsi_end near;     /* dialled */
    struct hwsi_end far;      /* accepted */
    bool cut;                 /* while the far end waited */
    bool paused;              /* the dial waits for its own machine */
    size_t size;              /* of this block */
    char address[];
};

/* 0 or HWS_ENOMEM; the rest comes through the handler. */
int hwsi_span_dial(struct hwsi_seat *seat, const char *address, struct hws_link_handler *handler,
                   struct hws_link **out);
/* As a network that loses it: nothing more arrives, both ends get on_close. Was it open? Never frees it. */
bool hwsi_span_cut(struct hwsi_span *span, const char *cause);
/* Frees it when both ends are done. */
void hwsi_span_settle(struct hwsi_span *span);

/* Its machine was paused, slow or cut off, and is no more: what is due is looked at again. */
void hwsi_end_wake(struct hwsi_end *end);
/* The process that holds it dies. on_close is due; hwsi_end_tell() calls it now. */
void hwsi_end_die(struct hwsi_end *end, bool silently);
void hwsi_end_tell(struct hwsi_end *end);

/* --- between span.c and dial.c --- */
extern const struct hws_link_ops hwsi_end_ops;
struct hwsi_end *hwsi_end_other(struct hwsi_end *end);
void hwsi_end_closing(struct hwsi_end *end, int error, const char *cause);
void hwsi_end_arrival(struct hwsi_timer *timer);
void hwsi_end_notice(struct hwsi_timer *timer);
/* The far end's kernel ends it before any system took it. */
void hwsi_end_reject(struct hwsi_end *far);
/* A waiting end's machine runs again. */
void hwsi_span_take(struct hwsi_span *span);
/* The dial is given up: who waits for it to cross with another waits no more. */
void hwsi_span_stop_dialling(struct hwsi_span *span);

#endif
