/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <stdio.h>

#include "actor.h"

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[] = {
#define X(name) #name,
        FAULTS(X)
#undef X
    };
    return names[kind];
}

/* Two that talk to each other, or would. */
struct strike {
    struct world *world;
    struct machine *one, *other;
    uint64_t duration;
};

static const char *address_of(const struct machine *machine)
{
    static char address[NAME_ROOM];
    world_address(machine, address);
    return address;
}

/* What is said of a listening address to the network. */
static const char *place_of(const struct machine *machine)
{
    return address_of(machine) + sizeof "loop:" - 1;
}

/* --- links --- */

static bool cut_everything(struct strike *s)
{
    hws_loopback_cut(s->world->network);
    return true;
}

static bool cut_pair(struct strike *s)
{
    return hws_loopback_cut_between(s->world->network, s->one->name, s->other->name) > 0;
}

static bool cut_by_call(struct strike *s)
{
    return s->one->now && hws_cut_link(s->one->now->system, address_of(s->other)) == 0;
}

static bool unreachable(struct strike *s)
{
    if (s->one->client)
        return false;
    hws_loopback_reachable(s->world->network, place_of(s->one), false);
    return true;
}

static bool partition(struct strike *s, enum hws_loopback_rift rift)
{
    const char *left[MACHINES], *right[MACHINES];
    size_t lefts = 0, rights = 0;
    for (size_t i = 0; i < s->world->size; i++) {
        const struct machine *machine = &s->world->machines[i];
        if (machine != s->one && (machine == s->other || dice_chance(&s->world->dice, 2)))
            right[rights++] = machine->name;
        else
            left[lefts++] = machine->name;
    }
    return hws_loopback_partition(s->world->network, left, lefts, right, rights, rift) == 0;
}

static bool partition_cut(struct strike *s)
{
    return partition(s, HWS_LOOPBACK_RIFT_cut);
}

static bool partition_silent(struct strike *s)
{
    return partition(s, HWS_LOOPBACK_RIFT_silent);
}

static bool partition_one_way(struct strike *s)
{
    return partition(s, HWS_LOOPBACK_RIFT_one_way);
}

static bool collide(struct strike *s)
{
    return hws_loopback_collide(s->world->network, s->one->name, s->other->name) == 0;
}

static bool dial_at_once(struct strike *s)
{
    if (!s->one->now || !s->other->now)
        return false;
    hws_loopback_cut_between(s->world->network, s->one->name, s->other->name);
    hws_associate(s->one->now->system, address_of(s->other));
    hws_associate(s->other->now->system, address_of(s->one));
    return true;
}

/* --- ways --- */

static bool set_way(struct strike *s, const struct hws_loopback_way *way)
{
    hws_loopback_set_way(s->world->network, s->one->name, s->other->name, way);
    return true;
}

static bool way_slow(struct strike *s)
{
    struct hws_loopback_way way = s->world->way;
    way.latency = dice_roll(&s->world->dice, 3000) * HWS_MILLISECOND;
    return set_way(s, &way);
}

static bool way_narrow(struct strike *s)
{
    struct hws_loopback_way way = s->world->way;
    way.bandwidth = 1000 + dice_roll(&s->world->dice, 100000);
    return set_way(s, &way);
}

static bool way_lossy(struct strike *s)
{
    struct hws_loopback_way way = s->world->way;
    way.drop_link = 0.05;
    return set_way(s, &way);
}

/* --- machines --- */

static bool pause(struct strike *s)
{
    return hws_loopback_pause(s->world->network, s->one->name, s->duration) == 0;
}

static bool clock_stalls(struct strike *s)
{
    uint64_t most = s->duration < 5 * HWS_SECOND ? s->duration : 5 * HWS_SECOND;
    return hws_loopback_stall_clock(s->world->network, s->one->name, most) == 0;
}

static bool clock_jumps(struct strike *s)
{
    return hws_loopback_jump_clock(s->world->network, s->one->name, s->duration) == 0;
}

static bool slow_reader(struct strike *s)
{
    return hws_loopback_slow_reader(s->world->network, s->one->name,
                                    500 + dice_roll(&s->world->dice, 20000)) == 0;
}

/* --- systems --- */

static bool kill_it(struct strike *s, enum hws_loopback_death death)
{
    if (!s->one->now)
        return false;
    world_kill(s->one, death);
    s->one->back_at = world_now(s->world) + s->duration;
    return true;
}

static bool kill_reset(struct strike *s)
{
    return kill_it(s, HWS_LOOPBACK_DEATH_reset);
}

static bool kill_silent(struct strike *s)
{
    return kill_it(s, HWS_LOOPBACK_DEATH_silent);
}

static bool restart(struct strike *s)
{
    if (!s->one->now)
        return false;
    hws_loopback_pause(s->world->network, s->one->name, 0);
    world_stop(s->one, dice_roll(&s->world->dice, 3) * 700 * HWS_MILLISECOND);
    s->one->back_at = world_now(s->world) + s->duration;
    return true;
}

static void forget_shut(struct life *life, uint64_t uid)
{
    for (uint32_t i = 0; i < life->shut_count; i++)
        if (life->shuts[i].uid == uid)
            life->shuts[i] = life->shuts[--life->shut_count];
}

/* It ends a quarantine, too. */
static bool close_endpoint(struct strike *s)
{
    struct hws_endpoint_statistics statistics;
    struct life *life = s->one->now;
    if (!life || hws_statistics(life->system, address_of(s->other), &statistics) ||
        hws_close_endpoint(life->system, address_of(s->other), "test") != 0)
        return false;
    forget_shut(life, statistics.uid);
    world_troubled(s->world, s->one, s->other);
    return true;
}

static bool quarantine(struct strike *s)
{
    struct life *life = s->one->now;
    struct hws_endpoint_statistics statistics;
    uint64_t duration = (1 + dice_roll(&s->world->dice, 20)) * HWS_SECOND;
    if (!life || life->shut_count == SHUTS ||
        hws_statistics(life->system, address_of(s->other), &statistics) || !statistics.uid)
        return false;
    uint32_t mail = life_mail(life);
    world_troubled(s->world, s->one, s->other);
    if (hws_quarantine(life->system, address_of(s->other), "test", duration))
        return false;
    forget_shut(life, statistics.uid); /* quarantined anew, for another time */
    life->shuts[life->shut_count++] = (struct shut){
        .uid = statistics.uid,
        .until = hws_system_now(life->system) + duration,
        .allowance = mail,
    };
    return true;
}

/* Whoever has shut somebody out, if anybody has. */
static bool release_it(struct strike *s)
{
    struct life *life = s->one->now;
    for (size_t i = 0; i < s->world->size && !(life && life->shut_count); i++)
        life = s->world->machines[i].now;
    if (!life || !life->shut_count)
        return false;
    for (size_t i = 0; i < s->world->size; i++)
        hws_release(life->system, address_of(&s->world->machines[i]));
    life->shut_count = 0;
    return true;
}

static bool block(struct strike *s)
{
    struct life *life = s->one->now;
    if (!life || life->blocked[s->other->index])
        return false;
    life->blocked_allowance = life_mail(life);
    world_troubled(s->world, s->one, s->other);
    if (hws_block_system(life->system, s->other->name))
        return false;
    life->blocked[s->other->index] = true;
    return true;
}

static bool unblock_all(struct life *life)
{
    bool any = false;
    for (size_t i = 0; life && i < life->world->size; i++) {
        if (!life->blocked[i])
            continue;
        life->blocked[i] = false;
        any |= hws_unblock_system(life->system, life->world->machines[i].name) == 0;
    }
    return any;
}

static bool unblock(struct strike *s)
{
    bool any = false;
    for (size_t i = 0; i < s->world->size && !any; i++)
        any = unblock_all(s->world->machines[i].now);
    return any;
}

/* Not the next allocation, but one soon, and some after it. */
static bool no_memory(struct strike *s)
{
    struct meter *meter = &s->world->meter;
    if (!s->world->starved)
        return false;
    meter->fail_at = meter->calls + 1 + dice_roll(&s->world->dice, 60);
    meter->fail_count = 1 + dice_roll(&s->world->dice, 30);
    return true;
}

/* --- choosing --- */

static bool (*const faults[])(struct strike *) = {
    [FAULT_cut_everything] = cut_everything,
    [FAULT_cut_pair] = cut_pair,
    [FAULT_cut_by_call] = cut_by_call,
    [FAULT_unreachable] = unreachable,
    [FAULT_partition_cut] = partition_cut,
    [FAULT_partition_silent] = partition_silent,
    [FAULT_partition_one_way] = partition_one_way,
    [FAULT_collide] = collide,
    [FAULT_dial_at_once] = dial_at_once,
    [FAULT_way_slow] = way_slow,
    [FAULT_way_narrow] = way_narrow,
    [FAULT_way_lossy] = way_lossy,
    [FAULT_pause] = pause,
    [FAULT_clock_stalls] = clock_stalls,
    [FAULT_clock_jumps] = clock_jumps,
    [FAULT_slow_reader] = slow_reader,
    [FAULT_kill_reset] = kill_reset,
    [FAULT_kill_silent] = kill_silent,
    [FAULT_restart] = restart,
    [FAULT_close_endpoint] = close_endpoint,
    [FAULT_quarantine] = quarantine,
    [FAULT_release] = release_it,
    [FAULT_block] = block,
    [FAULT_unblock] = unblock,
    [FAULT_no_memory] = no_memory,
};

/* Mostly short, because then the next one meets what this one left behind. */
static uint64_t random_duration(struct dice *dice)
{
    switch (dice_roll(dice, 8)) {
    case 0: return dice_roll(dice, 60 * HWS_SECOND);
    case 1:
    case 2: return dice_roll(dice, 5 * HWS_SECOND);
    default: return dice_roll(dice, 500 * HWS_MILLISECOND);
    }
}

void fault_strike(struct world *world)
{
    struct dice *dice = &world->dice;
    struct strike strike = { .world = world, .duration = random_duration(dice) };
    enum fault_kind kind = (enum fault_kind)dice_roll(
        dice, world->steady ? (uint64_t)FAULT_kill_reset : (uint64_t)FAULT_KINDS);
    if (world->starved && dice_chance(dice, 2))
        kind = FAULT_no_memory;
    strike.one = &world->machines[dice_roll(dice, world->size)];
    strike.other = actor_partner(strike.one);
    world_trace(world, "--- %s: %s, %s, %.3f s", fault_name(kind), strike.one->name,
                strike.other->name, (double)strike.duration / HWS_SECOND);
    if (!faults[kind](&strike))
        return;
    world->tally->faults[kind]++;
    if (world->mend_at < world_now(world) + strike.duration)
        world->mend_at = world_now(world) + strike.duration;
}

static void rise(struct world *world, bool all)
{
    for (size_t i = 0; i < world->size; i++) {
        struct machine *machine = &world->machines[i];
        if (!machine->now && (all || machine->back_at <= world_now(world)))
            world_begin_life(machine);
    }
}

static void mend_network(struct world *world)
{
    struct hws_loopback *network = world->network;
    hws_loopback_heal(network, NULL, NULL);
    for (size_t i = 0; i < world->size; i++) {
        struct machine *machine = &world->machines[i];
        if (!machine->client)
            hws_loopback_reachable(network, place_of(machine), true);
        hws_loopback_slow_reader(network, machine->name, 0);
        for (size_t j = 0; j < world->size; j++)
            if (machine->talks[j])
                hws_loopback_set_way(network, machine->name, world->machines[j].name, NULL);
    }
}

void fault_mend(struct world *world)
{
    rise(world, false);
    if (!world->mend_at || world->mend_at > world_now(world))
        return;
    world->mend_at = 0;
    world_trace(world, "--- the network is whole again");
    mend_network(world);
}

void fault_end_all(struct world *world)
{
    world_trace(world, "--- nothing goes wrong any more");
    world->meter.fail_at = world->meter.fail_count = 0;
    mend_network(world);
    world->way.drop_link = 0;
    hws_loopback_set_way(world->network, NULL, NULL, &world->way);
    rise(world, true);
    for (size_t i = 0; i < world->size; i++) {
        struct strike strike = { .world = world, .one = &world->machines[i] };
        hws_loopback_pause(world->network, strike.one->name, 0);
        unblock_all(strike.one->now);
        release_it(&strike);
    }
}
