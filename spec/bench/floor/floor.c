/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "pair.h"

#include "connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum floor_outcome floor_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "%s: ", floor_program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return FLOOR_FAILED;
}

uint64_t floor_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static enum floor_outcome usage(void)
{
    fprintf(stderr,
            "%s: usage: %s WORK [--payload BYTES] [--seconds S] [--cores 1|2]%s"
            " [--outstanding N (requests)], where WORK is one of",
            floor_program, floor_program,
            floor_raw ? " [--write BYTES (streams)]" : " [--endpoints N (idle)]");
    for (size_t i = 0; floor_works[i]; i++) {
        fprintf(stderr, " %s", floor_works[i]->name);
    }
    fputs(".\n", stderr);
    return FLOOR_FAILED;
}

static const struct floor_work *find_work(const char *name)
{
    for (size_t i = 0; floor_works[i]; i++) {
        if (strcmp(floor_works[i]->name, name) == 0) {
            return floor_works[i];
        }
    }
    return NULL;
}

static enum floor_outcome read_number(const char *option, const char *text, double least,
                                      double most, double *number)
{
    char *end;

    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || errno || !(value >= least && value <= most)) {
        return floor_fail("%s must be a number from %.10g to %.10g, not '%s'", option, least, most,
                          text);
    }
    *number = value;
    return FLOOR_OK;
}

static enum floor_outcome read_option(const struct floor_work *work, const char *name,
                                      const char *text, struct floor_options *options)
{
    double number = 0;
    enum floor_outcome outcome;

    if (work->idle) {
        if (strcmp(name, "--endpoints") != 0) {
            return floor_fail("%s has no option '%s'", work->name, name);
        }
        outcome = read_number(name, text, 1, 10000, &number);
        options->endpoints = (uint64_t)number;
    } else if (strcmp(name, "--payload") == 0) {
        outcome = read_number(name, text, (double)work->least_payload, FLOOR_MOST_PAYLOAD, &number);
        options->payload = (size_t)number;
    } else if (strcmp(name, "--seconds") == 0) {
        outcome = read_number(name, text, 0.01, 60, &number);
        options->duration = (uint64_t)(number * 1e9);
    } else if (strcmp(name, "--cores") == 0) {
        outcome = read_number(name, text, 1, 2, &number);
        options->cores = (unsigned)number;
    } else if (strcmp(name, "--write") == 0 && work->stream && floor_raw) {
        outcome = read_number(name, text, 1024, FLOOR_MOST_PAYLOAD, &number);
        options->write = (size_t)number;
    } else if (strcmp(name, "--outstanding") == 0 && !work->stream && !work->echo) {
        outcome = read_number(name, text, 1, FLOOR_WRITE_BYTES, &number);
        options->outstanding = (unsigned)number;
    } else {
        outcome = floor_fail("%s has no option '%s'", work->name, name);
    }
    return outcome;
}

static enum floor_outcome read_options(const struct floor_work *work, char **arguments,
                                       struct floor_options *options)
{
    options->payload = 64;
    options->duration = UINT64_C(1000000000);
    options->outstanding = work->stream ? 0 : work->echo ? 1 : 100;
    options->write = FLOOR_WRITE_BYTES;
    options->cores = 0;
    options->endpoints = 1000;
    for (; *arguments; arguments += 2) {
        if (!arguments[1]) {
            return floor_fail("'%s' needs a value", *arguments);
        }
        if (read_option(work, arguments[0], arguments[1], options) != FLOOR_OK) {
            return FLOOR_FAILED;
        }
    }
    /* All that is outstanding must fit into one batch, with 16 bytes a message for headers. */
    if (floor_raw && options->outstanding > 1 &&
        options->outstanding * (options->payload + 16) > FLOOR_WRITE_BYTES) {
        return floor_fail("%u outstanding messages of %zu bytes are more than %u bytes",
                          options->outstanding, options->payload, FLOOR_WRITE_BYTES);
    }
    return FLOOR_OK;
}

static enum floor_outcome print_round_trips(const struct hwsi_histogram *histogram)
{
    size_t length = hwsi_histogram_json(histogram, NULL, 0);
    char *buckets = malloc(length + 1);

    if (!buckets) {
        return floor_fail("out of memory");
    }
    hwsi_histogram_json(histogram, buckets, length + 1);
    printf(",\"min_ns\":%" PRIu64 ",\"mean_ns\":%" PRIu64, histogram->min,
           histogram->sum / histogram->count);
    printf(",\"p50_ns\":%" PRIu64, hwsi_histogram_percentile(histogram, 500000));
    printf(",\"p99_ns\":%" PRIu64, hwsi_histogram_percentile(histogram, 990000));
    printf(",\"p999_ns\":%" PRIu64, hwsi_histogram_percentile(histogram, 999000));
    printf(",\"max_ns\":%" PRIu64 ",\"histogram\":%s", histogram->max, buckets);
    free(buckets);
    return FLOOR_OK;
}

static enum floor_outcome print_result(const struct floor_work *work,
                                       const struct floor_options *options,
                                       const struct floor_result *result)
{
    enum floor_outcome outcome = FLOOR_OK;
    if (work->idle) {
        printf("{\"work\":\"%s\",\"endpoints\":%" PRIu64 ",\"bytes_per_endpoint\":%.0f}\n",
               work->name, options->endpoints, (double)result->memory / (double)options->endpoints);
        return FLOOR_OK;
    }
    double seconds = (double)result->elapsed / 1e9;

    if (result->messages == 0 || result->elapsed == 0) {
        return floor_fail("nothing was measured: the time was too short");
    }
    double rate = (double)result->messages / seconds;
    printf("{\"work\":\"%s\",\"payload\":%zu", work->name, options->payload);
    if (work->stream && floor_raw) {
        printf(",\"write\":%zu", options->write);
    } else if (!work->stream) {
        printf(",\"outstanding\":%u", options->outstanding);
    }
    if (options->cores > 0) {
        printf(",\"cores\":%u", options->cores);
    }
    printf(",\"messages\":%" PRIu64 ",\"seconds\":%.6f", result->messages, seconds);
    printf(",\"messages_per_second\":%.0f,\"bytes_per_second\":%.0f", rate,
           rate * (double)options->payload);
    if (result->round_trips.count > 0) {
        outcome = print_round_trips(&result->round_trips);
    }
    puts("}");
    return outcome;
}

/* pin CORE COMMAND [ARGUMENTS]: becomes the command, on that core. For sides that are scripts. */
static enum floor_outcome pin(char **arguments)
{
    double core = 0;

    if (!arguments[0] || !arguments[1]) {
        return floor_fail("usage: pin CORE COMMAND [ARGUMENTS]");
    }
    if (read_number("CORE", arguments[0], 0, 1023, &core) != FLOOR_OK ||
        floor_stay_on_core((unsigned)core) != FLOOR_OK) {
        return FLOOR_FAILED;
    }
    execvp(arguments[1], arguments + 1);
    return floor_fail("can't run %s: %s", arguments[1], strerror(errno));
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* What the figures depend on, besides the machine. */
static enum floor_outcome print_build(void)
{
    printf("{\"compiler\":\"%s\",\"flags\":\"%s\"}\n", COMPILER, HAWSER_BENCH_FLAGS);
    return FLOOR_OK;
}

int main(int count, char **arguments)
{
    static struct floor_result result;
    struct floor_options options;
    const struct floor_work *work = count > 1 ? find_work(arguments[1]) : NULL;

    if (count > 1 && strcmp(arguments[1], "pin") == 0) {
        return pin(arguments + 2);
    }
    if (count > 1 && strcmp(arguments[1], "build") == 0) {
        return print_build();
    }
    if (!work) {
        return usage();
    }
    if (read_options(work, arguments + 2, &options) != FLOOR_OK ||
        floor_pair_run(work, &options, &result) != FLOOR_OK) {
        return FLOOR_FAILED;
    }
    return print_result(work, &options, &result);
}
