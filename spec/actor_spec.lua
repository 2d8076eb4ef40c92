-- SPDX-License-Identifier: MIT
-- Lua actors: handlers, contexts, failures, budgets, reentrancy.

local systems = dofile("spec/support/systems.lua")
local hawser = systems.hawser

describe("an actor", function()
    local system
    before_each(function() system = systems.new() end)
    after_each(systems.stop)

    it("gets messages in order, each a copy", function()
        local got, sent = {}, { n = 1, list = { 1, 2 } }
        local pid = system:spawn(function(_, message) got[#got + 1] = message end)
        for i = 1, 1000 do system:send(pid, i) end
        system:send(pid, sent)
        systems.wait(function() return #got == 1001 end)
        for i = 1, 1000 do assert.equal(i, got[i]) end
        assert.same(sent, got[1001])
        assert.not_equal(sent, got[1001])
    end)

    it("is found by its name, as text or PID, with or without the address", function()
        local got = {}
        local pid = system:spawn_named("here", function(_, m) got[#got + 1] = m end)
        assert.equal(system.address .. "/here", tostring(pid))
        system:send(pid, 1)
        system:send("here", 2)
        system:send(tostring(pid), 3)
        system:send("hawser.tcp://spec@" .. tostring(pid), 4)
        system:send(hawser.pid(tostring(pid)), 5)
        systems.wait(function() return #got == 5 end)
        assert.same({ 1, 2, 3, 4, 5 }, got)
        local taken, message, code = system:spawn_named("here", function() end)
        assert.is_nil(taken)
        assert.truthy(message:find('"here"', 1, true))
        assert.equal("EEXIST", code)
    end)

    it("learns the sender, the type and the kind from ctx", function()
        local seen
        local echo = system:spawn_named("echo", function(ctx, m)
            seen = { ctx.sender, ctx.type, ctx.kind, ctx.self, #ctx.correlation, ctx.request_id,
                     rawequal(ctx.system, system), m }
            if ctx.sender then ctx:send(ctx.sender, "back") end
        end)
        local back
        local asker = system:spawn(function(ctx, m)
            if m == "go" then ctx:send(echo, "hello", { type = "greeting" }) else back = m end
        end)
        system:send(asker, "go")
        systems.wait(function() return back end)
        assert.same({ asker, "greeting", "user", echo, 24, nil, true, "hello" }, seen)
        seen = nil
        system:send(echo, "again", { sender = "somebody", type = "t" })
        systems.wait(function() return seen end)
        assert.equal("somebody", seen[1].id)
    end)

    it("has no message in ctx outside of handlers", function()
        local kept
        local pid = system:spawn(function(ctx) kept = ctx end)
        system:send(pid, 1, { sender = "x", type = "t" })
        systems.wait(function() return kept end)
        assert.is_nil(kept.sender)
        assert.is_nil(kept.type)
        assert.is_nil(kept.kind)
        assert.is_nil(kept.correlation)
        assert.equal(pid, kept.self)
        assert.is_true(kept:send(pid, 2))
        assert.error_matches(function() kept:request(pid, 1) end, "outside of it")
        assert.error_matches(function() kept:respond(1) end, "outside of its handler")
        assert.is_nil(kept.nothing_of_that_name)
    end)

    it("started, stopped: around its messages", function()
        local log = {}
        local pid = system:spawn {
            started = function(ctx) log[#log + 1] = "started " .. ctx.kind end,
            receive = function(_, m) log[#log + 1] = m end,
            stopped = function(ctx) log[#log + 1] = "stopped " .. ctx.kind end,
        }
        system:send(pid, "one")
        systems.wait(function() return #log == 2 end)
        system:stop(pid)
        systems.wait(function() return #log == 3 end)
        assert.same({ "started started", "one", "stopped stopped" }, log)
    end)

    it("stops itself after the message it is handling", function()
        local letters, got = systems.events(system, "DeadLetter"), {}
        local pid = system:spawn(function(ctx, m)
            got[#got + 1] = m
            if m == 2 then ctx:stop() end
        end)
        for i = 1, 4 do system:send(pid, i) end
        systems.wait(function() return #letters == 2 end)
        assert.same({ 1, 2 }, got)
        assert.same({ 3, 4 }, { letters[1].message, letters[2].message })
        assert.equal("stopped", letters[1].reason)
        local ok, _, code = system:send(pid, 5)
        assert.is_nil(ok)
        assert.equal("ENOTFOUND", code)
    end)

    it("sees its handlers checked", function()
        local function spawning(...)
            local arguments = table.pack(...)
            return function() system:spawn(table.unpack(arguments, 1, arguments.n)) end
        end
        assert.error_matches(spawning { recieve = print },
            'unknown handler "recieve"; did you mean "receive"')
        assert.error_matches(spawning { receive = 5 }, "handler receive: expected a function")
        assert.error_matches(spawning(5), "function or table of handlers")
        assert.error_matches(spawning(print, { supervison = "stop" }), 'did you mean "supervision"')
        assert.error_matches(spawning(print, { supervision = "restrat" }), 'did you mean "restart"')
        assert.error_matches(spawning(print, { mailbox_size = 0 }), "mailbox_size")
        assert.error_matches(spawning(print, { name = 5 }), "name: expected a string")
        local none, _, code = system:spawn_named("a b", print)
        assert.is_nil(none)
        assert.is_string(code)
    end)

    it("is not reached by what can't be sent; that is counted", function()
        local letters, got = systems.events(system, "DeadLetter"), 0
        local pid = system:spawn(function() got = got + 1 end)
        local ok, message, code = system:send(pid, { a = print })
        assert.is_nil(ok)
        assert.equal("message.a: a function can not be sent", message)
        assert.equal("EENCODE", code)
        ok, message, code = system:send(pid, ("x"):rep(5 * 1024 * 1024))
        assert.is_nil(ok)
        assert.truthy(message:find("max_frame_size", 1, true))
        assert.equal("ETOOLARGE", code)
        systems.wait(function() return #letters == 2 end)
        assert.equal("encode", letters[1].reason)
        assert.equal("too_large", letters[2].reason)
        assert.equal(0, got)
        ok, message, code = system:send("h:1/", 1)
        assert.is_string(message)
        assert.is_nil(ok)
        assert.equal("EADDRESS", code)
        assert.has_error(function() system:send(5, 1) end)
        assert.has_error(function() system:send(pid, 1, { type = 5 }) end)
        assert.has_error(function() system:send(pid, 1, 5) end)
    end)

    it("has a bounded mailbox", function()
        local letters = systems.events(system, "DeadLetter")
        local pid = system:spawn(function() end, { mailbox_size = 3 })
        local codes = {}
        for i = 1, 5 do codes[i] = select(3, system:send(pid, i)) or "ok" end
        assert.same({ "ok", "ok", "ok", "EFULL", "EFULL" }, codes)
        systems.wait(function() return #letters == 2 end)
        assert.equal("mailbox_full", letters[1].reason)
    end)

    it("may send any number of types and to any number of texts", function()
        local types = {}
        local pid = system:spawn_named("many", function(ctx) types[#types + 1] = ctx.type end)
        for i = 1, 3000 do system:send(pid, i, { type = "t" .. i }) end
        for i = 1, 5000 do
            system:send("hawser.tcp://n" .. i .. "@" .. tostring(pid), i, { type = "u" })
        end
        systems.wait(function() return #types == 8000 end)
        assert.equal("t3000", types[3000])
    end)
end)

describe("a failing handler", function()
    local system, failures
    before_each(function()
        system = systems.new()
        failures = systems.events(system, "ActorFailed")
    end)
    after_each(systems.stop)

    it("is reported with its traceback, and the actor goes on", function()
        local got = {}
        local pid = system:spawn(function(_, m)
            if m == "bad" then error("on purpose") end
            got[#got + 1] = m
        end)
        for _, m in ipairs { 1, "bad", 2 } do system:send(pid, m) end
        systems.wait(function() return #got == 2 and #failures == 1 end)
        assert.same({ 1, 2 }, got)
        assert.equal(pid, failures[1].pid)
        assert.equal("resume", failures[1].reason)
        assert.truthy(failures[1].detail:find("actor_spec.lua:%d+: on purpose"))
        assert.truthy(failures[1].detail:find("stack traceback", 1, true))
    end)

    it("may throw anything", function()
        local pid = system:spawn(function(_, m)
            if m == 1 then error({}) end
            local function described(f) return setmetatable({}, { __tostring = f }) end
            if m == 2 then error(described(function() return "described" end)) end
            if m == 3 then error() end
            if m == 4 then error(described(function() error("twice") end)) end
            -- Lua gives up on finalizers that it can't call on a full stack: not a leak of ours.
            collectgarbage("stop")
            local function deep(n) return deep(n + 1) + 1 end
            deep(1)
        end)
        for i = 1, 5 do system:send(pid, i) end
        systems.wait(function() return #failures == 5 end)
        collectgarbage("restart")
        assert.truthy(failures[1].detail:find("a table value", 1, true))
        assert.truthy(failures[2].detail:find("described", 1, true))
        assert.truthy(failures[5].detail:find("stack overflow", 1, true))
    end)

    it("restarts or stops the actor as it was spawned", function()
        local log = {}
        local handlers = {
            started = function() log[#log + 1] = "started" end,
            receive = function() error("on purpose") end,
            stopped = function() log[#log + 1] = "stopped" end,
        }
        local pid = system:spawn(handlers, { supervision = "restart" })
        system:send(pid, 1)
        systems.wait(function() return #log == 2 end)
        assert.same({ "started", "started" }, log)
        assert.equal("restart", failures[1].reason)
        pid = system:spawn(handlers, { supervision = "stop" })
        system:send(pid, 1)
        systems.wait(function() return #log == 4 end)
        assert.same({ "started", "started", "started", "stopped" }, log)
        assert.equal("stop", failures[2].reason)
    end)

    it("in started stops it; in stopped is logged", function()
        local pid = system:spawn {
            started = function() error("no start") end,
            receive = function() end,
        }
        systems.wait(function() return #failures == 1 end)
        assert.truthy(failures[1].detail:find("no start", 1, true))
        assert.is_nil((system:send(pid, 1)))
        pid = system:spawn { stopped = function() error("no stop") end }
        systems.idle(0.02)
        system:stop(pid)
        systems.wait(function() return system:statistics().callback_errors == 1 end)
    end)

    it("that loops for ever is ended, also behind pcall and in its own coroutine", function()
        system = systems.new { handler_budget = 5000000 }
        failures = systems.events(system, "ActorFailed")
        local after = 0
        local pid = system:spawn(function(_, m)
            if m == 1 then while true do end end
            if m == 2 then while true do pcall(function() while true do end end) end end
            if m == 3 then coroutine.wrap(function() while true do end end)() end
            if m == 4 then
                while true do pcall(coroutine.wrap(function() while true do end end)) end
            end
            after = after + 1
        end)
        for i = 1, 5 do system:send(pid, i) end
        systems.wait(function() return #failures == 4 and after == 1 end, 30)
        for i = 1, 4 do
            assert.truthy(failures[i].detail:find("used up its budget of 5000000 instr", 1, true))
        end
    end)

    it("gets a full budget for each message", function()
        system = systems.new { handler_budget = 1000000 }
        failures = systems.events(system, "ActorFailed")
        local done = 0
        local pid = system:spawn(function()
            for _ = 1, 300000 do end
            done = done + 1
        end)
        for i = 1, 20 do system:send(pid, i) end
        systems.wait(function() return done == 20 end)
        assert.same({}, failures)
    end)

    it("may not yield by itself", function()
        local pid = system:spawn(function() coroutine.yield(5) end)
        system:send(pid, 1)
        systems.wait(function() return #failures == 1 end)
        assert.truthy(failures[1].detail:find("may not yield", 1, true))
    end)
end)

describe("a handler", function()
    local system
    before_each(function() system = systems.new() end)
    after_each(systems.stop)

    it("may spawn, stop, send and subscribe from anywhere", function()
        local done
        local pid = system:spawn(function(ctx)
            local child
            child = ctx.system:spawn(function(inner, m)
                ctx.system.events:subscribe("ActorStopped", function(e)
                    if e.pid == child then done = m end
                end)
                inner:stop()
            end)
            ctx:send(child, "done")
        end)
        system:send(pid, 1)
        systems.wait(function() return done end)
        assert.equal("done", done)
    end)

    it("may not run the loop", function()
        local result
        local pid = system:spawn(function(ctx)
            result = { pcall(ctx.system.run, ctx.system) }
        end)
        system:send(pid, 1)
        systems.wait(function() return result end)
        assert.is_false(result[1])
        assert.truthy(result[2]:find("inside a handler", 1, true))
    end)

    it("may stop the system", function()
        local pid = system:spawn(function(ctx) ctx.system:stop { deadline = 0 } end)
        system:send(pid, 1)
        system:run()
        assert.is_true(system:is_stopped())
    end)

    it("sleeps without keeping others waiting", function()
        local order = {}
        local slow = system:spawn(function(ctx, m)
            ctx:sleep(0.03)
            order[#order + 1] = "slow " .. m .. " " .. (ctx.type or "")
        end)
        local quick = system:spawn(function() order[#order + 1] = "quick" end)
        system:send(slow, 1, { type = "a" })
        system:send(slow, 2, { type = "b" })
        system:send(quick, 1)
        systems.wait(function() return #order == 3 end)
        assert.same({ "quick", "slow 1 a", "slow 2 b" }, order)
    end)

    it("that sleeps is dropped when its actor stops, and closes what it had open", function()
        local closed, went_on
        local pid = system:spawn(function(ctx)
            local _ <close> = setmetatable({}, { __close = function() closed = true end })
            ctx:sleep(100)
            went_on = true
        end)
        system:send(pid, 1)
        systems.idle(0.02)
        system:stop(pid)
        systems.wait(function() return closed end)
        systems.idle(0.02)
        assert.is_nil(went_on)
    end)
end)
