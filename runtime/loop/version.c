/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <uv.h>

#include "hawser/loop.h"

const char *hws_libuv_version(void)
{
    return uv_version_string();
}
