/* SPDX-License-Identifier: MIT */
#include "transport/machine.h"

#include <string.h>

#include "transport/span.h"

#define MOUTHFULS 20 /* a slow reader's reads a second */

static uint64_t machine_now(struct hws_clock *clock)
{
    const struct hwsi_machine *machine = (struct hwsi_machine *)clock;
    uint64_t now = machine->loopback->now;
    return now < machine->stalled_until ? machine->frozen : now + machine->ahead;
}

static bool has_name(const void *machine, const void *name)
{
    return strcmp(((const struct hwsi_machine *)machine)->name, name) == 0;
}

struct hwsi_machine *hwsi_machine_find(const struct hws_loopback *loopback, const char *name)
{
    return hwsi_map_find(&loopback->machines, hwsi_hash_bytes(name, strlen(name), 0), has_name,
                         name);
}

int hwsi_machine_named(struct hws_loopback *loopback, const char *name, struct hwsi_machine **out)
{
    struct hwsi_machine *machine = hwsi_machine_find(loopback, name);
    size_t length = strlen(name), size = sizeof *machine + length + 1;
    if (!machine) {
        machine = hwsi_alloc(loopback->heap, size);
        if (!machine)
            return HWS_ENOMEM;
        machine->size = size;
        memcpy(machine->name, name, length + 1);
        if (hwsi_map_put(&loopback->machines, hwsi_hash_bytes(name, length, 0), machine)) {
            hwsi_free(loopback->heap, machine, size);
            return HWS_ENOMEM;
        }
        machine->clock.now = machine_now;
        machine->loopback = loopback;
        machine->number = ++loopback->machine_count;
        hwsi_list_init(&machine->ends);
    }
    *out = machine;
    return 0;
}

void hwsi_machines_free(struct hws_loopback *loopback)
{
    struct hwsi_machine *machine;
    for (size_t cursor = 0; (machine = hwsi_map_next(&loopback->machines, &cursor));)
        hwsi_free(loopback->heap, machine, machine->size);
    hwsi_map_free(&loopback->machines);
}

bool hwsi_machine_paused(const struct hwsi_machine *machine)
{
    return machine->paused_until > machine->loopback->now;
}

uint64_t hwsi_machine_world_time(const struct hwsi_machine *machine, uint64_t due)
{
    uint64_t now = machine->loopback->now, own = machine->clock.now((void *)machine);
    uint64_t start = now < machine->stalled_until ? machine->stalled_until : now;
    if (due == HWS_NEVER || due <= own)
        return due == HWS_NEVER ? HWS_NEVER : now;
    return due - own < HWS_NEVER - start ? start + (due - own) : HWS_NEVER;
}

static void look_at_seats(struct hwsi_machine *machine)
{
    struct hwsi_list *head = &machine->loopback->seats;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        struct hwsi_seat *seat = HWSI_ENTRY(node, struct hwsi_seat, node);
        if (seat->machine != machine)
            continue;
        hwsi_timer_stop(&seat->turn);
        hwsi_seat_look(seat);
    }
}

void hwsi_machine_wake(struct hwsi_machine *machine)
{
    look_at_seats(machine);
    for (struct hwsi_list *node = machine->ends.next; node != &machine->ends; node = node->next)
        hwsi_end_wake(HWSI_ENTRY(node, struct hwsi_end, node));
}

size_t hwsi_machine_mouthful(const struct hwsi_machine *machine, size_t size)
{
    uint64_t most = machine->read_rate / MOUTHFULS + 1;
    return machine->read_rate && size > most ? (size_t)most : size;
}

void hwsi_machine_has_read(struct hwsi_machine *machine, size_t size)
{
    if (machine->read_rate)
        machine->read_free = machine->loopback->now + (uint64_t)((double)size * (double)HWS_SECOND /
                                                                 (double)machine->read_rate);
}

/* --- hawser/loopback.h --- */

static uint64_t later(const struct hws_loopback *loopback, uint64_t duration)
{
    return duration < HWS_NEVER - loopback->now ? loopback->now + duration : HWS_NEVER;
}

int hws_loopback_clock_of(struct hws_loopback *loopback, const char *name, struct hws_clock **out)
{
    struct hwsi_machine *machine;
    int error = hwsi_machine_named(loopback, name, &machine);
    if (!error)
        *out = &machine->clock;
    return error;
}

int hws_loopback_pause(struct hws_loopback *loopback, const char *name, uint64_t duration)
{
    struct hwsi_machine *machine;
    int error = hwsi_machine_named(loopback, name, &machine);
    if (error)
        return error;
    machine->paused_until = duration ? later(loopback, duration) : 0;
    hwsi_machine_wake(machine);
    return 0;
}

bool hws_loopback_is_paused(const struct hws_loopback *loopback, const char *name)
{
    const struct hwsi_machine *machine = hwsi_machine_find(loopback, name);
    return machine && hwsi_machine_paused(machine);
}

int hws_loopback_stall_clock(struct hws_loopback *loopback, const char *name, uint64_t duration)
{
    struct hwsi_machine *machine;
    int error = hwsi_machine_named(loopback, name, &machine);
    if (error)
        return error;
    machine->frozen = machine_now(&machine->clock);
    machine->stalled_until = later(loopback, duration);
    machine->ahead = machine->frozen - machine->stalled_until;
    look_at_seats(machine);
    return 0;
}

int hws_loopback_jump_clock(struct hws_loopback *loopback, const char *name, uint64_t by)
{
    struct hwsi_machine *machine;
    int error = hwsi_machine_named(loopback, name, &machine);
    if (!error && by > HWS_NEVER / 2 - machine_now(&machine->clock))
        error = HWS_EINVAL;
    if (error)
        return error;
    machine->frozen += by;
    machine->ahead += by;
    look_at_seats(machine);
    return 0;
}

int hws_loopback_slow_reader(struct hws_loopback *loopback, const char *name,
                             uint64_t bytes_per_second)
{
    struct hwsi_machine *machine;
    int error = hwsi_machine_named(loopback, name, &machine);
    if (error)
        return error;
    machine->read_rate = bytes_per_second;
    machine->read_free = loopback->now;
    hwsi_machine_wake(machine);
    return 0;
}
