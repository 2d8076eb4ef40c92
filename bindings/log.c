/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "names.h"

#define X(name) #name,
static const char *const level_names[] = { HWS_LOG_LEVELS(X) "off" };
#undef X
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define OFF (COUNT(level_names) - 1)
#define LOG_BUDGET 1000000

struct line {
    struct hwl_logger *logger;
    enum hws_log_level level;
    const char *text;
};

static int call(lua_State *L)
{
    struct line *line = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, line->logger->function);
    lua_pushstring(L, level_names[line->level]);
    lua_pushstring(L, line->text);
    lua_pushstring(L, line->logger->name);
    lua_call(L, 3, 0);
    return 0;
}

/* One write a line, so that lines of several processes on one terminal stay whole. */
static void print(const struct hwl_logger *logger, enum hws_log_level level, const char *text)
{
    struct timespec now;
    struct tm local;
    char line[HWL_TEXT + 256];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    int size = snprintf(line, sizeof line, "%02d:%02d:%02d.%03d %-7s %s: %s\n", local.tm_hour,
                        local.tm_min, local.tm_sec, (int)(now.tv_nsec / 1000000),
                        level_names[level], logger->name, text);
    if (size >= (int)sizeof line) {
        size = (int)sizeof line - 1;
        line[size - 1] = '\n';
    }
    (void)fwrite(line, 1, (size_t)size, stderr);
}

static void write_line(struct hws_logger *base, enum hws_log_level level, const char *text)
{
    struct hwl_logger *logger = (struct hwl_logger *)base;
    struct hwl_state *state = logger->state;
    struct line line = { logger, level, text };
    char error[HWL_TEXT];
    if (level < logger->least)
        return;
    if (logger->function == LUA_NOREF || !state || state->closing) {
        print(logger, level, text);
        return;
    }
    state->answering++;
    if (hwl_call(state, LOG_BUDGET, call, &line, error) != HWL_DONE) {
        print(logger, level, text);
        print(logger, HWS_LOG_error, error);
    }
    state->answering--;
}

struct hwl_logger *hwl_logger_new(struct hwl_state *state, lua_State *L, int index,
                                  const char *name)
{
    int type = lua_getfield(L, index, "log"), function = LUA_NOREF;
    size_t level = HWS_LOG_warning;
    if (type == LUA_TSTRING) {
        level = hwl_check_name(L, lua_gettop(L), "log level", level_names, COUNT(level_names));
    } else if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, -1);
        function = luaL_ref(L, LUA_REGISTRYINDEX);
        level = HWS_LOG_debug;
    } else if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1)) {
        level = OFF;
    } else if (type != LUA_TNIL) {
        luaL_error(L, "option log: expected a level, a function or false, got %s",
                   luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    struct hwl_logger *logger = hwl_alloc(sizeof *logger);
    if (!logger) {
        luaL_error(L, "out of memory");
        return NULL;
    }
    logger->logger.write = write_line;
    logger->state = state;
    logger->least = level;
    logger->function = function;
    (void)snprintf(logger->name, sizeof logger->name, "%s", name ? name : "");
    return logger;
}

void hwl_logger_cut(struct hwl_logger *logger)
{
    if (logger && logger->state && !logger->state->closing)
        luaL_unref(logger->state->lua, LUA_REGISTRYINDEX, logger->function);
    if (logger) {
        logger->state = NULL;
        logger->function = LUA_NOREF;
    }
}

void hwl_logger_free(struct hwl_logger *logger)
{
    hwl_free(logger, sizeof *logger);
}
