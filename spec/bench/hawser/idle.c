/* SPDX-License-Identifier: MIT */
/*
 * Memory of an idle endpoint, as the measuring side's system counts what it holds through its
 * allocator: before there were any endpoints, and with all of them connected, greeted with one
 * message each way acknowledged, and quiet. The kernel's sockets and the peer's process are not
 * in it. The peer runs that many systems on one loop; "idle-accepted" lets them dial,
 * "idle-dialled" dials them.
 */
#define _POSIX_C_SOURCE 200809L
#include "side.h"

#include "hawser/loop.h"

#include <stdlib.h>
#include <sys/resource.h>

#define CHECK_EVERY (100 * HWS_MILLISECOND)
#define QUIET_CHECKS 25 /* of the same memory: what a second did not need is given back */
#define FILES_BESIDE 64

struct meter {
    struct bench_side side;
    struct floor_result *result;
    uint64_t endpoints, greeted, before, last;
    unsigned quiet;
};

struct crowd {
    struct bench_side *sides;
    struct hws_subscription **subscriptions;
    uint64_t count, open;
};

static const uint8_t nil[] = { 0xc0 };

static enum floor_outcome allow_files(uint64_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return floor_fail("can't ask how many files may be open");
    if (limit.rlim_cur >= count)
        return FLOOR_OK;
    limit.rlim_cur = count;
    if (limit.rlim_cur > limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return floor_fail("%llu files must be open at once, and only %llu may be",
                          (unsigned long long)count, (unsigned long long)limit.rlim_max);
    return FLOOR_OK;
}

/* A greeting names its sender, and its answer does not. */
static int greet(struct bench_side *side, const char *address, struct hws_pid *self)
{
    struct hws_pid *target;
    int error = hws_pid_make(side->system, address, "host", &target);
    if (error)
        return error;
    error =
        hws_send(side->system, target,
                 &(struct hws_message){ .payload = hws_slice_of(nil, sizeof nil), .sender = self });
    hws_pid_release(target);
    return error;
}

static int host(void *self, struct hws_context *context, const struct hws_message *message)
{
    uint64_t *greeted = self;
    if (greeted)
        ++*greeted;
    if (!message->sender)
        return 0;
    return hws_send(hws_context_system(context), message->sender,
                    &(struct hws_message){ .payload = message->payload });
}

static const struct hws_actor_ops host_ops = { .receive = host };

/* --- the measuring side --- */

static uint64_t memory_of(struct meter *meter)
{
    struct hws_system_statistics statistics;
    hws_system_statistics(meter->side.system, &statistics);
    return statistics.memory;
}

static void look(void *data)
{
    struct meter *meter = data;
    uint64_t now = memory_of(meter);

    meter->quiet = now == meter->last && meter->greeted == meter->endpoints ? meter->quiet + 1 : 0;
    meter->last = now;
    if (meter->quiet == QUIET_CHECKS) {
        meter->result->messages = meter->endpoints;
        meter->result->memory = now - meter->before;
        bench_side_finish(&meter->side);
    } else if (hws_after(meter->side.system, CHECK_EVERY, look, meter, NULL)) {
        bench_side_fail(&meter->side, "can't start a timer");
    }
}

static enum floor_outcome greet_all(struct meter *meter, int fd, struct hws_pid *self)
{
    char address[HWS_ADDRESS_MAX + 1];
    for (uint64_t i = 0; i < meter->endpoints; i++) {
        if (bench_hear(fd, address, sizeof address) != FLOOR_OK)
            return FLOOR_CUT;
        if (greet(&meter->side, address, self))
            return floor_fail("can't greet a peer");
    }
    return FLOOR_OK;
}

static enum floor_outcome measure(int fd, const struct floor_options *options,
                                  struct floor_result *result, bool dial)
{
    struct meter meter = { .result = result, .endpoints = options->endpoints };
    struct hws_pid *self;

    if (allow_files(options->endpoints + FILES_BESIDE) != FLOOR_OK ||
        bench_side_open(&meter.side, "meter", dial ? NULL : "127.0.0.1:0", NULL, options) !=
            FLOOR_OK ||
        bench_side_spawn(&meter.side, "host", &host_ops, &meter.greeted, &self) != FLOOR_OK)
        return FLOOR_FAILED;
    meter.before = memory_of(&meter);
    enum floor_outcome outcome =
        dial ? greet_all(&meter, fd, self) : bench_tell(fd, hws_system_address(meter.side.system));
    if (outcome == FLOOR_OK) {
        look(&meter);
        outcome = bench_side_run(&meter.side);
    } else {
        bench_side_free(&meter.side);
    }
    hws_pid_release(self);
    return outcome;
}

static enum floor_outcome measure_accepted(int fd, const struct floor_options *options,
                                           struct floor_result *result)
{
    return measure(fd, options, result, false);
}

static enum floor_outcome measure_dialled(int fd, const struct floor_options *options,
                                          struct floor_result *result)
{
    return measure(fd, options, result, true);
}

/* --- the peer --- */

static void on_disconnected(void *data, const struct hws_event *event)
{
    (void)event;
    bench_side_finish(data);
}

static enum floor_outcome join(struct crowd *crowd, struct uv_loop_s *loop, const char *address,
                               int fd, const struct floor_options *options)
{
    struct bench_side *side = &crowd->sides[crowd->open];
    struct hws_pid *self;

    if (bench_side_open(side, "guest", address ? NULL : "127.0.0.1:0", loop, options) != FLOOR_OK)
        return FLOOR_FAILED;
    crowd->open++;
    if (bench_side_spawn(side, "host", &host_ops, NULL, &self) != FLOOR_OK)
        return FLOOR_FAILED;
    int error = hws_subscribe(side->system, "EndpointDisconnected", on_disconnected, side,
                              &crowd->subscriptions[crowd->open - 1], NULL);
    if (!error && address)
        error = greet(side, address, self);
    hws_pid_release(self);
    if (error)
        return floor_fail("can't greet the meter: %s", hws_strerror(error));
    return address ? FLOOR_OK : bench_tell(fd, hws_system_address(side->system));
}

static bool all_stopped(void *data)
{
    struct crowd *crowd = data;
    for (uint64_t i = 0; i < crowd->open; i++)
        if (!hws_is_stopped(crowd->sides[i].system))
            return false;
    return true;
}

static enum floor_outcome attend(struct crowd *crowd, struct uv_loop_s *loop, int fd,
                                 const struct floor_options *options, bool dial)
{
    char address[HWS_ADDRESS_MAX + 1];
    enum floor_outcome outcome = dial ? bench_hear(fd, address, sizeof address) : FLOOR_OK;

    for (uint64_t i = 0; i < crowd->count && outcome == FLOOR_OK; i++)
        outcome = join(crowd, loop, dial ? address : NULL, fd, options);
    if (outcome == FLOOR_OK &&
        hws_loop_run_until(loop, all_stopped, crowd, options->duration + 60 * HWS_SECOND))
        outcome = floor_fail("the meter has not said goodbye to all");
    for (uint64_t i = 0; i < crowd->open; i++) {
        hws_unsubscribe(crowd->subscriptions[i]);
        bench_side_free(&crowd->sides[i]);
    }
    return outcome;
}

static enum floor_outcome crowd(int fd, const struct floor_options *options, bool dial)
{
    struct crowd crowd = { .count = options->endpoints };
    struct uv_loop_s *loop;

    if (allow_files(2 * options->endpoints + FILES_BESIDE) != FLOOR_OK)
        return FLOOR_FAILED;
    if (hws_loop_new(&loop))
        return floor_fail("can't make a loop");
    crowd.sides = calloc(options->endpoints, sizeof *crowd.sides);
    crowd.subscriptions = calloc(options->endpoints, sizeof *crowd.subscriptions);
    enum floor_outcome outcome = crowd.sides && crowd.subscriptions
                                     ? attend(&crowd, loop, fd, options, dial)
                                     : floor_fail("out of memory");
    hws_loop_free(loop);
    free(crowd.sides);
    free(crowd.subscriptions);
    return outcome;
}

static enum floor_outcome crowd_dials(int fd, const struct floor_options *options)
{
    return crowd(fd, options, true);
}

static enum floor_outcome crowd_listens(int fd, const struct floor_options *options)
{
    return crowd(fd, options, false);
}

const struct floor_work bench_idle_accepted = {
    .name = "idle-accepted", .idle = true, .measure = measure_accepted, .peer = crowd_dials
};
const struct floor_work bench_idle_dialled = {
    .name = "idle-dialled", .idle = true, .measure = measure_dialled, .peer = crowd_listens
};
