/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "descriptor.h"
#include "state.h"

#define BACKLOG 16
#define UNIX_PREFIX "unix:"

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in inet;
    } address;
    socklen_t size;
    const char *path; /* NULL: not a Unix socket */
};

static bool parse_inet(const char *text, struct place *out)
{
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : sizeof host;
    if (length >= sizeof host || colon[1] < '0' || colon[1] > '9')
        return false;
    memcpy(host, text, length);
    host[length] = 0;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    out->address.inet.sin_family = AF_INET;
    out->address.inet.sin_port = htons((uint16_t)port);
    out->size = sizeof out->address.inet;
    return *end == 0 && port <= UINT16_MAX &&
           inet_pton(AF_INET, host, &out->address.inet.sin_addr) == 1;
}

static bool parse(const char *text, struct place *out)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) != 0)
        return parse_inet(text, out);
    out->path = text + strlen(UNIX_PREFIX);
    size_t length = strlen(out->path);
    if (length == 0 || length >= sizeof out->address.local.sun_path)
        return false;
    out->address.local.sun_family = AF_UNIX;
    memcpy(out->address.local.sun_path, out->path, length + 1);
    out->size = sizeof out->address.local;
    return true;
}

static int bad_address(lua_State *L, const char *text)
{
    lua_pushfstring(L,
                    "%s is no address of a socket; expected unix:/path, of at most %d bytes, or "
                    "127.0.0.1:port",
                    text, (int)sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    return hwl_failure(L, HWS_EADDRESS, lua_tostring(L, -1));
}

static int failure(lua_State *L, const char *text, int error)
{
    lua_pushfstring(L, "%s: %s", text, strerror(error));
    return hwl_failure(L, error == ECONNREFUSED || error == ENOENT ? HWS_EREFUSED : HWS_EIO,
                       lua_tostring(L, -1));
}

static void set_up(int descriptor)
{
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static int open_socket(const struct place *place)
{
    return socket(place->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Is the socket file what a process that has gone left behind? */
static bool is_stale(const struct place *place)
{
    struct stat file;
    if (!place->path || lstat(place->path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return false;
    int probe = open_socket(place);
    bool refused = probe >= 0 && connect(probe, &place->address.any, place->size) != 0 &&
                   errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    return refused;
}

static int bind_privately(int descriptor, const struct place *place)
{
    mode_t before = umask(0177);
    int error = bind(descriptor, &place->address.any, place->size) == 0 ? 0 : errno;
    umask(before);
    return error;
}

int hwl_socket_listen(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    struct place place;
    if (!parse(text, &place))
        return bad_address(L, text);
    int descriptor = open_socket(&place);
    int error = descriptor < 0 ? errno : bind_privately(descriptor, &place);
    if (error == EADDRINUSE && is_stale(&place)) {
        unlink(place.path);
        error = bind_privately(descriptor, &place);
    }
    if (!error && listen(descriptor, BACKLOG) != 0)
        error = errno;
    if (error) {
        if (descriptor >= 0)
            close(descriptor);
        return failure(L, text, error);
    }
    set_up(descriptor);
    return hwl_push_descriptor(L, descriptor);
}

int hwl_socket_connect(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    struct place place;
    if (!parse(text, &place))
        return bad_address(L, text);
    int descriptor = open_socket(&place), error = descriptor < 0 ? errno : 0;
    if (!error && connect(descriptor, &place.address.any, place.size) != 0)
        error = errno;
    if (error) {
        if (descriptor >= 0)
            close(descriptor);
        return failure(L, text, error);
    }
    set_up(descriptor);
    return hwl_push_descriptor(L, descriptor);
}

int hwl_socket_accept(lua_State *L)
{
    int descriptor = accept4(hwl_check_descriptor(L, 1), NULL, NULL, SOCK_CLOEXEC);
    if (descriptor < 0)
        return hwl_io_failure(L, errno);
    set_up(descriptor);
    return hwl_push_descriptor(L, descriptor);
}

int hwl_socket_write(lua_State *L)
{
    size_t size;
    int descriptor = hwl_check_descriptor(L, 1);
    const char *text = luaL_checklstring(L, 2, &size);
    ssize_t taken;
    do
        taken = send(descriptor, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (taken < 0 && errno == EINTR);
    if (taken < 0 && errno != EAGAIN)
        return hwl_io_failure(L, errno);
    lua_pushinteger(L, taken < 0 ? 0 : (lua_Integer)taken);
    return 1;
}

int hwl_socket_address(lua_State *L)
{
    struct sockaddr_in address = { 0 };
    socklen_t size = sizeof address;
    char host[INET_ADDRSTRLEN];
    int descriptor = hwl_check_descriptor(L, 1);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0 ||
        address.sin_family != AF_INET)
        return 0;
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    lua_pushfstring(L, "%s:%d", host, (int)ntohs(address.sin_port));
    return 1;
}
