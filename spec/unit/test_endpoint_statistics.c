/* SPDX-License-Identifier: MIT */
/* What an endpoint counts: tries, links and their ends by reason, round trips; and what all of it takes. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

#include "remote/endpoint.h"

static const struct hwsi_hello *peer(uint64_t uid)
{
    static struct hwsi_hello hello;
    hello = rig_peer(uid, 5);
    return &hello;
}

static uint64_t sum(const uint64_t *by_reason)
{
    uint64_t total = 0;
    for (int i = 0; i < HWS_LINK_REASON_COUNT; i++)
        total += by_reason[i];
    return total;
}

static void check_balance(struct rig *rig, bool dialing, bool up)
{
    struct hws_endpoint_statistics s = rig_statistics(rig, RIG_PEER);
    assert_int_equal(s.connect_attempts,
                     s.connects - s.accepted + sum(s.connect_failures) + dialing);
    assert_int_equal(s.connects, sum(s.disconnects) + up);
    struct hws_system_statistics all;
    hws_system_statistics(rig->system, &all);
    assert_int_equal(all.connects, s.connects);
    assert_int_equal(all.connect_attempts, s.connect_attempts);
    assert_memory_equal(all.disconnects, s.disconnects, sizeof s.disconnects);
    assert_memory_equal(all.connect_failures, s.connect_failures, sizeof s.connect_failures);
}

/* --- a dial that comes to nothing --- */

static const struct failure {
    int error;                 /* of the transport; 0: the peer answers */
    enum hwsi_refusal refusal; /* with this REFUSE */
    enum hws_link_reason reason;
} failures[] = {
    { HWS_EREFUSED, 0, HWS_LINK_refused },
    { HWS_ETIMEOUT, 0, HWS_LINK_timeout },
    { HWS_EHOST, 0, HWS_LINK_dns },
    { HWS_EACCESS, 0, HWS_LINK_unreachable },
    { HWS_EADDRESS, 0, HWS_LINK_unreachable },
    { HWS_ERESET, 0, HWS_LINK_reset },
    { HWS_EIO, 0, HWS_LINK_reset },
    { HWS_ENOMEM, 0, HWS_LINK_memory },
    { HWS_EPROTOCOL, 0, HWS_LINK_protocol },
    { 0, HWSI_REFUSED_none, HWS_LINK_none },
    { 0, HWSI_REFUSED_version, HWS_LINK_version },
    { 0, HWSI_REFUSED_self, HWS_LINK_self },
    { 0, HWSI_REFUSED_duplicate, HWS_LINK_duplicate },
    { 0, HWSI_REFUSED_shutdown, HWS_LINK_shutdown },
    { 0, HWSI_REFUSED_closed, HWS_LINK_closed },
    { 0, HWSI_REFUSED_busy, HWS_LINK_busy },
    { 0, HWSI_REFUSED_unexpected, HWS_LINK_unexpected },
    { 0, HWSI_REFUSED_blocked, HWS_LINK_blocked },
    { 0, HWSI_REFUSED_quarantined, HWS_LINK_quarantined },
    { 0, HWSI_REFUSED_stale, HWS_LINK_stale },
    { 0, 4711, HWS_LINK_unknown },
};

static void test_failed_dials(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        const struct failure *failure = &failures[i];
        struct rig rig;
        rig_start_default(&rig);
        assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
        rig_turn(&rig);
        check_balance(&rig, true, false);
        if (failure->error) {
            rig_close(rig_last(&rig), failure->error, "so it is");
        } else {
            rig_open(rig_last(&rig));
            rig_control(rig_last(&rig), HWSI_FRAME_REFUSE, failure->refusal, 0);
        }
        rig_turn(&rig);
        struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
        assert_int_equal(s.connect_failures[failure->reason], 1);
        assert_int_equal(sum(s.connect_failures), 1);
        check_balance(&rig, false, false);
        if (failure->reason != HWS_LINK_duplicate) { /* which is no failure to tell of */
            bool gated = s.state == HWS_ENDPOINT_gated;
            enum hws_event_type type = gated ? HWS_EVENT_Gated : HWS_EVENT_EndpointReconnect;
            assert_string_equal(rig_event(&rig, type, 0)->reason,
                                hws_link_reason_name(failure->reason));
        }
        rig_end(&rig);
    }
}

static void test_dials_that_are_let_go(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    rig_connect_in(&rig, peer(77)); /* the peer was first: ours, which is not open, is not needed */
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.connect_failures[HWS_LINK_duplicate], 1);
    assert_int_equal(s.accepted, 1);
    check_balance(&rig, false, true);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "enough"), 0);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "enough"), 0);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).connect_failures[HWS_LINK_closed], 1);
    check_balance(&rig, false, false);
    rig_end(&rig);
}

/* --- a link that ends --- */

static void breaks(struct rig *rig)
{
    rig_close(rig_last(rig), HWS_ERESET, "it broke");
}

static void falls_silent(struct rig *rig)
{
    rig_pass(rig, 46 * HWS_SECOND);
}

static void talks_nonsense(struct rig *rig)
{
    rig_feed(rig_last(rig), "GET / HTTP/1.1\r\n", 16);
}

static void says_goodbye(struct rig *rig)
{
    rig_control(rig_last(rig), HWSI_FRAME_BYE, HWSI_REFUSED_shutdown, 0);
}

static void is_closed(struct rig *rig)
{
    assert_int_equal(hws_close_endpoint(rig->system, RIG_PEER, "enough"), 0);
}

static void is_blocked(struct rig *rig)
{
    assert_int_equal(hws_block_system(rig->system, "peer"), 0);
}

static void is_quarantined(struct rig *rig)
{
    assert_int_equal(hws_quarantine(rig->system, RIG_PEER, "it lies", 0), 0);
}

static const struct ending {
    void (*happen)(struct rig *rig);
    enum hws_link_reason reason;
} endings[] = {
    { breaks, HWS_LINK_reset },
    { falls_silent, HWS_LINK_heartbeat },
    { talks_nonsense, HWS_LINK_protocol },
    { says_goodbye, HWS_LINK_shutdown },
    { is_closed, HWS_LINK_closed },
    { is_blocked, HWS_LINK_blocked },
    { is_quarantined, HWS_LINK_quarantined },
};

static void test_ended_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct rig rig;
        rig_start_default(&rig);
        rig_connect(&rig, peer(77));
        check_balance(&rig, false, true);
        endings[i].happen(&rig);
        struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
        assert_int_equal(s.disconnects[endings[i].reason], 1);
        assert_int_equal(sum(s.disconnects), 1);
        rig_end(&rig);
    }
}

static void test_replaced_link(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    rig_connect(&rig, peer(77));
    rig_pass(&rig, 6 * HWS_SECOND);
    rig_connect_in(&rig, peer(77));
    assert_int_equal(rig_statistics(&rig, RIG_PEER).disconnects[HWS_LINK_replaced], 1);
    check_balance(&rig, false, true);
    rig_end(&rig);
}

/* The counts by reason come with the first of them; when there is no memory for them, the sums are right all the same. */
static void test_no_memory_to_count(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_associate(rig.system, RIG_PEER), 0);
    rig_turn(&rig);
    rig.allow = 0;
    rig_close(rig_last(&rig), HWS_EREFUSED, "no");
    rig.allow = UINT64_MAX;
    assert_int_equal(rig_statistics(&rig, RIG_PEER).connect_failures[HWS_LINK_memory], 1);
    check_balance(&rig, false, false);
    rig_end(&rig);
    rig_start_default(&rig);
    rig_connect(&rig, peer(77));
    rig.allow = 0;
    breaks(&rig);
    rig.allow = UINT64_MAX;
    assert_int_equal(rig_statistics(&rig, RIG_PEER).disconnects[HWS_LINK_memory], 1);
    check_balance(&rig, false, false);
    rig_end(&rig);
}

/* The system's totals have those of endpoints that are forgotten. */
static void test_totals_outlive_tombstones(void **state)
{
    struct rig rig;
    struct hws_system_statistics before, after;
    struct hws_endpoint_statistics s;
    (void)state;
    rig_start_default(&rig);
    rig_connect(&rig, peer(77));
    breaks(&rig);
    is_closed(&rig);
    hws_system_statistics(rig.system, &before);
    rig_pass(&rig, 3601 * HWS_SECOND);
    assert_int_equal(hws_statistics(rig.system, RIG_PEER, &s), HWS_ENOTFOUND);
    hws_system_statistics(rig.system, &after);
    assert_int_equal(after.endpoints, 0);
    assert_int_equal(after.connects, 1);
    assert_memory_equal(after.disconnects, before.disconnects, sizeof before.disconnects);
    rig_end(&rig);
}

static void test_refused_links(void **state)
{
    struct rig rig;
    struct hws_system_statistics s;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_block_system(rig.system, "peer"), 0);
    rig_connect_in(&rig, peer(77));
    rig_feed(rig_accept(&rig), "nonsense", 8);
    rig_accept(&rig);
    rig_pass(&rig, 6 * HWS_SECOND); /* says nothing */
    hws_system_statistics(rig.system, &s);
    assert_int_equal(s.links_refused[HWS_LINK_blocked], 1);
    assert_int_equal(s.links_refused[HWS_LINK_protocol], 1);
    assert_int_equal(s.links_refused[HWS_LINK_timeout], 1);
    assert_int_equal(sum(s.links_refused), 3);
    rig_end(&rig);
}

/* --- round trips --- */

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(hws_rtt_bound(0), 10 * HWS_MICROSECOND);
    assert_int_equal(hws_rtt_bound(1), 12 * HWS_MICROSECOND);
    assert_int_equal(hws_rtt_bound(20), HWS_MILLISECOND);
    assert_int_equal(hws_rtt_bound(HWS_RTT_BUCKETS - 2), 80 * HWS_SECOND);
    assert_int_equal(hws_rtt_bound(HWS_RTT_BUCKETS - 1), HWS_NEVER);
    assert_int_equal(hws_rtt_bound(SIZE_MAX), HWS_NEVER);
    for (size_t i = 1; i < HWS_RTT_BUCKETS - 1; i++) {
        assert_true(hws_rtt_bound(i) > hws_rtt_bound(i - 1));
        assert_true(3 * hws_rtt_bound(i) <= 4 * hws_rtt_bound(i - 1)); /* a third */
    }
}

static void test_percentiles(void **state)
{
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    struct hwsi_rtt rtt = { 0 };
    (void)state;
    assert_int_equal(hwsi_rtt_percentile(&rtt, 50), 0);
    for (int i = 0; i < 98; i++)
        hwsi_rtt_record(&rtt, heap, 190 * HWS_MICROSECOND);
    assert_int_equal(hwsi_rtt_percentile(&rtt, 50), 190 * HWS_MICROSECOND); /* none was longer */
    hwsi_rtt_record(&rtt, heap, 700 * HWS_MILLISECOND);
    hwsi_rtt_record(&rtt, heap, 200 * HWS_SECOND);
    assert_int_equal(hwsi_rtt_percentile(&rtt, 50), 200 * HWS_MICROSECOND); /* the bucket's bound */
    assert_int_equal(hwsi_rtt_percentile(&rtt, 98), 200 * HWS_MICROSECOND);
    assert_int_equal(hwsi_rtt_percentile(&rtt, 99), 800 * HWS_MILLISECOND);
    assert_int_equal(hwsi_rtt_percentile(&rtt, 100), 200 * HWS_SECOND);
    assert_int_equal(rtt.buckets[HWS_RTT_BUCKETS - 1 - rtt.first], 1);
    assert_int_equal(rtt.count, 100);
    assert_int_equal(rtt.max, 200 * HWS_SECOND);
    hwsi_rtt_free(&rtt, heap);
    hwsi_heap_release(heap);
}

/* It has memory for what occurred, wherever that lies. */
static void test_buckets_come_with_what_occurs(void **state)
{
    static const size_t order[] = { 40, 41, 30, 70, 0, 15, 56 };
    struct hwsi_heap *heap = hwsi_heap_new(hws_default_allocator());
    struct hwsi_rtt rtt = { 0 };
    uint64_t before = heap->held;
    (void)state;
    for (size_t n = 0; n < sizeof order / sizeof *order; n++) {
        size_t bucket = order[n];
        hwsi_rtt_record(&rtt, heap, bucket ? hws_rtt_bound(bucket - 1) + 1 : 1);
        assert_true(n > 1 || heap->held == before + 32);
        for (size_t i = 0; i <= n; i++)
            assert_int_equal(rtt.buckets[order[i] - rtt.first], 1);
        assert_int_equal(rtt.count, n + 1);
    }
    assert_int_equal(rtt.size, HWS_RTT_BUCKETS);
    hwsi_rtt_free(&rtt, heap);
    assert_int_equal(heap->held, before);
    hwsi_heap_release(heap);
}

static void test_measured(void **state)
{
    struct rig rig;
    struct hwsi_control ping;
    (void)state;
    rig_start_default(&rig);
    struct rig_link *link = rig_connect(&rig, peer(77));
    assert_int_equal(hwsi_control_decode(rig_expect(link, HWSI_FRAME_PING), &ping), 0);
    rig.now += 3 * HWS_MILLISECOND;
    rig_control(link, HWSI_FRAME_PONG, ping.a, 0);
    struct hws_endpoint_statistics s = rig_statistics(&rig, RIG_PEER);
    assert_int_equal(s.rtt, 3 * HWS_MILLISECOND);
    assert_int_equal(s.rtt_count, 1);
    assert_int_equal(s.rtt_sum, s.rtt);
    assert_int_equal(s.rtt_max, s.rtt);
    assert_int_equal(s.rtt_p50, s.rtt);
    assert_int_equal(s.rtt_buckets[25], 1);
    breaks(&rig);
    assert_int_equal(rig_statistics(&rig, RIG_PEER).rtt_count, 1); /* it survives */
    rig_end(&rig);
}

/* --- what it takes --- */

static void test_an_idle_endpoint_is_small(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct hws_system_statistics before, after;
    char target[32];
    (void)state;
    rig_options(&rig, &options);
    options.auto_start = 0; /* a send makes the endpoint, and no more */
    rig_start(&rig, &options);
    rig_send(&rig, "first:1/a");
    rig_turn(&rig);
    hws_system_statistics(rig.system, &before);
    for (int i = 0; i < 256; i++) {
        snprintf(target, sizeof target, "host:%d/a", i + 1);
        rig_send(&rig, target);
        rig_turn(&rig);
    }
    hws_system_statistics(rig.system, &after);
    assert_int_equal(after.endpoints - before.endpoints, 256);
    print_message("%llu bytes\n", (unsigned long long)(after.memory - before.memory) / 256);
    assert_true((after.memory - before.memory) / 256 <= 4096);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_dials),
        cmocka_unit_test(test_dials_that_are_let_go),
        cmocka_unit_test(test_ended_links),
        cmocka_unit_test(test_replaced_link),
        cmocka_unit_test(test_no_memory_to_count),
        cmocka_unit_test(test_totals_outlive_tombstones),
        cmocka_unit_test(test_refused_links),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_buckets_come_with_what_occurs),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_an_idle_endpoint_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
