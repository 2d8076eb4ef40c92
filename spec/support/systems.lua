-- SPDX-License-Identifier: MIT
-- Systems for specs: made quietly, stopped after each test, waited for with a deadline.
--   local systems = dofile("spec/support/systems.lua")

local hawser = require("hawser")

local systems = { hawser = hawser }
local made = {}

-- How much longer than usual a spec may wait: sanitizers are slow.
systems.patience = 10

---A system that listens on a free port of its own, unless the options say otherwise.
function systems.new(options)
    local all = { name = "spec", listen = "127.0.0.1:0", log = false }
    for name, value in pairs(options or {}) do all[name] = value end
    if all.listen == false then all.listen = nil end
    local system = assert(hawser.system(all))
    made[#made + 1] = system
    return system
end

---Runs the loop until condition() is true; fails when that takes too long.
function systems.wait(condition, seconds)
    local ok, message = hawser.run_until(condition, seconds or systems.patience)
    if not ok then error("waited in vain: " .. tostring(message), 2) end
end

---Runs the loop for a while, to see that something does not happen.
function systems.idle(seconds)
    hawser.run_until(function() return false end, seconds or 0.05)
end

---Stops every system made since the last call, at once, and runs the loop until they have stopped.
function systems.stop()
    for _, system in ipairs(made) do
        if not system:is_stopped() then system:stop { deadline = 0 } end
    end
    local all = made
    made = {}
    systems.wait(function()
        for _, system in ipairs(all) do
            if not system:is_stopped() then return false end
        end
        return true
    end)
    collectgarbage()
    collectgarbage()
end

---Collects a system's events of a pattern.
function systems.events(system, pattern)
    local list = {}
    system.events:subscribe(pattern, function(event) list[#list + 1] = event end)
    return list
end

return systems
