/* SPDX-License-Identifier: MIT */
/*
 * Watches: one object a pair, found by the pair, and linked where it must be found when something ends: at the local target,
 * at the local watcher, at the remote one's address.
 */
#include "actor/context.h"

#define RETRY_AFTER (10 * HWS_MILLISECOND) /* without memory */

struct pair {
    const struct hws_pid *watcher, *target;
};

static uint64_t pair_hash(const struct pair *pair)
{
    return hwsi_hash_u64((uintptr_t)pair->watcher ^ hwsi_hash_u64((uintptr_t)pair->target));
}

static bool pair_equal(const void *value, const void *key)
{
    const struct hwsi_watch *watch = value;
    const struct pair *pair = key;
    return watch->watcher == pair->watcher && watch->target == pair->target;
}

struct hwsi_watch *hwsi_watch_find(struct hwsi_local *local, struct hws_pid *watcher,
                                   struct hws_pid *target)
{
    struct pair pair = { watcher, target };
    return hwsi_map_find(&local->watches, pair_hash(&pair), pair_equal, &pair);
}

int hwsi_watch_place(struct hwsi_local *local, struct hws_pid *watcher, struct hws_pid *target,
                     struct hwsi_watch **out)
{
    struct pair pair = { watcher, target };
    struct hwsi_watch *watch = hwsi_alloc(local->heap, sizeof *watch);
    if (!watch || hwsi_map_put(&local->watches, pair_hash(&pair), watch)) {
        hwsi_free(local->heap, watch, sizeof *watch);
        return HWS_ENOMEM;
    }
    watch->watcher = hwsi_pid_retain(watcher);
    watch->target = hwsi_pid_retain(target);
    hwsi_list_init(&watch->by_target);
    hwsi_list_init(&watch->by_watcher);
    hwsi_list_init(&watch->by_address);
    if (target->actor)
        hwsi_list_append(&target->actor->watchers, &watch->by_target);
    if (watcher->actor)
        hwsi_list_append(&watcher->actor->watching, &watch->by_watcher);
    if (!target->address->local)
        hwsi_list_append(&target->address->watches, &watch->by_address);
    else if (!watcher->address->local)
        hwsi_list_append(&watcher->address->watches, &watch->by_address);
    hwsi_publish(local,
                 &(struct hws_event){ .type = HWS_EVENT_Watch, .pid = target, .watcher = watcher });
    *out = watch;
    return 0;
}

void hwsi_watch_remove(struct hwsi_local *local, struct hwsi_watch *watch)
{
    struct pair pair = { watch->watcher, watch->target };
    hwsi_map_remove(&local->watches, pair_hash(&pair), watch);
    hwsi_list_remove(&watch->by_target);
    hwsi_list_remove(&watch->by_watcher);
    hwsi_list_remove(&watch->by_address);
    hwsi_pid_release(watch->watcher);
    hwsi_pid_release(watch->target);
    hwsi_free(local->heap, watch, sizeof *watch);
}

static int tell_watcher(struct hwsi_local *local, struct hws_pid *watcher, struct hws_pid *target,
                        uint16_t reason)
{
    if (watcher->address->local)
        return watcher->actor ? hwsi_tell(watcher->actor, HWSI_LANE_USER, HWS_MESSAGE_terminated,
                                          target, reason, 0)
                              : 0;
    local->router->ops->notify(local->router, HWSI_NOTICE_TERMINATED, watcher, target, reason, 0,
                               NULL);
    return 0; /* a notice that can't be queued ends the association, which tells the watcher too */
}

void hwsi_watch_fire(struct hwsi_local *local, struct hwsi_watch *watch,
                     enum hws_terminated_reason reason)
{
    hwsi_list_remove(&watch->by_target);
    hwsi_list_remove(&watch->by_address);
    watch->terminated = true;
    watch->reason = (uint16_t)reason;
    struct hws_pid *watcher = hwsi_pid_retain(watch->watcher),
                   *target = hwsi_pid_retain(watch->target);
    bool near = watcher->address->local;
    if (!near)
        hwsi_watch_remove(local, watch);
    if (tell_watcher(local, watcher, target, (uint16_t)reason)) {
        hwsi_list_append(&local->untold, &watch->by_target);
        if (!hwsi_timer_running(&local->retry))
            hwsi_timer_start(&local->retry, hwsi_later(local, RETRY_AFTER));
    } else if (near) {
        hwsi_watch_remove(local, watch);
    }
    hwsi_pid_release(watcher);
    hwsi_pid_release(target);
}

void hwsi_watches_retry(struct hwsi_timer *timer)
{
    struct hwsi_local *local = HWSI_ENTRY(timer, struct hwsi_local, retry);
    struct hwsi_list again, *node;
    hwsi_list_init(&again);
    hwsi_list_splice(&again, &local->untold);
    while ((node = hwsi_list_first(&again))) {
        struct hwsi_watch *watch = HWSI_ENTRY(node, struct hwsi_watch, by_target);
        hwsi_watch_fire(local, watch, (enum hws_terminated_reason)watch->reason);
    }
}

int hwsi_watch_local_target(struct hwsi_local *local, struct hws_pid *watcher,
                            struct hws_pid *target)
{
    struct hwsi_watch *watch;
    if (!target->actor)
        return tell_watcher(local, watcher, target, HWS_TERMINATED_not_found);
    return hwsi_watch_place(local, watcher, target, &watch);
}

int hws_watch(struct hws_system *system, struct hws_pid *watcher, struct hws_pid *target)
{
    struct hwsi_local *local = hwsi_local_of(system);
    struct hwsi_watch *watch;
    if (!watcher->actor)
        return watcher->address->local ? HWS_ENOTFOUND : HWS_EINVAL;
    if (hwsi_watch_find(local, watcher, target))
        return 0;
    if (target->address->local)
        return hwsi_watch_local_target(local, watcher, target);
    int error = hwsi_watch_place(local, watcher, target, &watch);
    if (error)
        return error;
    error = local->router->ops->notify(local->router, HWSI_NOTICE_WATCH, target, watcher, 0, 0,
                                       &watch->sequence);
    if (error)
        hwsi_watch_remove(local, watch);
    return error;
}

/* Takes a Terminated of `target` that waits in the watcher's mailbox out of its effect: it becomes a message nobody hears. */
static void forget_told(struct hws_context *watcher, const struct hws_pid *target)
{
    struct hwsi_lane *lane = &watcher->lanes[HWSI_LANE_USER];
    uint64_t left = watcher->told; /* without any, a long mailbox is not walked */
    for (struct hwsi_mailbox_node *node = lane->head; node && left; node = node->next)
        for (uint32_t i = node->read; i < node->written; i++) {
            struct hws_message *message = &node->items[i];
            left -= message->kind == HWS_MESSAGE_terminated;
            if (message->kind != HWS_MESSAGE_terminated || message->who != target ||
                message == watcher->current)
                continue;
            message->kind = HWSI_MESSAGE_nothing;
            watcher->told--;
        }
}

int hws_unwatch(struct hws_system *system, struct hws_pid *watcher, struct hws_pid *target)
{
    struct hwsi_local *local = hwsi_local_of(system);
    if (!watcher->actor)
        return watcher->address->local ? HWS_ENOTFOUND : HWS_EINVAL;
    forget_told(watcher->actor, target); /* of a life of that name before this one, too */
    struct hwsi_watch *watch = hwsi_watch_find(local, watcher, target);
    if (!watch)
        return 0;
    hwsi_watch_remove(local, watch);
    if (target->address->local)
        return 0;
    return local->router->ops->notify(local->router, HWSI_NOTICE_UNWATCH, target, watcher, 0, 0,
                                      NULL);
}
