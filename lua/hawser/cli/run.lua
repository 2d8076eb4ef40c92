-- SPDX-License-Identifier: MIT
-- hawser run FILE.lua [ARGUMENTS]: the script, then the loop until every system has stopped.

local USAGE = [[
usage: hawser run [--console SOCKET] FILE.lua [ARGUMENTS]

Runs the script with the arguments, in `arg` and `...`, then the systems it made
until they have stopped. FILE.lua is - for standard input. Modules and policies
beside the file are found.

--console SOCKET opens a console for you, and nobody else, at that path while
the systems run: hawser attach SOCKET and hawser stats SOCKET ask there.

The exit status is 0, the integer that the script returns, or 1 when it returns
false or fails; 130 or 143 when a signal interrupts it before its systems run.
SIGHUP has each system read its policy's file again.
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

-- Takes --console SOCKET from the front of the arguments: the rest, and the socket.
local function take_console(args)
    local word = args[1] or ""
    local value = word:match("^%-%-console=(.*)$")
    if word ~= "--console" and not value then
        return args
    end
    local count = value and 1 or 2
    return table.move(args, count + 1, #args, 1, { [-1] = args[-1] }), value or args[2] or ""
end

local function open_console(path)
    local console, why = require("hawser").open_console(path)
    if not console then
        io.stderr:write("hawser: --console: ", why, "\n")
    end
    return console
end

-- The script, then its systems.
local function run(chunk, file)
    look_beside(file)
    local ok, result = xpcall(chunk, traceback, table.unpack(arg))
    if not ok then
        return failed(result)
    end
    local hawser = require "hawser"
    local message
    ok, message = xpcall(hawser.run, traceback)
    if not ok then
        return failed(message)
    end
    return status_of(result)
end

---@param args string[] the file and the script's own arguments
---@param executable hawser.cli.Executable
---@return integer # exit status
return function(args, executable)
    local socket
    args, socket = take_console(args)
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
    executable.catch_hangup()
    local console = socket and open_console(socket)
    if socket and not console then
        return 1
    end
    local status = run(chunk, file)
    if console then
        console:close("its program has ended")
    end
    return status
end
