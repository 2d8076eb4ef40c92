/* SPDX-License-Identifier: MIT */
/* Dead letters: counted, routed by policy, published, logged at a bounded rate, and told to the sender. */
#include <string.h>

#include "actor/context.h"

const char *hws_reason_name(int reason)
{
    static const char *const names[] = {
#define X(name, sentence) #name,
        HWS_DEAD_LETTER_REASONS(X)
#undef X
    };
    return reason >= 0 && reason < HWS_REASON_COUNT ? names[reason] : "unknown";
}

const char *hws_reason_sentence(int reason)
{
    static const char *const sentences[] = {
#define X(name, sentence) sentence,
        HWS_DEAD_LETTER_REASONS(X)
#undef X
    };
    return reason >= 0 && reason < HWS_REASON_COUNT ? sentences[reason] : "unknown reason";
}

const char *hws_terminated_name(int reason)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_TERMINATED_REASONS(X)
#undef X
    };
    return reason >= 0 && reason < HWS_TERMINATED_COUNT ? names[reason] : "unknown";
}

int hws_reason_error(int reason)
{
    switch (reason) {
    case HWS_REASON_none: return 0;
    case HWS_REASON_queue_full:
    case HWS_REASON_mailbox_full: return HWS_EFULL;
    case HWS_REASON_too_large: return HWS_ETOOLARGE;
    case HWS_REASON_encode: return HWS_EENCODE;
    case HWS_REASON_decode: return HWS_EDECODE;
    case HWS_REASON_disconnected:
    case HWS_REASON_unacknowledged: return HWS_EDISCONNECTED;
    case HWS_REASON_not_found:
    case HWS_REASON_no_such_kind: return HWS_ENOTFOUND;
    case HWS_REASON_stopped: return HWS_ECLOSED;
    case HWS_REASON_throttled: return HWS_ETHROTTLED;
    case HWS_REASON_blocked: return HWS_EBLOCKED;
    case HWS_REASON_gated: return HWS_EGATED;
    case HWS_REASON_quarantined: return HWS_EQUARANTINED;
    default: return HWS_EDEADLETTER;
    }
}

/* At most dead_letter_log_rate lines a second; the next second's first line tells how many were left out. */
static void log_letter(struct hwsi_local *local, const struct hws_pid *target,
                       enum hws_dead_letter_reason reason)
{
    uint64_t untold;
    bool fits = hwsi_quota_take(&local->letters.log_quota, hwsi_now(local),
                                local->options->dead_letter_log_rate, &untold);
    if (untold)
        hwsi_log(local, HWS_LOG_warning, "dead letters: %llu more were not logged",
                 (unsigned long long)untold);
    if (!fits)
        return;
    /* An actor's or a system's own end is no surprise; anything else is told, so that nothing is lost silently. */
    enum hws_log_level level = reason == HWS_REASON_stopped ? HWS_LOG_info : HWS_LOG_warning;
    hwsi_log(local, level, "dead letter to %s/%s: %s", target->address->text, target->id,
             hws_reason_sentence((int)reason));
}

void hwsi_letter_response(struct hwsi_local *local, struct hws_pid *target, struct hws_pid *subject,
                          enum hws_dead_letter_reason reason, uint64_t request_id)
{
    if (request_id) {
        struct hwsi_request *request = hwsi_request_find(local, request_id);
        if (request && hwsi_request_target(request)->address == subject->address)
            hwsi_request_finish(local, request, HWS_EDEADLETTER,
                                &(struct hws_message){ .reason = (uint16_t)reason });
    } else if (target && target->actor) {
        hwsi_tell(target->actor, HWSI_LANE_SYSTEM, HWS_MESSAGE_dead_letter_response, subject,
                  (uint16_t)reason, 0);
    }
}

static void tell_sender(struct hwsi_local *local, struct hws_pid *target,
                        const struct hws_message *message, enum hws_dead_letter_reason reason)
{
    struct hws_pid *sender = message->sender;
    if (!sender || message->kind != HWS_MESSAGE_user)
        return;
    if (sender->address->local)
        hwsi_letter_response(local, sender, target, reason, message->request_id);
    else if (target->address->local)
        local->router->ops->notify(local->router, HWSI_NOTICE_DEAD_LETTER, sender, target,
                                   (uint32_t)reason, message->request_id, NULL);
}

/* Sends the letter's message to another actor; a letter of that goes no third way. */
static bool redirect(struct hwsi_local *local, const struct hws_message *message, const char *to)
{
    struct hws_pid *target;
    if (local->letters.redirecting || local->closed ||
        hwsi_pid_parse(local->names, hws_slice_text(to), &target))
        return false;
    struct hws_message copy = *message;
    copy.request_id = 0;
    local->letters.redirecting = true;
    int error = target->address->local ? hwsi_deliver_local(local, target, &copy)
                                       : local->router->ops->deliver(local->router, target, &copy);
    local->letters.redirecting = false;
    hwsi_pid_release(target);
    return error == 0;
}

void hwsi_letter(struct hwsi_local *local, struct hws_pid *target,
                 const struct hws_message *message, enum hws_dead_letter_reason reason)
{
    struct hwsi_letters *letters = &local->letters;
    letters->total++;
    letters->by_reason[reason]++;
    if (!target->address->local)
        local->router->ops->count_letter(local->router, target, reason);
    struct hws_letter_answer answer = { .route = HWS_LETTER_PUBLISH };
    if (letters->route && !letters->redirecting)
        letters->route->ask(letters->route, &(struct hws_letter){ target, message, reason },
                            &answer);
    if (answer.route == HWS_LETTER_REDIRECT)
        redirect(local, message, answer.redirect);
    if (answer.route != HWS_LETTER_DROP) {
        log_letter(local, target, reason);
        hwsi_publish(local, &(struct hws_event){ .type = HWS_EVENT_DeadLetter,
                                                 .pid = target,
                                                 .sender = message->sender,
                                                 .reason = hws_reason_name((int)reason),
                                                 .message = message->payload,
                                                 .correlation = message->correlation });
    }
    tell_sender(local, target, message, reason);
}
