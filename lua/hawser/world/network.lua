-- SPDX-License-Identifier: MIT
-- What can be done to the network and the machines of a world.

local names = require "hawser.world.names"
local trace = require "hawser.world.trace"

local MODES = { "cut", "silent", "one_way" }

---@class hawser.World
local World = {}

local function option_mode(mode)
    if type(mode) == "table" then
        for key in pairs(mode) do
            names.check(key, { "mode" }, "world:partition", "unknown option")
        end
        mode = mode.mode
    end
    mode = mode or "cut"
    names.check(mode, MODES, "world:partition", "unknown mode")
    return mode
end

local function each_pair(self, left, right, fn)
    for _, one in ipairs(left) do
        for _, other in ipairs(right) do
            if one ~= other then fn(self.core, one, other) end
        end
    end
end

-- Parts two groups of systems: "cut" resets the links between them and refuses dials, "silent"
-- lets nothing pass and tells nobody, "one_way" does that from the first group to the second.
---@param left string|string[]
---@param right? string|string[] everybody else
---@param mode? { mode?: "cut"|"silent"|"one_way" } "cut"
function World:partition(left, right, mode)
    mode = option_mode(mode)
    left = names.group(self, left)
    right = names.group(self, right, left)
    trace.deed(self, "partition", { left = table.concat(left, ","),
        right = table.concat(right, ","), mode = mode })
    each_pair(self, left, right, function(net, one, other)
        assert(net:partition(one, other, mode))
    end)
end

-- Ends partitions: all of them, those of a group, or those between two groups.
---@param left? string|string[]
---@param right? string|string[]
function World:heal(left, right)
    trace.deed(self, "heal", {})
    if not left then
        self.core:heal()
        return
    end
    for _, one in ipairs(names.group(self, left)) do
        if right then
            for _, other in ipairs(names.group(self, right)) do self.core:heal(one, other) end
        else
            self.core:heal(one)
        end
    end
end

-- Resets the links that are open now between two systems, once.
---@param one string
---@param other string
---@return integer # how many there were
function World:cut(one, other)
    one, other = names.system(self, one), names.system(self, other)
    trace.deed(self, "cut", { left = one, right = other })
    return self.core:cut(one, other)
end

-- What the way between two systems is like from now on, both ways unless `one_way`; what is not
-- said stays. nil, nil: all ways of which nothing else was said.
---@param one string|nil
---@param other string|nil
---@param link hawser.world.Link|nil nil: as the others again
function World:link(one, other, link)
    if one or other then
        one, other = names.system(self, one), names.system(self, other)
    end
    local values
    if link then
        values = {}
        for key, value in pairs(link) do values[key] = value end
        values.one_way = nil
    end
    assert(self.core:set_way(one, other, values))
    if one and not (link and link.one_way) then
        assert(self.core:set_way(other, one, values))
    end
end

-- Both dial each other at the same time, once: their links are cut, and the next dial of either
-- waits for the other's.
---@param one string
---@param other string
function World:collide(one, other)
    one, other = names.system(self, one), names.system(self, other)
    trace.deed(self, "collide", { left = one, right = other })
    assert(self.core:collide(one, other))
end

-- --- machines ---

local function machine_call(self, deed, name, value)
    name = names.system(self, name)
    trace.deed(self, deed, { name = name, value = value })
    assert(self.core[deed](self.core, name, value))
end

-- For so many seconds (without: until resume) it takes no turn and reads nothing, as after SIGSTOP.
---@param name string
---@param seconds? number
function World:pause(name, seconds)
    machine_call(self, "pause", name, seconds or math.huge)
end

---@param name string
function World:resume(name)
    machine_call(self, "pause", name, 0)
end

-- Its own clock stands still for so many seconds of the world's, and stays behind by them.
---@param name string
---@param seconds number
function World:stall_clock(name, seconds)
    machine_call(self, "stall_clock", name, seconds)
end

-- Its own clock jumps ahead.
---@param name string
---@param seconds number
function World:jump_clock(name, seconds)
    machine_call(self, "jump_clock", name, seconds)
end

-- It reads at most so many bytes a second from its links together; 0: as many as come.
---@param name string
---@param bytes_per_second number
function World:slow_reader(name, bytes_per_second)
    machine_call(self, "slow_reader", name, bytes_per_second)
end

return World
