/* SPDX-License-Identifier: MIT */
/* An endpoint's own try to reach its peer: the transport dials, or a client is waited for. */
#include "base/text.h"
#include "remote/manager.h"

/* A client can't be dialled: it comes back by itself, or not. */
static void await_client(struct hwsi_endpoint *endpoint)
{
    uint64_t wait = endpoint->manager->local->options->client_wait;
    char detail[128];
    uint64_t until = endpoint->lost_at + wait;
    if (until > hwsi_now(endpoint->manager->local)) {
        hwsi_timer_start(&endpoint->retry, until);
        return;
    }
    hwsi_say(detail, sizeof detail,
             "a client can not be dialled, and it did not come back within %.6g s",
             (double)wait / HWS_SECOND);
    hwsi_endpoint_close(endpoint, HWS_LINK_unreachable, detail, HWS_REASON_disconnected);
}

static void publish_attempt(struct hwsi_endpoint *endpoint)
{
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_AssociationAttempt,
                                                         .attempt = endpoint->attempt });
}

void hwsi_endpoint_dial(struct hwsi_endpoint *endpoint)
{
    struct hwsi_manager *manager = endpoint->manager;
    const char *rest;
    char detail[512] = "";
    if (hwsi_is_client_address(endpoint->address->text)) {
        await_client(endpoint);
        return;
    }
    endpoint->dials++;
    struct hws_transport *transport =
        hwsi_manager_transport(manager, endpoint->address->text, &rest);
    if (!transport) {
        hwsi_say(
            detail, sizeof detail,
            "%s can not be dialled: no transport speaks this address; expected host:port or unix:/path",
            endpoint->address->text);
        publish_attempt(endpoint);
        hwsi_endpoint_dial_failed(endpoint, HWS_LINK_unreachable, detail);
        return;
    }
    struct hwsi_connection *connection = hwsi_connection_new(manager, endpoint, true);
    int error = connection ? 0 : HWS_ENOMEM;
    struct hws_link *link = NULL;
    if (!error)
        error = transport->ops->dial(transport, rest, &connection->handler, &link, detail,
                                     sizeof detail);
    if (error && connection)
        hwsi_connection_free(connection);
    if (!error) {
        connection->link = link;
        endpoint->dialing = connection;
    }
    publish_attempt(endpoint);
    if (error)
        hwsi_endpoint_dial_failed(endpoint, hwsi_reason_of_error(error),
                                  detail[0] ? detail : hws_strerror(error));
}
