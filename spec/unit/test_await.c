/* SPDX-License-Identifier: MIT */
/* hws_await_reconnect(): each way in which a wait ends, and that it ends once. */
#include "support_rig.h"

struct waiter {
    struct rig *rig;
    unsigned count;
    int status, again;
    uint64_t other; /* a wait that `done` cancels */
    bool asks_again;
};

static void done(void *data, int status)
{
    struct waiter *self = data;
    self->count++;
    self->status = status;
    if (self->other)
        assert_int_equal(hws_await_cancel(self->rig->system, self->other), 0);
    if (!self->asks_again)
        return;
    self->asks_again = false;
    self->again = hws_await_reconnect(self->rig->system, RIG_PEER, HWS_SECOND, done, self, NULL);
}

static uint64_t await(struct rig *rig, struct waiter *waiter, uint64_t timeout)
{
    uint64_t id;
    waiter->rig = rig;
    assert_int_equal(hws_await_reconnect(rig->system, RIG_PEER, timeout, done, waiter, &id), 0);
    assert_int_equal(waiter->count, 0); /* not from inside the call */
    return id;
}

static void ended(const struct waiter *waiter, int status)
{
    assert_int_equal(waiter->count, 1);
    assert_int_equal(waiter->status, status);
}

static void test_connects(void **state)
{
    struct rig rig;
    struct waiter before = { 0 }, then = { .asks_again = true }, cancelled = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    await(&rig, &before, HWS_SECOND);
    uint64_t id = await(&rig, &cancelled, HWS_SECOND);
    before.other = await(&rig, &cancelled, HWS_SECOND);
    assert_int_equal(hws_await_cancel(rig.system, id), 0);
    assert_int_equal(hws_await_cancel(rig.system, id), HWS_ENOTFOUND);
    rig_connect(&rig, &peer);
    rig_turn(&rig);
    ended(&before, 0);
    await(&rig, &then, HWS_SECOND); /* it is connected already */
    assert_int_equal(hws_next_turn(rig.system), 0);
    hws_turn(rig.system);
    assert_int_equal(then.count, 1); /* what `done` asks for is for the next turn */
    assert_int_equal(then.again, 0);
    rig_turn(&rig);
    assert_int_equal(then.count, 2);
    rig_pass(&rig, 2 * HWS_SECOND);
    assert_int_equal(then.count, 2);
    assert_int_equal(cancelled.count, 0);
    rig_end(&rig);
}

static void test_reconnects(void **state)
{
    struct rig rig;
    struct waiter waiter = { 0 };
    struct hwsi_hello peer = rig_peer(77, 5);
    (void)state;
    rig_start_default(&rig);
    rig_connect(&rig, &peer);
    assert_int_equal(hws_cut_link(rig.system, RIG_PEER), 0);
    await(&rig, &waiter, 60 * HWS_SECOND);
    rig_turn(&rig);
    assert_int_equal(waiter.count, 0);
    rig_pass(&rig, 300 * HWS_MILLISECOND);
    struct rig_link *link = rig_last(&rig);
    rig_open(link);
    struct hwsi_hello hello;
    assert_int_equal(hwsi_hello_decode(rig_expect(link, HWSI_FRAME_HELLO), &hello), 0);
    peer.known_session = hello.session;
    peer.nonce = hello.nonce;
    rig_hello(link, HWSI_FRAME_WELCOME, &peer);
    rig_close(link, HWS_ERESET, "gone again before anybody looked");
    rig_turn(&rig);
    ended(&waiter, 0);
    rig_end(&rig);
}

static void test_times_out(void **state)
{
    struct rig rig;
    struct waiter waiter = { 0 }, none = { 0 };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    await(&rig, &waiter, HWS_SECOND);
    await(&rig, &none, 0);
    rig_turn(&rig);
    ended(&none, HWS_ETIMEOUT);
    assert_int_equal(waiter.count, 0);
    assert_true(hws_next_turn(rig.system) > rig.now); /* waiting does not spin */
    rig_pass(&rig, HWS_SECOND);
    ended(&waiter, HWS_ETIMEOUT);
    rig_end(&rig);
}

static void test_is_closed(void **state)
{
    struct rig rig;
    struct waiter waiter = { 0 };
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    await(&rig, &waiter, HWS_SECOND);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "enough"), 0);
    rig_turn(&rig);
    ended(&waiter, HWS_EDISCONNECTED);
    assert_int_equal(hws_await_reconnect(rig.system, RIG_PEER, 1, done, &waiter, NULL),
                     HWS_EDISCONNECTED);
    rig_end(&rig);
    ended(&waiter, HWS_EDISCONNECTED);
}

static void test_system_stops(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct waiter waiter = { .asks_again = true };
    (void)state;
    rig_options(&rig, &options);
    options.listen = NULL;
    options.auto_start = 0; /* an endpoint that is known and idle: its end is no event */
    rig_start(&rig, &options);
    rig_send(&rig, RIG_PEER "/a");
    rig_turn(&rig);
    assert_int_equal(rig_state(&rig), HWS_ENDPOINT_idle);
    hws_unsubscribe(rig.subscription); /* no listener, link or subscriber: it ends in one turn */
    rig.subscription = NULL;
    await(&rig, &waiter, 3600 * HWS_SECOND);
    hws_stop(rig.system, "over", 0);
    rig_turn(&rig);
    ended(&waiter, HWS_ECLOSED);
    assert_int_equal(waiter.again, HWS_ECLOSED);
    rig_end(&rig);
}

static void test_refused(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct waiter waiter = { 0 };
    (void)state;
    rig_options(&rig, &options);
    options.pending_requests = 1;
    rig_start(&rig, &options);
    assert_int_equal(hws_await_reconnect(rig.system, RIG_PEER, 1, done, &waiter, NULL),
                     HWS_ENOTFOUND);
    assert_int_equal(hws_await_reconnect(rig.system, "a b", 1, done, &waiter, NULL), HWS_EADDRESS);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    for (uint64_t i = 1;; i++) {
        rig.fail_in = i;
        int error = hws_await_reconnect(rig.system, RIG_PEER, HWS_SECOND, done, &waiter, NULL);
        if (error == 0)
            break;
        assert_int_equal(error, HWS_ENOMEM);
    }
    rig.fail_in = 0;
    assert_int_equal(hws_await_reconnect(rig.system, RIG_PEER, 1, done, &waiter, NULL), HWS_EFULL);
    rig_pass(&rig, 2 * HWS_SECOND);
    ended(&waiter, HWS_ETIMEOUT);
    rig_end(&rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects),     cmocka_unit_test(test_reconnects),
        cmocka_unit_test(test_times_out),    cmocka_unit_test(test_is_closed),
        cmocka_unit_test(test_system_stops), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
