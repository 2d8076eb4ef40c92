/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "actor/names.h"

#include <string.h>

#include "base/utf8.h"

int hwsi_names_new(struct hwsi_heap *heap, uint64_t seed, struct hwsi_names **out)
{
    struct hwsi_names *names = hwsi_alloc(heap, sizeof *names);
    if (!names)
        return HWS_ENOMEM;
    names->heap = hwsi_heap_retain(heap);
    names->seed = seed;
    names->refs = 1;
    hwsi_map_init(&names->addresses, heap);
    hwsi_map_init(&names->pids, heap);
    hwsi_map_init(&names->atoms, heap);
    struct hwsi_address *local = hwsi_alloc(heap, sizeof *local);
    char *text = hwsi_copy_text(heap, "");
    if (!local || !text) {
        hwsi_free(heap, local, sizeof *local);
        hwsi_free_text(heap, text);
        hwsi_free(heap, names, sizeof *names);
        hwsi_heap_release(heap);
        return HWS_ENOMEM;
    }
    *local = (struct hwsi_address){ .names = names, .refs = 1, .local = true, .text = text };
    hwsi_list_init(&local->watches);
    hwsi_list_init(&local->requests);
    names->refs++;
    names->local = local;
    *out = names;
    return 0;
}

static void names_release(struct hwsi_names *names)
{
    if (--names->refs)
        return;
    struct hwsi_heap *heap = names->heap;
    hwsi_map_free(&names->addresses);
    hwsi_map_free(&names->pids);
    hwsi_map_free(&names->atoms);
    hwsi_free(heap, names, sizeof *names);
    hwsi_heap_release(heap);
}

void hwsi_names_close(struct hwsi_names *names)
{
    if (!names)
        return;
    hwsi_address_release(names->local);
    names_release(names);
}

int hwsi_names_set_local(struct hwsi_names *names, const char *text)
{
    char *copy = hwsi_copy_text(names->heap, text);
    if (!copy)
        return HWS_ENOMEM;
    hwsi_free_text(names->heap, names->local->text);
    names->local->text = copy;
    return 0;
}

static bool same(const char *text, size_t size, const struct hws_slice *bytes)
{
    return size == bytes->size && memcmp(text, bytes->data, size) == 0;
}

static bool address_equal(const void *value, const void *key)
{
    const struct hwsi_address *address = value;
    return same(address->text, strlen(address->text), key);
}

int hwsi_address_intern(struct hwsi_names *names, struct hws_slice text, struct hwsi_address **out)
{
    if (address_equal(names->local, &text)) {
        names->local->refs++;
        *out = names->local;
        return 0;
    }
    uint64_t hash = hwsi_hash_bytes(text.data, text.size, names->seed);
    struct hwsi_address *address = hwsi_map_find(&names->addresses, hash, address_equal, &text);
    if (address) {
        address->refs++;
        *out = address;
        return 0;
    }
    if (!hwsi_text_valid(text, HWS_ADDRESS_MAX, HWSI_TEXT_WORD))
        return HWS_EADDRESS;
    address = hwsi_alloc(names->heap, sizeof *address);
    char *copy = hwsi_alloc(names->heap, text.size + 1);
    if (!address || !copy || hwsi_map_put(&names->addresses, hash, address)) {
        hwsi_free(names->heap, address, sizeof *address);
        hwsi_free(names->heap, copy, text.size + 1);
        return HWS_ENOMEM;
    }
    memcpy(copy, text.data, text.size);
    *address = (struct hwsi_address){ .names = names, .refs = 1, .hash = hash, .text = copy };
    hwsi_list_init(&address->watches);
    hwsi_list_init(&address->requests);
    names->refs++;
    *out = address;
    return 0;
}

void hwsi_address_release(struct hwsi_address *address)
{
    if (!address || --address->refs)
        return;
    struct hwsi_names *names = address->names;
    hwsi_map_remove(&names->addresses, address->hash, address);
    hwsi_free_text(names->heap, address->text);
    hwsi_free(names->heap, address, sizeof *address);
    names_release(names);
}

bool hwsi_id_valid(struct hws_slice id)
{
    return hwsi_text_valid(id, HWS_ID_MAX, HWSI_TEXT_WORD) && !memmem(id.data, id.size, "://", 3);
}

struct pid_key {
    const struct hwsi_address *address;
    struct hws_slice id;
};

static bool pid_equal(const void *value, const void *key)
{
    const struct hws_pid *pid = value;
    const struct pid_key *k = key;
    return pid->address == k->address && same(pid->id, pid->id_size, &k->id);
}

static uint64_t pid_hash(const struct hwsi_names *names, const struct pid_key *key)
{
    return hwsi_hash_bytes(key->id.data, key->id.size, names->seed ^ (uintptr_t)key->address);
}

struct hws_pid *hwsi_pid_find(struct hwsi_names *names, struct hwsi_address *address,
                              struct hws_slice id)
{
    struct pid_key key = { address, id };
    return hwsi_map_find(&names->pids, pid_hash(names, &key), pid_equal, &key);
}

int hwsi_pid_intern(struct hwsi_names *names, struct hwsi_address *address, struct hws_slice id,
                    struct hws_pid **out)
{
    struct hws_pid *pid = hwsi_pid_find(names, address, id);
    if (pid) {
        *out = hwsi_pid_retain(pid);
        return 0;
    }
    if (!hwsi_id_valid(id))
        return HWS_EADDRESS;
    struct pid_key key = { address, id };
    uint64_t hash = pid_hash(names, &key);
    pid = hwsi_alloc(names->heap, sizeof *pid + id.size + 1);
    if (!pid || hwsi_map_put(&names->pids, hash, pid)) {
        hwsi_free(names->heap, pid, sizeof *pid + id.size + 1);
        return HWS_ENOMEM;
    }
    pid->names = names;
    pid->address = address;
    pid->refs = 1;
    pid->hash = hash;
    pid->id_size = (uint32_t)id.size;
    memcpy(pid->id, id.data, id.size);
    address->refs++;
    names->refs++;
    *out = pid;
    return 0;
}

void hwsi_pid_free(struct hws_pid *pid)
{
    struct hwsi_names *names = pid->names;
    struct hwsi_address *address = pid->address;
    hwsi_map_remove(&names->pids, pid->hash, pid);
    hwsi_free(names->heap, pid, sizeof *pid + pid->id_size + 1);
    hwsi_address_release(address);
    names_release(names);
}

static bool atom_equal(const void *value, const void *key)
{
    const struct hws_atom *atom = value;
    return same(atom->text, atom->size, key);
}

int hwsi_atom_intern(struct hwsi_names *names, struct hws_slice text, struct hws_atom **out)
{
    uint64_t hash = hwsi_hash_bytes(text.data, text.size, names->seed);
    struct hws_atom *atom = hwsi_map_find(&names->atoms, hash, atom_equal, &text);
    if (atom) {
        *out = hwsi_atom_retain(atom);
        return 0;
    }
    if (!hwsi_text_valid(text, HWS_ATOM_MAX, HWSI_TEXT_PRINTABLE))
        return HWS_EINVAL;
    atom = hwsi_alloc(names->heap, sizeof *atom + text.size + 1);
    if (!atom || hwsi_map_put(&names->atoms, hash, atom)) {
        hwsi_free(names->heap, atom, sizeof *atom + text.size + 1);
        return HWS_ENOMEM;
    }
    atom->names = names;
    atom->refs = 1;
    atom->hash = hash;
    atom->size = (uint32_t)text.size;
    memcpy(atom->text, text.data, text.size);
    names->refs++;
    *out = atom;
    return 0;
}

void hwsi_atom_free(struct hws_atom *atom)
{
    struct hwsi_names *names = atom->names;
    hwsi_map_remove(&names->atoms, atom->hash, atom);
    hwsi_free(names->heap, atom, sizeof *atom + atom->size + 1);
    names_release(names);
}
