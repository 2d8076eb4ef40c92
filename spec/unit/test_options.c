/* SPDX-License-Identifier: MIT */
/* Options: the defaults that are part of the contract, ranges, and messages that name what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/options.h"

#define MIB 1048576

static void test_defaults(void **state)
{
    struct hws_options o;
    (void)state;
    hws_options_init(&o);
    assert_int_equal(o.endpoint_writer_batch_size, 1000);
    assert_int_equal(o.endpoint_writer_queue_size, 1000000);
    assert_int_equal(o.endpoint_writer_queue_bytes, 64 * MIB);
    assert_int_equal(o.connect_timeout, 5 * HWS_SECOND);
    assert_int_equal(o.handshake_timeout, 5 * HWS_SECOND);
    assert_int_equal(o.max_frame_size, 4 * MIB);
    assert_int_equal(o.symbol_table_size, 4096);
    assert_int_equal(o.shutdown_deadline, 10 * HWS_SECOND);
    assert_int_equal(o.policy_budget, 100000);
    assert_int_equal(o.reconnect_max_retries, 5);
    assert_int_equal(o.reconnect_initial, 200 * HWS_MILLISECOND);
    assert_int_equal(o.reconnect_max, 5 * HWS_SECOND);
    assert_true(o.reconnect_factor == 2.0);
    assert_true(o.reconnect_jitter == 0.2);
    assert_int_equal(o.reconnect_stable_after, 5 * HWS_SECOND);
    assert_true(o.throttle_warning == 0.60);
    assert_true(o.throttle_critical == 0.85);
    assert_true(o.throttle_hysteresis == 0.05);
    assert_int_equal(o.request_timeout, 5 * HWS_SECOND);
    assert_int_equal(o.tombstone_duration, 3600 * HWS_SECOND);
    assert_int_equal(o.tombstones, 1024);
    assert_int_equal(o.auto_start, 1);
    assert_int_equal(o.heartbeat_interval, 15 * HWS_SECOND);
    assert_int_equal(o.heartbeat_timeout, 45 * HWS_SECOND);
    assert_true(o.phi_threshold == 8.0);
    assert_int_equal(o.phi_samples, 100);
    assert_int_equal(o.phi_min_deviation, 100 * HWS_MILLISECOND);
    assert_int_equal(o.quarantine_duration, 5 * 86400 * HWS_SECOND);
    assert_int_equal(hws_options_set(&o, "quarantine_duration", 0.999, NULL, 0), HWS_EOPTION);
    assert_null(o.name);
    assert_null(o.policy);
}

static void test_every_option(void **state)
{
    struct hws_options o;
    struct hws_option_info info;
    size_t count = 0;
    (void)state;
    hws_options_init(&o);
    o.name = "a";
    assert_int_equal(hws_options_check(&o, NULL, 0), 0); /* the defaults are in range */
    for (; hws_options_describe(count, &info); count++) {
        char message[512] = "";
        assert_true(info.least <= info.initial && info.initial <= info.most);
        assert_true(fabs(hws_options_get(&o, count) - info.initial) < 1e-9);
        assert_int_equal(hws_options_set(&o, info.name, info.most, message, sizeof message), 0);
        assert_true(fabs(hws_options_get(&o, count) - info.most) <= info.most * 1e-12);
        assert_int_equal(hws_options_set(&o, info.name, info.least, NULL, 0), 0);
        assert_int_equal(
            hws_options_set(&o, info.name, info.most * 1.01 + 1, message, sizeof message),
            HWS_EOPTION);
        assert_non_null(strstr(message, info.name));
        assert_non_null(strstr(message, info.doc));
        assert_int_equal(hws_options_set(&o, info.name, info.least - 1, NULL, 0), HWS_EOPTION);
        assert_int_equal(hws_options_set(&o, info.name, NAN, NULL, 0), HWS_EOPTION);
        assert_true(fabs(hws_options_get(&o, count) - info.least) < 1e-9); /* nothing was changed */
        assert_int_equal(hws_options_set(&o, info.name, info.initial, NULL, 0), 0);
    }
    assert_true(count > 30);
    assert_true(isnan(hws_options_get(&o, count)));
}

/* With a letter left out, doubled, or swapped with the next, each name is known again. */
static void test_every_mistyped_name(void **state)
{
    struct hws_options o;
    struct hws_option_info info;
    (void)state;
    hws_options_init(&o);
    for (size_t i = 0; hws_options_describe(i, &info); i++) {
        size_t size = strlen(info.name), at = size / 2;
        char mistyped[3][64], message[256], hint[96];
        for (int way = 0; way < 3; way++)
            memcpy(mistyped[way], info.name, size + 1);
        memmove(mistyped[0] + at, mistyped[0] + at + 1, size - at);
        memmove(mistyped[1] + at + 1, mistyped[1] + at, size - at + 1);
        mistyped[2][at] = info.name[at + 1];
        mistyped[2][at + 1] = info.name[at];
        snprintf(hint, sizeof hint, "did you mean %s?", info.name);
        for (int way = 0; way < 3; way++) {
            if (strcmp(mistyped[way], info.name) == 0)
                continue; /* two letters that are the same */
            assert_int_equal(hws_options_set(&o, mistyped[way], 1, message, sizeof message),
                             HWS_EOPTION);
            if (!strstr(message, hint))
                fail_msg("%s: %s", mistyped[way], message);
        }
    }
}

static void test_messages(void **state)
{
    struct hws_options o;
    char message[256];
    (void)state;
    hws_options_init(&o);
    assert_int_equal(hws_options_set(&o, "max_fram_size", 1, message, sizeof message), HWS_EOPTION);
    assert_string_equal(message, "unknown option max_fram_size; did you mean max_frame_size?");
    assert_int_equal(hws_options_set(&o, "qqqqqqqqqqq", 1, message, sizeof message), HWS_EOPTION);
    assert_string_equal(message, "unknown option qqqqqqqqqqq");
    assert_int_equal(hws_options_set(&o, "connect_timeout", 7200, message, sizeof message),
                     HWS_EOPTION);
    assert_string_equal(
        message,
        "option connect_timeout is 7200, expected 0.001 to 3600 s (default 5): from dial to an open connection");
}

static void check_fails(struct hws_options *o, const char *part)
{
    char message[256] = "";
    assert_int_equal(hws_options_check(o, message, sizeof message), HWS_EOPTION);
    if (!strstr(message, part))
        fail_msg("%s", message);
}

static void test_check(void **state)
{
    struct hws_options o;
    char long_name[66];
    (void)state;
    hws_options_init(&o);
    check_fails(&o, "option name is missing");
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[65] = 0;
    o.name = long_name;
    check_fails(&o, "1 to 64");
    long_name[64] = 0;
    assert_int_equal(hws_options_check(&o, NULL, 0), 0);
    o.name = "";
    check_fails(&o, "1 to 64");
    o.name = "a b";
    check_fails(&o, "\"a b\"");
    o.name = "na\xc3\xafve"; /* whatever the host's locale says */
    check_fails(&o, "1 to 64");
    o.name = "A-z_0.9";
    assert_int_equal(hws_options_check(&o, NULL, 0), 0);
    o.mailbox_size = 0;
    check_fails(&o, "mailbox_size");
    o.mailbox_size = 1;
    o.reconnect_initial = 6 * HWS_SECOND;
    check_fails(&o, "reconnect_initial is above reconnect_max");
    o.reconnect_initial = HWS_SECOND;
    o.throttle_warning = 0.85;
    check_fails(&o, "throttle_warning is not below throttle_critical");
    o.throttle_warning = 0.6;
    o.advertise = "public:25520";
    check_fails(&o, "option advertise needs listen");
    o.listen = "0.0.0.0:25520";
    assert_int_equal(hws_options_check(&o, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_every_mistyped_name),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
