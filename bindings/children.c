/* SPDX-License-Identifier: MIT */
#include "children.h"

#include "context.h"
#include "pid.h"

int hwl_context_spawn(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    return hwl_spawn(actor->system, actor->context, L, NULL, 2);
}

int hwl_context_spawn_named(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    return hwl_spawn(actor->system, actor->context, L, luaL_checkstring(L, 2), 3);
}

struct list {
    struct hwl_system *system;
    lua_State *L;
    lua_Integer count;
};

/* The walk holds nothing, so a memory error may pass through it. */
static void add_child(void *data, struct hws_pid *pid)
{
    struct list *list = data;
    hwl_push_pid(list->system, list->L, pid);
    lua_rawseti(list->L, -2, ++list->count);
}

int hwl_context_children(lua_State *L)
{
    struct hwl_actor *actor = hwl_check_context(L, 1)->actor;
    struct list list = { .system = actor->system, .L = L };
    lua_newtable(L);
    hws_context_each_child(actor->context, add_child, &list);
    return 1;
}

int hwl_push_parent(struct hwl_context *context, lua_State *L)
{
    struct hwl_actor *actor = context->actor;
    hwl_push_pid(actor->system, L, actor->context ? hws_context_parent(actor->context) : NULL);
    return 1;
}
