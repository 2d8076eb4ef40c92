/* SPDX-License-Identifier: MIT */
#include "support_life.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 8
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

#define ALPHA_TO_BETA 0u
#define MS HWS_MILLISECOND

static struct hws_system *system_of(struct scenario *scenario, uint8_t side)
{
    return scenario->sides[side].system;
}

static void nothing(void *data)
{
    (void)data;
}

static void look(void *data, const struct hws_endpoint_statistics *statistics)
{
    (void)data;
    (void)statistics;
}

/* Calls that need no peer: a timer that fires, one that is called off, one that the system's end finds; statistics. */
static void keep_house(struct scenario *scenario)
{
    struct hws_system *alpha = system_of(scenario, SCENARIO_ALPHA);
    struct hws_system_statistics statistics;
    struct hws_timer *timer = NULL;
    if (!alpha)
        return;
    hws_after(alpha, MS, nothing, NULL, NULL);
    hws_after(alpha, 3600 * HWS_SECOND, nothing, NULL, NULL);
    if (hws_after(alpha, HWS_SECOND, nothing, NULL, &timer) == 0)
        hws_timer_cancel(timer);
    hws_statistics_snapshot(alpha, look, NULL);
    hws_system_statistics(alpha, &statistics);
    hws_set_policy(alpha, &scenario->sides[SCENARIO_ALPHA].policies[1].policy);
}

static void connect_and_cut(struct scenario *scenario)
{
    scenario_exchange(scenario, 50, 100 * MS);
    scenario_watch(scenario);
    scenario_exchange(scenario, 10, 1500 * HWS_MICROSECOND);
    hws_loopback_cut(scenario->network);
    scenario_exchange(scenario, 10, 2 * HWS_SECOND);
    keep_house(scenario);
    if (system_of(scenario, SCENARIO_ALPHA))
        hws_cut_link(system_of(scenario, SCENARIO_ALPHA),
                     scenario_address(scenario, SCENARIO_BETA));
    scenario_exchange(scenario, 10, 2 * HWS_SECOND);
}

/* Both dial at once. */
static void cross_dials(struct scenario *scenario)
{
    hws_loopback_cut(scenario->network);
    for (uint8_t i = SCENARIO_ALPHA; i <= SCENARIO_BETA; i++)
        if (system_of(scenario, i)) {
            hws_close_endpoint(system_of(scenario, i), scenario_address(scenario, !i), "test");
            hws_associate(system_of(scenario, i), scenario_address(scenario, !i));
        }
    scenario_exchange(scenario, 5, HWS_SECOND);
}

/* Beta does not answer for a while, as if stopped. */
static void suspect(struct scenario *scenario)
{
    scenario_watch(scenario);
    hws_loopback_pause(scenario->network, "beta", 1500 * MS);
    scenario_exchange(scenario, 5, 2 * HWS_SECOND);
    scenario_exchange(scenario, 5, HWS_SECOND);
}

/* Beta is killed: nothing that it says is heard. */
static void kill_beta(struct scenario *scenario)
{
    hws_loopback_reachable(scenario->network, "beta:1", false);
    scenario_end(scenario, SCENARIO_BETA);
}

static void bear_beta(struct scenario *scenario)
{
    hws_loopback_reachable(scenario->network, "beta:1", true);
    scenario_begin(scenario, SCENARIO_BETA);
}

/* Messages, a request and a watch wait for the successor. */
static void restart_beta(struct scenario *scenario)
{
    kill_beta(scenario);
    hws_loopback_run(scenario->network, 30 * MS);
    scenario_exchange(scenario, 10, MS);
    scenario_watch(scenario);
    bear_beta(scenario);
    scenario_exchange(scenario, 10, 2 * HWS_SECOND);
    scenario_watch(scenario);
    scenario_exchange(scenario, 10, 2 * HWS_SECOND);
}

/* The client comes, is cut off, and comes back; alpha waits for it. */
static void join_client(struct scenario *scenario)
{
    scenario_begin(scenario, SCENARIO_CLIENT);
    scenario_exchange(scenario, 10, 500 * MS);
    scenario_watch(scenario);
    hws_loopback_cut(scenario->network);
    scenario_exchange(scenario, 10, HWS_SECOND);
}

/* A uid shut out until its time is over, until the operator says so, and until another uid comes. */
static void quarantine(struct scenario *scenario)
{
    struct hws_system *alpha = system_of(scenario, SCENARIO_ALPHA);
    const char *beta = scenario_address(scenario, SCENARIO_BETA);
    const char *client = scenario_address(scenario, SCENARIO_CLIENT);
    if (!alpha)
        return;
    scenario_send(scenario, ALPHA_TO_BETA, 3);
    hws_quarantine(alpha, beta, "test", HWS_SECOND);
    scenario_exchange(scenario, 3, 1500 * MS);
    if (client)
        hws_quarantine(alpha, client, "test", 0);
    scenario_exchange(scenario, 3, 200 * MS);
    if (client)
        hws_release(alpha, client);
    scenario_exchange(scenario, 3, 2 * HWS_SECOND);
    scenario_watch(scenario);
    hws_quarantine(alpha, beta, "test", 0);
    kill_beta(scenario);
    bear_beta(scenario);
    scenario_exchange(scenario, 3, 2 * HWS_SECOND);
}

/* Beta will not have alpha, for a while. */
static void block(struct scenario *scenario)
{
    struct hws_system *beta = system_of(scenario, SCENARIO_BETA);
    scenario_watch(scenario);
    if (beta)
        hws_block_system(beta, "alpha");
    scenario_exchange(scenario, 5, 400 * MS);
    if (beta)
        hws_unblock_system(beta, "alpha");
    scenario_exchange(scenario, 5, 2 * HWS_SECOND);
}

static void stop(struct scenario *scenario)
{
    struct scenario_side *beta = &scenario->sides[SCENARIO_BETA];
    scenario_watch(scenario);
    scenario_exchange(scenario, 1, HWS_SECOND);
    if (beta->system && beta->sink)
        hws_stop_actor(beta->system, beta->sink);
    hws_loopback_run(scenario->network, HWS_SECOND);
    scenario_send(scenario, ALPHA_TO_BETA, 5); /* to an actor that is gone */
    for (uint8_t i = SCENARIO_BETA; i <= SCENARIO_CLIENT; i++)
        if (system_of(scenario, i))
            hws_stop(system_of(scenario, i), "test", HWS_SECOND);
    hws_loopback_run(scenario->network, 20 * HWS_SECOND); /* alpha gives up */
    for (uint8_t i = 0; i < SCENARIO_SIDES; i++)
        scenario_end(scenario, i);
    hws_loopback_run(scenario->network, 60 * HWS_SECOND);
}

void life_run(struct scenario *scenario)
{
    struct hws_loopback_options options = { .seed = 3, .latency = MS, .split_writes = true };
    if (hws_loopback_new(&options, &scenario->network))
        return;
    scenario_begin(scenario, SCENARIO_ALPHA);
    scenario_begin(scenario, SCENARIO_BETA);
    connect_and_cut(scenario);
    cross_dials(scenario);
    suspect(scenario);
    join_client(scenario);
    restart_beta(scenario);
    quarantine(scenario);
    block(scenario);
    stop(scenario);
    hws_loopback_free(scenario->network);
}

unsigned life_step(unsigned usual)
{
    const char *asked = getenv("HAWSER_TORTURE");
    int step = asked ? atoi(asked) : 0;
    return step > 0 ? (unsigned)step : usual * SLOWER;
}

const char *life_missed(const struct scenario *scenario)
{
#define X(name)                                              \
    if (!(scenario->seen & UINT64_C(1) << HWS_EVENT_##name)) \
        return #name;
    LIFE_EVENTS(X)
#undef X
    return NULL;
}
