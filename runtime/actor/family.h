/* SPDX-License-Identifier: MIT */
/*
 * Parents and children. An actor has a family record when it has, or had, a child, is one, or brought restart limits of its
 * own; most actors have none. The record belongs to the actor and goes with it.
 *
 * Nothing here goes down or up the tree by itself: a parent that stops asks its children to, and waits (`halting`); each of
 * them does the same at its own visit of the dispatcher, and the last to leave has its parent visited again.
 */
#ifndef HAWSER_ACTOR_FAMILY_H
#define HAWSER_ACTOR_FAMILY_H

#include "actor/context.h"

struct hwsi_family {
    struct hws_context *self, *parent; /* parent NULL: a top-level actor */
    struct hwsi_list sibling;          /* in the parent's children */
    struct hwsi_list children;         /* struct hwsi_family.sibling */
    uint64_t restart_limit, restart_window;
};

static inline bool hwsi_has_children(const struct hws_context *actor)
{
    return actor->family && !hwsi_list_empty(&actor->family->children);
}
/* For a new actor that nobody knows yet. `parent` may be NULL. HWS_ENOMEM leaves it as it was. */
int hwsi_family_join(struct hws_context *actor, struct hws_context *parent,
                     const struct hws_spawn_options *options);
/* The actor has ended. */
void hwsi_family_leave(struct hws_context *actor);
/* Asks the children to stop, and is true when there are some: the actor is visited again when they are gone. */
bool hwsi_family_halt(struct hws_context *actor);
/* The actor's failure is its parent's too. */
void hwsi_family_escalate(struct hws_context *actor, int error);

#endif
