/* SPDX-License-Identifier: MIT */
#include "remote/services.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "hawser/system.h"

/* --- answers --- */

void hwsi_answer(const struct hwsi_question *question, const struct hwsi_service_answer *answer)
{
    struct hwsi_service_host *host = question->host;
    size_t bound = hwsi_service_answer_bound(answer);
    uint8_t *bytes = hwsi_alloc_raw(host->local->heap, bound);
    if (!bytes)
        return;
    size_t size = hwsi_service_answer_encode(bytes, answer);
    hws_context_respond(host->actor, question->message, (struct hws_slice){ bytes, size });
    hwsi_free(host->local->heap, bytes, bound);
}

void hwsi_answer_error(const struct hwsi_question *question, enum hws_spawn_status status,
                       int error, const char *detail)
{
    hwsi_answer(question, &(struct hwsi_service_answer){
                              .status = hws_slice_text(hws_spawn_status_name(status)),
                              .code = hws_slice_text(hws_errname(error)),
                              .detail = hws_slice_text(detail) });
}

void hwsi_refuse(const struct hwsi_question *question, enum hws_spawn_status status, int error,
                 const char *reason, const char *format, ...)
{
    char detail[HWS_DETAIL_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    hwsi_publish(question->host->local, &(struct hws_event){ .type = HWS_EVENT_ServiceRefused,
                                                             .address = question->address,
                                                             .name = question->name,
                                                             .reason = reason,
                                                             .detail = detail });
    hwsi_answer_error(question, status, error, detail);
}

/* --- questions --- */

#define ANSWER_MOST 65536u /* bytes */
#define ENVELOPE_MOST \
    (HWSI_DELIVER_OVERHEAD + HWSI_SYMBOL_TEXT_MAX + 8u) /* what is reserved around an answer */
_Static_assert(HWSI_FRAME_LIMIT_LEAST > ENVELOPE_MOST + HWS_ID_MAX + 128, "no id fits on a page");

static void find_asker(struct hwsi_question *question)
{
    struct hwsi_local *local = question->host->local;
    const struct hwsi_address *address = question->message->sender->address;
    const struct hwsi_endpoint *endpoint = address->endpoint;
    size_t limit = local->options->max_frame_size;
    question->own = address->local;
    question->address = address->text;
    hwsi_text_copy(question->name, sizeof question->name,
                   question->own ? local->options->name
                   : endpoint    ? endpoint->name
                                 : "");
    if (endpoint && endpoint->association && endpoint->association->frame_limit < limit)
        limit = endpoint->association->frame_limit;
    limit -= ENVELOPE_MOST; /* the least limit is larger */
    question->room = limit < ANSWER_MOST ? limit : ANSWER_MOST;
}

static void answer_question(struct hwsi_question *question)
{
    static const char *const names[] = {
#define X(name) #name,
        HWSI_SERVICE_REQUESTS(X)
#undef X
    };
    struct hws_slice payload = question->message->payload;
    int error = payload.size > HWSI_SERVICE_REQUEST_MAX
                    ? HWS_ETOOLARGE
                    : hwsi_service_request_decode(payload, &question->request);
    if (error) {
        hwsi_refuse(question, HWS_SPAWN_error, error, "invalid",
                    "the request is not a map of known keys, or larger than %u bytes",
                    HWSI_SERVICE_REQUEST_MAX);
        return;
    }
    switch (hwsi_service_name(names, HWSI_SERVICE_COUNT, question->request.request)) {
    case HWSI_SERVICE_spawn: hwsi_activate(question); return;
    case HWSI_SERVICE_processes: hwsi_tell_processes(question); return;
    case HWSI_SERVICE_diagnostics: hwsi_tell_diagnostics(question); return;
    default:
        hwsi_refuse(question, HWS_SPAWN_error, HWS_ENOTSUP, "invalid",
                    "request: expected spawn, processes or diagnostics");
    }
}

/* --- the actor --- */

static void go_on(void *data)
{
    struct hwsi_service_host *host = data;
    host->pause = NULL;
    hws_context_resume(host->actor);
}

static void take_question(struct hwsi_service_host *host, const struct hws_message *message)
{
    struct hwsi_question question = { .host = host, .message = message };
    find_asker(&question);
    answer_question(&question);
    if (question.laborious && hws_after(host->local->system, 0, go_on, host, &host->pause) == 0)
        hws_context_suspend(host->actor);
}

static int receive_batch(void *self, struct hws_context *context)
{
    struct hwsi_service_host *host = self;
    const struct hws_message *message;
    host->actor = context;
    while ((message = hws_context_next(context)))
        if (message->kind == HWS_MESSAGE_user && message->request_id && message->sender)
            take_question(host, message);
    return 0;
}

static void stopped(void *self, struct hws_context *context)
{
    struct hwsi_service_host *host = self;
    (void)context;
    hws_timer_cancel(host->pause);
    host->pause = NULL;
}

static void released(void *self)
{
    ((struct hwsi_service_host *)self)->actor = NULL;
}

static int start(struct hwsi_services *services)
{
    static const struct hws_actor_ops ops = { .receive_batch = receive_batch,
                                              .stopped = stopped,
                                              .released = released };
    struct hwsi_service_host *host = (struct hwsi_service_host *)(void *)services;
    const struct hws_spawn_options options = { .name = host->local->services_pid->id };
    return hwsi_spawn(host->local, &(struct hwsi_origin){ .service = true }, &ops, host, &options,
                      NULL);
}

void hwsi_services_init(struct hwsi_service_host *host, struct hwsi_local *local)
{
    host->base.start = start;
    host->local = local;
    local->services = &host->base;
}
