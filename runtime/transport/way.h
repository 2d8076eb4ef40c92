/* SPDX-License-Identifier: MIT */
/*
 * The way from one machine of a loopback to another: what it is like, and whether it is open. Only ways of which something was
 * said have a struct; the others are as usual. Owned by the loopback.
 */
#ifndef HAWSER_TRANSPORT_WAY_H
#define HAWSER_TRANSPORT_WAY_H

#include "transport/network.h"

struct hwsi_span;

enum hwsi_passage { HWSI_PASSAGE_OPEN, HWSI_PASSAGE_CUT, HWSI_PASSAGE_SILENT };

struct hwsi_way {
    const struct hwsi_machine *from, *to;
    struct hwsi_list node; /* of the loopback's way_list */
    struct hws_loopback_way values;
    bool has_values;
    enum hwsi_passage passage;
    bool collides;          /* the next dial waits for one from the other side */
    struct hwsi_span *held; /* that dial */
};

#define HWSI_FAR_OFF (HWS_NEVER / 4) /* 146 years: times within it can be added up */

bool hwsi_way_is_valid(const struct hws_loopback_way *way);
/* `from` and `to` may be NULL: nobody known, as usual. */
const struct hws_loopback_way *hwsi_way_values(struct hws_loopback *loopback,
                                               const struct hwsi_machine *from,
                                               const struct hwsi_machine *to);
enum hwsi_passage hwsi_way_passage(struct hws_loopback *loopback, const struct hwsi_machine *from,
                                   const struct hwsi_machine *to);
struct hwsi_way *hwsi_way_find(struct hws_loopback *loopback, const struct hwsi_machine *from,
                               const struct hwsi_machine *to);
/* Nothing is left to say of it: frees it. Harmless otherwise. */
void hwsi_way_settle(struct hws_loopback *loopback, struct hwsi_way *way);
void hwsi_ways_free(struct hws_loopback *loopback);

#endif
