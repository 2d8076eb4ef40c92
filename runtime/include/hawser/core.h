/* SPDX-License-Identifier: MIT */
/*
 * The small things everything else is made of: slices, the three environment hooks (allocator, clock, log), buffers.
 * A host that wants its own memory, its own time or its own log gives them in struct hws_options; nothing here is global.
 */
#ifndef HAWSER_CORE_H
#define HAWSER_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hawser/error.h"

/* Borrowed bytes. Who owns them, and for how long they stay, is said where a slice is handed over. */
struct hws_slice {
    const uint8_t *data;
    size_t size;
};

HWS_API struct hws_slice hws_slice_of(const void *data, size_t size);
HWS_API struct hws_slice hws_slice_text(const char *text); /* without the terminating 0 */

/*
 * Memory. `reallocate` has realloc's contract with the old size told (0 for a new block); a size of 0 frees and returns
 * NULL. Returning NULL for a size above 0 is out of memory: the call that needed it fails with HWS_ENOMEM and nothing is
 * changed. Called on the system's thread only, except by hws_post() and hws_snapshot_release(). The struct must outlive the system and every handle
 * (PID, atom, subscription, snapshot) taken from it.
 */
struct hws_allocator {
    void *(*reallocate)(struct hws_allocator *allocator, void *block, size_t old_size,
                        size_t new_size);
};
HWS_API struct hws_allocator *hws_default_allocator(void); /* malloc; any thread */

/* Time in nanoseconds that never goes back; its zero is arbitrary. A virtual clock makes a system run in virtual time. */
struct hws_clock {
    uint64_t (*now)(struct hws_clock *clock);
};
HWS_API struct hws_clock *hws_monotonic_clock(void); /* CLOCK_MONOTONIC; any thread */

#define HWS_NEVER UINT64_MAX
#define HWS_MICROSECOND UINT64_C(1000)
#define HWS_MILLISECOND UINT64_C(1000000)
#define HWS_SECOND UINT64_C(1000000000)

/* X(name) in rising severity */
#define HWS_LOG_LEVELS(X) X(debug) X(info) X(warning) X(error)
enum hws_log_level {
#define X(name) HWS_LOG_##name,
    HWS_LOG_LEVELS(X)
#undef X
};
/* One line without a newline, valid during the call. The library itself prints nothing: without a logger, logs go nowhere. */
struct hws_logger {
    void (*write)(struct hws_logger *logger, enum hws_log_level level, const char *line);
};

/*
 * A reference-counted block of bytes: what a link reads into, and what a message's payload lives in. Count changes are not
 * atomic: one thread a system. `data` stays where it is for the buffer's life.
 */
struct hws_buffer {
    uint8_t *data;
    size_t capacity;
    size_t size; /* bytes written so far */
    uint32_t refs;
    uint32_t pooled; /* internal: size class */
    void *owner;     /* internal: pool */
};
HWS_API void hws_buffer_retain(struct hws_buffer *buffer);
HWS_API void hws_buffer_release(struct hws_buffer *buffer); /* NULL is fine */

/*
 * Is `value` exactly one well-formed msgpack value, nested at most 64 deep? 0, or HWS_EDECODE. Allocates nothing, reads each
 * byte at most once, trusts no count. Any thread.
 */
HWS_API int hws_value_check(struct hws_slice value);

#endif
