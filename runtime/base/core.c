/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "hawser/core.h"

#include <string.h>
#include <time.h>

struct hws_slice hws_slice_of(const void *data, size_t size)
{
    return (struct hws_slice){ data, size };
}

struct hws_slice hws_slice_text(const char *text)
{
    return (struct hws_slice){ (const uint8_t *)text, strlen(text) };
}

static uint64_t monotonic_now(struct hws_clock *clock)
{
    struct timespec t;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * HWS_SECOND + (uint64_t)t.tv_nsec;
}

struct hws_clock *hws_monotonic_clock(void)
{
    static struct hws_clock clock = { monotonic_now };
    return &clock;
}
