/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "witness.h"

uint64_t world_now(const struct world *world)
{
    struct hws_clock *clock = hws_loopback_clock(world->network);
    return clock->now(clock) - world->born;
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list arguments;
    if (world->violation[0])
        return;
    va_start(arguments, format);
    vsnprintf(world->violation, sizeof world->violation, format, arguments);
    va_end(arguments);
    world->violated_at = world_now(world);
    world_trace(world, "VIOLATED: %s", world->violation);
}

void world_trace(const struct world *world, const char *format, ...)
{
    va_list arguments;
    if (!world->verbose)
        return;
    uint64_t now = world_now(world);
    printf("%4llu.%09llu ", (unsigned long long)(now / HWS_SECOND),
           (unsigned long long)(now % HWS_SECOND));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void world_run(struct world *world, uint64_t duration)
{
    uint64_t end = world_now(world) + duration;
    while (!world->violation[0]) {
        uint64_t next = hws_loopback_next(world->network);
        if (next == HWS_NEVER || next - world->born > end)
            break;
        hws_loopback_step(world->network);
    }
    if (world_now(world) < end)
        hws_loopback_run(world->network, end - world_now(world));
}

/* --- names --- */

void world_address(const struct machine *machine, char *out)
{
    *out = 0;
    if (!machine->client)
        snprintf(out, NAME_ROOM, "loop:%s:1", machine->name);
    else if (machine->now)
        snprintf(out, NAME_ROOM, "%s", hws_system_address(machine->now->system));
}

struct machine *world_machine(struct world *world, const char *address)
{
    char own[NAME_ROOM];
    unsigned index;
    if (sscanf(address, "loop:s%2u:1", &index) == 1 && index < world->size)
        return &world->machines[index];
    for (size_t i = 0; i < world->size; i++) {
        world_address(&world->machines[i], own);
        if (world->machines[i].client && strcmp(own, address) == 0)
            return &world->machines[i];
    }
    return NULL;
}

/* A client that is away is looked for where it was last, or nowhere. */
struct hws_pid *world_peer(struct life *life, const struct machine *to, uint32_t voice)
{
    struct hws_pid **pid = &life->peers[to->index][voice];
    char address[NAME_ROOM], name[4];
    world_address(to, address);
    if (*pid && (!*address || strcmp(hws_pid_address(*pid), address) == 0))
        return *pid;
    hws_pid_release(*pid);
    *pid = NULL;
    snprintf(name, sizeof name, "r%u", voice);
    if (hws_pid_make(life->system, *address ? address : "client-0000000000000001:0", name, pid))
        *pid = NULL;
    if (!*pid && !life->world->starved)
        world_fail(life->world, "out of memory for a PID");
    return *pid;
}

void world_troubled(struct world *world, const struct machine *one, const struct machine *other)
{
    world->troubled[one->index][other->index] = world->troubled[other->index][one->index] = true;
}

void world_doubt(struct world *world, unsigned one, unsigned other)
{
    if (world->troubled[one][other] || world->starved)
        return;
    world->doubt[one][other] = world->doubted = true;
    world->doubted_at = world_now(world);
}

void world_clear_doubts(struct world *world)
{
    if (!world->doubted || world_now(world) < world->doubted_at + HWS_SECOND)
        return;
    world->doubted = false;
    for (unsigned i = 0; i < world->size; i++)
        for (unsigned j = 0; j < world->size; j++) {
            if (world->doubt[i][j] && !world->troubled[i][j])
                world_fail(
                    world,
                    "s%02u has lost what was for s%02u, or a watch of it, and neither has ended or given up the other",
                    i, j);
            world->doubt[i][j] = false;
        }
}

static void troubles_all(struct machine *machine)
{
    for (size_t i = 0; i < machine->world->size; i++)
        world_troubled(machine->world, machine, &machine->world->machines[i]);
}

static void count_mail(void *data, struct hws_pid *pid, uint64_t mailbox_size)
{
    (void)pid;
    *(uint32_t *)data += (uint32_t)mailbox_size;
}

uint32_t life_mail(const struct life *life)
{
    uint32_t mail = 0;
    hws_each_actor(life->system, count_mail, &mail);
    return mail;
}

/* --- a life --- */

static struct life *life_new(struct machine *machine)
{
    struct world *world = machine->world;
    struct life *life = calloc(1, sizeof *life);
    if (!life)
        abort();
    life->world = world;
    life->machine = machine;
    life->number = ++world->life_count;
    machine->lives++;
    life->before = world->lives;
    life->policy = (struct policy){ { .ops = &actor_policy_ops, .name = "world" }, life };
    world->lives = life;
    return life;
}

static void let_go(struct life *life)
{
    hws_unsubscribe(life->events);
    for (unsigned voice = 0; voice < VOICES; voice++) {
        hws_pid_release(life->voices[voice]);
        for (size_t i = 0; i < MACHINES; i++)
            hws_pid_release(life->peers[i][voice]);
    }
    life->system = NULL;
    if (life->machine->now == life)
        life->machine->now = NULL;
}

/* Without memory it tries again later. */
static void fail_to_begin(struct life *life, const char *why)
{
    if (!life->world->starved)
        world_fail(life->world, "s%02u can not start: %s", life->machine->index, why);
    life->killed = true;
    hws_system_free(life->system);
    let_go(life);
    life->machine->back_at = world_now(life->world) + 10 * HWS_MILLISECOND;
}

void world_begin_life(struct machine *machine)
{
    struct world *world = machine->world;
    struct life *life = life_new(machine);
    struct hws_options options = machine->options;
    char address[NAME_ROOM], text[256] = "";
    machine->now = life;
    snprintf(address, sizeof address, "loop:%s:1", machine->name);
    options.name = machine->name;
    options.listen = machine->client ? NULL : address;
    options.policy = &life->policy.policy;
    options.seed = 1 + dice_roll(&world->dice, UINT64_MAX);
    world->tally->counts[COUNT_lives]++;
    if (hws_system_new(&options, &life->system, text, sizeof text) ||
        hws_subscribe(life->system, "*", witness_event, life, &life->events, NULL) ||
        hws_loopback_attach(world->network, life->system) ||
        hws_start(life->system, text, sizeof text) || !actor_move_in(life)) {
        fail_to_begin(life, text);
        return;
    }
    life->uid = hws_system_uid(life->system);
    snprintf(life->address, sizeof life->address, "%s", hws_system_address(life->system));
    world_trace(world, "s%02u starts, uid %016llx, address %s", machine->index,
                (unsigned long long)life->uid, hws_system_address(life->system));
}

void world_kill(struct machine *machine, enum hws_loopback_death death)
{
    struct life *life = machine->now;
    world_trace(machine->world, "s%02u is killed%s", machine->index,
                death == HWS_LOOPBACK_DEATH_silent ? ", and falls silent" : "");
    troubles_all(machine);
    life->killed = true;
    book_died(life, life_mail(life) > 0);
    hws_loopback_kill(machine->world->network, life->system, death);
    let_go(life);
}

static bool is_over(void *data)
{
    return hws_is_stopped(((struct life *)data)->system);
}

void world_stop(struct machine *machine, uint64_t deadline)
{
    struct life *life = machine->now;
    struct world *world = machine->world;
    world_trace(world, "s%02u stops, within %.3f s", machine->index, (double)deadline / HWS_SECOND);
    troubles_all(machine);
    life->stopping = true;
    if (deadline) {
        hws_stop(life->system, "test", deadline);
        if (!hws_loopback_run_until(world->network, is_over, life, deadline + 30 * HWS_SECOND))
            world_fail(world, "s%02u did not stop within its deadline and 30 s", machine->index);
    }
    book_died(life, false);
    hws_system_free(life->system);
    let_go(life);
}

/* --- the world --- */

static uint64_t one_of(struct dice *dice, const uint64_t *values, size_t count)
{
    return values[dice_roll(dice, count)];
}
#define ONE_OF(dice, ...)                           \
    one_of(dice, (const uint64_t[]){ __VA_ARGS__ }, \
           sizeof(const uint64_t[]){ __VA_ARGS__ } / sizeof(uint64_t))

static void choose_remote_options(struct world *world, struct hws_options *options)
{
    struct dice *dice = &world->dice;
    options->reconnect_max_retries = world->steady ? 0 : ONE_OF(dice, 0, 1, 5, 5);
    options->reconnect_initial = ONE_OF(dice, 1, 20, 200) * HWS_MILLISECOND;
    options->reconnect_max = ONE_OF(dice, 300, 1000, 5000) * HWS_MILLISECOND;
    options->reconnect_factor = dice_chance(dice, 4) ? 1.0 : 2.0;
    options->reconnect_jitter = dice_chance(dice, 4) ? 0.0 : 0.2;
    options->reconnect_stable_after = ONE_OF(dice, 0, 500, 5000) * HWS_MILLISECOND;
    options->gate_duration = ONE_OF(dice, 1, 100, 5000) * HWS_MILLISECOND;
    options->client_wait = world->steady ? 86400 * HWS_SECOND : ONE_OF(dice, 1, 60) * HWS_SECOND;
    options->heartbeat_interval = ONE_OF(dice, 200, 2000, 15000) * HWS_MILLISECOND;
    options->heartbeat_timeout = 3 * options->heartbeat_interval;
    options->suspect_after = dice_chance(dice, 2) ? 0 : 300 * HWS_MILLISECOND;
    options->tombstones = world->steady ? 1024 : ONE_OF(dice, 0, 1, 1024);
    options->tombstone_duration = ONE_OF(dice, 1, 3600) * HWS_SECOND;
    options->quarantine_duration = ONE_OF(dice, 1, 5, 86400) * HWS_SECOND;
    options->connect_timeout = ONE_OF(dice, 500, 5000) * HWS_MILLISECOND;
    options->handshake_timeout = ONE_OF(dice, 500, 5000) * HWS_MILLISECOND;
}

static void choose_options(struct world *world, struct hws_options *options)
{
    struct dice *dice = &world->dice;
    hws_options_init(options);
    options->allocator = &world->meter.allocator;
    options->symbol_table_size = ONE_OF(dice, 0, 1, 3, 4096);
    options->acknowledge_after = ONE_OF(dice, 0, 1, 20) * HWS_MILLISECOND;
    options->acknowledge_bytes = ONE_OF(dice, 1, 500, 65536);
    options->endpoint_writer_batch_size = ONE_OF(dice, 1, 7, 1000);
    options->endpoint_writer_queue_size =
        world->steady ? ONE_OF(dice, 1000, 1000000) : ONE_OF(dice, 5, 30, 1000000, 1000000);
    options->endpoint_writer_queue_bytes = world->steady
                                               ? ONE_OF(dice, 200000, 64 << 20)
                                               : ONE_OF(dice, 5000, 100000, 64 << 20, 64 << 20);
    options->max_frame_size =
        world->steady ? 4 << 20 : ONE_OF(dice, 1200, 30000, 4 << 20, 4 << 20, 4 << 20);
    options->dispatcher_throughput = ONE_OF(dice, 1, 300);
    options->dispatcher_budget = ONE_OF(dice, 1, 16384);
    options->mailbox_size = ONE_OF(dice, 5, 1000000, 1000000);
    choose_remote_options(world, options);
}

static void choose_way(struct world *world)
{
    static const double drops[] = { 0, 0, 0, 0.0002, 0.002 };
    struct dice *dice = &world->dice;
    world->way = (struct hws_loopback_way){
        .latency = dice_roll(dice, 20000) * HWS_MICROSECOND,
        .jitter = dice_roll(dice, 5000) * HWS_MICROSECOND,
        .bandwidth = ONE_OF(dice, 0, 0, 1 << 20, 16 << 20),
        .pipe_bytes = ONE_OF(dice, 500, 4000, 1 << 18, 1 << 18),
        .drop_link = drops[dice_roll(dice, 5)],
    };
    world->lossy = world->way.drop_link > 0 || world->way.pipe_bytes < 1000;
}

static bool make_network(struct world *world)
{
    struct hws_loopback_options options = { .seed = world->seed,
                                            .latency = world->way.latency,
                                            .jitter = world->way.jitter,
                                            .bandwidth = world->way.bandwidth,
                                            .pipe_bytes = world->way.pipe_bytes,
                                            .drop_link = world->way.drop_link,
                                            .split_writes = !dice_chance(&world->dice, 4),
                                            .allocator = &world->meter.allocator };
    if (hws_loopback_new(&options, &world->network))
        return false;
    struct hws_clock *clock = hws_loopback_clock(world->network);
    world->born = clock->now(clock);
    hws_loopback_on_step(world->network, witness_step, world);
    return true;
}

/* Mostly small, because there faults meet; sometimes a crowd. */
static size_t choose_size(struct dice *dice)
{
    switch (dice_roll(dice, 8)) {
    case 0: return 2 + dice_roll(dice, MACHINES - 1);
    case 1: return 2 + dice_roll(dice, 15);
    default: return 2 + dice_roll(dice, 4);
    }
}

/* A ring, so that everybody talks to somebody, and some more. Two clients can not reach each other. */
static void choose_partners(struct world *world)
{
    for (size_t i = 0; i < world->size; i++)
        for (size_t j = 0; j < world->size; j++) {
            struct machine *one = &world->machines[i], *other = &world->machines[j];
            bool near = j == (i + 1) % world->size;
            if (i == j || (one->client && other->client) ||
                !(near || dice_chance(&world->dice, world->size)))
                continue;
            one->talks[j] = other->talks[i] = true;
        }
}

static bool populate(struct world *world)
{
    for (size_t i = 0; i < world->size; i++) {
        struct machine *machine = &world->machines[i];
        machine->world = world;
        machine->index = (uint8_t)i;
        snprintf(machine->name, sizeof machine->name, "s%02u", (unsigned)i);
        choose_options(world, &machine->options);
        machine->queue = dice_chance(&world->dice, 2);
        machine->levels = dice_chance(&world->dice, 4);
        machine->client = i % 3 == 2 && dice_chance(&world->dice, 4);
        if (hws_loopback_clock_of(world->network, machine->name, &machine->clock))
            return false;
        machine->options.clock = machine->clock;
    }
    choose_partners(world);
    for (size_t i = 0; i < world->size; i++)
        world_begin_life(&world->machines[i]);
    return true;
}

struct world *world_new(uint64_t seed, bool verbose, struct tally *tally)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return NULL;
    world->seed = seed;
    world->verbose = verbose;
    world->tally = tally;
    world->dice.state = seed;
    meter_init(&world->meter);
    world->steady = dice_chance(&world->dice, 4);
    world->starved = !world->steady && dice_chance(&world->dice, 6);
    world->size = choose_size(&world->dice);
    choose_way(world);
    if (book_open(world) || !make_network(world) || !populate(world)) {
        world_free(world);
        return NULL;
    }
    tally->worlds++;
    tally->steady += world->steady;
    tally->counts[COUNT_systems] += world->size;
    return world;
}

/* What is left of it; its end in order is the course's (course.c). */
void world_free(struct world *world)
{
    struct life *life, *before;
    for (life = world->lives; life; life = life->before) {
        if (!life->system)
            continue;
        life->killed = true;
        hws_system_free(life->system);
        let_go(life);
    }
    if (world->network)
        hws_loopback_run(world->network, 600 * HWS_SECOND);
    hws_loopback_free(world->network);
    for (life = world->lives; life; life = before) {
        before = life->before;
        free(life);
    }
    book_free(world);
    free(world);
}
