/* SPDX-License-Identifier: MIT */
/*
 * Outgoing messages: what a script gives (a value, and a table of options) made into a struct hws_message. The arguments of
 * send, request and respond are the same for systems and contexts, so they live here.
 */
#ifndef HWL_SEND_H
#define HWL_SEND_H

#include "system.h"

struct hwl_outgoing {
    struct hws_message message;
    struct hwl_bytes bytes;
    uint64_t timeout; /* ns; 0: the system's option */
    int error;        /* of encoding */
    char text[400];
};

/* What the message is for, which says what options it may have. */
enum hwl_purpose { HWL_SEND, HWL_RESPOND, HWL_REQUEST, HWL_AFTER, HWL_EVERY };

/* Reads `type`, `sender` and `timeout` from the table at `options` (none or nil is fine). Raises errors. */
void hwl_outgoing_options(struct hwl_outgoing *out, struct hwl_system *system, lua_State *L,
                          int options, struct hws_pid *sender, enum hwl_purpose purpose);
/*
 * Encodes the value at `value`. One that can not be encoded gives `error`, and a payload that the core will refuse and count.
 * Raises nothing; hwl_outgoing_done() must follow without an error in between.
 */
void hwl_outgoing_encode(struct hwl_outgoing *out, struct hwl_system *system, lua_State *L,
                         int value);
void hwl_outgoing_done(struct hwl_outgoing *out, struct hwl_system *system);

/*
 * send(target, message, options) with the arguments from `first`: pushes true, with the throttle level's name when that is not
 * normal, or nil, message, code.
 */
int hwl_send(struct hwl_system *system, lua_State *L, int first, struct hws_pid *sender);
/* The response to a request that had `timeout` (0: the option), or why there is none, as results. */
int hwl_push_response(struct hwl_system *system, lua_State *L, int status,
                      const struct hws_message *response, uint64_t timeout);
/*
 * Why no answer came in time, as far as is known here: "; its endpoint is reconnecting: connection refused". "" for a local actor,
 * and when the endpoint is connected.
 */
#define HWL_ABSENCE 320
void hwl_say_absence(struct hwl_system *system, const struct hws_pid *target, char *text,
                     size_t capacity);
/* hws_send() or hws_request() has failed: nil, a sentence that names the target, code. */
int hwl_push_unsent(struct hwl_system *system, lua_State *L, const struct hwl_outgoing *out,
                    struct hws_pid *target, int error);

void hwl_open_sending(lua_State *L);

#endif
