/* SPDX-License-Identifier: MIT */
#include "actor/family.h"

#include <stdio.h>

static struct hwsi_family *have_family(struct hws_context *actor)
{
    if (actor->family)
        return actor->family;
    struct hwsi_family *family = hwsi_alloc(actor->local->heap, sizeof *family);
    if (!family)
        return NULL;
    family->self = actor;
    family->restart_limit = actor->local->options->restart_limit;
    family->restart_window = actor->local->options->restart_window;
    hwsi_list_init(&family->sibling);
    hwsi_list_init(&family->children);
    actor->family = family;
    return family;
}

int hwsi_family_join(struct hws_context *actor, struct hws_context *parent,
                     const struct hws_spawn_options *options)
{
    if (!parent && !options->restart_limit && !options->restart_window)
        return 0;
    if ((parent && !have_family(parent)) || !have_family(actor))
        return HWS_ENOMEM;
    struct hwsi_family *family = actor->family;
    if (options->restart_limit)
        family->restart_limit = options->restart_limit;
    if (options->restart_window)
        family->restart_window = options->restart_window;
    family->parent = parent;
    if (parent)
        hwsi_list_append(&parent->family->children, &family->sibling);
    return 0;
}

void hwsi_family_leave(struct hws_context *actor)
{
    struct hwsi_family *family = actor->family;
    if (!family)
        return;
    struct hws_context *parent = family->parent;
    hwsi_list_remove(&family->sibling);
    hwsi_free(actor->local->heap, family, sizeof *family);
    actor->family = NULL;
    if (parent && parent->halting)
        hwsi_schedule(parent);
}

bool hwsi_family_halt(struct hws_context *actor)
{
    actor->halting = hwsi_has_children(actor);
    if (!actor->halting)
        return false;
    struct hwsi_list *head = &actor->family->children;
    for (struct hwsi_list *node = head->next; node != head; node = node->next)
        hwsi_request_stop(HWSI_ENTRY(node, struct hwsi_family, sibling)->self);
    return true;
}

void hwsi_family_escalate(struct hws_context *actor, int error)
{
    struct hws_context *parent = actor->family ? actor->family->parent : NULL;
    char text[HWS_ID_MAX + 4096];
    if (!parent || parent->later || parent->halting || parent->stopping)
        return; /* several failures before the parent's next visit are one; and what ends with it does not fail it again */
    snprintf(text, sizeof text, "child %s failed: %s", hws_pid_id(actor->pid),
             actor->failure ? actor->failure : hws_strerror(error));
    hws_context_fail(parent, text);
    parent->later_error = error;
    parent->later = HWSI_LATER_CHILD;
    hwsi_schedule(parent);
}

int hws_context_spawn(struct hws_context *context, const struct hws_actor_ops *ops, void *self,
                      const struct hws_spawn_options *options, struct hws_pid **out)
{
    return hwsi_spawn(context->local, &(struct hwsi_origin){ .parent = context }, ops, self,
                      options, out);
}

int hws_context_spawn_named(struct hws_context *context, const char *name,
                            const struct hws_actor_ops *ops, void *self, struct hws_pid **out)
{
    return hws_context_spawn(context, ops, self, &(struct hws_spawn_options){ .name = name }, out);
}

struct hws_pid *hws_context_parent(struct hws_context *context)
{
    struct hws_context *parent = context->family ? context->family->parent : NULL;
    return parent ? parent->pid : NULL;
}

void hws_context_each_child(struct hws_context *context,
                            void (*fn)(void *data, struct hws_pid *pid), void *data)
{
    if (!context->family)
        return;
    struct hwsi_list *head = &context->family->children;
    for (struct hwsi_list *node = head->next; node != head; node = node->next)
        fn(data, HWSI_ENTRY(node, struct hwsi_family, sibling)->self->pid);
}
