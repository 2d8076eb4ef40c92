-- SPDX-License-Identifier: MIT
-- await_reconnect in Lua, in its three forms. Each way in which it ends: spec/unit/test_await.c.

local systems = dofile("spec/support/systems.lua")
local worlds = require("hawser.world")

describe("await_reconnect", function()
    local here, there
    before_each(function()
        here, there = systems.new(), systems.new { name = "there" }
    end)
    after_each(systems.stop)

    it("runs the loop in the main program", function()
        assert.is_true(here:associate(there.address))
        assert.is_true(here:await_reconnect(there.address, systems.patience))
        assert.equal("connected", here:statistics(there.address).state)
        here:cut_link(there.address)
        assert.is_true(here:await_reconnect(there.address, systems.patience))
        assert.equal(2, here:statistics(there.address).connects)
    end)

    it("suspends a handler", function()
        local result
        here:spawn {
            started = function(ctx)
                ctx.system:associate(there.address)
                assert(ctx:await_reconnect(there.address, systems.patience))
                ctx.system:cut_link(there.address)
                result = table.pack(ctx:await_reconnect(there.address, systems.patience))
            end,
        }
        systems.wait(function() return result end)
        assert.same({ true, n = 1 }, result)
        assert.equal(2, here:statistics(there.address).connects)
    end)

    it("tells a function", function()
        local result
        here:associate(there.address)
        local cancelled = here:await_reconnect(there.address, 60, error)
        assert.is_true(cancelled:cancel())
        here:await_reconnect(there.address, 60, function(...) result = table.pack(...) end)
        systems.wait(function() return result end)
        assert.same({ true, n = 1 }, result)
    end)

    it("says why not", function()
        local address, result = there.address, nil
        local function code(...) return (select(3, ...)) end
        local none, message = here:await_reconnect(address, 1)
        assert.is_nil(none)
        assert.equal("no endpoint of address " .. address .. "; associate() makes one", message)
        here:associate(address)
        here:block_system "there"
        assert.equal("ETIMEOUT", code(here:await_reconnect(address, 0.02)))
        here:spawn {
            started = function(ctx)
                result = { code(ctx:await_reconnect(address, 0.02)) }
                ctx.system:after(0.01, function() here:close_endpoint(address) end)
                result[2] = code(ctx:await_reconnect(address, 60))
                result[3] = code(ctx:await_reconnect(address, 60))
            end,
        }
        systems.wait(function() return result and result[3] end)
        assert.same({ "ETIMEOUT", "EDISCONNECTED", "EDISCONNECTED" }, result)
        assert.error_matches(function() here:await_reconnect(address) end, "timeout: expected")
        assert.has_error(function() here:await_reconnect(address, 1, "text") end)
    end)

    it("can't run the loop inside a handler", function()
        local result
        here:associate(there.address)
        here:after(0, function()
            result = { here:await_reconnect(there.address, 1) }
        end)
        systems.wait(function() return result end)
        assert.equal("ESTATE", result[3])
    end)

    it("ends with the actor that waits, and with the system", function()
        local result
        here:associate(there.address)
        here:block_system "there"
        local pid = here:spawn {
            started = function(ctx) ctx:await_reconnect(there.address, 60) end,
        }
        systems.idle(0.01)
        here:stop(pid)
        systems.idle(0.01)
        here:await_reconnect(there.address, 60, function(...) result = table.pack(...) end)
        here:stop { deadline = 0 }
        here:run()
        assert.equal("ECLOSED", result[3])
    end)
end)

describe("await_reconnect in a world", function()
    it("waits in virtual time, and does not run the loop", function()
        local world = worlds.new { seed = 5, latency = 0.01 }
        local a = world:system { name = "a" }
        local b = world:system { name = "b" }
        local heard, result = {}, nil
        a:associate(b.address)
        world:run(1)
        world:partition({ "a" }, { "b" })
        world:run(1)
        a:await_reconnect(b.address, 0.5, function(_, _, code) heard[#heard + 1] = code end)
        a:await_reconnect(b.address, 60, function(ok) heard[#heard + 1] = ok end)
        a:spawn { started = function(ctx) result = ctx:await_reconnect(b.address, 60) end }
        assert.error_matches(function() a:await_reconnect(b.address, 60) end, "of a world")
        world:run(0.6)
        assert.same({ "ETIMEOUT" }, heard)
        world:heal()
        world:run(10)
        assert.same({ "ETIMEOUT", true }, heard)
        assert.is_true(result)
        world:close()
    end)
end)
