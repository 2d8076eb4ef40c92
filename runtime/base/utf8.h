/* SPDX-License-Identifier: MIT */
/*
 * What may be an id, an address, a message's type, a system's name. One rule for who makes such a
 * text and for who receives it: a peer that gets anything else ends the link, so that what a system
 * lets its own actors choose must not be wider than what the wire takes.
 */
#ifndef HAWSER_BASE_UTF8_H
#define HAWSER_BASE_UTF8_H

#include "hawser/core.h"

/* HWSI_TEXT_WORD: no space either (ids, addresses). HWSI_TEXT_NAME: only [A-Za-z0-9_.-]. */
enum hwsi_text_class { HWSI_TEXT_PRINTABLE, HWSI_TEXT_WORD, HWSI_TEXT_NAME };

/*
 * 1 to `most` bytes of well-formed UTF-8 (shortest forms, no surrogates, up to U+10FFFF), without
 * the control characters U+0000 to U+001F and U+007F to U+009F.
 */
bool hwsi_text_valid(struct hws_slice text, size_t most, enum hwsi_text_class class_);

#endif
