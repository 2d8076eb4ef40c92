/* SPDX-License-Identifier: MIT */
/*
 * Walks msgpack values of which only the end is wanted: what hws_value_check() is made of. Bounded:
 * it keeps 64 numbers, believes no count that the bytes left can not hold, passes each byte once.
 */
#ifndef HAWSER_WIRE_VALUE_H
#define HAWSER_WIRE_VALUE_H

#include "hawser/core.h"

/* Arrays and maps around the innermost value. A 65th is refused, also when it is empty. */
#define HWSI_VALUE_DEPTH_MAX 64u

/*
 * Passes `count` values from the start of `bytes`; *skipped is their size together. HWS_EDECODE:
 * one is cut short, too deep, or has a token that starts with 0xc1, which msgpack does not use.
 */
int hwsi_value_skip(struct hws_slice bytes, size_t count, size_t *skipped);

#endif
