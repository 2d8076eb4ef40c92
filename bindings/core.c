/* SPDX-License-Identifier: MIT */
/* hawser.core: the C half of the Lua module. */
#include "callback.h"
#include "context.h"
#include "descriptor.h"
#include "events.h"
#include "guard.h"
#include "hawser_lua.h"
#include "local.h"
#include "methods.h"
#include "options.h"
#include "pid.h"
#include "process.h"
#include "reload.h"
#include "run.h"
#include "timer.h"
#include "send.h"
#include "value.h"
#include "world.h"

#define CORE_KEY "hawser.core" /* the module's table in the registry */

static int list_reasons(lua_State *L)
{
    lua_newtable(L);
    for (int reason = HWS_REASON_none + 1; reason < HWS_REASON_COUNT; reason++) {
        lua_pushstring(L, hws_reason_sentence(reason));
        lua_setfield(L, -2, hws_reason_name(reason));
    }
    return 1;
}

static const luaL_Reg functions[] = { { "system", hwl_new_system },
                                      { "run", hwl_run_all },
                                      { "run_until", hwl_run_until },
                                      { "options", hwl_list_options },
                                      { "options_of", hwl_options_of },
                                      { "event_types", hwl_list_events },
                                      { "reasons", list_reasons },
                                      { "policy_refused", hwl_policy_refused },
                                      { "systems", hwl_list_systems },
                                      { "resume", hwl_guarded_resume },
                                      { "interrupts", hwl_interrupts },
                                      { "interrupted", hwl_is_interrupted },
                                      { NULL, NULL } };

static void open_all(struct hwl_state *state, lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushstring(L, hws_version());
    lua_setfield(L, -2, "version");
    lua_pushliteral(L, LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE);
    lua_setfield(L, -2, "lua_version");
    lua_pushstring(L, hws_libuv_version());
    lua_setfield(L, -2, "libuv_version");
    hwl_open_values(state, L);
    hwl_open_pids(L);
    hwl_open_processes(L);
    hwl_open_callbacks(L);
    hwl_open_descriptors(L);
    hwl_open_local(L);
    hwl_open_events(L);
    hwl_open_sending(L);
    hwl_open_timers(L);
    hwl_open_contexts(L);
    hwl_open_systems(L);
    hwl_open_worlds(L);
}

int luaopen_hawser_core(lua_State *L)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, CORE_KEY) == LUA_TTABLE)
        return 1;
    lua_pop(L, 1);
    struct hwl_state *state = hwl_state_open(L);
    open_all(state, L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CORE_KEY);
    return 1;
}

void hwl_preload(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_hawser_core);
    lua_setfield(L, -2, "hawser.core");
    lua_pop(L, 1);
}
