/* SPDX-License-Identifier: MIT */
/* Makes actors of registered kinds for whoever asks, if the kind's list lets them and there is room. */
#include <string.h>

#include "base/utf8.h"
#include "remote/services.h"

bool hwsi_spawn_name_valid(struct hws_slice name)
{
    return hwsi_id_valid(name) && name.data[0] != '$' && !memchr(name.data, '/', name.size);
}

/* True: refused and answered. */
static bool refuse_asker(const struct hwsi_question *question, const struct hwsi_kind *kind)
{
    if (question->own || hwsi_peers_match(&kind->peers, question->name, question->address))
        return false;
    hwsi_refuse(question, HWS_SPAWN_error, HWS_EACCESS, "not_allowed",
                "kind %s is not open to system %s at %s; the system that has it decides with "
                "allow_kind",
                kind->name, question->name, question->address);
    return true;
}

static bool refuse_name(const struct hwsi_question *question)
{
    const struct hwsi_local *local = question->host->local;
    struct hws_slice name = question->request.name;
    if (!name.data)
        return false;
    if (!hwsi_spawn_name_valid(name)) {
        hwsi_refuse(question, HWS_SPAWN_error, HWS_EINVAL, "invalid",
                    "name: expected 1 to %u bytes without space, '/' and '://', not beginning with "
                    "'$'",
                    HWS_ID_MAX);
        return true;
    }
    const struct hws_pid *pid = hwsi_pid_find(local->names, local->names->local, name);
    if (!pid || !pid->actor)
        return false;
    hwsi_answer(question,
                &(struct hwsi_service_answer){ .status = hws_slice_text(hws_spawn_status_name(
                                                   HWS_SPAWN_process_name_already_exists)),
                                               .code = hws_slice_text(hws_errname(HWS_EEXIST)),
                                               .id = name });
    return true;
}

static bool refuse_more(const struct hwsi_question *question)
{
    const struct hwsi_local *local = question->host->local;
    if (!local->stopping && local->kinds.living < local->options->remote_spawn_limit)
        return false;
    if (local->stopping)
        hwsi_refuse(question, HWS_SPAWN_unavailable, HWS_ECLOSED, "stopping",
                    "the system is stopping");
    else
        hwsi_refuse(question, HWS_SPAWN_unavailable, HWS_EFULL, "full",
                    "as many actors of kinds live here as remote_spawn_limit lets (%llu)",
                    (unsigned long long)local->options->remote_spawn_limit);
    return true;
}

static void spawn(const struct hwsi_question *question, struct hwsi_kind *kind,
                  const struct hws_kind_request *asked)
{
    struct hwsi_local *local = question->host->local;
    struct hws_kind_product product = { 0 };
    char detail[HWS_DETAIL_MAX] = "";
    struct hws_pid *pid = NULL;
    int error = kind->ops->make(kind->data, asked, &product, detail, sizeof detail);
    if (error >= 0) {
        product.options.name = asked->name;
        error = hwsi_spawn(local, &(struct hwsi_origin){ .kind = kind }, product.ops, product.self,
                           &product.options, &pid);
        if (error && product.ops && product.ops->released)
            product.ops->released(product.self);
    }
    if (error) {
        hwsi_refuse(question, HWS_SPAWN_error, error, "failed", "kind %s: %s", kind->name,
                    detail[0] ? detail : hws_strerror(error));
        return;
    }
    hwsi_answer(question, &(struct hwsi_service_answer){
                              .status = hws_slice_text(hws_spawn_status_name(HWS_SPAWN_ok)),
                              .id = { (const uint8_t *)pid->id, pid->id_size } });
    hwsi_pid_release(pid);
}

void hwsi_activate(struct hwsi_question *question)
{
    struct hwsi_local *local = question->host->local;
    const struct hwsi_service_request *request = &question->request;
    char name[HWS_ID_MAX + 1];
    if (request->args.size > HWS_SPAWN_ARGUMENTS_MAX || !hwsi_kind_name_valid(request->kind)) {
        hwsi_refuse(question, HWS_SPAWN_error, HWS_EINVAL, "invalid",
                    "spawn: expected a kind of 1 to %u letters, digits, '_', '.', '-', and at most "
                    "%u bytes of args",
                    HWS_KIND_MAX, HWS_SPAWN_ARGUMENTS_MAX);
        return;
    }
    struct hwsi_kind *kind = hwsi_kind_find(&local->kinds, request->kind);
    if (!kind) { /* nobody to deliver it to; who asked hears that */
        hwsi_letter(local, local->services_pid, question->message, HWS_REASON_no_such_kind);
        return;
    }
    if (refuse_asker(question, kind) || refuse_name(question) || refuse_more(question))
        return;
    memcpy(name, request->name.size ? request->name.data : (const uint8_t *)"", request->name.size);
    name[request->name.size] = 0;
    const struct hws_kind_request asked = {
        .kind = kind->name,
        .name = request->name.data ? name : NULL,
        .arguments = request->args.data ? request->args : hws_slice_of("\xc0", 1),
        .peer = question->name,
        .address = question->address,
    };
    hwsi_kind_retain(kind); /* the host may unregister it meanwhile */
    spawn(question, kind, &asked);
    hwsi_kind_release(&local->kinds, kind);
}
