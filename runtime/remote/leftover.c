/* SPDX-License-Identifier: MIT */
/* What is left when a system stops: whether its links are through, what nobody took, and the goodbye to everybody. */
#include <string.h>

#include "base/text.h"
#include "remote/manager.h"

#define REMAINS_A_TURN 4096

bool hwsi_manager_drain_remains(struct hwsi_manager *manager)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&manager->remains))) {
        struct hwsi_association *association = HWSI_ENTRY(node, struct hwsi_association, node);
        if (hwsi_remains_drain(association, REMAINS_A_TURN))
            return true;
        hwsi_association_free(association);
    }
    return false;
}

bool hwsi_manager_idle(const struct hwsi_manager *manager)
{
    for (struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = node->next) {
        const struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, all);
        const struct hwsi_association *association = endpoint->association;
        if (association &&
            (hwsi_ring_count(&association->lanes[0]) || hwsi_ring_count(&association->lanes[1])))
            return false;
    }
    return true;
}

/* Room for ", and N for others" stays. */
#define OTHERS_MOST 48

static void count_leftover(struct hwsi_leftover *leftover, const struct hwsi_endpoint *endpoint)
{
    const struct hwsi_association *association = endpoint->association;
    uint64_t count = association ? hwsi_ring_count(&association->lanes[HWSI_LANE_USER]) : 0;
    size_t used = strlen(leftover->text), capacity = sizeof leftover->text - OTHERS_MOST;
    size_t needed = used;
    if (count == 0)
        return;
    leftover->count += count;
    hwsi_text_append(leftover->text, capacity, &needed, "%s%llu for %s", used ? ", " : "",
                     (unsigned long long)count, endpoint->address->text);
    if (needed < capacity)
        return;
    leftover->text[used] = 0;
    leftover->others += count;
}

void hwsi_manager_close_endpoints(struct hwsi_manager *manager, const char *reason,
                                  struct hwsi_leftover *out)
{
    struct hwsi_list *next;
    *out = (struct hwsi_leftover){ .count = 0 };
    manager->stopping = true;
    hwsi_manager_flush(manager);
    for (struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = next) {
        struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, all);
        next = node->next;
        count_leftover(out, endpoint);
        hwsi_endpoint_close(endpoint, HWS_LINK_shutdown, reason, HWS_REASON_stopped);
    }
    size_t used = strlen(out->text);
    if (out->others)
        hwsi_text_append(out->text, sizeof out->text, &used, "%s%llu for others",
                         used ? ", and " : "", (unsigned long long)out->others);
    for (struct hwsi_list *node = manager->connections.next; node != &manager->connections;
         node = next) {
        next = node->next;
        hwsi_connection_close(HWSI_ENTRY(node, struct hwsi_connection, node), HWSI_FRAME_REFUSE,
                              HWSI_REFUSED_shutdown, hwsi_refusal_sentence(HWSI_REFUSED_shutdown));
    }
}

bool hwsi_manager_closed(const struct hwsi_manager *manager)
{
    return hwsi_list_empty(&manager->connections) && hwsi_list_empty(&manager->remains);
}
