-- SPDX-License-Identifier: MIT
-- The shape of a policy: which parts there are, and what each may be.
-- Collects every fault with its path, so that an operator mends a file once.

local check = require "hawser.policy.check"
local suggest = require "hawser.suggest"
local throttle = require "hawser.policy.throttle"

local validate = {}

local DISCONNECTED = { "deadletter", "queue" }
local STABLE_AFTER = { low = 0, high = 3600, unit = "seconds" }

local function callable_error(value)
    if not check.callable(value) then
        return "expected a function"
    end
    return nil
end

local function levels_error(value)
    local _, why = throttle.check(value)
    return why
end

local function disconnected_error(value)
    if suggest.contains(DISCONNECTED, value) then
        return nil
    end
    return suggest.expected(value, DISCONNECTED)
end

local function stable_after_error(value)
    local _, why = check.number(value, STABLE_AFTER)
    return why
end

local function name_error(value)
    if type(value) == "string" and #value >= 1 and #value <= 64 and not value:find("%c") then
        return nil
    end
    return "expected a name of 1 to 64 printable characters"
end

local function version_error(value)
    local text = math.type(value) and tostring(value) or value
    if type(text) == "string" and #text >= 1 and #text <= 32 and not text:find("%c") then
        return nil
    end
    return "expected a number, or a text of 1 to 32 printable characters"
end

-- The parts that an endpoint's entry may have too.
validate.parts = {
    backoff = callable_error,
    deadletter = callable_error,
    disconnected = disconnected_error,
    throttle = levels_error,
}

local PART_NAMES = check.sorted_keys(validate.parts)
local POLICY_NAMES = table.move(PART_NAMES, 1, #PART_NAMES, 1, {})
table.move({ "endpoints", "name", "stable_after", "version" }, 1, 4, #POLICY_NAMES + 1,
           POLICY_NAMES)
table.sort(POLICY_NAMES)

local function endpoints_error(value)
    return type(value) ~= "table" and "expected a table of parts by address pattern" or nil
end

local function sentence(where, value, why)
    if type(value) == "table" or type(value) == "function" then
        return ("%s: %s"):format(where, why)
    end
    return ("%s = %s: %s"):format(where, check.show(value), why)
end

local function part_faults(faults, path, parts, extra, known)
    for _, key in ipairs(check.sorted_keys(parts)) do
        local where = check.path(path, key)
        local fault = validate.parts[key] or extra[key]
        if not fault then
            faults[#faults + 1] = ("%s: unknown key, %s"):format(where,
                                                                 suggest.expected(key, known))
        else
            local why = fault(parts[key])
            faults[#faults + 1] = why and sentence(where, parts[key], why)
        end
    end
end

-- Every address has a colon: without one, and without a wildcard to stand for it, nothing matches.
local function port_fault(where, pattern)
    if pattern:find("[*?]") or pattern:find(":", 1, true) and not pattern:find("%]$") then
        return nil
    end
    return ('%s: no address is like that, the port is missing; did you mean "%s:*"?'):format(where,
                                                                                           pattern)
end

local function endpoint_faults(faults, endpoints)
    if type(endpoints) ~= "table" then
        return
    end
    for _, pattern in ipairs(check.sorted_keys(endpoints)) do
        local where, parts = check.path("endpoints", pattern), endpoints[pattern]
        if type(pattern) ~= "string" or #pattern == 0 or #pattern > 255 then
            faults[#faults + 1] = where .. ": expected an address pattern such as \"10.1.*\""
        elseif type(parts) ~= "table" or getmetatable(parts) ~= nil then
            faults[#faults + 1] = sentence(where, parts,
                                           "expected a table of parts such as { backoff = ... }")
        else
            faults[#faults + 1] = port_fault(where, pattern)
            part_faults(faults, where, parts, {}, PART_NAMES)
        end
    end
end

---@param policy table
---@return string[] # the faults, one sentence each, in an order that does not change
function validate.faults(policy)
    local faults = {}
    part_faults(faults, "", policy, {
        name = name_error, endpoints = endpoints_error, stable_after = stable_after_error,
        version = version_error,
    }, POLICY_NAMES)
    endpoint_faults(faults, policy.endpoints)
    return faults
end

return validate
