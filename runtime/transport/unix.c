/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/unix.h"

#include "base/text.h"
#include "transport/acceptor.h"
#include "transport/family.h"
#include "transport/uverror.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int parse(struct sockaddr_un *out, const char *path, char *detail, size_t capacity)
{
    size_t length = strlen(path);
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (length == 0) {
        hwsi_say(detail, capacity, "a unix address needs a path: unix:/run/name.socket");
        return HWS_EADDRESS;
    }
    if (length >= sizeof out->sun_path) {
        hwsi_say(
            detail, capacity,
            "\"%.200s\" is too long for a socket: %zu bytes, at most %zu fit; choose a shorter path",
            path, length, sizeof out->sun_path - 1);
        return HWS_EADDRESS;
    }
    memcpy(out->sun_path, path, length);
    return 0;
}

/* Does nobody listen on this socket file? Only a refusal proves it. */
static bool is_stale(const struct sockaddr_un *where)
{
    struct stat node;
    bool refused;
    int fd;
    if (lstat(where->sun_path, &node) != 0 || !S_ISSOCK(node.st_mode) ||
        hwsi_sockets_open(AF_UNIX, &fd) != 0)
        return false;
    refused =
        connect(fd, (const struct sockaddr *)where, sizeof *where) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_here(int fd, const struct sockaddr_un *where)
{
    return bind(fd, (const struct sockaddr *)where, sizeof *where) == 0
               ? 0
               : uv_translate_sys_error(errno);
}

/* A bound socket that nobody can connect to yet. 0 or a libuv error. */
static int bound(const struct sockaddr_un *where, struct stat *node, int *out)
{
    int fd, error = hwsi_sockets_open(AF_UNIX, &fd);
    if (error)
        return error;
    error = bind_here(fd, where);
    if (error == UV_EADDRINUSE && is_stale(where) && unlink(where->sun_path) == 0)
        error = bind_here(fd, where);
    if (!error && (chmod(where->sun_path, 0600) != 0 || lstat(where->sun_path, node) != 0)) {
        error = uv_translate_sys_error(errno);
        unlink(where->sun_path);
    }
    if (error) {
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

static void welcome(struct hwsi_acceptor *acceptor, int fd, const struct sockaddr_storage *from,
                    char *peer, size_t capacity)
{
    struct ucred who;
    socklen_t size = sizeof who;
    (void)from;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
        hwsi_say(peer, capacity, "%s (process %ld)", acceptor->address, (long)who.pid);
    else
        hwsi_say(peer, capacity, "%s", acceptor->address);
}

/* Another process may have put its own there meanwhile. */
static void closing(struct hwsi_acceptor *acceptor)
{
    struct stat now;
    if (lstat(acceptor->address, &now) == 0 && now.st_dev == acceptor->node.st_dev &&
        now.st_ino == acceptor->node.st_ino)
        unlink(acceptor->address);
}

static const struct hwsi_acceptor_ops unix_acceptor_ops = { welcome, closing };

static int refuse(int error, const char *path, char *detail, size_t capacity)
{
    if (error != UV_EADDRINUSE)
        return hwsi_uverror_listen(error, path, detail, capacity);
    hwsi_say(
        detail, capacity,
        "cannot listen on %s: the path is already in use; stop the other program or choose another path",
        path);
    return HWS_EADDRINUSE;
}

static int unix_listen(struct hws_transport *transport, const char *path,
                       struct hws_listener_handler *handler, struct hws_listener **out,
                       char *detail, size_t capacity)
{
    struct hwsi_sockets *sockets = ((struct hwsi_family *)transport)->sockets;
    struct hwsi_acceptor *acceptor;
    struct sockaddr_un where;
    struct stat node;
    int fd, error = parse(&where, path, detail, capacity);
    if (error)
        return error;
    error = bound(&where, &node, &fd);
    if (error)
        return refuse(error, path, detail, capacity);
    error = hwsi_acceptor_new(sockets, &unix_acceptor_ops, fd, path, handler, &acceptor);
    if (error) {
        unlink(path);
        return refuse(error, path, detail, capacity);
    }
    acceptor->node = node;
    *out = &acceptor->listener;
    return 0;
}

static int unix_dial(struct hws_transport *transport, const char *path,
                     struct hws_link_handler *handler, struct hws_link **out, char *detail,
                     size_t capacity)
{
    struct sockaddr_un where;
    int error = parse(&where, path, detail, capacity);
    if (error)
        return error;
    return hwsi_family_dial((struct hwsi_family *)transport, path, (struct sockaddr *)&where,
                            sizeof where, handler, out, detail, capacity);
}

static int unix_check(struct hws_transport *transport, const char *path, char *detail,
                      size_t capacity)
{
    struct sockaddr_un where;
    (void)transport;
    return parse(&where, path, detail, capacity);
}

static const struct hws_transport_ops unix_ops = { "unix", unix_listen, unix_dial,
                                                   hwsi_family_release, unix_check };

int hwsi_unix_new(struct hwsi_sockets *sockets, void (*released)(void *data), void *data,
                  struct hws_transport **out)
{
    return hwsi_family_new(sockets, &unix_ops, released, data, out);
}
