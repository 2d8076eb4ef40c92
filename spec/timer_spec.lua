-- SPDX-License-Identifier: MIT
-- Timers of actors and of systems in Lua, on real time and in a world. To the nanosecond:
-- spec/unit/test_alarm.c.

local systems = dofile("spec/support/systems.lua")
local worlds = require("hawser.world")

describe("a timer", function()
    local system
    before_each(function() system = systems.new() end)
    after_each(systems.stop)

    it("of an actor sends it a message, once", function()
        local got
        system:spawn {
            started = function(ctx)
                local timer = ctx:after(0.01, { text = "hello" }, { type = "tick" })
                local other = ctx:after(0.005, "never")
                assert(other:cancel() and not other:cancel())
                ctx:after(0.02, timer:cancel())
            end,
            receive = function(ctx, message)
                got = got or { message, ctx.type, ctx.sender == ctx.self, ctx.kind, ctx.request_id }
            end,
        }
        systems.wait(function() return got end)
        assert.same({ true, nil, true, "user" }, got)
    end)

    it("of an actor has the message's type", function()
        local got
        system:spawn {
            started = function(ctx)
                ctx:every(60, { text = "hello" }, { type = "tick", delay = 0 })
            end,
            receive = function(ctx, message) got = { message, ctx.type } end,
        }
        systems.wait(function() return got end)
        assert.same({ { text = "hello" }, "tick" }, got)
    end)

    it("comes again and again, until it is cancelled", function()
        local count, timer = 0, nil
        system:spawn {
            started = function(ctx) timer = ctx:every(0.002, "tick") end,
            receive = function()
                count = count + 1
                if count == 5 then assert.is_true(timer:cancel()) end
            end,
        }
        systems.wait(function() return count == 5 end)
        systems.idle(0.02)
        assert.equal(5, count)
        assert.is_false(timer:cancel())
    end)

    it("does not fill the mailbox of an actor that waits", function()
        local count, letters = 0, systems.events(system, "DeadLetter")
        system:spawn({
            started = function(ctx) ctx:every(0.001, "tick") end,
            receive = function(ctx)
                count = count + 1
                if count == 1 then ctx:sleep(0.05) end
            end,
        }, { mailbox_size = 2 })
        systems.wait(function() return count == 5 end)
        assert.equal(0, #letters)
    end)

    it("ends with its actor, and with a restart", function()
        local starts, count, timers = 0, 0, {}
        local pid = system:spawn({
            started = function(ctx)
                starts = starts + 1
                if starts == 1 then timers[1] = ctx:every(0.002, "tick") end
            end,
            receive = function(ctx, message)
                count = count + 1
                if message ~= "again" then error("on purpose", 0) end
                timers[2] = ctx:after(60, 1)
            end,
        }, { supervision = "restart" })
        systems.wait(function() return starts == 2 end)
        systems.idle(0.02)
        assert.equal(1, count)
        assert.is_false(timers[1]:cancel())
        system:send(pid, "again")
        systems.wait(function() return timers[2] end)
        system:stop(pid)
        systems.idle(0.01)
        assert.is_false(timers[2]:cancel())
    end)

    it("says what can't be", function()
        local small, results, kept = systems.new { actor_timers = 1 }, nil, nil
        small:spawn {
            started = function(ctx)
                kept = ctx
                ctx:after(60, 1)
                local thread = coroutine.create(print)
                results = { select(2, ctx:after(60, 2)), select(2, ctx:after(60, thread)) }
            end,
            receive = function() end,
        }
        systems.wait(function() return results end)
        assert.truthy(results[1]:find("actor_timers", 1, true))
        assert.truthy(results[2]:find("can not be sent", 1, true))
        assert.error_matches(function() kept:after(1, print) end, "function there is system:after")
        assert.error_matches(function() kept:every(1, print) end, "function there is system:every")
        assert.error_matches(function() kept:every(0, 1) end, "at least 0.001")
        assert.error_matches(function() kept:every(1, 1, { dealy = 1 }) end, 'did you mean "delay"')
        assert.error_matches(function() kept:after(1, 1, { delay = 1 }) end, "unknown after option")
        assert.error_matches(function() kept:after(-1, 1) end, "after: expected")
        assert.error_matches(function() system:every(0.0001, print) end, "at least 0.001")
        assert.error_matches(function() system:every(1, print, { dealy = 1 }) end, '"delay"')
        assert.has_error(function() system:every(1, "text") end)
    end)

    it("of a system calls a function again and again, also when it fails", function()
        local count, handle = 0, nil
        handle = system:every(0.002, function()
            count = count + 1
            if count == 5 then handle:cancel() end
            error("on purpose")
        end, { delay = 0 })
        systems.wait(function() return count == 5 end)
        systems.idle(0.02)
        assert.equal(5, count)
        assert.is_false(handle:cancel())
        system:every(0.001, function() count = count + 1 end)
        systems.wait(function() return count > 8 end)
    end)
end)

describe("a timer in a world", function()
    local world, system
    before_each(function()
        world = worlds.new { seed = 5 }
        system = world:system { name = "a" }
    end)
    after_each(function() world:close() end)

    it("ticks for a day on its grid", function()
        local times, calls = {}, 0
        system:spawn {
            started = function(ctx) ctx:every(60, "tick", { delay = 0 }) end,
            receive = function(ctx)
                times[#times + 1] = ctx.system:now()
                if #times % 100 == 1 then ctx:sleep(7) end -- shorter than a period: none is late
            end,
        }
        system:every(3600, function() calls = calls + 1 end)
        world:run(86400 - 1)
        assert.equal(1440, #times)
        for i = 2, 1440 do assert.near((i - 1) * 60, times[i] - times[1], 1e-6) end
        assert.equal(23, calls)
    end)

    it("leaves out what its machine slept through", function()
        local count = 0
        system:spawn {
            started = function(ctx) ctx:every(1, "tick") end,
            receive = function() count = count + 1 end,
        }
        world:run(10.5)
        assert.equal(10, count)
        world:pause("a", 100)
        world:run(99)
        assert.equal(10, count)
        world:run(1.1)
        assert.equal(11, count) -- one at once, for all that were missed
        world:run(5)
        assert.equal(16, count)
    end)

    it("dies with its system", function()
        local count = 0
        system:spawn { started = function(ctx) ctx:every(1, 1) end, receive = function()
            count = count + 1
        end }
        system:every(1, function() count = count + 1 end)
        world:run(3.5)
        assert.equal(6, count)
        world:kill("a")
        world:run(10)
        assert.equal(6, count)
    end)
end)
