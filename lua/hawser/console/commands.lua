-- SPDX-License-Identifier: MIT
-- The commands of a console, which begin with a dot. Each gets the session and what stands behind
-- its name, and returns the text to show, or nil and what is wrong.

local core = require "hawser.core"
local complete = require "hawser.console.complete"
local describe = require "hawser.console.describe"
local format = require "hawser.console.format"
local suggest = require "hawser.suggest"
local systems = require "hawser.console.systems"
local top = require "hawser.console.top"

local commands = {}

---@class hawser.console.Command
---@field name string
---@field usage string what stands behind the name
---@field summary string
---@field attached? string the summary in a console inside another process
---@field help string
---@field example string
---@field run fun(session: hawser.console.Session, rest: string): string|nil, string?
---@field complete? fun(rest: string): string[]
---@field is_of? fun(session: hawser.console.Session): boolean is it in that one's .help?

local list = {}
local by_name = {}

local function command(entry)
    list[#list + 1] = entry
    by_name[entry.name] = entry
end

local function names()
    local all = {}
    for _, entry in ipairs(list) do
        all[#all + 1] = entry.name
    end
    return all
end

local function each_system(show)
    local all, texts = systems.list(), {}
    for _, system in ipairs(all) do
        texts[#texts + 1] = show(system)
    end
    return texts
end

local function lines(texts, otherwise)
    return #texts > 0 and table.concat(texts, "\n") or otherwise
end

local function sorted_keys(map)
    local keys = {}
    for key in pairs(map) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

local NO_SYSTEM = 'no system; hawser.system { name = "alpha" } makes one, cluster(3) three'

-- --- what there is ---

command {
    name = "systems", usage = "", summary = "the systems of this process",
    help = "Lists the systems of this process that have not stopped.",
    example = '> .systems\nsystem alpha 127.0.0.1:25520 (2 actors, 1 endpoint)',
    run = function()
        return lines(each_system(describe.system), NO_SYSTEM)
    end,
}

command {
    name = "endpoints", usage = "", summary = "what each system knows of its peers",
    help = "Lists each system's endpoints: address, state, and what is to be known of that.",
    example = '> .endpoints\nalpha: endpoint 127.0.0.1:25521 connected (beta, rtt 0.2 ms)',
    run = function()
        local texts = each_system(function(system)
            local snapshot, rows, now = system:statistics_snapshot(), {}, system:now()
            for _, address in ipairs(sorted_keys(snapshot)) do
                rows[#rows + 1] = ("%s: %s"):format(system.name,
                                                    describe.endpoint(snapshot[address], now))
            end
            return lines(rows)
        end)
        return lines(texts, "no endpoints")
    end,
}

local MOST_ACTORS = 200

command {
    name = "actors", usage = "[PATTERN]", summary = "actors, and how many messages wait for each",
    help = "Lists actors whose PID contains PATTERN; a * in it stands for anything. At most "
        .. MOST_ACTORS .. " of them.",
    example = '> .actors echo\n127.0.0.1:25520/echo  0 waiting',
    run = function(_, rest)
        local pattern = rest:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
        local found, more = {}, 0
        for _, system in ipairs(systems.list()) do
            for _, actor in ipairs(system:actors()) do
                local text = tostring(actor.pid)
                if text:find(pattern) then
                    if #found < MOST_ACTORS then
                        found[#found + 1] = ("%s  %d waiting"):format(text, actor.mailbox_size)
                    else
                        more = more + 1
                    end
                end
            end
        end
        if more > 0 then
            found[#found + 1] = ("... %d more"):format(more)
        end
        return lines(found, rest == "" and "no actors" or "no actor's PID contains " .. rest)
    end,
}

-- --- what happens ---

local function event_names()
    local all = { "*" }
    for _, type in ipairs(core.event_types()) do
        all[#all + 1] = type.name
    end
    return all
end

-- What comes first in an event's line, in this order and so written; what is left out of it.
local FIRST = {
    { "address", "%s" }, { "name", "%s" }, { "pid", "%s" }, { "reason", "%s" },
    { "attempt", "attempt %s" }, { "delay", "in %s" },
}
local HIDDEN = { type = true, time = true, uid = true, incarnation = true, correlation = true,
                 detail = true, since = true, next = true, from = true, state = true, step = true,
                 success = true }
for _, field in ipairs(FIRST) do
    HIDDEN[field[1]] = true
end

local function field_text(key, value)
    if key == "delay" then
        return describe.duration(value)
    elseif type(value) == "string" or type(value) == "userdata" then
        return tostring(value)
    end
    return format.value(value, { width = 60, depth = 2, text = 60 })
end

local function fields_of(event)
    local texts, others = {}, {}
    for _, field in ipairs(FIRST) do
        local value = event[field[1]]
        if value and value ~= 0 and value ~= "" then
            texts[#texts + 1] = field[2]:format(field_text(field[1], value))
        end
    end
    if event.success then
        texts[#texts + 1] = "succeeded"
    end
    for key, value in pairs(event) do
        if not HIDDEN[key] and value ~= 0 and value ~= "" and value ~= false then
            others[#others + 1] = ("%s=%s"):format(key, field_text(key, value))
        end
    end
    table.sort(others)
    return table.concat(table.move(others, 1, #others, #texts + 1, texts), " ")
end

-- An event in a line.
local function event_line(system_name, event, time, width)
    local detail = type(event.detail) == "string" and event.detail:match("^[^\n]*") or ""
    detail = detail:match("^connection to .*: ([^:]+)$") or detail
    local line = ("+%.3f %s %s %s"):format(time, system_name, event.type, fields_of(event))
    -- Of an endpoint the reason is enough, where there is no room.
    if detail == "" or event.address and event.reason and #line + #detail + 3 > width then
        return line
    end
    return ("%s (%s)"):format(line, detail)
end

-- A glob over names as a function: * is anything.
local function matcher(glob)
    local pattern = "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
    return function(name) return name:find(pattern) ~= nil end
end

local function check_events(glob)
    local matches = matcher(glob)
    for _, type in ipairs(core.event_types()) do
        if matches(type.name) then
            return matches
        end
    end
    local near = suggest.nearest(glob, event_names())
    return nil, ("no event matches %q%s"):format(glob,
        near and ("; did you mean %q?"):format(near) or "")
end

local function complete_events(rest)
    return rest:find("^events ") and event_names() or { "events" }
end

command {
    name = "watch", usage = "events [PATTERN]", summary = "shows events as they happen",
    help = "Shows every event of every system, above the prompt, or those whose name matches"
        .. " PATTERN, such as Endpoint*. The time is in seconds since the system was first seen.",
    example = '> .watch events Endpoint*\nwatching Endpoint*; .unwatch ends it',
    complete = complete_events,
    run = function(session, rest)
        local what, pattern = rest:match("^(%S*)%s*(%S*)$")
        if what ~= "events" then
            return nil, "expected .watch events [PATTERN]"
        end
        pattern = pattern ~= "" and pattern or "*"
        local matches, why = check_events(pattern)
        if not matches then
            return nil, why
        end
        session:watch(function(system, event, time)
            if matches(event.type) then
                session:say(event_line(system.name, event, time, session.width()), "faint")
            end
        end)
        return ("watching %s; .unwatch ends it"):format(pattern)
    end,
}

command {
    name = "unwatch", usage = "", summary = "ends .watch",
    help = "Ends every .watch of this console.",
    example = "> .unwatch",
    run = function(session)
        return session:unwatch() and "" or "nothing was watched"
    end,
}

local MOST_EVENTS = 30

command {
    name = "trace", usage = "[PATTERN]", summary = "what happened lately",
    help = ("Shows the last %d events of all systems, or those whose name matches PATTERN.")
        :format(MOST_EVENTS),
    example = "> .trace Endpoint*",
    complete = event_names,
    run = function(session, rest)
        local matches, why = check_events(rest ~= "" and rest or "*")
        if not matches then
            return nil, why
        end
        local texts = {}
        for _, entry in ipairs(systems.recent()) do
            if matches(entry.event.type) then
                texts[#texts + 1] = event_line(entry.system, entry.event, entry.time,
                                               session.width())
            end
        end
        return lines({ table.unpack(texts, math.max(1, #texts - MOST_EVENTS + 1)) },
                     "nothing has happened yet")
    end,
}

-- --- figures ---

local function system_figures(session, system)
    return describe.system(system) .. "\n"
        .. format.value(system:statistics(), session:format_options())
end

local function endpoint_figures(session, address)
    local texts = {}
    for _, system in ipairs(systems.list()) do
        local statistics = system:statistics(address)
        if statistics then
            texts[#texts + 1] = ("%s: %s\n%s"):format(system.name,
                describe.endpoint(statistics, system:now()),
                format.value(statistics, session:format_options()))
        end
    end
    if #texts > 0 then
        return table.concat(texts, "\n")
    end
    local near = suggest.nearest(address, complete.addresses(""))
    return nil, ("no system has an endpoint %s%s"):format(address,
        near and ("; did you mean %q?"):format(near) or "; .endpoints lists them")
end

command {
    name = "stats", usage = "[ADDRESS]", summary = "figures of the systems, or of an endpoint",
    help = "Shows each system's figures or, with an address, those of each endpoint of it.",
    example = "> .stats 127.0.0.1:25521",
    complete = complete.addresses,
    run = function(session, rest)
        if rest ~= "" then
            return endpoint_figures(session, rest)
        end
        return lines(each_system(function(system) return system_figures(session, system) end),
                     NO_SYSTEM)
    end,
}

command {
    name = "top", usage = "", summary = "the endpoints, drawn again and again; q leaves",
    help = "Shows every endpoint of every system with its state, throttle level, queue, rates of"
        .. " messages and round trip times, what is in trouble first. On a terminal it is drawn"
        .. " twice a second until q; otherwise once.",
    example = "> .top",
    run = function(session)
        session.live = top.new()
        return ""
    end,
}

-- --- policies ---

command {
    name = "policy", usage = "", summary = "the policy of each system",
    help = "Tells which policy is in force in each system; system:set_policy(...) puts another.",
    example = "> .policy\nalpha: night-shift",
    run = function()
        return lines(each_system(function(system)
            return ("%s: %s"):format(system.name, systems.policy(system)
                or "(set before this console was opened)")
        end), NO_SYSTEM)
    end,
}

command {
    name = "reload", usage = "[SYSTEM]", summary = "reads the policies again",
    help = "Has each system, or that of the name, read its policy again and put it in force. One"
        .. " that can't be loaded changes nothing.",
    example = "> .reload\nalpha: its policy was read again and is in force",
    complete = function()
        local all = {}
        for _, system in ipairs(systems.list()) do
            all[#all + 1] = system.name
        end
        return all
    end,
    run = function(_, rest)
        local all = rest ~= "" and { systems.named(rest) } or systems.list()
        if rest ~= "" and #all == 0 then
            return nil, "no system " .. rest .. "; .systems lists them"
        end
        local texts, good = {}, true
        for _, system in ipairs(all) do
            local ok, why = system:reload_policy()
            good = good and ok
            texts[#texts + 1] = ("%s: %s"):format(system.name,
                ok and "its policy was read again and is in force" or why)
        end
        local text = lines(texts, NO_SYSTEM)
        if not good then
            return nil, text
        end
        return text
    end,
}

-- --- the console itself ---

-- The text in lines of so many columns, or a little less.
local function wrapped(text, width)
    local texts, line = {}, ""
    for word in text:gmatch("%S+") do
        if line ~= "" and #line + 1 + #word >= width then
            texts[#texts + 1], line = line, ""
        end
        line = line == "" and word or line .. " " .. word
    end
    texts[#texts + 1] = line
    return table.concat(texts, "\n")
end

local function overview(session)
    local texts = {}
    for _, entry in ipairs(list) do
        local usage = entry.usage ~= "" and " " .. entry.usage or ""
        if not entry.is_of or entry.is_of(session) then
            local summary = session.attached and entry.attached or entry.summary
            texts[#texts + 1] = ("  .%-26s%s"):format(entry.name .. usage, summary)
        end
    end
    return table.concat(texts, "\n") .. [[

Anything else is Lua: c = cluster(3) makes three systems that know each other.
Tab completes, Ctrl-C stops what runs, Ctrl-D leaves.
await, sleep and system:request(target, message) wait, and the actors run on.]]
end

command {
    name = "help", usage = "[COMMAND]", summary = "this list, or what a command does",
    help = "Lists the commands or, with a command, explains it with an example.",
    example = "> .help watch",
    complete = names,
    run = function(session, rest)
        local name = rest:gsub("^%.", "")
        if name == "" then
            return overview(session)
        elseif not by_name[name] then
            local near = suggest.nearest(name, names())
            return nil, ("no command .%s%s"):format(name,
                near and ("; did you mean .%s?"):format(near) or "; .help lists them")
        end
        local entry = by_name[name]
        local usage = entry.usage ~= "" and " " .. entry.usage or ""
        local example = ("\n" .. entry.example):gsub("\n", "\n  ")
        local help = wrapped(entry.help, session.width())
        return (".%s%s\n%s\n\nExample:%s"):format(name, usage, help, example)
    end,
}

command {
    name = "quit", usage = "", summary = "leaves; the systems stop in order",
    attached = "detaches; the process runs on",
    help = "Leaves as Ctrl-D does. In a REPL its systems stop in order and say goodbye; an attached"
        .. " console only detaches.",
    example = "> .quit",
    run = function(session)
        session:quit()
        return ""
    end,
}

-- --- running and completing ---

---@param session hawser.console.Session
---@param line string with its dot
---@return string|nil text
---@return string|nil what is wrong
function commands.run(session, line)
    local name, rest = line:match("^%.(%S*)%s*(.-)%s*$")
    local entry = by_name[name]
    if not entry then
        local near = suggest.nearest(name, names())
        return nil, ("unknown command .%s%s"):format(name, near
            and ("; did you mean .%s?"):format(near) or "; .help lists them")
    end
    return entry.run(session, rest)
end

-- Is this line one? A number such as .5 is none.
---@param line string
---@return boolean
function commands.is_command(line)
    return line:find("^%.%a") ~= nil or line == "."
end

---@param text string a line up to the cursor that begins with a dot
---@return hawser.console.Completion
function commands.complete(text)
    local name, rest = text:match("^%.(%S*)%s+(.*)$")
    local words, prefix = names(), text:sub(2)
    if name then
        local entry = by_name[name]
        words = entry and entry.complete and entry.complete(rest) or {}
        prefix = rest:match("%S*$")
    end
    local found = {}
    for _, word in ipairs(words) do
        if word:sub(1, #prefix) == prefix then
            found[#found + 1] = word
        end
    end
    table.sort(found)
    return { from = #text - #prefix + 1, words = found }
end

-- For other modules to add theirs.
commands.add = command

return commands
