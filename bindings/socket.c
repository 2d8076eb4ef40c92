/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "state.h"

#define BACKLOG 16

static bool parse(const char *text, struct sockaddr_in *out)
{
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : sizeof host;
    if (length >= sizeof host || colon[1] < '0' || colon[1] > '9')
        return false;
    memcpy(host, text, length);
    host[length] = 0;
    memset(out, 0, sizeof *out);
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    out->sin_family = AF_INET;
    out->sin_port = htons((uint16_t)port);
    return *end == 0 && port <= UINT16_MAX && inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static int bad_address(lua_State *L, const char *text)
{
    lua_pushfstring(L, "%s is no address of a socket; expected 127.0.0.1:port", text);
    return hwl_failure(L, HWS_EADDRESS, lua_tostring(L, -1));
}

static int failure(lua_State *L, const char *text, int error)
{
    lua_pushfstring(L, "%s: %s", text, strerror(error));
    return hwl_failure(L, error == ECONNREFUSED ? HWS_EREFUSED : HWS_EIO, lua_tostring(L, -1));
}

static void set_up(int descriptor)
{
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

/* Pushes the socket that `call` made of the address. */
static int open_socket(lua_State *L, int (*call)(int descriptor, const struct sockaddr_in *address))
{
    const char *text = luaL_checkstring(L, 1);
    struct sockaddr_in address;
    if (!parse(text, &address))
        return bad_address(L, text);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = descriptor < 0 || call(descriptor, &address) != 0 ? errno : 0;
    if (error) {
        if (descriptor >= 0)
            close(descriptor);
        return failure(L, text, error);
    }
    set_up(descriptor);
    return hwl_push_descriptor(L, descriptor);
}

static int listen_at(int descriptor, const struct sockaddr_in *address)
{
    int failed = bind(descriptor, (const struct sockaddr *)address, sizeof *address);
    return failed ? failed : listen(descriptor, BACKLOG);
}

int hwl_socket_listen(lua_State *L)
{
    return open_socket(L, listen_at);
}

static int connect_to(int descriptor, const struct sockaddr_in *address)
{
    return connect(descriptor, (const struct sockaddr *)address, sizeof *address);
}

int hwl_socket_connect(lua_State *L)
{
    return open_socket(L, connect_to);
}

int hwl_socket_accept(lua_State *L)
{
    int descriptor = accept4(hwl_check_descriptor(L, 1), NULL, NULL, SOCK_CLOEXEC);
    if (descriptor < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) {
        lua_pushboolean(L, 0);
        return 1;
    }
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
