/* SPDX-License-Identifier: MIT */
/*
 * One msgpack value of type bin or str, written and read by msgpack-c in its cheapest safe way: the
 * reader is msgpack-c's parser template with callbacks, which checks every length against the bytes
 * it was given and makes no objects. It answers a slice of those bytes, and allocates nothing.
 */
#ifndef HAWSER_BENCH_FLOOR_VALUE_H
#define HAWSER_BENCH_FLOOR_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that a value's header takes. */
#define FLOOR_VALUE_OVERHEAD 5u

/* Writes a bin; answers the bytes written, at most size + FLOOR_VALUE_OVERHEAD. */
size_t floor_value_write(uint8_t *at, const char *bytes, size_t size);

/* False: the bytes are not exactly one value, or it is of another type. */
bool floor_value_read(const uint8_t *at, size_t length, const char **bytes, size_t *size);

#endif
