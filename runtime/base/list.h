/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked lists. A node that is in no list points to itself, so removing twice is harmless. */
#ifndef HAWSER_BASE_LIST_H
#define HAWSER_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct hwsi_list {
    struct hwsi_list *next, *previous;
};

#define HWSI_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void hwsi_list_init(struct hwsi_list *node)
{
    node->next = node->previous = node;
}
static inline bool hwsi_list_empty(const struct hwsi_list *head)
{
    return head->next == head;
}
static inline void hwsi_list_append(struct hwsi_list *head, struct hwsi_list *node)
{
    node->next = head;
    node->previous = head->previous;
    head->previous->next = node;
    head->previous = node;
}
static inline void hwsi_list_remove(struct hwsi_list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    hwsi_list_init(node);
}
static inline struct hwsi_list *hwsi_list_first(struct hwsi_list *head)
{
    return head->next == head ? NULL : head->next;
}
/* Moves everything of `from` to the end of `to`; `from` is empty afterwards. */
static inline void hwsi_list_splice(struct hwsi_list *to, struct hwsi_list *from)
{
    if (hwsi_list_empty(from))
        return;
    from->next->previous = to->previous;
    from->previous->next = to;
    to->previous->next = from->next;
    to->previous = from->previous;
    hwsi_list_init(from);
}

#endif
