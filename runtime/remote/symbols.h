/* SPDX-License-Identifier: MIT */
/*
 * The strings that an association names by number. Outbound: which PID or atom has which index; the object itself remembers
 * its place in the table that used it last, so the steady state looks nothing up. Inbound: what an index of the peer means, each
 * role (target, sender, type) resolved once.
 */
#ifndef HAWSER_REMOTE_SYMBOLS_H
#define HAWSER_REMOTE_SYMBOLS_H

#include "actor/local.h"
#include "wire/envelope.h"

struct hwsi_outbound {
    struct hwsi_heap *heap;
    struct hwsi_map by_object;
    struct hwsi_outbound_entry *entries; /* index - 1 */
    uint32_t count, capacity, limit;
};
struct hwsi_outbound_entry {
    struct hws_pid *pid; /* one of the two */
    struct hws_atom *atom;
};

struct hwsi_inbound {
    struct hwsi_heap *heap;
    struct hwsi_inbound_entry *entries; /* index - 1 */
    uint32_t capacity;
};
struct hwsi_inbound_entry {
    struct hws_atom *text;
    struct hws_pid *target, *sender;
};

void hwsi_outbound_init(struct hwsi_outbound *out, struct hwsi_heap *heap, uint32_t limit);
void hwsi_outbound_free(struct hwsi_outbound *out);
/* What to write for a PID or atom. The first mention may define an index: the frame must then really be appended. */
struct hwsi_symbol hwsi_outbound_pid_slow(struct hwsi_outbound *out, struct hws_pid *pid,
                                          struct hws_slice text);
struct hwsi_symbol hwsi_outbound_atom_slow(struct hwsi_outbound *out, struct hws_atom *atom);
static inline struct hwsi_symbol hwsi_outbound_target(struct hwsi_outbound *out,
                                                      struct hws_pid *pid)
{
    if (pid->place.owner == out)
        return (struct hwsi_symbol){ .index = pid->place.index };
    return hwsi_outbound_pid_slow(out, pid,
                                  (struct hws_slice){ (const uint8_t *)pid->id, pid->id_size });
}
/* `uri` has room for a third party's URI and must stay until the frame is encoded. */
struct hwsi_symbol hwsi_outbound_sender(struct hwsi_outbound *out, struct hws_pid *pid, char *uri,
                                        size_t capacity);
static inline struct hwsi_symbol hwsi_outbound_type(struct hwsi_outbound *out,
                                                    struct hws_atom *atom)
{
    if (!atom)
        return (struct hwsi_symbol){ 0 };
    if (atom->place.owner == out)
        return (struct hwsi_symbol){ .index = atom->place.index };
    return hwsi_outbound_atom_slow(out, atom);
}

void hwsi_inbound_init(struct hwsi_inbound *in, struct hwsi_heap *heap);
void hwsi_inbound_free(struct hwsi_inbound *in);
/*
 * What a symbol of the peer means. *out is borrowed from the table, or (an inline string) holds one reference that the caller gives
 * back: *own says which. HWS_EPROTOCOL: an index never defined, or a text that is no id. HWS_ENOMEM.
 */
int hwsi_inbound_target(struct hwsi_inbound *in, struct hwsi_names *names,
                        const struct hwsi_symbol *symbol, struct hws_pid **out, bool *own);
int hwsi_inbound_sender(struct hwsi_inbound *in, struct hwsi_names *names,
                        struct hwsi_address *peer, const struct hwsi_symbol *symbol,
                        struct hws_pid **out, bool *own);
int hwsi_inbound_type(struct hwsi_inbound *in, struct hwsi_names *names,
                      const struct hwsi_symbol *symbol, struct hws_atom **out, bool *own);

#endif
