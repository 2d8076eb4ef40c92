/* SPDX-License-Identifier: MIT */
/*
 * Messages that an actor gets later, once or again and again (hws_context_after(), hws_context_every()). Owned by the actor's
 * list; the ids by which callers know them are in the system's map, so that a cancel may come at any time. Fired by the
 * system's timers, that is on injected time, and delivered through the mailbox like any message.
 */
#ifndef HAWSER_ACTOR_ALARM_H
#define HAWSER_ACTOR_ALARM_H

#include "actor/context.h"

/* Ends them all; what is in the mailbox already stays there. */
void hwsi_alarms_cancel(struct hws_context *actor);

#endif
