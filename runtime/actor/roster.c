/* SPDX-License-Identifier: MIT */
/*
 * An array sorted by number, for numbers only grow. Who goes leaves a hole; when more than half are holes the others move up, which
 * costs each removal a constant share.
 */
#include "actor/roster.h"

#define LEAST 16

void hwsi_roster_free(struct hwsi_roster *roster)
{
    if (roster->heap)
        hwsi_free(roster->heap, roster->entries, roster->capacity * sizeof *roster->entries);
    roster->entries = NULL;
    roster->used = roster->capacity = roster->living = 0;
}

int hwsi_roster_reserve(struct hwsi_roster *roster)
{
    if (roster->used < roster->capacity)
        return 0;
    size_t capacity = roster->capacity ? roster->capacity * 2 : LEAST;
    struct hwsi_roster_entry *entries =
        hwsi_resize(roster->heap, roster->entries, roster->capacity * sizeof *entries,
                    capacity * sizeof *entries);
    if (!entries)
        return HWS_ENOMEM;
    roster->entries = entries;
    roster->capacity = capacity;
    return 0;
}

uint64_t hwsi_roster_add(struct hwsi_roster *roster, struct hws_context *actor)
{
    struct hwsi_roster_entry *entry = &roster->entries[roster->used++];
    entry->number = ++roster->last;
    entry->actor = actor;
    roster->living++;
    return entry->number;
}

static void close_up(struct hwsi_roster *roster)
{
    size_t kept = 0;
    for (size_t i = 0; i < roster->used; i++)
        if (roster->entries[i].actor)
            roster->entries[kept++] = roster->entries[i];
    roster->used = kept;
    size_t capacity = roster->capacity;
    while (capacity > LEAST && kept * 4 <= capacity)
        capacity /= 2;
    struct hwsi_roster_entry *entries =
        capacity == roster->capacity
            ? NULL
            : hwsi_resize(roster->heap, roster->entries, roster->capacity * sizeof *entries,
                          capacity * sizeof *entries);
    if (!entries) /* nothing to give back, or no memory to move to: it stays as large */
        return;
    roster->entries = entries;
    roster->capacity = capacity;
}

size_t hwsi_roster_after(const struct hwsi_roster *roster, uint64_t number)
{
    size_t low = 0, high = roster->used;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roster->entries[middle].number <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void hwsi_roster_remove(struct hwsi_roster *roster, uint64_t number)
{
    roster->entries[hwsi_roster_after(roster, number) - 1].actor = NULL;
    roster->living--;
    if (roster->used > LEAST && roster->living * 2 < roster->used)
        close_up(roster);
}

const struct hwsi_roster_entry *hwsi_roster_next(const struct hwsi_roster *roster, size_t *index)
{
    return *index < roster->used ? &roster->entries[(*index)++] : NULL;
}
