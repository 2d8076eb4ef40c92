/* SPDX-License-Identifier: MIT */
/*
 * hawser.editor: the terminal of the REPL for Lua, see line.h and signals.h. A module of its own, so that neither hawser.core nor
 * the library needs libedit. One editor a process.
 *
 *     local editor = require("hawser.editor").open()
 *     editor:begin("> ") -> "more" | "line", text | "end" | "complete", text, cursor
 *     editor:feed(), editor:complete(text) -> the same
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "line.h"
#include "signals.h"

#define METATABLE "hawser.editor"

struct editor {
    struct line *line; /* NULL: closed */
};

static bool is_open;

int luaopen_hawser_editor(lua_State *L);

static struct line *check_line(lua_State *L)
{
    struct editor *editor = luaL_checkudata(L, 1, METATABLE);
    if (!editor->line)
        luaL_error(L, "the editor is closed");
    return editor->line;
}

static int push_event(lua_State *L, struct line *line, enum line_event event)
{
    static const char *const names[] = { "more", "line", "end", "complete" };
    signals_editing(line_is_open(line));
    lua_pushstring(L, names[event]);
    if (event == LINE_DONE || event == LINE_COMPLETE)
        lua_pushstring(L, line_text(line));
    if (event == LINE_COMPLETE)
        lua_pushinteger(L, (lua_Integer)line_cursor(line));
    return event == LINE_DONE ? 2 : event == LINE_COMPLETE ? 3 : 1;
}

static int editor_begin(lua_State *L)
{
    struct line *line = check_line(L);
    return push_event(L, line, line_begin(line, luaL_checkstring(L, 2)));
}

static int editor_feed(lua_State *L)
{
    struct line *line = check_line(L);
    return push_event(L, line, line_feed(line));
}

static int editor_complete(lua_State *L)
{
    struct line *line = check_line(L);
    return push_event(L, line, line_completed(line, luaL_checkstring(L, 2)));
}

#define ACTION(name, call)                 \
    static int editor_##name(lua_State *L) \
    {                                      \
        struct line *line = check_line(L); \
        call;                              \
        return 0;                          \
    }
ACTION(hide, line_hide(line))
ACTION(show, line_show(line))
ACTION(resized, line_resized(line))
ACTION(remember, line_remember(line, luaL_checkstring(L, 2)))
ACTION(clear_interrupts, ((void)line, signals_clear_interrupts()))

static int editor_cancel(lua_State *L)
{
    struct line *line = check_line(L);
    line_cancel(line);
    signals_editing(false);
    return 0;
}

static int editor_suspend(lua_State *L)
{
    struct line *line = check_line(L);
    line_hide(line);
    line_release(line);
    signals_suspend();
    line_resume(line);
    line_show(line);
    return 0;
}

/* editor:keys(true): single keys arrive unechoed, for a live display; false: as before */
static int editor_keys(lua_State *L)
{
    struct line *line = check_line(L);
    if (lua_toboolean(L, 2))
        line_keys(line);
    else
        line_release(line);
    return 0;
}

/* editor:size() -> columns, rows */
static int editor_size(lua_State *L)
{
    struct line *line = check_line(L);
    lua_pushinteger(L, line_columns(line));
    lua_pushinteger(L, line_rows(line));
    return 2;
}

/* editor:signals() -> descriptors: of Ctrl-C, of the others */
static int editor_signals(lua_State *L)
{
    check_line(L);
    lua_pushinteger(L, signals_interrupts());
    lua_pushinteger(L, signals_others());
    return 2;
}

/* editor:signal() -> a letter, see signals.h; nil: none is left */
static int editor_signal(lua_State *L)
{
    check_line(L);
    int letter = signals_next(signals_others());
    if (letter < 0)
        return 0;
    char text[2] = { (char)letter, 0 };
    lua_pushstring(L, text);
    return 1;
}

static int close_editor(lua_State *L)
{
    struct editor *editor = luaL_checkudata(L, 1, METATABLE);
    if (editor->line) {
        line_free(editor->line);
        signals_close();
        is_open = false;
    }
    editor->line = NULL;
    return 0;
}

/* --- the module --- */

static int fail(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushliteral(L, "EIO");
    return 3;
}

/* editor.open() -> editor | nil, message, code */
static int open_editor(lua_State *L)
{
    if (is_open)
        return luaL_error(L, "the terminal has an editor already");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return fail(L, "standard input and output are no terminal");
    struct editor *editor = lua_newuserdatauv(L, sizeof *editor, 0);
    editor->line = NULL;
    luaL_setmetatable(L, METATABLE);
    if (!signals_open())
        return fail(L, strerror(errno));
    editor->line = line_new(STDIN_FILENO, STDOUT_FILENO);
    if (!editor->line) {
        signals_close();
        return fail(L, "the terminal can not be edited on");
    }
    is_open = true;
    return 1;
}

static int make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int made = mkdir(path, 0700);
        *slash = '/';
        if (made != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

/* editor.private_file(path): makes it, and the directories it is in, for its owner only -> true | nil, message, code */
static int private_file(lua_State *L)
{
    char *path = strdup(luaL_checkstring(L, 1));
    int file = path && make_directories(path) == 0
                   ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                   : -1;
    int error = file < 0 || fchmod(file, 0600) != 0 ? errno : 0;
    if (file >= 0)
        close(file);
    free(path);
    if (error)
        return fail(L, strerror(error));
    lua_pushboolean(L, 1);
    return 1;
}

int luaopen_hawser_editor(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "begin", editor_begin },       { "feed", editor_feed },
        { "complete", editor_complete }, { "cancel", editor_cancel },
        { "hide", editor_hide },         { "show", editor_show },
        { "resized", editor_resized },   { "suspend", editor_suspend },
        { "keys", editor_keys },         { "remember", editor_remember },
        { "size", editor_size },         { "signals", editor_signals },
        { "signal", editor_signal },     { "clear_interrupts", editor_clear_interrupts },
        { "close", close_editor },       { NULL, NULL }
    };
    static const luaL_Reg functions[] = { { "open", open_editor },
                                          { "private_file", private_file },
                                          { NULL, NULL } };
    luaL_newmetatable(L, METATABLE);
    lua_pushcfunction(L, close_editor);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
