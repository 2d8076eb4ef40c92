/* SPDX-License-Identifier: MIT */
/* Small text helpers: globs, names, bounded formatting. */
#ifndef HAWSER_BASE_TEXT_H
#define HAWSER_BASE_TEXT_H

#include "hawser/core.h"

/* '*' any run, '?' one byte; everything else is itself. */
bool hwsi_glob(const char *pattern, const char *text);
/* Copies with a terminating 0, cut to `capacity`. */
void hwsi_text_copy(char *out, size_t capacity, const char *text);
/* The same of bytes that may come from anywhere: what is not printable ASCII becomes '?'. */
void hwsi_text_printable(char *out, size_t capacity, struct hws_slice bytes);
/* Appends to a text of *used bytes like snprintf and counts what it would have needed. */
__attribute__((format(printf, 4, 5))) void hwsi_text_append(char *out, size_t capacity,
                                                            size_t *used, const char *format, ...);
/* Sets `out` (may be NULL) to a formatted text, cut to `capacity`. */
__attribute__((format(printf, 3, 4))) void hwsi_say(char *out, size_t capacity, const char *format,
                                                    ...);

#endif
