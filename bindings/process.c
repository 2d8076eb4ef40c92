/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <lauxlib.h>

#include "names.h"
#include "state.h"

#define ARGUMENTS_MAX 64

struct process {
    pid_t pid; /* 0: reaped */
    int status;
};
static const char process_tag;

static void pause_for(double seconds)
{
    struct timespec left = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct process *check_process(lua_State *L)
{
    struct process *process = lua_touserdata(L, 1);
    if (lua_getmetatable(L, 1))
        lua_rawgetp(L, LUA_REGISTRYINDEX, &process_tag);
    if (!process || lua_gettop(L) < 3 || !lua_rawequal(L, -1, -2))
        luaL_typeerror(L, 1, "process");
    lua_pop(L, 2);
    return process;
}

/* --- the child, between fork and exec: async-signal-safe calls only --- */

static void redirect(int descriptor, const char *path)
{
    if (!path)
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (file >= 0)
        dup2(file, descriptor);
}

static void become(char *const *arguments, const char *out, const char *err, int report,
                   pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(127);
    redirect(STDOUT_FILENO, out);
    redirect(STDERR_FILENO, err);
    execvp(arguments[0], arguments);
    int error = errno;
    ssize_t written = write(report, &error, sizeof error);
    (void)written;
    _exit(127);
}

/* --- the parent --- */

static int failed(lua_State *L, int error)
{
    lua_pushnil(L);
    lua_pushstring(L, strerror(error));
    lua_pushliteral(L, "EIO");
    return 3;
}

static int start(lua_State *L, struct process *process, char *const *arguments, const char *out,
                 const char *err)
{
    int report[2], error = 0;
    pid_t parent = getpid();
    if (pipe2(report, O_CLOEXEC) != 0)
        return failed(L, errno);
    pid_t pid = fork();
    if (pid == 0)
        become(arguments, out, err, report[1], parent);
    error = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0 && read(report[0], &error, sizeof error) == (ssize_t)sizeof error)
        waitpid(pid, NULL, 0);
    close(report[0]);
    if (error)
        return failed(L, error);
    process->pid = pid;
    return 1;
}

/* core.process(argv, options) -> process | nil, message, "EIO" */
static int new_process(lua_State *L)
{
    char *arguments[ARGUMENTS_MAX + 1];
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count >= 1 && count <= ARGUMENTS_MAX, 1, "expected 1 to 64 arguments");
    luaL_checkstack(L, (int)count + 8, NULL);
    for (lua_Integer i = 0; i < count; i++) {
        lua_geti(L, 1, i + 1);
        arguments[i] = (char *)luaL_checkstring(L, -1);
    }
    arguments[count] = NULL;
    const char *out = NULL, *err = NULL;
    if (!lua_isnil(L, 2)) {
        static const char *const names[] = { "stdout", "stderr" };
        hwl_check_options(L, 2, "process option", names, 2);
        if (lua_getfield(L, 2, names[0]) != LUA_TNIL)
            out = hwl_check_text(L, names[0]);
        if (lua_getfield(L, 2, names[1]) != LUA_TNIL)
            err = hwl_check_text(L, names[1]);
    }
    struct process *process = lua_newuserdatauv(L, sizeof *process, 0);
    *process = (struct process){ 0 };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &process_tag);
    lua_setmetatable(L, -2);
    return start(L, process, arguments, out, err);
}

/* How it ended, as results: "exited", code or "killed", signal */
static int push_status(lua_State *L, const struct process *process)
{
    bool exited = WIFEXITED(process->status);
    lua_pushstring(L, exited ? "exited" : "killed");
    lua_pushinteger(L, exited ? WEXITSTATUS(process->status) : WTERMSIG(process->status));
    return 2;
}

static bool reap(struct process *process, int options)
{
    if (process->pid == 0)
        return true;
    pid_t pid = waitpid(process->pid, &process->status, options);
    if (pid == process->pid || (pid < 0 && errno == ECHILD))
        process->pid = 0;
    return process->pid == 0;
}

/* process:wait([seconds]) -> "exited", code | "killed", signal | nil, message, "ETIMEOUT" */
static int wait_process(lua_State *L)
{
    struct process *process = check_process(L);
    double until = monotonic() + luaL_optnumber(L, 2, 1e9), step = 0.001;
    while (!reap(process, WNOHANG)) {
        double left = until - monotonic();
        if (left <= 0)
            return hwl_failure(L, HWS_ETIMEOUT, "the process is still running");
        pause_for(left < step ? left : step);
        step = step < 0.02 ? step * 2 : step;
    }
    return push_status(L, process);
}

/* process:kill([signal]) -> was it running? SIGTERM unless said. */
static int kill_process(lua_State *L)
{
    struct process *process = check_process(L);
    lua_Integer number = luaL_optinteger(L, 2, SIGTERM);
    bool running = !reap(process, WNOHANG);
    lua_pushboolean(L, running && kill(process->pid, (int)number) == 0);
    return 1;
}

static int process_id(lua_State *L)
{
    struct process *process = check_process(L);
    if (process->pid == 0)
        return 0;
    lua_pushinteger(L, process->pid);
    return 1;
}

static int end_process(lua_State *L)
{
    struct process *process = check_process(L);
    if (!reap(process, WNOHANG)) {
        kill(process->pid, SIGKILL);
        while (!reap(process, 0))
            continue;
    }
    return 0;
}

static int sleep_seconds(lua_State *L)
{
    uint64_t duration = hwl_check_seconds(L, 1, "sleep");
    pause_for((double)duration / 1e9);
    return 0;
}

void hwl_open_processes(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "wait", wait_process }, { "kill", kill_process }, { "id", process_id }, { NULL, NULL }
    };
    static const luaL_Reg meta[] = { { "__gc", end_process },
                                     { "__close", end_process },
                                     { NULL, NULL } };
    hwl_metatable(L, "hawser.process", methods, meta);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &process_tag);
    lua_pushcfunction(L, new_process);
    lua_setfield(L, -2, "process");
    lua_pushcfunction(L, sleep_seconds);
    lua_setfield(L, -2, "sleep");
}
