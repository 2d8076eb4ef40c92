-- SPDX-License-Identifier: MIT
-- Subscribers in Lua: what events look like, and that a bad subscriber harms nobody.

local systems = dofile("spec/support/systems.lua")
local hawser = systems.hawser

describe("a subscriber", function()
    local system
    before_each(function() system = systems.new() end)
    after_each(systems.stop)

    it("gets events of its pattern, with the fields of their type", function()
        local letters = systems.events(system, "DeadLetter")
        local started = systems.events(system, "ActorSt*")
        local pid = system:spawn_named("one", function() end)
        system:send("nobody", { a = 1 }, { sender = pid })
        system:stop(pid)
        systems.wait(function() return #letters == 1 and #started == 2 end)
        local letter = letters[1]
        assert.equal("DeadLetter", letter.type)
        assert.equal("nobody", letter.pid.id)
        assert.equal(pid, letter.sender)
        assert.equal("not_found", letter.reason)
        assert.same({ a = 1 }, letter.message)
        assert.equal(24, #letter.correlation)
        assert.equal("float", math.type(letter.time))
        assert.is_nil(letter.address)
        assert.same({ "ActorStarted", "ActorStopped" }, { started[1].type, started[2].type })
        assert.equal("stopped", started[2].reason)
    end)

    it("sees connections with durations in seconds and uids as text", function()
        local there = systems.new { name = "there" }
        local connected = systems.events(system, "EndpointConnected")
        local retries = systems.events(system, "EndpointReconnect")
        there:spawn_named("x", function() end)
        system:send(there.address .. "/x", 1)
        system:send("127.0.0.1:1/x", 1)
        systems.wait(function() return #connected == 1 and #retries >= 1 end)
        assert.equal(there.address, connected[1].address)
        assert.equal("there", connected[1].name)
        assert.equal(there.uid, connected[1].uid)
        assert.is_false(connected[1].resumed)
        assert.equal("127.0.0.1:1", retries[1].address)
        assert.equal("float", math.type(retries[1].delay))
        assert.is_true(retries[1].delay > 0.1 and retries[1].delay < 0.3)
        assert.equal(1, retries[1].attempt)
        local terminated = systems.events(system, "EndpointTerminated")
        assert.is_nil(system:statistics("127.0.0.1:1").uid) -- it was never met
        system:close_endpoint("127.0.0.1:1")
        systems.wait(function() return terminated[1] end)
        assert.is_nil(terminated[1].uid)
        local statistics = system:statistics(there.address)
        assert.equal("connected", statistics.state)
        assert.equal(there.uid, statistics.uid)
        assert.equal("there", statistics.name)
        assert.equal(statistics.deliver_success,
            system:statistics_snapshot()[there.address].deliver_success)
    end)

    it("that fails is counted; the others are called, and it is called again", function()
        local bad, good = 0, 0
        system.events:subscribe("ActorStarted", function()
            bad = bad + 1
            error("on purpose")
        end)
        system.events:subscribe("ActorStarted", function() good = good + 1 end)
        system:spawn(function() end)
        system:spawn(function() end)
        systems.wait(function() return good == 2 end)
        assert.equal(2, bad)
        assert.equal(2, system:statistics().callback_errors)
    end)

    it("that loops for ever is ended", function()
        system = systems.new { handler_budget = 1000000 }
        local good = 0
        system.events:subscribe("ActorStarted", function() while true do end end)
        system.events:subscribe("ActorStarted", function() good = good + 1 end)
        system:spawn(function() end)
        systems.wait(function() return good == 1 end)
        assert.equal(1, system:statistics().callback_errors)
    end)

    it("may unsubscribe itself and others from inside", function()
        local calls, first, second = {}, nil, nil
        first = system.events:subscribe("ActorStarted", function()
            calls[#calls + 1] = 1
            first:unsubscribe()
            second:unsubscribe()
        end)
        second = system.events:subscribe("ActorStarted", function() calls[#calls + 1] = 2 end)
        local last = 0
        system.events:subscribe("ActorStarted", function() last = last + 1 end)
        system:spawn(function() end)
        system:spawn(function() end)
        systems.wait(function() return last == 2 end)
        assert.same({ 1 }, calls)
        assert.is_false(first:unsubscribe())
    end)

    it("stays subscribed when its handle is dropped", function()
        local count = 0
        system.events:subscribe("ActorStarted", function() count = count + 1 end)
        collectgarbage()
        collectgarbage()
        system:spawn(function() end)
        systems.wait(function() return count == 1 end)
    end)

    it("may be one for a scope only", function()
        local count = 0
        do
            local _ <close> = system.events:subscribe("ActorStarted",
                function() count = count + 1 end)
        end
        system:spawn(function() end)
        systems.idle()
        assert.equal(0, count)
    end)

    it("names the nearest event", function()
        assert.error_matches(function() system.events:subscribe("DeadLeter", print) end,
            'did you mean "DeadLetter"')
        assert.error_matches(function() system.events:subscribe("Zzz*", print) end,
            "no event matches")
        assert.has_error(function() system.events:subscribe("*") end)
        assert.has_error(function() system.events:subscribe() end)
    end)

    it("may send, spawn and stop", function()
        local got
        local pid = system:spawn(function(_, m) got = m end)
        system.events:subscribe("DeadLetter", function(e) system:send(pid, e.message) end)
        system:send("nobody", "lost")
        systems.wait(function() return got end)
        assert.equal("lost", got)
        assert.is_table(hawser.event_types())
    end)
end)
