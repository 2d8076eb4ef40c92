/* SPDX-License-Identifier: MIT */
#include "actor/mailbox.h"

#define SPARE_NODES 256u

struct hwsi_mailbox_node *hwsi_mailbox_grow(struct hwsi_mailbox_nodes *nodes,
                                            struct hwsi_lane *lane)
{
    struct hwsi_mailbox_node *node = nodes->spare;
    if (node) {
        nodes->spare = node->next;
        nodes->count--;
    } else {
        node = hwsi_alloc_raw(nodes->heap, sizeof *node);
        if (!node)
            return NULL;
    }
    node->next = NULL;
    node->read = node->written = 0;
    if (lane->tail)
        lane->tail->next = node;
    else
        lane->head = node;
    lane->tail = node;
    return node;
}

/* The head node is read to its end: give it back. */
void hwsi_mailbox_shrink(struct hwsi_mailbox_nodes *nodes, struct hwsi_lane *lane)
{
    struct hwsi_mailbox_node *node = lane->head;
    lane->head = node->next;
    if (!lane->head)
        lane->tail = NULL;
    if (nodes->count == SPARE_NODES) {
        hwsi_free(nodes->heap, node, sizeof *node);
        return;
    }
    node->next = nodes->spare;
    nodes->spare = node;
    nodes->count++;
}

void hwsi_mailbox_nodes_free(struct hwsi_mailbox_nodes *nodes)
{
    while (nodes->spare) {
        struct hwsi_mailbox_node *node = nodes->spare;
        nodes->spare = node->next;
        hwsi_free(nodes->heap, node, sizeof *node);
    }
    nodes->count = 0;
}
