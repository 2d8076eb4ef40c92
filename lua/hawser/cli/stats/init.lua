-- SPDX-License-Identifier: MIT
-- hawser stats [ADDRESS|SOCKET] [--watch] [--json]: the statistics of a process with a console.

local core = require "hawser.core"
local json = require "hawser.json"
local options = require "hawser.cli.options"
local remote = require "hawser.cli.remote"
local show = require "hawser.cli.stats.show"
local suggest = require "hawser.suggest"

local USAGE = [[
usage: hawser stats [ADDRESS] [SOCKET] [--watch] [--interval S] [--json]

Shows the statistics of a process that has a console, of each system and of
each of its endpoints or, with an ADDRESS such as 127.0.0.1:25521, everything
of that one.

Without SOCKET it is $HAWSER_CONSOLE, or the only *.sock in
$XDG_RUNTIME_DIR/hawser.

  -w, --watch     again every second, with rates, until Ctrl-C
  --interval S    every so many seconds, from 0.1 to 3600
  --json          one JSON object, with --watch one a line
]]

local KNOWN = {
    watch = { flag = true, short = "w" }, json = { flag = true },
    interval = { least = 0.1, most = 3600 }, help = { flag = true, short = "h" },
}

local function complain(status, text)
    io.stderr:write("hawser: ", text, "\n")
    return status
end

-- A word with a colon and no path is an endpoint's address, anything else a socket.
local function is_address(word)
    return word:find("^unix:") ~= nil or word:find("^[^/]*:[^/]*$") ~= nil
end

local function sort_words(values)
    local address, socket
    for _, word in ipairs(values) do
        if is_address(word) then
            if address then
                return nil, nil, "stats takes one address, got " .. address .. " and " .. word
            end
            address = word
        elseif socket then
            return nil, nil, "stats takes one socket, got " .. socket .. " and " .. word
        else
            socket = word
        end
    end
    return address, socket
end

-- --- fetching ---

---@class hawser.cli.Figures
---@field systems table[]
---@field endpoints table[]

-- Asks page by page: nil when the other end has gone or Ctrl-C came.
---@param connection hawser.cli.Remote
---@param address? string
---@return hawser.cli.Figures|nil
local function fetch(connection, address)
    local all = { endpoints = {} }
    local more = true
    while more do
        local page, came
        local function take(answer)
            page, came = answer, true
        end
        if all.systems then
            connection:ask(take, "more_statistics")
        else
            connection:ask(take, "statistics", address or core.null)
        end
        connection:wait(function() return came end)
        if type(page) ~= "table" then
            return nil
        end
        all.systems = all.systems or page.systems
        table.move(page.endpoints, 1, #page.endpoints, #all.endpoints + 1, all.endpoints)
        more = page.more
    end
    return all
end

-- Of what happened between two times of looking, by "system address".
local function rates_between(before, after)
    local earlier, rates = {}, {}
    for _, endpoint in ipairs(before and before.endpoints or {}) do
        earlier[endpoint.system .. " " .. endpoint.address] = endpoint
    end
    for _, endpoint in ipairs(after.endpoints) do
        local key = endpoint.system .. " " .. endpoint.address
        local past = earlier[key]
        local passed = past and endpoint.now - past.now or 0
        if passed > 0 and endpoint.deliver_success >= past.deliver_success then
            rates[key] = { sent = (endpoint.deliver_success - past.deliver_success) / passed,
                           received = (endpoint.received - past.received) / passed }
        end
    end
    return rates
end

-- --- showing ---

local function as_json(all)
    for _, endpoint in ipairs(all.endpoints) do
        if #endpoint.rtt_buckets == 0 then
            endpoint.rtt_buckets = json.EMPTY
        end
    end
    return json.encode {
        process = all.process,
        systems = #all.systems > 0 and all.systems or json.EMPTY,
        endpoints = #all.endpoints > 0 and all.endpoints or json.EMPTY,
    }
end

local function text_of(all, values, rates)
    if values.json then
        return as_json(all)
    end
    return values.address and show.each(all, rates) or show.all(all, rates)
end

local function unknown_address(connection, address)
    local all, known = fetch(connection), {}
    for _, endpoint in ipairs(all and all.endpoints or {}) do
        known[#known + 1] = endpoint.address
    end
    local near = suggest.nearest(address, known)
    return complain(1, ("no system there has an endpoint %s%s"):format(address,
        near and ("; did you mean %s?"):format(near)
        or #known == 0 and "; there is none at all" or "; hawser stats lists them"))
end

local function gone(connection)
    if core.interrupts() > 0 then
        return 130
    end
    return complain(1, ("%s: the console is gone: %s"):format(connection.path,
        connection.why or "its process has ended"))
end

local function once(connection, values)
    local all = fetch(connection, values.address)
    if not all then
        return gone(connection)
    elseif values.address and #all.endpoints == 0 then
        return unknown_address(connection, values.address)
    end
    all.process = connection.pid
    io.stdout:write(text_of(all, values), "\n")
    return 0
end

-- On a terminal over what was there before, and not more than fits.
local function draw(text, rows, is_first)
    local lines, count = { is_first and "\27[2J" or "" }, 1
    for line in (text .. "\n"):gmatch("(.-)\n") do
        count = count + 1
        if count <= rows then
            lines[count] = line .. "\27[K\n"
        end
    end
    io.stdout:write("\27[H", table.concat(lines), "\27[J")
end

local function watch(connection, values, executable)
    local before
    while core.interrupts() == 0 do
        local all = fetch(connection, values.address)
        if not all then
            break
        end
        all.process = connection.pid
        local text = text_of(all, values, rates_between(before, all))
        local columns, rows = executable.terminal_size()
        if columns and not values.json then
            draw(text, rows, not before)
        else
            io.stdout:write(text, values.json and "\n" or "\n\n")
        end
        if not io.stdout:flush() then
            return 0 -- whoever read it has enough
        end
        before = all
        connection:wait(function() return false end, values.interval or 1)
    end
    return core.interrupts() > 0 and 0 or gone(connection)
end

---@param args string[]
---@param executable hawser.cli.Executable
---@return integer # exit status
return function(args, executable)
    local values, why = options.read(args, KNOWN)
    if not values then
        return complain(2, why .. "; see hawser stats --help")
    elseif values.help then
        io.stdout:write(USAGE)
        return 0
    elseif values.interval and not values.watch then
        return complain(2, "--interval is for --watch; see hawser stats --help")
    end
    local socket
    values.address, socket, why = sort_words(values)
    if why then
        return complain(2, why .. "; see hawser stats --help")
    end
    if not socket then
        socket, why = remote.default()
    end
    local connection
    if socket then
        connection, why = remote.connect(socket, { write = function() end })
    end
    if not connection then
        return complain(1, why)
    end
    local status = values.watch and watch(connection, values, executable)
        or not values.watch and once(connection, values)
    connection:close()
    return status
end
