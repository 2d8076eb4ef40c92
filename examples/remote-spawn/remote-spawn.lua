-- SPDX-License-Identifier: MIT
-- A boss that has its work done elsewhere: it starts workers on two nodes, asks them, and goes to
-- the other node when one is gone. All three are in one process, so that there is one thing to run:
--   hawser run examples/remote-spawn/remote-spawn.lua
-- On machines of their own, nothing changes but the addresses.

local hawser = require "hawser"

local CHUNK, CHUNKS = 5000, 6

-- What the nodes can make, for who is called "boss": an actor that counts the primes of a range.
local function primes(range)
    if type(range) ~= "table" or not range.to then
        return nil, "expected { from =, to = }"
    end
    return function(ctx)
        local count = 0
        for number = math.max(range.from, 2), range.to do
            local prime = true
            for factor = 2, math.floor(number ^ 0.5) do
                if number % factor == 0 then
                    prime = false
                    break
                end
            end
            count = count + (prime and 1 or 0)
        end
        ctx:respond(count)
        ctx:stop()
    end
end

local function node(name)
    local system = assert(hawser.system { name = name, listen = "127.0.0.1:0", log = "error" })
    system:register_kind("primes", primes, { allow = { "boss" } })
    system:allow_diagnostics { "boss" }
    return system
end

local nodes = { node "node-1", node "node-2" }
local addresses = { nodes[1].address, nodes[2].address }
local boss = assert(hawser.system { name = "boss", log = "error" })

-- A worker on the first node that makes one, from `first` on. A name makes the question safe to
-- repeat: a worker whose PID was lost on the way is found again.
local function worker(ctx, name, range, first)
    for try = 0, 2 * #addresses - 1 do
        local at = (first + try) % #addresses + 1
        local pid, message, _, result =
            ctx:spawn_remote_named(addresses[at], name, "primes", range, { timeout = 2 })
        if pid or result.pid then
            return pid or result.pid, "node-" .. at
        end
        print(("%s on node-%d: %s"):format(name, at, result.status))
        if not result.retryable then
            error(message)
        end
    end
    error("nobody is left to do " .. name)
end

boss:spawn {
    started = function(ctx)
        local total = 0
        for i = 1, CHUNKS do
            local range = { from = (i - 1) * CHUNK, to = i * CHUNK - 1 }
            local pid, where = worker(ctx, "primes-" .. i, range, i - 1)
            local count = assert(ctx:request(pid, "go"))
            total = total + count
            print(("%s on %s: %d"):format(pid.id, where, count))
            if i == 3 then
                nodes[2]:stop { deadline = 0 } -- a node goes, with work to come for it
                ctx:sleep(0.1)
            end
        end
        print(("%d primes below %d"):format(total, CHUNK * CHUNKS))
        for pid in ctx:processes(addresses[1]) do
            print("still on node-1: " .. pid.id)
        end
        boss:stop()
        nodes[1]:stop()
    end,
}

hawser.run()
