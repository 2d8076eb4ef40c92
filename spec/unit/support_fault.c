/* SPDX-License-Identifier: MIT */
#include "support_fault.h"

#include <stdio.h>
#include <stdlib.h>

#include "transport/network.h"

struct transport {
    struct hws_transport base; /* first */
    struct hws_loopback *loopback;
    struct hwsi_seat *seat;
    struct fault_plan *plan;
};
struct listener {
    struct hws_listener base; /* first */
    struct hws_listener_handler inner_handler, *handler;
    struct hws_listener *inner;
    struct transport *transport;
};
struct link {
    struct hws_link base; /* first */
    struct hws_link_handler inner_handler;
    struct hws_link *inner;
    struct transport *transport;
    struct hwsi_timer later; /* on_writable after a write that was cut short here */
    uint64_t received;
    bool broken;
};

const char *fault_name(enum fault fault)
{
    static const char *const names[] = {
#define X(name) #name,
        FAULTS(X)
#undef X
    };
    return names[fault];
}

static bool fails(struct fault_plan *plan, enum fault fault)
{
    uint64_t call = ++plan->calls[fault];
    return plan->what == fault && plan->fail_at &&
           (call == plan->fail_at || (plan->for_good && call > plan->fail_at));
}

/* --- links --- */

static struct link *link_of(struct hws_link_handler *handler)
{
    return HWSI_ENTRY(handler, struct link, inner_handler);
}

static void on_open(struct hws_link_handler *handler)
{
    struct link *link = link_of(handler);
    link->base.handler->ops->on_open(link->base.handler);
}

static bool on_reserve(struct hws_link_handler *handler, uint8_t **room, size_t *size)
{
    struct link *link = link_of(handler);
    const struct fault_plan *plan = link->transport->plan;
    if (link->broken || !link->base.handler->ops->on_reserve(link->base.handler, room, size))
        return false;
    if (link->received<plan->split_at && * size> plan->split_at - link->received)
        *size = plan->split_at - link->received;
    if (plan->received<plan->cut_at && * size> plan->cut_at - plan->received)
        *size = plan->cut_at - plan->received;
    return true;
}

static void on_bytes(struct hws_link_handler *handler, size_t size)
{
    struct link *link = link_of(handler);
    struct fault_plan *plan = link->transport->plan;
    link->received += size;
    plan->received += size;
    bool cut = plan->received == plan->cut_at;
    struct hws_link *inner = link->inner;
    if (cut) {
        plan->cuts++;
        link->broken = true;
    }
    link->base.handler->ops->on_bytes(link->base.handler, size);
    if (cut)
        inner->ops->close(inner);
}

static void on_writable(struct hws_link_handler *handler)
{
    struct link *link = link_of(handler);
    link->base.handler->ops->on_writable(link->base.handler);
}

static void on_later(struct hwsi_timer *timer)
{
    struct link *link = HWSI_ENTRY(timer, struct link, later);
    if (!link->broken)
        link->base.handler->ops->on_writable(link->base.handler);
}

static void on_close(struct hws_link_handler *handler, int error, const char *detail)
{
    struct link *link = link_of(handler);
    struct hws_link_handler *user = link->base.handler;
    hwsi_timer_unregister(&link->later);
    link->transport->plan->open--;
    int told = link->broken ? HWS_ERESET : error;
    free(link);
    user->ops->on_close(user, told, detail);
}

static const struct hws_link_handler_ops inner_ops = { on_open, on_reserve, on_bytes, on_writable,
                                                       on_close };

/* Half of it, of one slice at most. */
static int write_some(struct link *link, const struct hws_slice *slices, size_t *taken)
{
    struct hws_slice half = { slices[0].data, (slices[0].size + 1) / 2 };
    int error = link->inner->ops->write(link->inner, &half, 1, taken);
    hwsi_timer_start(&link->later, link->transport->loopback->now + HWS_MILLISECOND);
    return error;
}

static int link_write(struct hws_link *base, const struct hws_slice *slices, size_t count,
                      size_t *taken)
{
    struct link *link = (struct link *)base;
    struct fault_plan *plan = link->transport->plan;
    *taken = 0;
    if (link->broken)
        return HWS_ECLOSED;
    if (fails(plan, FAULT_write)) {
        link->broken = true;
        link->inner->ops->close(link->inner);
        return HWS_EIO;
    }
    if (fails(plan, FAULT_short_write))
        return write_some(link, slices, taken);
    if (fails(plan, FAULT_full_write)) {
        hwsi_timer_start(&link->later, link->transport->loopback->now + HWS_MILLISECOND);
        return 0;
    }
    return link->inner->ops->write(link->inner, slices, count, taken);
}

static void link_close(struct hws_link *base)
{
    struct link *link = (struct link *)base;
    link->inner->ops->close(link->inner);
}

static const struct hws_link_ops link_ops = { link_write, link_close };

static struct link *link_new(struct transport *transport)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link || hwsi_timer_register(&transport->loopback->timers, &link->later, on_later)) {
        free(link);
        return NULL;
    }
    link->base.ops = &link_ops;
    link->inner_handler.ops = &inner_ops;
    link->transport = transport;
    return link;
}

static void link_begin(struct link *link, struct hws_link *inner)
{
    struct fault_plan *plan = link->transport->plan;
    link->inner = inner;
    link->base.peer = inner->peer;
    plan->open++;
}

static void link_forget(struct link *link)
{
    hwsi_timer_unregister(&link->later);
    free(link);
}

/* --- listening and dialling --- */

static int on_accept(struct hws_listener_handler *handler, struct hws_link *inner)
{
    struct listener *listener = HWSI_ENTRY(handler, struct listener, inner_handler);
    struct link *link = link_new(listener->transport);
    if (!link)
        return HWS_ENOMEM;
    link->base.peer = inner->peer;
    int error = fails(listener->transport->plan, FAULT_accept)
                    ? HWS_ENOMEM
                    : listener->handler->on_accept(listener->handler, &link->base);
    if (error) {
        link_forget(link);
        return error;
    }
    link_begin(link, inner);
    inner->handler = &link->inner_handler;
    return 0;
}

static void listener_close(struct hws_listener *base)
{
    struct listener *listener = (struct listener *)base;
    listener->inner->ops->close(listener->inner);
    free(listener);
}
static const struct hws_listener_ops listener_ops = { listener_close };

static int do_listen(struct hws_transport *base, const char *address,
                     struct hws_listener_handler *handler, struct hws_listener **out, char *detail,
                     size_t capacity)
{
    struct transport *transport = (struct transport *)base;
    struct hws_transport *inner = &transport->seat->transport;
    struct listener *listener = calloc(1, sizeof *listener);
    int error = fails(transport->plan, FAULT_listen) ? HWS_EADDRINUSE : 0;
    snprintf(detail, capacity, "told to fail");
    *listener = (struct listener){ .base = { .ops = &listener_ops },
                                   .inner_handler = { on_accept },
                                   .handler = handler,
                                   .transport = transport };
    if (!error)
        error = inner->ops->listen(inner, address, &listener->inner_handler, &listener->inner,
                                   detail, capacity);
    if (error) {
        free(listener);
        return error;
    }
    listener->base.address = listener->inner->address;
    *out = &listener->base;
    return 0;
}

static int do_dial(struct hws_transport *base, const char *address,
                   struct hws_link_handler *handler, struct hws_link **out, char *detail,
                   size_t capacity)
{
    struct transport *transport = (struct transport *)base;
    struct hws_transport *inner = &transport->seat->transport;
    struct link *link = fails(transport->plan, FAULT_dial) ? NULL : link_new(transport);
    struct hws_link *inner_link;
    if (!link)
        return HWS_ENOMEM;
    if (fails(transport->plan, FAULT_refused_dial))
        address = "nobody:1";
    int error =
        inner->ops->dial(inner, address, &link->inner_handler, &inner_link, detail, capacity);
    if (error) {
        link_forget(link);
        return error;
    }
    link_begin(link, inner_link);
    link->base.handler = handler;
    *out = &link->base;
    return 0;
}

static void release(struct hws_transport *base)
{
    struct transport *transport = (struct transport *)base;
    transport->seat->transport.ops->release(&transport->seat->transport);
    free(transport);
}

static const struct hws_transport_ops transport_ops = { "loop", do_listen, do_dial, release, NULL };

int fault_add(struct hws_loopback *loopback, struct hws_system *system, struct fault_plan *plan)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport || hwsi_seat_new(loopback, hws_system_name(system), NULL, &transport->seat)) {
        free(transport);
        return HWS_ENOMEM;
    }
    transport->base.ops = &transport_ops;
    transport->loopback = loopback;
    transport->plan = plan;
    return hws_add_transport(system, &transport->base);
}
