/* SPDX-License-Identifier: MIT */
/*
 * The EndpointWatcher: the system lane. Watches across systems, Terminated in its place behind the messages sent before it,
 * dead-letter notices.
 */
#include "remote/manager.h"

static struct hws_slice id_slice(const struct hws_pid *pid)
{
    return (struct hws_slice){ (const uint8_t *)pid->id, pid->id_size };
}

int hwsi_watcher_notify(struct hws_pid *target, struct hws_pid *sender, enum hwsi_notice notice,
                        uint32_t reason, uint64_t number, struct hwsi_endpoint *endpoint,
                        uint64_t *sequence)
{
    static const enum hwsi_system_code codes[] = { [HWSI_NOTICE_WATCH] = HWSI_SYSTEM_WATCH,
                                                   [HWSI_NOTICE_UNWATCH] = HWSI_SYSTEM_UNWATCH,
                                                   [HWSI_NOTICE_TERMINATED] =
                                                       HWSI_SYSTEM_TERMINATED,
                                                   [HWSI_NOTICE_STOP] = HWSI_SYSTEM_STOP,
                                                   [HWSI_NOTICE_DEAD_LETTER] =
                                                       HWSI_SYSTEM_DEAD_LETTER };
    struct hwsi_system_message message = {
        .code = codes[notice], .target = id_slice(target), .reason = reason, .number = number
    };
    if (sender)
        message.sender = id_slice(sender);
    if (notice == HWSI_NOTICE_TERMINATED && endpoint->association)
        message.number = endpoint->association->lanes[HWSI_LANE_USER].appended;
    return hwsi_endpoint_notify(endpoint, &message, sequence);
}

struct notice {
    struct hwsi_endpoint *endpoint;
    struct hwsi_local *local;
    struct hws_pid *here, *there; /* the two actors, as far as the notice names them */
    const struct hwsi_system_message *message;
};

static int take_watch(struct notice *n)
{
    struct hwsi_watch *watch;
    if (hwsi_watch_find(n->local, n->there, n->here))
        return 0;
    if (!n->here->actor || n->local->watches.count >= HWSI_WATCHES_MAX)
        return hwsi_watcher_notify(n->there, n->here, HWSI_NOTICE_TERMINATED,
                                   HWS_TERMINATED_not_found, 0, n->endpoint, NULL);
    return hwsi_watch_place(n->local, n->there, n->here, &watch);
}

static int take_unwatch(struct notice *n)
{
    struct hwsi_watch *watch = hwsi_watch_find(n->local, n->there, n->here);
    if (watch)
        hwsi_watch_remove(n->local, watch);
    return 0;
}

static int take_terminated(struct notice *n)
{
    struct hwsi_watch *watch = hwsi_watch_find(n->local, n->here, n->there);
    if (!watch || watch->terminated)
        return 0;
    watch->terminated = true;
    watch->reason = n->message->reason < HWS_TERMINATED_COUNT ? (uint16_t)n->message->reason
                                                              : HWS_TERMINATED_stopped;
    watch->position = n->message->number;
    /* What it sent before it stopped is still under way on the user lane: wait for it, in the order of the positions. */
    hwsi_list_remove(&watch->by_address);
    hwsi_list_append(&n->endpoint->waiting, &watch->by_address);
    hwsi_watcher_settle(n->endpoint);
    return 0;
}

static int take_dead_letter(struct notice *n)
{
    uint32_t reason = n->message->reason;
    if (reason == 0 || reason >= HWS_REASON_COUNT)
        return HWS_EPROTOCOL;
    hwsi_letter_response(n->local, n->here, n->there, (enum hws_dead_letter_reason)reason,
                         n->message->number);
    return 0;
}

static int take(struct notice *n)
{
    switch (n->message->code) {
    case HWSI_SYSTEM_WATCH: return n->there ? take_watch(n) : HWS_EPROTOCOL;
    case HWSI_SYSTEM_UNWATCH: return n->there ? take_unwatch(n) : HWS_EPROTOCOL;
    case HWSI_SYSTEM_TERMINATED: return n->there ? take_terminated(n) : HWS_EPROTOCOL;
    case HWSI_SYSTEM_DEAD_LETTER: return n->there ? take_dead_letter(n) : HWS_EPROTOCOL;
    case HWSI_SYSTEM_STOP:
        if (n->here->actor)
            hwsi_request_stop(n->here->actor);
        return 0;
    }
    return HWS_EPROTOCOL;
}

int hwsi_watcher_receive(struct hwsi_endpoint *endpoint, struct hws_slice body)
{
    struct hwsi_system_message message;
    struct hwsi_local *local = endpoint->manager->local;
    struct notice notice = { .endpoint = endpoint, .local = local, .message = &message };
    int error = hwsi_system_message_decode(body, &message);
    if (!error)
        error = hwsi_pid_intern(local->names, local->names->local, message.target, &notice.here);
    if (!error && message.sender.data)
        error = hwsi_pid_intern(local->names, endpoint->address, message.sender, &notice.there);
    if (!error)
        error = take(&notice);
    hwsi_pid_release(notice.here);
    hwsi_pid_release(notice.there);
    return error && error != HWS_ENOMEM ? HWS_EPROTOCOL : error;
}

void hwsi_watcher_settle(struct hwsi_endpoint *endpoint)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&endpoint->waiting))) {
        struct hwsi_watch *watch = HWSI_ENTRY(node, struct hwsi_watch, by_address);
        if (watch->position > endpoint->association->received[HWSI_LANE_USER])
            return;
        hwsi_watch_fire(endpoint->manager->local, watch, (enum hws_terminated_reason)watch->reason);
    }
}

void hwsi_watcher_peer_gone(struct hwsi_endpoint *endpoint, enum hws_terminated_reason reason,
                            uint64_t sequence)
{
    struct hwsi_local *local = endpoint->manager->local;
    struct hwsi_list *head = &endpoint->address->watches, *node, *next;
    /* What waits for messages that do not come any more. Of a process that is gone no more can come, and it said so itself; one
     * that lives sends what it has not written yet over the next association, after this. */
    while ((node = hwsi_list_first(&endpoint->waiting))) {
        struct hwsi_watch *watch = HWSI_ENTRY(node, struct hwsi_watch, by_address);
        hwsi_watch_fire(local, watch,
                        reason == HWS_TERMINATED_restarted
                            ? (enum hws_terminated_reason)watch->reason
                            : reason);
    }
    for (node = head->next; node != head; node = next) {
        struct hwsi_watch *watch = HWSI_ENTRY(node, struct hwsi_watch, by_address);
        next = node->next;
        if (watch->target->address->local)
            hwsi_watch_remove(local, watch); /* the watcher is gone; there is nobody to tell */
        else if (watch->sequence <= sequence)
            hwsi_watch_fire(local, watch, reason);
    }
}
