/* SPDX-License-Identifier: MIT */
/*
 * A policy written in Lua as the core's struct hws_policy. The core asks, a compiled policy (lua/hawser/policy) answers within
 * the option policy_budget; what it answers is checked here, and nonsense becomes an error with a sentence, after which the C
 * fallback answers. While it runs it can not act on any system.
 */
#ifndef HWL_POLICY_H
#define HWL_POLICY_H

#include "system.h"

struct hwl_policy;

/*
 * Makes one of the compiled policy at `index`. The core owns it once it is in force and releases it; before that
 * hwl_policy_free(). Raises memory errors.
 */
struct hwl_policy *hwl_policy_new(struct hwl_state *state, lua_State *L, int index);
struct hws_policy *hwl_policy_core(struct hwl_policy *policy);
/* It is in force in `system`. */
void hwl_policy_own(struct hwl_policy *policy, struct hwl_system *system);
/* It will be tried, within `system`'s budget: questions have `dry_run = true`, until it is owned. */
void hwl_policy_on_trial(struct hwl_policy *policy, const struct hwl_system *system);
void hwl_policy_free(struct hwl_policy *policy);
/* Calls no Lua any more: the C fallbacks answer. */
void hwl_policy_cut(struct hwl_policy *policy);

/* system:set_policy(compiled): the method; nil is the C fallbacks here, see lua/hawser/init.lua. */
int hwl_system_set_policy(lua_State *L);

#endif
