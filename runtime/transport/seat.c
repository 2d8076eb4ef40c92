/* SPDX-License-Identifier: MIT */
#include "transport/span.h"

#include "base/text.h"
#include "transport/network.h"

#include <string.h>

static void seat_free(struct hwsi_seat *seat)
{
    hwsi_timer_unregister(&seat->turn);
    hwsi_list_remove(&seat->node);
    hwsi_free(seat->loopback->heap, seat, sizeof *seat);
}

static void on_turn(struct hwsi_timer *timer)
{
    struct hwsi_seat *seat = HWSI_ENTRY(timer, struct hwsi_seat, turn);
    uint64_t due;
    seat->in_turn = true;
    hws_turn(seat->system);
    seat->in_turn = false;
    if (seat->released) {
        seat_free(seat);
        return;
    }
    due = seat->system ? hws_next_turn(seat->system) : HWS_NEVER;
    if (due < seat->loopback->now)
        due = seat->loopback->now;
    if (due != HWS_NEVER)
        hwsi_timer_start(&seat->turn, due);
    else
        hwsi_timer_stop(&seat->turn);
}

void hwsi_seat_touch(struct hwsi_seat *seat)
{
    if (seat->system && (!hwsi_timer_running(&seat->turn) || seat->turn.due > seat->loopback->now))
        hwsi_timer_start(&seat->turn, seat->loopback->now);
}

const char *hwsi_seat_name(const struct hwsi_seat *seat)
{
    return seat->system ? hws_system_name(seat->system) : "nobody";
}

bool hwsi_seat_is_unreachable(const struct hwsi_seat *seat)
{
    struct hws_loopback *loopback = seat->loopback;
    struct hwsi_list *node = loopback->listeners.next;
    if (hwsi_list_empty(&loopback->unreachable))
        return false;
    for (; node != &loopback->listeners; node = node->next) {
        struct hwsi_loop_listener *listener = HWSI_ENTRY(node, struct hwsi_loop_listener, node);
        if (listener->seat == seat && hwsi_loopback_is_unreachable(loopback, listener->address))
            return true;
    }
    return false;
}

struct hwsi_loop_listener *hwsi_loopback_find(struct hws_loopback *loopback, const char *address)
{
    struct hwsi_list *node = loopback->listeners.next;
    for (; node != &loopback->listeners; node = node->next) {
        struct hwsi_loop_listener *listener = HWSI_ENTRY(node, struct hwsi_loop_listener, node);
        if (strcmp(listener->address, address) == 0)
            return listener;
    }
    return NULL;
}

static void listener_close(struct hws_listener *listener)
{
    struct hwsi_loop_listener *loop_listener = (struct hwsi_loop_listener *)listener;
    hwsi_list_remove(&loop_listener->node);
    hwsi_free(loop_listener->seat->loopback->heap, loop_listener, loop_listener->size);
}

static const struct hws_listener_ops listener_ops = { listener_close };

static int no_address(char *detail, size_t capacity)
{
    hwsi_say(detail, capacity, "a loop address needs a name: loop:name");
    return HWS_EADDRESS;
}

static int seat_listen(struct hws_transport *transport, const char *address,
                       struct hws_listener_handler *handler, struct hws_listener **out,
                       char *detail, size_t capacity)
{
    struct hwsi_seat *seat = (struct hwsi_seat *)transport;
    size_t size = sizeof(struct hwsi_loop_listener) + strlen(address) + 1;
    struct hwsi_loop_listener *listener;
    if (*address == '\0')
        return no_address(detail, capacity);
    if (hwsi_loopback_find(seat->loopback, address)) {
        hwsi_say(detail, capacity,
                 "cannot listen on %s: the address is already in use; choose another name",
                 address);
        return HWS_EADDRINUSE;
    }
    listener = hwsi_alloc(seat->loopback->heap, size);
    if (!listener) {
        hwsi_say(detail, capacity, "cannot listen on %s: out of memory", address);
        return HWS_ENOMEM;
    }
    memcpy(listener->address, address, strlen(address) + 1);
    listener->listener = (struct hws_listener){ &listener_ops, listener->address };
    listener->handler = handler;
    listener->seat = seat;
    listener->size = size;
    hwsi_list_append(&seat->loopback->listeners, &listener->node);
    *out = &listener->listener;
    return 0;
}

static int seat_dial(struct hws_transport *transport, const char *address,
                     struct hws_link_handler *handler, struct hws_link **out, char *detail,
                     size_t capacity)
{
    int error;
    if (*address == '\0')
        return no_address(detail, capacity);
    error = hwsi_span_dial((struct hwsi_seat *)transport, address, handler, out);
    if (error)
        hwsi_say(detail, capacity, "cannot connect to %s: out of memory", address);
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

int hwsi_seat_new(struct hws_loopback *loopback, struct hws_system *system, struct hwsi_seat **out)
{
    struct hwsi_seat *seat = hwsi_alloc(loopback->heap, sizeof *seat);
    if (!seat)
        return HWS_ENOMEM;
    if (hwsi_timer_register(&loopback->timers, &seat->turn, on_turn) != 0) {
        hwsi_free(loopback->heap, seat, sizeof *seat);
        return HWS_ENOMEM;
    }
    seat->transport.ops = &seat_ops;
    seat->loopback = loopback;
    seat->system = system;
    hwsi_list_append(&loopback->seats, &seat->node);
    *out = seat;
    return 0;
}

static void on_stopped(void *data)
{
    struct hwsi_seat *seat = data;
    seat->system = NULL;
    hwsi_timer_stop(&seat->turn);
}

int hws_loopback_attach(struct hws_loopback *loopback, struct hws_system *system)
{
    struct hwsi_seat *seat;
    int error = hwsi_seat_new(loopback, system, &seat);
    if (error)
        return error;
    error = hws_add_transport(system, &seat->transport);
    if (!error)
        hws_on_stopped(system, on_stopped, seat);
    return error;
}
