-- SPDX-License-Identifier: MIT
-- A cluster's nodes as systems of this process that talk over TCP, through doors that can be shut.

local core = require "hawser.core"
local hawser = require "hawser"
local ways = require "hawser.cluster.ways"

local Net = {}
Net.__index = Net

-- A free port. Another process may take it before the node does; then the node says so.
local function free_address()
    local listener, message, code = core.listen("127.0.0.1:0")
    if not listener then
        return nil, message, code
    end
    local address = listener:address()
    listener:close()
    return address
end

function Net:start(name, options)
    local door, message, code = self.addresses[name], nil, nil
    if not door then
        door, message, code = self.ways:open(name)
        self.addresses[name] = door
    end
    local target
    if door then
        target, message, code = free_address()
    end
    if not target then
        return nil, message, code
    end
    local all = { name = name, listen = target, advertise = door }
    for key, value in pairs(options) do
        all[key] = value
    end
    local system
    system, message, code = hawser.system(all)
    if system then
        self.ways:lead(name, target)
    end
    return system, message, code
end

-- As its process's end: its links are gone before it could say a word.
function Net:kill(name, system)
    self.ways:lead(name, nil)
    system:stop { deadline = 0, reason = "killed" }
end

function Net:cut(one, other)
    self.ways:cut(one, other)
end

function Net:is_cut(one, other)
    return self.ways:is_cut(one, other)
end

function Net:heal()
    self.ways:heal()
end

function Net:now()
    return core.clock() - self.begun
end

-- The doors stay open for goodbyes.
function Net:close(all_stopped)
    if all_stopped() then
        self.ways:close()
    else
        core.after(0.005, function() self:close(all_stopped) end)
    end
end

return {
    describe = "TCP",
    new = function()
        return setmetatable({ ways = ways.new(), addresses = {}, begun = core.clock() }, Net)
    end,
}
