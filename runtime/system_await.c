/* SPDX-License-Identifier: MIT */
/*
 * hws_await_reconnect(). A wait is in `waiting` until a turn finds that it is over, then in `over` until its `done` is called. The
 * turn looks at them only when an event was published since it last did: every change of an endpoint publishes one.
 */
#include "system_private.h"

struct hwsi_wait {
    struct hwsi_timer timer;
    struct hwsi_list node;
    struct hws_system *system;
    struct hwsi_address *address;
    uint64_t id, connects;
    void (*done)(void *data, int status);
    void *data;
    int status;
};

static void wait_free(struct hwsi_wait *wait)
{
    hwsi_timer_unregister(&wait->timer);
    hwsi_list_remove(&wait->node);
    hwsi_address_release(wait->address);
    wait->system->waits.count--;
    hwsi_free(wait->system->heap, wait, sizeof *wait);
}

static void end(struct hwsi_wait *wait, int status)
{
    hwsi_timer_stop(&wait->timer);
    hwsi_list_remove(&wait->node);
    hwsi_list_append(&wait->system->waits.over, &wait->node);
    wait->status = status;
}

static void timed_out(struct hwsi_timer *timer)
{
    end(HWSI_ENTRY(timer, struct hwsi_wait, timer), HWS_ETIMEOUT);
}

/* It may have come and gone again since the last look. */
static void judge(struct hwsi_wait *wait)
{
    const struct hwsi_endpoint *endpoint = wait->address->endpoint;
    if (wait->system->stage >= HWSI_CLOSED_DOWN)
        end(wait, HWS_ECLOSED);
    else if (endpoint &&
             (endpoint->state == HWS_ENDPOINT_connected || endpoint->connects > wait->connects))
        end(wait, 0);
    else if (!endpoint || endpoint->state == HWS_ENDPOINT_closed)
        end(wait, HWS_EDISCONNECTED);
}

void hwsi_waits_init(struct hwsi_waits *waits)
{
    hwsi_list_init(&waits->waiting);
    hwsi_list_init(&waits->over);
}

bool hwsi_waits_due(const struct hws_system *system)
{
    const struct hwsi_waits *waits = &system->waits;
    return !hwsi_list_empty(&waits->over) ||
           (!hwsi_list_empty(&waits->waiting) && waits->seen != system->local.events.published);
}

void hwsi_waits_run(struct hws_system *system)
{
    struct hwsi_waits *waits = &system->waits;
    struct hwsi_list *node, *next, *head = &waits->waiting;
    waits->seen = system->local.events.published;
    for (node = head->next; node != head; node = next) {
        next = node->next;
        judge(HWSI_ENTRY(node, struct hwsi_wait, node));
    }
    while ((node = hwsi_list_first(&waits->over))) {
        struct hwsi_wait *wait = HWSI_ENTRY(node, struct hwsi_wait, node);
        void (*done)(void *, int) = wait->done;
        void *data = wait->data;
        int status = wait->status;
        wait_free(wait);
        done(data, status);
    }
}

void hwsi_waits_free(struct hws_system *system)
{
    struct hwsi_list *lists[] = { &system->waits.waiting, &system->waits.over }, *node;
    for (int i = 0; i < 2; i++)
        while (lists[i]->next && (node = hwsi_list_first(lists[i])))
            wait_free(HWSI_ENTRY(node, struct hwsi_wait, node));
}

/* Of an endpoint that there is, and that is not closed; one reference of *address then. */
static int find_open(struct hws_system *system, const char *text, struct hwsi_address **address)
{
    int error = hwsi_address_intern(system->local.names, hws_slice_text(text), address);
    if (error)
        return error;
    const struct hwsi_endpoint *endpoint = (*address)->endpoint;
    if (endpoint && endpoint->state != HWS_ENDPOINT_closed)
        return 0;
    hwsi_address_release(*address);
    return endpoint ? HWS_EDISCONNECTED : HWS_ENOTFOUND;
}

static int wait_new(struct hws_system *system, struct hwsi_wait **out)
{
    struct hwsi_wait *wait = hwsi_alloc(system->heap, sizeof *wait);
    if (!wait || hwsi_timer_register(&system->timers, &wait->timer, timed_out)) {
        hwsi_free(system->heap, wait, sizeof *wait);
        return HWS_ENOMEM;
    }
    wait->system = system;
    wait->id = ++system->waits.last_id;
    system->waits.count++;
    hwsi_list_append(&system->waits.waiting, &wait->node);
    *out = wait;
    return 0;
}

int hws_await_reconnect(struct hws_system *system, const char *text, uint64_t timeout,
                        void (*done)(void *data, int status), void *data, uint64_t *id)
{
    struct hwsi_address *address;
    struct hwsi_wait *wait;
    if (system->stage >= HWSI_CLOSED_DOWN)
        return HWS_ECLOSED;
    if (system->waits.count >= system->options.pending_requests)
        return HWS_EFULL;
    int error = find_open(system, text, &address);
    if (error)
        return error;
    error = wait_new(system, &wait);
    if (error) {
        hwsi_address_release(address);
        return error;
    }
    wait->address = address;
    wait->connects = ((struct hwsi_endpoint *)address->endpoint)->connects;
    wait->done = done;
    wait->data = data;
    hwsi_timer_start(&wait->timer, hwsi_later(&system->local, timeout));
    system->waits.seen = system->local.events.published - 1; /* it may be connected already */
    if (id)
        *id = wait->id;
    return 0;
}

int hws_await_cancel(struct hws_system *system, uint64_t id)
{
    struct hwsi_list *lists[] = { &system->waits.waiting, &system->waits.over };
    for (int i = 0; i < 2; i++)
        for (struct hwsi_list *node = lists[i]->next; node != lists[i]; node = node->next) {
            struct hwsi_wait *wait = HWSI_ENTRY(node, struct hwsi_wait, node);
            if (wait->id != id)
                continue;
            wait_free(wait);
            return 0;
        }
    return HWS_ENOTFOUND;
}
