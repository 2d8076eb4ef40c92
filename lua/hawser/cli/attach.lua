-- SPDX-License-Identifier: MIT
-- hawser attach [SOCKET]: the console of a process that runs, from another terminal.

local remote = require "hawser.cli.remote"

local USAGE = [[
usage: hawser attach [SOCKET]

Opens a console inside a running process that has one, as those have that were
started with hawser run --console SOCKET FILE.lua. What you type is evaluated
there, with all its rights. Ctrl-D or .quit leaves, and the process runs on.
.help tells more.

Without SOCKET it is $HAWSER_CONSOLE, or the only *.sock in
$XDG_RUNTIME_DIR/hawser.

When standard input is no terminal, lines are read from it, and nothing is shown
but what they give; the exit status is 1 when one failed.
]]

local function complain(text)
    io.stderr:write("hawser: ", text, "\n")
    return 1
end

local function banner(connection)
    local systems, program = connection.greeting.systems, tostring(connection.greeting.program)
    local name = program:match("[^/]+$")
    local lines = { ("attached to %s, process %d%s"):format(connection.path, connection.pid,
                                                            name and (" (%s)"):format(name) or "") }
    for _, system in ipairs(type(systems) == "table" and systems or {}) do
        lines[#lines + 1] = "system " .. table.concat(system, " ")
    end
    lines[#lines + 1] = ".help lists the commands, Tab completes, Ctrl-D detaches\n"
    return table.concat(lines, "\n")
end

-- The other end's end, in a sentence.
local function farewell(connection)
    return ("%s: the console is gone: %s"):format(connection.path,
                                                  connection.why or "its process has ended")
end

local function on_terminal(terminal, path)
    local options = terminal:options()
    local connection, why = remote.connect(path, { write = options.write, colour = options.colour,
                                                   paged = true })
    if not connection then
        terminal:close()
        return complain(why)
    end
    options.write(banner(connection))
    local session = remote.session(connection, options)
    terminal:run(session, function() return connection.gone end)
    if connection.gone then
        options.write("hawser: " .. farewell(connection) .. "\n")
    end
    session:close()
    terminal:close()
    return connection.gone and 1 or 0
end

local function without_terminal(path)
    local plain = require "hawser.cli.plain"
    local options = plain.options()
    local connection, why = remote.connect(path, { write = options.write })
    if not connection then
        return complain(why)
    end
    local session = remote.session(connection, options)
    local good = plain.run(session)
    session:close()
    if session.lost then
        return complain(farewell(connection))
    end
    return good and 0 or 1
end

---@param args string[]
---@return integer # exit status
return function(args)
    local path = args[1]
    if path == "--help" or path == "-h" then
        io.stdout:write(USAGE)
        return 0
    elseif args[2] or (path and path:find("^%-")) then
        io.stderr:write("hawser: ", args[2] and "attach takes one socket" or "unknown option "
                        .. path, "; see hawser attach --help\n")
        return 2
    end
    local why
    if not path then
        path, why = remote.default()
    end
    if not path then
        return complain(why)
    end
    local terminal = require("hawser.cli.terminal").open()
    if terminal then
        return on_terminal(terminal, path)
    end
    return without_terminal(path)
end
