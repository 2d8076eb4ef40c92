-- SPDX-License-Identifier: MIT
-- Shared by the policy modules: is a value what it should be, and if not, a sentence that says so.
-- The predicates return messages; only `options` and `argument` raise, at their caller's caller.

local suggest = require "hawser.suggest"

local check = {}

---@class hawser.policy.Rule
---@field default any
---@field low number
---@field high number
---@field integer? boolean
---@field unit? string said in messages ("seconds")

---@param value any
---@return string # short, on one line, for a message
function check.show(value)
    if type(value) == "string" then
        local text = #value > 60 and value:sub(1, 57) .. "..." or value
        return (("%q"):format(text):gsub("\\\n", "\\n"))
    elseif type(value) == "number" then
        return math.type(value) == "integer" and tostring(value) or ("%.14g"):format(value)
    elseif type(value) == "boolean" or value == nil then
        return tostring(value)
    end
    return "a " .. type(value)
end

---@param t table
---@return any[] # the keys in an order that does not change from run to run
function check.sorted_keys(t)
    local keys = {}
    for key in pairs(t) do
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then
            return a < b
        elseif type(a) ~= type(b) then
            return type(a) < type(b)
        end
        return tostring(a) < tostring(b)
    end)
    return keys
end

---@param path string
---@param key any
---@return string # `path.key`, or `path["10.1.*"]` where the key is not a name
function check.path(path, key)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") then
        return path == "" and key or path .. "." .. key
    end
    return path .. "[" .. check.show(key) .. "]"
end

---@param value any
---@return boolean
function check.callable(value)
    if type(value) == "function" then
        return true
    end
    local meta = getmetatable(value)
    return type(meta) == "table" and type(meta.__call) == "function"
end

local function expectation(rule)
    local kind = rule.integer and "a whole number" or "a number"
    local unit = rule.unit and " of " .. rule.unit or ""
    return ("expected %s%s from %s to %s"):format(kind, unit, check.show(rule.low),
                                                  check.show(rule.high))
end

---@param value any
---@param rule hawser.policy.Rule
---@return number|nil, string|nil
function check.number(value, rule)
    local number = type(value) == "number" and value or nil
    if number and rule.integer then
        number = math.tointeger(number)
    end
    -- Written so that NaN fails.
    if number and number >= rule.low and number <= rule.high then
        return number
    end
    return nil, expectation(rule)
end

-- An address and an id are at most 255 bytes each.
local LONGEST_PID = 511

-- The text of a PID: `host:port/id`, or the `id` or `/id` of an actor of this system.
---@param value any
---@return boolean
function check.is_pid(value)
    return type(value) == "string" and #value <= LONGEST_PID and value:find("^[^%s%c]+$") ~= nil
        and not value:find("://", 1, true) and not value:find("/$")
end

local function read_options(where, given, rules, known)
    if type(given) ~= "table" then
        return nil, ("%s: expected a table of options, got %s"):format(where, check.show(given))
    end
    for _, key in ipairs(check.sorted_keys(given)) do
        if not rules[key] then
            local name = type(key) == "string" and key or check.path("", key)
            return nil, ("%s: unknown option %s, %s"):format(where, name,
                                                             suggest.expected(key, known))
        end
    end
    local values = {}
    for _, key in ipairs(known) do
        local rule, value = rules[key], given[key]
        if value == nil then
            values[key] = rule.default
        else
            local number, why = check.number(value, rule)
            if not number then
                return nil, ("%s: %s = %s: %s"):format(where, key, check.show(value), why)
            end
            values[key] = number
        end
    end
    return values
end

-- Reads a constructor's options, all of them numbers; misuse is an error at the caller of it.
---@param where string the constructor, as the user wrote it
---@param given any
---@param rules table<string, hawser.policy.Rule>
---@return table<string, number>
function check.options(where, given, rules)
    local values, why = read_options(where, given == nil and {} or given, rules,
                                     check.sorted_keys(rules))
    if not values then
        error(why, 3)
    end
    return values
end

-- One positional number of a constructor.
---@param where string
---@param name string
---@param value any
---@param rule hawser.policy.Rule
---@return number
function check.argument(where, name, value, rule)
    local number, why = check.number(value, rule)
    if not number then
        error(("%s: %s = %s: %s"):format(where, name, check.show(value), why), 3)
    end
    return number --[[@as number]]
end

return check
