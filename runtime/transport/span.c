/* SPDX-License-Identifier: MIT */
#include "transport/span.h"

#include "base/text.h"
#include "transport/way.h"

#include <string.h>

#define ASK_AGAIN HWS_MILLISECOND /* a reader that has no room */
#define PACKETS 100               /* a second, of what a narrow link carries */

struct hwsi_end *hwsi_end_other(struct hwsi_end *end)
{
    return end == &end->span->near ? &end->span->far : &end->span->near;
}

static void note(const struct hwsi_end *end, enum hws_loopback_step_kind kind, uint64_t bytes)
{
    const struct hwsi_machine *peer = hwsi_end_other((struct hwsi_end *)end)->machine;
    hwsi_loopback_note(end->span->loopback, kind, end->machine,
                       peer ? peer->name : end->span->address, bytes);
}

void hwsi_span_settle(struct hwsi_span *span)
{
    struct hwsi_heap *heap = span->loopback->heap;
    struct hwsi_end *ends[] = { &span->near, &span->far };
    if (span->near.state != HWSI_END_DONE || span->far.state != HWSI_END_DONE)
        return;
    for (size_t i = 0; i < 2; i++) {
        hwsi_timer_unregister(&ends[i]->notice);
        hwsi_timer_unregister(&ends[i]->arrival);
        hwsi_pipe_free(&ends[i]->out);
        hwsi_list_remove(&ends[i]->node);
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
void hwsi_end_closing(struct hwsi_end *end, int error, const char *cause)
{
    end->state = HWSI_END_CLOSING;
    end->error = error;
    end->cause = cause;
    hwsi_timer_stop(&end->arrival);
    notice_soon(end);
}

void hwsi_end_tell(struct hwsi_end *end)
{
    struct hws_link_handler *handler = end->link.handler;
    struct hwsi_span *span = end->span;
    struct hwsi_seat *seat = end->seat;
    char detail[512];
    if (end->state != HWSI_END_CLOSING)
        return;
    note(end, HWS_LOOPBACK_STEP_closed, 0);
    hwsi_say(detail, sizeof detail, "connection to %s %s", end->link.peer, end->cause);
    hwsi_timer_stop(&end->notice);
    end->state = HWSI_END_DONE;
    end->seat = NULL;
    hwsi_seat_touch(seat); /* before: on_close may be the end of its system */
    handler->ops->on_close(handler, end->error, detail);
    hwsi_span_settle(span);
}

void hwsi_end_notice(struct hwsi_timer *timer)
{
    struct hwsi_end *end = HWSI_ENTRY(timer, struct hwsi_end, notice);
    if (hwsi_machine_paused(end->machine)) {
        hwsi_timer_start(timer, end->machine->paused_until);
    } else if (end->state == HWSI_END_CLOSING) {
        hwsi_end_tell(end);
    } else if (end->state == HWSI_END_WAITING) {
        hwsi_span_take(end->span);
    } else if (end->starved && end->state == HWSI_END_OPEN) {
        end->starved = false;
        note(end, HWS_LOOPBACK_STEP_writable, 0);
        hwsi_seat_touch(end->seat);
        end->link.handler->ops->on_writable(end->link.handler);
    }
}

/* Is there anybody, or at least a kernel, that takes bytes? */
static bool takes(const struct hwsi_end *to)
{
    return to->state == HWSI_END_OPEN || to->state == HWSI_END_WAITING || to->lost;
}

/* When something of what `from` sent arrives next. */
static void expect_arrival(struct hwsi_end *from)
{
    struct hwsi_end *to = hwsi_end_other(from);
    uint64_t due = hwsi_pipe_next(&from->out);
    uint64_t now = from->span->loopback->now;
    if (due == HWS_NEVER)
        due = from->fin;
    if (due != HWS_NEVER && takes(to) && !hwsi_timer_running(&to->arrival))
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
    size = hwsi_machine_mouthful(to->machine, size < arrived ? size : arrived);
    size = hwsi_loopback_piece(from->span->loopback, size);
    hwsi_pipe_take(&from->out, room, size);
    hwsi_machine_has_read(to->machine, size);
    if (from->starved && from->state == HWSI_END_OPEN)
        notice_soon(from);
    note(to, HWS_LOOPBACK_STEP_arrival, size);
    handler->ops->on_bytes(handler, size);
    return true;
}

/* Something arrives at an open end now. */
static void arrive(struct hwsi_end *from, struct hwsi_end *to)
{
    struct hws_loopback *loopback = to->span->loopback;
    size_t arrived = hwsi_pipe_arrived(&from->out, loopback->now);
    double drop = hwsi_way_values(loopback, from->machine, to->machine)->drop_link;
    hwsi_seat_touch(to->seat);
    note(to, HWS_LOOPBACK_STEP_arrival, 0);
    if (arrived == 0)
        hwsi_end_closing(to, HWS_ERESET, "lost: the peer closed it");
    else if (drop > 0 && hwsi_random_unit(&loopback->random) < drop)
        hwsi_span_cut(to->span, "lost: the network dropped it");
    else if (deliver(from, to, arrived))
        expect_arrival(from);
    else
        hwsi_timer_start(&to->arrival, loopback->now + ASK_AGAIN);
}

void hwsi_end_arrival(struct hwsi_timer *timer)
{
    struct hwsi_end *to = HWSI_ENTRY(timer, struct hwsi_end, arrival);
    struct hwsi_end *from = hwsi_end_other(to);
    const struct hwsi_machine *machine = to->machine;
    struct hws_loopback *loopback = to->span->loopback;
    if (hwsi_way_passage(loopback, from->machine, machine) == HWSI_PASSAGE_SILENT)
        return; /* until it heals */
    if (to->lost && !machine->down && from->state == HWSI_END_OPEN)
        hwsi_end_closing(from, HWS_ERESET, "lost: the peer's machine knows nothing of it any more");
    if (to->lost || to->state == HWSI_END_WAITING)
        return;
    if (hwsi_machine_paused(machine))
        hwsi_timer_start(timer, machine->paused_until);
    else if (machine->read_rate && machine->read_free > loopback->now)
        hwsi_timer_start(timer, machine->read_free);
    else
        arrive(from, to);
}

void hwsi_end_wake(struct hwsi_end *end)
{
    if (hwsi_timer_running(&end->notice))
        hwsi_timer_start(&end->notice, end->span->loopback->now);
    if (end->state == HWSI_END_DIALLING && end->span->paused)
        hwsi_timer_start(&end->span->dial, end->span->loopback->now);
    hwsi_timer_stop(&end->arrival);
    expect_arrival(hwsi_end_other(end));
}

/* --- what the link's user calls --- */

static size_t total(const struct hws_slice *slices, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += slices[i].size;
    return size;
}

static const struct hws_loopback_way *way_of(struct hwsi_end *end)
{
    return hwsi_way_values(end->span->loopback, end->machine, hwsi_end_other(end)->machine);
}

static bool has_room(struct hwsi_end *end)
{
    return end->out.size < way_of(end)->pipe_bytes;
}

/* How much of `size` bytes goes on its way now. What an end sends that nobody reads any more counts as taken. */
static size_t acceptable(struct hwsi_end *end, size_t size)
{
    size_t most = way_of(end)->pipe_bytes;
    size_t room = most > end->out.size ? most - end->out.size : 0;
    if (end->state == HWSI_END_DIALLING || end->starved)
        return 0;
    if (!takes(hwsi_end_other(end)))
        return size;
    if (room > size)
        room = size;
    return room ? hwsi_loopback_piece(end->span->loopback, room) : 0;
}

/* When `size` bytes more have left, one after the other. */
static void transmit(struct hwsi_end *end, size_t size, uint64_t bandwidth)
{
    uint64_t now = end->span->loopback->now;
    if (end->sent < now)
        end->sent = now;
    end->sent += (uint64_t)((double)size * (double)HWS_SECOND / (double)bandwidth);
}

/* One slice, in packets where bandwidth is limited. 0 or HWS_ENOMEM. */
static int put(struct hwsi_end *end, const uint8_t *data, size_t size, uint64_t arrival)
{
    uint64_t bandwidth = way_of(end)->bandwidth, now = end->span->loopback->now;
    size_t packet = bandwidth ? (size_t)(bandwidth / PACKETS) + 1 : size;
    while (size > 0) {
        size_t part = size < packet ? size : packet;
        if (bandwidth)
            transmit(end, part, bandwidth);
        int error =
            hwsi_pipe_put(&end->out, data, part, bandwidth ? arrival + (end->sent - now) : arrival);
        if (error)
            return error;
        data += part;
        size -= part;
    }
    return 0;
}

/* 0 or HWS_ENOMEM */
static int put_slices(struct hwsi_end *end, const struct hws_slice *slices, size_t size)
{
    uint64_t arrival = hwsi_loopback_arrival(end->span->loopback, way_of(end));
    for (; size > 0; slices++) {
        size_t part = slices->size < size ? slices->size : size;
        int error = put(end, slices->data, part, arrival);
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
    if (takes(hwsi_end_other(end)) && put_slices(end, slices, some) != 0) {
        hwsi_span_cut(end->span, "lost: out of memory");
        return HWS_ENOMEM;
    }
    *taken = some;
    end->starved = some < size || end->starved;
    /* Cut short although there is room: it may go on at once. In a full pipe it waits for a delivery. */
    if (end->starved && end->state == HWSI_END_OPEN && has_room(end))
        notice_soon(end);
    expect_arrival(end);
    return 0;
}

/* Its end follows what it has written. */
static void send_end(struct hwsi_end *end)
{
    end->fin = hwsi_loopback_arrival(end->span->loopback, way_of(end));
    if (end->fin < hwsi_pipe_last(&end->out))
        end->fin = hwsi_pipe_last(&end->out);
    expect_arrival(end);
}

static void end_close(struct hws_link *link)
{
    struct hwsi_end *end = (struct hwsi_end *)link;
    bool was_open = end->state == HWSI_END_OPEN;
    if (end->state == HWSI_END_CLOSING || end->state == HWSI_END_DONE)
        return;
    hwsi_span_stop_dialling(end->span);
    hwsi_end_closing(end, 0, "closed by this side");
    if (was_open)
        send_end(end);
}

const struct hws_link_ops hwsi_end_ops = { end_write, end_close };

/* --- what the network and death do to it --- */

bool hwsi_span_cut(struct hwsi_span *span, const char *cause)
{
    struct hwsi_end *ends[] = { &span->near, &span->far };
    bool was_open = false;
    for (size_t i = 0; i < 2; i++) {
        hwsi_pipe_free(&ends[i]->out);
        span->cut = span->cut || ends[i]->state == HWSI_END_WAITING;
        if (ends[i]->state != HWSI_END_OPEN)
            continue;
        hwsi_end_closing(ends[i], HWS_ERESET, cause);
        was_open = true;
    }
    return was_open;
}

void hwsi_end_reject(struct hwsi_end *far)
{
    far->state = HWSI_END_DONE; /* nobody took it, and nobody is told */
    far->seat = NULL;
    hwsi_timer_stop(&far->notice);
    hwsi_timer_stop(&far->arrival);
    send_end(far);
    hwsi_span_settle(far->span);
}

/* What is under way from it is lost, and nothing tells the other end. */
static void fall_silent(struct hwsi_end *end)
{
    hwsi_pipe_free(&end->out);
    end->fin = HWS_NEVER;
    end->lost = true;
    hwsi_timer_stop(&hwsi_end_other(end)->arrival);
}

void hwsi_end_die(struct hwsi_end *end, bool silently)
{
    enum hwsi_end_state state = end->state;
    hwsi_span_stop_dialling(end->span);
    if (silently && state != HWSI_END_DIALLING)
        fall_silent(end);
    if (state == HWSI_END_WAITING) {
        if (silently) {
            end->state = HWSI_END_DONE;
            end->seat = NULL;
            hwsi_timer_stop(&end->notice);
            hwsi_span_settle(end->span);
        } else {
            hwsi_end_reject(end);
        }
        return;
    }
    if (state == HWSI_END_OPEN || state == HWSI_END_DIALLING)
        hwsi_end_closing(end, HWS_ERESET, "lost: this process is killed");
    if (state == HWSI_END_OPEN && !silently)
        send_end(end);
}
