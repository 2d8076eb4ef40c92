/* SPDX-License-Identifier: MIT */
/*
 * For the tests of the delivery contract: an allocator that counts what is held and can be told to fail, random numbers
 * from a seed, and numbered payloads whose bytes are checked when they come out at the other end. Owned by the test.
 */
#ifndef HAWSER_SPEC_SUPPORT_DELIVERY_H
#define HAWSER_SPEC_SUPPORT_DELIVERY_H

#include "hawser/core.h"

struct meter {
    struct hws_allocator allocator; /* first */
    size_t held;                    /* bytes */
    uint64_t calls;                 /* for new memory, so far */
    uint64_t fail_at, fail_count;   /* from call number fail_at on, so many calls get none */
};
void meter_init(struct meter *meter);

/* The same numbers for the same seed, anywhere. */
struct dice {
    uint64_t state;
};
uint64_t dice_roll(struct dice *dice, uint64_t sides); /* 0 to sides - 1 */
bool dice_chance(struct dice *dice, uint64_t one_in);

/* What is told apart by `kind`, `from` and `to`, and numbered within that. */
struct number {
    uint8_t kind, from, to;
    uint32_t number;
};
#define NUMBER_MOST (size_t)70000 /* bytes of the largest payload */
/* A msgpack bin of about `padding` bytes more; returns its size. `room` holds NUMBER_MOST. */
size_t number_write(uint8_t *room, const struct number *number, size_t padding);
/* False: not such a payload, or not as it was written. */
bool number_read(struct hws_slice payload, struct number *number);

#endif
