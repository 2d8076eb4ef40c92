-- SPDX-License-Identifier: MIT
-- Watching actors from Lua, near and over TCP.

local systems = dofile("spec/support/systems.lua")

for _, where in ipairs { "near", "over TCP" } do
    describe("a watch " .. where, function()
        local here, there
        before_each(function()
            here = systems.new { name = "here" }
            there = where == "near" and here or systems.new { name = "there" }
        end)
        after_each(systems.stop)

        -- An actor of `here` that watches, and the list of what it hears.
        local function watcher(target)
            local heard = {}
            local pid = here:spawn {
                started = function(ctx) assert(ctx:watch(target)) end,
                terminated = function(ctx, who, reason)
                    heard[#heard + 1] = { tostring(who), reason, ctx.kind }
                end,
                receive = function(ctx) assert(ctx:unwatch(target)) end,
            }
            return heard, pid
        end

        it("tells once that its target stopped", function()
            local target = there:spawn_named("target", function() end)
            local heard = watcher(tostring(target))
            systems.idle(0.1)
            there:stop(target)
            systems.wait(function() return #heard > 0 end)
            systems.idle()
            assert.same({ { tostring(target), "stopped", "terminated" } }, heard)
        end)

        it("tells that its target failed", function()
            local target = there:spawn(function() error("on purpose") end, { supervision = "stop" })
            local heard = watcher(tostring(target))
            systems.idle(0.1)
            there:send(target, 1)
            systems.wait(function() return #heard > 0 end)
            assert.equal("failed", heard[1][2])
        end)

        it("tells at once that its target is not there", function()
            local heard = watcher(there.address .. "/nobody")
            systems.wait(function() return #heard > 0 end)
            assert.equal("not_found", heard[1][2])
        end)

        it("that was taken back tells nothing", function()
            local target = there:spawn_named("target", function() end)
            local heard, pid = watcher(tostring(target))
            systems.idle(0.1)
            here:send(pid, "unwatch")
            systems.idle(0.1)
            there:stop(target)
            systems.idle(0.1)
            assert.same({}, heard)
        end)

        it("comes to a plain function with its kind, which no user message has", function()
            local target = there:spawn_named("target", function() end)
            local heard = {}
            local pid = here:spawn(function(ctx, message)
                heard[#heard + 1] = { ctx.kind, message }
                if message == "watch" then ctx:watch(tostring(target)) end
            end)
            here:send(pid, "watch")
            here:send(pid, { pid = "forged", reason = "stopped" })
            systems.wait(function() return #heard == 2 end)
            systems.idle(0.1)
            there:stop(target)
            systems.wait(function() return #heard == 3 end)
            assert.equal("user", heard[2][1])
            assert.equal("terminated", heard[3][1])
            assert.equal("stopped", heard[3][2].reason)
            assert.equal(tostring(target), tostring(heard[3][2].pid))
        end)

        it("can be placed for another actor", function()
            local target = there:spawn_named("target", function() end)
            local heard
            local pid = here:spawn {
                terminated = function(_, who, reason) heard = reason .. who.id end,
            }
            assert.is_true(here:watch(pid, tostring(target)))
            systems.idle(0.1)
            there:stop(target)
            systems.wait(function() return heard end)
            assert.equal("stoppedtarget", heard)
        end)

        it("by an actor that handles no Terminated harms nothing", function()
            local target = there:spawn_named("target", function() end)
            local got
            local pid = here:spawn { receive = function(ctx, m)
                got = m
                if m == 1 then ctx:watch(tostring(target)) end
            end }
            here:send(pid, 1)
            systems.idle(0.1)
            there:stop(target)
            systems.idle(0.1)
            here:send(pid, 2)
            systems.wait(function() return got == 2 end)
        end)
    end)
end

describe("a dead letter's response", function()
    after_each(systems.stop)

    it("comes to the handler dead_letter of who sent it, and to no plain function", function()
        local here, there = systems.new { name = "here" }, systems.new { name = "there" }
        local heard, plain = nil, {}
        local sender = here:spawn {
            receive = function(ctx, m) ctx:send(m, "x") end,
            dead_letter = function(ctx, target, reason)
                heard = { ctx.kind, tostring(target), reason }
            end,
        }
        local function_sender = here:spawn(function(ctx, m)
            plain[#plain + 1] = m
            ctx:send(m, "x")
        end)
        local nobody = there.address .. "/nobody"
        here:send(sender, nobody)
        here:send(function_sender, nobody)
        systems.wait(function() return heard end)
        systems.idle(0.1)
        assert.same({ "dead_letter", nobody, "not_found" }, heard)
        assert.same({ nobody }, plain)
    end)
end)
