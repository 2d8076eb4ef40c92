/* SPDX-License-Identifier: MIT */
/* The whole public API. Start with hawser/system.h. */
#ifndef HAWSER_H
#define HAWSER_H

#include "hawser/actor.h"
#include "hawser/core.h"
#include "hawser/error.h"
#include "hawser/event.h"
#include "hawser/loop.h"
#include "hawser/loopback.h"
#include "hawser/message.h"
#include "hawser/options.h"
#include "hawser/policy.h"
#include "hawser/remote.h"
#include "hawser/service.h"
#include "hawser/snapshot.h"
#include "hawser/system.h"
#include "hawser/transport.h"

#endif
