-- SPDX-License-Identifier: MIT
-- hawser repl [FILE.lua]: a console in a process of its own, in which systems and clusters are
-- made.

local USAGE = [[
usage: hawser repl [FILE.lua]

Reads Lua line by line and shows what it gives, while the systems that it makes
run: c = cluster(3) makes three that know each other. With a file, that is run
first, and its globals stay. Ctrl-D leaves; the systems stop in order. .help
tells more.

When standard input is no terminal, lines are read from it, and nothing is
shown but what they give; the exit status is 1 when one failed.
]]

local function stop_systems()
    local core = require "hawser.core"
    require("hawser.cluster").close_all()
    for _, system in ipairs(core.systems()) do
        system:stop { reason = "closed" }
    end
    core.run()
end

local function look_beside(file)
    local directory = file:match("^(.*)/[^/]*$")
    if directory then
        package.path = directory:gsub("%%", "%%%%") .. "/?.lua;" .. package.path
    end
end

-- The file as the console's first line, so that it may wait and be interrupted.
local function run_file(session, file)
    local core = require "hawser.core"
    local evaluate = require "hawser.console.evaluate"
    local chunk, why = loadfile(file)
    if not chunk then
        session:say("error: " .. why, "fault")
        return false
    end
    look_beside(file)
    local outcome
    evaluate.start(session, "", function()
        chunk(file)
        return { n = 0 }
    end, function(ok, text)
        session.evaluation = nil
        if text then
            session:say(text, "fault")
        end
        outcome = ok
    end)
    core.run_until(function() return outcome ~= nil or core.interrupts() > 0 end)
    return outcome
end

local function banner(session)
    local core = require "hawser.core"
    session:say(("hawser %s, Lua %s; .help lists the commands, Tab completes, Ctrl-D leaves")
        :format(core.version, core.lua_version))
end

local function on_terminal(terminal, file)
    local session = require("hawser.console").open(terminal:options())
    banner(session)
    if file then
        run_file(session, file)
    end
    terminal:run(session)
    session:close()
    terminal:close()
    return true
end

local function without_terminal(file)
    local plain = require "hawser.cli.plain"
    local options = plain.options()
    local session = require("hawser.console").open(options)
    local good = not file or run_file(session, file)
    good = plain.run(session) and good
    session:close()
    return good
end

---@param args string[]
---@return integer # exit status
return function(args)
    local file = args[1]
    if file == "--help" or file == "-h" then
        io.stdout:write(USAGE)
        return 0
    elseif args[2] or (file and file:find("^%-.")) then
        io.stderr:write("hawser: ", args[2] and "repl takes one file" or "unknown option " .. file,
                        "; see hawser repl --help\n")
        return 2
    end
    local console = require "hawser.console"
    console.own_loop()
    warn "@on"
    local terminal = require("hawser.cli.terminal").open()
    local good
    if terminal then
        good = on_terminal(terminal, file)
    else
        good = without_terminal(file)
    end
    stop_systems()
    return good and 0 or 1
end
