/* SPDX-License-Identifier: MIT */
/*
 * simulate [-v] N [FIRST]: N worlds, from seed FIRST (1) on. Ends at the first that is not as promised, with the command that
 * replays it; -v traces every event. Progress goes to a terminal's line, or every few seconds to a line of its own.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "course.h"
#include "fault.h"

#define EVERY 5.0 /* seconds between lines of progress, where there is no terminal */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double hours(const struct tally *tally)
{
    return (double)tally->virtual_ns / (double)HWS_SECOND / 3600;
}

static void progress(const struct tally *tally, uint64_t worlds, double *last, double now)
{
    bool terminal = isatty(STDOUT_FILENO);
    if (now - *last < (terminal ? 0.2 : EVERY))
        return;
    *last = now;
    printf("%s%" PRIu64 " of %" PRIu64 " seeds, %.1f simulated hours, %" PRIu64 " systems, %" PRIu64
           " messages, %" PRIu64 " kills%s",
           terminal ? "\r\033[K" : "simulate: ", tally->worlds, worlds, hours(tally),
           tally->counts[COUNT_lives], tally->counts[COUNT_sent],
           tally->faults[FAULT_kill_reset] + tally->faults[FAULT_kill_silent],
           terminal ? "" : "\n");
    fflush(stdout);
}

static void list(const char *title, const char *const *names, const uint64_t *numbers, size_t count)
{
    int column = printf("%s", title);
    for (size_t i = 0; i < count; i++) {
        char item[64];
        int size = snprintf(item, sizeof item, " %s %" PRIu64 "%s", names[i], numbers[i],
                            i + 1 < count ? "," : "");
        if (column + size > 110)
            column = printf("\n   ") - 1;
        column += printf("%s", item);
    }
    putchar('\n');
}

static void report(const struct tally *tally, double took)
{
    static const char *const faults[] = {
#define X(name) #name,
        FAULTS(X)
#undef X
    };
    static const char *const counts[] = {
#define X(name) #name,
        COUNTS(X)
#undef X
    };
    if (isatty(STDOUT_FILENO))
        printf("\r\033[K");
    list("what happened:", counts, tally->counts, COUNT_KINDS);
    list("what went wrong:", faults, tally->faults, FAULT_KINDS);
    printf("simulate: %" PRIu64
           " seeds in %.1f s (%.0f seeds an hour, %.0f simulated hours an hour), "
           "%.2f simulated hours, %" PRIu64
           " steady, memory at most %.0f %% of its bound: everything as promised\n",
           tally->worlds, took, (double)tally->worlds / took * 3600, hours(tally) / took * 3600,
           hours(tally), tally->steady, tally->most_memory * 100);
}

static int usage(void)
{
    fprintf(stderr, "usage: simulate [-v] N [FIRST]\n"
                    "  N worlds in virtual time, from seed FIRST (1) on; -v traces each event\n");
    return 2;
}

static bool number_of(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end;
}

static bool run(uint64_t seed, bool verbose, struct tally *tally)
{
    struct world *world = world_new(seed, verbose, tally);
    if (!world) {
        fprintf(stderr, "out of memory at seed %" PRIu64 "\n", seed);
        return false;
    }
    bool fine = course_run(world);
    if (!fine)
        printf("%ssimulate: seed %" PRIu64 " FAILED at %.6f s: %s\n"
               "replay it:  ./test simulate 1 %" PRIu64 "      (-v: with a trace)\n",
               isatty(STDOUT_FILENO) ? "\r\033[K" : "", seed,
               (double)world->violated_at / HWS_SECOND, world->violation, seed);
    world_free(world);
    return fine;
}

int main(int argc, char **argv)
{
    struct tally tally = { 0 };
    uint64_t numbers[2] = { 0, 1 };
    size_t count = 0;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        bool is_flag = strcmp(argv[i], "-v") == 0;
        verbose |= is_flag;
        if (!is_flag && (count == 2 || !number_of(argv[i], &numbers[count++])))
            return usage();
    }
    if (count == 0)
        return usage();
    double begin = seconds(), last = begin;
    for (uint64_t i = 0; i < numbers[0]; i++) {
        if (!run(numbers[1] + i, verbose, &tally))
            return 1;
        progress(&tally, numbers[0], &last, seconds());
    }
    report(&tally, seconds() - begin);
    return 0;
}
