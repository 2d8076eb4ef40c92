/* SPDX-License-Identifier: MIT */
#include "policy/trial.h"

#include <string.h>

#include "base/text.h"

#define DIFFERENCES_SAID 5 /* of those found; the rest are counted */
#define LINE 768           /* a question and its two answers */
#define ANSWER 320

struct trial {
    const struct hwsi_policy *policy; /* in force */
    struct hwsi_policy candidate;     /* the same with the other one chosen */
    struct hwsi_random random;
    struct hws_policy_trial *out;
    char differences[HWS_POLICY_TEXT];
    size_t used; /* of them */
    bool failed;
};

/* The question's words, and what failed. False: nothing did. */
static bool failed(struct trial *trial, const struct hws_policy_error *error, const char *question)
{
    trial->out->asked++;
    if (!error->text[0])
        return false;
    trial->failed = true;
    hwsi_say(trial->out->text, sizeof trial->out->text, "recorded question, %s: %s", question,
             error->text);
    return true;
}

static void differs(struct trial *trial, const char *question, const char *before,
                    const char *after)
{
    if (trial->out->differ++ < DIFFERENCES_SAID)
        hwsi_text_append(trial->differences, sizeof trial->differences, &trial->used,
                         "%s%s: %s -> %s", trial->used ? "; " : "", question, before, after);
}

/* --- backoff --- */

static void say_backoff(char *out, const struct hws_backoff_answer *answer)
{
    if (answer->give_up)
        hwsi_say(out, ANSWER, "gives up%s%s%s", answer->reason[0] ? " (" : "", answer->reason,
                 answer->reason[0] ? ")" : "");
    else
        hwsi_say(out, ANSWER, "%.3g s", (double)answer->delay / (double)HWS_SECOND);
}

/* Below a millisecond there is no difference: the loop's timers know none. */
static bool same_backoff(const struct hws_backoff_answer *a, const struct hws_backoff_answer *b)
{
    uint64_t apart = a->delay > b->delay ? a->delay - b->delay : b->delay - a->delay;
    return a->give_up == b->give_up && (a->give_up || apart < HWS_MILLISECOND);
}

static void try_backoff(struct trial *trial, const struct hwsi_backoff_record *record)
{
    const struct hws_policy_question *question = &record->question;
    struct hws_backoff_answer answer;
    struct hws_policy_error error;
    char words[LINE], before[ANSWER], after[ANSWER];
    trial->random = record->before;
    hwsi_policy_backoff(&trial->candidate, question, &answer, &error);
    hwsi_say(words, sizeof words, "%s attempt %llu (%s)", question->address,
             (unsigned long long)question->attempt, question->reason);
    if (failed(trial, &error, words) || same_backoff(&record->answer, &answer))
        return;
    say_backoff(before, &record->answer);
    say_backoff(after, &answer);
    differs(trial, words, before, after);
}

/* --- letters --- */

static void say_letter(char *out, const struct hws_letter_answer *answer)
{
    static const char *const routes[] = { "publish", "drop" };
    hwsi_say(out, ANSWER, "%s",
             answer->route == HWS_LETTER_REDIRECT ? answer->redirect : routes[answer->route]);
}

static void try_letter(struct trial *trial, const struct hwsi_letter_record *record)
{
    struct hws_letter_answer answer;
    struct hws_policy_error error;
    char words[LINE], before[ANSWER], after[ANSWER];
    trial->random = record->before;
    hwsi_policy_dead_letter(&trial->candidate, &record->letter, &answer, &error);
    size_t used = 0;
    char pid[HWS_ADDRESS_MAX + HWS_ID_MAX + 2] = "";
    if (record->letter.target)
        (void)hws_pid_format(record->letter.target, pid, sizeof pid);
    hwsi_text_append(words, sizeof words, &used, "letter to %s (%s)", pid,
                     hws_reason_name((int)record->letter.reason));
    if (failed(trial, &error, words))
        return;
    say_letter(before, &record->answer);
    say_letter(after, &answer);
    if (strcmp(before, after) != 0)
        differs(trial, words, before, after);
}

/* --- what is asked about an address --- */

static const char *disconnected_name(enum hws_disconnected_answer answer)
{
    return answer == HWS_DISCONNECTED_QUEUE ? "queue" : "deadletter";
}

static void say_levels(char *out, const struct hws_throttle_levels *levels)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < levels->count; i++) {
        hwsi_text_append(out, ANSWER, &used, "%s %.3g", levels->level[i].name,
                         levels->level[i].from);
        if (levels->level[i].refuse)
            hwsi_text_append(out, ANSWER, &used, " refuses");
        else if (levels->level[i].keep_every > 1)
            hwsi_text_append(out, ANSWER, &used, " keeps 1 of %u", levels->level[i].keep_every);
        hwsi_text_append(out, ANSWER, &used, ", ");
    }
    hwsi_text_append(out, ANSWER, &used, "hysteresis %.3g", levels->hysteresis);
}

static void try_disconnected(struct trial *trial, const char *address)
{
    struct hws_policy_error error, ignored;
    struct hwsi_policy in_force = *trial->policy;
    char words[LINE];
    in_force.records = NULL;
    enum hws_disconnected_answer before = hwsi_policy_disconnected(&in_force, address, &ignored);
    enum hws_disconnected_answer after =
        hwsi_policy_disconnected(&trial->candidate, address, &error);
    hwsi_say(words, sizeof words, "%s disconnected", address);
    if (!failed(trial, &error, words) && before != after)
        differs(trial, words, disconnected_name(before), disconnected_name(after));
}

static void try_levels(struct trial *trial, const char *address)
{
    struct hws_policy_error error, ignored;
    struct hwsi_policy in_force = *trial->policy;
    struct hws_throttle_levels old, new;
    char words[LINE], before[ANSWER], after[ANSWER];
    in_force.records = NULL;
    hwsi_policy_throttle(&in_force, address, &old, &ignored);
    hwsi_policy_throttle(&trial->candidate, address, &new, &error);
    hwsi_say(words, sizeof words, "%s levels", address);
    if (failed(trial, &error, words))
        return;
    say_levels(before, &old);
    say_levels(after, &new);
    if (strcmp(before, after) != 0)
        differs(trial, words, before, after);
}

/* --- all of them, the newest first --- */

static void ask_all(struct trial *trial, const struct hwsi_records *records)
{
    for (size_t i = 1; i <= HWSI_RECORDED_BACKOFFS && !trial->failed; i++) {
        size_t slot = (records->backoffs - i) % HWSI_RECORDED_BACKOFFS;
        if (records->backoff[slot])
            try_backoff(trial, records->backoff[slot]);
    }
    for (size_t i = 0; i < HWS_REASON_COUNT && !trial->failed; i++)
        if (records->letter[i])
            try_letter(trial, records->letter[i]);
    for (size_t i = 0; i < HWSI_RECORDED_ADDRESSES && !trial->failed; i++) {
        if (records->address[i])
            try_disconnected(trial, records->address[i]);
        if (records->address[i] && !trial->failed)
            try_levels(trial, records->address[i]);
    }
}

static void say_result(const struct trial *trial)
{
    struct hws_policy_trial *out = trial->out;
    const char *plural = out->asked == 1 ? "" : "s";
    size_t used = 0;
    if (!out->asked)
        hwsi_say(out->text, sizeof out->text, "no question has been recorded yet");
    else if (!out->differ)
        hwsi_say(out->text, sizeof out->text, "answered %zu recorded question%s as before",
                 out->asked, plural);
    else
        hwsi_text_append(out->text, sizeof out->text, &used,
                         "answered %zu recorded question%s; %zu differ%s: %s%s", out->asked, plural,
                         out->differ, out->differ == 1 ? "s" : "", trial->differences,
                         out->differ > DIFFERENCES_SAID ? "; ..." : "");
}

int hwsi_policy_try(const struct hwsi_policy *policy, struct hws_policy *candidate,
                    struct hws_policy_trial *out)
{
    struct trial trial = { .policy = policy, .out = out };
    *out = (struct hws_policy_trial){ 0 };
    trial.candidate = (struct hwsi_policy){ .options = policy->options, .random = &trial.random };
    hwsi_policy_choose(&trial.candidate, candidate);
    if (policy->records)
        ask_all(&trial, policy->records);
    candidate->random = NULL;
    candidate->random_data = NULL;
    if (trial.failed)
        return HWS_EPOLICY;
    say_result(&trial);
    return 0;
}
