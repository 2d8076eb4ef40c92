/* SPDX-License-Identifier: MIT */
/* A system at the loopback: its turns, its listener, its end. */
#include "base/text.h"
#include "transport/span.h"

#include <string.h>

static void seat_free(struct hwsi_seat *seat)
{
    hwsi_timer_unregister(&seat->turn);
    hwsi_list_remove(&seat->node);
    hwsi_free(seat->loopback->heap, seat, sizeof *seat);
}

/* Not before its machine runs. */
static void turn_at(struct hwsi_seat *seat, uint64_t due)
{
    if (due < seat->machine->paused_until)
        due = seat->machine->paused_until;
    if (!hwsi_timer_running(&seat->turn) || seat->turn.due > due)
        hwsi_timer_start(&seat->turn, due);
}

void hwsi_seat_look(struct hwsi_seat *seat)
{
    uint64_t due;
    if (!seat->system || seat->in_turn)
        return;
    due = hwsi_machine_world_time(seat->machine, hws_next_turn(seat->system));
    if (due != HWS_NEVER)
        turn_at(seat, due);
}

static void on_turn(struct hwsi_timer *timer)
{
    struct hwsi_seat *seat = HWSI_ENTRY(timer, struct hwsi_seat, turn);
    if (hwsi_machine_paused(seat->machine)) {
        hwsi_timer_start(timer, seat->machine->paused_until);
        return;
    }
    hwsi_loopback_note(seat->loopback, HWS_LOOPBACK_STEP_turn, seat->machine, "", 0);
    seat->in_turn = true;
    hws_turn(seat->system);
    seat->in_turn = false;
    if (seat->released)
        seat_free(seat);
    else
        hwsi_seat_look(seat);
}

void hwsi_seat_touch(struct hwsi_seat *seat)
{
    if (seat && seat->system)
        turn_at(seat, seat->loopback->now);
}

/* --- the transport --- */

static void unlisten(struct hwsi_loop_listener *listener)
{
    if (listener->place)
        listener->place->listener = NULL;
    listener->place = NULL;
}

static void listener_close(struct hws_listener *base)
{
    struct hwsi_loop_listener *listener = (struct hwsi_loop_listener *)base;
    unlisten(listener);
    hwsi_free(listener->seat->loopback->heap, listener, sizeof *listener);
}

static const struct hws_listener_ops listener_ops = { listener_close };

static int no_address(char *detail, size_t capacity)
{
    hwsi_say(detail, capacity, "a loop address needs a name: loop:name");
    return HWS_EADDRESS;
}

/* Finds or makes. NULL: out of memory. */
static struct hwsi_place *place_at(struct hws_loopback *loopback, const char *address)
{
    struct hwsi_place *place = hwsi_loopback_find(loopback, address);
    size_t length = strlen(address), size = sizeof *place + length + 1;
    if (place)
        return place;
    place = hwsi_alloc(loopback->heap, size);
    if (!place)
        return NULL;
    place->size = size;
    memcpy(place->address, address, length + 1);
    if (hwsi_map_put(&loopback->places, hwsi_hash_bytes(address, length, 0), place)) {
        hwsi_free(loopback->heap, place, size);
        return NULL;
    }
    return place;
}

static int seat_listen(struct hws_transport *transport, const char *address,
                       struct hws_listener_handler *handler, struct hws_listener **out,
                       char *detail, size_t capacity)
{
    struct hwsi_seat *seat = (struct hwsi_seat *)transport;
    struct hwsi_loop_listener *listener;
    struct hwsi_place *place;
    if (*address == '\0')
        return no_address(detail, capacity);
    place = place_at(seat->loopback, address);
    if (place && place->listener) {
        hwsi_say(detail, capacity,
                 "cannot listen on %s: the address is already in use; choose another name",
                 address);
        return HWS_EADDRINUSE;
    }
    listener = place ? hwsi_alloc(seat->loopback->heap, sizeof *listener) : NULL;
    if (!listener) {
        hwsi_say(detail, capacity, "cannot listen on %s: out of memory", address);
        return HWS_ENOMEM;
    }
    listener->listener = (struct hws_listener){ &listener_ops, place->address };
    listener->handler = handler;
    listener->seat = seat;
    listener->place = place;
    place->machine = seat->machine;
    place->listener = listener;
    *out = &listener->listener;
    return 0;
}

static int seat_dial(struct hws_transport *transport, const char *address,
                     struct hws_link_handler *handler, struct hws_link **out, char *detail,
                     size_t capacity)
{
    struct hwsi_seat *seat = (struct hwsi_seat *)transport;
    int error;
    if (*address == '\0')
        return no_address(detail, capacity);
    error = seat->dead ? HWS_ECLOSED : hwsi_span_dial(seat, address, handler, out);
    if (error)
        hwsi_say(detail, capacity, "cannot connect to %s: %s", address, hws_strerror(error));
    return error;
}

static void seat_release(struct hws_transport *transport)
{
    struct hwsi_seat *seat = (struct hwsi_seat *)transport;
    seat->system = NULL;
    seat->released = true;
    if (!seat->in_turn)
        seat_free(seat);
}

static const struct hws_transport_ops seat_ops = { "loop", seat_listen, seat_dial, seat_release,
                                                   NULL };

int hwsi_seat_new(struct hws_loopback *loopback, const char *name, struct hws_system *system,
                  struct hwsi_seat **out)
{
    struct hwsi_machine *machine;
    struct hwsi_seat *seat;
    int error = hwsi_machine_named(loopback, name, &machine);
    if (error)
        return error;
    seat = hwsi_alloc(loopback->heap, sizeof *seat);
    if (!seat)
        return HWS_ENOMEM;
    if (hwsi_timer_register(&loopback->timers, &seat->turn, on_turn) != 0) {
        hwsi_free(loopback->heap, seat, sizeof *seat);
        return HWS_ENOMEM;
    }
    seat->transport.ops = &seat_ops;
    seat->loopback = loopback;
    seat->machine = machine;
    seat->system = system;
    hwsi_list_append(&loopback->seats, &seat->node);
    *out = seat;
    return 0;
}

/* --- its system --- */

static void on_stopped(void *data)
{
    struct hwsi_seat *seat = data;
    seat->system = NULL;
    hwsi_timer_stop(&seat->turn);
}

static void on_due(void *data)
{
    hwsi_seat_look(data);
}

static void on_wake(void *data)
{
    struct hws_loopback *loopback = data;
    atomic_store(&loopback->woken, true);
}

int hws_loopback_attach(struct hws_loopback *loopback, struct hws_system *system)
{
    struct hwsi_seat *seat;
    int error = hwsi_seat_new(loopback, hws_system_name(system), system, &seat);
    if (error)
        return error;
    error = hws_add_transport(system, &seat->transport);
    if (error)
        return error;
    hws_on_stopped(system, on_stopped, seat);
    hws_on_due(system, on_due, seat);
    hws_on_wake(system, on_wake, loopback);
    if (seat->machine->down) {
        seat->machine->down = false;
        hwsi_machine_wake(seat->machine);
    }
    hwsi_seat_look(seat);
    return 0;
}

static struct hwsi_seat *seat_of(struct hws_loopback *loopback, const struct hws_system *system)
{
    struct hwsi_list *node = loopback->seats.next;
    for (; node != &loopback->seats; node = node->next) {
        struct hwsi_seat *seat = HWSI_ENTRY(node, struct hwsi_seat, node);
        if (seat->system == system)
            return seat;
    }
    return NULL;
}

/* The kernel closes what the process held. */
static void close_everything(struct hwsi_seat *seat, bool silently)
{
    struct hwsi_list *head = &seat->machine->ends, *next;
    struct hwsi_map *places = &seat->loopback->places;
    struct hwsi_place *place;
    for (size_t cursor = 0; (place = hwsi_map_next(places, &cursor));)
        if (place->listener && place->listener->seat == seat)
            unlisten(place->listener);
    for (struct hwsi_list *node = head->next; node != head; node = next) {
        struct hwsi_end *end = HWSI_ENTRY(node, struct hwsi_end, node);
        next = node->next;
        if (end->seat == seat)
            hwsi_end_die(end, silently);
    }
}

/* Tells the dying system of the end of one of its links. False: none is left. */
static bool tell_one(struct hwsi_seat *seat)
{
    struct hwsi_list *head = &seat->machine->ends;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        struct hwsi_end *end = HWSI_ENTRY(node, struct hwsi_end, node);
        if (end->seat != seat)
            continue;
        hwsi_end_tell(end);
        return true;
    }
    return false;
}

int hws_loopback_kill(struct hws_loopback *loopback, struct hws_system *system,
                      enum hws_loopback_death death)
{
    struct hwsi_seat *seat = seat_of(loopback, system);
    struct hws_loopback_step step = loopback->step;
    if (!seat)
        return HWS_ENOTFOUND;
    if (hws_in_turn(system))
        return HWS_ESTATE;
    seat->dead = true;
    seat->in_turn = true; /* it stays until the end of this */
    seat->machine->paused_until = 0;
    seat->machine->down = death == HWS_LOOPBACK_DEATH_silent;
    close_everything(seat, death == HWS_LOOPBACK_DEATH_silent);
    hws_system_free(system);
    while (tell_one(seat))
        ;
    while (seat->system && hws_next_turn(system) == 0)
        hws_turn(system);
    seat->in_turn = false;
    if (seat->released)
        seat_free(seat);
    loopback->step = step; /* this was none */
    return 0;
}
