/* SPDX-License-Identifier: MIT */
/* What goes wrong in a world. Some of it ends by itself, some is undone after a while, all of it by fault_end_all(). */
#ifndef HAWSER_SPEC_SIMULATE_FAULT_H
#define HAWSER_SPEC_SIMULATE_FAULT_H

#include "world.h"

const char *fault_name(enum fault_kind kind);
/* One fault, at random. */
void fault_strike(struct world *world);
/* Dead systems whose time has come start again, others' troubles end. */
void fault_mend(struct world *world);
void fault_end_all(struct world *world);

#endif
