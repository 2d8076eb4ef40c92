/* SPDX-License-Identifier: MIT */
/* hawser-bench: the same works as hawser-floor's, between two C actors of two systems. */
#include "../floor/floor.h"

extern const struct floor_work bench_stream, bench_echo, bench_requests, bench_idle_accepted,
    bench_idle_dialled;

const char floor_program[] = "hawser-bench";
const bool floor_raw = false;
const struct floor_work *const floor_works[] = {
    &bench_stream, &bench_echo, &bench_requests, &bench_idle_accepted, &bench_idle_dialled, NULL,
};
