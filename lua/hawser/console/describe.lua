-- SPDX-License-Identifier: MIT
-- What a live object is, in one line. Only hawser's own objects are asked; of anything else it is
-- told what can be seen from outside.

local core = require "hawser.core"

local describe = {}

local function plural(count, word)
    return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end
describe.plural = plural

---@param seconds number
---@return string
function describe.duration(seconds)
    if seconds < 0.0001 then
        return ("%.0f us"):format(seconds * 1e6)
    elseif seconds < 0.0995 then
        return ("%.1f ms"):format(seconds * 1e3)
    elseif seconds < 100 then
        return ("%.1f s"):format(seconds)
    elseif seconds < 6000 then
        return ("%.0f min"):format(seconds / 60)
    elseif seconds < 100 * 3600 then
        return ("%.0f h"):format(seconds / 3600)
    end
    return ("%.0f d"):format(seconds / 86400)
end

-- The cause at the end of the core's sentence, which begins with the address.
local function cause(reason)
    return reason and reason:match(": ([^:]+)$") or reason
end

local function wait(statistics, now)
    local left = statistics.next and now and statistics.next - now
    return left and left > 0 and describe.duration(left) or nil
end

local function waiting(statistics, now, prefix)
    local parts = {}
    local left = wait(statistics, now)
    parts[#parts + 1] = prefix
    parts[#parts + 1] = left and "next in " .. left
    parts[#parts + 1] = cause(statistics.reason)
    return table.concat(parts, ", ")
end

local function queued(statistics)
    local size = statistics.queue_size
    return size > 0 and plural(size, "message") .. " queued" or nil
end

local function linked(statistics)
    local parts = { statistics.name }
    if statistics.rtt > 0 then
        parts[#parts + 1] = "rtt " .. describe.duration(statistics.rtt)
    end
    parts[#parts + 1] = queued(statistics)
    if statistics.level and statistics.level ~= "normal" then
        parts[#parts + 1] = "level " .. statistics.level
    end
    return table.concat(parts, ", ")
end

local DETAILS = {
    connected = linked,
    suspended = linked,
    idle = queued,
    associating = queued,
    reconnecting = function(statistics, now)
        return waiting(statistics, now, ("attempt %d"):format(statistics.reconnect_attempts))
    end,
    gated = waiting,
    quarantined = function(statistics, now)
        local left = wait(statistics, now)
        return left and "for " .. left or nil
    end,
    closed = function(statistics)
        return cause(statistics.reason)
    end,
}

-- `now` is the system's clock, for what is still to come.
---@param statistics table as system:statistics(address) gives it
---@param now? number
---@return string
function describe.endpoint(statistics, now)
    local details = DETAILS[statistics.state]
    local text = details and details(statistics, now)
    return ("endpoint %s %s%s"):format(statistics.address, statistics.state,
                                       text and text ~= "" and (" (%s)"):format(text) or "")
end

---@param system hawser.System
---@return string
function describe.system(system)
    if system:is_stopped() then
        return ("system %s (stopped)"):format(system.name)
    end
    local statistics = system:statistics()
    return ("system %s %s (%s, %s)"):format(system.name, system.address,
        plural(statistics.actors, "actor"), plural(statistics.endpoints, "endpoint"))
end

local function is_endpoint(value)
    return math.type(rawget(value, "incarnation")) == "integer"
        and type(rawget(value, "state")) == "string" and type(rawget(value, "address")) == "string"
        and math.type(rawget(value, "queue_size")) == "integer"
end

-- A table that stands for a live object: nil for all others.
---@param value table
---@return string|nil
function describe.live(value)
    return is_endpoint(value) and describe.endpoint(value) or nil
end

-- A table in one word.
function describe.table(value)
    local length, others = rawlen(value), 0
    for key in next, value do
        if not (math.type(key) == "integer" and key >= 1 and key <= length) then
            others = others + 1
        end
    end
    local parts = {}
    parts[#parts + 1] = length > 0 and plural(length, "item") or nil
    parts[#parts + 1] = others > 0 and plural(others, "field") or nil
    return ("{... %s}"):format(table.concat(parts, ", "))
end

local KINDS = {
    ["hawser.system"] = describe.system,
    ["hawser.pid"] = function(pid) return "pid " .. tostring(pid) end,
    ["hawser.handle"] = tostring,
    ["hawser.timer"] = function() return "timer of an actor" end,
    ["hawser.events"] = function() return "events (:subscribe(pattern, fn))" end,
    ["hawser.context"] = function() return "context of an actor" end,
    ["hawser.process"] = function(process)
        local id = process:id()
        return id and ("process %d"):format(id) or "process (ended)"
    end,
}

local function describe_function(value)
    local info = debug.getinfo(value, "S")
    if info.what == "C" then
        return "function (in C)"
    end
    return ("function (%s:%d)"):format(info.short_src, info.linedefined)
end

---@param value any a function, coroutine, userdata
---@return string
function describe.value(value)
    if type(value) == "function" then
        return describe_function(value)
    elseif type(value) == "thread" then
        return ("coroutine (%s)"):format(coroutine.status(value))
    end
    local meta = debug.getmetatable(value)
    local name = type(meta) == "table" and rawget(meta, "__name")
    local kind = KINDS[name]
    if kind then
        local ok, text = pcall(kind, value)
        return ok and text or ("%s (gone)"):format(name:match("[^.]+$"))
    elseif value == core.null then
        return "null"
    end
    return tostring(value)
end

return describe
