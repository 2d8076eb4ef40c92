/* SPDX-License-Identifier: MIT */
/* hawser/service.h for who asks: questions to "$services" here or elsewhere, and what the answers say. */
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "system_private.h"

/* --- names --- */

static const struct {
    const char *name, *sentence;
    bool retryable;
} statuses[] = {
#define X(name, retryable, sentence) { #name, sentence, retryable },
    HWS_SPAWN_STATUSES(X)
#undef X
};

const char *hws_spawn_status_name(enum hws_spawn_status status)
{
    return status < HWS_SPAWN_STATUS_COUNT ? statuses[status].name : "unknown";
}

const char *hws_spawn_status_sentence(enum hws_spawn_status status)
{
    return status < HWS_SPAWN_STATUS_COUNT ? statuses[status].sentence : "unknown status";
}

bool hws_spawn_retryable(enum hws_spawn_status status)
{
    return status < HWS_SPAWN_STATUS_COUNT && statuses[status].retryable;
}

/* --- asking --- */

static int find_services(struct hws_system *system, const char *address, struct hws_pid **out)
{
    struct hwsi_local *local = &system->local;
    if (address)
        return hws_pid_make(system, address, local->services_pid->id, out);
    *out = hwsi_pid_retain(local->services_pid);
    return 0;
}

static int ask(struct hws_system *system, struct hws_pid *services,
               const struct hwsi_service_request *request, uint64_t timeout, hws_response_fn done,
               void *data, uint64_t *id)
{
    size_t bound = hwsi_service_request_bound(request);
    uint8_t *bytes = hwsi_alloc_raw(system->heap, bound);
    if (!bytes)
        return HWS_ENOMEM;
    size_t size = hwsi_service_request_encode(bytes, request);
    int error = hws_request(system, services, &(struct hws_message){ .payload = { bytes, size } },
                            timeout, done, data, id);
    hwsi_free(system->heap, bytes, bound);
    return error;
}

static int ask_at(struct hws_system *system, const char *address,
                  const struct hwsi_service_request *request, uint64_t timeout,
                  hws_response_fn done, void *data, uint64_t *id)
{
    struct hws_pid *services;
    int error = find_services(system, address, &services);
    if (error)
        return error;
    error = ask(system, services, request, timeout, done, data, id);
    hwsi_pid_release(services);
    return error;
}

static int spawn_remote(struct hws_system *system, const char *address, const char *name,
                        const char *kind, const struct hws_spawn_remote_options *options,
                        hws_response_fn done, void *data, uint64_t *id)
{
    static const struct hws_spawn_remote_options none;
    if (!options)
        options = &none;
    struct hwsi_service_request request = { .request = hws_slice_text("spawn"),
                                            .kind = hws_slice_text(kind) };
    if (name)
        request.name = hws_slice_text(name);
    if (options->arguments.size)
        request.args = options->arguments;
    if (!hwsi_kind_name_valid(request.kind) || (name && !hwsi_spawn_name_valid(request.name)))
        return HWS_EINVAL;
    if (request.args.size > HWS_SPAWN_ARGUMENTS_MAX)
        return HWS_ETOOLARGE;
    if (request.args.size && hws_value_check(request.args))
        return HWS_EENCODE;
    return ask_at(system, address, &request, options->timeout, done, data, id);
}

int hws_spawn_remote(struct hws_system *system, const char *address, const char *kind,
                     const struct hws_spawn_remote_options *options, hws_response_fn done,
                     void *data, uint64_t *id)
{
    return spawn_remote(system, address, NULL, kind, options, done, data, id);
}

int hws_spawn_remote_named(struct hws_system *system, const char *address, const char *name,
                           const char *kind, const struct hws_spawn_remote_options *options,
                           hws_response_fn done, void *data, uint64_t *id)
{
    return name ? spawn_remote(system, address, name, kind, options, done, data, id) : HWS_EINVAL;
}

int hws_list_processes(struct hws_system *system, const char *address,
                       const struct hws_process_query *query, hws_response_fn done, void *data,
                       uint64_t *id)
{
    static const struct hws_process_query all;
    static const char *const matches[] = {
#define X(name) #name,
        HWS_MATCHES(X)
#undef X
    };
    if (!query)
        query = &all;
    if (query->match >= HWS_MATCH_COUNT)
        return HWS_EINVAL;
    struct hwsi_service_request request = { .request = hws_slice_text("processes"),
                                            .cursor = query->cursor,
                                            .limit = query->limit };
    if (query->pattern) {
        request.pattern = hws_slice_text(query->pattern);
        request.match = hws_slice_text(matches[query->match]);
    }
    if (request.pattern.size > HWS_PATTERN_MAX)
        return HWS_EINVAL;
    return ask_at(system, address, &request, query->timeout, done, data, id);
}

int hws_get_process_diagnostics(struct hws_system *system, struct hws_pid *pid, uint64_t timeout,
                                hws_response_fn done, void *data, uint64_t *id)
{
    struct hws_pid *services;
    struct hwsi_service_request request = { .request = hws_slice_text("diagnostics"),
                                            .id = { (const uint8_t *)pid->id, pid->id_size } };
    int error = hwsi_pid_intern(system->local.names, pid->address,
                                hws_slice_text(system->local.services_pid->id), &services);
    if (error)
        return error;
    error = ask(system, services, &request, timeout, done, data, id);
    hwsi_pid_release(services);
    return error;
}

/* --- what the answers say --- */

/* A peer's word for an error; one that is not known here is a failure all the same. */
static int error_named(struct hws_slice code)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {
#define X(name, number, sentence) { #name, number },
        HWS_ERRORS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strlen(errors[i].name) == code.size &&
            memcmp(errors[i].name, code.data, code.size) == 0)
            return errors[i].number;
    return HWS_EFAILED;
}

/* What a request came to that has no answer: a code, and a sentence. */
static int failure_of(int status, const struct hws_message *response, char *detail)
{
    bool letter = status == HWS_EDEADLETTER && response;
    hwsi_text_copy(detail, HWS_DETAIL_MAX,
                   letter ? hws_reason_sentence(response->reason) : hws_strerror(status));
    return letter ? hws_reason_error(response->reason) : status;
}

/* 0 with the answer's fields; else a code, and a sentence. */
static int read_answer(int status, const struct hws_message *response,
                       struct hwsi_service_answer *answer, char *detail)
{
    detail[0] = 0;
    *answer = (struct hwsi_service_answer){ 0 };
    if (status)
        return failure_of(status, response, detail);
    int error = hwsi_service_answer_decode(response->payload, answer);
    if (error) {
        *answer = (struct hwsi_service_answer){ 0 };
        hwsi_text_copy(detail, HWS_DETAIL_MAX, hws_strerror(error));
        return error;
    }
    if (answer->status.size == 2 && memcmp(answer->status.data, "ok", 2) == 0)
        return 0;
    error = error_named(answer->code);
    hwsi_text_printable(detail, HWS_DETAIL_MAX, answer->detail);
    if (!detail[0])
        hwsi_text_copy(detail, HWS_DETAIL_MAX, hws_strerror(error));
    return error;
}

static enum hws_spawn_status status_of(int error)
{
    switch (error) {
    case 0: return HWS_SPAWN_ok;
    case HWS_ETIMEOUT: return HWS_SPAWN_timeout;
    case HWS_EFULL:
    case HWS_ECLOSED:
    case HWS_EDISCONNECTED:
    case HWS_EBLOCKED:
    case HWS_EGATED:
    case HWS_EQUARANTINED:
    case HWS_EDEADLETTER: return HWS_SPAWN_unavailable;
    case HWS_ENOTFOUND:
    case HWS_ETOOLARGE:
    case HWS_EDECODE: return HWS_SPAWN_dead_letter;
    default: return HWS_SPAWN_error;
    }
}

/* The answer's own word for it; one that is not known here is an error. */
static enum hws_spawn_status status_named(struct hws_slice name)
{
    for (int i = 0; i < HWS_SPAWN_STATUS_COUNT; i++)
        if (strlen(statuses[i].name) == name.size &&
            memcmp(statuses[i].name, name.data, name.size) == 0)
            return (enum hws_spawn_status)i;
    return HWS_SPAWN_error;
}

void hws_read_spawned(struct hws_system *system, int status, const struct hws_message *response,
                      struct hws_spawned *out)
{
    struct hwsi_service_answer answer;
    out->pid = NULL;
    out->error = read_answer(status, response, &answer, out->detail);
    if (status)
        out->status =
            response && status == HWS_EDEADLETTER && response->reason == HWS_REASON_no_such_kind
                ? HWS_SPAWN_error
                : status_of(out->error);
    else
        out->status = answer.status.data ? status_named(answer.status) : HWS_SPAWN_error;
    if (out->status != HWS_SPAWN_ok && out->status != HWS_SPAWN_process_name_already_exists)
        return;
    int error = hwsi_pid_intern(system->local.names, response->who->address, answer.id, &out->pid);
    if (!error)
        return;
    out->status = HWS_SPAWN_error;
    out->error = error == HWS_ENOMEM ? error : HWS_EDECODE;
    hwsi_text_copy(out->detail, sizeof out->detail, hws_strerror(out->error));
}

void hws_read_processes(int status, const struct hws_message *response,
                        struct hws_process_page *out)
{
    struct hwsi_service_answer answer;
    *out = (struct hws_process_page){ 0 };
    out->error = read_answer(status, response, &answer, out->detail);
    if (out->error)
        return;
    out->error = hwsi_service_texts(answer.processes, &out->count, &out->rest);
    if (!out->error && out->count > HWS_PAGE_MAX) /* nobody asks for so many */
        out->error = HWS_EDECODE;
    if (out->error) {
        out->count = 0;
        hwsi_text_copy(out->detail, sizeof out->detail, hws_strerror(out->error));
        return;
    }
    out->who = response->who;
    out->next = answer.next;
}

int hws_next_process(struct hws_process_page *page, struct hws_pid **out)
{
    struct hws_slice id;
    if (page->count == 0)
        return HWS_ENOTFOUND;
    page->count--;
    int error = hwsi_service_next_text(&page->rest, &id);
    error = error ? error : hwsi_pid_intern(page->who->names, page->who->address, id, out);
    return error == HWS_EADDRESS ? HWS_EDECODE : error;
}

void hws_read_process_diagnostics(int status, const struct hws_message *response,
                                  struct hws_process_diagnostics *out)
{
    struct hwsi_service_answer answer;
    *out = (struct hws_process_diagnostics){ 0 };
    out->error = read_answer(status, response, &answer, out->detail);
    if (out->error)
        return;
    hwsi_text_printable(out->kind, sizeof out->kind, answer.kind);
    for (int i = 0; i < HWS_PROCESS_STATE_COUNT; i++)
        if (hwsi_service_name((const char *const[]){ hws_process_state_name(i) }, 1,
                              answer.state) == 0)
            out->state = (enum hws_process_state)i;
#define X(name, unit, doc) out->name = answer.name;
    HWS_PROCESS_DIAGNOSTICS(X)
#undef X
}
