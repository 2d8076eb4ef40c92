/* SPDX-License-Identifier: MIT */
/*
 * The questions the core asks. A policy only answers; it never acts. Every question may be left out (a NULL op) or fail (a
 * negative code with a text): then the C fallback made from the options answers, and PolicyError is published. Answers are
 * clamped. Asked on changes, never per message (dead_letter: per dead letter). Called on the system's thread; a policy must not
 * call back into the system.
 */
#ifndef HAWSER_POLICY_H
#define HAWSER_POLICY_H

#include "hawser/message.h"

#define HWS_POLICY_TEXT 1024

/* Where a policy puts why it failed; cut at the size. */
struct hws_policy_error {
    char text[HWS_POLICY_TEXT];
};

struct hws_policy_question {
    const char *address;
    const char *name;   /* the peer's name; "" before the first handshake */
    uint64_t attempt;   /* from 1 */
    uint64_t elapsed;   /* ns since the link was lost or first dialled */
    uint64_t delay;     /* the delay before this one; 0 at first */
    const char *reason; /* HWS_LINK_REASONS: refused, timeout, dns, ... */
    uint64_t queue_size;
    uint64_t queue_bytes;
    bool connected_before;
};
struct hws_backoff_answer {
    bool give_up;
    uint64_t delay;  /* ns; clamped to 1 ms .. 1 h */
    bool has_jitter; /* false: the core adds reconnect_jitter */
    char reason
        [128]; /* why it gives up; told as "gave up: REASON", or as it is when it begins with "gave up" */
};

enum hws_letter_route { HWS_LETTER_PUBLISH, HWS_LETTER_DROP, HWS_LETTER_REDIRECT };
struct hws_letter {
    struct hws_pid *target;
    const struct hws_message *message;
    enum hws_dead_letter_reason reason;
};
struct hws_letter_answer {
    enum hws_letter_route route;
    char redirect[HWS_ADDRESS_MAX + HWS_ID_MAX + 2]; /* a PID's text */
};

enum hws_disconnected_answer { HWS_DISCONNECTED_DEADLETTER, HWS_DISCONNECTED_QUEUE };

#define HWS_LEVELS_MAX 8
struct hws_throttle_levels {
    size_t count;
    struct {
        char name[32];
        double from; /* of the ring, ascending */
        /* What is not taken at this level becomes a dead letter (throttled), and hws_send() returns HWS_ETHROTTLED. Answers to
         * requests and system messages (watches, stops, notices) are always taken. */
        bool refuse;         /* takes nothing */
        uint32_t keep_every; /* takes the first of every n messages; 0 and 1: each */
    } level[HWS_LEVELS_MAX];
    double hysteresis;
};

struct hws_policy;
struct hws_policy_ops {
    int (*backoff)(struct hws_policy *policy, const struct hws_policy_question *question,
                   struct hws_backoff_answer *answer, struct hws_policy_error *error);
    int (*dead_letter)(struct hws_policy *policy, const struct hws_letter *letter,
                       struct hws_letter_answer *answer, struct hws_policy_error *error);
    int (*disconnected)(struct hws_policy *policy, const char *address,
                        enum hws_disconnected_answer *answer, struct hws_policy_error *error);
    /* Asked when the policy is put in force and when an endpoint is made; compiled to thresholds. */
    int (*throttle)(struct hws_policy *policy, const char *address,
                    struct hws_throttle_levels *answer, struct hws_policy_error *error);
    void (*release)(struct hws_policy *policy); /* the system is done with it */
};
/* Embed as first member. `name` and `origin` (a file, or "") stay valid as long as the policy. `random` is filled in by the
 * system that uses it: [0, 1) from the system's seeded source. `stable_after` is read whenever a link comes up. `version`
 * (NULL: none) says in events which one of the file's it is. */
struct hws_policy {
    const struct hws_policy_ops *ops;
    const char *name;
    const char *origin;
    const char *version;
    uint64_t
        stable_after; /* ns that a link must last before attempts count from 1 again; 0: the option reconnect_stable_after */
    double (*random)(void *random_data);
    void *random_data;
};

/* Puts another policy in force (NULL: the C fallbacks) and releases the one before. PolicyLoaded is published. */
HWS_API int hws_set_policy(struct hws_system *system, struct hws_policy *policy);

/*
 * A reload. The system keeps the last questions that it really asked, with the answers: 32 of backoff, a letter of each reason,
 * 16 addresses. A policy on trial is asked them all, without consequences and with the same random numbers: a letter's message
 * has no payload then. `text` says how many answers differ and the first of them, "... 1 differs: 127.0.0.1:25521 attempt 3
 * (refused): 0.8 s -> 2 s"; or the question that it failed to answer, and how.
 */
struct hws_policy_trial {
    size_t asked;
    size_t differ;
    char text[HWS_POLICY_TEXT];
};
/* HWS_EPOLICY: it failed. The policy stays the caller's, and must not be in force anywhere. */
HWS_API int hws_try_policy(struct hws_system *system, struct hws_policy *policy,
                           struct hws_policy_trial *trial);
/*
 * Tries `policy` and puts it in force, with the trial's text as PolicyLoaded's detail. HWS_EPOLICY: it failed, is still the
 * caller's, the one before stays, and PolicyError (reason "reload") is published. `trial` may be NULL.
 */
HWS_API int hws_reload_policy(struct hws_system *system, struct hws_policy *policy,
                              struct hws_policy_trial *trial);
/* Publishes the same PolicyError for a policy that could not even be made: `text` says why. `file`, `version` may be NULL. */
HWS_API void hws_policy_refused(struct hws_system *system, const char *name, const char *file,
                                const char *version, const char *text);

#endif
