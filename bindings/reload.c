/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include "call.h"
#include "hawser_lua.h"
#include "policy.h"

int hwl_system_reload_policy(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    struct hws_policy_trial trial;
    struct hwl_policy *policy = hwl_policy_new(self->state, L, 2);
    hwl_policy_on_trial(policy, self);
    int error = hws_reload_policy(self->system, hwl_policy_core(policy), &trial);
    if (error) {
        hwl_policy_free(policy);
        return hwl_failure(L, error, trial.text);
    }
    hwl_policy_own(policy, self);
    lua_pushboolean(L, 1);
    lua_pushstring(L, trial.text);
    return 2;
}

int hwl_policy_refused(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    hws_policy_refused(self->system, luaL_optstring(L, 2, NULL), luaL_optstring(L, 3, NULL),
                       luaL_optstring(L, 4, NULL), luaL_checkstring(L, 5));
    return 0;
}

void hwl_ask_reload(struct hwl_state *state)
{
    atomic_fetch_add(&state->reloads, 1);
    struct hws_system *waker = atomic_load(&state->waker);
    if (waker)
        hws_wake_from_any_thread(waker);
}

static int call_reload(lua_State *L)
{
    struct hwl_system *self = lua_touserdata(L, 1);
    hwl_push_object(self, L);
    lua_getfield(L, -1, "reload_policy");
    lua_insert(L, -2);
    lua_call(L, 1, 0); /* what is wrong with the file it tells as PolicyError */
    return 0;
}

void hwl_obey_reloads(struct hwl_state *state)
{
    int reloads = atomic_load(&state->reloads);
    if (reloads == state->reloaded)
        return;
    state->reloaded = reloads;
    for (struct hwl_system *self = state->systems, *next; self; self = next) {
        char text[HWL_TEXT];
        bool alive = self->owned && self->system && !hws_is_stopped(self->system);
        hwl_system_retain(self);
        if (alive && hwl_call(state, self->handler_budget, call_reload, self, text) != HWL_DONE)
            hwl_report(self, "reload_policy()", text);
        next = self->next;
        hwl_system_release(self);
    }
}
