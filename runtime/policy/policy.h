/* SPDX-License-Identifier: MIT */
/*
 * Asks the policy in force, falls back on the options' own curve and levels when it has no answer, and clamps what it says.
 * Each asker gets `error->text` set (not empty) when the policy failed; publishing that is the caller's. What was asked is
 * recorded (record.h).
 */
#ifndef HAWSER_POLICY_POLICY_H
#define HAWSER_POLICY_POLICY_H

#include "base/random.h"
#include "hawser/options.h"
#include "hawser/policy.h"
#include "policy/record.h"

struct hwsi_policy {
    struct hws_policy *chosen; /* NULL: the fallbacks */
    const struct hws_options *options;
    struct hwsi_random *random;
    struct hwsi_records *records; /* where questions are kept; NULL: nowhere */
    uint64_t loads;               /* policies put in force, this one included */
};

void hwsi_policy_backoff(struct hwsi_policy *policy, const struct hws_policy_question *question,
                         struct hws_backoff_answer *answer, struct hws_policy_error *error);
void hwsi_policy_dead_letter(struct hwsi_policy *policy, const struct hws_letter *letter,
                             struct hws_letter_answer *answer, struct hws_policy_error *error);
enum hws_disconnected_answer hwsi_policy_disconnected(struct hwsi_policy *policy,
                                                      const char *address,
                                                      struct hws_policy_error *error);
void hwsi_policy_throttle(struct hwsi_policy *policy, const char *address,
                          struct hws_throttle_levels *answer, struct hws_policy_error *error);
uint64_t hwsi_policy_stable_after(const struct hwsi_policy *policy); /* ns */
const char *hwsi_policy_name(const struct hwsi_policy *policy);
const char *hwsi_policy_file(const struct hwsi_policy *policy);    /* NULL: from none */
const char *hwsi_policy_version(const struct hwsi_policy *policy); /* NULL: it has none */
/* Lends `chosen` (may be NULL) the random numbers; nothing is released. */
void hwsi_policy_choose(struct hwsi_policy *policy, struct hws_policy *chosen);
void hwsi_policy_replace(struct hwsi_policy *policy,
                         struct hws_policy *chosen); /* releases the one before */

#endif
