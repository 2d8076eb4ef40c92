/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* CPU_SET and sched_setaffinity */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_socket(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof *address) != 0 ||
        listen(fd, 1) != 0 || getsockname(fd, (struct sockaddr *)address, &length) != 0) {
        floor_fail("can't listen on 127.0.0.1: %s", strerror(errno));
        close_socket(fd);
        return -1;
    }
    return fd;
}

/* Anyone on this machine may connect to the port; only our own end's port is the right one. */
static bool is_other_end(int accepted, int connected)
{
    struct sockaddr_in theirs, ours;
    socklen_t theirs_length = sizeof theirs, ours_length = sizeof ours;

    return getpeername(accepted, (struct sockaddr *)&theirs, &theirs_length) == 0 &&
           getsockname(connected, (struct sockaddr *)&ours, &ours_length) == 0 &&
           theirs.sin_port == ours.sin_port;
}

static enum floor_outcome connect_ends(int ends[2])
{
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address);
    if (listener < 0) {
        return FLOOR_FAILED;
    }
    /* The kernel completes a loopback connection without accept, so blocking calls can't hang. */
    int connected = socket(AF_INET, SOCK_STREAM, 0);
    int accepted = -1;
    if (connected >= 0 && connect(connected, (struct sockaddr *)&address, sizeof address) == 0) {
        accepted = accept(listener, NULL, NULL);
    }
    int cause = errno;
    close_socket(listener);
    if (accepted < 0 || !is_other_end(accepted, connected)) {
        close_socket(connected);
        close_socket(accepted);
        return floor_fail("can't connect to 127.0.0.1:%d: %s", ntohs(address.sin_port),
                          accepted < 0 ? strerror(cause) : "a stranger was faster");
    }
    ends[0] = accepted;
    ends[1] = connected;
    return FLOOR_OK;
}

static enum floor_outcome pair_ends(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0
               ? FLOOR_OK
               : floor_fail("can't make a socket pair: %s", strerror(errno));
}

/* The child has said why it failed; only what it could not say itself is said here. */
static enum floor_outcome wait_for_peer(pid_t child, enum floor_outcome measured)
{
    int status = 0;

    if (measured == FLOOR_FAILED) {
        kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return floor_fail("can't wait for the other process: %s", strerror(errno));
        }
    }
    if (measured == FLOOR_FAILED || (WIFEXITED(status) && WEXITSTATUS(status) != 0)) {
        return FLOOR_FAILED;
    }
    if (WIFSIGNALED(status)) {
        return floor_fail("the other process was ended by signal %d", WTERMSIG(status));
    }
    return measured == FLOOR_OK ? FLOOR_OK : floor_fail("the other process stopped too early");
}

enum floor_outcome floor_stay_on_core(unsigned core)
{
    cpu_set_t wanted;

    CPU_ZERO(&wanted);
    CPU_SET(core, &wanted);
    return sched_setaffinity(0, sizeof wanted, &wanted) == 0
               ? FLOOR_OK
               : floor_fail("can't stay on core %u: %s", core, strerror(errno));
}

/* The nth of the cores that this process may use. */
static enum floor_outcome stay_on_nth_core(unsigned nth)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return floor_fail("can't ask for the cores: %s", strerror(errno));
    }
    for (unsigned core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &allowed) && nth-- == 0) {
            return floor_stay_on_core(core);
        }
    }
    return floor_fail("there are too few cores for that");
}

static enum floor_outcome run_peer(const struct floor_work *work,
                                   const struct floor_options *options, int fd)
{
    if (options->cores > 0 && stay_on_nth_core(options->cores - 1) != FLOOR_OK) {
        return FLOOR_FAILED;
    }
    return work->peer(fd, options);
}

static enum floor_outcome run_measuring(const struct floor_work *work,
                                        const struct floor_options *options, int fd,
                                        struct floor_result *result)
{
    if (options->cores > 0 && stay_on_nth_core(0) != FLOOR_OK) {
        close_socket(fd);
        return FLOOR_FAILED;
    }
    return work->measure(fd, options, result);
}

enum floor_outcome floor_pair_run(const struct floor_work *work,
                                  const struct floor_options *options, struct floor_result *result)
{
    int ends[2] = { -1, -1 };

    memset(result, 0, sizeof *result);
    hwsi_histogram_init(&result->round_trips);
    if ((floor_raw ? connect_ends(ends) : pair_ends(ends)) != FLOOR_OK) {
        return FLOOR_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    pid_t child = fork();
    if (child < 0) {
        close_socket(ends[0]);
        close_socket(ends[1]);
        return floor_fail("can't fork: %s", strerror(errno));
    }
    if (child == 0) {
        close_socket(ends[0]);
        _exit(run_peer(work, options, ends[1]) == FLOOR_FAILED);
    }
    close_socket(ends[1]);
    return wait_for_peer(child, run_measuring(work, options, ends[0], result));
}
