-- SPDX-License-Identifier: MIT
-- The systems of this process as consoles know them: which there are, since when, under which
-- policy, and what happened to them lately. Begins to look when the first console is opened.

local core = require "hawser.core"
local output = require "hawser.console.output"

local systems = {}

local RECENT = 1000 -- events remembered, of all systems together

-- Of each system: { begun =, policy = }.
local notes = setmetatable({}, { __mode = "k" })
local listeners = {}
local recent, newest = {}, 0
local looking = false

local function remember(system, event)
    newest = newest + 1
    recent[(newest - 1) % RECENT + 1] = { system = system.name, event = event,
                                          time = event.time - notes[system].begun }
    if event.type == "PolicyLoaded" then
        notes[system].policy = event.name
    end
    for listener in pairs(listeners) do
        listener(system, event, event.time - notes[system].begun)
    end
end

local function note(system)
    notes[system] = notes[system] or { begun = system:now() }
    return notes[system]
end

local function adopt(system, policy)
    local noted = note(system)
    if noted.adopted then
        return
    end
    noted.adopted, noted.policy = true, policy
    system.events:subscribe("*", function(event) remember(system, event) end)
end

local function name_of(policy)
    return type(policy) == "table" and policy.name or nil
end

local function look()
    local make, set_policy = core.system, core.methods.set_policy
    function core.system(options, ...)
        options.log = output.log(options.log)
        local ok, system, message, code = pcall(make, options, ...)
        if not ok then
            error(system, 0) -- the position would be this function's
        elseif system then
            adopt(system, name_of(options.policy) or "(none: the C fallbacks)")
        end
        return system, message, code
    end
    function core.methods:set_policy(what)
        local ok, message, code = set_policy(self, what)
        if ok and notes[self] then
            notes[self].policy = name_of(what) or type(what) == "string" and what
                or what == nil and "default" or "(none: the C fallbacks)"
        end
        return ok, message, code
    end
end

-- To be called before the others.
function systems.open()
    if not looking then
        looking = true
        look()
    end
    systems.list()
end

---@return hawser.System[] # those that have not stopped
function systems.list()
    local list = core.systems()
    for _, system in ipairs(list) do
        adopt(system)
    end
    return list
end

---@param name string
---@return hawser.System|nil
function systems.named(name)
    for _, system in ipairs(systems.list()) do
        if system.name == name then
            return system
        end
    end
    return nil
end

---@param system hawser.System
---@return string|nil # its policy's name, where that is known
function systems.policy(system)
    return notes[system] and notes[system].policy
end

-- Counts a system's time from `begun` on its clock, and has `drive(condition)` called by a line
-- that waits for it: a system in virtual time gets nowhere by itself.
---@param system hawser.System
---@param begun number
---@param drive? fun(condition: fun(): boolean)
function systems.conduct(system, begun, drive)
    local noted = note(system)
    noted.begun, noted.drive = begun, drive
end

---@param system hawser.System
---@return fun(condition: fun(): boolean)|nil
function systems.driver(system)
    return notes[system] and notes[system].drive
end

-- Calls listener(system, event, seconds since the system was first seen) for every event of every
-- system.
function systems.listen(listener)
    listeners[listener] = true
end

function systems.unlisten(listener)
    listeners[listener] = nil
end

-- What happened lately, the oldest first: { system =, event =, time = }.
---@return table[]
function systems.recent()
    local list = {}
    for i = math.max(1, newest - RECENT + 1), newest do
        list[#list + 1] = recent[(i - 1) % RECENT + 1]
    end
    return list
end

return systems
