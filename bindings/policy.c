/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "call.h"

struct random_box {
    struct hwl_policy *policy; /* NULL: released */
};

struct hwl_policy {
    struct hws_policy policy;
    struct hwl_state *state;   /* NULL: Lua is gone */
    struct hwl_policy **owner; /* where it is known; NULL: nowhere */
    struct random_box *box;
    int compiled; /* registry references */
    int random;
    bool on_trial;
    uint64_t budget;
    char name[65];
    char origin[512];
    char version[33];
};

/* A question on its way into Lua; `answer` points to what the core wants filled. */
struct asking {
    struct hwl_policy *policy;
    const void *question;
    void *answer;
};

static int ask(struct hws_policy *base, lua_CFunction body, const void *question, void *answer,
               struct hws_policy_error *error)
{
    struct hwl_policy *policy = (struct hwl_policy *)base;
    struct hwl_state *state = policy->state;
    struct asking asking = { policy, question, answer };
    char text[HWL_TEXT];
    state->answering++;
    enum hwl_outcome outcome = hwl_call(state, policy->budget, body, &asking, text);
    state->answering--;
    if (outcome == HWL_DONE)
        return 0;
    (void)snprintf(error->text, sizeof error->text, "%.*s", (int)sizeof error->text - 1, text);
    return HWS_EPOLICY;
}

/* Pushes compiled[method] and compiled. */
static void push_method(struct asking *asking, lua_State *L, const char *method)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, asking->policy->compiled);
    lua_getfield(L, -1, method);
    lua_insert(L, -2);
}

static void set_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void set_dry_run(struct asking *asking, lua_State *L)
{
    if (!asking->policy->on_trial)
        return;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "dry_run");
}

static int nonsense(lua_State *L, const char *what, int index, const char *expected)
{
    const char *shown = luaL_tolstring(L, index, NULL);
    return luaL_error(L, "%s answered %s: expected %s", what, shown, expected);
}

/* --- backoff --- */

static void push_question(struct asking *asking, lua_State *L)
{
    const struct hws_policy_question *question = asking->question;
    lua_createtable(L, 0, 11);
    set_text(L, "address", question->address);
    set_text(L, "name", question->name && question->name[0] ? question->name : NULL);
    set_integer(L, "attempt", question->attempt);
    set_number(L, "elapsed", (double)question->elapsed / 1e9);
    set_number(L, "delay", (double)question->delay / 1e9);
    set_text(L, "reason", question->reason);
    set_integer(L, "queue_size", question->queue_size);
    set_integer(L, "queue_bytes", question->queue_bytes);
    set_dry_run(asking, L);
    lua_pushboolean(L, question->connected_before);
    lua_setfield(L, -2, "connected_before");
    lua_rawgeti(L, LUA_REGISTRYINDEX, asking->policy->random);
    lua_setfield(L, -2, "random");
}

static int ask_backoff(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    struct hws_backoff_answer answer = { 0 };
    push_method(asking, L, "backoff");
    push_question(asking, L);
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) {
        const char *reason = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        answer.give_up = true;
        (void)snprintf(answer.reason, sizeof answer.reason, "%s", reason);
    } else {
        double seconds = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : -1;
        if (!(seconds >= 0))
            return nonsense(L, "backoff", -2, "seconds from 0 up, or nil and a reason");
        answer.delay = hwl_seconds_to_ns(seconds);
        answer.has_jitter = lua_toboolean(L, -1);
    }
    *(struct hws_backoff_answer *)asking->answer = answer;
    return 0;
}

static int backoff(struct hws_policy *policy, const struct hws_policy_question *question,
                   struct hws_backoff_answer *answer, struct hws_policy_error *error)
{
    return ask(policy, ask_backoff, question, answer, error);
}

/* --- dead letters --- */

static void push_pid_text(lua_State *L, const char *name, const struct hws_pid *pid)
{
    char text[HWS_ADDRESS_MAX + HWS_ID_MAX + 8];
    hws_pid_format(pid, text, sizeof text);
    set_text(L, name, text);
}

static void push_letter(struct asking *asking, lua_State *L)
{
    const struct hws_letter *letter = asking->question;
    struct hws_pid *sender = letter->message ? letter->message->sender : NULL;
    lua_createtable(L, 0, 7);
    set_dry_run(asking, L);
    set_text(L, "reason", hws_reason_name((int)letter->reason));
    if (letter->target) {
        push_pid_text(L, "pid", letter->target);
        set_text(L, "address", hws_pid_address(letter->target));
        set_text(L, "id", hws_pid_id(letter->target));
    }
    if (sender)
        push_pid_text(L, "sender", sender);
    if (letter->message && letter->message->type)
        set_text(L, "type", hws_atom_text(letter->message->type));
}

static int ask_letter(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    struct hws_letter_answer answer = { .route = HWS_LETTER_PUBLISH };
    push_method(asking, L, "deadletter");
    push_letter(asking, L);
    lua_call(L, 2, 1);
    size_t size = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : "";
    if (strcmp(text, "drop") == 0) {
        answer.route = HWS_LETTER_DROP;
    } else if (strcmp(text, "publish") != 0) {
        if (size >= sizeof answer.redirect || !strchr(text, '/'))
            return nonsense(
                L, "deadletter", -1,
                "\"publish\", \"drop\", a PID's text or \"/id\" for an actor of this system");
        answer.route = HWS_LETTER_REDIRECT;
        (void)snprintf(answer.redirect, sizeof answer.redirect, "%s",
                       text[0] == '/' ? text + 1 : text);
    }
    *(struct hws_letter_answer *)asking->answer = answer;
    return 0;
}

static int dead_letter(struct hws_policy *policy, const struct hws_letter *letter,
                       struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    return ask(policy, ask_letter, letter, answer, error);
}

/* --- disconnected --- */

static int ask_disconnected(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    push_method(asking, L, "disconnected");
    lua_pushstring(L, asking->question);
    lua_call(L, 2, 1);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool queue = strcmp(text, "queue") == 0;
    if (!queue && strcmp(text, "deadletter") != 0)
        return nonsense(L, "disconnected", -1, "\"deadletter\" or \"queue\"");
    *(enum hws_disconnected_answer *)asking->answer =
        queue ? HWS_DISCONNECTED_QUEUE : HWS_DISCONNECTED_DEADLETTER;
    return 0;
}

static int disconnected(struct hws_policy *policy, const char *address,
                        enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    return ask(policy, ask_disconnected, address, answer, error);
}

/* --- throttle --- */

/* What a level on top of the stack does with messages. */
static void read_keep(lua_State *L, struct hws_throttle_levels *levels, size_t i)
{
    lua_getfield(L, -1, "refuse");
    lua_getfield(L, -2, "keep_every");
    lua_Integer every = lua_isnil(L, -1) ? 1 : lua_tointeger(L, -1);
    if (every < 1 || every > UINT32_MAX)
        nonsense(L, "throttle", -1, "a level's `keep_every` as a whole number from 1 up");
    levels->level[i].refuse = lua_toboolean(L, -2);
    levels->level[i].keep_every = (uint32_t)every;
    lua_pop(L, 2);
}

static void read_level(lua_State *L, struct hws_throttle_levels *levels, size_t i)
{
    lua_geti(L, -1, (lua_Integer)i + 1);
    if (!lua_istable(L, -1))
        nonsense(L, "throttle", -1, "levels { name =, from = }");
    lua_getfield(L, -1, "name");
    lua_getfield(L, -2, "from");
    double from = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
    if (lua_type(L, -2) != LUA_TSTRING)
        nonsense(L, "throttle", -2, "a level's name");
    if (!(from >= 0 && from <= 1))
        nonsense(L, "throttle", -1, "a level's `from` between 0 and 1");
    if (i > 0 && from <= levels->level[i - 1].from)
        nonsense(L, "throttle", -1, "levels in ascending order");
    (void)snprintf(levels->level[i].name, sizeof levels->level[i].name, "%s", lua_tostring(L, -2));
    levels->level[i].from = from;
    lua_pop(L, 2);
    read_keep(L, levels, i);
    lua_pop(L, 1);
}

static int ask_throttle(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    struct hws_throttle_levels levels = { 0 };
    push_method(asking, L, "throttle");
    lua_pushstring(L, asking->question);
    lua_call(L, 2, 1);
    if (!lua_istable(L, -1))
        return nonsense(L, "throttle", -1, "a table of levels");
    levels.count = (size_t)luaL_len(L, -1);
    if (levels.count > HWS_LEVELS_MAX)
        return luaL_error(L, "throttle answered %d levels: expected at most %d", (int)levels.count,
                          HWS_LEVELS_MAX);
    for (size_t i = 0; i < levels.count; i++)
        read_level(L, &levels, i);
    lua_getfield(L, -1, "hysteresis");
    levels.hysteresis = lua_isnil(L, -1) ? 0 : lua_tonumber(L, -1);
    if (!(levels.hysteresis >= 0 && levels.hysteresis <= 1))
        return nonsense(L, "throttle", -1, "a hysteresis between 0 and 1");
    *(struct hws_throttle_levels *)asking->answer = levels;
    return 0;
}

static int throttle(struct hws_policy *policy, const char *address,
                    struct hws_throttle_levels *answer, struct hws_policy_error *error)
{
    return ask(policy, ask_throttle, address, answer, error);
}

/* --- life --- */

static void release(struct hws_policy *policy)
{
    hwl_policy_free((struct hwl_policy *)policy);
}

static const struct hws_policy_ops ops = { .backoff = backoff,
                                           .dead_letter = dead_letter,
                                           .disconnected = disconnected,
                                           .throttle = throttle,
                                           .release = release };
/* One that would publish every letter is not asked about any. */
static const struct hws_policy_ops ops_publish_all = {
    .backoff = backoff, .disconnected = disconnected, .throttle = throttle, .release = release
};
/* The Lua state goes away: the C fallbacks answer, and there is no error to report. */
static const struct hws_policy_ops ops_cut = { .release = release };

void hwl_policy_cut(struct hwl_policy *policy)
{
    struct hwl_state *state = policy->state;
    policy->policy.ops = &ops_cut;
    policy->state = NULL;
    if (policy->owner && *policy->owner == policy)
        *policy->owner = NULL;
    policy->owner = NULL;
    if (!state || state->closing)
        return;
    policy->box->policy = NULL;
    luaL_unref(state->lua, LUA_REGISTRYINDEX, policy->compiled);
    luaL_unref(state->lua, LUA_REGISTRYINDEX, policy->random);
}

void hwl_policy_free(struct hwl_policy *policy)
{
    if (!policy)
        return;
    hwl_policy_cut(policy);
    hwl_free(policy, sizeof *policy);
}

static int draw(lua_State *L)
{
    struct random_box *box = lua_touserdata(L, lua_upvalueindex(1));
    struct hws_policy *policy = box->policy ? &box->policy->policy : NULL;
    if (!policy || !policy->random)
        return luaL_error(L, "the policy is not in force; it has no source of random numbers");
    lua_pushnumber(L, policy->random(policy->random_data));
    return 1;
}

static void copy_field(lua_State *L, int index, const char *field, char *out, size_t capacity)
{
    lua_getfield(L, index, field);
    (void)snprintf(out, capacity, "%s", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "");
    lua_pop(L, 1);
}

/* Nothing said is 0, which leaves it to the option; so 0 seconds, which is an answer, becomes the next to nothing. */
static uint64_t read_stable_after(lua_State *L, int index)
{
    bool said = lua_getfield(L, index, "stable_after") == LUA_TNUMBER;
    uint64_t duration = said ? hwl_seconds_to_ns(lua_tonumber(L, -1)) : 0;
    lua_pop(L, 1);
    return said && duration == 0 ? 1 : duration;
}

struct hwl_policy *hwl_policy_new(struct hwl_state *state, lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    struct random_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    box->policy = NULL;
    lua_pushcclosure(L, draw, 1);
    int random = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, index);
    int compiled = luaL_ref(L, LUA_REGISTRYINDEX);
    struct hwl_policy made = {
        .state = state, .box = box, .random = random, .compiled = compiled, .budget = 100000
    };
    copy_field(L, index, "name", made.name, sizeof made.name);
    copy_field(L, index, "source", made.origin, sizeof made.origin);
    copy_field(L, index, "version", made.version, sizeof made.version);
    uint64_t stable_after = read_stable_after(L, index);
    lua_getfield(L, index, "publishes_all");
    bool publishes_all = lua_toboolean(L, -1);
    lua_pop(L, 1);
    struct hwl_policy *policy = hwl_alloc(sizeof *policy);
    if (!policy) {
        luaL_error(L, "out of memory");
        return NULL;
    }
    *policy = made;
    policy->policy = (struct hws_policy){ .ops = publishes_all ? &ops_publish_all : &ops,
                                          .name = policy->name,
                                          .origin = policy->origin,
                                          .version = policy->version,
                                          .stable_after = stable_after };
    box->policy = policy;
    return policy;
}

struct hws_policy *hwl_policy_core(struct hwl_policy *policy)
{
    return policy ? &policy->policy : NULL;
}

void hwl_policy_on_trial(struct hwl_policy *policy, const struct hwl_system *system)
{
    policy->on_trial = true;
    policy->budget = system->policy_budget;
}

void hwl_policy_own(struct hwl_policy *policy, struct hwl_system *system)
{
    policy->on_trial = false;
    policy->budget = system->policy_budget;
    policy->owner = &system->policy;
    system->policy = policy;
}

int hwl_system_set_policy(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    struct hwl_policy *policy = lua_isnoneornil(L, 2) ? NULL : hwl_policy_new(self->state, L, 2);
    if (policy)
        policy->budget = self->policy_budget;
    int error = hws_set_policy(self->system, hwl_policy_core(policy));
    if (error) {
        hwl_policy_free(policy);
        return hwl_failure(L, error, NULL);
    }
    if (policy)
        hwl_policy_own(policy, self);
    lua_pushboolean(L, 1);
    return 1;
}
