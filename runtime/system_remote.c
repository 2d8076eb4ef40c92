/* SPDX-License-Identifier: MIT */
/* hawser/remote.h: reading and steering endpoints. */
#include <string.h>

#include "base/text.h"
#include "system_private.h"

int hwsi_system_find_address(struct hws_system *system, const char *text,
                             struct hwsi_address **address)
{
    int error = hwsi_address_intern(system->local.names, hws_slice_text(text), address);
    if (!error && !(*address)->endpoint) {
        hwsi_address_release(*address);
        error = HWS_ENOTFOUND;
    }
    return error;
}

int hws_check_address(struct hws_system *system, const char *text, char *message, size_t capacity)
{
    return hwsi_manager_check(&system->manager, text, message, capacity);
}

int hws_associate(struct hws_system *system, const char *text)
{
    struct hwsi_address *address;
    struct hwsi_endpoint *endpoint;
    int error = hws_check_address(system, text, NULL, 0);
    error =
        error ? error : hwsi_address_intern(system->local.names, hws_slice_text(text), &address);
    if (error)
        return error;
    error = hwsi_manager_endpoint(&system->manager, address, &endpoint);
    hwsi_address_release(address);
    return error ? error : hwsi_endpoint_associate(endpoint);
}

int hws_close_endpoint(struct hws_system *system, const char *text, const char *reason)
{
    struct hwsi_address *address;
    int error = hwsi_system_find_address(system, text, &address);
    if (error)
        return error;
    hwsi_endpoint_close(address->endpoint, HWS_LINK_closed, reason ? reason : "closed by call",
                        HWS_REASON_disconnected);
    hwsi_address_release(address);
    return 0;
}

int hws_quarantine(struct hws_system *system, const char *text, const char *reason,
                   uint64_t duration)
{
    struct hwsi_address *address;
    int error = hwsi_system_find_address(system, text, &address);
    if (error)
        return error;
    error = hwsi_endpoint_quarantine(address->endpoint, reason ? reason : "quarantined by call",
                                     duration);
    hwsi_address_release(address);
    return error;
}

int hws_release(struct hws_system *system, const char *text)
{
    struct hwsi_address *address;
    int error = hwsi_system_find_address(system, text, &address);
    if (error)
        return error;
    struct hwsi_endpoint *endpoint = address->endpoint;
    bool any = hwsi_endpoint_forget_replaced(endpoint);
    if (endpoint->state == HWS_ENDPOINT_quarantined)
        hwsi_endpoint_release(endpoint, "operator");
    else if (!any)
        error = HWS_ENOTFOUND;
    hwsi_address_release(address);
    return error;
}

int hws_block_system(struct hws_system *system, const char *name)
{
    return hwsi_manager_block(&system->manager, name);
}

int hws_unblock_system(struct hws_system *system, const char *name)
{
    return hwsi_manager_unblock(&system->manager, name);
}

void hws_each_blocked_system(struct hws_system *system, void (*fn)(void *data, const char *name),
                             void *data)
{
    hwsi_manager_each_blocked(&system->manager, fn, data);
}

int hws_cut_link(struct hws_system *system, const char *text)
{
    struct hwsi_address *address;
    int error = hwsi_system_find_address(system, text, &address);
    if (error)
        return error;
    struct hwsi_endpoint *endpoint = address->endpoint;
    if (endpoint->connection) {
        hwsi_connection_close(endpoint->connection, HWSI_FRAME_BYE, 0, "");
        hwsi_endpoint_link_lost(endpoint, HWS_LINK_reset, "the link was cut by call");
    } else {
        error = HWS_EDISCONNECTED;
    }
    hwsi_address_release(address);
    return error;
}
