/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "base/random.h"

#include <time.h>
#include <unistd.h>

void hwsi_random_init(struct hwsi_random *random, uint64_t seed)
{
    random->state = seed;
    if (seed == 0 && getentropy(&random->state, sizeof random->state) != 0) {
        /* No entropy to be had (a very old kernel or a sandbox): time and place still differ from start to start. */
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        random->state = (uint64_t)t.tv_nsec * UINT64_C(0x9e3779b97f4a7c15) ^
                        (uint64_t)t.tv_sec << 20 ^ (uint64_t)getpid();
    }
}

uint64_t hwsi_random_u64(struct hwsi_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t hwsi_random_id(struct hwsi_random *random)
{
    uint64_t id;
    do
        id = hwsi_random_u64(random);
    while (id == 0);
    return id;
}

double hwsi_random_unit(struct hwsi_random *random)
{
    return (double)(hwsi_random_u64(random) >> 11) * 0x1.0p-53;
}
