/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

static void *default_reallocate(struct hws_allocator *allocator, void *block, size_t old_size,
                                size_t new_size)
{
    (void)allocator;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

struct hws_allocator *hws_default_allocator(void)
{
    static struct hws_allocator malloc_allocator = { default_reallocate };
    return &malloc_allocator;
}

struct hwsi_heap *hwsi_heap_new(struct hws_allocator *allocator)
{
    struct hwsi_heap *heap = allocator->reallocate(allocator, NULL, 0, sizeof *heap);
    if (heap)
        *heap = (struct hwsi_heap){ .allocator = allocator, .held = sizeof *heap, .refs = 1 };
    return heap;
}

struct hwsi_heap *hwsi_heap_retain(struct hwsi_heap *heap)
{
    heap->refs++;
    return heap;
}

void hwsi_heap_release(struct hwsi_heap *heap)
{
    if (heap && --heap->refs == 0)
        heap->allocator->reallocate(heap->allocator, heap, sizeof *heap, 0);
}

void *hwsi_alloc_raw(struct hwsi_heap *heap, size_t size)
{
    void *block = heap->allocator->reallocate(heap->allocator, NULL, 0, size);
    if (block)
        heap->held += size;
    return block;
}

void *hwsi_alloc(struct hwsi_heap *heap, size_t size)
{
    void *block = hwsi_alloc_raw(heap, size);
    return block ? memset(block, 0, size) : NULL;
}

void *hwsi_resize(struct hwsi_heap *heap, void *block, size_t old_size, size_t new_size)
{
    void *moved =
        heap->allocator->reallocate(heap->allocator, block, block ? old_size : 0, new_size);
    if (moved)
        heap->held += new_size - (block ? old_size : 0);
    return moved;
}

void hwsi_free(struct hwsi_heap *heap, void *block, size_t size)
{
    if (!block)
        return;
    heap->held -= size;
    heap->allocator->reallocate(heap->allocator, block, size, 0);
}

char *hwsi_copy_text(struct hwsi_heap *heap, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = hwsi_alloc_raw(heap, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void hwsi_free_text(struct hwsi_heap *heap, char *text)
{
    if (text)
        hwsi_free(heap, text, strlen(text) + 1);
}
