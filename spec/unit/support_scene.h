/* SPDX-License-Identifier: MIT */
/* Two machines of a loopback without systems, "left" and "right": raw links between them. */
#ifndef HAWSER_SPEC_SUPPORT_SCENE_H
#define HAWSER_SPEC_SUPPORT_SCENE_H

#include "support_transport.h"
#include "transport/network.h"

struct scene {
    struct bench *bench;
    struct hws_loopback *loopback;
    struct hwsi_seat *left, *right;
    struct host host;      /* right's, on "beta:1" */
    struct peer near, far; /* scene_dial() makes left's dial, and right's end of it */
};

void scene_open(struct bench *bench, struct hws_loopback_options options, struct scene *scene);
void scene_dial(struct scene *scene);
void scene_close(struct scene *scene);
uint64_t scene_now(struct scene *scene);

#endif
