/* SPDX-License-Identifier: MIT */
#include "actor/kind.h"

#include <string.h>

#include "actor/local.h"
#include "base/text.h"
#include "base/utf8.h"

/* --- peers --- */

static void free_patterns(struct hwsi_heap *heap, char **patterns, size_t count)
{
    for (size_t i = 0; patterns && i < count; i++)
        hwsi_free_text(heap, patterns[i]);
    hwsi_free(heap, patterns, count * sizeof *patterns);
}

void hwsi_peers_free(struct hwsi_heap *heap, struct hwsi_peers *peers)
{
    free_patterns(heap, peers->patterns, peers->count);
    *peers = (struct hwsi_peers){ 0 };
}

int hwsi_peers_set(struct hwsi_heap *heap, struct hwsi_peers *peers, const char *const *patterns,
                   size_t count)
{
    if (count > HWSI_PEERS_MAX)
        return HWS_EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!hwsi_text_valid(hws_slice_text(patterns[i]), HWS_ADDRESS_MAX, HWSI_TEXT_WORD))
            return HWS_EINVAL;
    char **copies = count ? hwsi_alloc(heap, count * sizeof *copies) : NULL;
    if (count && !copies)
        return HWS_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        copies[i] = hwsi_copy_text(heap, patterns[i]);
        if (!copies[i]) {
            free_patterns(heap, copies, count);
            return HWS_ENOMEM;
        }
    }
    hwsi_peers_free(heap, peers);
    *peers = (struct hwsi_peers){ copies, count };
    return 0;
}

bool hwsi_peers_match(const struct hwsi_peers *peers, const char *name, const char *address)
{
    for (size_t i = 0; i < peers->count; i++) {
        const char *pattern = peers->patterns[i];
        if (hwsi_glob(pattern, strchr(pattern, ':') ? address : name))
            return true;
    }
    return false;
}

/* --- kinds --- */

void hwsi_kinds_init(struct hwsi_kinds *kinds, struct hwsi_heap *heap)
{
    kinds->heap = heap;
    hwsi_list_init(&kinds->all);
}

bool hwsi_kind_name_valid(struct hws_slice name)
{
    return hwsi_text_valid(name, HWS_KIND_MAX, HWSI_TEXT_NAME);
}

struct hwsi_kind *hwsi_kind_find(const struct hwsi_kinds *kinds, struct hws_slice name)
{
    for (struct hwsi_list *node = kinds->all.next; node != &kinds->all; node = node->next) {
        struct hwsi_kind *kind = HWSI_ENTRY(node, struct hwsi_kind, node);
        if (strlen(kind->name) == name.size && memcmp(kind->name, name.data, name.size) == 0)
            return kind;
    }
    return NULL;
}

int hwsi_kind_register(struct hwsi_kinds *kinds, const char *name, const struct hws_kind_ops *ops,
                       void *data)
{
    if (!hwsi_kind_name_valid(hws_slice_text(name)) || !ops || !ops->make)
        return HWS_EINVAL;
    if (hwsi_kind_find(kinds, hws_slice_text(name)))
        return HWS_EEXIST;
    struct hwsi_kind *kind = hwsi_alloc(kinds->heap, sizeof *kind);
    if (!kind)
        return HWS_ENOMEM;
    kind->refs = 1;
    kind->ops = ops;
    kind->data = data;
    memcpy(kind->name, name, strlen(name) + 1);
    hwsi_list_append(&kinds->all, &kind->node);
    return 0;
}

void hwsi_kind_retain(struct hwsi_kind *kind)
{
    kind->refs++;
}

void hwsi_kind_release(struct hwsi_kinds *kinds, struct hwsi_kind *kind)
{
    if (--kind->refs > 0)
        return;
    if (kind->ops->released)
        kind->ops->released(kind->data);
    hwsi_peers_free(kinds->heap, &kind->peers);
    hwsi_free(kinds->heap, kind, sizeof *kind);
}

int hwsi_kind_unregister(struct hwsi_kinds *kinds, const char *name)
{
    struct hwsi_kind *kind = hwsi_kind_find(kinds, hws_slice_text(name));
    if (!kind)
        return HWS_ENOTFOUND;
    hwsi_list_remove(&kind->node);
    hwsi_kind_release(kinds, kind);
    return 0;
}

void hwsi_kinds_free(struct hwsi_kinds *kinds)
{
    struct hwsi_list *node;
    while (kinds->heap && (node = hwsi_list_first(&kinds->all))) {
        hwsi_list_remove(node);
        hwsi_kind_release(kinds, HWSI_ENTRY(node, struct hwsi_kind, node));
    }
}

void hwsi_kind_entered(struct hwsi_kinds *kinds, struct hwsi_kind *kind)
{
    if (!kind)
        return;
    kind->refs++;
    kind->living++;
    kinds->living++;
}

void hwsi_kind_left(struct hwsi_kinds *kinds, struct hwsi_kind *kind)
{
    if (!kind)
        return;
    kind->living--;
    kinds->living--;
    hwsi_kind_release(kinds, kind);
}

/* --- hawser/service.h: who registers --- */

int hws_register_kind(struct hws_system *system, const char *name, const struct hws_kind_ops *ops,
                      void *data)
{
    struct hwsi_local *local = hwsi_local_of(system);
    return local->stopping ? HWS_ECLOSED : hwsi_kind_register(&local->kinds, name, ops, data);
}

int hws_unregister_kind(struct hws_system *system, const char *name)
{
    return hwsi_kind_unregister(&hwsi_local_of(system)->kinds, name);
}

int hws_allow_kind(struct hws_system *system, const char *name, const char *const *peers,
                   size_t count)
{
    struct hwsi_local *local = hwsi_local_of(system);
    struct hwsi_kind *kind = hwsi_kind_find(&local->kinds, hws_slice_text(name));
    return kind ? hwsi_peers_set(local->heap, &kind->peers, peers, count) : HWS_ENOTFOUND;
}

int hws_allow_diagnostics(struct hws_system *system, const char *const *peers, size_t count)
{
    struct hwsi_local *local = hwsi_local_of(system);
    return hwsi_peers_set(local->heap, &local->diagnostics_peers, peers, count);
}

void hws_each_kind(struct hws_system *system,
                   void (*fn)(void *data, const char *name, uint64_t living), void *data)
{
    const struct hwsi_list *head = &hwsi_local_of(system)->kinds.all;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        const struct hwsi_kind *kind = HWSI_ENTRY(node, struct hwsi_kind, node);
        fn(data, kind->name, kind->living);
    }
}
