/* SPDX-License-Identifier: MIT */
/* Watches: exactly one Terminated each, in its place, near and far. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

struct seen {
    unsigned terminated, users, users_before;
    uint16_t reason;
};

static int receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct seen *seen = data;
    (void)context;
    if (message->kind == HWS_MESSAGE_user)
        seen->users++;
    if (message->kind == HWS_MESSAGE_terminated) {
        seen->terminated++;
        seen->reason = message->reason;
        seen->users_before = seen->users;
    }
    return 0;
}
static const struct hws_actor_ops ops = { .receive = receive };

struct pair {
    struct rig rig;
    struct seen watcher, target;
    struct hws_pid *watching, *watched, *far;
};

static int setup(void **state)
{
    static struct pair pair;
    memset(&pair, 0, sizeof pair);
    rig_start_default(&pair.rig);
    assert_int_equal(
        hws_spawn_named(pair.rig.system, "watcher", &ops, &pair.watcher, &pair.watching), 0);
    assert_int_equal(hws_spawn_named(pair.rig.system, "target", &ops, &pair.target, &pair.watched),
                     0);
    pair.far = rig_pid(&pair.rig, RIG_PEER "/far");
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    hws_pid_release(p->watching);
    hws_pid_release(p->watched);
    hws_pid_release(p->far);
    rig_end(&p->rig);
    return 0;
}

static void stop(struct pair *p, struct hws_pid *pid)
{
    assert_int_equal(hws_stop_actor(p->rig.system, pid), 0);
    rig_turn(&p->rig);
}

static void test_one_terminated(void **state)
{
    struct pair *p = *state;
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0);
    rig_turn(&p->rig);
    assert_int_equal(rig_count(&p->rig, HWS_EVENT_Watch), 1);
    stop(p, p->watched);
    assert_int_equal(p->watcher.terminated, 1);
    assert_int_equal(p->watcher.reason, HWS_TERMINATED_stopped);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0); /* it is dead already */
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 2);
    assert_int_equal(p->watcher.reason, HWS_TERMINATED_not_found);
}

static void test_unwatch(void **state)
{
    struct pair *p = *state;
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0);
    assert_int_equal(hws_unwatch(p->rig.system, p->watching, p->watched), 0);
    assert_int_equal(hws_unwatch(p->rig.system, p->watching, p->watched), 0);
    stop(p, p->watched);
    assert_int_equal(p->watcher.terminated, 0);
}

/* Terminated is in the mailbox already. */
static void test_unwatch_while_under_way(void **state)
{
    struct pair *p = *state;
    rig_turn(&p->rig);
    stop(p, p->watched);
    rig_send(&p->rig, "watcher");
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0);
    rig_send(&p->rig, "watcher");
    assert_int_equal(hws_unwatch(p->rig.system, p->watching, p->watched), 0);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 0);
    assert_int_equal(p->watcher.users, 2);
}

/* One Terminated is under way, and the name lives and is watched again: unwatch takes both. */
static void test_unwatch_takes_an_older_one_too(void **state)
{
    struct pair *p = *state;
    rig_turn(&p->rig);
    stop(p, p->watched);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0); /* told: not_found */
    assert_int_equal(hws_spawn_named(p->rig.system, "target", &ops, &p->target, NULL), 0);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0);
    assert_int_equal(hws_unwatch(p->rig.system, p->watching, p->watched), 0);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 0);
}

static void test_watcher_stops_first(void **state)
{
    struct pair *p = *state;
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), 0);
    stop(p, p->watching);
    stop(p, p->watched);
    assert_int_equal(p->watcher.terminated, 0);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watched), HWS_ENOTFOUND);
    assert_int_equal(hws_unwatch(p->rig.system, p->watching, p->watched), HWS_ENOTFOUND);
    assert_int_equal(hws_watch(p->rig.system, p->far, p->watched), HWS_EINVAL);
    assert_int_equal(hws_unwatch(p->rig.system, p->far, p->watched), HWS_EINVAL);
}

static void test_self_watch(void **state)
{
    struct pair *p = *state;
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->watching), 0);
    stop(p, p->watching);
    assert_int_equal(p->watcher.terminated, 0);
}

/* What the target sent before it stopped comes first, near and far. */
static void test_terminated_waits_for_messages(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("watcher") },
                                    .payload = rig_value() };
    struct rig_link *link = rig_connect(&p->rig, &peer);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->far), 0);
    rig_turn(&p->rig);
    rig_system(link, HWSI_SYSTEM_TERMINATED, "watcher", "far", HWS_TERMINATED_stopped,
               2); /* the system lane overtook */
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 0);
    rig_deliver(link, &deliver);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 0);
    rig_deliver(link, &deliver);
    rig_deliver(link, &deliver);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 1);
    assert_int_equal(p->watcher.users, 3);
    assert_true(p->watcher.users_before >= 2);
    rig_system(link, HWSI_SYSTEM_TERMINATED, "watcher", "far", HWS_TERMINATED_stopped,
               0); /* twice is once */
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 1);
}

static void test_unwatch_while_it_waits(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("watcher") },
                                    .payload = rig_value() };
    struct rig_link *link = rig_connect(&p->rig, &peer);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->far), 0);
    rig_turn(&p->rig);
    rig_system(link, HWSI_SYSTEM_TERMINATED, "watcher", "far", HWS_TERMINATED_stopped, 1);
    assert_int_equal(hws_unwatch(p->rig.system, p->watching, p->far), 0);
    rig_deliver(link, &deliver);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 0);
    assert_int_equal(p->watcher.users, 1);
}

/* What its actor said last may still come over the next association, after this: so it is not told as stopped or failed. */
static void test_waits_and_the_peer_goes(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct rig_link *link = rig_connect(&p->rig, &peer);
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->far), 0);
    rig_turn(&p->rig);
    rig_system(link, HWSI_SYSTEM_TERMINATED, "watcher", "far", HWS_TERMINATED_failed,
               UINT64_MAX); /* it lies */
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 0);
    assert_int_equal(hws_close_endpoint(p->rig.system, RIG_PEER, "enough"), 0);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 1);
    assert_int_equal(p->watcher.reason, HWS_TERMINATED_address_terminated);
}

static void test_far_watcher(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hwsi_system_message said;
    struct rig_link *link = rig_connect(&p->rig, &peer);
    rig_system(link, HWSI_SYSTEM_WATCH, "target", "far", 0, 0);
    rig_system(link, HWSI_SYSTEM_WATCH, "target", "far", 0, 0);
    rig_system(link, HWSI_SYSTEM_WATCH, "nobody", "far", 0, 0);
    rig_turn(&p->rig);
    assert_int_equal(hwsi_system_message_decode(rig_expect(link, HWSI_FRAME_SYSTEM), &said), 0);
    assert_int_equal(said.code, HWSI_SYSTEM_TERMINATED);
    assert_int_equal(said.reason, HWS_TERMINATED_not_found);
    rig_send(&p->rig, RIG_PEER "/far");
    stop(p, p->watched);
    assert_int_equal(hwsi_system_message_decode(rig_expect(link, HWSI_FRAME_SYSTEM), &said), 0);
    assert_int_equal(said.reason, HWS_TERMINATED_stopped);
    assert_int_equal(said.number, 1); /* behind the one message */
    assert_memory_equal(said.target.data, "far", 3);
    assert_memory_equal(said.sender.data, "target", 6);
    struct hws_slice body;
    for (int kind; (kind = rig_frame(link, &body)) >= 0;)
        assert_int_not_equal(kind, HWSI_FRAME_SYSTEM);
}

/* A peer whose messages find nobody does not end its own association by the notices of that. */
static void test_dead_letters_leave_room(void **state)
{
    static struct rig rig;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_options options;
    struct hws_pid *target;
    struct seen seen = { 0 };
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig_options(&rig, &options);
    options.endpoint_writer_queue_size = 10;
    rig_start(&rig, &options);
    assert_int_equal(hws_spawn_named(rig.system, "target", &ops, &seen, &target), 0);
    struct rig_link *link = rig_connect(&rig, &peer);
    rig_system(link, HWSI_SYSTEM_WATCH, "target", "far", 0, 0);
    for (int i = 0; i < 30; i++)
        rig_deliver(link, &(struct hwsi_deliver){ .target = { .text = hws_slice_text("nobody") },
                                                  .sender = { .text = hws_slice_text("far") },
                                                  .payload = rig_value() });
    rig_turn(&rig);
    assert_int_equal(hws_stop_actor(rig.system, target), 0);
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_connected);
    hws_pid_release(target);
    rig_end(&rig);
}

static void test_far_unwatch_and_stop(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_slice body;
    struct rig_link *link = rig_connect(&p->rig, &peer);
    rig_system(link, HWSI_SYSTEM_WATCH, "target", "far", 0, 0);
    rig_system(link, HWSI_SYSTEM_UNWATCH, "target", "far", 0, 0);
    rig_system(link, HWSI_SYSTEM_UNWATCH, "target", "far", 0, 0);
    rig_system(link, HWSI_SYSTEM_STOP, "target", NULL, 0, 0);
    rig_system(link, HWSI_SYSTEM_STOP, "nobody", NULL, 0, 0);
    rig_turn(&p->rig);
    assert_int_equal(rig_count(&p->rig, HWS_EVENT_ActorStopped), 1);
    for (int kind; (kind = rig_frame(link, &body)) >= 0;)
        assert_int_not_equal(kind, HWSI_FRAME_SYSTEM);
}

/* The watched one's system restarts twice; the watch that waited for the first new one must not be lost with the second. */
static void test_restarts_in_a_row(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct hws_pid *other = rig_pid(&p->rig, RIG_PEER "/other");
    struct rig_link *link = rig_connect_in(&p->rig, &peer);
    for (int i = 0; i < 5; i++)
        assert_int_equal(hws_stop_actor(p->rig.system, other), 0); /* numbers of the system lane */
    rig_turn(&p->rig);
    link->most = 0;
    rig_send(&p->rig, RIG_PEER "/x");
    rig_turn(&p->rig); /* now it is not writable */
    assert_int_equal(hws_watch(p->rig.system, p->watching, p->far), 0);
    rig_turn(&p->rig);
    peer = rig_peer(78, 6);
    rig_connect_in(&p->rig, &peer);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated,
                     0); /* it was never written to the old one: it holds for the new one */
    peer = rig_peer(79, 7);
    rig_connect_in(&p->rig, &peer);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, 1);
    assert_int_equal(p->watcher.reason, HWS_TERMINATED_restarted);
    hws_pid_release(other);
}

/* All watched actors of a peer end at once: no walk over all watches for each. */
static void test_many_watches(void **state)
{
    struct pair *p = *state;
    struct hwsi_hello peer = rig_peer(77, 5);
    struct rig_link *link = rig_connect(&p->rig, &peer);
    enum { MANY = 20000 };
    char name[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, RIG_PEER "/%d", i);
        struct hws_pid *pid = rig_pid(&p->rig, name);
        assert_int_equal(hws_watch(p->rig.system, p->watching, pid), 0);
        hws_pid_release(pid);
    }
    rig_turn(&p->rig);
    for (int i = MANY; i--;) {
        snprintf(name, sizeof name, "%d", i);
        rig_system(link, HWSI_SYSTEM_TERMINATED, "watcher", name, HWS_TERMINATED_stopped, 1);
    }
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("watcher") },
                                    .payload = rig_value() };
    rig_deliver(link, &deliver);
    rig_turn(&p->rig);
    assert_int_equal(p->watcher.terminated, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_terminated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwatch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwatch_while_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwatch_takes_an_older_one_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watcher_stops_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_self_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_terminated_waits_for_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwatch_while_it_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_and_the_peer_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_far_watcher, setup, teardown),
        cmocka_unit_test(test_dead_letters_leave_room),
        cmocka_unit_test_setup_teardown(test_far_unwatch_and_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restarts_in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_watches, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
