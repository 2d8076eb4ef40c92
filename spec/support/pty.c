/* SPDX-License-Identifier: MIT */
/*
 * A program on a pseudo-terminal, for specs:
 *   pty.start({ program, arguments... }, { rows =, columns =, environment = { NAME = "value" } }) -> terminal
 *   terminal:read(seconds) -> bytes, "" when none came in time, nil when the other end has gone
 *   terminal:write(bytes), terminal:resize(rows, columns), terminal:kill(signal)
 *   terminal:wait(seconds) -> "exited", code | "killed", signal | nil: still running
 *   terminal:close(), which takes the terminal away
 * A program that is still there when the object goes is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#define ARGUMENTS_MAX 32
#define METATABLE "spec.pty"

struct terminal {
    int master;
    pid_t pid; /* 0: reaped */
    int status;
};

int luaopen_pty(lua_State *L);

static struct terminal *check(lua_State *L)
{
    return luaL_checkudata(L, 1, METATABLE);
}

static void set_environment(lua_State *L, int index)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        setenv(luaL_checkstring(L, -2), luaL_checkstring(L, -1), 1);
        lua_pop(L, 1);
    }
}

static void become(lua_State *L, const char *name, char **arguments, int environment)
{
    setsid();
    int slave = open(name, O_RDWR);
    if (slave < 0)
        _exit(126);
    ioctl(slave, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(slave, i);
    if (slave > 2)
        close(slave);
    if (environment)
        set_environment(L, environment);
    execvp(arguments[0], arguments);
    _exit(127);
}

static void set_size(int master, int rows, int columns)
{
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
    ioctl(master, TIOCSWINSZ, &size);
}

static int integer_field(lua_State *L, int index, const char *name, int otherwise)
{
    int value = otherwise;
    if (lua_getfield(L, index, name) == LUA_TNUMBER)
        value = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

static int start(lua_State *L)
{
    char *arguments[ARGUMENTS_MAX + 1] = { NULL };
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    for (int i = 0; i < ARGUMENTS_MAX && lua_geti(L, 1, i + 1) == LUA_TSTRING; i++)
        arguments[i] = (char *)lua_tostring(L, -1);
    int environment = lua_getfield(L, 2, "environment") == LUA_TTABLE ? lua_gettop(L) : 0;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    const char *name = NULL;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        (name = ptsname(master)) == NULL)
        return luaL_error(L, "no pseudo-terminal: %s", strerror(errno));
    set_size(master, integer_field(L, 2, "rows", 24), integer_field(L, 2, "columns", 80));
    struct terminal *terminal = lua_newuserdatauv(L, sizeof *terminal, 0);
    *terminal = (struct terminal){ .master = master };
    luaL_setmetatable(L, METATABLE);
    terminal->pid = fork();
    if (terminal->pid == 0)
        become(L, name, arguments, environment);
    return 1;
}

static int read_some(lua_State *L)
{
    struct terminal *terminal = check(L);
    struct pollfd waits = { .fd = terminal->master, .events = POLLIN };
    char buffer[16384];
    if (poll(&waits, 1, (int)(luaL_checknumber(L, 2) * 1000)) <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    ssize_t size = read(terminal->master, buffer, sizeof buffer);
    if (size <= 0)
        return 0;
    lua_pushlstring(L, buffer, (size_t)size);
    return 1;
}

static int write_all(lua_State *L)
{
    struct terminal *terminal = check(L);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    while (size > 0) {
        ssize_t written = write(terminal->master, bytes, size);
        if (written <= 0)
            return luaL_error(L, "the terminal takes no more: %s", strerror(errno));
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int resize(lua_State *L)
{
    set_size(check(L)->master, (int)luaL_checkinteger(L, 2), (int)luaL_checkinteger(L, 3));
    return 0;
}

static int kill_it(lua_State *L)
{
    struct terminal *terminal = check(L);
    if (terminal->pid > 0)
        kill(terminal->pid, (int)luaL_checkinteger(L, 2));
    return 0;
}

static int wait_for(lua_State *L)
{
    struct terminal *terminal = check(L);
    struct timespec step = { .tv_nsec = 5000000 };
    for (double left = luaL_checknumber(L, 2); terminal->pid > 0; left -= 0.005) {
        if (waitpid(terminal->pid, &terminal->status, WNOHANG) == terminal->pid)
            terminal->pid = 0;
        else if (left <= 0)
            return 0;
        else
            nanosleep(&step, NULL);
    }
    lua_pushstring(L, WIFEXITED(terminal->status) ? "exited" : "killed");
    lua_pushinteger(L, WIFEXITED(terminal->status) ? WEXITSTATUS(terminal->status)
                                                   : WTERMSIG(terminal->status));
    return 2;
}

static int close_it(lua_State *L)
{
    struct terminal *terminal = check(L);
    if (terminal->master >= 0)
        close(terminal->master);
    terminal->master = -1;
    return 0;
}

static int collect(lua_State *L)
{
    struct terminal *terminal = check(L);
    close_it(L);
    if (terminal->pid > 0) {
        kill(terminal->pid, SIGKILL);
        waitpid(terminal->pid, NULL, 0);
    }
    terminal->pid = 0;
    return 0;
}

int luaopen_pty(lua_State *L)
{
    static const luaL_Reg methods[] = { { "read", read_some }, { "write", write_all },
                                        { "resize", resize },  { "kill", kill_it },
                                        { "wait", wait_for },  { "close", close_it },
                                        { NULL, NULL } };
    static const luaL_Reg functions[] = { { "start", start }, { NULL, NULL } };
    luaL_newmetatable(L, METATABLE);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__close");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
