/* SPDX-License-Identifier: MIT */
/* A whole system: the local side first, then what drives and connects it. Only system*.c sees inside. */
#ifndef HAWSER_SYSTEM_PRIVATE_H
#define HAWSER_SYSTEM_PRIVATE_H

#include <stdatomic.h>

#include "hawser/system.h"
#include "remote/manager.h"
#include "system_snapshot.h"
#include "remote/services.h"

/* running -> draining (hws_stop) -> closing (links say goodbye) -> stopped */
enum hwsi_stage { HWSI_RUNNING, HWSI_DRAINING, HWSI_CLOSED_DOWN, HWSI_STOPPED };

struct hwsi_post {
    struct hwsi_post *next;
    size_t size;        /* of this block */
    size_t target_size; /* the PID's text, before the payload */
    size_t payload_size;
    uint8_t bytes[];
};

struct hwsi_waits {
    struct hwsi_list waiting, over; /* struct hwsi_wait */
    uint64_t count, last_id;
    uint64_t seen; /* events.published when a turn last looked */
};

struct hws_system {
    struct hwsi_local local; /* first */
    struct hws_options options;
    char *name, *listen, *advertise;
    struct hwsi_heap *heap;
    struct hwsi_timers timers;
    struct hwsi_random random;
    struct hwsi_policy policy;
    struct hwsi_records records; /* of the policy's questions */
    struct hwsi_manager manager;
    struct hwsi_letter_route letter_route;
    struct hwsi_service_host services;
    uint64_t letter_error_second;
    struct hwsi_list after; /* struct hws_timer */
    struct hwsi_waits waits;
    enum hwsi_stage stage;
    bool started, in_turn, freed, told_stopped;
    bool stop_seen; /* by a turn */
    bool *gone;     /* set when it is destroyed */
    char *stop_reason;
    struct hwsi_timer stop_timer, trim_timer;
    struct hwsi_leftover leftover;
    void (*stopped)(void *data);
    void *stopped_data;
    struct hwsi_driver *driver; /* system_loop.c's */
    /* shared with other threads: */
    struct hwsi_desk desk;
    _Atomic(struct hwsi_post *) posts;
    atomic_uint post_count, wakers;
    atomic_bool stop_asked;
    _Atomic(void (*)(void *)) wake;
    _Atomic(void *) wake_data;
};

/* HWS_ENOTFOUND: it has no endpoint. One reference of *address for the caller on success. */
int hwsi_system_find_address(struct hws_system *system, const char *text,
                             struct hwsi_address **address);
void hwsi_posts_deliver(struct hws_system *system);
void hwsi_posts_free(struct hws_system *system);
void hwsi_after_free(struct hws_system *system);
void hwsi_system_policy_init(struct hws_system *system);
void hwsi_system_policy_started(struct hws_system *system); /* tells of the one it starts with */
/* system_await.c */
void hwsi_waits_init(struct hwsi_waits *waits);
bool hwsi_waits_due(const struct hws_system *system);
void hwsi_waits_run(struct hws_system *system); /* those that are over: calls `done` */
void hwsi_waits_free(struct hws_system *system);
void hwsi_system_stop_step(struct hws_system *system); /* moves the stop on as far as it goes now */

#endif
