/* SPDX-License-Identifier: MIT */
/* hawser/loop.h's descriptors of a host. */
#define _GNU_SOURCE
#include "hawser/loop.h"

#include <uv.h>

struct hws_poll {
    uv_poll_t handle; /* first: what libuv closes */
    void (*ready)(void *data);
    void *data;
};

/* An error on the descriptor is for its owner's next read to find. */
static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct hws_poll *poll = (struct hws_poll *)handle;
    (void)status;
    (void)events;
    poll->ready(poll->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct hws_allocator *allocator = hws_default_allocator();
    allocator->reallocate(allocator, handle, sizeof(struct hws_poll), 0);
}

int hws_loop_poll(struct uv_loop_s *loop, int descriptor, void (*ready)(void *data), void *data,
                  struct hws_poll **out)
{
    struct hws_allocator *allocator = hws_default_allocator();
    struct hws_poll *poll = allocator->reallocate(allocator, NULL, 0, sizeof *poll);
    if (!poll)
        return HWS_ENOMEM;
    *poll = (struct hws_poll){ .ready = ready, .data = data };
    if (uv_poll_init(loop, &poll->handle, descriptor) != 0) {
        allocator->reallocate(allocator, poll, sizeof *poll, 0);
        return HWS_EINVAL;
    }
    if (uv_poll_start(&poll->handle, UV_READABLE | UV_DISCONNECT, on_ready) != 0) {
        uv_close((uv_handle_t *)&poll->handle, on_closed);
        return HWS_EINVAL;
    }
    *out = poll;
    return 0;
}

int hws_poll_want(struct hws_poll *poll, bool reads, bool writes)
{
    int events = UV_DISCONNECT | (reads ? UV_READABLE : 0) | (writes ? UV_WRITABLE : 0);
    return uv_poll_start(&poll->handle, events, on_ready) == 0 ? 0 : HWS_EINVAL;
}

void hws_poll_free(struct hws_poll *poll)
{
    if (poll)
        uv_close((uv_handle_t *)&poll->handle, on_closed);
}
