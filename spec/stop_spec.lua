-- SPDX-License-Identifier: MIT
-- ctest: timeout=60
-- A peer in a process of its own is stopped with SIGSTOP: it is suspected, its link is given up
-- after the heartbeat's timeout, and after SIGCONT the association goes on without a loss.

local process = require "hawser.process"
local backoff = require "hawser.policy.backoff"
local systems = dofile("spec/support/systems.lua")

local BIN = dofile("spec/support/paths.lua").bin
local PATIENCE = 20
local SIGCONT, SIGSTOP = 18, 19

describe("a peer that is stopped", function()
    local alpha, beta, address, path, seen

    local function numbers()
        local list = {}
        for line in io.lines(path) do list[#list + 1] = tonumber(line) end
        return list
    end

    before_each(function()
        path, seen = os.tmpname(), {}
        local port = systems.new()
        address = port.address
        port:stop { deadline = 0 }
        systems.wait(function() return port:is_stopped() end)
        beta = assert(process.start { BIN, "run", "spec/kill/beta.lua", address, path })
        alpha = systems.new {
            name = "alpha", handshake_timeout = 0.3,
            heartbeat_interval = 0.1, heartbeat_timeout = 0.8, phi_min_deviation = 0.02,
            policy = {
                name = "patient", disconnected = "queue",
                backoff = backoff.fixed { delay = 0.05, max_retries = 0 },
            },
        }
        alpha.events:subscribe("*", function(event)
            if event.address == address then seen[#seen + 1] = event end
        end)
        alpha:associate(address)
    end)

    after_each(function()
        beta:kill(SIGCONT)
        beta:kill(process.SIGKILL)
        beta:wait(PATIENCE)
        systems.stop()
        os.remove(path)
    end)

    local function find(type, from)
        for i = from or 1, #seen do
            if seen[i].type == type then return seen[i], i end
        end
    end

    it("is suspected, given up after the timeout, and resumed without a loss", function()
        local sent = 0
        local function send(count)
            for _ = 1, count do
                sent = sent + 1
                assert(alpha:send(address .. "/sink", sent))
            end
        end
        local function state() return alpha:statistics(address).state end

        systems.wait(function() return state() == "connected" end, PATIENCE)
        send(100)
        systems.wait(function() return #numbers() == 100 end, PATIENCE)

        beta:kill(SIGSTOP)
        local began = alpha:now()
        systems.wait(function() return state() == "suspended" end, PATIENCE)
        assert.is_truthy(find("Suspect"))
        send(100) -- the link is up: these go into it
        systems.wait(function() return find("EndpointDisconnected") end, PATIENCE)
        assert.equal("heartbeat", find("EndpointDisconnected").reason)
        assert(alpha:now() - began >= 0.5, "given up before the timeout")
        assert.equal("reconnecting", state())
        send(100) -- and these wait
        local _, mark = find("EndpointDisconnected")
        local function attempts() return alpha:statistics(address).reconnect_attempts end
        systems.wait(function() return attempts() >= 2 end, PATIENCE)

        beta:kill(SIGCONT)
        systems.wait(function() return find("EndpointConnected", mark) end, PATIENCE)
        assert.is_true(find("EndpointConnected", mark).resumed)
        systems.wait(function() return #numbers() >= sent end, PATIENCE)
        for i, number in ipairs(numbers()) do assert.equal(i, number) end
        assert.equal(sent, #numbers())
        assert.equal(0, alpha:statistics(address).deliver_failure)
    end)
end)
