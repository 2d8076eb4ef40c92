/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=240
 *
 * The delivery contract (design.md section 5) under a network that is cut, delayed and split at random, in virtual time. Each seed
 * is a world of two or three systems that send numbered messages, ask and watch each other. A seed that fails is printed;
 * `test_delivery_loopback steady 42` or `... restarts 42 99` runs that one, or those, alone.
 *
 *   steady    nobody gives up and nobody restarts: each message arrives once, in order, or became a dead letter in send()
 *   restarts  systems end and others begin at their addresses: each message accepted arrived at most once or is a dead letter;
 *             both only when that says `unacknowledged`
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_world.h"

#define SEEDS 1000u

static uint8_t room[NUMBER_MOST];

/* --- the beginning and the end of a system --- */

static int answer_disconnected(struct hws_policy *policy, const char *address,
                               enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    *answer =
        ((struct policy *)policy)->queue ? HWS_DISCONNECTED_QUEUE : HWS_DISCONNECTED_DEADLETTER;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = world_sink };
static const struct hws_policy_ops policy_ops = { .disconnected = answer_disconnected };

#define ADDRESS_ROOM 48
static const char *const hosts[SIDES] = { "a:1", "b:1", "c:1" };

static void address_of(const struct world *world, char *out, uint8_t side)
{
    if (world->client && side == 2) /* known by its uid, and reached over its own dial */
        snprintf(out, ADDRESS_ROOM, "%s", hws_system_address(world->now[side]->system));
    else
        snprintf(out, ADDRESS_ROOM, "loop:%s", hosts[side]);
}

static void begin(struct world *world, uint8_t side)
{
    struct life *life = &world->lives[world->life_count];
    struct hws_options options = world->options;
    char address[ADDRESS_ROOM], text[256] = "";
    *life = (struct life){ .world = world, .side = side, .number = (uint8_t)world->life_count++ };
    life->policy =
        (struct policy){ .policy = { .ops = &policy_ops, .name = "test" }, .queue = world->queue };
    options.name = "side";
    options.listen = NULL;
    if (!world->client || side != 2) {
        address_of(world, address, side);
        options.listen = address;
    }
    options.policy = &life->policy.policy;
    options.seed = 1 + dice_roll(&world->dice, UINT64_MAX);
    int error = hws_system_new(&options, &life->system, text, sizeof text);
    require(error == 0, "%s", text);
    require(hws_loopback_attach(world->network, life->system) == 0, "attach");
    error = hws_start(life->system, text, sizeof text);
    require(error == 0, "%s", text);
    require(hws_spawn_named(life->system, "sink", &sink_ops, life, &life->sink) == 0, "spawn");
    require(
        hws_subscribe(life->system, "DeadLetter", world_on_letter, life, &life->letters, NULL) == 0,
        "subscribe");
    world->now[side] = life;
}

static void meet_others(struct life *life)
{
    char address[ADDRESS_ROOM];
    for (uint8_t to = 0; to < life->world->sides; to++) {
        address_of(life->world, address, to);
        require(hws_pid_make(life->system, address, "sink", &life->peers[to]) == 0, "pid");
    }
}

static void count_up(void *data, const struct hws_endpoint_statistics *statistics)
{
    struct world *world = data;
    world->resent += statistics->resent;
    world->duplicates += statistics->duplicates;
}

static void end(struct life *life)
{
    struct world *world = life->world;
    if (life->over)
        return;
    hws_statistics_snapshot(life->system, count_up, world);
    life->over = true; /* its handlers run on until it has stopped */
    hws_system_free(life->system);
    hws_pid_release(life->sink);
    for (uint8_t to = 0; to < world->sides; to++)
        hws_pid_release(life->peers[to]);
    for (uint32_t i = 0; i < world->mortal_count; i++) {
        struct mortal *mortal = &world->mortals[i];
        if (mortal->watched && mortal->watcher_life == life && !mortal->terminated) {
            mortal->watched = false; /* nobody waits for it any more */
            world->unsettled--;
        }
    }
}

/* --- what is done to them --- */

static void make_mortal(struct life *life, uint8_t watcher)
{
    struct world *world = life->world;
    char name[24];
    if (world->mortal_count == MORTALS)
        return;
    struct mortal *mortal = &world->mortals[world->mortal_count];
    *mortal =
        (struct mortal){ .home = life->side, .watcher = watcher, .life = life, .alive = true };
    snprintf(name, sizeof name, "mortal%u", world->mortal_count++);
    require(hws_spawn_named(life->system, name, &world_mortal_ops, mortal, NULL) == 0, "spawn %s",
            name);
}

static void watch_mortal(struct world *world, uint32_t index)
{
    struct mortal *mortal = &world->mortals[index];
    struct life *watcher = world->now[mortal->watcher];
    char address[ADDRESS_ROOM], name[24];
    struct hws_pid *pid;
    if (mortal->watched || mortal->terminated)
        return;
    address_of(world, address, mortal->home);
    snprintf(name, sizeof name, "mortal%u", index);
    require(hws_pid_make(watcher->system, address, name, &pid) == 0, "pid");
    require(hws_watch(watcher->system, watcher->sink, pid) == 0, "watch");
    mortal->watched = true;
    mortal->watcher_life = watcher;
    world->unsettled++;
    hws_pid_release(pid);
}

static void end_mortal(struct world *world, uint32_t index)
{
    struct mortal *mortal = &world->mortals[index];
    char name[24];
    struct hws_pid *pid;
    if (mortal->life->over || !mortal->alive)
        return;
    snprintf(name, sizeof name, "mortal%u", index);
    require(hws_pid_parse(mortal->life->system, name, &pid) == 0, "pid");
    size_t size = number_write(room, &(struct number){ 'g', 0, 0, 0 }, 0);
    hws_send(mortal->life->system, pid, &(struct hws_message){ .payload = { room, size } });
    hws_pid_release(pid);
}

static void restart(struct world *world, uint8_t side)
{
    struct life *life = world->now[side];
    if (world->life_count == LIVES)
        return;
    uint64_t how = dice_roll(&world->dice, 4);
    if (how == 0) { /* in order */
        hws_stop(life->system, "test", dice_roll(&world->dice, 1000) * HWS_MILLISECOND);
        hws_loopback_run(world->network, dice_roll(&world->dice, 1500) * HWS_MILLISECOND);
    } else if (how > 1) { /* as if killed: nothing of what it says on its way out is heard */
        hws_loopback_reachable(world->network, hosts[side], false);
    }
    end(life);
    if (dice_chance(&world->dice, 2))
        hws_loopback_run(world->network, dice_roll(&world->dice, 800) * HWS_MILLISECOND);
    hws_loopback_reachable(world->network, hosts[side], true);
    begin(world, side);
    meet_others(world->now[side]);
}

static void cut(struct world *world, uint8_t a, uint8_t b)
{
    char address[ADDRESS_ROOM];
    uint8_t away = dice_chance(&world->dice, 2) ? a : b;
    address_of(world, address, b);
    switch (dice_roll(&world->dice, 4)) {
    case 0: hws_loopback_cut(world->network); break;
    case 1: hws_cut_link(world->now[a]->system, address); break;
    case 2:
        hws_loopback_reachable(world->network, hosts[away], false);
        hws_loopback_run(world->network, dice_roll(&world->dice, 200) * HWS_MILLISECOND);
        hws_loopback_reachable(world->network, hosts[away], true);
        break;
    default: /* both ends dial at once */
        hws_loopback_cut(world->network);
        address_of(world, address, b);
        hws_associate(world->now[a]->system, address);
        address_of(world, address, a);
        hws_associate(world->now[b]->system, address);
    }
}

static void act(struct world *world)
{
    struct dice *dice = &world->dice;
    uint8_t from = (uint8_t)dice_roll(dice, world->sides);
    uint8_t to = (uint8_t)((from + 1 + dice_roll(dice, world->sides - 1)) % world->sides);
    char address[ADDRESS_ROOM];
    switch (dice_roll(dice, 14)) {
    default:
        for (uint64_t count = 1 + dice_roll(dice, 20); count; count--)
            world_send(world->now[from], to);
        break;
    case 0:
    case 1: world_ask(world->now[from], to); break;
    case 2: make_mortal(world->now[from], to); break;
    case 3:
    case 4:
        if (world->mortal_count)
            watch_mortal(world, (uint32_t)dice_roll(dice, world->mortal_count));
        break;
    case 5:
        if (world->mortal_count)
            end_mortal(world, (uint32_t)dice_roll(dice, world->mortal_count));
        break;
    case 6:
    case 7: cut(world, from, to); break;
    case 8:
        if (!world->restarts)
            break;
        address_of(world, address, to);
        if (dice_chance(dice, 4))
            hws_close_endpoint(world->now[from]->system, address, "test");
        else if (dice_chance(dice, 2))
            restart(world, from);
    }
    if (dice_chance(dice, 2))
        hws_loopback_run(world->network, dice_roll(dice, 20000) * HWS_MICROSECOND);
}

/* --- a world --- */

static uint64_t one_of(struct dice *dice, const uint64_t *values, size_t count)
{
    return values[dice_roll(dice, count)];
}
#define ONE_OF(dice, ...)                           \
    one_of(dice, (const uint64_t[]){ __VA_ARGS__ }, \
           sizeof(const uint64_t[]){ __VA_ARGS__ } / sizeof(uint64_t))

static void choose_options(struct world *world)
{
    struct dice *dice = &world->dice;
    struct hws_options *options = &world->options;
    hws_options_init(options);
    options->allocator = &world->meter.allocator;
    options->clock = hws_loopback_clock(world->network);
    options->reconnect_max_retries = 0;
    options->reconnect_initial = ONE_OF(dice, 1, 20, 200) * HWS_MILLISECOND;
    options->reconnect_max = 300 * HWS_MILLISECOND;
    options->symbol_table_size = ONE_OF(dice, 0, 1, 3, 4096);
    options->acknowledge_after = ONE_OF(dice, 0, 1, 20) * HWS_MILLISECOND;
    options->acknowledge_bytes = ONE_OF(dice, 1, 500, 65536);
    options->endpoint_writer_batch_size = ONE_OF(dice, 1, 7, 1000);
    options->dispatcher_throughput = ONE_OF(dice, 1, 300);
    options->dispatcher_budget = ONE_OF(dice, 1, 16384);
    options->mailbox_size = ONE_OF(dice, 5, 1000000, 1000000);
    options->endpoint_writer_queue_size = ONE_OF(dice, 30, 1000000, 1000000);
    options->endpoint_writer_queue_bytes = ONE_OF(dice, 100000, 64 << 20, 64 << 20);
    world->queue = dice_chance(dice, 2);
}

static void create(struct world *world, uint64_t seed, bool restarts)
{
    static const double drops[] = { 0, 0, 0.0002, 0.002 };
    *world = (struct world){ .seed = seed, .restarts = restarts, .dice = { seed * 2 + restarts } };
    struct dice *dice = &world->dice;
    meter_init(&world->meter);
    struct hws_loopback_options options = { .seed = seed,
                                            .latency = dice_roll(dice, 5000) * HWS_MICROSECOND,
                                            .jitter = dice_roll(dice, 5000) * HWS_MICROSECOND,
                                            .pipe_bytes = ONE_OF(dice, 100, 1000, 0, 0),
                                            .split_writes = !dice_chance(dice, 4),
                                            .drop_link = drops[dice_roll(dice, 4)],
                                            .allocator = &world->meter.allocator };
    world->sides = dice_chance(dice, 4) ? 3 : 2;
    world->lossy = options.drop_link > 0;
    require(hws_loopback_new(&options, &world->network) == 0, "no network");
    choose_options(world);
    world->client = !restarts && world->sides == 3 && dice_chance(dice, 2);
    for (uint8_t side = 0; side < world->sides; side++)
        begin(world, side);
    for (uint8_t side = 0; side < world->sides; side++)
        meet_others(world->now[side]);
}

static bool is_settled(void *data)
{
    return ((struct world *)data)->unsettled == 0;
}

/* What is lost in the end, acknowledgements under way for instance, does not count. */
static void destroy(struct world *world)
{
    uint64_t letters = world->letters, unacknowledged = world->unacknowledged;
    for (size_t i = 0; i < world->life_count; i++)
        end(&world->lives[i]);
    hws_loopback_run(world->network, 60 * HWS_SECOND);
    for (size_t i = 0; i < world->life_count; i++)
        hws_unsubscribe(world->lives[i].letters);
    hws_loopback_free(world->network);
    require(world->meter.held == 0, "%zu bytes are left", world->meter.held);
    world->letters = letters;
    world->unacknowledged = unacknowledged;
}

static void describe_endpoint(void *data, const struct hws_endpoint_statistics *s)
{
    print_error(
        "  %s -> %s: %s, queue %llu, acknowledged %llu, received %llu, attempts %llu, connects %llu, %s\n",
        (const char *)data, s->address, hws_endpoint_state_name(s->state),
        (unsigned long long)s->queue_size, (unsigned long long)s->deliver_success,
        (unsigned long long)s->received, (unsigned long long)s->reconnect_attempts,
        (unsigned long long)s->connects, s->reason);
}

static void describe(struct world *world)
{
    print_error("not settled: %llu\n", (unsigned long long)world->unsettled);
    for (uint8_t side = 0; side < world->sides; side++)
        hws_statistics_snapshot(world->now[side]->system, describe_endpoint,
                                (void *)hws_system_address(world->now[side]->system));
}

static void live_once(struct world *world, uint64_t seed, bool restarts)
{
    world_now = world;
    create(world, seed, restarts);
    uint64_t steps = 20 + dice_roll(&world->dice, 80);
    while (steps--)
        act(world);
    for (uint8_t side = 0; side < world->sides; side++)
        hws_loopback_reachable(world->network, hosts[side], true);
    for (uint32_t i = 0; i < world->mortal_count; i++)
        end_mortal(world, i);
    if (world->client) /* what waits for it waits for its dial */
        for (uint8_t side = 0; side < 2; side++)
            hws_associate(world->now[2]->system, hws_system_address(world->now[side]->system));
    hws_loopback_run_until(world->network, is_settled, world, 120 * HWS_SECOND);
    hws_loopback_run(world->network,
                     HWS_SECOND); /* for what must not come any more; what may come is answered */
    if (!hws_loopback_run_until(world->network, is_settled, world, 120 * HWS_SECOND))
        describe(world);
    world_check(world);
    require(world->unsettled == 0, "%llu of something is not settled",
            (unsigned long long)world->unsettled);
    destroy(world);
}

static uint64_t first_seed = 1, last_seed = SEEDS;

static void live(bool restarts)
{
    struct world *world = malloc(sizeof *world);
    unsigned long long delivered = 0, letters = 0, resent = 0, duplicates = 0, unacknowledged = 0;
    uint64_t seeds = last_seed - first_seed + 1;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++) {
        live_once(world, seed, restarts);
        delivered += world->delivered;
        letters += world->letters;
        resent += world->resent;
        duplicates += world->duplicates;
        unacknowledged += world->unacknowledged;
    }
    free(world);
    print_message(
        "%llu seeds: %llu delivered, %llu resent, %llu duplicates dropped, %llu dead letters, %llu of them unacknowledged\n",
        (unsigned long long)seeds, delivered, resent, duplicates, letters, unacknowledged);
    if (seeds < SEEDS)
        return;
    assert_true(delivered > 100 * seeds && letters > seeds && resent > seeds);
    assert_true(restarts ? unacknowledged > seeds : unacknowledged == 0);
}

static void test_steady(void **state)
{
    (void)state;
    live(false);
}

static void test_restarts(void **state)
{
    (void)state;
    live(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_steady),
                                        cmocka_unit_test(test_restarts) };
    if (argc < 3)
        return cmocka_run_group_tests(tests, NULL, NULL);
    first_seed = last_seed = strtoull(argv[2], NULL, 10);
    if (argc > 3)
        last_seed = strtoull(argv[3], NULL, 10);
    cmocka_set_test_filter(strcmp(argv[1], "restarts") == 0 ? "test_restarts" : "test_steady");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
