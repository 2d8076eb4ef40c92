/* SPDX-License-Identifier: MIT */
/* hawser/remote.h: how full the endpoints' rings are. */
#include "system_private.h"

unsigned hws_pressure(const struct hws_pid *target, const char **level)
{
    const struct hwsi_endpoint *endpoint = target->address->endpoint;
    unsigned index = endpoint ? endpoint->level : 0;
    if (level)
        *level = index ? hwsi_endpoint_level_name(endpoint, endpoint->level) : "normal";
    return index;
}

int hws_queue(struct hws_system *system, const char *text, struct hws_backpressure *out)
{
    struct hwsi_address *address;
    int error = hwsi_address_intern(system->local.names, hws_slice_text(text), &address);
    if (error)
        return error;
    if (address->endpoint) {
        hwsi_pressure_read(address->endpoint, out);
        out->address = text;
    } else {
        error = HWS_ENOTFOUND;
    }
    hwsi_address_release(address);
    return error;
}

int hws_register_backpressure_listener(struct hws_system *system, const char *pattern,
                                       hws_backpressure_fn fn, void *data,
                                       struct hws_backpressure_listener **out)
{
    return hwsi_pressure_listen(&system->manager.pressure, system->heap, &system->manager.endpoints,
                                pattern, fn, data, out);
}
