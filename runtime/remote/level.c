/* SPDX-License-Identifier: MIT */
/*
 * An endpoint's throttle level. The policy's levels are compiled to two marks, the one whose reaching changes the level upwards and
 * the one downwards, so that the message path compares two numbers.
 */
#include "remote/manager.h"

static void publish_level(struct hwsi_endpoint *endpoint)
{
    hwsi_publish(endpoint->manager->local,
                 &(struct hws_event){
                     .type = HWS_EVENT_EndpointThrottled,
                     .address = endpoint->address->text,
                     .incarnation = endpoint->incarnation,
                     .level = endpoint->level ? endpoint->levels.level[endpoint->level - 1].name
                                              : "normal" });
}

static uint64_t share(double part, uint64_t whole)
{
    double mark = part * (double)whole;
    uint64_t rounded = (uint64_t)mark;
    return (double)rounded < mark ? rounded + 1 : rounded;
}

static void set_marks(struct hwsi_endpoint *endpoint)
{
    const struct hws_options *options = endpoint->manager->local->options;
    const struct hws_throttle_levels *levels = &endpoint->levels;
    uint64_t count = options->endpoint_writer_queue_size,
             bytes = options->endpoint_writer_queue_bytes;
    endpoint->up = (struct hwsi_level_mark){ UINT64_MAX, UINT64_MAX };
    endpoint->down = (struct hwsi_level_mark){ 0, 0 };
    if (endpoint->level < levels->count) {
        double from = levels->level[endpoint->level].from;
        endpoint->up = (struct hwsi_level_mark){ share(from, count), share(from, bytes) };
    }
    if (endpoint->level) {
        double until = levels->level[endpoint->level - 1].from - levels->hysteresis;
        if (until < 0)
            until = 0;
        endpoint->down = (struct hwsi_level_mark){ (uint64_t)(until * (double)count),
                                                   (uint64_t)(until * (double)bytes) };
        /* Without hysteresis the mark down must still lie below the mark up, or the level would flap. */
        struct hwsi_level_mark reached = { share(levels->level[endpoint->level - 1].from, count),
                                           share(levels->level[endpoint->level - 1].from, bytes) };
        if (endpoint->down.count >= reached.count)
            endpoint->down.count = reached.count - 1;
        if (endpoint->down.bytes >= reached.bytes)
            endpoint->down.bytes = reached.bytes - 1;
    }
}

void hwsi_endpoint_level_up(struct hwsi_endpoint *endpoint)
{
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    uint8_t before = endpoint->level;
    while (hwsi_ring_count(ring) >= endpoint->up.count || ring->bytes >= endpoint->up.bytes) {
        endpoint->level++;
        set_marks(endpoint);
    }
    if (endpoint->level != before)
        publish_level(endpoint);
}

void hwsi_endpoint_level_down(struct hwsi_endpoint *endpoint)
{
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    uint8_t before = endpoint->level;
    while (endpoint->level && hwsi_ring_count(ring) <= endpoint->down.count &&
           ring->bytes <= endpoint->down.bytes) {
        endpoint->level--;
        set_marks(endpoint);
    }
    if (endpoint->level != before)
        publish_level(endpoint);
}

void hwsi_endpoint_levels(struct hwsi_endpoint *endpoint)
{
    struct hws_policy_error error;
    hwsi_policy_throttle(endpoint->manager->policy, endpoint->address->text, &endpoint->levels,
                         &error);
    if (error.text[0])
        hwsi_manager_policy_failed(endpoint->manager, endpoint->address->text, &error);
    if (endpoint->level > endpoint->levels.count)
        endpoint->level = (uint8_t)endpoint->levels.count;
    set_marks(endpoint);
    if (!endpoint->association)
        return;
    hwsi_endpoint_level_down(endpoint);
    hwsi_endpoint_level_up(endpoint);
}

void hwsi_endpoint_level_reset(struct hwsi_endpoint *endpoint)
{
    endpoint->level = 0; /* what the ring holds is judged anew, from normal */
    publish_level(endpoint);
    hwsi_endpoint_levels(endpoint);
}
