-- SPDX-License-Identifier: MIT
-- What happened in a world: the events of its systems, and what was done to it, in order.

local glob = require "hawser.policy.glob"
local names = require "hawser.world.names"

local trace = {}

local FILTER = { "type", "system", "from", "to" }

local Trace = {}

local function sorted_keys(list)
    local keys = {}
    for key in pairs(list) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    return keys
end

local function show(value)
    if type(value) == "table" then
        local parts = {}
        for _, key in ipairs(sorted_keys(value)) do
            parts[#parts + 1] = tostring(key) .. "=" .. show(value[key])
        end
        return "{" .. table.concat(parts, " ") .. "}"
    end
    return math.type(value) == "float" and ("%.9g"):format(value) or tostring(value)
end

---@param entry hawser.world.Entry
---@return string
local function line_of(entry)
    local parts = { ("%12.6f  %-10s %s"):format(entry.time, entry.system, entry.type) }
    for _, key in ipairs(sorted_keys(entry)) do
        local value = entry[key]
        if key ~= "time" and key ~= "system" and key ~= "type" and value ~= "" then
            parts[#parts + 1] = key .. "=" .. show(value)
        end
    end
    return table.concat(parts, " ")
end

function Trace.__tostring(entries)
    local lines = {}
    for i, entry in ipairs(entries) do lines[i] = line_of(entry) end
    return table.concat(lines, "\n")
end

---@param most integer records kept; 0: none
function trace.new(most)
    return { first = 1, last = 0, most = most }
end

local function record(self, entry)
    local log = self.log
    if log.most == 0 then
        return
    end
    log.last = log.last + 1
    log[log.last] = entry
    if log.last - log.first >= log.most then
        log[log.first] = nil
        log.first = log.first + 1
    end
end

-- What the world itself did is in its trace, too.
---@param self hawser.World
---@param deed string
---@param fields table
function trace.deed(self, deed, fields)
    fields.time, fields.system, fields.type = self:now(), "world", deed
    record(self, fields)
end

-- The subscription must not keep the world alive: the system keeps it, and the world the system.
---@param world hawser.World
---@param name string
---@param system hawser.System
function trace.listen(world, name, system)
    if world.log.most == 0 and not world.strict then
        return
    end
    local weak = setmetatable({ world }, { __mode = "v" })
    system.events:subscribe("*", function(event)
        local self = weak[1]
        if not self then
            return
        end
        event.time, event.system = self:now(), name
        record(self, event)
        if self.strict and event.type == "ActorFailed" then
            self.failure = self.failure or
                ("an actor of %s failed: %s"):format(name, tostring(event.detail))
            self.core:halt()
        end
    end)
end

local function wanted(filter)
    if filter == nil then
        return function() return true end
    elseif type(filter) == "function" then
        return filter
    elseif type(filter) == "string" then
        filter = { type = filter }
    end
    for key in pairs(filter) do names.check(key, FILTER, "world:trace", "unknown option") end
    return function(entry)
        return (not filter.type or glob.matches(filter.type, entry.type))
            and (not filter.system or glob.matches(filter.system, entry.system))
            and entry.time >= (filter.from or 0) and entry.time <= (filter.to or math.huge)
    end
end

-- What fits the filter, in order; tostring() of it is a line each.
---@param self hawser.World
---@param filter? string|hawser.world.Filter|fun(entry: hawser.world.Entry): any
---@return hawser.world.Entry[]
function trace.select(self, filter)
    local found, fits = setmetatable({}, Trace), wanted(filter)
    for i = self.log.first, self.log.last do
        if fits(self.log[i]) then found[#found + 1] = self.log[i] end
    end
    return found
end

return trace
