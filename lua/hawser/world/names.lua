-- SPDX-License-Identifier: MIT
-- What a script may get wrong in a world: names of options and of systems.

local suggest = require "hawser.suggest"

local names = {}

-- An unknown option, mode or the like is an error that says the nearest known one.
---@param name any
---@param known string[]
---@param where string what it was given to
---@param what string "unknown option"
function names.check(name, known, where, what)
    if not suggest.contains(known, name) then
        error(("%s: %s %q; %s"):format(where, what, tostring(name),
            suggest.expected(name, known)), 0)
    end
end

-- The name of a system of the world, given as its name or itself.
---@param world hawser.World
---@param given any
---@return string
function names.system(world, given)
    local name = type(given) == "userdata" and given.name or given
    if world.made[name] then
        return name
    end
    error(("no system %q in this world; %s"):format(tostring(name),
        suggest.expected(name, world.order)), 0)
end

-- One name or a list of them, as a list; nil: everybody but `others`.
---@param world hawser.World
---@param given any
---@param others? string[]
---@return string[]
function names.group(world, given, others)
    local group, taken = {}, {}
    if given == nil then
        for _, name in ipairs(others or {}) do taken[name] = true end
        for _, name in ipairs(world.order) do
            if not taken[name] then group[#group + 1] = name end
        end
        return group
    end
    for _, name in ipairs(type(given) == "table" and given or { given }) do
        group[#group + 1] = names.system(world, name)
    end
    return group
end

return names
