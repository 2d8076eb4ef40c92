-- SPDX-License-Identifier: MIT
-- Requests from handlers, which suspend, and from outside, with a function; near and over TCP.

local systems = dofile("spec/support/systems.lua")
local hawser = systems.hawser

local function echo(ctx, message) ctx:respond(message) end

-- Runs body(ctx) in an actor and returns its results.
local function inside(system, body)
    local results
    system:spawn { started = function(ctx) results = table.pack(pcall(body, ctx)) end }
    systems.wait(function() return results end)
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
end

for _, where in ipairs { "near", "over TCP" } do
    describe("a request " .. where, function()
        local here, there, to

        before_each(function()
            here = systems.new { name = "here" }
            there = where == "near" and here or systems.new { name = "there" }
            there:spawn_named("echo", echo)
            there:spawn_named("silent", function() end)
            to = function(id) return there.address .. "/" .. id end
        end)
        after_each(systems.stop)

        it("brings its answer, whatever it is", function()
            for _, value in ipairs { 1, "text", { a = { 1, 2 } }, true, false, 1.5 } do
                local reply = inside(here, function(ctx) return ctx:request(to "echo", value) end)
                assert.same(value, reply)
            end
            assert.same({ n = 1 }, table.pack(inside(here, function(ctx)
                return ctx:request(to "echo", nil)
            end)))
        end)

        it("says when nobody answers in time", function()
            local reply, message, code = inside(here, function(ctx)
                return ctx:request(to "silent", 1, { timeout = 0.05 })
            end)
            assert.is_nil(reply)
            assert.equal(to "silent" .. ": no answer within 0.05 s", message)
            assert.equal("ETIMEOUT", code)
        end)

        it("says what the endpoint does meanwhile when that is why nobody answers", function()
            local absence = "; its endpoint is reconnecting: connection to 127.0.0.1:1 refused: "
                .. "nothing listens there"
            local _, asked, code = inside(here, function(ctx)
                return ctx:request("127.0.0.1:1/nobody", 1, { timeout = 0.3 })
            end)
            assert.equal("127.0.0.1:1/nobody: no answer within 0.3 s" .. absence, asked)
            assert.equal("ETIMEOUT", code)
            local _, spawned = inside(here, function(ctx)
                return ctx:spawn_remote("127.0.0.1:1", "worker", nil, { timeout = 0.3 })
            end)
            assert.truthy(spawned:find(absence, 1, true), spawned)
        end)

        it("fails at once when its target is not there", function()
            local reply, message, code = inside(here, function(ctx)
                return ctx:request(to "nobody", 1, { timeout = 60 })
            end)
            assert.is_nil(reply)
            assert.equal(to "nobody" .. ": no actor of that id lives there", message)
            assert.equal("ENOTFOUND", code)
        end)

        it("fails at once when its handler fails, before or after it was suspended", function()
            local letters = systems.events(here, "DeadLetter")
            there:spawn_named("fails", function() error("on purpose") end)
            there:spawn_named("waits", function(ctx)
                ctx:sleep(0.01)
                error("on purpose")
            end, { reentrant = true })
            there:spawn_named("answers", function(ctx, message)
                ctx:respond(message)
                error("after it")
            end, { supervision = "restart" })
            local stopped = there:spawn_named("stopped", function(ctx) ctx:sleep(60) end)
            there:after(0.2, function() there:stop(stopped) end)
            for _, id in ipairs { "fails", "waits", "stopped" } do
                local reply, message, code = inside(here, function(ctx)
                    return ctx:request(to(id), 1, { timeout = 60 })
                end)
                assert.is_nil(reply)
                assert.equal(to(id) .. ": the handler failed", message)
                assert.equal("EFAILED", code)
            end
            assert.equal(7, inside(here, function(ctx) return ctx:request(to "answers", 7) end))
            local called
            here:request(to "fails", 1, { timeout = 60 }, function(...) called = { ... } end)
            systems.wait(function() return called end)
            assert.equal("EFAILED", called[3])
            assert.equal(0, #letters)
        end)

        it("keeps its handler's message meanwhile", function()
            local seen
            local asker = here:spawn_named("asker", function(ctx, message)
                local before = { ctx.sender, ctx.type, ctx.request_id, ctx.correlation, ctx.kind }
                local reply = ctx:request(to "echo", message)
                seen = { before, { ctx.sender, ctx.type, ctx.request_id, ctx.correlation,
                    ctx.kind } }
                ctx:respond(reply)
            end)
            local answer
            here:request(asker, "x", { type = "t" }, function(reply) answer = reply end)
            systems.wait(function() return answer end)
            assert.equal("x", answer)
            assert.same(seen[1], seen[2])
            assert.equal("t", seen[1][2])
            assert.equal("user", seen[1][5])
        end)

        it("keeps its actor from other messages meanwhile", function()
            local order = {}
            local pid = here:spawn(function(ctx, message)
                order[#order + 1] = "begin " .. message
                ctx:request(to "echo", message)
                order[#order + 1] = "end " .. message
            end)
            for i = 1, 3 do here:send(pid, i) end
            systems.wait(function() return #order == 6 end)
            assert.same({ "begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3" }, order)
        end)

        it("does not, when it is reentrant: each message has its own ctx", function()
            local order, contexts = {}, {}
            local pid = here:spawn(function(ctx, message)
                contexts[ctx] = true
                order[#order + 1] = "begin " .. message
                local reply = ctx:request(to "echo", message)
                order[#order + 1] = "end " .. reply .. " " .. ctx.type
            end, { reentrant = true })
            for i = 1, 3 do here:send(pid, i, { type = "t" .. i }) end
            systems.wait(function() return #order == 6 end)
            assert.same({ "begin 1", "begin 2", "begin 3", "end 1 t1", "end 2 t2", "end 3 t3" },
                order)
            local count = 0
            for _ in pairs(contexts) do count = count + 1 end
            assert.equal(3, count)
        end)

        it("from outside calls a function once", function()
            local calls = {}
            here:request(to "echo", 5, function(...) calls[#calls + 1] = table.pack(...) end)
            here:request(to "silent", 5, { timeout = 0.02 },
                function(...) calls[#calls + 1] = table.pack(...) end)
            -- What is known at once is returned, and the function not called.
            local function late(...) calls[#calls + 1] = table.pack(...) end
            local handle, message, code = here:request(to "nobody", 5, late)
            if not handle then late(nil, message, code) end
            systems.wait(function() return #calls == 3 end)
            systems.idle(0.05)
            local told = {}
            for _, call in ipairs(calls) do told[call[3] or call[1]] = call[2] or true end
            assert.same({ [5] = true, ETIMEOUT = to "silent" .. ": no answer within 0.02 s",
                ENOTFOUND = to "nobody" .. ": no actor of that id lives there" }, told)
            assert.equal(3, #calls)
        end)

        it("many at once find their answers", function()
            local sum = 0
            for i = 1, 2000 do
                here:request(to "echo", i, { timeout = 10 }, function(reply) sum = sum + reply end)
            end
            systems.wait(function() return sum == 2001000 end)
            assert.equal(0, here:statistics().requests_pending)
        end)

        it("may be answered later, and by another", function()
            there:spawn_named("later", function(ctx, message)
                local to_whom, id, system = ctx.sender, ctx.request_id, ctx.system
                system:after(0.01, function() system:respond(to_whom, id, message .. " later") end)
            end)
            local reply = inside(here, function(ctx) return ctx:request(to "later", "x") end)
            assert.equal("x later", reply)
        end)

        it("that fails after it was resumed is a failure of its actor", function()
            local failures = systems.events(here, "ActorFailed")
            local got = {}
            local pid = here:spawn(function(ctx, message)
                ctx:request(to "echo", message)
                if message == "bad" then error("after the answer") end
                got[#got + 1] = message
            end)
            for _, m in ipairs { 1, "bad", 2 } do here:send(pid, m) end
            systems.wait(function() return #got == 2 and #failures == 1 end)
            assert.truthy(failures[1].detail:find("after the answer", 1, true))
            assert.truthy(failures[1].detail:find("request_spec.lua:%d+"))
        end)

        it("inside pcall works, inside a coroutine or a sort is refused", function()
            local ok, reply = inside(here, function(ctx)
                return pcall(ctx.request, ctx, to "echo", 7)
            end)
            assert.is_true(ok)
            assert.equal(7, reply)
            local message = select(2, inside(here, function(ctx)
                return pcall(coroutine.wrap(function() ctx:request(to "echo", 1) end))
            end))
            assert.truthy(message:find("coroutine inside it", 1, true))
            message = select(2, inside(here, function(ctx)
                local function compare() return ctx:request(to "echo", 1) end
                return pcall(table.sort, { 1, 2, 3 }, compare)
            end))
            assert.truthy(message:find("table.sort", 1, true))
        end)
    end)
end

describe("requests", function()
    after_each(systems.stop)

    it("check their arguments", function()
        local system = systems.new()
        assert.has_error(function() system:request("x", 1) end)
        assert.has_error(function() system:request("x", 1, {}, 5) end)
        assert.has_error(function() system:request("x", 1, { timeout = -1 }, print) end)
        local ok, message, code = system:request("x", { print }, {}, function() end)
        assert.is_nil(ok)
        assert.equal("message[1]: a function can not be sent", message)
        assert.equal("EENCODE", code)
        assert.equal("EADDRESS", select(3, system:request("h:1/", 1, print)))
    end)

    it("can be cancelled", function()
        local system, called = systems.new(), false
        system:spawn_named("echo", echo)
        local request = system:request("echo", 1, function() called = true end)
        assert.is_true(request:cancel())
        systems.idle()
        assert.is_false(called)
    end)

    it("fail when the system stops", function()
        local system, code = systems.new(), nil
        system:spawn_named("silent", function() end)
        system:request("silent", 1, { timeout = 60 }, function(_, _, c) code = c end)
        system:after(0.01, function() system:stop { deadline = 0 } end)
        system:run()
        assert.is_true(code == "ECLOSED" or code == "EDEADLETTER", code)
    end)

    it("answer a handler that is no request's with a code, not an error", function()
        local system, result = systems.new(), nil
        local pid = system:spawn(function(ctx) result = table.pack(ctx:respond(1)) end)
        system:send(pid, 1)
        systems.wait(function() return result end)
        assert.is_nil(result[1])
        assert.equal("EINVAL", result[3])
    end)

    it("in an answer's function that fails are reported", function()
        local system = systems.new()
        system:spawn_named("echo", echo)
        system:request("echo", 1, function() error("on purpose") end)
        systems.wait(function() return system:statistics().callback_errors == 1 end)
    end)

    it("hear each its own answer, thousands at a time, whatever else comes and goes", function()
        local system = systems.new()
        system:spawn_named("echo", echo)
        local others, intact = {}, 0
        for _, most in ipairs { 600, 900, 3000, 600 } do
            local answers, count, cancelled = {}, 0, 0
            for i = 1, most do
                local handle = system:request("echo", { i }, function(reply)
                    answers[i] = reply[1]
                    count = count + 1
                end)
                if i % 3 == 0 then
                    cancelled = cancelled + (handle:cancel() and 1 or 0)
                    system:after(0, function() count = count + 1 end)
                end
            end
            assert.equal(most // 3, cancelled)
            collectgarbage()
            systems.wait(function() return count == most end)
            for i, answer in pairs(answers) do assert.equal(i, answer) end
            for _ = 1, 300 do -- their places in the registry are not for callbacks
                local other
                other = system:spawn(function(ctx) ctx:respond(ctx.self == other) end)
                others[#others + 1] = other
            end
        end
        for _, other in ipairs(others) do
            system:request(other, 1, function(same) intact = intact + (same and 1 or 0) end)
        end
        systems.wait(function() return intact == #others end)
    end)

    it("carry PIDs that can be used at the other end", function()
        local here, there = systems.new { name = "here" }, systems.new { name = "there" }
        local told
        local listener = here:spawn(function(_, m) told = m end)
        there:spawn_named("caller", function(ctx, m)
            ctx:send(m.who, "told")
            ctx:respond(m.who)
        end)
        local back
        here:request(there.address .. "/caller", { who = listener },
            function(reply) back = reply end)
        systems.wait(function() return told and back end)
        assert.is_true(rawequal(listener, back))
        assert.equal(hawser.pid(tostring(listener)), back)
    end)
end)
