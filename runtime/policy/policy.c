/* SPDX-License-Identifier: MIT */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DELAY_LEAST HWS_MILLISECOND
#define DELAY_MOST (3600 * HWS_SECOND)

static double unit_random(void *data)
{
    return hwsi_random_unit(data);
}

void hwsi_policy_choose(struct hwsi_policy *policy, struct hws_policy *chosen)
{
    policy->chosen = chosen;
    if (chosen) {
        chosen->random = unit_random;
        chosen->random_data = policy->random;
    }
}

void hwsi_policy_replace(struct hwsi_policy *policy, struct hws_policy *chosen)
{
    struct hws_policy *before = policy->chosen;
    hwsi_policy_choose(policy, chosen);
    policy->loads++;
    if (before && before->ops->release)
        before->ops->release(before);
}

const char *hwsi_policy_name(const struct hwsi_policy *policy)
{
    return policy->chosen && policy->chosen->name ? policy->chosen->name : "builtin";
}

static const char *unless_empty(const char *text)
{
    return text && text[0] ? text : NULL;
}

const char *hwsi_policy_file(const struct hwsi_policy *policy)
{
    return policy->chosen ? unless_empty(policy->chosen->origin) : NULL;
}

const char *hwsi_policy_version(const struct hwsi_policy *policy)
{
    return policy->chosen ? unless_empty(policy->chosen->version) : NULL;
}

uint64_t hwsi_policy_stable_after(const struct hwsi_policy *policy)
{
    uint64_t own = policy->chosen ? policy->chosen->stable_after : 0;
    return own ? own : policy->options->reconnect_stable_after;
}

/* A failed answer always has a text, so that callers can tell by it. */
static bool failed(int result, const char *what, struct hws_policy_error *error)
{
    if (result >= 0) {
        error->text[0] = 0;
        return false;
    }
    if (!error->text[0])
        snprintf(error->text, sizeof error->text, "%s failed: %s", what, hws_strerror(result));
    return true;
}

/* initial x factor^(attempt - 1), at most max: Pekko's and protoactor's curve. */
static void fallback_backoff(const struct hws_options *options,
                             const struct hws_policy_question *question,
                             struct hws_backoff_answer *answer)
{
    uint64_t attempt = question->attempt, tries = attempt - 1;
    *answer = (struct hws_backoff_answer){ 0 };
    if (options->reconnect_max_retries && tries >= options->reconnect_max_retries) {
        answer->give_up = true;
        snprintf(answer->reason, sizeof answer->reason, "gave up after %llu %s (%.1f s)",
                 (unsigned long long)tries, tries == 1 ? "try" : "tries",
                 (double)question->elapsed / (double)HWS_SECOND);
        return;
    }
    double delay = (double)options->reconnect_initial;
    for (uint64_t i = 1; i < attempt && delay < (double)options->reconnect_max; i++)
        delay *= options->reconnect_factor;
    answer->delay =
        delay < (double)options->reconnect_max ? (uint64_t)delay : options->reconnect_max;
}

static uint64_t clamp(uint64_t delay)
{
    return delay < DELAY_LEAST ? DELAY_LEAST : delay > DELAY_MOST ? DELAY_MOST : delay;
}

static void answer_backoff(struct hwsi_policy *policy, const struct hws_policy_question *question,
                           struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    struct hws_policy *chosen = policy->chosen;
    bool answered = false;
    error->text[0] = 0;
    *answer = (struct hws_backoff_answer){ 0 };
    if (chosen && chosen->ops->backoff)
        answered = !failed(chosen->ops->backoff(chosen, question, answer, error), "backoff", error);
    if (!answered)
        fallback_backoff(policy->options, question, answer);
    answer->reason[sizeof answer->reason - 1] = 0;
    if (answer->give_up)
        return;
    answer->delay = clamp(answer->delay);
    if (!answer->has_jitter) {
        double spread =
            policy->options->reconnect_jitter * (2 * hwsi_random_unit(policy->random) - 1);
        answer->delay = clamp((uint64_t)((double)answer->delay * (1 + spread)));
    }
}

void hwsi_policy_backoff(struct hwsi_policy *policy, const struct hws_policy_question *question,
                         struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    struct hwsi_random before = *policy->random;
    answer_backoff(policy, question, answer, error);
    hwsi_record_backoff(policy->records, before, question, answer);
}

/* A policy that publishes every letter is not asked about any; the first of each reason is kept for one that would be. */
static bool worth_recording(const struct hwsi_policy *policy, const struct hws_letter *letter)
{
    const struct hws_policy *chosen = policy->chosen;
    return policy->records &&
           ((chosen && chosen->ops->dead_letter) || !policy->records->letter[letter->reason]);
}

void hwsi_policy_dead_letter(struct hwsi_policy *policy, const struct hws_letter *letter,
                             struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct hws_policy *chosen = policy->chosen;
    struct hwsi_random before = *policy->random;
    error->text[0] = 0;
    *answer = (struct hws_letter_answer){ .route = HWS_LETTER_PUBLISH };
    if (chosen && chosen->ops->dead_letter &&
        failed(chosen->ops->dead_letter(chosen, letter, answer, error), "deadletter", error))
        *answer = (struct hws_letter_answer){ .route = HWS_LETTER_PUBLISH };
    answer->redirect[sizeof answer->redirect - 1] = 0;
    if (worth_recording(policy, letter))
        hwsi_record_letter(policy->records, before, letter, answer);
}

enum hws_disconnected_answer hwsi_policy_disconnected(struct hwsi_policy *policy,
                                                      const char *address,
                                                      struct hws_policy_error *error)
{
    struct hws_policy *chosen = policy->chosen;
    enum hws_disconnected_answer answer = HWS_DISCONNECTED_DEADLETTER;
    error->text[0] = 0;
    hwsi_record_address(policy->records, address);
    if (chosen && chosen->ops->disconnected &&
        failed(chosen->ops->disconnected(chosen, address, &answer, error), "disconnected", error))
        answer = HWS_DISCONNECTED_DEADLETTER;
    return answer;
}

static void fallback_throttle(const struct hws_options *options, struct hws_throttle_levels *answer)
{
    *answer = (struct hws_throttle_levels){
        .count = 2,
        .level = { { .name = "warning", .from = options->throttle_warning },
                   { .name = "critical", .from = options->throttle_critical } },
        .hysteresis = options->throttle_hysteresis
    };
}

static const char *wrong_levels(const struct hws_throttle_levels *levels)
{
    if (levels->count > HWS_LEVELS_MAX)
        return "throttle: more than 8 levels";
    if (!(levels->hysteresis >= 0 && levels->hysteresis <= 0.5))
        return "throttle: hysteresis is not within 0 and 0.5";
    double before = 0;
    for (size_t i = 0; i < levels->count; i++) {
        if (!(levels->level[i].from > before && levels->level[i].from <= 1))
            return "throttle: the levels do not ascend within 0 and 1";
        if (!memchr(levels->level[i].name, 0, sizeof levels->level[i].name) ||
            !levels->level[i].name[0])
            return "throttle: a level has no name, or one of more than 31 bytes";
        before = levels->level[i].from;
    }
    return NULL;
}

void hwsi_policy_throttle(struct hwsi_policy *policy, const char *address,
                          struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    struct hws_policy *chosen = policy->chosen;
    error->text[0] = 0;
    hwsi_record_address(policy->records, address);
    fallback_throttle(policy->options, answer);
    if (!chosen || !chosen->ops->throttle)
        return;
    struct hws_throttle_levels said = { 0 };
    int result = chosen->ops->throttle(chosen, address, &said, error);
    const char *wrong = result >= 0 ? wrong_levels(&said) : NULL;
    if (wrong) {
        hwsi_text_copy(error->text, sizeof error->text, wrong);
        return;
    }
    if (!failed(result, "throttle", error))
        *answer = said;
}
