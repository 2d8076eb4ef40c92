/* SPDX-License-Identifier: MIT */
/* What the actors of a world do, and its policies; and the sending that a course asks for. */
#ifndef HAWSER_SPEC_SIMULATE_ACTOR_H
#define HAWSER_SPEC_SIMULATE_ACTOR_H

#include "world.h"

#define WORDS 64u /* a mortal's last words are numbered below this */

extern const struct hws_policy_ops actor_policy_ops;

/* The voices of a new life; false: a call failed. */
bool actor_move_in(struct life *life);
struct machine *actor_partner(struct machine *machine); /* one that it talks to, at random */
void actor_send(struct life *life, const struct machine *to);
/* Asks for an actor of a kind over there, for a list of its processes, or for the news that it is connected. */
void actor_ask_service(struct life *life, const struct machine *to);
void actor_ask(struct life *life, const struct machine *to);
void actor_make_mortal(struct life *life, struct life *listener);
void actor_watch(struct life *life, struct mortal *mortal);
void actor_end_mortal(struct mortal *mortal);

#endif
