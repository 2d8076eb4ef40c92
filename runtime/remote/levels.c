/* SPDX-License-Identifier: MIT */
#include "remote/levels.h"

#include <string.h>

/* A policy that gives each endpoint others would make the search long and never successful. */
#define SEARCH_MOST 16

static bool same(const struct hws_throttle_levels *a, const struct hws_throttle_levels *b)
{
    bool alike = a->count == b->count && a->hysteresis == b->hysteresis;
    for (size_t i = 0; alike && i < a->count; i++)
        alike = a->level[i].from == b->level[i].from && a->level[i].refuse == b->level[i].refuse &&
                a->level[i].keep_every == b->level[i].keep_every &&
                strcmp(a->level[i].name, b->level[i].name) == 0;
    return alike;
}

struct hwsi_levels *hwsi_levels_share(struct hwsi_list *all, struct hwsi_heap *heap,
                                      const struct hws_throttle_levels *given)
{
    struct hwsi_list *node = all->previous; /* the newest */
    for (int i = 0; i < SEARCH_MOST && node != all; i++, node = node->previous) {
        struct hwsi_levels *levels = HWSI_ENTRY(node, struct hwsi_levels, node);
        if (same(&levels->given, given)) {
            levels->refs++;
            return levels;
        }
    }
    struct hwsi_levels *levels = hwsi_alloc(heap, sizeof *levels);
    if (!levels)
        return NULL;
    levels->refs = 1;
    levels->given = *given;
    hwsi_list_append(all, &levels->node);
    return levels;
}

void hwsi_levels_release(struct hwsi_levels *levels, struct hwsi_heap *heap)
{
    if (!levels || --levels->refs > 0)
        return;
    hwsi_list_remove(&levels->node);
    hwsi_free(heap, levels, sizeof *levels);
}
