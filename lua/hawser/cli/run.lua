-- SPDX-License-Identifier: MIT
-- hawser run FILE.lua [ARGUMENTS]: the script, then the loop until every system has stopped.

local USAGE = [[
usage: hawser run FILE.lua [ARGUMENTS]

Runs the script with the arguments, in `arg` and `...`, then the systems it made until they have
stopped. FILE.lua is - for standard input. Modules and policies beside the file are found.

The exit status is 0, the integer that the script returns, or 1 when it returns false or fails; 130
or 143 when a signal interrupts it before its systems run. SIGHUP has each system read its policy's
file again.
]]

local function traceback(message)
    if type(message) ~= "string" then
        local described = getmetatable(message) and getmetatable(message).__tostring
        message = described and tostring(message) or ("error: a %s value"):format(type(message))
    end
    return debug.traceback(message, 2)
end

-- Modules and policies beside the script are found wherever it is started from.
local function look_beside(file)
    local directory = file:match("^(.*)/[^/]*$")
    if directory then
        local template = directory:gsub("%%", "%%%%") .. "/?.lua;"
        package.path = template .. package.path
        local policy = require "hawser.policy"
        policy.path = template .. policy.path
    end
end

local function failed(message)
    if message:find("^[^\n]*interrupted\n") then
        error(message, 0) -- perhaps by a signal: main.c knows, and says so
    end
    io.stderr:write("hawser: ", message, "\n")
    return 1
end

local function status_of(result)
    if math.type(result) == "integer" then
        return result & 0xff
    end
    return result == false and 1 or 0
end

---@param args string[] the file and the script's own arguments
---@param executable hawser.cli.Executable
---@return integer # exit status
return function(args, executable)
    local file = args[1]
    if not file then
        io.stderr:write(USAGE)
        return 2
    elseif file == "--help" or file == "-h" then
        io.stdout:write(USAGE)
        return 0
    elseif file:find("^%-.") then
        io.stderr:write("hawser: unknown option ", file, "; see hawser run --help\n")
        return 2
    end
    arg = table.move(args, 2, #args, 1, { [0] = file, [-1] = "run", [-2] = args[-1] }) -- luacheck: ignore
    local chunk, message = loadfile(file ~= "-" and file or nil)
    if not chunk then
        return failed(message)
    end
    look_beside(file)
    executable.catch_hangup()
    local ok, result = xpcall(chunk, traceback, table.unpack(arg))
    if not ok then
        return failed(result)
    end
    local hawser = require "hawser"
    ok, message = xpcall(hawser.run, traceback)
    if not ok then
        return failed(message)
    end
    return status_of(result)
end
