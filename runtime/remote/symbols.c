/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "remote/symbols.h"

#include <string.h>

void hwsi_outbound_init(struct hwsi_outbound *out, struct hwsi_heap *heap, uint32_t limit)
{
    *out = (struct hwsi_outbound){ .heap = heap, .limit = limit };
    hwsi_map_init(&out->by_object, heap);
}

void hwsi_outbound_free(struct hwsi_outbound *out)
{
    for (uint32_t i = 0; i < out->count; i++) {
        struct hwsi_outbound_entry *entry = &out->entries[i];
        /* A later table may lie at this address: nobody may believe that its place there is still right. */
        if (entry->pid && entry->pid->place.owner == out)
            entry->pid->place.owner = NULL;
        if (entry->atom && entry->atom->place.owner == out)
            entry->atom->place.owner = NULL;
        hwsi_pid_release(entry->pid);
        hwsi_atom_release(entry->atom);
    }
    hwsi_map_free(&out->by_object);
    if (out->heap)
        hwsi_free(out->heap, out->entries, out->capacity * sizeof *out->entries);
    out->entries = NULL;
    out->count = out->capacity = 0;
}

struct object_key {
    const struct hwsi_outbound *out;
    const void *object;
};

/* The map's values are indexes (from 1) in a pointer's clothes. */
static bool object_equal(const void *value, const void *key)
{
    const struct object_key *k = key;
    const struct hwsi_outbound_entry *entry = &k->out->entries[(uintptr_t)value - 1];
    return entry->pid == k->object || entry->atom == k->object;
}

static uint32_t object_find(struct hwsi_outbound *out, const void *object)
{
    struct object_key key = { out, object };
    return (uint32_t)(uintptr_t)hwsi_map_find(&out->by_object, hwsi_hash_u64((uintptr_t)object),
                                              object_equal, &key);
}

/* A new index, or 0 when the table is full or memory is out: the string then goes inline. */
static uint32_t object_define(struct hwsi_outbound *out, const void *object)
{
    if (out->count == out->limit)
        return 0;
    if (out->count == out->capacity) {
        uint32_t capacity = out->capacity ? out->capacity * 2 : 4;
        void *entries = hwsi_resize(out->heap, out->entries, out->capacity * sizeof *out->entries,
                                    capacity * sizeof *out->entries);
        if (!entries)
            return 0;
        out->entries = entries;
        out->capacity = capacity;
    }
    if (hwsi_map_put(&out->by_object, hwsi_hash_u64((uintptr_t)object),
                     (void *)(uintptr_t)(out->count + 1)))
        return 0;
    out->entries[out->count] = (struct hwsi_outbound_entry){ 0 };
    return ++out->count;
}

struct hwsi_symbol hwsi_outbound_pid_slow(struct hwsi_outbound *out, struct hws_pid *pid,
                                          struct hws_slice text)
{
    uint32_t index = object_find(out, pid);
    if (index) {
        pid->place = (struct hwsi_symbol_place){ out, index };
        return (struct hwsi_symbol){ .index = index };
    }
    index = object_define(out, pid);
    if (index) {
        out->entries[index - 1].pid = hwsi_pid_retain(pid);
        pid->place = (struct hwsi_symbol_place){ out, index };
    }
    return (struct hwsi_symbol){ index, text };
}

struct hwsi_symbol hwsi_outbound_atom_slow(struct hwsi_outbound *out, struct hws_atom *atom)
{
    uint32_t index = object_find(out, atom);
    if (index) {
        atom->place = (struct hwsi_symbol_place){ out, index };
        return (struct hwsi_symbol){ .index = index };
    }
    index = object_define(out, atom);
    if (index) {
        out->entries[index - 1].atom = hwsi_atom_retain(atom);
        atom->place = (struct hwsi_symbol_place){ out, index };
    }
    return (struct hwsi_symbol){ index, { (const uint8_t *)atom->text, atom->size } };
}

struct hwsi_symbol hwsi_outbound_sender(struct hwsi_outbound *out, struct hws_pid *pid, char *uri,
                                        size_t capacity)
{
    if (!pid)
        return (struct hwsi_symbol){ 0 };
    if (pid->address->local)
        return hwsi_outbound_target(out, pid);
    /* A third party goes inline: as a target the same PID may have a number here that means its bare id. */
    return (
        struct hwsi_symbol){ .text = { (const uint8_t *)uri, hwsi_pid_uri(pid, uri, capacity) } };
}

void hwsi_inbound_init(struct hwsi_inbound *in, struct hwsi_heap *heap)
{
    *in = (struct hwsi_inbound){ .heap = heap };
}

static void entry_clear(struct hwsi_inbound_entry *entry)
{
    hwsi_atom_release(entry->text);
    hwsi_pid_release(entry->target);
    hwsi_pid_release(entry->sender);
    *entry = (struct hwsi_inbound_entry){ 0 };
}

void hwsi_inbound_free(struct hwsi_inbound *in)
{
    for (uint32_t i = 0; i < in->capacity; i++)
        entry_clear(&in->entries[i]);
    if (in->heap)
        hwsi_free(in->heap, in->entries, in->capacity * sizeof *in->entries);
    in->entries = NULL;
    in->capacity = 0;
}

static int inbound_grow(struct hwsi_inbound *in, uint32_t index)
{
    uint32_t capacity = in->capacity ? in->capacity : 8;
    while (capacity < index)
        capacity *= 2;
    if (capacity == in->capacity)
        return 0;
    struct hwsi_inbound_entry *entries = hwsi_resize(
        in->heap, in->entries, in->capacity * sizeof *entries, capacity * sizeof *entries);
    if (!entries)
        return HWS_ENOMEM;
    memset(entries + in->capacity, 0, (capacity - in->capacity) * sizeof *entries);
    in->entries = entries;
    in->capacity = capacity;
    return 0;
}

/* The place of an index that brings no text, defined or not; NULL: the symbol is something else. */
static inline struct hwsi_inbound_entry *known_entry(const struct hwsi_inbound *in,
                                                     const struct hwsi_symbol *symbol)
{
    return symbol->index && symbol->index <= in->capacity && !symbol->text.data
               ? &in->entries[symbol->index - 1]
               : NULL;
}

/* The entry of a symbol with an index, defined now if it brings its text. NULL in *out: an inline text. */
static int inbound_entry(struct hwsi_inbound *in, struct hwsi_names *names,
                         const struct hwsi_symbol *symbol, struct hwsi_inbound_entry **out)
{
    *out = NULL;
    if (symbol->index == 0)
        return 0;
    if (!symbol->text.data) {
        if (symbol->index > in->capacity || !in->entries[symbol->index - 1].text)
            return HWS_EPROTOCOL;
        *out = &in->entries[symbol->index - 1];
        return 0;
    }
    struct hws_atom *text;
    int error = inbound_grow(in, symbol->index);
    if (!error)
        error = hwsi_atom_intern(names, symbol->text, &text);
    if (error)
        return error == HWS_ENOMEM ? error : HWS_EPROTOCOL;
    *out = &in->entries[symbol->index - 1];
    if (!(*out)->text) {
        (*out)->text = text;
        return 0;
    }
    /* Defined once. The same again is harmless: a frame that ran out of memory half way comes again. */
    bool same = (*out)->text == text;
    hwsi_atom_release(text);
    return same ? 0 : HWS_EPROTOCOL;
}

static struct hws_slice atom_slice(const struct hws_atom *atom)
{
    return (struct hws_slice){ (const uint8_t *)atom->text, atom->size };
}

static int as_protocol(int error)
{
    return error && error != HWS_ENOMEM ? HWS_EPROTOCOL : error;
}

static int target_slowly(struct hwsi_inbound *in, struct hwsi_names *names,
                         const struct hwsi_symbol *symbol, struct hws_pid **out, bool *own)
{
    struct hwsi_inbound_entry *entry;
    int error = inbound_entry(in, names, symbol, &entry);
    *own = !entry;
    if (error)
        return error;
    if (!entry)
        return as_protocol(hwsi_pid_intern(names, names->local, symbol->text, out));
    if (!entry->target)
        error = hwsi_pid_intern(names, names->local, atom_slice(entry->text), &entry->target);
    if (!error)
        *out = entry->target;
    return as_protocol(error);
}

int hwsi_inbound_target(struct hwsi_inbound *in, struct hwsi_names *names,
                        const struct hwsi_symbol *symbol, struct hws_pid **out, bool *own)
{
    const struct hwsi_inbound_entry *known = known_entry(in, symbol);
    if (!known || !known->target)
        return target_slowly(in, names, symbol, out, own);
    *own = false;
    *out = known->target;
    return 0;
}

/* An id at the peer's address, or a third party's URI. */
static int sender_pid(struct hwsi_names *names, struct hwsi_address *peer, struct hws_slice text,
                      struct hws_pid **out)
{
    if (memmem(text.data, text.size, "://", 3))
        return hwsi_pid_parse(names, text, out);
    return hwsi_pid_intern(names, peer, text, out);
}

static int sender_slowly(struct hwsi_inbound *in, struct hwsi_names *names,
                         struct hwsi_address *peer, const struct hwsi_symbol *symbol,
                         struct hws_pid **out, bool *own)
{
    struct hwsi_inbound_entry *entry;
    int error = inbound_entry(in, names, symbol, &entry);
    if (error)
        return error;
    *own = !entry;
    if (!entry)
        return as_protocol(sender_pid(names, peer, symbol->text, out));
    if (!entry->sender)
        error = sender_pid(names, peer, atom_slice(entry->text), &entry->sender);
    if (!error)
        *out = entry->sender;
    return as_protocol(error);
}

int hwsi_inbound_sender(struct hwsi_inbound *in, struct hwsi_names *names,
                        struct hwsi_address *peer, const struct hwsi_symbol *symbol,
                        struct hws_pid **out, bool *own)
{
    *own = false;
    *out = NULL;
    if (symbol->index == 0 && !symbol->text.data)
        return 0;
    const struct hwsi_inbound_entry *known = known_entry(in, symbol);
    if (!known || !known->sender)
        return sender_slowly(in, names, peer, symbol, out, own);
    *out = known->sender;
    return 0;
}

int hwsi_inbound_type(struct hwsi_inbound *in, struct hwsi_names *names,
                      const struct hwsi_symbol *symbol, struct hws_atom **out, bool *own)
{
    struct hwsi_inbound_entry *entry;
    *own = false;
    *out = NULL;
    if (symbol->index == 0 && !symbol->text.data)
        return 0;
    int error = inbound_entry(in, names, symbol, &entry);
    if (error)
        return error;
    *own = !entry;
    if (!entry)
        return as_protocol(hwsi_atom_intern(names, symbol->text, out));
    *out = entry->text;
    return 0;
}
