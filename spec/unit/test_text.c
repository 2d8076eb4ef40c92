/* SPDX-License-Identifier: MIT */
/* Globs, nearest names, bounded texts, and what an error is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "hawser/options.h"

static void test_glob(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = { { "", "", true },
                  { "", "a", false },
                  { "*", "", true },
                  { "*", "abc", true },
                  { "a", "a", true },
                  { "a", "b", false },
                  { "a", "", false },
                  { "?", "", false },
                  { "?", "x", true },
                  { "a?c", "abc", true },
                  { "a?c", "ac", false },
                  { "Endpoint*", "EndpointConnected", true },
                  { "*ed", "Connected", true },
                  { "*ed", "edge", false },
                  { "*a*b*", "xxaxxbxx", true },
                  { "*a*b*", "xxbxxaxx", false },
                  { "10.1.*", "10.1.2.3:4", true },
                  { "10.1.*", "10x1.2", false },
                  { "**", "x", true },
                  { "a*a", "a", false },
                  { "[a]", "a", false },
                  { "*aab", "aaaaab", true },
                  { "*.b?*d", "a.b.bcd", true } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (hwsi_glob(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
}

static void test_nearest(void **state)
{
    static const char *const names[] = { "max_frame_size", "mailbox_size", "reconnect_max",
                                         "seed" };
    static const struct {
        const char *name, *nearest;
    } cases[] = { { "max_frame_siz", "max_frame_size" },
                  { "mailboxsize", "mailbox_size" },
                  { "mailbox", "mailbox_size" },
                  { "reconect_max", "reconnect_max" },
                  { "sede", "seed" },
                  { "zzzzzzzzzz", NULL },
                  { "", NULL },
                  { "x", NULL } };
    char long_name[200];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = hws_nearest_name(cases[i].name, names, 4);
        if (cases[i].nearest)
            assert_string_equal(nearest, cases[i].nearest);
        else
            assert_null(nearest);
    }
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    assert_null(hws_nearest_name(long_name, names, 0));
}

static void test_bounded(void **state)
{
    char text[8];
    size_t used = 0;
    (void)state;
    hwsi_text_copy(text, sizeof text, "123456789");
    assert_string_equal(text, "1234567");
    hwsi_text_copy(text, 1, "abc");
    assert_string_equal(text, "");
    hwsi_text_copy(NULL, 0, "abc");
    hwsi_text_printable(text, sizeof text, hws_slice_of("a\n\xff\0b", 5));
    assert_string_equal(text, "a???b");
    hwsi_text_printable(text, 3, hws_slice_of("abcd", 4));
    assert_string_equal(text, "ab");
    hwsi_text_printable(NULL, 0, hws_slice_of("abcd", 4));
    hwsi_text_append(text, sizeof text, &used, "%d", 12345);
    hwsi_text_append(text, sizeof text, &used, "%d", 67890);
    hwsi_text_append(text, sizeof text, &used, "%s", "more");
    assert_int_equal(used, 14);
    assert_string_equal(text, "1234567");
    hwsi_say(NULL, 5, "%s", "nobody listens");
    hwsi_say(text, 0, "%s", "no room");
    hwsi_say(text, sizeof text, "%s", "cut at the size");
    assert_string_equal(text, "cut at ");
}

static void test_errors(void **state)
{
    (void)state;
#define X(name, number, sentence)                            \
    assert_string_equal(hws_errname(HWS_##name), #name);     \
    assert_string_equal(hws_strerror(HWS_##name), sentence); \
    assert_int_equal(HWS_##name, number);
    HWS_ERRORS(X)
#undef X
    assert_string_equal(hws_errname(0), "OK");
    assert_string_equal(hws_errname(-999), "EUNKNOWN");
    assert_string_equal(hws_strerror(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
