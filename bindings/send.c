/* SPDX-License-Identifier: MIT */
#include "send.h"

#include <stdio.h>
#include <string.h>

#include "names.h"
#include "pid.h"
#include "value.h"

struct atom_box {
    struct hws_atom *atom;
};
static const char atom_tag;

#define ATOMS_MAX 1024 /* types remembered a system */

static int free_atom(lua_State *L)
{
    struct atom_box *box = lua_touserdata(L, 1);
    hws_atom_release(box->atom);
    box->atom = NULL;
    return 0;
}

static void remember(struct hwl_system *system, lua_State *L, int text)
{
    if (system->atom_count >= ATOMS_MAX) {
        lua_newtable(L);
        lua_rawseti(L, LUA_REGISTRYINDEX, system->atoms);
        system->atom_count = 0;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, system->atoms);
    lua_pushvalue(L, text);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    system->atom_count++;
}

/* The atom of the text on top, which it replaces by what keeps the atom. */
static struct hws_atom *check_atom(struct hwl_system *system, lua_State *L)
{
    int text = lua_gettop(L);
    if (lua_type(L, text) != LUA_TSTRING)
        luaL_error(L, "type: expected a string, got %s", luaL_typename(L, text));
    lua_rawgeti(L, LUA_REGISTRYINDEX, system->atoms);
    lua_pushvalue(L, text);
    if (lua_rawget(L, -2) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        struct atom_box *box = lua_newuserdatauv(L, sizeof *box, 0);
        box->atom = NULL;
        lua_rawgetp(L, LUA_REGISTRYINDEX, &atom_tag);
        lua_setmetatable(L, -2);
        if (hws_atom_make(system->system, lua_tostring(L, text), &box->atom))
            luaL_error(L, "type: expected 1 to %d bytes of text", (int)HWS_ATOM_MAX);
        remember(system, L, text);
    }
    struct atom_box *box = lua_touserdata(L, -1);
    lua_replace(L, text);
    lua_settop(L, text);
    return box->atom;
}

/* What they give stays on the stack, which keeps it alive. */
static void read_options(struct hwl_outgoing *out, struct hwl_system *system, lua_State *L,
                         int options, enum hwl_purpose purpose)
{
    static const char *const names[] = { "type", "sender", "timeout" };
    static const char *const timer_names[] = { "type", "delay" };
    static const char *const what[] = { "send option", "respond option", "request option",
                                        "after option", "every option" };
    static const uint8_t counts[] = { 2, 2, 3, 1, 2 };
    hwl_check_options(L, options, what[purpose], purpose < HWL_AFTER ? names : timer_names,
                      counts[purpose]);
    if (lua_getfield(L, options, "type") != LUA_TNIL)
        out->message.type = check_atom(system, L);
    if (lua_getfield(L, options, "sender") != LUA_TNIL) {
        out->message.sender = hwl_check_target(system, L, lua_gettop(L));
        if (!out->message.sender)
            luaL_error(L, "sender: expected a PID");
    }
    if (lua_getfield(L, options, "timeout") != LUA_TNIL)
        out->timeout = hwl_check_seconds(L, -1, "timeout");
}

void hwl_outgoing_options(struct hwl_outgoing *out, struct hwl_system *system, lua_State *L,
                          int options, struct hws_pid *sender, enum hwl_purpose purpose)
{
    memset(&out->message, 0, sizeof out->message);
    out->message.sender = sender;
    out->timeout = 0;
    if (!lua_isnoneornil(L, options))
        read_options(out, system, L, options, purpose);
}

void hwl_outgoing_encode(struct hwl_outgoing *out, struct hwl_system *system, lua_State *L,
                         int value)
{
    out->bytes = hwl_bytes_take(system->state);
    out->error = hwl_encode(system->state, L, value, system->limit, &out->bytes, out->text,
                            sizeof out->text);
    size_t size = out->error == HWS_EENCODE ? 0 : out->bytes.size;
    out->message.payload = (struct hws_slice){ out->bytes.data, size };
}

void hwl_outgoing_done(struct hwl_outgoing *out, struct hwl_system *system)
{
    hwl_bytes_give(system->state, out->bytes);
}

static int no_target(lua_State *L)
{
    return hwl_failure(L, HWS_EADDRESS,
                       "the target is no PID; expected a text such as \"127.0.0.1:25520/echo\"");
}

/* nil, message, code where more can be said than the code's sentence; else 0. */
static int push_hint(struct hwl_system *system, lua_State *L, struct hws_pid *target, int error)
{
    char text[512];
    if (error == HWS_EADDRESS &&
        hws_check_address(system->system, hws_pid_address(target), text, sizeof text))
        return hwl_failure(L, error, text);
    if (error != HWS_ENOTFOUND || !hws_pid_is_local(target) || !strchr(hws_pid_id(target), '/'))
        return 0;
    lua_pushfstring(L, "no actor \"%s\" here; a remote one is host:port/id", hws_pid_id(target));
    return hwl_failure(L, error, lua_tostring(L, -1));
}

int hwl_send(struct hwl_system *system, lua_State *L, int first, struct hws_pid *sender)
{
    struct hwl_outgoing out;
    lua_settop(L, first + 2);
    struct hws_pid *target = hwl_check_target(system, L, first);
    if (!target)
        return no_target(L);
    hwl_outgoing_options(&out, system, L, first + 2, sender, HWL_SEND);
    hwl_outgoing_encode(&out, system, L, first + 1);
    int error = hws_send(system->system, target, &out.message);
    hwl_outgoing_done(&out, system);
    if (out.error || error)
        return hwl_push_unsent(system, L, &out, target, error);
    lua_pushboolean(L, 1);
    const char *level;
    if (hws_pressure(target, &level) == 0)
        return 1;
    lua_pushstring(L, level);
    return 2;
}

/* nil, "host:port/id: sentence", code */
static int push_failure(lua_State *L, const struct hws_pid *target, const char *sentence, int code)
{
    char text[HWS_ADDRESS_MAX + HWS_ID_MAX + 8] = "";
    if (target)
        hws_pid_format(target, text, sizeof text);
    lua_pushnil(L);
    lua_pushfstring(L, "%s%s%s", text, target ? ": " : "", sentence);
    lua_pushstring(L, hws_errname(code));
    return 3;
}

void hwl_say_absence(struct hwl_system *system, const struct hws_pid *target, char *text,
                     size_t capacity)
{
    struct hws_endpoint_statistics endpoint;
    text[0] = 0;
    if (!target || hws_pid_is_local(target) ||
        hws_statistics(system->system, hws_pid_address(target), &endpoint) ||
        endpoint.state == HWS_ENDPOINT_connected)
        return;
    (void)snprintf(text, capacity, "; its endpoint is %s%s%s",
                   hws_endpoint_state_name(endpoint.state), endpoint.reason[0] ? ": " : "",
                   endpoint.reason);
}

int hwl_push_response(struct hwl_system *system, lua_State *L, int status,
                      const struct hws_message *response, uint64_t timeout)
{
    if (status == 0) {
        hwl_decode(system->state, system, L, response->payload);
        return 1;
    }
    if (status == HWS_EDEADLETTER)
        return push_failure(L, response->who, hws_reason_sentence(response->reason),
                            hws_reason_error(response->reason));
    if (status != HWS_ETIMEOUT)
        return push_failure(L, response->who, hws_strerror(status), status);
    uint64_t waited = timeout ? timeout : hws_system_options(system->system)->request_timeout;
    char absence[HWL_ABSENCE], sentence[HWL_ABSENCE + 64];
    hwl_say_absence(system, response->who, absence, sizeof absence);
    (void)snprintf(sentence, sizeof sentence, "no answer within %.6g s%s", (double)waited / 1e9,
                   absence);
    return push_failure(L, response->who, sentence, status);
}

int hwl_push_unsent(struct hwl_system *system, lua_State *L, const struct hwl_outgoing *out,
                    struct hws_pid *target, int error)
{
    if (out->error)
        return hwl_failure(L, out->error, out->text);
    int count = push_hint(system, L, target, error);
    if (count)
        return count;
    /* Made a dead letter at once; of the reasons with these codes only one can be it. */
    const char *sentence = error == HWS_ENOTFOUND ? hws_reason_sentence(HWS_REASON_not_found)
                           : error == HWS_EDISCONNECTED
                               ? hws_reason_sentence(HWS_REASON_disconnected)
                               : hws_strerror(error);
    return push_failure(L, target, sentence, error);
}

void hwl_open_sending(lua_State *L)
{
    static const luaL_Reg meta[] = { { "__gc", free_atom }, { NULL, NULL } };
    hwl_metatable(L, "hawser.atom", NULL, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &atom_tag);
}
