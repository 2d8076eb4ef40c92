/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"

#define BACKLOG 16
#define MARK_SIZE 48
#define LOCK_TRIES 100 /* of 10 ms */

static int failed(lua_State *L, int error, const char *format, const char *path)
{
    const char *text = lua_pushfstring(L, format, path);
    if (error)
        text = lua_pushfstring(L, "%s: %s", text, strerror(error));
    return hwl_failure(L,
                       error == EACCES || error == EPERM ? HWS_EACCESS
                       : error == ENOENT                 ? HWS_ENOTFOUND
                                                         : HWS_EIO,
                       text);
}

static bool set_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (!path[0] || strlen(path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, strlen(path));
    return true;
}

static int too_long(lua_State *L, const char *path)
{
    const char *text =
        path[0] ? lua_pushfstring(L, "%s: a socket's path has at most %d characters", path,
                                  (int)sizeof((struct sockaddr_un *)0)->sun_path - 1)
                : "a socket's path is empty";
    return hwl_failure(L, HWS_EADDRESS, text);
}

static int connect_to(int descriptor, const struct sockaddr_un *address)
{
    return connect(descriptor, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int hwl_local_peer(lua_State *L)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(hwl_check_descriptor(L, 1), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return hwl_io_failure(L, errno);
    lua_pushinteger(L, (lua_Integer)peer.uid);
    lua_pushinteger(L, (lua_Integer)peer.pid);
    return 2;
}

/* --- listening --- */

/* The directory that `path` is in, made if only it is missing, and locked: two servers that start at once must not both find
 * the same stale socket. Returns its descriptor, or -1. */
static int lock_directory(const char *path)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path + 2];
    const char *slash = strrchr(path, '/');
    (void)snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) : 1,
                   slash ? path : ".");
    if (slash == path)
        (void)snprintf(directory, sizeof directory, "/");
    (void)mkdir(directory, 0700);
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0; i++) {
        struct timespec pause = { 0, 10000000 };
        if (errno != EWOULDBLOCK || i == LOCK_TRIES)
            break; /* a file system without locks, or somebody who holds it for long: without, then */
        nanosleep(&pause, NULL);
    }
    return descriptor;
}

enum { ANSWERED = -1, NO_SOCKET = -2 }; /* beside errno's numbers: who is at the path already */

/* 0 when the path is free now. */
static int make_room(const char *path, const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(status.st_mode))
        return NO_SOCKET;
    int probe = new_socket();
    if (probe < 0)
        return errno;
    int error = connect_to(probe, address);
    close(probe);
    if (error == 0 || error == EAGAIN)
        return ANSWERED;
    if (error != ECONNREFUSED)
        return error;
    return unlink(path) == 0 ? 0 : errno;
}

/* Nobody can connect before listen(), by when the mode is right. */
static int bind_private(int descriptor, const char *path, const struct sockaddr_un *address,
                        struct stat *status)
{
    if (bind(descriptor, (const struct sockaddr *)address, sizeof *address) != 0)
        return errno;
    if (chmod(path, 0600) != 0 || lstat(path, status) != 0 || listen(descriptor, BACKLOG) != 0) {
        int error = errno;
        (void)unlink(path);
        return error;
    }
    return 0;
}

static void write_mark(char *mark, const struct stat *status)
{
    (void)snprintf(mark, MARK_SIZE, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)status->st_dev,
                   (uintmax_t)status->st_ino);
}

static int local_listen(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct sockaddr_un address;
    struct stat status = { 0 };
    char mark[MARK_SIZE];
    if (!set_address(&address, path))
        return too_long(L, path);
    int descriptor = new_socket(), error = descriptor < 0 ? errno : 0;
    int directory = lock_directory(path);
    if (!error && directory < 0)
        error = errno;
    error = error ? error : make_room(path, &address);
    error = error ? error : bind_private(descriptor, path, &address, &status);
    if (directory >= 0)
        close(directory);
    if (error && descriptor >= 0)
        close(descriptor);
    if (error == ANSWERED)
        return failed(L, 0, "%s is in use: another process answers there", path);
    if (error == NO_SOCKET)
        return failed(L, 0, "%s is there already and is no socket; it was left alone", path);
    if (error)
        return failed(L, error, "no socket can be made at %s", path);
    hwl_push_descriptor(L, descriptor);
    write_mark(mark, &status);
    lua_pushstring(L, mark);
    return 2;
}

static int local_unlink(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1), *wanted = luaL_checkstring(L, 2);
    struct stat status;
    char mark[MARK_SIZE] = "";
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        write_mark(mark, &status);
    lua_pushboolean(L, strcmp(mark, wanted) == 0 && unlink(path) == 0);
    return 1;
}

/* --- connecting --- */

static int local_connect(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct sockaddr_un address;
    struct stat status;
    if (!set_address(&address, path))
        return too_long(L, path);
    if (stat(path, &status) != 0)
        return failed(L, errno, "%s", path);
    if (!S_ISSOCK(status.st_mode))
        return failed(L, 0, "%s is no socket", path);
    int descriptor = new_socket();
    int error = descriptor < 0 ? errno : connect_to(descriptor, &address);
    if (error && descriptor >= 0)
        close(descriptor);
    if (error == ECONNREFUSED)
        return failed(L, 0, "nobody answers at %s: the process that made it is gone", path);
    if (error == EAGAIN)
        return failed(L, 0, "too many wait for an answer at %s already", path);
    if (error)
        return failed(L, error, "%s", path);
    return hwl_push_descriptor(L, descriptor);
}

/* --- finding --- */

static bool ends_in_sock(const char *name)
{
    size_t size = strlen(name);
    return size > 5 && strcmp(name + size - 5, ".sock") == 0;
}

static int local_sockets(lua_State *L)
{
    const char *directory = luaL_checkstring(L, 1);
    lua_newtable(L);
    DIR *opened = opendir(directory);
    if (!opened)
        return 1;
    lua_Integer count = 0;
    for (const struct dirent *entry = readdir(opened); entry; entry = readdir(opened)) {
        if (ends_in_sock(entry->d_name)) {
            lua_pushfstring(L, "%s/%s", directory, entry->d_name);
            lua_rawseti(L, -2, ++count);
        }
    }
    closedir(opened);
    return 1;
}

static int local_user(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)geteuid());
    return 1;
}

void hwl_open_local(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "local_listen", local_listen },   { "local_unlink", local_unlink },
        { "local_connect", local_connect }, { "local_sockets", local_sockets },
        { "local_user", local_user },       { NULL, NULL }
    };
    luaL_setfuncs(L, functions, 0);
}
