/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "callback.h"
#include "context.h"
#include "names.h"
#include "pid.h"
#include "request.h"
#include "runner.h"
#include "send.h"
#include "value.h"

/* --- answers as results --- */

/* nil, "where: sentence", code */
static int push_failure(struct hwl_system *self, lua_State *L, const struct hws_message *response,
                        const char *where, const char *sentence, int code)
{
    const struct hws_pid *who = response ? response->who : NULL;
    char absence[HWL_ABSENCE] = "";
    if (code == HWS_ETIMEOUT)
        hwl_say_absence(self, who, absence, sizeof absence);
    if (who)
        where = hws_pid_address(who);
    lua_pushnil(L);
    lua_pushfstring(L, "%s%s%s%s", where, where[0] ? ": " : "", sentence, absence);
    lua_pushstring(L, hws_errname(code));
    return 3;
}

/* pid; or nil, message, code, { status =, retryable =, pid = } */
static int push_spawned(struct hwl_system *self, lua_State *L, int status,
                        const struct hws_message *response, const char *where)
{
    struct hws_spawned spawned;
    struct hws_pid **pid = hwl_push_pid_holder(L);
    hws_read_spawned(self->system, status, response, &spawned);
    *pid = spawned.pid;
    hwl_replace_pid_holder(self, L);
    if (spawned.status == HWS_SPAWN_ok)
        return 1;
    int existing = lua_gettop(L);
    push_failure(self, L, response, where, spawned.detail, spawned.error);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, hws_spawn_status_name(spawned.status));
    lua_setfield(L, -2, "status");
    lua_pushboolean(L, hws_spawn_retryable(spawned.status));
    lua_setfield(L, -2, "retryable");
    lua_pushvalue(L, existing);
    lua_setfield(L, -2, "pid");
    return 4;
}

/* { pid, ..., next = cursor } */
static int push_page(struct hwl_system *self, lua_State *L, int status,
                     const struct hws_message *response, const char *where)
{
    struct hws_process_page page;
    hws_read_processes(status, response, &page);
    if (page.next > INT64_MAX)
        page.error = HWS_EDECODE;
    if (page.error)
        return push_failure(self, L, response, where,
                            page.detail[0] ? page.detail : hws_strerror(page.error), page.error);
    lua_newtable(L);
    for (lua_Integer i = 1;; i++) {
        struct hws_pid **pid = hwl_push_pid_holder(L);
        int error = hws_next_process(&page, pid);
        if (error == HWS_ENOTFOUND)
            break;
        if (error)
            return push_failure(self, L, response, where, hws_strerror(error), error);
        hwl_replace_pid_holder(self, L);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 1);
    if (page.next) {
        lua_pushinteger(L, (lua_Integer)page.next);
        lua_setfield(L, -2, "next");
    }
    return 1;
}

static int push_diagnostics(struct hwl_system *self, lua_State *L, int status,
                            const struct hws_message *response, const char *where)
{
    struct hws_process_diagnostics diagnostics;
    hws_read_process_diagnostics(status, response, &diagnostics);
    if (diagnostics.error)
        return push_failure(self, L, response, where, diagnostics.detail, diagnostics.error);
    lua_createtable(L, 0, 8);
    lua_pushstring(L, diagnostics.kind[0] ? diagnostics.kind : NULL);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, hws_process_state_name(diagnostics.state));
    lua_setfield(L, -2, "state");
#define X(name, unit, doc)                                                                        \
    lua_pushinteger(L, diagnostics.name > INT64_MAX ? INT64_MAX : (lua_Integer)diagnostics.name); \
    lua_setfield(L, -2, #name);
    HWS_PROCESS_DIAGNOSTICS(X)
#undef X
    return 1;
}

/* --- questions, read from the stack --- */

struct question;
struct question_form {
    const char *name;
    int arguments; /* after self, the options included */
    /* Reads them; raises errors. */
    void (*read)(struct question *question, lua_State *L);
    int (*ask)(struct question *question, hws_response_fn done, void *data, uint64_t *id);
    int (*push)(struct hwl_system *self, lua_State *L, int status,
                const struct hws_message *response, const char *where);
};

struct question {
    const struct question_form *form;
    struct hwl_system *system;
    const char *address, *name, *kind;
    struct hws_pid *pid;
    struct hws_process_query query;
    uint64_t timeout;
    struct hwl_bytes arguments;
    int value; /* the arguments' index; 0: none */
    int error;
    char text[400];
};

/* The table of options at `index`, which is the last argument; sets the timeout. */
static bool read_options(struct question *question, lua_State *L, int index,
                         const char *const *names, size_t count)
{
    char what[64];
    if (lua_isnoneornil(L, index))
        return false;
    (void)snprintf(what, sizeof what, "%s option", question->form->name);
    hwl_check_options(L, index, what, names, count);
    if (lua_getfield(L, index, "timeout") != LUA_TNIL)
        question->timeout = hwl_check_seconds(L, -1, "timeout");
    lua_pop(L, 1);
    return true;
}

static const char *const timeout_only[] = { "timeout" };

static void read_spawn(struct question *question, lua_State *L)
{
    int at = 2;
    question->address = luaL_checkstring(L, at++);
    if (question->form->arguments == 5)
        question->name = luaL_checkstring(L, at++);
    question->kind = luaL_checkstring(L, at++);
    question->value = lua_isnil(L, at) ? 0 : at;
    read_options(question, L, at + 1, timeout_only, 1);
}

static int ask_spawn(struct question *question, hws_response_fn done, void *data, uint64_t *id)
{
    struct hws_system *system = question->system->system;
    const struct hws_spawn_remote_options options = { .arguments = { question->arguments.data,
                                                                     question->arguments.size },
                                                      .timeout = question->timeout };
    return question->name ? hws_spawn_remote_named(system, question->address, question->name,
                                                   question->kind, &options, done, data, id)
                          : hws_spawn_remote(system, question->address, question->kind, &options,
                                             done, data, id);
}

static uint64_t read_number(lua_State *L, int index, const char *name)
{
    uint64_t number = 0;
    if (lua_getfield(L, index, name) != LUA_TNIL) {
        if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 0)
            luaL_error(L, "%s: expected an integer from 0 up", name);
        number = (uint64_t)lua_tointeger(L, -1);
    }
    lua_pop(L, 1);
    return number;
}

/* The texts that it reads stay on the stack. */
static void read_list(struct question *question, lua_State *L)
{
    static const char *const names[] = { "pattern", "match", "cursor", "limit", "timeout" };
    static const char *const matches[] = {
#define X(name) #name,
        HWS_MATCHES(X)
#undef X
    };
    struct hws_process_query *query = &question->query;
    question->address = luaL_optstring(L, 2, NULL);
    if (!read_options(question, L, 3, names, 5))
        return;
    if (lua_getfield(L, 3, "pattern") != LUA_TNIL)
        query->pattern = hwl_check_text(L, "pattern");
    if (lua_getfield(L, 3, "match") != LUA_TNIL)
        query->match =
            (enum hws_match)hwl_check_name(L, lua_gettop(L), "match", matches, HWS_MATCH_COUNT);
    query->cursor = read_number(L, 3, "cursor");
    query->limit = read_number(L, 3, "limit");
}

static int ask_list(struct question *question, hws_response_fn done, void *data, uint64_t *id)
{
    question->query.timeout = question->timeout;
    return hws_list_processes(question->system->system, question->address, &question->query, done,
                              data, id);
}

static void read_diagnostics(struct question *question, lua_State *L)
{
    question->pid = hwl_check_target(question->system, L, 2);
    luaL_argcheck(L, question->pid, 2, "expected a PID or a text such as \"127.0.0.1:25520/echo\"");
    question->address = hws_pid_address(question->pid);
    read_options(question, L, 3, timeout_only, 1);
}

static int ask_diagnostics(struct question *question, hws_response_fn done, void *data,
                           uint64_t *id)
{
    return hws_get_process_diagnostics(question->system->system, question->pid, question->timeout,
                                       done, data, id);
}

static const struct question_form spawn_form = { "spawn_remote", 4, read_spawn, ask_spawn,
                                                 push_spawned },
                                  spawn_named_form = { "spawn_remote_named", 5, read_spawn,
                                                       ask_spawn, push_spawned },
                                  list_form = { "list_processes", 2, read_list, ask_list,
                                                push_page },
                                  diagnostics_form = { "get_process_diagnostics", 2,
                                                       read_diagnostics, ask_diagnostics,
                                                       push_diagnostics };

/* Encodes the arguments and asks; raises nothing. What it returns is 0 or a code, with question->text where that says more. */
static int ask(struct question *question, lua_State *L, hws_response_fn done, void *data,
               uint64_t *id)
{
    struct hwl_state *state = question->system->state;
    if (!question->value)
        return question->form->ask(question, done, data, id);
    question->arguments = hwl_bytes_take(state);
    int error = hwl_encode(state, L, question->value, HWS_SPAWN_ARGUMENTS_MAX, &question->arguments,
                           question->text, sizeof question->text);
    if (error == HWS_ETOOLARGE)
        (void)snprintf(question->text, sizeof question->text,
                       "the arguments have more than %u bytes", HWS_SPAWN_ARGUMENTS_MAX);
    error = error ? error : question->form->ask(question, done, data, id);
    hwl_bytes_give(state, question->arguments);
    return error;
}

/* It could not be asked: as an answer that says so. */
static int push_unasked(struct question *question, lua_State *L, int error)
{
    const char *where = question->address ? question->address : "";
    if (!question->text[0] && error == HWS_EADDRESS)
        (void)hws_check_address(question->system->system, where, question->text,
                                sizeof question->text);
    if (!question->text[0] && error == HWS_EINVAL && question->kind)
        (void)snprintf(question->text, sizeof question->text,
                       "a kind has 1 to %u of letters, digits, '_', '.', '-'; a name has 1 to %u "
                       "bytes without space and '/', and does not begin with '$'",
                       HWS_KIND_MAX, HWS_ID_MAX);
    int count = question->form->push(question->system, L, error, NULL, where);
    if (question->text[0]) { /* says more than the code's sentence */
        lua_pushstring(L, question->text);
        lua_replace(L, -count);
    }
    return count;
}

/* --- with a function --- */

struct pending {
    struct hwl_callback callback;
    const struct question_form *form;
    uint64_t id;
};

struct answer {
    struct pending *pending;
    const struct question_form *form;
    struct hwl_system *system;
    int status;
    const struct hws_message *response;
};

static void cancel(struct hwl_callback *callback)
{
    struct hwl_system *self = callback->system;
    if (self->system)
        hws_request_cancel(self->system, ((struct pending *)callback)->id);
}

static const struct hwl_callback_ops ops = { sizeof(struct pending), cancel, "remote call" };

static int call(lua_State *L)
{
    struct answer *answer = lua_touserdata(L, 1);
    hwl_callback_push(&answer->pending->callback, L);
    hwl_callback_free(&answer->pending->callback);
    answer->pending = NULL;
    int function = lua_gettop(L);
    int count = answer->form->push(answer->system, L, answer->status, answer->response, "");
    lua_rotate(L, function + 1, count); /* what push() left below its results goes behind them */
    lua_settop(L, function + count);
    lua_call(L, count, 0);
    return 0;
}

static void on_answer(void *data, int status, const struct hws_message *response)
{
    struct pending *pending = data;
    struct hwl_system *self = hwl_system_retain(pending->callback.system);
    struct answer answer = { pending, pending->form, self, status, response };
    char text[HWL_TEXT], what[64];
    (void)snprintf(what, sizeof what, "the function of a %s", pending->form->name);
    if (hwl_call(self->state, self->handler_budget, call, &answer, text) != HWL_DONE)
        hwl_report(self, what, text);
    hwl_system_release(self);
}

/* system:NAME(arguments [, options], fn): the function is the last argument, the options may be left out. */
static int ask_for_system(lua_State *L, const struct question_form *form)
{
    struct question question = { .form = form, .system = hwl_check_acting(L, 1) };
    int last = lua_gettop(L), fn = form->arguments + 2;
    luaL_argcheck(L, last <= fn, fn, "too many arguments");
    last = last < 2 ? 2 : last; /* without any, it is not the system that is wrong */
    luaL_argexpected(L, lua_isfunction(L, last), last, "function that takes the answer");
    lua_settop(L, fn);
    if (last < fn) {
        lua_pushvalue(L, last);
        lua_replace(L, fn);
        lua_pushnil(L);
        lua_replace(L, last);
    }
    form->read(&question, L);
    struct pending *pending = (struct pending *)hwl_callback_new(question.system, L, fn, &ops);
    pending->form = form;
    int error = ask(&question, L, on_answer, pending, &pending->id);
    if (error) {
        hwl_callback_free(&pending->callback);
        return push_unasked(&question, L, error);
    }
    hwl_callback_push_handle(&pending->callback, L);
    return 1;
}

/* --- inside a handler --- */

static int answered(lua_State *L, int status, lua_KContext k)
{
    const struct question_form *form = (const struct question_form *)k;
    const struct hwl_context *context = lua_touserdata(L, 1);
    const struct hwl_runner *runner = context->runner;
    (void)status;
    return form->push(runner->actor->system, L, runner->status, runner->response, "");
}

static int ask_for_context(lua_State *L, const struct question_form *form)
{
    struct hwl_context *context = hwl_check_context(L, 1);
    struct hwl_runner *runner = hwl_check_runner(context, L, form->name);
    struct question question = { .form = form, .system = context->actor->system };
    luaL_argcheck(L, lua_gettop(L) <= form->arguments + 1, form->arguments + 2,
                  "too many arguments");
    lua_settop(L, form->arguments + 1);
    form->read(&question, L);
    int error = ask(&question, L, hwl_runner_answered, runner, &runner->request);
    if (error) {
        runner->request = 0;
        return push_unasked(&question, L, error);
    }
    runner->waiting = true;
    return lua_yieldk(L, 0, (lua_KContext)form, answered);
}

/* --- the methods --- */

int hwl_system_spawn_remote(lua_State *L)
{
    return ask_for_system(L, &spawn_form);
}

int hwl_system_spawn_remote_named(lua_State *L)
{
    return ask_for_system(L, &spawn_named_form);
}

int hwl_system_list_processes(lua_State *L)
{
    return ask_for_system(L, &list_form);
}

int hwl_system_get_process_diagnostics(lua_State *L)
{
    return ask_for_system(L, &diagnostics_form);
}

int hwl_context_spawn_remote(lua_State *L)
{
    return ask_for_context(L, &spawn_form);
}

int hwl_context_spawn_remote_named(lua_State *L)
{
    return ask_for_context(L, &spawn_named_form);
}

int hwl_context_list_processes(lua_State *L)
{
    return ask_for_context(L, &list_form);
}

int hwl_context_get_process_diagnostics(lua_State *L)
{
    return ask_for_context(L, &diagnostics_form);
}
