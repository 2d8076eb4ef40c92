/* SPDX-License-Identifier: MIT */
/* PIDs and atoms: one object a text, read and written in every form, refused when malformed, alive after the system. */
#include "support_rig.h"

#include <string.h>

#include "actor/names.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *address, *id, *format, *uri;
    } cases[] = {
        { "peer:1/a", "peer:1", "a", "peer:1/a", "hawser.tcp://peer:1/a" },
        { "peer:1/a/b", "peer:1", "a/b", "peer:1/a/b", "hawser.tcp://peer:1/a/b" },
        { "[::1]:9/a", "[::1]:9", "a", "[::1]:9/a", "hawser.tcp://[::1]:9/a" },
        { "hawser.tcp://peer:1/a", "peer:1", "a", "peer:1/a", "hawser.tcp://peer:1/a" },
        { "hawser.tcp://name@peer:1/a@b", "peer:1", "a@b", "peer:1/a@b",
          "hawser.tcp://peer:1/a@b" },
        { "unix:/run/x.sock//a", "unix:/run/x.sock", "a", "unix:/run/x.sock//a",
          "hawser.unix:///run/x.sock//a" },
        { "hawser.unix:///run/x.sock//a", "unix:/run/x.sock", "a", "unix:/run/x.sock//a",
          "hawser.unix:///run/x.sock//a" },
        { "loop:b:1/a", "loop:b:1", "a", "loop:b:1/a", "hawser.loop://b:1/a" },
        { "hawser.loop://n@b:1/a", "loop:b:1", "a", "loop:b:1/a", "hawser.loop://b:1/a" },
        { "a", RIG_HERE, "a", RIG_HERE "/a", "hawser.tcp://" RIG_HERE "/a" },
        { "a/b", RIG_HERE, "a/b", RIG_HERE "/a/b", "hawser.tcp://" RIG_HERE "/a/b" },
        { RIG_HERE "/a", RIG_HERE, "a", RIG_HERE "/a", "hawser.tcp://" RIG_HERE "/a" },
        { "h:1/\xc3\xa4", "h:1", "\xc3\xa4", "h:1/\xc3\xa4", "hawser.tcp://h:1/\xc3\xa4" },
    };
    struct rig rig;
    char text[600];
    (void)state;
    rig_start_default(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hws_pid *pid = rig_pid(&rig, cases[i].text), *made;
        assert_string_equal(hws_pid_address(pid), cases[i].address);
        assert_string_equal(hws_pid_id(pid), cases[i].id);
        assert_int_equal(hws_pid_is_local(pid), strcmp(cases[i].address, RIG_HERE) == 0);
        assert_int_equal(hws_pid_format(pid, text, sizeof text), strlen(cases[i].format));
        assert_string_equal(text, cases[i].format);
        assert_int_equal(hwsi_pid_uri(pid, text, sizeof text), strlen(cases[i].uri));
        assert_string_equal(text, cases[i].uri);
        assert_int_equal(hws_pid_make(rig.system, cases[i].address, cases[i].id, &made), 0);
        assert_ptr_equal(made, pid); /* they compare with == */
        hws_pid_release(made);
        hws_pid_release(pid);
    }
    rig_end(&rig);
}

static void test_refused(void **state)
{
    static const char *const cases[] = {
        "",          "a b",           "peer:1/",         "peer:1/a b",        "hawser.tcp://peer:1",
        "x://y",     "p:1/x://y",     "hawser.://p:1/a", "hawser.tcp://",     "hawser.tcp:///a",
        "a\n",       "a\x7f",         "a\xff",           "peer\x01:1/a",      "hawser.unix://x/a",
        "a\xc2\x80", "a\xe0\x80\x80", "a\xed\xa0\x80",   "a\xf4\x90\x80\x80", "a\xf0\x80\x80\x80"
    };
    struct rig rig;
    struct hws_pid *pid = NULL;
    char longer[600];
    (void)state;
    rig_start_default(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (hws_pid_parse(rig.system, cases[i], &pid) != HWS_EADDRESS)
            fail_msg("%s is taken", cases[i]);
    memset(longer, 'a', sizeof longer);
    longer[256] = 0;
    assert_int_equal(hws_pid_parse(rig.system, longer, &pid), HWS_EADDRESS);
    assert_int_equal(hws_pid_make(rig.system, longer, "a", &pid), HWS_EADDRESS);
    longer[255] = 0;
    assert_int_equal(hws_pid_make(rig.system, longer, longer, &pid), 0);
    assert_int_equal(hws_pid_format(pid, longer, 10), 511); /* the length it needed */
    assert_int_equal(strlen(longer), 9);
    hws_pid_release(pid);
    rig_end(&rig);
}

static void test_atoms(void **state)
{
    struct rig rig;
    struct hws_atom *one, *two;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_atom_make(rig.system, "two words", &one), 0);
    assert_int_equal(hws_atom_make(rig.system, "two words", &two), 0);
    assert_ptr_equal(one, two);
    assert_string_equal(hws_atom_text(one), "two words");
    assert_int_equal(hws_atom_make(rig.system, "", &two), HWS_EINVAL);
    assert_int_equal(hws_atom_make(rig.system, "a\tb", &two), HWS_EINVAL);
    hws_atom_release(two);
    hws_atom_release(hws_atom_retain(one));
    hws_atom_release(one);
    hws_atom_release(NULL);
    hws_pid_release(NULL);
    assert_null(hws_pid_retain(NULL));
    rig_end(&rig);
}

static void test_out_of_memory(void **state)
{
    struct hws_pid *pid;
    (void)state;
    for (uint64_t n = 0; n < 3; n++) {
        struct rig rig;
        rig_start_default(&rig);
        rig.allow = n;
        assert_int_equal(hws_pid_parse(rig.system, "new:1/a", &pid), HWS_ENOMEM);
        if (n == 0) {
            struct hws_atom *atom;
            assert_int_equal(hws_atom_make(rig.system, "t", &atom), HWS_ENOMEM);
        }
        rig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_atoms),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
