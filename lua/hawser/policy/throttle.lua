-- SPDX-License-Identifier: MIT
-- Throttle levels: how full an endpoint's ring may be before it is called overloaded.
-- They are read once, when the policy loads; the core compares numbers and never calls back.

local check = require "hawser.policy.check"
local suggest = require "hawser.suggest"

---@class hawser.policy.Level
---@field name string
---@field from number the fill, in (0, 1], from which the level holds
---@field refuse? boolean takes no message at this level
---@field keep_every? integer takes the first of every so many messages at this level

---@class hawser.policy.Levels
---@field [integer] hawser.policy.Level ascending; below the first one the level is "normal"
---@field hysteresis number a level is left below `from - hysteresis`

local throttle = {}

local HYSTERESIS = 0.05
local MOST_LEVELS, LONGEST_NAME = 8, 31 -- what the core has room for
local FROM = { low = 0, high = 1 }
local GAP = { low = 0, high = 0.5 } -- what the core takes
local EVERY = { low = 1, high = 1000000000, integer = true }
local FIELDS = { "from", "keep_every", "name", "refuse" }

-- A name that is nearly a known one is a slip, unless it extends that name ("warning_2").
local function slip_of(name)
    for _, known in ipairs { "hysteresis", "warning", "critical", "normal" } do
        local near = name ~= known and suggest.distance(name:lower(), known) <= 2
        if near and name:sub(1, #known) ~= known then
            return known
        end
    end
    return nil
end

local function name_error(name)
    if type(name) ~= "string" or not name:find("^[%a_][%w_%-]*$") or #name > LONGEST_NAME then
        return ("%s: expected the name of a level, up to %d letters, digits, _ and -"):format(
            check.path("", name), LONGEST_NAME)
    elseif name == "normal" then
        return 'normal: the level below the first threshold is always called "normal"'
    end
    local known = slip_of(name)
    return known and ('%s: not a level and too near "%s"; did you mean "%s"?'):format(name, known,
                                                                                      known)
end

local function from_error(name, from)
    local number, why = check.number(from, FROM)
    if number and number > 0 then
        return nil
    end
    return ("%s = %s: %s"):format(name, check.show(from),
                                  why or "expected a number above 0, up to 1")
end

-- What a level does with messages, and that it has no other field than those it may have.
local function field_error(level)
    for _, key in ipairs(check.sorted_keys(level)) do
        if not suggest.contains(FIELDS, key) then
            return ("%s: unknown field %s, %s"):format(level.name, check.show(key),
                                                       suggest.expected(key, FIELDS))
        end
    end
    if level.refuse ~= nil and type(level.refuse) ~= "boolean" then
        return ("%s: refuse = %s: expected true or false"):format(level.name,
                                                                  check.show(level.refuse))
    elseif level.keep_every == nil then
        return nil
    elseif level.refuse then
        return level.name .. ": refuse and keep_every: expected one of them"
    end
    local _, why = check.number(level.keep_every, EVERY)
    return why and ("%s: keep_every = %s: %s"):format(level.name, check.show(level.keep_every),
                                                      why)
end

local function order_error(levels)
    if #levels > MOST_LEVELS then
        return ("%d levels: expected %d at most"):format(#levels, MOST_LEVELS)
    end
    for i = 2, #levels do
        if levels[i].from <= levels[i - 1].from then
            return ("%s = %s: expected more than %s = %s"):format(levels[i].name,
                check.show(levels[i].from), levels[i - 1].name, check.show(levels[i - 1].from))
        end
    end
    local number, why = check.number(levels.hysteresis, GAP)
    if not number then
        return ("hysteresis = %s: %s"):format(check.show(levels.hysteresis), why)
    elseif levels[1] and number >= levels[1].from then
        return ("hysteresis = %s: expected less than %s = %s, or no fill would be normal again")
            :format(check.show(number), levels[1].name, check.show(levels[1].from))
    end
    return nil
end

local HOW = 'expected throttle.levels { ... }, such as '
    .. 'require("hawser.policy.throttle").levels { warning = 0.6, critical = 0.85 }'

local function shape_error(levels)
    if next(levels) == nil then
        return HOW
    end
    for _, key in ipairs(check.sorted_keys(levels)) do
        local entry = math.type(key) == "integer" and key >= 1 and key <= #levels
        if not entry and key ~= "hysteresis" then
            return HOW .. "; found the key " .. check.path("", key)
        elseif entry and type(levels[key]) ~= "table" then
            return HOW .. "; found " .. check.show(levels[key])
        end
    end
    return nil
end

-- Whether a value has the shape that `levels` makes; one written by hand may have it too.
---@param levels any
---@return true|nil, string|nil
function throttle.check(levels)
    if type(levels) ~= "table" then
        return nil, HOW
    end
    local wrong = shape_error(levels)
    local seen = {}
    for _, level in ipairs(wrong and {} or levels) do
        wrong = wrong or name_error(level.name) or from_error(level.name, level.from)
            or field_error(level)
        if not wrong and seen[level.name] then
            wrong = level.name .. ": named twice"
        end
        seen[level.name or false] = true
    end
    wrong = wrong or order_error(levels)
    if wrong then
        return nil, wrong
    end
    return true
end

local function level_of(name, value)
    local level = { name = name, from = value }
    if type(value) == "table" then
        for key, field in pairs(value) do level[key] = field end
        level.name, level.from = name, value.from
    end
    return level, name_error(name) or from_error(name, level.from) or field_error(level)
end

-- Any number of levels by name, each with the fill from which it holds, or a table of that and of
-- what it does: { from =, refuse =, keep_every = }. Naming none gives the defaults, warning = 0.60
-- and critical = 0.85; naming any gives exactly those.
---@param options? table<string, number|hawser.policy.Level>
---@return hawser.policy.Levels
function throttle.levels(options)
    options = options == nil and {} or options
    if type(options) ~= "table" then
        error("throttle.levels: expected a table of levels, got " .. check.show(options), 2)
    end
    local levels = { hysteresis = options.hysteresis == nil and HYSTERESIS or options.hysteresis }
    for _, name in ipairs(check.sorted_keys(options)) do
        if name ~= "hysteresis" then
            local level, wrong = level_of(name, options[name])
            if wrong then
                error("throttle.levels: " .. wrong, 2)
            end
            levels[#levels + 1] = level
        end
    end
    if #levels == 0 then
        levels[1] = { name = "warning", from = 0.60 }
        levels[2] = { name = "critical", from = 0.85 }
    end
    table.sort(levels, function(a, b)
        return a.from < b.from or a.from == b.from and a.name < b.name
    end)
    local ok, why = throttle.check(levels)
    if not ok then
        error("throttle.levels: " .. why, 2)
    end
    return levels
end

return throttle
