/* SPDX-License-Identifier: MIT */
/*
 * What other threads may do, without a lock: a stack of posts that the turn takes whole, and a wake-up. `wakers` counts who is
 * inside the wake-up, so that a driver that leaves can wait for them; a signal handler in between is always short.
 */
#include <sched.h>
#include <string.h>

#include "system_private.h"

#define POSTS_MOST 65536u

static void wake(struct hws_system *system)
{
    atomic_fetch_add(&system->wakers, 1);
    void (*fn)(void *) = atomic_load(&system->wake);
    if (fn)
        fn(atomic_load(&system->wake_data));
    atomic_fetch_sub(&system->wakers, 1);
}

void hws_on_wake(struct hws_system *system, void (*fn)(void *data), void *data)
{
    atomic_store(&system->wake, NULL);
    while (atomic_load(&system->wakers))
        sched_yield();
    atomic_store(&system->wake_data, data);
    atomic_store(&system->wake, fn);
}

void hws_wake_from_any_thread(struct hws_system *system)
{
    wake(system);
}

int hws_post(struct hws_system *system, const char *target, struct hws_slice payload)
{
    struct hws_allocator *allocator = system->options.allocator;
    size_t target_size = strlen(target);
    size_t size = sizeof(struct hwsi_post) + target_size + payload.size;
    if (payload.size > system->options.max_frame_size)
        return HWS_ETOOLARGE;
    if (target_size > HWS_ADDRESS_MAX + HWS_ID_MAX + 128)
        return HWS_EADDRESS;
    if (hws_value_check(payload))
        return HWS_EENCODE;
    if (atomic_fetch_add(&system->post_count, 1) >= POSTS_MOST) {
        atomic_fetch_sub(&system->post_count, 1);
        return HWS_EFULL;
    }
    struct hwsi_post *post = allocator->reallocate(allocator, NULL, 0, size);
    if (!post) {
        atomic_fetch_sub(&system->post_count, 1);
        return HWS_ENOMEM;
    }
    *post = (struct hwsi_post){ .size = size,
                                .target_size = target_size,
                                .payload_size = payload.size };
    memcpy(post->bytes, target, target_size);
    memcpy(post->bytes + target_size, payload.data, payload.size);
    post->next = atomic_load(&system->posts);
    while (!atomic_compare_exchange_weak(&system->posts, &post->next, post))
        ;
    wake(system);
    return 0;
}

static struct hwsi_post *take_all(struct hws_system *system)
{
    struct hwsi_post *newest = atomic_exchange(&system->posts, NULL), *oldest = NULL;
    while (newest) {
        struct hwsi_post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void post_free(struct hws_system *system, struct hwsi_post *post)
{
    atomic_fetch_sub(&system->post_count, 1);
    system->options.allocator->reallocate(system->options.allocator, post, post->size, 0);
}

void hwsi_posts_deliver(struct hws_system *system)
{
    struct hwsi_post *post = take_all(system), *next;
    for (; post; post = next) {
        struct hws_slice target = { post->bytes, post->target_size };
        struct hws_pid *pid;
        next = post->next;
        if (hwsi_pid_parse(system->local.names, target, &pid) == 0) {
            hws_send(system, pid,
                     &(struct hws_message){
                         .payload = { post->bytes + post->target_size, post->payload_size } });
            hwsi_pid_release(pid);
        } else {
            hwsi_letter(&system->local, system->local.root,
                        &(struct hws_message){
                            .payload = { post->bytes + post->target_size, post->payload_size } },
                        HWS_REASON_not_found);
        }
        post_free(system, post);
    }
}

void hwsi_posts_free(struct hws_system *system)
{
    struct hwsi_post *post = take_all(system), *next;
    for (; post; post = next) {
        next = post->next;
        post_free(system, post);
    }
}

void hws_stop_from_any_thread(struct hws_system *system)
{
    atomic_store(&system->stop_asked, true);
    wake(system);
}
