/* SPDX-License-Identifier: MIT */
/*
 * What fuzz_system.c gives its system: memory that is counted, time that stands still until it is moved, and a transport whose links
 * the fuzzer holds the other ends of. Nothing moves by itself.
 */
#ifndef HAWSER_FUZZ_HOST_H
#define HAWSER_FUZZ_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hawser/hawser.h"

#define LINKS 6
#define OUTPUT_MOST 65536u

static void require(bool condition)
{
    if (!condition)
        abort();
}

static size_t held;

static void *reallocate(struct hws_allocator *allocator, void *block, size_t old_size,
                        size_t new_size)
{
    (void)allocator;
    held += new_size - old_size;
    if (new_size)
        return realloc(block, new_size);
    free(block);
    return NULL;
}
static struct hws_allocator allocator = { reallocate };

static uint64_t now;

static uint64_t tell_now(struct hws_clock *clock)
{
    (void)clock;
    return now;
}
static struct hws_clock manual = { tell_now };

struct link {
    struct hws_link base; /* first */
    bool used, dialed, opened, closing, full;
    size_t takes; /* bytes a write takes at most */
    uint8_t output[OUTPUT_MOST];
    size_t output_size;
};
static struct link links[LINKS];
static struct hws_listener_handler *accepting;
static struct hws_listener listening;

static int link_write(struct hws_link *base, const struct hws_slice *slices, size_t count,
                      size_t *taken)
{
    struct link *link = (struct link *)base;
    *taken = 0;
    for (size_t i = 0; i < count; i++) {
        size_t room = link->takes - *taken < slices[i].size ? link->takes - *taken : slices[i].size;
        size_t kept =
            OUTPUT_MOST - link->output_size < room ? OUTPUT_MOST - link->output_size : room;
        memcpy(link->output + link->output_size, slices[i].data,
               kept); /* what comes after that, nobody reads */
        link->output_size += kept;
        *taken += room;
        if (room < slices[i].size) {
            link->full = true;
            return 0;
        }
    }
    return 0;
}

static void link_close(struct hws_link *base)
{
    ((struct link *)base)->closing = true;
}
static const struct hws_link_ops link_ops = { link_write, link_close };

static struct link *link_new(bool dialed)
{
    for (size_t i = 0; i < LINKS; i++)
        if (!links[i].used) {
            links[i].base = (struct hws_link){ .ops = &link_ops, .peer = "fuzz" };
            links[i].used = true;
            links[i].dialed = dialed;
            links[i].opened = !dialed;
            links[i].closing = links[i].full = false;
            links[i].takes = SIZE_MAX;
            links[i].output_size = 0;
            return &links[i];
        }
    return NULL;
}

static void listener_close(struct hws_listener *listener)
{
    (void)listener;
    accepting = NULL;
}
static const struct hws_listener_ops listener_ops = { listener_close };

static int do_listen(struct hws_transport *transport, const char *address,
                     struct hws_listener_handler *handler, struct hws_listener **out, char *detail,
                     size_t capacity)
{
    (void)transport;
    (void)detail;
    (void)capacity;
    accepting = handler;
    listening = (struct hws_listener){ .ops = &listener_ops, .address = address };
    *out = &listening;
    return 0;
}

static int do_dial(struct hws_transport *transport, const char *address,
                   struct hws_link_handler *handler, struct hws_link **out, char *detail,
                   size_t capacity)
{
    struct link *link = link_new(true);
    (void)transport;
    (void)address;
    if (!link) {
        snprintf(detail, capacity, "no link is free");
        return HWS_ENOMEM;
    }
    link->base.handler = handler;
    *out = &link->base;
    return 0;
}

static void do_release(struct hws_transport *transport)
{
    (void)transport;
}
static const struct hws_transport_ops transport_ops = { "fuzz", do_listen, do_dial, do_release,
                                                        NULL };
static struct hws_transport transport = { &transport_ops };

#endif
