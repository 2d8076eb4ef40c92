/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "side.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE (10 * HWS_SECOND)
#define FAREWELL (60 * HWS_MILLISECOND) /* in which what has arrived is acknowledged */

static void print_log(struct hws_logger *logger, enum hws_log_level level, const char *line)
{
    (void)logger;
    if (level >= HWS_LOG_error)
        fprintf(stderr, "hawser-bench: %s\n", line);
}

static void on_watchdog(void *data)
{
    struct bench_side *side = data;
    side->watchdog = NULL;
    bench_side_fail(side, "the other process has stopped answering");
}

static enum floor_outcome failed(struct bench_side *side, const char *what, int error,
                                 const char *message)
{
    bench_side_free(side);
    return floor_fail("%s: %s", what, message[0] ? message : hws_strerror(error));
}

enum floor_outcome bench_side_open(struct bench_side *side, const char *name, const char *listen,
                                   struct uv_loop_s *loop, const struct floor_options *options)
{
    static struct hws_logger logger = { print_log };
    struct hws_options system;
    char message[256] = "";

    *side = (struct bench_side){ 0 };
    hws_options_init(&system);
    system.name = name;
    system.listen = listen;
    system.logger = &logger;
    int error = hws_system_new(&system, &side->system, message, sizeof message);
    if (!error)
        error = hws_loop_attach(side->system, loop);
    if (!error)
        error = hws_start(side->system, message, sizeof message);
    if (!error)
        error =
            hws_after(side->system, options->duration + GRACE, on_watchdog, side, &side->watchdog);
    return error ? failed(side, "can't start a system", error, message) : FLOOR_OK;
}

enum floor_outcome bench_side_spawn(struct bench_side *side, const char *name,
                                    const struct hws_actor_ops *ops, void *self,
                                    struct hws_pid **out)
{
    int error = hws_spawn_named(side->system, name, ops, self, out);
    return error ? failed(side, "can't spawn an actor", error, "") : FLOOR_OK;
}

static void check(struct bench_side *side)
{
    struct hws_system_statistics statistics;

    hws_system_statistics(side->system, &statistics);
    for (int i = 0; i < HWS_REASON_COUNT && side->outcome == FLOOR_OK; i++)
        if (statistics.dead_letters_by_reason[i])
            side->outcome = floor_fail("%llu messages became dead letters: %s",
                                       (unsigned long long)statistics.dead_letters_by_reason[i],
                                       hws_reason_sentence(i));
}

enum floor_outcome bench_side_run(struct bench_side *side)
{
    int error = hws_loop_run(side->system);
    if (error)
        bench_side_fail(side, "can't run the loop: %s", hws_strerror(error));
    side->watchdog = NULL;
    check(side);
    bench_side_free(side);
    return side->outcome;
}

static void stop(void *data)
{
    struct bench_side *side = data;
    hws_timer_cancel(side->watchdog);
    side->watchdog = NULL;
    hws_stop(side->system, "done", HWS_NEVER);
}

void bench_side_finish(struct bench_side *side)
{
    if (hws_after(side->system, FAREWELL, stop, side, NULL))
        stop(side);
}

void bench_side_fail(struct bench_side *side, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (side->outcome == FLOOR_OK)
        side->outcome = floor_fail("%s", text);
    hws_timer_cancel(side->watchdog);
    side->watchdog = NULL;
    hws_stop(side->system, "failed", 0);
}

void bench_side_free(struct bench_side *side)
{
    hws_system_free(side->system);
    side->system = NULL;
}

/* --- the socket pair --- */

static bool move_all(int fd, char *bytes, size_t size, bool out)
{
    while (size > 0) {
        ssize_t moved = out ? write(fd, bytes, size) : read(fd, bytes, size);
        if (moved == 0 || (moved < 0 && errno != EINTR))
            return false;
        bytes += moved > 0 ? moved : 0;
        size -= moved > 0 ? (size_t)moved : 0;
    }
    return true;
}

enum floor_outcome bench_tell(int fd, const char *text)
{
    char copy[512];
    uint32_t size = (uint32_t)snprintf(copy, sizeof copy, "%s", text);

    return move_all(fd, (char *)&size, sizeof size, true) && move_all(fd, copy, size, true)
               ? FLOOR_OK
               : FLOOR_CUT;
}

enum floor_outcome bench_hear(int fd, char *text, size_t capacity)
{
    uint32_t size;

    if (!move_all(fd, (char *)&size, sizeof size, false) || size >= capacity ||
        !move_all(fd, text, size, false))
        return FLOOR_CUT;
    text[size] = 0;
    return FLOOR_OK;
}

/* --- payloads --- */

struct hws_slice bench_payload(size_t size)
{
    uint8_t *bytes = malloc(size + 5);
    size_t header = size < 256 ? 2 : size < 65536 ? 3 : 5;

    if (!bytes) {
        floor_fail("out of memory");
        return (struct hws_slice){ 0 };
    }
    bytes[0] = size < 256 ? 0xc4 : size < 65536 ? 0xc5 : 0xc6;
    for (size_t i = 1; i < header; i++)
        bytes[i] = (uint8_t)(size >> 8 * (header - 1 - i));
    memset(bytes + header, BENCH_FILL, size);
    return hws_slice_of(bytes, header + size);
}

struct hws_slice bench_content(struct hws_slice payload)
{
    size_t header = payload.data[0] == 0xc4   ? 2
                    : payload.data[0] == 0xc5 ? 3
                    : payload.data[0] == 0xc6 ? 5
                                              : payload.size;
    return header > payload.size ? (struct hws_slice){ 0 }
                                 : hws_slice_of(payload.data + header, payload.size - header);
}
