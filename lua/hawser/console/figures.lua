-- SPDX-License-Identifier: MIT
-- The statistics of this process as plain values, of one moment, for who reads them from outside: a
-- page at a time, because there may be many endpoints.

local systems = require "hawser.console.systems"

local figures = {}

local PAGE = 200 -- endpoints

---@class hawser.console.Figures
---@field systems table[] { name =, address =, now =, totals = }
---@field endpoints table[] as system:statistics(address), and system =, now =
---@field given integer of them

local function before(a, b)
    return a.system < b.system or a.system == b.system and a.address < b.address
end

---@param address? string only endpoints of this one
---@return hawser.console.Figures
function figures.take(address)
    local list, endpoints = {}, {}
    for i, system in ipairs(systems.list()) do
        local now = system:now()
        list[i] = { name = system.name, address = system.address, now = now,
                    policy = systems.policy(system), totals = system:statistics() }
        local snapshot = address and { system:statistics(address) } or system:statistics_snapshot()
        for _, endpoint in pairs(snapshot) do
            if type(endpoint) == "table" then
                endpoint.system, endpoint.now = system.name, now
                endpoints[#endpoints + 1] = endpoint
            end
        end
    end
    table.sort(endpoints, before)
    return { systems = list, endpoints = endpoints, given = 0 }
end

-- The next page: { systems = the first time, endpoints =, more = boolean }.
---@param all hawser.console.Figures
function figures.page(all)
    local first = all.given + 1
    all.given = math.min(#all.endpoints, all.given + PAGE)
    return {
        systems = first == 1 and all.systems or nil,
        endpoints = table.move(all.endpoints, first, all.given, 1, {}),
        more = all.given < #all.endpoints,
    }
end

return figures
