/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support_town.h"

struct town town;

static void *reallocate(struct hws_allocator *allocator, void *block, size_t old_size,
                        size_t new_size)
{
    struct hws_allocator *base = hws_default_allocator();
    (void)allocator;
    town.held += new_size - old_size;
    return base->reallocate(base, block, old_size, new_size);
}

static void *reallocate_or_fail(struct hws_allocator *allocator, void *block, size_t old_size,
                                size_t new_size)
{
    if (new_size > old_size && town.fail_in && --town.fail_in == 0)
        return NULL;
    return reallocate(allocator, block, old_size, new_size);
}

static int count_message(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)context;
    *(uint64_t *)self += message->kind == HWS_MESSAGE_user;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = count_message };

const char *town_name(unsigned i)
{
    static const char *const names[TOWN_SYSTEMS] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    return names[i];
}

void town_start(unsigned i)
{
    struct hws_options options;
    struct hws_pid *pid;
    char listen[16], message[256] = "";
    hws_options_init(&options);
    (void)snprintf(listen, sizeof listen, "loop:%s", town_name(i));
    options.name = town_name(i);
    options.listen = listen;
    options.seed = 1 + i + 100 * town.lives[i]++;
    options.heartbeat_interval = HWS_SECOND;
    options.heartbeat_timeout = 3 * HWS_SECOND;
    options.reconnect_max_retries = 0;
    options.allocator = &town.allocator;
    assert_int_equal(hws_loopback_clock_of(town.network, options.name, &options.clock), 0);
    assert_int_equal(hws_system_new(&options, &town.systems[i], message, sizeof message), 0);
    assert_int_equal(hws_loopback_attach(town.network, town.systems[i]), 0);
    if (hws_start(town.systems[i], message, sizeof message))
        fail_msg("%s", message);
    assert_int_equal(hws_spawn(town.systems[i], &sink_ops, &town.got[i],
                               &(struct hws_spawn_options){ .name = "sink" }, &pid),
                     0);
    hws_pid_release(pid);
}

void town_clear(void)
{
    memset(&town, 0, sizeof town);
    town.allocator.reallocate = reallocate;
    town.network_allocator.reallocate = reallocate_or_fail;
}

void town_open(uint64_t seed, unsigned count)
{
    town_clear();
    assert_int_equal(
        hws_loopback_new(&(struct hws_loopback_options){ .seed = seed,
                                                         .latency = HWS_MILLISECOND,
                                                         .jitter = HWS_MILLISECOND,
                                                         .allocator = &town.allocator },
                         &town.network),
        0);
    for (unsigned i = 0; i < count; i++)
        town_start(i);
}

void town_close(void)
{
    for (unsigned i = 0; i < TOWN_SYSTEMS; i++)
        hws_system_free(town.systems[i]);
    hws_loopback_heal(town.network, NULL, NULL);
    hws_loopback_run(town.network, 60 * HWS_SECOND);
    hws_loopback_free(town.network);
    assert_int_equal(town.held, 0);
}

void town_send(unsigned from, unsigned to)
{
    static const uint8_t nil = 0xc0;
    struct hws_pid *pid;
    char text[32];
    (void)snprintf(text, sizeof text, "loop:%s/sink", town_name(to));
    assert_int_equal(hws_pid_parse(town.systems[from], text, &pid), 0);
    hws_send(town.systems[from], pid, &(struct hws_message){ .payload = { &nil, 1 } });
    hws_pid_release(pid);
}

void town_run(uint64_t ms)
{
    hws_loopback_run(town.network, ms * HWS_MILLISECOND);
}

enum hws_endpoint_state town_state(unsigned at, unsigned of, uint64_t *uid)
{
    struct hws_endpoint_statistics statistics;
    char text[32];
    (void)snprintf(text, sizeof text, "loop:%s", town_name(of));
    assert_int_equal(hws_statistics(town.systems[at], text, &statistics), 0);
    if (uid)
        *uid = statistics.uid;
    return statistics.state;
}

void town_kill(unsigned i, enum hws_loopback_death death)
{
    assert_int_equal(hws_loopback_kill(town.network, town.systems[i], death), 0);
    town.systems[i] = NULL;
}
