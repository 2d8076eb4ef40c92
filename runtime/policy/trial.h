/* SPDX-License-Identifier: MIT */
/*
 * A policy on trial: asked the recorded questions, with the same random numbers, before it is put in force. Its answers are
 * compared with those that were given and acted on; nothing else comes of them.
 */
#ifndef HAWSER_POLICY_TRIAL_H
#define HAWSER_POLICY_TRIAL_H

#include "policy/policy.h"

/* 0, or HWS_EPOLICY when it fails to answer one. `out` is filled in both cases: hawser/policy.h. */
int hwsi_policy_try(const struct hwsi_policy *policy, struct hws_policy *candidate,
                    struct hws_policy_trial *out);

#endif
