/* SPDX-License-Identifier: MIT */
#include "course.h"

#include <stdio.h>

#include "actor.h"
#include "chart.h"
#include "fault.h"
#include "witness.h"

/* --- traffic and faults --- */

static struct mortal *random_mortal(struct world *world)
{
    const struct entries *mortals = &world->book.mortals;
    return mortals->count ? mortals->items[dice_roll(&world->dice, mortals->count)] : NULL;
}

static void traffic(struct world *world, struct life *life)
{
    struct dice *dice = &world->dice;
    struct machine *to = actor_partner(life->machine);
    struct mortal *mortal = random_mortal(world);
    switch (dice_roll(dice, 11)) {
    case 0:
    case 1: actor_ask(life, to); return;
    case 2:
        if (to->now)
            actor_make_mortal(life, to->now);
        return;
    case 3:
    case 4:
        if (mortal && mortal->listener->machine->now)
            actor_watch(mortal->listener->machine->now, mortal);
        return;
    case 5:
        if (mortal)
            actor_end_mortal(mortal);
        return;
    case 6: actor_ask_service(life, to); return;
    default: break;
    }
    for (uint64_t count = 1 + dice_roll(dice, 20); count; count--)
        actor_send(life, to);
}

static void pass_time(struct world *world)
{
    struct dice *dice = &world->dice;
    switch (dice_roll(dice, 64)) {
    case 0: world_run(world, dice_roll(dice, 60 * HWS_SECOND)); break;
    case 1:
    case 2:
    case 3:
    case 4: world_run(world, dice_roll(dice, 3 * HWS_SECOND)); break;
    default:
        if (dice_chance(dice, 2))
            world_run(world, dice_roll(dice, 20 * HWS_MILLISECOND));
    }
}

static void act(struct world *world)
{
    struct life *life = world->machines[dice_roll(&world->dice, world->size)].now;
    fault_mend(world);
    if (dice_chance(&world->dice, 6))
        fault_strike(world);
    else if (life)
        traffic(world, life);
    pass_time(world);
    world_clear_doubts(world);
}

/* --- calm --- */

static uint64_t patience_of(const struct hws_options *options)
{
    double wait = (double)options->reconnect_max * (1 + options->reconnect_jitter);
    return options->heartbeat_timeout + options->heartbeat_interval + 2 * (uint64_t)wait +
           options->connect_timeout + 2 * options->handshake_timeout + options->gate_duration;
}

/* Whoever still wants to talk to a peer says so, again and again. */
static bool wants(struct machine *one, struct machine *other)
{
    char address[NAME_ROOM];
    if (!one->now || witness_connected(one->now, other))
        return one->now != NULL;
    world_address(other, address);
    if (!other->client)
        hws_associate(one->now->system, address);
    return false;
}

static bool all_connected(struct world *world, struct machine **one, struct machine **other)
{
    bool all = true;
    for (size_t i = 0; i < world->size; i++)
        for (size_t j = 0; j < world->size; j++) {
            if (!world->machines[i].talks[j] || wants(&world->machines[i], &world->machines[j]))
                continue;
            *one = &world->machines[i];
            *other = &world->machines[j];
            all = false;
        }
    return all;
}

#define CLOCKS_BEHIND (6 * HWS_SECOND)

static void expect_connections(struct world *world)
{
    struct machine *one = NULL, *other = NULL;
    uint64_t most = 0, begin = world_now(world);
    for (size_t i = 0; i < world->size; i++)
        if (patience_of(&world->machines[i].options) > most)
            most = patience_of(&world->machines[i].options);
    most = 2 * most + CLOCKS_BEHIND;
    while (!world->violation[0] && !all_connected(world, &one, &other)) {
        if (world_now(world) - begin > most)
            world_fail(world, "s%02u has no connection to s%02u, %.3f s after the last fault",
                       one->index, other->index, (double)most / HWS_SECOND);
        world_run(world, 200 * HWS_MILLISECOND);
    }
}

static bool settled(void *data)
{
    const struct world *world = data;
    return world->book.unsettled == 0 || world->violation[0];
}

static void end_mortals(struct world *world)
{
    for (uint32_t i = 0; i < world->book.mortals.count; i++)
        actor_end_mortal(world->book.mortals.items[i]);
}

static void account(struct world *world)
{
    end_mortals(world);
    hws_loopback_run_until(world->network, settled, world, 900 * HWS_SECOND);
    world_run(world, CLOCKS_BEHIND); /* for acknowledgements, and what must not come any more */
    world_clear_doubts(world);
    chart_agree(world);
    book_close(world);
    for (size_t i = 0; i < world->size; i++)
        witness_quiet(world->machines[i].now);
}

/* --- the end --- */

static void end(struct world *world)
{
    world->ending = true;
    for (size_t i = 0; i < world->size; i++)
        world_stop(&world->machines[i], dice_roll(&world->dice, 3) * HWS_SECOND);
    world_run(world, 60 * HWS_SECOND);
    world->tally->virtual_ns += world_now(world);
    world->tally->counts[COUNT_steps] += world->steps;
    if (world->violation[0])
        return;
    uint64_t now = world_now(world);
    hws_loopback_free(world->network);
    world->network = NULL;
    if (world->meter.held) {
        snprintf(world->violation, sizeof world->violation, "%zu bytes are held at the end",
                 world->meter.held);
        world->violated_at = now;
    }
}

bool course_run(struct world *world)
{
    uint64_t acts = 40 + dice_roll(&world->dice, 200);
    while (acts-- && !world->violation[0])
        act(world);
    world->calm = true;
    fault_end_all(world);
    if (!world->violation[0])
        expect_connections(world);
    if (!world->violation[0])
        account(world);
    if (!world->violation[0])
        end(world);
    return !world->violation[0];
}
