/* SPDX-License-Identifier: MIT */
/*
 * An actor's queue: two lanes of messages in chains of nodes. A message stays where it is from put to release, so a handler
 * reads it in place. The mailbox owns what its messages refer to (sender, type, who, buffer).
 */
#ifndef HAWSER_ACTOR_MAILBOX_H
#define HAWSER_ACTOR_MAILBOX_H

#include "actor/names.h"
#include "base/pool.h"

#define HWSI_MAILBOX_NODE 32u

struct hwsi_mailbox_node {
    struct hwsi_mailbox_node *next;
    uint32_t read, written;
    struct hws_message items[HWSI_MAILBOX_NODE];
};
/* Spare nodes of a system. */
struct hwsi_mailbox_nodes {
    struct hwsi_heap *heap;
    struct hwsi_mailbox_node *spare;
    uint32_t count;
};
struct hwsi_lane {
    struct hwsi_mailbox_node *head, *tail;
    uint64_t count;
};

void hwsi_mailbox_nodes_free(struct hwsi_mailbox_nodes *nodes);
struct hwsi_mailbox_node *hwsi_mailbox_grow(struct hwsi_mailbox_nodes *nodes,
                                            struct hwsi_lane *lane);
void hwsi_mailbox_shrink(struct hwsi_mailbox_nodes *nodes, struct hwsi_lane *lane);

/* A place for one more message, to be filled at once; NULL: out of memory. */
static inline struct hws_message *hwsi_lane_put(struct hwsi_mailbox_nodes *nodes,
                                                struct hwsi_lane *lane)
{
    struct hwsi_mailbox_node *node = lane->tail;
    if (!node || node->written == HWSI_MAILBOX_NODE) {
        node = hwsi_mailbox_grow(nodes, lane);
        if (!node)
            return NULL;
    }
    lane->count++;
    return &node->items[node->written++];
}
/* The oldest message; the lane is not empty. */
static inline struct hws_message *hwsi_lane_first(struct hwsi_lane *lane)
{
    return &lane->head->items[lane->head->read];
}
static inline void hwsi_message_release(struct hws_message *message)
{
    hwsi_pid_release(message->sender);
    hwsi_atom_release(message->type);
    hwsi_pid_release(message->who);
    hwsi_buffer_release(message->buffer);
}
/* Takes the oldest message out, which has been released. */
static inline void hwsi_lane_advance(struct hwsi_mailbox_nodes *nodes, struct hwsi_lane *lane)
{
    struct hwsi_mailbox_node *node = lane->head;
    lane->count--;
    if (++node->read == node->written)
        hwsi_mailbox_shrink(nodes, lane);
}
static inline void hwsi_lane_drop(struct hwsi_mailbox_nodes *nodes, struct hwsi_lane *lane)
{
    hwsi_message_release(hwsi_lane_first(lane));
    hwsi_lane_advance(nodes, lane);
}

#endif
