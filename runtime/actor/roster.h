/* SPDX-License-Identifier: MIT */
/*
 * The living actors in the order in which they were spawned, for lists that are told page by page. Each actor has a number that
 * only grows from actor to actor; a page goes on after the last number of the page before, so that who lives all the while is told
 * exactly once, whoever comes and goes. Owned by the local side.
 */
#ifndef HAWSER_ACTOR_ROSTER_H
#define HAWSER_ACTOR_ROSTER_H

#include "base/heap.h"

struct hws_context;

struct hwsi_roster_entry {
    uint64_t number;
    struct hws_context *actor; /* NULL: gone */
};
struct hwsi_roster {
    struct hwsi_heap *heap;
    struct hwsi_roster_entry *entries; /* by rising number */
    size_t used, capacity, living;
    uint64_t last;
};

void hwsi_roster_free(struct hwsi_roster *roster);
/* Makes sure that the next add can't fail. */
int hwsi_roster_reserve(struct hwsi_roster *roster);
/* Returns the actor's number, from 1. */
uint64_t hwsi_roster_add(struct hwsi_roster *roster, struct hws_context *actor);
void hwsi_roster_remove(struct hwsi_roster *roster, uint64_t number);
/* Where those with a number above `number` begin: an index for hwsi_roster_next(). */
size_t hwsi_roster_after(const struct hwsi_roster *roster, uint64_t number);
/*
 * The entry at *index, and moves on; NULL at the end. Its actor may be NULL: a look costs as much as one that lives, and who
 * bounds the work has to count it. The roster must not change between two calls.
 */
const struct hwsi_roster_entry *hwsi_roster_next(const struct hwsi_roster *roster, size_t *index);

#endif
