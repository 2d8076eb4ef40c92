/* SPDX-License-Identifier: MIT */
/* Random numbers that follow from a seed: SplitMix64 (Steele, Lea, Flood 2014). Not for secrets. */
#ifndef HAWSER_BASE_RANDOM_H
#define HAWSER_BASE_RANDOM_H

#include <stdint.h>

struct hwsi_random {
    uint64_t state;
};

/* 0 asks the operating system for a seed. */
void hwsi_random_init(struct hwsi_random *random, uint64_t seed);
uint64_t hwsi_random_u64(struct hwsi_random *random);
uint64_t hwsi_random_id(struct hwsi_random *random); /* never 0 */
double hwsi_random_unit(struct hwsi_random *random); /* [0, 1) */

#endif
