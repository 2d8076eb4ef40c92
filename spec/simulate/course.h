/* SPDX-License-Identifier: MIT */
/* A world from its first second to its last: traffic and faults, then calm, in which all is connected and accounted for, and the end. */
#ifndef HAWSER_SPEC_SIMULATE_COURSE_H
#define HAWSER_SPEC_SIMULATE_COURSE_H

#include "world.h"

/* False: world->violation says what was not as promised. */
bool course_run(struct world *world);

#endif
