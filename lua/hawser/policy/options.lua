-- SPDX-License-Identifier: MIT
-- The parts of a policy that a system's options reconnect_* and throttle_* describe. They stand in
-- for what a policy leaves out, and for all of it where a system names none.

local backoff = require "hawser.policy.backoff"

local options = {}

local THROTTLE = { "throttle_warning", "throttle_critical", "throttle_hysteresis" }

-- Written out, because the core takes a hysteresis that throttle.levels calls a mistake.
local function levels(values)
    for _, name in ipairs(THROTTLE) do
        if type(values[name]) ~= "number" then
            return nil
        end
    end
    return {
        hysteresis = values.throttle_hysteresis,
        { name = "warning", from = values.throttle_warning },
        { name = "critical", from = values.throttle_critical },
    }
end

local function curve(values)
    return backoff.exponential {
        initial = values.reconnect_initial, max = values.reconnect_max,
        factor = values.reconnect_factor, jitter = values.reconnect_jitter,
        max_retries = values.reconnect_max_retries,
    }
end

-- Nil when a value is none that the option takes: what is wrong with it the core says better.
---@param values table<string, any> by the option's name
---@return hawser.policy.Parts|nil
function options.parts(values)
    local ok, made = pcall(curve, values)
    local throttle = levels(values)
    return ok and throttle and { backoff = made, throttle = throttle } or nil
end

return options
