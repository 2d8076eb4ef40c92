/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=240
 *
 * System calls that fail under two systems on one loop, over TCP and over a Unix socket: each call that is made on a socket, once,
 * and from there on. Nothing crashes, hangs or leaks memory or descriptors; each message arrives once or is a dead letter, and all arrive
 * when the call works again. The calls are taken over by symbols of this program; epoll's are left alone, because libuv itself aborts
 * when they fail. `test_delivery_calls tcp recv 17 [on]` runs one life.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "hawser/loop.h"
#include "support_delivery.h"
#include "support_life.h"

/* --- the calls --- */

/* X(name, errno): a call, and how it fails. A short one takes one byte or a part, a full one none. */
/* clang-format off */
#define CALLS(X)                                                                        \
    X(socket, EMFILE) X(bind, EADDRINUSE) X(listen, EADDRINUSE) X(connect, ENETUNREACH) \
    X(accept, ECONNABORTED) X(accept_full, EMFILE) X(recv, ECONNRESET) X(recv_short, 0) \
    X(recv_none, EAGAIN) X(send, EPIPE) X(send_short, 0) X(send_full, EAGAIN)           \
    X(setsockopt, EINVAL) X(getsockname, ENOBUFS) X(getpeername, ENOTCONN)
/* clang-format on */
enum call {
#define X(name, error) CALL_##name,
    CALLS(X)
#undef X
        CALL_COUNT
};
static struct call_plan {
    bool armed; /* calls are counted */
    enum call what;
    uint64_t fail_at; /* the call of this number fails; 0: none */
    bool for_good;    /* and every one of its kind after it */
    uint64_t calls[CALL_COUNT];
} call_plan;

static const char *call_name(enum call call)
{
    static const char *const names[] = {
#define X(name, error) #name,
        CALLS(X)
#undef X
    };
    return names[call];
}

static const int errors[] = {
#define X(name, error) error,
    CALLS(X)
#undef X
};

/* Counts it; true: it fails, and errno says how. */
static bool fails(enum call call)
{
    if (!call_plan.armed)
        return false;
    uint64_t number = ++call_plan.calls[call];
    bool now = number == call_plan.fail_at || (call_plan.for_good && number > call_plan.fail_at);
    if (!call_plan.fail_at || call_plan.what != call || !now)
        return false;
    errno = errors[call];
    return true;
}

/* The function behind the one that is defined here. */
#define REAL(name)                        \
    static __typeof__(&name) next_##name; \
    if (!next_##name)                     \
    *(void **)(&next_##name) = dlsym(RTLD_NEXT, #name)

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    return fails(CALL_socket) ? -1 : next_socket(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    REAL(bind);
    return fails(CALL_bind) ? -1 : next_bind(fd, address, size);
}

int listen(int fd, int backlog)
{
    REAL(listen);
    return fails(CALL_listen) ? -1 : next_listen(fd, backlog);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    REAL(connect);
    return fails(CALL_connect) ? -1 : next_connect(fd, address, size);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    REAL(accept4);
    if (fails(CALL_accept) || fails(CALL_accept_full))
        return -1;
    return next_accept4(fd, address, size, flags);
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    REAL(recv);
    if (fails(CALL_recv) || fails(CALL_recv_none))
        return -1;
    return next_recv(fd, buffer, fails(CALL_recv_short) ? 1 : size, flags);
}

ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    REAL(send);
    if (fails(CALL_send) || fails(CALL_send_full))
        return -1;
    return next_send(fd, buffer, fails(CALL_send_short) ? 1 : size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    if (fails(CALL_send) || fails(CALL_send_full))
        return -1;
    if (!fails(CALL_send_short))
        return next_sendmsg(fd, message, flags);
    return send(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    REAL(setsockopt);
    return fails(CALL_setsockopt) ? -1 : next_setsockopt(fd, level, name, value, size);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    REAL(getsockname);
    return fails(CALL_getsockname) ? -1 : next_getsockname(fd, address, size);
}

int getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
    REAL(getpeername);
    return fails(CALL_getpeername) ? -1 : next_getpeername(fd, address, size);
}

/* Descriptors of this process. */
static unsigned open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count;
}

/* --- the life --- */

#define MESSAGES 60u /* each way, in two halves */
#define PATIENCE (5 * HWS_SECOND)
#define IMPATIENCE (60 * HWS_MILLISECOND) /* where nothing will come any more */

struct side {
    struct hws_policy policy; /* first */
    struct duel *duel;
    uint8_t index;
    struct hws_system *system; /* NULL: could not be made */
    char address[128];
    struct hws_pid *sink, *peer;
    uint32_t sent, next;
    uint8_t accepted[MESSAGES], arrived[MESSAGES], letters[MESSAGES];
};
struct duel {
    struct uv_loop_s *loop;
    struct meter meter;
    const char *listen[2];
    struct side sides[2];
    unsigned answers, asked;
    const char *wrong;
};

static int take(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct side *side = self;
    struct number number;
    if (message->kind != HWS_MESSAGE_user || !number_read(message->payload, &number))
        return 0;
    if (message->request_id)
        hws_context_respond(context, message, message->payload);
    if (number.kind != 'm')
        return 0;
    struct side *from = &side->duel->sides[number.from];
    if (number.number < side->next)
        side->duel->wrong = "a message came twice, or out of order";
    side->next = number.number + 1;
    from->arrived[number.number]++;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = take };

static int see_letter(struct hws_policy *policy, const struct hws_letter *letter,
                      struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct side *side = (struct side *)(void *)policy;
    struct number number;
    (void)answer;
    (void)error;
    if (number_read(letter->message->payload, &number) && number.kind == 'm')
        side->duel->sides[number.from].letters[number.number] +=
            letter->reason != HWS_REASON_unacknowledged;
    return 0;
}

static int queue_meanwhile(struct hws_policy *policy, const char *address,
                           enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)policy;
    (void)address;
    (void)error;
    *answer = HWS_DISCONNECTED_QUEUE;
    return 0;
}
static const struct hws_policy_ops policy_ops = { .dead_letter = see_letter,
                                                  .disconnected = queue_meanwhile };

static void begin(struct duel *duel, uint8_t index)
{
    struct side *side = &duel->sides[index];
    struct hws_options options;
    hws_options_init(&options);
    side->policy = (struct hws_policy){ .ops = &policy_ops, .name = "test" };
    side->duel = duel;
    side->index = index;
    options.name = index ? "beta" : "alpha";
    options.listen = duel->listen[index];
    options.allocator = &duel->meter.allocator;
    options.policy = &side->policy;
    options.reconnect_max_retries = 0;
    options.reconnect_initial = HWS_MILLISECOND;
    options.reconnect_max = 5 * HWS_MILLISECOND;
    options.connect_timeout = options.handshake_timeout = 300 * HWS_MILLISECOND;
    options.heartbeat_interval = 100 * HWS_MILLISECOND;
    options.heartbeat_timeout = 300 * HWS_MILLISECOND;
    if (hws_system_new(&options, &side->system, NULL, 0))
        return;
    if (hws_loop_attach(side->system, duel->loop) || hws_start(side->system, NULL, 0)) {
        hws_system_free(side->system);
        side->system = NULL;
        return;
    }
    snprintf(side->address, sizeof side->address, "%s", hws_system_address(side->system));
    assert_int_equal(hws_spawn_named(side->system, "sink", &sink_ops, side, &side->sink), 0);
}

static void meet(struct side *side)
{
    struct side *other = &side->duel->sides[!side->index];
    if (side->system && other->system)
        assert_int_equal(hws_pid_make(side->system, other->address, "sink", &side->peer), 0);
}

static void send_some(struct side *side, unsigned count)
{
    static uint8_t room[NUMBER_MOST];
    for (; side->peer && count; count--) {
        struct number number = { 'm', side->index, !side->index, side->sent };
        size_t size = number_write(room, &number, side->sent % 20 == 0 ? 60000 : 30);
        struct hws_message message = { .payload = { room, size }, .sender = side->sink };
        side->accepted[side->sent++] = hws_send(side->system, side->peer, &message) == 0;
    }
}

static void answered(void *data, int status, const struct hws_message *response)
{
    (void)status;
    (void)response;
    ((struct duel *)data)->answers++;
}

static void ask(struct side *side)
{
    uint8_t room[64];
    struct number number = { 'q', side->index, !side->index, 0 };
    struct hws_message message = { .payload = { room, number_write(room, &number, 5) } };
    if (side->peer)
        side->duel->asked +=
            hws_request(side->system, side->peer, &message, 0, answered, side->duel, NULL) == 0;
}

static bool all_settled(void *data)
{
    const struct duel *duel = data;
    for (int i = 0; i < 2; i++)
        for (uint32_t n = 0; n < duel->sides[i].sent; n++)
            if (!duel->sides[i].arrived[n] && !duel->sides[i].letters[n])
                return false;
    return true;
}

static void half(struct duel *duel, uint64_t patience)
{
    for (int i = 0; i < 2; i++) {
        send_some(&duel->sides[i], MESSAGES / 2);
        ask(&duel->sides[i]);
    }
    hws_loop_run_until(duel->loop, all_settled, duel, patience);
}

static void end(struct side *side)
{
    if (side->system)
        hws_stop(side->system, "test", 50 * HWS_MILLISECOND);
    hws_system_free(side->system);
    hws_pid_release(side->sink);
    hws_pid_release(side->peer);
}

static const char *judge(const struct duel *duel, bool recovers)
{
    for (int i = 0; i < 2; i++)
        for (uint32_t n = 0; n < duel->sides[i].sent; n++) {
            unsigned came = duel->sides[i].arrived[n], letters = duel->sides[i].letters[n];
            if (came + letters > 1)
                return "a message became two";
            if (duel->sides[i].accepted[n] && recovers && !came)
                return "a message did not come, and the call works again";
        }
    if (duel->answers != duel->asked)
        return "a request did not end once";
    return duel->wrong;
}

static void run(struct duel *duel, const char *const *listen, uint64_t patience)
{
    *duel = (struct duel){ .listen = { listen[0], listen[1] } };
    meter_init(&duel->meter);
    assert_int_equal(hws_loop_new(&duel->loop), 0);
    call_plan.armed = true;
    for (uint8_t i = 0; i < 2; i++)
        begin(duel, i);
    for (uint8_t i = 0; i < 2; i++)
        meet(&duel->sides[i]);
    half(duel, patience);
    if (duel->sides[0].peer)
        hws_cut_link(duel->sides[0].system, duel->sides[1].address);
    half(duel, patience);
    for (uint8_t i = 0; i < 2; i++)
        end(&duel->sides[i]);
    hws_loop_free(duel->loop);
    call_plan.armed = false;
}

static void live(const char *const *listen, enum call what, uint64_t at, bool for_good)
{
    static struct duel duel;
    unsigned files = open_files();
    call_plan = (struct call_plan){ .what = what, .fail_at = at, .for_good = for_good };
    run(&duel, listen, for_good ? IMPATIENCE : PATIENCE);
    const char *wrong = judge(&duel, !for_good);
    if (wrong || duel.meter.held || open_files() != files)
        fail_msg("%s %llu%s: %s, %zu bytes and %d descriptors left", call_name(what),
                 (unsigned long long)at, for_good ? " and those after it" : "",
                 wrong ? wrong : "well", duel.meter.held, (int)open_files() - (int)files);
}

static unsigned once, on;

static void each_call_fails(const char *const *listen)
{
    uint64_t calls[CALL_COUNT];
    live(listen, CALL_socket, 0, false);
    memcpy(calls, call_plan.calls, sizeof calls);
    assert_true(calls[CALL_socket] >= 4 && calls[CALL_send] > 10 && calls[CALL_recv] > 10);
    for (int what = 0; what < CALL_COUNT; what++)
        for (uint64_t n = 1; n <= calls[what]; n += life_step(3)) {
            live(listen, (enum call)what, n, false);
            live(listen, (enum call)what, n, true);
            once++;
            on++;
        }
}

static const char *const tcp[] = { "127.0.0.1:0", "127.0.0.1:0" };
static char paths[2][64];
static const char *const unix_sockets[] = { paths[0], paths[1] };

static void test_tcp(void **state)
{
    (void)state;
    each_call_fails(tcp);
}

static void test_unix(void **state)
{
    (void)state;
    each_call_fails(unix_sockets);
}

static int one(char **arguments, bool for_good)
{
    for (int what = 0; what < CALL_COUNT; what++)
        if (strcmp(call_name((enum call)what), arguments[2]) == 0)
            live(strcmp(arguments[1], "tcp") == 0 ? tcp : unix_sockets, (enum call)what,
                 strtoull(arguments[3], NULL, 10), for_good);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_tcp), cmocka_unit_test(test_unix) };
    struct uv_loop_s *first; /* libuv keeps a pipe for signals from the first loop on */
    if (hws_loop_new(&first))
        return 1;
    hws_loop_free(first);
    for (int i = 0; i < 2; i++)
        snprintf(paths[i], sizeof paths[i], "unix:/tmp/hawser-calls-%d-%d", (int)getpid(), i);
    if (argc > 3)
        return one(argv, argc > 4);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("torture: system calls failed: %u once, %u from there on: %s\n", once, on,
           failed ? "FAILED" : "none crashed, leaked or lost");
    return failed;
}
