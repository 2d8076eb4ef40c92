/* SPDX-License-Identifier: MIT */
/*
 * The last questions that the policy in force was really asked, with its answers: what another one is tried with before it
 * takes over (trial.h). Bounded: 32 of backoff, one letter a reason, 16 addresses. Owned by the system. Without memory a
 * question is not recorded, which is no error.
 *
 * Kept with an answer is the state that the random numbers were in before it, so that jitter can be drawn again.
 */
#ifndef HAWSER_POLICY_RECORD_H
#define HAWSER_POLICY_RECORD_H

#include "base/heap.h"
#include "base/random.h"
#include "hawser/policy.h"

#define HWSI_RECORDED_BACKOFFS 32
#define HWSI_RECORDED_ADDRESSES 16

struct hwsi_backoff_record {
    size_t size; /* of this block */
    struct hwsi_random before;
    struct hws_policy_question question; /* its texts are in `texts` */
    struct hws_backoff_answer answer;
    char texts[];
};

struct hwsi_letter_record {
    struct hwsi_random before;
    struct hws_letter letter; /* retained; its message is the one below, without a payload */
    struct hws_message message;
    struct hws_letter_answer answer;
};

struct hwsi_records {
    struct hwsi_heap *heap;
    struct hwsi_backoff_record *backoff[HWSI_RECORDED_BACKOFFS];
    struct hwsi_letter_record *letter[HWS_REASON_COUNT];
    char *address[HWSI_RECORDED_ADDRESSES]; /* asked about: levels, and what to do while away */
    size_t backoffs, addresses;             /* ever recorded */
};

/* All fields 0 but the heap. To be freed before the names that PIDs are kept in. */
void hwsi_records_init(struct hwsi_records *records, struct hwsi_heap *heap);
void hwsi_records_free(struct hwsi_records *records);

/* `records` may be NULL in each: nothing is recorded. */
void hwsi_record_backoff(struct hwsi_records *records, struct hwsi_random before,
                         const struct hws_policy_question *question,
                         const struct hws_backoff_answer *answer);
void hwsi_record_letter(struct hwsi_records *records, struct hwsi_random before,
                        const struct hws_letter *letter, const struct hws_letter_answer *answer);
void hwsi_record_address(struct hwsi_records *records, const char *address);

#endif
