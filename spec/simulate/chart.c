/* SPDX-License-Identifier: MIT */
#include "chart.h"

#include <string.h>

#include "system_private.h"

/* --- events --- */

static enum hws_endpoint_state state_of(const char *name)
{
    int state = 0;
    while (strcmp(hws_endpoint_state_name((enum hws_endpoint_state)state), name) != 0)
        state++;
    return (enum hws_endpoint_state)state;
}

static void wrong(struct life *life, const struct hws_event *event, const char *what)
{
    char line[900];
    hws_event_json(event, line, sizeof line);
    world_fail(life->world, "s%02u: %s: %s", life->machine->index, what, line);
}

static void check_change(struct life *life, const struct sight *sight,
                         const struct hws_event *event)
{
    enum hws_endpoint_state from = state_of(event->from), to = state_of(event->state);
    if (!hwsi_endpoint_on_the_chart(from, to, event->type))
        wrong(life, event, "is not on the chart");
    if (sight->told && from == HWS_ENDPOINT_idle)
        return; /* its tombstone was forgotten */
    if (sight->told && (from != sight->state || event->since != sight->entered))
        wrong(life, event, "leaves another state than the last event entered");
}

void chart_event(struct life *life, struct sight *sight, const struct hws_event *event)
{
    uint32_t fields = hws_event_fields(event->type);
    bool changes = fields & HWS_F(from) && !event->success;
    if (!(fields & HWS_F(state)))
        return;
    if (fields & HWS_F(next) && event->next != HWS_NEVER && event->next < event->time)
        wrong(life, event, "what comes next is over already");
    if (!event->correlation.hi && !event->correlation.lo)
        wrong(life, event, "has no correlation id");
    if (changes) {
        check_change(life, sight, event);
        sight->told = true;
        sight->state = state_of(event->state);
        sight->entered = event->time;
    } else if (sight->told && state_of(event->state) != sight->state) {
        wrong(life, event, "is of another state than the last event entered");
    }
}

/* --- statistics --- */

static uint64_t sum(const uint64_t *by_reason)
{
    uint64_t total = 0;
    for (int i = 0; i < HWS_LINK_REASON_COUNT; i++)
        total += by_reason[i];
    return total;
}

void chart_balance(struct life *life, const struct hwsi_endpoint *endpoint)
{
    struct hwsi_dial_totals totals = { 0 };
    hwsi_tally_add(endpoint, &totals);
    uint64_t failures = sum(totals.failures), ends = sum(totals.disconnects);
    uint64_t dialing = endpoint->dialing != NULL, up = endpoint->connection != NULL;
    if (totals.attempts != totals.connects - endpoint->accepted + failures + dialing ||
        totals.connects != ends + up)
        world_fail(life->world,
                   "s%02u: %s: %llu dials, %llu connects (%llu accepted), %llu failures, "
                   "%llu ends, %llu dialing, %llu up do not add up",
                   life->machine->index, endpoint->address->text,
                   (unsigned long long)totals.attempts, (unsigned long long)totals.connects,
                   (unsigned long long)endpoint->accepted, (unsigned long long)failures,
                   (unsigned long long)ends, (unsigned long long)dialing, (unsigned long long)up);
}

/* --- both ends --- */

static const struct hwsi_endpoint *endpoint_to(const struct life *life, uint64_t uid)
{
    const struct hwsi_manager *manager = &life->system->manager;
    for (const struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = node->next) {
        const struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, all);
        if (endpoint->connection && endpoint->uid == uid)
            return endpoint;
    }
    return NULL;
}

static void agree(struct world *world, const struct life *one, const struct life *other)
{
    const struct hwsi_endpoint *here = endpoint_to(one, other->uid);
    const struct hwsi_endpoint *there = endpoint_to(other, one->uid);
    if (here && there &&
        (here->correlation.hi != there->correlation.hi ||
         here->correlation.lo != there->correlation.lo))
        world_fail(world, "s%02u and s%02u name their association %016llx and %016llx",
                   one->machine->index, other->machine->index,
                   (unsigned long long)here->correlation.hi,
                   (unsigned long long)there->correlation.hi);
}

void chart_agree(struct world *world)
{
    for (size_t i = 0; i < world->size; i++)
        for (size_t j = 0; j < i; j++)
            if (world->machines[i].now && world->machines[j].now)
                agree(world, world->machines[i].now, world->machines[j].now);
}
