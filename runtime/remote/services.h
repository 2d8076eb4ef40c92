/* SPDX-License-Identifier: MIT */
/*
 * "$services", the actor that answers what others ask of this system: actors of a kind (activator.c), lists of processes and their
 * diagnostics (diagnostics.c). It lives since the first question. After one that took much work it waits for the next turn, so that neither the
 * loop nor other actors wait behind a queue of long lists. Its state is its host's, which is the system's.
 */
#ifndef HAWSER_REMOTE_SERVICES_H
#define HAWSER_REMOTE_SERVICES_H

#include "remote/manager.h"
#include "wire/service.h"

struct hws_timer;

struct hwsi_service_host {
    struct hwsi_services base; /* first */
    struct hwsi_local *local;
    struct hws_context *actor; /* NULL: nobody has asked yet */
    struct hws_timer *pause;   /* until the next turn */
};

void hwsi_services_init(struct hwsi_service_host *host, struct hwsi_local *local);

/* One question. `name` and `address` are the asking system's as the handshake said; its own are `own`. */
struct hwsi_question {
    struct hwsi_service_host *host;
    const struct hws_message *message;
    struct hwsi_service_request request;
    char name[HWSI_NAME_MAX + 1]; /* a copy: what is asked may let go of the endpoint */
    const char *address;
    size_t room; /* bytes that the answer may have */
    bool own;
    bool laborious; /* set by who did much work for it */
};

/* Answers it; without memory nobody is answered. */
void hwsi_answer(const struct hwsi_question *question, const struct hwsi_service_answer *answer);
/* The same with a status that is not ok, an error code and a sentence. */
void hwsi_answer_error(const struct hwsi_question *question, enum hws_spawn_status status,
                       int error, const char *detail);
/* That, and ServiceRefused is published with `reason`. */
__attribute__((format(printf, 5, 6))) void hwsi_refuse(const struct hwsi_question *question,
                                                       enum hws_spawn_status status, int error,
                                                       const char *reason, const char *format, ...);

/* Names that a peer may choose: top-level ones, and none of the system's own making. */
bool hwsi_spawn_name_valid(struct hws_slice name);
void hwsi_activate(struct hwsi_question *question);
void hwsi_tell_processes(struct hwsi_question *question);
void hwsi_tell_diagnostics(struct hwsi_question *question);

#endif
