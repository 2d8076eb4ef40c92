-- SPDX-License-Identifier: MIT
-- A cluster's nodes as systems of a world: over a simulated network, in virtual time or paced by
-- the real clock.

local core = require "hawser.core"
local world = require "hawser.world"

local PACE = 0.01    -- seconds between two looks at the real clock
local BEHIND = 1     -- at most so many seconds are caught up at a time
local SLICE = 1      -- seconds of virtual time between two looks at Ctrl-C
local PATIENCE = 60  -- seconds of virtual time that a line waits for its answer

local Net = {}
Net.__index = Net

function Net:start(name, options)
    if self.started[name] then
        return self.world:restart(name)
    end
    local all = { name = name }
    for key, value in pairs(options) do
        all[key] = value
    end
    local system, message, code = self.world:system(all)
    self.started[name] = system ~= nil
    return system, message, code
end

function Net:kill(name)
    assert(self.world:kill(name))
end

local function pair(one, other)
    return one < other and one .. " " .. other or other .. " " .. one
end

function Net:cut(one, other)
    self.severed[pair(one, other)] = true
    self.world:partition(one, other)
end

function Net:is_cut(one, other)
    return self.severed[pair(one, other)] or false
end

function Net:heal()
    self.severed = {}
    self.world:heal()
end

function Net:now()
    return self.world:now()
end

-- A second at a time, so that Ctrl-C ends a long one.
function Net:run(seconds)
    while seconds > 0 do
        if core.interrupted() then
            error("interrupted", 0)
        end
        self.world:run(math.min(seconds, SLICE))
        seconds = seconds - SLICE
    end
end

-- What a line that waits calls: nothing happens in virtual time unless it is run.
function Net:driver()
    if self.timer then
        return nil
    end
    return function(condition)
        self.world:run_until(function() return condition() or core.interrupted() end, PATIENCE)
    end
end

local function pace(self, last)
    self.timer = core.after(PACE, function()
        local now = core.clock()
        pace(self, now)
        self.world:run(math.min(now - last, BEHIND))
    end)
end

-- Lets those that are stopping stop.
function Net:close(all_stopped)
    if self.timer then
        self.timer:cancel()
    end
    self.world:run_until(all_stopped, PATIENCE)
    self.world:close()
end

local simulated = {}

---@param options table seed, latency, and whatever else hawser.world.new takes
---@param is_real boolean
function simulated.new(options, is_real)
    local self = setmetatable({ started = {}, severed = {} }, Net)
    self.world = world.new(options)
    if is_real then
        pace(self, core.clock())
    end
    return self
end

return simulated
