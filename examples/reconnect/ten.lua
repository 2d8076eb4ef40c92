-- SPDX-License-Identifier: MIT
-- Ten endpoints lose their peers at the same moment, and come back a minute later: when are they
-- dialled? Two systems look on, one whose policy has the jitter that is shipped, one without any.
--   hawser run examples/reconnect/ten.lua [SECONDS [FILE.svg]]
-- Prints a row of marks for each endpoint, one for each try, and draws the same into the file.

local hawser = require "hawser"
local backoff = require "hawser.policy.backoff"
local plot = require "plot"

local DOWN = tonumber(arg[1] or 60) -- seconds
local PEERS = 10
local WINDOW = 0.05 -- seconds: what counts as "at once"

hawser.defaults.log = false
hawser.defaults.listen = "127.0.0.1:0"

local addresses, peers = {}, {}

-- Every peer of both systems: the same ten addresses. While the peers are down their ports may be
-- lent to others, who give them back soon.
local function start_peers()
    for i = 1, PEERS do
        assert(hawser.run_until(function()
            peers[i] = hawser.system { name = "peer-" .. i, listen = addresses[i] }
            return peers[i]
        end, 30))
        addresses[i] = peers[i].address
    end
end

local function watcher(name, jitter)
    local system = assert(hawser.system {
        name = name,
        policy = { backoff = backoff.exponential { jitter = jitter, max_retries = 0 } },
    })
    local self = { title = ("jitter = %g"):format(jitter), system = system, tries = {} }
    for i, address in ipairs(addresses) do
        self.tries[i] = {}
        system:associate(address)
    end
    return self
end

local function connected(self)
    local count = 0
    for _, endpoint in pairs(self.system:statistics_snapshot()) do
        count = count + (endpoint.state == "connected" and 1 or 0)
    end
    return count == PEERS
end

local function both(watchers, condition)
    return function() return condition(watchers[1]) and condition(watchers[2]) end
end

start_peers()
local watchers = { watcher("with", 0.2), watcher("without", 0) }
assert(hawser.run_until(both(watchers, connected), 10))

-- All at once: they say goodbye, and nobody listens there any more.
local began = watchers[1].system:now()
for _, self in ipairs(watchers) do
    local number = {}
    for i, address in ipairs(addresses) do number[address] = i end
    self.system.events:subscribe("AssociationAttempt", function(event)
        table.insert(self.tries[number[event.address]], event.time - began)
    end)
end
for _, peer in ipairs(peers) do peer:stop { deadline = 0 } end
hawser.run_until(function() return false end, DOWN)

start_peers()
assert(hawser.run_until(both(watchers, connected), 30))
local back = watchers[1].system:now() - began

for _, self in ipairs(watchers) do
    io.write(plot.text(self, back), "\n")
    print(("after the first second at most %d tries within %d ms\n"):format(
        plot.crowd(self.tries, WINDOW, 1), WINDOW * 1000))
    self.system:stop { deadline = 0 }
end
print(("the peers were down for %.1f s; all endpoints were connected %.1f s after that"):format(
    DOWN, back - DOWN))
for _, peer in ipairs(peers) do peer:stop { deadline = 0 } end

if arg[2] then
    local file = assert(io.open(arg[2], "w"))
    file:write(plot.svg(watchers, back))
    file:close()
end
