/* SPDX-License-Identifier: MIT */
/* Who is shut out: a uid for a time (quarantine) or because a newer one has its place, a system by its name (the block list). */
#include <string.h>

#include "base/utf8.h"
#include "remote/manager.h"

/* --- quarantine --- */

int hwsi_endpoint_quarantine(struct hwsi_endpoint *endpoint, const char *detail, uint64_t duration)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hwsi_local *local = manager->local;
    if (endpoint->uid == 0)
        return HWS_ESTATE;
    if (duration == 0)
        duration = local->options->quarantine_duration;
    if (duration < HWS_SECOND)
        duration = HWS_SECOND;
    uint64_t count =
        hwsi_endpoint_end_life(endpoint, HWSI_REFUSED_quarantined, detail, HWS_REASON_quarantined);
    hwsi_manager_exhume(manager, endpoint);
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_quarantined, detail);
    endpoint->quarantined_uid = endpoint->uid;
    hwsi_timer_start(&endpoint->retry, hwsi_later(local, duration));
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_Quarantined,
                                                         .delay = duration,
                                                         .detail = detail,
                                                         .count = count });
    hwsi_watcher_peer_gone(endpoint, HWS_TERMINATED_address_terminated, UINT64_MAX);
    return 0;
}

void hwsi_endpoint_release(struct hwsi_endpoint *endpoint, const char *reason)
{
    if (endpoint->state != HWS_ENDPOINT_quarantined)
        return;
    hwsi_timer_stop(&endpoint->retry);
    hwsi_endpoint_set_state(endpoint, HWS_ENDPOINT_closed, "released from quarantine");
    hwsi_endpoint_publish(endpoint,
                          &(struct hws_event){ .type = HWS_EVENT_Released, .reason = reason });
    endpoint->quarantined_uid = 0;
    hwsi_manager_bury(endpoint->manager, endpoint);
}

/* --- uids that were replaced --- */

static void forget_one(uint64_t *replaced, uint64_t uid)
{
    size_t kept = 0;
    for (size_t i = 0; i < HWSI_REPLACED_MAX; i++)
        if (replaced[i] != uid)
            replaced[kept++] = replaced[i];
    while (kept < HWSI_REPLACED_MAX)
        replaced[kept++] = 0;
}

void hwsi_endpoint_taken_by(struct hwsi_endpoint *endpoint, uint64_t uid)
{
    uint64_t *replaced = endpoint->replaced;
    forget_one(replaced, uid);
    if (endpoint->uid && endpoint->uid != uid) {
        memmove(replaced + 1, replaced, sizeof *replaced * (HWSI_REPLACED_MAX - 1));
        replaced[0] = endpoint->uid;
    }
    endpoint->uid = uid;
}

static bool is_stale(const struct hwsi_endpoint *endpoint, uint64_t uid)
{
    for (size_t i = 0; i < HWSI_REPLACED_MAX; i++)
        if (endpoint->replaced[i] == uid)
            return true;
    return false;
}

/*
 * Which of two processes is the older one is known only by the order in which they were heard, and that can be wrong: what a dead one
 * wrote may be read after its successor's HELLO. So the address decides, by who answers there.
 */
bool hwsi_endpoint_refuses_stale(struct hwsi_endpoint *endpoint, uint64_t uid)
{
    if (!is_stale(endpoint, uid))
        return false;
    if (!endpoint->connection && endpoint->manager->local->options->auto_start)
        hwsi_endpoint_associate(
            endpoint); /* only from idle and closed; the others dial by themselves */
    return true;
}

bool hwsi_endpoint_forget_replaced(struct hwsi_endpoint *endpoint)
{
    bool any = endpoint->replaced[0] != 0;
    memset(endpoint->replaced, 0, sizeof endpoint->replaced);
    return any;
}

/* --- the block list --- */

struct blocked {
    struct hwsi_list node;
    char name[HWSI_NAME_MAX + 1];
};

static struct blocked *find(const struct hwsi_manager *manager, struct hws_slice name)
{
    for (struct hwsi_list *node = manager->blocked.next; node != &manager->blocked;
         node = node->next) {
        struct blocked *blocked = HWSI_ENTRY(node, struct blocked, node);
        if (strlen(blocked->name) == name.size && memcmp(blocked->name, name.data, name.size) == 0)
            return blocked;
    }
    return NULL;
}

bool hwsi_manager_blocks(const struct hwsi_manager *manager, struct hws_slice name)
{
    return find(manager, name) != NULL;
}

static void publish_blocked(struct hwsi_manager *manager, const char *address, const char *name)
{
    hwsi_publish(manager->local, &(struct hws_event){
                                     .type = HWS_EVENT_Blocked, .address = address, .name = name });
}

bool hwsi_manager_refuses(struct hwsi_manager *manager, const char *address, struct hws_slice name)
{
    const struct blocked *blocked = find(manager, name);
    if (blocked)
        publish_blocked(manager, address, blocked->name);
    return blocked != NULL;
}

static void cut_off(struct hwsi_manager *manager, const char *name)
{
    struct hwsi_list *next;
    for (struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = next) {
        struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, all);
        next = node->next;
        if (!endpoint->connection || strcmp(endpoint->name, name) != 0)
            continue;
        publish_blocked(manager, endpoint->address->text, name);
        hwsi_endpoint_close(endpoint, HWS_LINK_blocked, hwsi_refusal_sentence(HWSI_REFUSED_blocked),
                            HWS_REASON_blocked);
        next = manager->endpoints.next; /* a tombstone that was due may have gone: start again */
    }
}

int hwsi_manager_block(struct hwsi_manager *manager, const char *name)
{
    if (!hwsi_text_valid(hws_slice_text(name), HWSI_NAME_MAX, HWSI_TEXT_NAME))
        return HWS_EINVAL;
    if (find(manager, hws_slice_text(name)))
        return 0;
    struct blocked *blocked = hwsi_alloc(manager->local->heap, sizeof *blocked);
    if (!blocked)
        return HWS_ENOMEM;
    memcpy(blocked->name, name, strlen(name) + 1);
    hwsi_list_append(&manager->blocked, &blocked->node);
    cut_off(manager, name);
    return 0;
}

static void forget(struct hwsi_manager *manager, struct blocked *blocked)
{
    hwsi_list_remove(&blocked->node);
    hwsi_free(manager->local->heap, blocked, sizeof *blocked);
}

int hwsi_manager_unblock(struct hwsi_manager *manager, const char *name)
{
    struct blocked *blocked = find(manager, hws_slice_text(name));
    if (!blocked)
        return HWS_ENOTFOUND;
    forget(manager, blocked);
    return 0;
}

void hwsi_manager_each_blocked(const struct hwsi_manager *manager,
                               void (*fn)(void *data, const char *name), void *data)
{
    for (struct hwsi_list *node = manager->blocked.next; node != &manager->blocked;
         node = node->next)
        fn(data, HWSI_ENTRY(node, struct blocked, node)->name);
}

void hwsi_manager_free_blocked(struct hwsi_manager *manager)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&manager->blocked)))
        forget(manager, HWSI_ENTRY(node, struct blocked, node));
}
