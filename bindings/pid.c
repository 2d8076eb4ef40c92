/* SPDX-License-Identifier: MIT */
#include "pid.h"

#include <stdio.h>
#include <string.h>

#include "system.h"

static const char pid_tag;  /* marks the userdata, and names the metatable in the registry */
static const char pids_key; /* names the weak table hws_pid -> userdata */

#define TARGETS_MAX 4096 /* texts remembered a system */

struct hwl_pid *hwl_to_pid(lua_State *L, int index)
{
    struct hwl_pid *pid = lua_touserdata(L, index);
    if (!pid || lua_rawlen(L, index) < sizeof *pid || pid->tag != &pid_tag)
        return NULL;
    return pid;
}

static struct hwl_pid *push_new(lua_State *L, size_t size)
{
    struct hwl_pid *pid = lua_newuserdatauv(L, sizeof *pid + size + 1, 0);
    *pid = (struct hwl_pid){ .tag = &pid_tag, .size = size };
    pid->text[0] = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pid_tag);
    lua_setmetatable(L, -2);
    return pid;
}

void hwl_push_pid(struct hwl_system *system, lua_State *L, struct hws_pid *pid)
{
    if (!pid) {
        lua_pushnil(L);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pids_key);
    if (lua_rawgetp(L, -1, pid) == LUA_TUSERDATA) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    size_t size = hws_pid_format(pid, NULL, 0);
    struct hwl_pid *self = push_new(L, size);
    hws_pid_format(pid, self->text, size + 1);
    self->system = hwl_system_retain(system);
    self->pid = hws_pid_retain(pid);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, pid);
    lua_remove(L, -2);
}

struct hws_pid **hwl_push_pid_holder(lua_State *L)
{
    return &push_new(L, 0)->pid;
}

void hwl_replace_pid_holder(struct hwl_system *system, lua_State *L)
{
    struct hwl_pid *holder = lua_touserdata(L, -1);
    hwl_push_pid(system, L, holder->pid);
    hws_pid_release(holder->pid);
    holder->pid = NULL;
    lua_remove(L, -2);
}

/* Pushes the PID of `system` that `text` names. */
static bool push_parsed(struct hwl_system *system, lua_State *L, const char *text)
{
    struct hws_pid **pid = hwl_push_pid_holder(L);
    if (!system->system || hws_pid_parse(system->system, text, pid)) {
        lua_pop(L, 1);
        return false;
    }
    hwl_replace_pid_holder(system, L);
    return true;
}

static bool may_be_pid(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
            return false;
    }
    const char *slash = memchr(text, '/', size);
    return slash && slash > text && text[size - 1] != '/';
}

/* "hawser.tcp://name@host:port/id" to "host:port/id", "hawser.unix://name@/path//id" to "unix:/path//id". */
static const char *canonical(const char *text, char *out, size_t capacity)
{
    const char *rest = strncmp(text, "hawser.", 7) == 0 ? strstr(text, "://") : NULL;
    if (!rest)
        return text;
    int scheme = strncmp(text + 7, "tcp:", 4) == 0 ? 0 : (int)(rest - text - 6);
    const char *at = strchr(rest + 3, '@'), *slash = strchr(rest + 3, '/');
    rest = at && (!slash || at < slash) ? at + 1 : rest + 3;
    (void)snprintf(out, capacity, "%.*s%s", scheme, text + 7, rest);
    return out;
}

bool hwl_push_pid_text(struct hwl_system *system, lua_State *L, const char *text, size_t size)
{
    char copy[HWS_ADDRESS_MAX + HWS_ID_MAX + 64], plain[sizeof copy];
    if (size >= sizeof copy || !may_be_pid(text, size))
        return false;
    memcpy(copy, text, size);
    copy[size] = 0;
    if (system)
        return push_parsed(system, L, copy);
    const char *form = canonical(copy, plain, sizeof plain);
    struct hwl_pid *self = push_new(L, strlen(form));
    memcpy(self->text, form, self->size + 1);
    return true;
}

/* A full table is thrown away whole: its targets are found again when they are needed. */
static void remember(struct hwl_system *system, lua_State *L, int text)
{
    if (system->target_count >= TARGETS_MAX) {
        lua_newtable(L);
        lua_rawseti(L, LUA_REGISTRYINDEX, system->targets);
        system->target_count = 0;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, system->targets);
    lua_pushvalue(L, text);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    system->target_count++;
}

/* Replaces the text at `index` by the PID, so that the argument keeps it. */
static struct hws_pid *target_of_text(struct hwl_system *system, lua_State *L, int index,
                                      const char *text)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, system->targets);
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        if (!push_parsed(system, L, text)) {
            lua_pop(L, 1);
            return NULL;
        }
        remember(system, L, index);
    }
    lua_replace(L, index);
    lua_pop(L, 1);
    return hwl_to_pid(L, index)->pid;
}

struct hws_pid *hwl_check_target(struct hwl_system *system, lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TSTRING)
        return target_of_text(system, L, index, lua_tostring(L, index));
    struct hwl_pid *pid = hwl_to_pid(L, index);
    if (!pid)
        luaL_typeerror(L, index, "PID or a text such as \"127.0.0.1:25520/echo\"");
    if (pid->system == system)
        return pid->pid;
    lua_pushlstring(L, pid->text, pid->size);
    lua_replace(L, index);
    return target_of_text(system, L, index, lua_tostring(L, index));
}

static struct hwl_pid *check_pid(lua_State *L, int index)
{
    struct hwl_pid *pid = hwl_to_pid(L, index);
    if (!pid)
        luaL_typeerror(L, index, "PID");
    return pid;
}

static int pid_text(lua_State *L)
{
    struct hwl_pid *pid = check_pid(L, 1);
    lua_pushlstring(L, pid->text, pid->size);
    return 1;
}

static int pid_equal(lua_State *L)
{
    struct hwl_pid *a = hwl_to_pid(L, 1), *b = hwl_to_pid(L, 2);
    lua_pushboolean(L, a && b && a->size == b->size && memcmp(a->text, b->text, a->size) == 0);
    return 1;
}

static int pid_free(lua_State *L)
{
    struct hwl_pid *pid = check_pid(L, 1);
    hws_pid_release(pid->pid);
    if (pid->system)
        hwl_system_release(pid->system);
    pid->pid = NULL;
    pid->system = NULL;
    return 0;
}

/* "unix:/path//id", else "host:port/id": where the id begins, and how long the separator before it is. */
static const char *id_of(const struct hwl_pid *pid, size_t *separator)
{
    const char *between = strncmp(pid->text, "unix:", 5) == 0 ? "//" : "/";
    const char *found = strstr(pid->text, between);
    *separator = found ? strlen(between) : 0;
    return found ? found + *separator : pid->text;
}

/* pid.address, pid.id */
static int pid_index(lua_State *L)
{
    struct hwl_pid *pid = hwl_to_pid(L, 1);
    if (!pid)
        return luaL_typeerror(L, 1, "PID");
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    size_t separator;
    const char *id = id_of(pid, &separator);
    if (key && strcmp(key, "id") == 0)
        lua_pushstring(L, id);
    else if (key && strcmp(key, "address") == 0)
        lua_pushlstring(L, pid->text, (size_t)(id - pid->text) - separator);
    else
        lua_pushnil(L);
    return 1;
}

/* hawser.pid(text) -> PID | nil, message, "EADDRESS" */
static int pid_new(lua_State *L)
{
    size_t size;
    if (hwl_to_pid(L, 1)) {
        lua_settop(L, 1);
        return 1;
    }
    const char *text = luaL_checklstring(L, 1, &size);
    if (hwl_push_pid_text(NULL, L, text, size))
        return 1;
    lua_pushfstring(L, "%s is no PID; expected a text such as \"127.0.0.1:25520/echo\"",
                    luaL_tolstring(L, 1, NULL));
    return hwl_failure(L, HWS_EADDRESS, lua_tostring(L, -1));
}

void hwl_open_pids(lua_State *L)
{
    static const luaL_Reg meta[] = { { "__tostring", pid_text },
                                     { "__eq", pid_equal },
                                     { "__gc", pid_free },
                                     { "__index", pid_index },
                                     { NULL, NULL } };
    hwl_metatable(L, "hawser.pid", NULL, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pid_tag);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pids_key);
    lua_pushcfunction(L, pid_new);
    lua_setfield(L, -2, "pid");
}
