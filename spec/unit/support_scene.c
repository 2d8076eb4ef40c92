/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_scene.h"

void scene_open(struct bench *bench, struct hws_loopback_options options, struct scene *scene)
{
    *scene = (struct scene){ .bench = bench };
    options.allocator = &bench->allocator;
    assert_int_equal(hws_loopback_new(&options, &scene->loopback), 0);
    assert_int_equal(hwsi_seat_new(scene->loopback, "left", NULL, &scene->left), 0);
    assert_int_equal(hwsi_seat_new(scene->loopback, "right", NULL, &scene->right), 0);
    peer_init(&scene->near);
    host_init(&scene->host, &scene->far, 1);
    host_listen(bench, &scene->right->transport, "beta:1", &scene->host);
}

void scene_dial(struct scene *scene)
{
    peer_dial(scene->bench, &scene->left->transport, "beta:1", &scene->near);
    assert_true(hws_loopback_run_until(scene->loopback, peer_is_open, &scene->near, HWS_SECOND));
}

void scene_close(struct scene *scene)
{
    if (scene->near.link)
        scene->near.link->ops->close(scene->near.link);
    if (scene->far.link)
        scene->far.link->ops->close(scene->far.link);
    if (scene->host.listener)
        scene->host.listener->ops->close(scene->host.listener);
    while (hws_loopback_step(scene->loopback))
        ;
    scene->left->transport.ops->release(&scene->left->transport);
    scene->right->transport.ops->release(&scene->right->transport);
    hws_loopback_free(scene->loopback);
    peer_free(&scene->near);
    peer_free(&scene->far);
}

uint64_t scene_now(struct scene *scene)
{
    struct hws_clock *clock = hws_loopback_clock(scene->loopback);
    return clock->now(clock);
}
