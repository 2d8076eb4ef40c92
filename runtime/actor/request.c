/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for an answer. A request is in the table until its `done` is called; once its end is known it stands in
 * the list `done` too, and the dispatcher calls it from there.
 *
 * The table is an array in which a request's id, modulo the size, is its place: an id whose place is taken is skipped, so that
 * looking one up is one load.
 */
#include <string.h>

#include "actor/context.h"

struct hwsi_request {
    struct hwsi_timer timer;
    struct hwsi_local *local;
    uint64_t id, order;
    struct hws_correlation correlation; /* the request's; its answer has the same */
    struct hws_pid *target;
    hws_response_fn done;
    void *data;
    int status;
    struct hws_message response; /* owns its references */
    struct hwsi_list node;       /* in requests.done when finished */
    struct hwsi_list there;      /* in its target's address */
};

struct hwsi_request *hwsi_request_find(struct hwsi_local *local, uint64_t id)
{
    const struct hwsi_requests *requests = &local->requests;
    struct hwsi_request *request =
        requests->count ? requests->slots[id & (requests->capacity - 1)] : NULL;
    return request && request->id == id ? request : NULL;
}

/* At most half full, so that a free place is near. */
static int slots_reserve(struct hwsi_local *local)
{
    struct hwsi_requests *requests = &local->requests;
    if (requests->count * 2 < requests->capacity)
        return 0;
    size_t capacity = requests->capacity ? requests->capacity * 2 : 16;
    struct hwsi_request **slots = hwsi_alloc(local->heap, capacity * sizeof *slots);
    if (!slots)
        return HWS_ENOMEM;
    for (size_t i = 0; i < requests->capacity; i++)
        if (requests->slots[i])
            slots[requests->slots[i]->id & (capacity - 1)] = requests->slots[i];
    hwsi_free(local->heap, requests->slots, requests->capacity * sizeof *slots);
    requests->slots = slots;
    requests->capacity = capacity;
    return 0;
}

static void slot_take(struct hwsi_requests *requests, struct hwsi_request *request)
{
    size_t mask = requests->capacity - 1;
    do
        request->id = ++requests->last_id;
    while (requests->slots[request->id & mask]);
    requests->slots[request->id & mask] = request;
    requests->count++;
}

static void slot_leave(struct hwsi_requests *requests, struct hwsi_request *request)
{
    requests->slots[request->id & (requests->capacity - 1)] = NULL;
    requests->count--;
}

struct hws_pid *hwsi_request_target(const struct hwsi_request *request)
{
    return request->target;
}

/* Out of the tables, so that `done` may cancel, request and stop. */
static void detach(struct hwsi_request *request)
{
    slot_leave(&request->local->requests, request);
    hwsi_list_remove(&request->node);
    hwsi_list_remove(&request->there);
    hwsi_timer_unregister(&request->timer);
}

#define SPARE_REQUESTS 256

static struct hwsi_request *take_spare(struct hwsi_local *local)
{
    struct hwsi_requests *requests = &local->requests;
    struct hwsi_list *node = requests->spare.previous; /* the one used last is in the cache */
    if (requests->spare_count == 0)
        return hwsi_alloc(local->heap, sizeof(struct hwsi_request));
    hwsi_list_remove(node);
    requests->spare_count--;
    struct hwsi_request *request = HWSI_ENTRY(node, struct hwsi_request, node);
    request->correlation = (struct hws_correlation){ 0 };
    request->response = (struct hws_message){ 0 };
    return request;
}

static void give_spare(struct hwsi_local *local, struct hwsi_request *request)
{
    struct hwsi_requests *requests = &local->requests;
    if (requests->spare_count == SPARE_REQUESTS) {
        hwsi_free(local->heap, request, sizeof *request);
        return;
    }
    requests->spare_count++;
    hwsi_list_append(&requests->spare, &request->node);
}

static void discard(struct hwsi_request *request)
{
    hwsi_message_release(&request->response);
    hwsi_pid_release(request->target);
    give_spare(request->local, request);
}

static void request_free(struct hwsi_request *request)
{
    detach(request);
    discard(request);
}

/* The answer's parts, held until `done` is called. False: out of memory. */
static bool keep_response(struct hwsi_local *local, struct hwsi_request *request,
                          const struct hws_message *response)
{
    struct hws_slice payload;
    struct hws_buffer *buffer = hwsi_hold_payload(local, response, &payload);
    if (!buffer)
        return false;
    struct hws_message *kept = &request->response;
    kept->payload.data = payload.data;
    kept->payload.size = payload.size;
    kept->buffer = buffer;
    kept->sender = hwsi_pid_retain(response->sender);
    kept->type = hwsi_atom_retain(response->type);
    kept->correlation.hi = request->correlation.hi;
    kept->correlation.lo = request->correlation.lo;
    return true;
}

void hwsi_request_finish(struct hwsi_local *local, struct hwsi_request *request, int status,
                         const struct hws_message *response)
{
    if (!hwsi_list_empty(&request->node))
        return;
    hwsi_timer_stop(&request->timer);
    request->status = status;
    if (response)
        request->response.reason = response->reason;
    if (response && response->payload.size && !keep_response(local, request, response))
        request->status = HWS_ENOMEM;
    hwsi_list_append(&local->requests.done, &request->node);
    hwsi_due(local);
}

static void request_timed_out(struct hwsi_timer *timer)
{
    struct hwsi_request *request = HWSI_ENTRY(timer, struct hwsi_request, timer);
    hwsi_request_finish(request->local, request, HWS_ETIMEOUT, NULL);
}

static int request_new(struct hwsi_local *local, struct hws_pid *target, hws_response_fn done,
                       void *data, struct hwsi_request **out)
{
    int error = slots_reserve(local);
    struct hwsi_request *request = error ? NULL : take_spare(local);
    if (!request)
        return HWS_ENOMEM;
    if (hwsi_timer_register(local->timers, &request->timer, request_timed_out)) {
        hwsi_list_init(&request->node);
        give_spare(local, request);
        return HWS_ENOMEM;
    }
    hwsi_list_init(&request->node);
    request->local = local;
    request->status = 0;
    request->order = ++local->requests.last_order;
    request->done = done;
    request->data = data;
    request->target = hwsi_pid_retain(target);
    hwsi_list_append(&target->address->requests, &request->there);
    slot_take(&local->requests, request);
    *out = request;
    return 0;
}

static int route_request(struct hwsi_local *local, struct hws_pid *target,
                         struct hws_message *message)
{
    if (!target->address->local)
        return local->router->ops->deliver(local->router, target, message);
    hwsi_name_local(local, message);
    hwsi_request_sent(local, message, message->correlation);
    return hwsi_deliver_local(local, target, message);
}

int hws_request(struct hws_system *system, struct hws_pid *target,
                const struct hws_message *message, uint64_t timeout, hws_response_fn done,
                void *data, uint64_t *id)
{
    struct hwsi_local *local = hwsi_local_of(system);
    struct hwsi_request *request;
    if (local->requests.count >= local->options->pending_requests) {
        hwsi_letter(local, target, message, HWS_REASON_queue_full);
        return HWS_EFULL;
    }
    int error = hwsi_check_outgoing(local, target, message);
    if (!error)
        error = request_new(local, target, done, data, &request);
    if (error)
        return error;
    struct hws_message out;
    hwsi_outgoing(&out, message);
    if (!out.sender)
        out.sender = local->root;
    out.request_id = request->id;
    hwsi_timer_start(&request->timer,
                     hwsi_later(local, timeout ? timeout : local->options->request_timeout));
    uint64_t number = request->id;
    error = route_request(local, target, &out);
    if (!error) {
        if (id)
            *id = number;
        return 0;
    }
    /* A dead letter may have told the request already; `done` must not be called when this call fails. */
    request = hwsi_request_find(local, number);
    if (request)
        request_free(request);
    return error;
}

int hws_request_cancel(struct hws_system *system, uint64_t id)
{
    struct hwsi_request *request = hwsi_request_find(hwsi_local_of(system), id);
    if (!request)
        return HWS_ENOTFOUND;
    request_free(request);
    return 0;
}

void hwsi_request_sent(struct hwsi_local *local, const struct hws_message *message,
                       struct hws_correlation derived)
{
    struct hwsi_request *request = hwsi_request_find(local, message->request_id);
    if (request)
        request->correlation =
            message->correlation.hi | message->correlation.lo ? message->correlation : derived;
}

/* The answer of a handler that has failed, near and far: ext type 2 without data (docs/wire.md, "Payload"). */
static const uint8_t failed_answer[] = { 0xc7, 0x00, 0x02 };

static bool is_failed_answer(struct hws_slice payload)
{
    return payload.size == sizeof failed_answer &&
           memcmp(payload.data, failed_answer, sizeof failed_answer) == 0;
}

int hwsi_response_arrived(struct hwsi_local *local, const struct hwsi_address *from,
                          const struct hws_message *response)
{
    struct hwsi_request *request = hwsi_request_find(local, response->request_id);
    bool expected =
        request && hwsi_list_empty(&request->node) && (!from || request->target->address == from);
    bool failed = is_failed_answer(response->payload);
    if (!expected && failed)
        return HWS_ENOTFOUND; /* it had answered before it failed, or nobody waits any more: no message is lost */
    if (!expected) {
        /* Too late, or an id of nobody's: the answer is a dead letter like any other message without a receiver. */
        struct hws_message letter = *response;
        letter.request_id = 0;
        letter.sender = NULL;
        hwsi_letter(local, local->root, &letter, HWS_REASON_not_found);
        return HWS_ENOTFOUND;
    }
    hwsi_request_finish(local, request, failed ? HWS_EFAILED : 0, failed ? NULL : response);
    return 0;
}

void hwsi_response_undecodable(struct hwsi_local *local, const struct hwsi_address *from,
                               const struct hws_message *response)
{
    struct hwsi_request *request = hwsi_request_find(local, response->request_id);
    struct hws_message letter = *response;
    if (request && request->target->address == from)
        hwsi_request_finish(local, request, HWS_EDEADLETTER,
                            &(struct hws_message){ .reason = HWS_REASON_decode });
    letter.request_id = 0;
    letter.sender = NULL;
    hwsi_letter(local, local->root, &letter, HWS_REASON_decode);
}

int hws_respond(struct hws_system *system, struct hws_pid *to, uint64_t request_id,
                const struct hws_message *message)
{
    struct hwsi_local *local = hwsi_local_of(system);
    if (!request_id || !to)
        return HWS_EINVAL;
    int error = hwsi_check_outgoing(local, to, message);
    if (error)
        return error;
    struct hws_message out;
    hwsi_outgoing(&out, message);
    out.request_id = request_id;
    if (to->address->local)
        return hwsi_response_arrived(local, NULL, &out);
    return local->router->ops->respond(local->router, to, request_id, &out);
}

int hws_respond_failed(struct hws_system *system, struct hws_pid *to, uint64_t request_id)
{
    if (hwsi_local_of(system)->closed)
        return HWS_ECLOSED; /* no letter: no message is lost */
    return hws_respond(
        system, to, request_id,
        &(struct hws_message){ .payload = hws_slice_of(failed_answer, sizeof failed_answer) });
}

bool hwsi_requests_run(struct hwsi_local *local)
{
    struct hwsi_list *node = hwsi_list_first(&local->requests.done);
    if (!node)
        return false;
    struct hwsi_request *request = HWSI_ENTRY(node, struct hwsi_request, node);
    detach(request);
    request->response.who = request->target;
    request->done(request->data, request->status, &request->response);
    request->response.who = NULL; /* borrowed */
    discard(request);
    return true;
}

void hwsi_request_moved(struct hwsi_local *local, uint64_t id)
{
    struct hwsi_request *request = hwsi_request_find(local, id);
    if (request)
        request->order = ++local->requests.last_order;
}

void hwsi_requests_fail(struct hwsi_local *local, struct hwsi_address *address, int status,
                        uint64_t until)
{
    for (struct hwsi_list *node = address->requests.next; node != &address->requests;
         node = node->next) {
        struct hwsi_request *request = HWSI_ENTRY(node, struct hwsi_request, there);
        if (request->order <= until)
            hwsi_request_finish(local, request, status, NULL);
    }
}

void hwsi_requests_fail_all(struct hwsi_local *local, int status)
{
    const struct hwsi_requests *requests = &local->requests;
    for (size_t i = 0; i < requests->capacity; i++)
        if (requests->slots[i])
            hwsi_request_finish(local, requests->slots[i], status, NULL);
}

void hwsi_requests_free(struct hwsi_local *local)
{
    struct hwsi_requests *requests = &local->requests;
    for (size_t i = 0; i < requests->capacity; i++)
        if (requests->slots[i])
            request_free(requests->slots[i]);
    struct hwsi_list *node;
    while (requests->spare.next && (node = hwsi_list_first(&requests->spare))) {
        hwsi_list_remove(node);
        hwsi_free(local->heap, HWSI_ENTRY(node, struct hwsi_request, node),
                  sizeof(struct hwsi_request));
    }
    hwsi_free(local->heap, requests->slots, requests->capacity * sizeof *requests->slots);
}
