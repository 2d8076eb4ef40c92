/* SPDX-License-Identifier: MIT */
/* The way out of actor/: what is addressed elsewhere goes to the endpoint of its address, made on first use. */
#include "remote/manager.h"

/* In the middle of a turn: the endpoints stay marked for its end. */
static void flush_segments(struct hwsi_manager *manager)
{
    for (struct hwsi_list *node = manager->dirty.next; node != &manager->dirty; node = node->next) {
        struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, dirty);
        if (endpoint->connection)
            hwsi_writer_flush(endpoint->connection, false);
    }
}

static struct hwsi_manager *manager_of(struct hwsi_router *router)
{
    return (struct hwsi_manager *)(void *)router;
}

/* Makes the endpoint, unless the transport can never dial it. One that is missing may still be added. */
static int endpoint_for(struct hwsi_manager *manager, struct hwsi_address *address,
                        struct hwsi_endpoint **out)
{
    const char *rest;
    bool spoken = hwsi_manager_transport(manager, address->text, &rest);
    int error = spoken ? hwsi_manager_check(manager, address->text, NULL, 0) : 0;
    return error ? error : hwsi_manager_endpoint(manager, address, out);
}

static int route(struct hwsi_router *router, struct hws_pid *to, struct hws_pid *target,
                 const struct hws_message *message)
{
    struct hwsi_endpoint *endpoint = to->address->endpoint;
    if (!endpoint) {
        int error = endpoint_for(manager_of(router), to->address, &endpoint);
        if (error) {
            struct hws_message letter = *message;
            letter.request_id = target ? letter.request_id : 0;
            hwsi_letter(manager_of(router)->local, to, &letter, HWS_REASON_disconnected);
            return error;
        }
    }
    return hwsi_endpoint_deliver(endpoint, target, message);
}

static int route_deliver(struct hwsi_router *router, struct hws_pid *target,
                         const struct hws_message *message)
{
    return route(router, target, target, message);
}

static int route_respond(struct hwsi_router *router, struct hws_pid *to, uint64_t request_id,
                         const struct hws_message *message)
{
    (void)request_id; /* it is in the message */
    return route(router, to, NULL, message);
}

static int route_notify(struct hwsi_router *router, enum hwsi_notice notice, struct hws_pid *target,
                        struct hws_pid *sender, uint32_t reason, uint64_t number,
                        uint64_t *sequence)
{
    struct hwsi_endpoint *endpoint = target->address->endpoint;
    if (!endpoint && (notice == HWSI_NOTICE_TERMINATED || notice == HWSI_NOTICE_DEAD_LETTER ||
                      notice == HWSI_NOTICE_UNWATCH))
        return 0;
    int error = endpoint ? 0 : endpoint_for(manager_of(router), target->address, &endpoint);
    return error ? error
                 : hwsi_watcher_notify(target, sender, notice, reason, number, endpoint, sequence);
}

static void route_count_letter(struct hwsi_router *router, struct hws_pid *target,
                               enum hws_dead_letter_reason reason)
{
    struct hwsi_endpoint *endpoint = target->address->endpoint;
    (void)router;
    if (!endpoint)
        return;
    endpoint->deliver_failure++;
    hwsi_tally_letter(endpoint, reason);
}

static void route_flush(struct hwsi_router *router)
{
    flush_segments(manager_of(router));
}

const struct hwsi_router_ops hwsi_router_ops_remote = { .deliver = route_deliver,
                                                        .respond = route_respond,
                                                        .notify = route_notify,
                                                        .flush = route_flush,
                                                        .count_letter = route_count_letter };
