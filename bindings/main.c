/* SPDX-License-Identifier: MIT */
/* The hawser executable: a Lua state with the module linked in. What its commands do is lua/hawser/cli. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "call.h"
#include "hawser_lua.h"

#ifdef HAWSER_EDITOR
int luaopen_hawser_editor(lua_State *L);
#endif

#define PATH_SIZE 1024

/* The only globals: a signal handler gets no argument. */
static struct hwl_state *interrupt_handle;
static volatile sig_atomic_t interrupted_by;
static int terminal = -1; /* a descriptor that was one at the start */

/* In order, then at once, then without asking: a script may be stuck in a C function. */
static void on_signal(int number)
{
    int error = errno;
    interrupted_by = number;
    if (hwl_interrupt(interrupt_handle) > 2)
        _exit(128 + number);
    errno = error;
}

static void catch_signals(lua_State *L)
{
    struct sigaction action;
    interrupt_handle = hwl_interrupt_handle(L);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

/* A terminal that went away stops the program, as ever; an operator's SIGHUP reloads the policies. */
static void on_hangup(int number)
{
    int error = errno;
    struct termios attributes;
    if (terminal >= 0 && tcgetattr(terminal, &attributes) != 0)
        on_signal(number);
    else
        hwl_ask_reload(interrupt_handle);
    errno = error;
}

/* Called by the commands that run systems. Who ignored SIGHUP before (nohup) wants it ignored. */
static int catch_hangup(lua_State *L)
{
    struct sigaction action;
    (void)L;
    if (sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        return 0;
    for (int descriptor = 2; descriptor >= 0; descriptor--)
        terminal = isatty(descriptor) ? descriptor : terminal;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_hangup;
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, NULL);
    return 0;
}

/* Columns and rows of standard output: nil when it is no terminal, 80 and 24 when it does not know. */
static int terminal_size(lua_State *L)
{
    struct winsize size = { 0 };
    if (!isatty(STDOUT_FILENO))
        return 0;
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    lua_pushinteger(L, size.ws_col ? size.ws_col : 80);
    lua_pushinteger(L, size.ws_row ? size.ws_row : 24);
    return 2;
}

static int has_module(const char *directory)
{
    char file[PATH_SIZE + 64];
    (void)snprintf(file, sizeof file, "%s/hawser/init.lua", directory);
    return access(file, R_OK) == 0;
}

/* DIR/bin/hawser belongs to DIR/share/lua/5.4; in a build tree, to the sources. */
static const char *lua_directory(char *out, size_t capacity)
{
    char self[PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    for (int i = 0; i < 2 && size > 0; i++) {
        self[size] = 0;
        char *slash = strrchr(self, '/');
        size = slash ? slash - self : 0;
    }
    if (size > 0) {
        (void)snprintf(out, capacity, "%.*s/share/lua/5.4", (int)size, self);
        if (has_module(out))
            return out;
    }
    return has_module(HAWSER_LUA_DIR) ? HAWSER_LUA_DIR : HAWSER_LUA_INSTALL_DIR;
}

static void set_path(lua_State *L)
{
    char directory[PATH_SIZE + 32];
    const char *lua = lua_directory(directory, sizeof directory);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", lua, lua, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

static void preload_editor(lua_State *L)
{
#ifdef HAWSER_EDITOR
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_hawser_editor);
    lua_setfield(L, -2, "hawser.editor");
    lua_pop(L, 1);
#else
    (void)L;
#endif
}

static const luaL_Reg executable[] = { { "catch_hangup", catch_hangup },
                                       { "terminal_size", terminal_size },
                                       { NULL, NULL } };

static int call_cli(lua_State *L)
{
    int count = (int)lua_tointeger(L, 1);
    char **arguments = lua_touserdata(L, 2);
    luaL_openlibs(L);
    set_path(L);
    hwl_preload(L);
    preload_editor(L);
    catch_signals(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "hawser.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushstring(L, arguments[i]);
        lua_rawseti(L, -2, i);
    }
    luaL_newlib(L, executable);
    lua_call(L, 2, 1);
    return 1;
}

/* What hwl_interrupt() raised: a position before the word, a traceback behind it. */
static int is_interrupt(const char *text)
{
    static const char word[] = "interrupted";
    size_t length = strcspn(text, "\n"), size = sizeof word - 1;
    return interrupted_by && length >= size && memcmp(text + length - size, word, size) == 0;
}

/* The exit status of a command that raised an error: for a signal's, what shells expect. */
static int report(const char *text)
{
    if (!is_interrupt(text)) {
        (void)fprintf(stderr, "hawser: %s\n", text);
        return EXIT_FAILURE;
    }
    (void)fputs("hawser: interrupted\n", stderr);
    return 128 + interrupted_by;
}

int main(int count, char **arguments)
{
    int status = EXIT_FAILURE;
    lua_State *L = luaL_newstate();
    if (!L) {
        (void)fputs("hawser: out of memory\n", stderr);
        return status;
    }
    lua_pushcfunction(L, hwl_traceback);
    lua_pushcfunction(L, call_cli);
    lua_pushinteger(L, count);
    lua_pushlightuserdata(L, arguments);
    if (lua_pcall(L, 2, 1, 1) == LUA_OK)
        status = (int)lua_tointeger(L, -1);
    else
        status = report(lua_tostring(L, -1));
    lua_close(L);
    return status;
}
