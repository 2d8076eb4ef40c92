/* SPDX-License-Identifier: MIT */
/* The policy in force: asked about letters, replaced, reloaded, and told of. */
#include "policy/trial.h"
#include "system_private.h"

static void ask_letter_route(struct hwsi_letter_route *route, const struct hws_letter *letter,
                             struct hws_letter_answer *answer)
{
    struct hws_system *system = HWSI_ENTRY(route, struct hws_system, letter_route);
    struct hws_policy_error error;
    hwsi_policy_dead_letter(&system->policy, letter, answer, &error);
    uint64_t second = hwsi_now(&system->local) / HWS_SECOND + 1;
    if (error.text[0] &&
        system->letter_error_second !=
            second) { /* a broken policy is told once a second, not once a letter */
        system->letter_error_second = second;
        hwsi_manager_policy_failed(&system->manager, letter->target->address->text, &error);
    }
}

void hwsi_system_policy_init(struct hws_system *system)
{
    hwsi_records_init(&system->records, system->heap);
    system->policy.options = &system->options;
    system->policy.random = &system->random;
    system->policy.records = &system->records;
    system->letter_route.ask = ask_letter_route;
}

static void publish_loaded(struct hws_system *system, const char *detail)
{
    hwsi_publish(&system->local,
                 &(struct hws_event){ .type = HWS_EVENT_PolicyLoaded,
                                      .name = hwsi_policy_name(&system->policy),
                                      .file = hwsi_policy_file(&system->policy),
                                      .version = hwsi_policy_version(&system->policy),
                                      .count = system->policy.loads,
                                      .detail = detail });
}

void hwsi_system_policy_started(struct hws_system *system)
{
    publish_loaded(system, NULL);
}

/* Running timers keep their delay; the next question goes to the new one, and levels are its own at once. */
static void put_in_force(struct hws_system *system, struct hws_policy *policy, const char *detail)
{
    hwsi_policy_replace(&system->policy, policy);
    publish_loaded(system, detail);
    hwsi_manager_policy_changed(&system->manager);
}

int hws_set_policy(struct hws_system *system, struct hws_policy *policy)
{
    put_in_force(system, policy, NULL);
    return 0;
}

int hws_try_policy(struct hws_system *system, struct hws_policy *policy,
                   struct hws_policy_trial *trial)
{
    return hwsi_policy_try(&system->policy, policy, trial);
}

int hws_reload_policy(struct hws_system *system, struct hws_policy *policy,
                      struct hws_policy_trial *trial)
{
    struct hws_policy_trial own;
    trial = trial ? trial : &own;
    int error = hws_try_policy(system, policy, trial);
    if (error)
        hws_policy_refused(system, policy->name, policy->origin, policy->version, trial->text);
    else
        put_in_force(system, policy, trial->text);
    return error;
}

void hws_policy_refused(struct hws_system *system, const char *name, const char *file,
                        const char *version, const char *text)
{
    hwsi_publish(&system->local,
                 &(struct hws_event){ .type = HWS_EVENT_PolicyError,
                                      .name = name && name[0] ? name : NULL,
                                      .file = file && file[0] ? file : NULL,
                                      .version = version && version[0] ? version : NULL,
                                      .reason = "reload",
                                      .detail = text });
}
