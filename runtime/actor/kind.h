/* SPDX-License-Identifier: MIT */
/*
 * Kinds of actors that can be made on demand, by name, and who may ask for them. A kind is counted: by the registry while it is
 * registered, and by each living actor of it, whose context names it. Owned by the local side.
 */
#ifndef HAWSER_ACTOR_KIND_H
#define HAWSER_ACTOR_KIND_H

#include "base/heap.h"
#include "base/list.h"
#include "hawser/service.h"

#define HWSI_PEERS_MAX 1024u /* patterns of one list */

/* Patterns of peers. Zeroed: nobody. */
struct hwsi_peers {
    char **patterns;
    size_t count;
};

struct hwsi_kind {
    struct hwsi_list node; /* alone when it is not registered any more */
    const struct hws_kind_ops *ops;
    void *data;
    struct hwsi_peers peers;
    uint64_t refs, living;
    char name[HWS_KIND_MAX + 1];
};

struct hwsi_kinds {
    struct hwsi_heap *heap;
    struct hwsi_list all;
    uint64_t living; /* actors of every kind, of those not registered any more too */
};

/* Sets the list anew. HWS_EINVAL: too many, or one that no peer can match. */
int hwsi_peers_set(struct hwsi_heap *heap, struct hwsi_peers *peers, const char *const *patterns,
                   size_t count);
void hwsi_peers_free(struct hwsi_heap *heap, struct hwsi_peers *peers);
bool hwsi_peers_match(const struct hwsi_peers *peers, const char *name, const char *address);

void hwsi_kinds_init(struct hwsi_kinds *kinds, struct hwsi_heap *heap);
void hwsi_kinds_free(struct hwsi_kinds *kinds); /* every actor is gone by then */
int hwsi_kind_register(struct hwsi_kinds *kinds, const char *name, const struct hws_kind_ops *ops,
                       void *data);
int hwsi_kind_unregister(struct hwsi_kinds *kinds, const char *name);
struct hwsi_kind *hwsi_kind_find(const struct hwsi_kinds *kinds, struct hws_slice name);
bool hwsi_kind_name_valid(struct hws_slice name);

void hwsi_kind_retain(struct hwsi_kind *kind);
void hwsi_kind_release(struct hwsi_kinds *kinds, struct hwsi_kind *kind);
/* One of its actors begins to live, or has ended; `kind` may be NULL. */
void hwsi_kind_entered(struct hwsi_kinds *kinds, struct hwsi_kind *kind);
void hwsi_kind_left(struct hwsi_kinds *kinds, struct hwsi_kind *kind);

#endif
