-- SPDX-License-Identifier: MIT
-- A client system, which does not listen, over real TCP: reached over its own connection, waited
-- for when that is lost, and resumed.

local systems = dofile("spec/support/systems.lua")
local backoff = require("hawser.policy.backoff")

describe("a client system", function()
    local server, client, seen, taken

    before_each(function()
        server = systems.new {
            name = "server", policy = { -- whose tries would be over at once
                disconnected = "queue", backoff = backoff.fixed { delay = 0.001, max_retries = 1 },
            },
        }
        client = systems.new {
            name = "client", listen = false, policy = {
                disconnected = "queue", backoff = backoff.fixed { delay = 0.6, max_retries = 0 },
            },
        }
        seen, taken = {}, {}
        server.events:subscribe("Endpoint*", function(event)
            if event.address == client.address then seen[#seen + 1] = event end
        end)
        client:spawn_named("sink", function(_, number) taken[#taken + 1] = number end)
        client:associate(server.address)
        systems.wait(function() return seen[1] end)
    end)
    after_each(systems.stop)

    local function state() return server:statistics(client.address).state end

    it("is reached over its connection, and again after each loss, without one", function()
        local sent = 0
        for round = 1, 3 do
            for _ = 1, 200 do
                sent = sent + 1
                assert(server:send(client.address .. "/sink", sent))
            end
            if round == 2 then
                client:cut_link(server.address)
            else
                server:cut_link(client.address)
            end
            for _ = 1, 100 do
                sent = sent + 1
                assert(server:send(client.address .. "/sink", sent))
            end
            systems.wait(function() return state() == "reconnecting" end)
            systems.idle(0.1) -- longer than the server's own curve
            assert.equal("reconnecting", state())
            systems.wait(function() return #taken == sent end)
        end
        for i = 1, sent do assert.equal(i, taken[i]) end
        local resumed = 0
        for _, event in ipairs(seen) do
            assert.not_equal("EndpointTerminated", event.type)
            resumed = resumed + (event.resumed and 1 or 0)
        end
        assert.equal(3, resumed)
        assert.equal(0, server:statistics(client.address).deliver_failure)
        assert.equal(0, client:statistics(server.address).deliver_failure)
    end)

    it("is given up at once when it says goodbye", function()
        client:stop()
        systems.wait(function() return state() == "closed" end)
        assert.equal("shutdown", seen[#seen].reason)
    end)
end)
