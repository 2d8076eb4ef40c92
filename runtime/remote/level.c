/* SPDX-License-Identifier: MIT */
/*
 * An endpoint's throttle level. The policy's levels are compiled to two marks, the one whose reaching changes the level upwards and
 * the one downwards, and to how much of what is offered is kept. The message path compares two numbers as long as none matters.
 */
#include <string.h>

#include "base/text.h"
#include "remote/manager.h"

const char *hwsi_endpoint_level_name(const struct hwsi_endpoint *endpoint, uint8_t level)
{
    return level && endpoint->levels && level <= endpoint->levels->given.count
               ? endpoint->levels->given.level[level - 1].name
               : "normal";
}

static void publish_level(struct hwsi_endpoint *endpoint)
{
    hwsi_endpoint_publish(endpoint, &(struct hws_event){ .type = HWS_EVENT_EndpointThrottled,
                                                         .level = hwsi_endpoint_level_name(
                                                             endpoint, endpoint->level) });
    hwsi_pressure_changed(endpoint);
}

/* 0.60 - 0.05 of 100 is 55, whatever doubles say. */
#define SLACK 1e-6

static uint64_t share(double part, uint64_t whole)
{
    double mark = part * (double)whole;
    uint64_t rounded = (uint64_t)mark;
    return (double)rounded < mark - SLACK ? rounded + 1 : rounded;
}

static uint64_t share_down(double part, uint64_t whole)
{
    return (uint64_t)(part * (double)whole + SLACK);
}

static void set_keep(struct hwsi_endpoint *endpoint)
{
    endpoint->keep = 1;
    endpoint->offered = 0;
    if (!endpoint->level)
        return;
    const struct hws_throttle_levels *levels = &endpoint->levels->given;
    if (levels->level[endpoint->level - 1].refuse)
        endpoint->keep = 0;
    else if (levels->level[endpoint->level - 1].keep_every)
        endpoint->keep = levels->level[endpoint->level - 1].keep_every;
}

static void set_marks(struct hwsi_endpoint *endpoint)
{
    const struct hws_options *options = endpoint->manager->local->options;
    const struct hws_throttle_levels *levels = &endpoint->levels->given;
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
        endpoint->down =
            (struct hwsi_level_mark){ share_down(until, count), share_down(until, bytes) };
        /* Without hysteresis the mark down must still lie below the mark up, or the level would flap. */
        struct hwsi_level_mark reached = { share(levels->level[endpoint->level - 1].from, count),
                                           share(levels->level[endpoint->level - 1].from, bytes) };
        if (endpoint->down.count >= reached.count)
            endpoint->down.count = reached.count - 1;
        if (endpoint->down.bytes >= reached.bytes)
            endpoint->down.bytes = reached.bytes - 1;
    }
}

/* So that the message path compares two numbers: below them a frame of whatever names fits and reaches no mark. */
static void set_ample(struct hwsi_endpoint *endpoint)
{
    const struct hws_options *options = endpoint->manager->local->options;
    struct hwsi_level_mark most = { options->endpoint_writer_queue_size,
                                    options->endpoint_writer_queue_bytes };
    if (endpoint->up.count - 1 < most.count)
        most.count = endpoint->up.count - 1;
    if (endpoint->up.bytes < most.bytes)
        most.bytes = endpoint->up.bytes;
    most.bytes = most.bytes > HWSI_DELIVER_MOST ? most.bytes - HWSI_DELIVER_MOST : 0;
    endpoint->ample = endpoint->keep == 1 ? most : (struct hwsi_level_mark){ 0, 0 };
}

static void set_level(struct hwsi_endpoint *endpoint, uint8_t level)
{
    endpoint->level = level;
    set_marks(endpoint);
    set_keep(endpoint);
    set_ample(endpoint);
}

static void climb(struct hwsi_endpoint *endpoint)
{
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    while (hwsi_ring_count(ring) >= endpoint->up.count || ring->bytes >= endpoint->up.bytes)
        set_level(endpoint, (uint8_t)(endpoint->level + 1));
}

void hwsi_endpoint_level_up(struct hwsi_endpoint *endpoint)
{
    uint8_t before = endpoint->level;
    climb(endpoint);
    if (endpoint->level != before)
        publish_level(endpoint);
}

void hwsi_endpoint_level_down(struct hwsi_endpoint *endpoint)
{
    const struct hwsi_ring *ring = &endpoint->association->lanes[HWSI_LANE_USER];
    uint8_t before = endpoint->level;
    while (endpoint->level && hwsi_ring_count(ring) <= endpoint->down.count &&
           ring->bytes <= endpoint->down.bytes)
        set_level(endpoint, (uint8_t)(endpoint->level - 1));
    if (endpoint->level != before)
        publish_level(endpoint);
}

static int ask(struct hwsi_endpoint *endpoint)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hws_throttle_levels given;
    struct hws_policy_error error;
    hwsi_policy_throttle(manager->policy, endpoint->address->text, &given, &error);
    struct hwsi_levels *levels = hwsi_levels_share(&manager->levels, manager->local->heap, &given);
    if (!levels)
        hwsi_text_copy(error.text, sizeof error.text,
                       "throttle: no memory for its levels, those before stay in force");
    if (error.text[0])
        hwsi_manager_policy_failed(manager, endpoint->address->text, &error);
    if (!levels)
        return HWS_ENOMEM;
    hwsi_levels_release(endpoint->levels, manager->local->heap);
    endpoint->levels = levels;
    return 0;
}

int hwsi_endpoint_levels(struct hwsi_endpoint *endpoint)
{
    char before[sizeof endpoint->levels->given.level[0].name];
    hwsi_text_copy(before, sizeof before, hwsi_endpoint_level_name(endpoint, endpoint->level));
    int error = ask(endpoint);
    if (!endpoint->levels)
        return error;
    set_level(endpoint, 0); /* other levels: what the ring holds is judged anew */
    if (endpoint->association)
        climb(endpoint);
    if (strcmp(before, hwsi_endpoint_level_name(endpoint, endpoint->level)) == 0)
        return 0;
    endpoint->told_level = UINT8_MAX; /* the same number may be another level now */
    publish_level(endpoint);
    return 0;
}

void hwsi_endpoint_level_reset(struct hwsi_endpoint *endpoint)
{
    endpoint->level = 0; /* what the ring holds is judged anew, from normal */
    publish_level(endpoint);
    hwsi_endpoint_levels(endpoint);
}

void hwsi_endpoint_level_end(struct hwsi_endpoint *endpoint)
{
    endpoint->last_level = endpoint->level;
    if (!endpoint->level)
        return;
    set_level(endpoint, 0);
    publish_level(endpoint);
}
