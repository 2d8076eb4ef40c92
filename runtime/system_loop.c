/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "system_loop.h"

#include "loop/driver.h"
#include "transport/sockets.h"
#include "transport/tcp.h"
#include "transport/unix.h"

/* What is attached: a driver, and the sockets on its loop. Gone with the driver. */
struct attached {
    struct hwsi_driver *driver;
    struct hwsi_sockets *sockets;
    struct hws_allocator *allocator;
};

static void on_transport_released(void *data)
{
    hwsi_driver_release(data);
}

static void on_sockets_gone(void *data)
{
    hwsi_driver_leave(data);
}

/* The system has stopped: no link and no listener is left, but some may linger. */
static void on_stopped(void *data)
{
    struct attached *attached = data;
    struct hws_allocator *allocator = attached->allocator;
    if (attached->sockets)
        hwsi_sockets_close(attached->sockets, on_sockets_gone, attached->driver);
    allocator->reallocate(allocator, attached, sizeof *attached, 0);
}

typedef int (*transport_new)(struct hwsi_sockets *sockets, void (*released)(void *data), void *data,
                             struct hws_transport **out);

static int add_transport(struct hws_system *system, struct attached *attached, transport_new make)
{
    struct hws_transport *transport;
    int error = make(attached->sockets, on_transport_released, attached->driver, &transport);
    if (error)
        return error;
    hwsi_driver_hold(attached->driver);
    return hws_add_transport(system, transport);
}

/* The driver, with the sockets on its loop. */
static int attach_new(struct hws_system *system, struct uv_loop_s *loop, struct attached **out)
{
    struct hws_allocator *allocator = hws_system_options(system)->allocator;
    struct attached *attached = allocator->reallocate(allocator, NULL, 0, sizeof *attached);
    int error;
    if (!attached)
        return HWS_ENOMEM;
    *attached = (struct attached){ .allocator = allocator };
    error = hwsi_driver_new(system, allocator, loop, on_stopped, attached, &attached->driver);
    if (error) {
        allocator->reallocate(allocator, attached, sizeof *attached, 0);
        return error;
    }
    hwsi_driver_join(attached->driver);
    error = hwsi_sockets_new(allocator, attached->driver->loop, &attached->sockets);
    if (error) {
        struct hwsi_driver *driver = attached->driver;
        hwsi_driver_leave(driver);
        hwsi_driver_stop(driver); /* frees `attached` */
        hwsi_driver_release(driver);
        return error;
    }
    *out = attached;
    return 0;
}

int hws_loop_attach(struct hws_system *system, struct uv_loop_s *loop)
{
    struct attached *attached;
    struct hwsi_driver *driver;
    int error;
    if (*hwsi_system_driver(system))
        return HWS_ESTATE;
    error = attach_new(system, loop, &attached);
    if (error)
        return error;
    driver = attached->driver;
    error = add_transport(system, attached, hwsi_tcp_new);
    if (!error)
        error = add_transport(system, attached, hwsi_unix_new);
    if (error)
        hwsi_driver_stop(driver);
    else
        *hwsi_system_driver(system) = driver;
    hwsi_driver_release(driver); /* the transports hold it from here on */
    return error;
}

int hws_loop_run(struct hws_system *system)
{
    struct hwsi_driver *driver = *hwsi_system_driver(system);
    return driver ? hwsi_driver_run(driver) : HWS_ESTATE;
}

struct uv_loop_s *hws_loop_of(struct hws_system *system)
{
    struct hwsi_driver *driver = *hwsi_system_driver(system);
    return driver ? driver->loop : NULL;
}

bool hwsi_loop_finish(struct hws_system *system)
{
    struct hwsi_driver *driver = *hwsi_system_driver(system);
    if (!driver || !driver->owns_loop || driver->busy || driver->open == 0)
        return false;
    hwsi_driver_run(driver);
    return true;
}
