/* SPDX-License-Identifier: MIT */
/* How a span comes to be: the dial, who answers it, and who is not there. */
#include "transport/span.h"
#include "transport/way.h"

#include <string.h>

#define DIAL_AGAIN HWS_SECOND /* without an answer, as a kernel does with its first packet */

static void refuse(struct hwsi_span *span, const char *cause)
{
    hwsi_seat_touch(span->near.seat);
    hwsi_end_closing(&span->near, HWS_EREFUSED, cause);
}

/* Offers the far end to who listens. False: it was not taken, and the span may be gone. */
static bool offer(struct hwsi_span *span, struct hwsi_loop_listener *listener)
{
    struct hwsi_end *far = &span->far;
    far->state = HWSI_END_OPEN;
    far->seat = listener->seat;
    hwsi_seat_touch(far->seat);
    if (listener->handler->on_accept(listener->handler, &far->link) == 0)
        return true;
    hwsi_end_reject(far);
    return false;
}

static void accept(struct hwsi_span *span, struct hwsi_place *place)
{
    struct hwsi_end *near = &span->near, *far = &span->far;
    far->machine = place->machine;
    far->link.peer = near->machine->name;
    hwsi_list_append(&far->machine->ends, &far->node);
    near->state = HWSI_END_OPEN;
    hwsi_seat_touch(near->seat);
    if (hwsi_machine_paused(far->machine)) {
        far->state = HWSI_END_WAITING;
        far->seat = place->listener->seat;
        hwsi_timer_start(&far->notice, far->machine->paused_until);
    } else {
        offer(span, place->listener);
    }
    if (near->state == HWSI_END_OPEN)
        near->link.handler->ops->on_open(near->link.handler);
}

void hwsi_span_take(struct hwsi_span *span)
{
    struct hwsi_place *place = hwsi_loopback_find(span->loopback, span->address);
    struct hwsi_end *far = &span->far;
    hwsi_loopback_note(span->loopback, HWS_LOOPBACK_STEP_accept, far->machine, far->link.peer, 0);
    if (span->cut || !place->listener) {
        hwsi_end_reject(far);
        return;
    }
    if (offer(span, place->listener))
        hwsi_end_wake(far);
}

static bool is_unreachable(struct hwsi_span *span, const struct hwsi_place *place)
{
    struct hws_loopback *loopback = span->loopback;
    const struct hwsi_machine *near = span->near.machine, *far = place ? place->machine : NULL;
    return hwsi_loopback_is_unreachable(loopback, span->address) ||
           hwsi_machine_is_unreachable(near) ||
           hwsi_way_passage(loopback, near, far) == HWSI_PASSAGE_CUT;
}

/* No packet of the dial, or none of its answer, comes through. */
static bool is_silent(struct hwsi_span *span, const struct hwsi_place *place)
{
    struct hws_loopback *loopback = span->loopback;
    const struct hwsi_machine *near = span->near.machine, *far = place ? place->machine : NULL;
    return far && (far->down || hwsi_way_passage(loopback, near, far) == HWSI_PASSAGE_SILENT ||
                   hwsi_way_passage(loopback, far, near) == HWSI_PASSAGE_SILENT);
}

/* Both go on. */
static void cross(struct hws_loopback *loopback, struct hwsi_way *way, struct hwsi_way *back)
{
    struct hwsi_way *ways[] = { way, back };
    for (size_t i = 0; i < 2; i++) {
        struct hwsi_span *held = ways[i]->held;
        ways[i]->held = NULL;
        ways[i]->collides = false;
        if (held) {
            held->held_by = NULL;
            hwsi_timer_start(&held->dial, loopback->now);
        }
        hwsi_way_settle(loopback, ways[i]);
    }
}

/* Must it wait for a dial from the other side? */
static bool waits(struct hwsi_span *span, const struct hwsi_place *place)
{
    struct hws_loopback *loopback = span->loopback;
    const struct hwsi_machine *near = span->near.machine, *far = place ? place->machine : NULL;
    struct hwsi_way *way = hwsi_way_find(loopback, near, far);
    if (!way || !way->collides || way->held)
        return false;
    struct hwsi_way *back = hwsi_way_find(loopback, far, near);
    if (back->held) {
        cross(loopback, way, back);
        return false;
    }
    way->held = span;
    span->held_by = way;
    return true;
}

void hwsi_span_stop_dialling(struct hwsi_span *span)
{
    struct hws_loopback *loopback = span->loopback;
    struct hwsi_way *way = span->held_by;
    if (way)
        cross(loopback, way, hwsi_way_find(loopback, way->to, way->from));
    hwsi_timer_stop(&span->dial);
}

static void on_dial(struct hwsi_timer *timer)
{
    struct hwsi_span *span = HWSI_ENTRY(timer, struct hwsi_span, dial);
    struct hws_loopback *loopback = span->loopback;
    struct hwsi_machine *near = span->near.machine;
    struct hwsi_place *place = hwsi_loopback_find(loopback, span->address);
    span->paused = hwsi_machine_paused(near);
    if (span->paused) {
        hwsi_timer_start(timer, near->paused_until);
        return;
    }
    hwsi_loopback_note(loopback, HWS_LOOPBACK_STEP_dial, near, span->address, 0);
    if (is_unreachable(span, place))
        refuse(span, "refused: it is unreachable");
    else if (is_silent(span, place))
        hwsi_timer_start(timer, loopback->now + DIAL_AGAIN);
    else if (!place || !place->listener)
        refuse(span, "refused: nothing listens there");
    else if (!waits(span, place))
        accept(span, place);
}

static int end_init(struct hwsi_span *span, struct hwsi_end *end)
{
    struct hwsi_timers *timers = &span->loopback->timers;
    end->link = (struct hws_link){ .ops = &hwsi_end_ops, .peer = span->address };
    end->span = span;
    end->fin = HWS_NEVER;
    hwsi_pipe_init(&end->out, span->loopback->heap);
    return hwsi_timer_register(timers, &end->notice, hwsi_end_notice) ||
                   hwsi_timer_register(timers, &end->arrival, hwsi_end_arrival)
               ? HWS_ENOMEM
               : 0;
}

int hwsi_span_dial(struct hwsi_seat *seat, const char *address, struct hws_link_handler *handler,
                   struct hws_link **out)
{
    struct hws_loopback *loopback = seat->loopback;
    const struct hwsi_place *place = hwsi_loopback_find(loopback, address);
    size_t size = sizeof(struct hwsi_span) + strlen(address) + 1;
    struct hwsi_span *span = hwsi_alloc(loopback->heap, size);
    if (!span)
        return HWS_ENOMEM;
    span->loopback = loopback;
    span->size = size;
    memcpy(span->address, address, strlen(address) + 1);
    hwsi_list_append(&loopback->spans, &span->node);
    hwsi_list_init(&span->near.node);
    hwsi_list_init(&span->far.node);
    if (end_init(span, &span->near) != 0 || end_init(span, &span->far) != 0 ||
        hwsi_timer_register(&loopback->timers, &span->dial, on_dial) != 0) {
        hwsi_span_settle(span);
        return HWS_ENOMEM;
    }
    span->near.state = HWSI_END_DIALLING;
    span->near.seat = seat;
    span->near.machine = seat->machine;
    hwsi_list_append(&seat->machine->ends, &span->near.node);
    span->near.link.handler = handler;
    hwsi_timer_start(&span->dial, hwsi_loopback_arrival(
                                      loopback, hwsi_way_values(loopback, seat->machine,
                                                                place ? place->machine : NULL)));
    *out = &span->near.link;
    return 0;
}
