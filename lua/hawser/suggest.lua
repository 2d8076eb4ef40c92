-- SPDX-License-Identifier: MIT
-- The nearest known name to one that is not known, for error messages.
-- Pure: no state, no dependency. The work is bounded whatever the name.

local suggest = {}

local LONGEST = 64

-- Optimal string alignment: insert, delete, replace, and swap of two neighbours cost 1 each.
---@param a string
---@param b string
---@return integer
function suggest.distance(a, b)
    local older, old = nil, {}
    for j = 0, #b do
        old[j] = j
    end
    for i = 1, #a do
        local new = { [0] = i }
        for j = 1, #b do
            local x, y = a:byte(i), b:byte(j)
            local cost = x == y and 0 or 1
            local best = math.min(old[j] + 1, new[j - 1] + 1, old[j - 1] + cost)
            if i > 1 and j > 1 and x == b:byte(j - 1) and a:byte(i - 1) == y then
                best = math.min(best, older[j - 2] + 1)
            end
            new[j] = best
        end
        older, old = old, new
    end
    return old[#b]
end

-- A third of the name may be wrong, 3 letters at most: beyond that a suggestion is noise.
local function tolerance(name)
    return math.max(1, math.min(3, #name // 3))
end

---@param name any what was written
---@param known string[]
---@return string|nil # the nearest known name, if one is near; of several the first one listed
function suggest.nearest(name, known)
    if type(name) ~= "string" or #name > LONGEST then
        return nil
    end
    local best, best_distance = nil, tolerance(name) + 1
    for _, candidate in ipairs(known) do
        local distance = suggest.distance(name:lower(), candidate:lower())
        if distance < best_distance then
            best, best_distance = candidate, distance
        end
    end
    return best
end

---@param known string[]
---@param name any
---@return boolean
function suggest.contains(known, name)
    for _, candidate in ipairs(known) do
        if candidate == name then
            return true
        end
    end
    return false
end

-- The tail of an error message: `expected one of a, b; did you mean "a"?`
---@param name any
---@param known string[]
---@return string
function suggest.expected(name, known)
    local near = suggest.nearest(name, known)
    local hint = near and ('; did you mean "%s"?'):format(near) or ""
    return "expected one of " .. table.concat(known, ", ") .. hint
end

return suggest
