/* SPDX-License-Identifier: MIT */
/*
 * The interned names of a system: addresses, PIDs, atoms. The table of PIDs is the registry too: a local PID points to
 * its actor while that lives, so a lookup by PID costs one load.
 *
 * The table lives until the system has closed it and the last handle is released.
 */
#ifndef HAWSER_ACTOR_NAMES_H
#define HAWSER_ACTOR_NAMES_H

#include "base/list.h"
#include "base/map.h"
#include "hawser/message.h"

struct hwsi_address {
    struct hwsi_names *names;
    uint32_t refs;
    bool local;
    uint64_t hash;
    void *endpoint;            /* remote/'s, while it has one */
    struct hwsi_list watches;  /* of actors there and by actors there */
    struct hwsi_list requests; /* to actors there, not answered yet */
    char *text;                /* the local one's is set when the system has started */
};

/* Where an object stands in the symbol table of the association that used it last. */
struct hwsi_symbol_place {
    const void *owner;
    uint32_t index;
};

struct hws_pid {
    struct hwsi_names *names;
    struct hwsi_address *address;
    struct hws_context *actor; /* local and alive, else NULL */
    struct hwsi_symbol_place place;
    uint32_t refs;
    uint64_t hash;
    uint32_t id_size;
    char id[];
};

struct hws_atom {
    struct hwsi_names *names;
    struct hwsi_symbol_place place;
    uint32_t refs;
    uint64_t hash;
    uint32_t size;
    char text[];
};

struct hwsi_names {
    struct hwsi_heap *heap;
    struct hwsi_map addresses, pids, atoms;
    struct hwsi_address *local;
    uint64_t seed;
    size_t refs; /* the system's and one an object */
};

int hwsi_names_new(struct hwsi_heap *heap, uint64_t seed, struct hwsi_names **out);
void hwsi_names_close(struct hwsi_names *names); /* NULL is fine */
int hwsi_names_set_local(struct hwsi_names *names, const char *text);

/* All take bytes without a terminating 0 and check them: HWS_EADDRESS. They give one reference. */
int hwsi_address_intern(struct hwsi_names *names, struct hws_slice text, struct hwsi_address **out);
int hwsi_pid_intern(struct hwsi_names *names, struct hwsi_address *address, struct hws_slice id,
                    struct hws_pid **out);
int hwsi_atom_intern(struct hwsi_names *names, struct hws_slice text, struct hws_atom **out);
/* No reference, NULL when there is none: for ids that a peer sends and that must not grow the table. */
struct hws_pid *hwsi_pid_find(struct hwsi_names *names, struct hwsi_address *address,
                              struct hws_slice id);
int hwsi_pid_parse(struct hwsi_names *names, struct hws_slice text, struct hws_pid **out);
void hwsi_address_release(struct hwsi_address *address);
void hwsi_pid_free(struct hws_pid *pid);
void hwsi_atom_free(struct hws_atom *atom);

static inline struct hws_pid *hwsi_pid_retain(struct hws_pid *pid)
{
    if (pid)
        pid->refs++;
    return pid;
}
static inline void hwsi_pid_release(struct hws_pid *pid)
{
    if (pid && --pid->refs == 0)
        hwsi_pid_free(pid);
}
static inline struct hws_atom *hwsi_atom_retain(struct hws_atom *atom)
{
    if (atom)
        atom->refs++;
    return atom;
}
static inline void hwsi_atom_release(struct hws_atom *atom)
{
    if (atom && --atom->refs == 0)
        hwsi_atom_free(atom);
}

bool hwsi_id_valid(
    struct hws_slice id); /* 1..HWS_ID_MAX bytes of printable UTF-8, no space, no "://" */
/* The URI of a PID, for third parties: "hawser.tcp://host:port/id". Returns the length needed. */
size_t hwsi_pid_uri(const struct hws_pid *pid, char *out, size_t capacity);

#endif
