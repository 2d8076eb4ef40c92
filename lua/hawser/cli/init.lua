-- SPDX-License-Identifier: MIT
-- The `hawser` executable: its commands. Each is a function(args) -> exit status; 0 is fine, 1 is a
-- failure of what was asked for, 2 a command line that makes no sense.

local suggest = require "hawser.suggest"

local cli = {}

local HELP = [[
usage: hawser [--log LEVEL] COMMAND [ARGUMENTS]

  run FILE.lua [ARGUMENTS]  runs a script, then the systems it made until they
                            have stopped; FILE.lua is - for standard input
  repl [FILE.lua]           an interactive console: systems and clusters from
                            the keyboard
  attach [SOCKET]           the same inside a process that runs, begun with
                            hawser run --console SOCKET ...
  stats [ADDRESS] [SOCKET]  the statistics of a process that runs
  policy check FILE         what a policy answers, and what is wrong with it;
                            plot: its curve, simulate: what comes of it in a
                            simulated network
  bench [OPTIONS]           measures this machine's throughput and latency

  --log LEVEL               debug, info, warning (the default), error or off
  --version                 the versions of hawser and of what it is made of
  --help                    this text; after a command, what that takes

Ctrl-C stops the systems in order; a second one at once. SIGHUP reloads their
policies.
]]

local LEVELS = { "debug", "info", "warning", "error", "off" }

local function complain(...)
    io.stderr:write("hawser: ", ...)
    io.stderr:write("\n")
    return 2
end

local function print_help()
    io.stdout:write(HELP)
    return 0
end

local function print_version()
    local core = require "hawser.core"
    io.stdout:write("hawser ", core.version, "\nLua ", core.lua_version, "\nlibuv ",
                    core.libuv_version, "\n")
    return 0
end

local commands = {
    run = function(args, executable)
        return require("hawser.cli.run")(args, executable)
    end,
    repl = function(args)
        return require("hawser.cli.repl")(args)
    end,
    attach = function(args)
        return require("hawser.cli.attach")(args)
    end,
    stats = function(args, executable)
        return require("hawser.cli.stats")(args, executable)
    end,
    bench = function(args)
        return require("hawser.bench").main(args)
    end,
    policy = function(args, executable)
        return require("hawser.cli.policy")(args, executable)
    end,
    help = print_help,
    version = print_version,
}

local function unknown(word)
    if word:find("%.lua$") then
        return complain(("unknown command %q; to run a script: hawser run %s"):format(word, word))
    end
    local near = suggest.nearest(word, { "run", "repl", "attach", "stats", "policy", "bench",
                                         "help", "version", "--help", "--version", "--log" })
    return complain(("unknown %s %q%s; hawser --help lists the commands"):format(
        word:find("^%-") and "option" or "command", word,
        near and ("; did you mean %q?"):format(near) or ""))
end

local function set_log(level)
    if not suggest.contains(LEVELS, level) then
        return complain(("--log %s: %s"):format(level or "(nothing)",
                                                suggest.expected(level, LEVELS)))
    end
    require("hawser").defaults.log = level
    return nil
end

---@class hawser.cli.Executable what only main.c can do
---@field catch_hangup fun() SIGHUP reloads policies from here on, or stops if the terminal is gone
---@field terminal_size fun(): integer|nil, integer? columns and rows; nil: standard output is none

---@param args string[] the command line without the program's name; args[0] is that
---@param executable hawser.cli.Executable
---@return integer # exit status
function cli.main(args, executable)
    local i = 1
    while args[i] == "--log" or (args[i] or ""):find("^%-%-log=") do
        local level = args[i]:match("^%-%-log=(.*)$")
        local wrong = set_log(level or args[i + 1])
        if wrong then
            return wrong
        end
        i = i + (level and 1 or 2)
    end
    local word = args[i]
    if word == nil then
        io.stderr:write(HELP)
        return 2
    elseif word == "--help" or word == "-h" then
        return print_help()
    elseif word == "--version" or word == "-v" then
        return print_version()
    elseif not commands[word] then
        return unknown(word)
    end
    local rest = table.move(args, i + 1, #args, 1, { [0] = word, [-1] = args[0] })
    return commands[word](rest, executable) or 0
end

return cli
