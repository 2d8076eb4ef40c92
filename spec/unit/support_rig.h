/* SPDX-License-Identifier: MIT */
/*
 * A system on a test bench: its clock, its transport and its peers are the test's own. Links are records of what was
 * written; the test opens, feeds, stops and closes them. Events and log lines are kept. Nothing happens but in rig_turn().
 */
#ifndef HAWSER_SPEC_SUPPORT_RIG_H
#define HAWSER_SPEC_SUPPORT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hawser/system.h"
#include "wire/envelope.h"
#include "wire/handshake.h"

#define RIG_LINKS 64
#define RIG_EVENTS 512
#define RIG_HERE "here:1"
#define RIG_PEER "peer:1" /* sorts behind RIG_HERE: our dial wins */

struct rig_link {
    struct hws_link link; /* first */
    struct rig *rig;
    char address[64];
    bool dialed, closing, gone;
    size_t most; /* bytes that write() still takes */
    int write_error;
    uint8_t *out;
    size_t out_size, out_capacity, read; /* read: what rig_frame() has looked at */
};

struct rig_event {
    enum hws_event_type type;
    char address[64], reason[64], detail[512], level[32], name[64], file[64], version[64],
        state[16], from[16], step[16];
    uint64_t uid, incarnation, attempt, delay, count, time, since, next;
    struct hws_correlation correlation;
    bool success, resumed;
};

struct rig {
    struct hws_transport transport; /* first */
    struct hws_clock clock;
    struct hws_logger logger;
    struct hws_allocator allocator;
    struct hws_system *system;
    struct hws_subscription *subscription;
    struct hws_listener listener;
    struct hws_listener_handler *accepting;
    uint64_t now;
    uint64_t blocks;  /* allocated and not freed */
    uint64_t allow;   /* allocations that still succeed */
    uint64_t fail_in; /* not 0: the n-th allocation from now fails, and only that */
    int dial_error;
    bool released, refused, keep_log;
    struct rig_link *links[RIG_LINKS];
    size_t link_count;
    struct rig_event events[RIG_EVENTS];
    size_t event_count;
    char log[64][256];
    size_t log_count;
};

/* The options a test may change before rig_start(). */
void rig_options(struct rig *rig, struct hws_options *options);
void rig_start(struct rig *rig, const struct hws_options *options);
void rig_start_default(struct rig *rig);
/* Stops it, closes its links, frees it, and checks that nothing is left. */
void rig_end(struct rig *rig);

void rig_turn(struct rig *rig); /* turns until nothing is due, then tells the closed links */
void rig_pass(struct rig *rig, uint64_t duration); /* time goes by, from timer to timer */

struct rig_link *rig_last(struct rig *rig);   /* the link dialled or accepted last */
struct rig_link *rig_accept(struct rig *rig); /* NULL: it was not taken */
void rig_open(struct rig_link *link);
void rig_feed(struct rig_link *link, const void *bytes, size_t size);
void rig_writable(struct rig_link *link);
void rig_close(struct rig_link *link, int error, const char *detail);
/* The next frame that was written to the link; its kind, or -1. */
int rig_frame(struct rig_link *link, struct hws_slice *body);
/* Skips to the next frame of `kind`; fails when there is none. */
struct hws_slice rig_expect(struct rig_link *link, int kind);

void rig_hello(struct rig_link *link, enum hwsi_frame_kind kind, const struct hwsi_hello *hello);
void rig_control(struct rig_link *link, enum hwsi_frame_kind kind, uint64_t a, uint64_t b);
void rig_deliver(struct rig_link *link, const struct hwsi_deliver *deliver);
void rig_system(struct rig_link *link, enum hwsi_system_code code, const char *target,
                const char *sender, uint32_t reason, uint64_t number);

/* A peer's HELLO with these numbers and no history. */
struct hwsi_hello rig_peer(uint64_t uid, uint64_t session);
/* Dials RIG_PEER, answers as `peer`: the endpoint is connected over the link returned. */
struct rig_link *rig_connect(struct rig *rig, const struct hwsi_hello *peer);
/* The same over a link that the peer dials. */
struct rig_link *rig_connect_in(struct rig *rig, const struct hwsi_hello *peer);

/* The n-th last event of a type (0: the last); fails when there is none. */
const struct rig_event *rig_event(const struct rig *rig, enum hws_event_type type, size_t nth);
size_t rig_count(const struct rig *rig, enum hws_event_type type);
bool rig_logged(const struct rig *rig, const char *part);

struct hws_endpoint_statistics rig_statistics(struct rig *rig, const char *address);
enum hws_endpoint_state rig_state(struct rig *rig);
struct hws_pid *rig_pid(struct rig *rig, const char *text);
int rig_send(struct rig *rig, const char *target);
struct hws_slice rig_value(void); /* "hello" */

#endif
