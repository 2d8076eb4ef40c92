/* SPDX-License-Identifier: MIT */
/* What a person reads when a dial or a listen fails, and that nothing is left behind. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support_transport.h"
#include "transport/address.h"

static int try_listen(struct hws_transport *transport, const char *address, char *detail,
                      size_t capacity)
{
    struct hws_listener *listener = NULL;
    struct host host;
    int error;
    host_init(&host, NULL, 0);
    error = transport->ops->listen(transport, address, &host.handler, &listener, detail, capacity);
    assert_true((error == 0) == (listener != NULL));
    if (listener)
        listener->ops->close(listener);
    return error;
}

static int try_dial(struct hws_transport *transport, const char *address, char *detail,
                    size_t capacity)
{
    struct hws_link *link = NULL;
    struct peer peer;
    int error;
    peer_init(&peer);
    error = transport->ops->dial(transport, address, &peer.handler, &link, detail, capacity);
    assert_true(error < 0);
    assert_null(link);
    return error;
}

static int try_check(struct hws_transport *transport, const char *address, char *detail,
                     size_t capacity)
{
    return transport->ops->check(transport, address, detail, capacity);
}

static void addresses_are_taken_apart(void **state)
{
    static const char *const good[] = { "127.0.0.1:25520", "[::1]:0", "a-host.example:65535",
                                        "[fe80::1%eth0]:7" };
    struct hwsi_host_port address;
    char text[300];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(hwsi_host_port_parse(&address, good[i], text, sizeof text), 0);
        hwsi_host_port_format(&address, address.port, text, sizeof text);
        assert_string_equal(text, good[i]);
    }
    assert_int_equal(hwsi_host_port_parse(&address, "[::1]:12", text, sizeof text), 0);
    assert_string_equal(address.host, "::1");
    assert_int_equal(address.port, 12);
}

static void malformed_addresses_are_refused_at_once(void **state)
{
    static const struct {
        const char *address, *says;
    } bad[] = {
        { "", "port is missing" },        { "localhost", "port is missing" },
        { "localhost:", "not a number" }, { ":25520", "host is missing" },
        { "a:65536", "0 to 65535" },      { "a:-1", "not a number" },
        { "a:+1", "not a number" },       { "a: 1", "not a number" },
        { "a:1 ", "not a number" },       { "a:000001", "not a number" },
        { "::1:25520", "brackets" },      { "[::1", "bracket is missing" },
        { "[::1]", "port is missing" },   { "[::1]25520", "port is missing" },
        { "[]:1", "host is missing" },    { "a:99999999999999999999", "not a number" },
    };
    struct bench *bench = *state;
    char detail[512], host[400];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(try_listen(bench->tcp, bad[i].address, detail, sizeof detail),
                         HWS_EADDRESS);
        assert_non_null(strstr(detail, bad[i].says));
        assert_int_equal(try_dial(bench->tcp, bad[i].address, detail, sizeof detail), HWS_EADDRESS);
        assert_non_null(strstr(detail, bad[i].says));
        memset(detail, 0, sizeof detail);
        assert_int_equal(try_check(bench->tcp, bad[i].address, detail, sizeof detail),
                         HWS_EADDRESS);
        assert_non_null(strstr(detail, bad[i].says));
    }
    assert_int_equal(try_check(bench->tcp, "a:65535", detail, sizeof detail), 0);
    assert_int_equal(try_check(bench->tcp, "a:0", NULL, 0), HWS_EADDRESS);
    assert_int_equal(try_check(bench->unix_domain, "/run/x.socket", detail, sizeof detail), 0);
    assert_int_equal(try_check(bench->unix_domain, "", detail, sizeof detail), HWS_EADDRESS);
    memset(host, 'a', sizeof host);
    strcpy(host + sizeof host - 3, ":1");
    assert_int_equal(try_dial(bench->tcp, host, detail, sizeof detail), HWS_EADDRESS);
    assert_non_null(strstr(detail, "longer than 255"));
    assert_int_equal(try_dial(bench->tcp, "a:0", detail, sizeof detail), HWS_EADDRESS);
    assert_int_equal(try_dial(bench->unix_domain, "", detail, sizeof detail), HWS_EADDRESS);
    assert_int_equal(try_listen(bench->unix_domain, host, detail, sizeof detail), HWS_EADDRESS);
    assert_non_null(strstr(detail, "shorter path"));
    assert_int_equal(try_dial(bench->tcp, host, NULL, 0), HWS_EADDRESS);
}

static void dial_fails(struct bench *bench, struct hws_transport *transport, const char *address,
                       int error, const char *says)
{
    struct peer peer;
    peer_init(&peer);
    peer_dial(bench, transport, address, &peer);
    bench_run_until(bench, peer_is_closed, &peer);
    assert_int_equal(peer.opened, 0);
    assert_string_equal(hws_errname(peer.error), hws_errname(error));
    if (!strstr(peer.detail, says) || !strstr(peer.detail, address))
        fail_msg("\"%s\" does not say \"%s\"", peer.detail, says);
}

/* A port that was free a moment ago. */
static void unused_port(struct bench *bench, char *address, size_t capacity)
{
    struct host host;
    host_init(&host, NULL, 0);
    host_listen(bench, bench->tcp, "127.0.0.1:0", &host);
    snprintf(address, capacity, "%s", host.listener->address);
    host.listener->ops->close(host.listener);
}

static void nobody_listens(void **state)
{
    struct bench *bench = *state;
    char address[64], named[64];
    unused_port(bench, address, sizeof address);
    dial_fails(bench, bench->tcp, address, HWS_EREFUSED, "refused: nothing listens there");
    snprintf(named, sizeof named, "localhost%s", strchr(address, ':'));
    dial_fails(bench, bench->tcp, named, HWS_EREFUSED, "refused: nothing listens there");
    dial_fails(bench, bench->unix_domain, bench->path, HWS_EREFUSED, "there is no such socket");
}

static void the_host_has_no_address(void **state)
{
    struct peer peer;
    struct bench *bench = *state;
    peer_init(&peer);
    peer_dial(bench, bench->tcp, "nosuch.invalid:25520", &peer);
    bench_run_until(bench, peer_is_closed, &peer);
    assert_int_equal(peer.error, HWS_EHOST);
    assert_non_null(strstr(peer.detail, "cannot resolve host nosuch.invalid: "));
}

static void closing_while_the_name_is_looked_up(void **state)
{
    struct bench *bench = *state;
    struct peer peer;
    peer_init(&peer);
    peer_dial(bench, bench->tcp, "nosuch.invalid:25520", &peer);
    peer.link->ops->close(peer.link);
    bench_run_until(bench, peer_is_closed, &peer);
    assert_int_equal(peer.error, 0);
    assert_int_equal(peer.opened, 0);
}

static void a_name_is_resolved_and_every_address_tried(void **state)
{
    struct bench *bench = *state;
    struct peer near, far;
    struct host host;
    char named[64];
    host_init(&host, &far, 1);
    host_listen(bench, bench->tcp, "127.0.0.1:0", &host);
    /* where localhost is ::1 first, that one refuses */
    snprintf(named, sizeof named, "localhost%s", strchr(host.listener->address, ':'));
    peer_init(&near);
    peer_dial(bench, bench->tcp, named, &near);
    bench_run_until(bench, peer_is_open, &near);
    bench_run_until(bench, host_has_accepted, &host);
    assert_string_equal(near.link->peer, named);
    assert_int_equal(strncmp(far.link->peer, "127.0.0.1:", 10), 0);
    near.link->ops->close(near.link);
    bench_run_until(bench, peer_is_closed, &far);
    bench_run_until(bench, peer_is_closed, &near);
    host.listener->ops->close(host.listener);
    peer_free(&far);
    peer_free(&near);
}

static void the_port_is_in_use(void **state)
{
    struct bench *bench = *state;
    struct host host;
    char detail[512];
    host_init(&host, NULL, 0);
    host_listen(bench, bench->tcp, "localhost:0", &host);
    assert_int_equal(strncmp(host.listener->address, "localhost:", 10), 0);
    assert_int_not_equal(atoi(host.listener->address + 10), 0);
    assert_int_equal(try_listen(bench->tcp, host.listener->address, detail, sizeof detail),
                     HWS_EADDRINUSE);
    assert_non_null(strstr(detail, host.listener->address));
    assert_non_null(
        strstr(detail, "already in use; stop the other program or choose another port"));
    host.listener->ops->close(host.listener);
}

static void an_address_that_is_not_ours(void **state)
{
    struct bench *bench = *state;
    char detail[512];
    assert_int_equal(try_listen(bench->tcp, "192.0.2.1:0", detail, sizeof detail), HWS_EADDRESS);
    assert_non_null(strstr(detail, "this machine has no such address"));
    assert_int_equal(try_listen(bench->tcp, "nosuch.invalid:0", detail, sizeof detail), HWS_EHOST);
    assert_non_null(strstr(detail, "cannot resolve host nosuch.invalid"));
    assert_int_equal(try_listen(bench->unix_domain, "/nosuch/x.socket", detail, sizeof detail),
                     HWS_EADDRESS);
    assert_non_null(strstr(detail, "the directory does not exist"));
}

/* A socket file whose process is dead. */
static void leave_a_socket_file(const char *path)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(where.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
    close(fd);
}

static void socket_files(void **state)
{
    struct bench *bench = *state;
    struct host host;
    struct stat node;
    char detail[512];
    leave_a_socket_file(bench->path);
    host_init(&host, NULL, 0);
    host_listen(bench, bench->unix_domain, bench->path, &host);
    assert_int_equal(stat(bench->path, &node), 0);
    assert_int_equal(node.st_mode & 0777, 0600);
    assert_int_equal(try_listen(bench->unix_domain, bench->path, detail, sizeof detail),
                     HWS_EADDRINUSE);
    assert_non_null(strstr(detail, "choose another path"));
    assert_int_equal(stat(bench->path, &node), 0);
    host.listener->ops->close(host.listener);
    assert_int_not_equal(stat(bench->path, &node), 0);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct bench *bench = *state;
    char detail[512];
    close(open(bench->path, O_CREAT | O_WRONLY, 0644));
    assert_int_equal(try_listen(bench->unix_domain, bench->path, detail, sizeof detail),
                     HWS_EADDRINUSE);
    assert_int_equal(unlink(bench->path), 0);
}

static void the_socket_file_of_another_is_left_alone(void **state)
{
    struct bench *bench = *state;
    struct host host;
    host_init(&host, NULL, 0);
    host_listen(bench, bench->unix_domain, bench->path, &host);
    assert_int_equal(unlink(bench->path), 0);
    leave_a_socket_file(bench->path);
    host.listener->ops->close(host.listener);
    assert_int_equal(unlink(bench->path), 0);
}

static void no_memory(void **state)
{
    struct bench *bench = *state;
    struct host host;
    char detail[512];
    bench->exhausted = true;
    assert_int_equal(try_listen(bench->tcp, "127.0.0.1:0", detail, sizeof detail), HWS_ENOMEM);
    assert_int_equal(try_listen(bench->unix_domain, bench->path, detail, sizeof detail),
                     HWS_ENOMEM);
    assert_int_equal(try_dial(bench->tcp, "127.0.0.1:1", detail, sizeof detail), HWS_ENOMEM);
    assert_int_equal(try_dial(bench->tcp, "localhost:1", detail, sizeof detail), HWS_ENOMEM);
    assert_int_equal(try_dial(bench->unix_domain, bench->path, detail, sizeof detail), HWS_ENOMEM);
    bench->exhausted = false;
    host_init(&host, NULL, 0);
    host_listen(bench, bench->unix_domain, bench->path, &host);
    host.listener->ops->close(host.listener);
}

/* Connections wait in the kernel while the process has no descriptor, and are accepted afterwards. */
static void no_descriptor(void **state)
{
    struct bench *bench = *state;
    struct rlimit before, none;
    struct peer near, far;
    struct host host;
    int fd;
    host_init(&host, &far, 1);
    host_listen(bench, bench->tcp, "127.0.0.1:0", &host);
    peer_init(&near);
    peer_dial(bench, bench->tcp, host.listener->address, &near);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    fd = dup(0);
    close(fd);
    none = (struct rlimit){ (rlim_t)fd, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bench_turn(bench, 20);
    assert_int_equal(host.accepted, 0);
    dial_fails(bench, bench->tcp, host.listener->address, HWS_EIO, "too many open files");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    bench_run_until(bench, host_has_accepted, &host);
    near.link->ops->close(near.link);
    bench_run_until(bench, peer_is_closed, &far);
    bench_run_until(bench, peer_is_closed, &near);
    host.listener->ops->close(host.listener);
    peer_free(&far);
    peer_free(&near);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_taken_apart),
        TEST(malformed_addresses_are_refused_at_once),
        TEST(nobody_listens),
        TEST(the_host_has_no_address),
        TEST(closing_while_the_name_is_looked_up),
        TEST(a_name_is_resolved_and_every_address_tried),
        TEST(the_port_is_in_use),
        TEST(an_address_that_is_not_ours),
        TEST(socket_files),
        TEST(a_file_that_is_no_socket_is_left_alone),
        TEST(the_socket_file_of_another_is_left_alone),
        TEST(no_memory),
        TEST(no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
