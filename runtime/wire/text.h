/* SPDX-License-Identifier: MIT */
/*
 * What may stand in a frame for people to read: ids, senders, types, addresses, names. Checked
 * where it comes in; a reference to a symbol names text that was checked when it was defined.
 */
#ifndef HAWSER_WIRE_TEXT_H
#define HAWSER_WIRE_TEXT_H

#include "hawser/core.h"

/* HWSI_TEXT_WORD: no space either. HWSI_TEXT_NAME: only [A-Za-z0-9_.-]. */
enum hwsi_text_class { HWSI_TEXT_PRINTABLE, HWSI_TEXT_WORD, HWSI_TEXT_NAME };

/*
 * 1 to `most` bytes of well-formed UTF-8 (shortest forms, no surrogates, up to U+10FFFF) without the
 * control characters U+0000 to U+001F and U+007F to U+009F.
 */
bool hwsi_text_valid(struct hws_slice text, size_t most, enum hwsi_text_class class_);

#endif
