/* SPDX-License-Identifier: MIT */
/*
 * A system's memory: the host's allocator with a count of what is held. Reference-counted, because PIDs, atoms, buffers and
 * subscriptions may be held longer than the system lives.
 */
#ifndef HAWSER_BASE_HEAP_H
#define HAWSER_BASE_HEAP_H

#include "hawser/core.h"

struct hwsi_heap {
    struct hws_allocator *allocator;
    uint64_t held; /* bytes */
    uint32_t refs;
};

struct hwsi_heap *
hwsi_heap_new(struct hws_allocator *allocator); /* one reference; NULL: out of memory */
struct hwsi_heap *hwsi_heap_retain(struct hwsi_heap *heap);
void hwsi_heap_release(struct hwsi_heap *heap);

void *hwsi_alloc(struct hwsi_heap *heap, size_t size); /* zeroed; NULL: out of memory */
void *hwsi_alloc_raw(struct hwsi_heap *heap, size_t size);
void *hwsi_resize(struct hwsi_heap *heap, void *block, size_t old_size,
                  size_t new_size);                               /* NULL: `block` is as it was */
void hwsi_free(struct hwsi_heap *heap, void *block, size_t size); /* NULL is fine */
char *hwsi_copy_text(struct hwsi_heap *heap, const char *text);   /* freed with strlen + 1 */
void hwsi_free_text(struct hwsi_heap *heap, char *text);

#endif
