/* SPDX-License-Identifier: MIT */
/* A living actor. Owned by the system's list of actors; freed by the dispatcher after it has stopped. */
#ifndef HAWSER_ACTOR_CONTEXT_H
#define HAWSER_ACTOR_CONTEXT_H

#include "actor/local.h"

enum { HWSI_LATER_NONE, HWSI_LATER_OWN, HWSI_LATER_CHILD };
enum { HWSI_LANE_SYSTEM, HWSI_LANE_USER, HWSI_LANES };

struct hws_context {
    struct hwsi_local *local;
    struct hws_pid *pid;
    const struct hws_actor_ops *ops;
    void *self;
    struct hwsi_list all, run; /* run: in the run queue when not alone */
    struct hwsi_lane lanes[HWSI_LANES];
    uint64_t mailbox_size;
    struct hws_message *current; /* being handled; in lane `current_lane` */
    uint8_t current_lane;
    bool starting, suspended, stopping, running, failed;
    bool halting;  /* waits for its children to be gone, to stop or to start anew */
    uint8_t later; /* HWSI_LATER_...: a failure that its next visit deals with */
    uint8_t supervision;
    int later_error;
    uint64_t budget; /* messages left in this visit */
    uint64_t handled, failures;
    uint64_t restarts, window_start;
    char *failure; /* the text for ActorFailed, or NULL */
    struct hwsi_list watchers, watching;
    uint64_t told;              /* Terminateds in the mailbox */
    struct hwsi_family *family; /* family.h; NULL: none */
    struct hwsi_alarm *alarms;  /* alarm.h */
    uint64_t number;            /* in the roster */
    struct hwsi_kind *kind;     /* that made it, or NULL; counted */
};

#endif
