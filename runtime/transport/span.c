/* SPDX-License-Identifier: MIT */
#include "transport/span.h"

#include "base/text.h"

#include <string.h>

static struct hwsi_end *other(struct hwsi_end *end)
{
    return end == &end->span->near ? &end->span->far : &end->span->near;
}

static void span_free(struct hwsi_span *span)
{
    struct hwsi_heap *heap = span->loopback->heap;
    struct hwsi_end *ends[] = { &span->near, &span->far };
    for (size_t i = 0; i < 2; i++) {
        hwsi_timer_unregister(&ends[i]->notice);
        hwsi_timer_unregister(&ends[i]->arrival);
        hwsi_pipe_free(&ends[i]->out);
    }
    hwsi_timer_unregister(&span->dial);
    hwsi_list_remove(&span->node);
    hwsi_free(heap, span, span->size);
}

static void notice_soon(struct hwsi_end *end)
{
    if (!hwsi_timer_running(&end->notice))
        hwsi_timer_start(&end->notice, end->span->loopback->now);
}

/* Nothing arrives here any more; on_close is due. */
static void end_closing(struct hwsi_end *end, int error, const char *cause)
{
    end->state = HWSI_END_CLOSING;
    end->error = error;
    end->cause = cause;
    hwsi_timer_stop(&end->arrival);
    notice_soon(end);
}

static void say_closed(struct hwsi_end *end)
{
    struct hws_link_handler *handler = end->link.handler;
    struct hwsi_span *span = end->span;
    char detail[512];
    hwsi_say(detail, sizeof detail, "connection to %s %s", end->link.peer, end->cause);
    end->state = HWSI_END_DONE;
    hwsi_seat_touch(end->seat); /* before: on_close may be the end of its system */
    handler->ops->on_close(handler, end->error, detail);
    if (other(end)->state == HWSI_END_DONE)
        span_free(span);
}

static void on_notice(struct hwsi_timer *timer)
{
    struct hwsi_end *end = HWSI_ENTRY(timer, struct hwsi_end, notice);
    if (end->state == HWSI_END_CLOSING) {
        say_closed(end);
        return;
    }
    if (!end->starved || end->state != HWSI_END_OPEN)
        return;
    end->starved = false;
    hwsi_seat_touch(end->seat);
    end->link.handler->ops->on_writable(end->link.handler);
}

/* When something of what `from` sent arrives next. */
static void expect_arrival(struct hwsi_end *from)
{
    struct hwsi_end *to = other(from);
    uint64_t due = hwsi_pipe_next(&from->out);
    uint64_t now = from->span->loopback->now;
    if (due == HWS_NEVER)
        due = from->fin;
    if (due != HWS_NEVER && to->state == HWSI_END_OPEN && !hwsi_timer_running(&to->arrival))
        hwsi_timer_start(&to->arrival, due > now ? due : now);
}

/* False: the reader has no room. */
static bool deliver(struct hwsi_end *from, struct hwsi_end *to, size_t arrived)
{
    struct hws_link_handler *handler = to->link.handler;
    uint8_t *room;
    size_t size;
    if (!handler->ops->on_reserve(handler, &room, &size))
        return false;
    if (to->state != HWSI_END_OPEN)
        return true;
    size = hwsi_loopback_piece(from->span->loopback, size < arrived ? size : arrived);
    hwsi_pipe_take(&from->out, room, size);
    if (from->starved && from->state == HWSI_END_OPEN)
        notice_soon(from);
    handler->ops->on_bytes(handler, size);
    return true;
}

static void on_arrival(struct hwsi_timer *timer)
{
    struct hwsi_end *to = HWSI_ENTRY(timer, struct hwsi_end, arrival);
    struct hwsi_end *from = other(to);
    struct hws_loopback *loopback = to->span->loopback;
    size_t arrived = hwsi_pipe_arrived(&from->out, loopback->now);
    hwsi_seat_touch(to->seat);
    if (arrived == 0) {
        end_closing(to, HWS_ERESET, "lost: the peer closed it");
        return;
    }
    if (loopback->options.drop_link > 0 &&
        hwsi_random_unit(&loopback->random) < loopback->options.drop_link) {
        hwsi_span_cut(to->span, "lost: the network dropped it");
        return;
    }
    if (deliver(from, to, arrived))
        expect_arrival(from);
    else /* its system takes its turn at once, and is asked again then */
        hwsi_timer_start(&to->arrival, loopback->now + HWS_MICROSECOND);
}

static size_t total(const struct hws_slice *slices, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += slices[i].size;
    return size;
}

/* How much of `size` bytes goes on its way now. What an end sends that nobody reads any more counts as taken. */
static size_t acceptable(struct hwsi_end *end, size_t size)
{
    struct hws_loopback *loopback = end->span->loopback;
    size_t room = loopback->options.pipe_bytes - end->out.size;
    if (end->state == HWSI_END_DIALLING || end->starved)
        return 0;
    if (other(end)->state != HWSI_END_OPEN)
        return size;
    if (room > size)
        room = size;
    return room ? hwsi_loopback_piece(loopback, room) : 0;
}

/* 0 or HWS_ENOMEM */
static int put_slices(struct hwsi_end *end, const struct hws_slice *slices, size_t size)
{
    uint64_t due = hwsi_loopback_arrival(end->span->loopback);
    for (; size > 0; slices++) {
        size_t part = slices->size < size ? slices->size : size;
        int error = hwsi_pipe_put(&end->out, slices->data, part, due);
        if (error)
            return error;
        size -= part;
    }
    return 0;
}

static int end_write(struct hws_link *link, const struct hws_slice *slices, size_t count,
                     size_t *taken)
{
    struct hwsi_end *end = (struct hwsi_end *)link;
    size_t size = total(slices, count), some;
    *taken = 0;
    if (end->state == HWSI_END_CLOSING || end->state == HWSI_END_DONE)
        return HWS_ECLOSED;
    some = acceptable(end, size);
    if (other(end)->state == HWSI_END_OPEN && put_slices(end, slices, some) != 0) {
        hwsi_span_cut(end->span, "lost: out of memory");
        return HWS_ENOMEM;
    }
    *taken = some;
    end->starved = some < size || end->starved;
    /* Cut short although there is room: it may go on at once. In a full pipe it waits for a delivery. */
    if (end->starved && end->state == HWSI_END_OPEN &&
        end->out.size < end->span->loopback->options.pipe_bytes)
        notice_soon(end);
    expect_arrival(end);
    return 0;
}

static void end_close(struct hws_link *link)
{
    struct hwsi_end *end = (struct hwsi_end *)link;
    bool was_open = end->state == HWSI_END_OPEN;
    if (end->state == HWSI_END_CLOSING || end->state == HWSI_END_DONE)
        return;
    hwsi_timer_stop(&end->span->dial);
    end_closing(end, 0, "closed by this side");
    if (!was_open)
        return;
    end->fin = hwsi_loopback_arrival(end->span->loopback);
    if (end->fin < hwsi_pipe_last(&end->out))
        end->fin = hwsi_pipe_last(&end->out);
    expect_arrival(end);
}

static const struct hws_link_ops end_ops = { end_write, end_close };

void hwsi_span_cut(struct hwsi_span *span, const char *cause)
{
    struct hwsi_end *ends[] = { &span->near, &span->far };
    for (size_t i = 0; i < 2; i++) {
        hwsi_pipe_free(&ends[i]->out);
        if (ends[i]->state == HWSI_END_OPEN)
            end_closing(ends[i], HWS_ERESET, cause);
    }
}

static void refuse(struct hwsi_span *span, const char *cause)
{
    hwsi_seat_touch(span->near.seat);
    end_closing(&span->near, HWS_EREFUSED, cause);
}

static void accept(struct hwsi_span *span, struct hwsi_loop_listener *listener)
{
    struct hwsi_end *near = &span->near, *far = &span->far;
    near->state = far->state = HWSI_END_OPEN;
    far->seat = listener->seat;
    far->link.peer = span->name;
    hwsi_seat_touch(near->seat);
    hwsi_seat_touch(far->seat);
    if (listener->handler->on_accept(listener->handler, &far->link) != 0) {
        far->state = HWSI_END_DONE; /* nobody took it, and nobody is told */
        far->fin = hwsi_loopback_arrival(span->loopback);
        expect_arrival(far);
    }
    if (near->state == HWSI_END_OPEN)
        near->link.handler->ops->on_open(near->link.handler);
}

static void on_dial(struct hwsi_timer *timer)
{
    struct hwsi_span *span = HWSI_ENTRY(timer, struct hwsi_span, dial);
    struct hws_loopback *loopback = span->loopback;
    struct hwsi_loop_listener *listener = hwsi_loopback_find(loopback, span->address);
    if (hwsi_loopback_is_unreachable(loopback, span->address) ||
        hwsi_seat_is_unreachable(span->near.seat))
        refuse(span, "refused: it is unreachable");
    else if (!listener)
        refuse(span, "refused: nothing listens there");
    else
        accept(span, listener);
}

static int end_init(struct hwsi_span *span, struct hwsi_end *end)
{
    struct hwsi_timers *timers = &span->loopback->timers;
    end->link = (struct hws_link){ .ops = &end_ops, .peer = span->address };
    end->span = span;
    end->fin = HWS_NEVER;
    hwsi_pipe_init(&end->out, span->loopback->heap);
    return hwsi_timer_register(timers, &end->notice, on_notice) ||
                   hwsi_timer_register(timers, &end->arrival, on_arrival)
               ? HWS_ENOMEM
               : 0;
}

int hwsi_span_dial(struct hwsi_seat *seat, const char *address, struct hws_link_handler *handler,
                   struct hws_link **out)
{
    struct hws_loopback *loopback = seat->loopback;
    size_t size = sizeof(struct hwsi_span) + strlen(address) + 1;
    struct hwsi_span *span = hwsi_alloc(loopback->heap, size);
    if (!span)
        return HWS_ENOMEM;
    span->loopback = loopback;
    span->size = size;
    memcpy(span->address, address, strlen(address) + 1);
    hwsi_say(span->name, sizeof span->name, "%s", hwsi_seat_name(seat));
    hwsi_list_append(&loopback->spans, &span->node);
    if (end_init(span, &span->near) != 0 || end_init(span, &span->far) != 0 ||
        hwsi_timer_register(&loopback->timers, &span->dial, on_dial) != 0) {
        span_free(span);
        return HWS_ENOMEM;
    }
    span->near.state = HWSI_END_DIALLING;
    span->near.seat = seat;
    span->near.link.handler = handler;
    hwsi_timer_start(&span->dial, hwsi_loopback_arrival(loopback));
    *out = &span->near.link;
    return 0;
}
