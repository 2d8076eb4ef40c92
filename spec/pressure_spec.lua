-- SPDX-License-Identifier: MIT
-- Pressure over real TCP: levels that refuse or keep some, what send tells of it, listeners, and a
-- ring that overflows and drains.

local systems = dofile("spec/support/systems.lua")
local throttle = require("hawser.policy.throttle")

local RING = 1000

describe("pressure", function()
    local alpha, beta, target, taken

    -- Beta is a peer that is there but takes nothing: alpha has not dialled it yet.
    local function begin(policy, options)
        local all = { name = "alpha", endpoint_writer_queue_size = RING, policy = policy,
                      auto_start = false, event_queue_size = 65536 }
        for name, value in pairs(options or {}) do all[name] = value end
        alpha = systems.new(all)
        beta, taken = systems.new { name = "beta" }, {}
        beta:spawn_named("sink", function(_, number) taken[#taken + 1] = number end)
        target = beta.address .. "/sink"
        alpha:associate(beta.address)
    end

    local function send(count)
        local accepted, level, code = 0, nil, nil
        for i = 1, count do
            local ok, second, third = alpha:send(target, i)
            if ok then accepted, level = accepted + 1, second else code = third end
        end
        return accepted, level, code
    end

    after_each(systems.stop)

    it("is told by send: ok, throttled, or refused", function()
        begin { throttle = throttle.levels {
            warning = 0.6, shed = { from = 0.7, keep_every = 10 },
            critical = { from = 0.85, refuse = true },
        } }
        assert.same({ 599 }, { send(599) })
        assert.same({ 1, "warning" }, { send(1) })
        assert.same({ true, "warning" }, { alpha:send(target, 0) })
        assert.same({ 99, "shed" }, { send(99) })
        assert.same({ true, "shed" }, { alpha:send(target, 0) }) -- the first of ten
        local ok, message, code = alpha:send(target, 0)
        assert.is_nil(ok)
        assert.equal(target .. ": the policy refuses deliveries at this throttle level", message)
        assert.equal("ETHROTTLED", code)
        assert.same({ 148, "shed", "ETHROTTLED" }, { send(1488) })
        assert.same({ true, "critical" }, { alpha:send(target, 0) })
        assert.same({ 0, nil, "ETHROTTLED" }, { send(50) })
        local size, bytes, level = alpha:queue(beta.address)
        assert.same({ 850, "critical" }, { size, level })
        assert.equal(alpha:statistics(beta.address).queue_bytes, bytes)
        assert.equal("ENOTFOUND", select(3, alpha:queue("127.0.0.1:1")))

        systems.wait(function() return alpha:queue(beta.address) == 0 end)
        assert.equal(850, #taken)
        assert.same({ true }, { alpha:send(target, 0) })
    end)

    it("fails a request at once", function()
        begin { throttle = throttle.levels { full = { from = 0.5, refuse = true } } }
        send(500)
        local ok, message, code = alpha:request(target, "?", error)
        assert.is_nil(ok)
        assert.matches("refuses deliveries", message)
        assert.equal("ETHROTTLED", code)
        local results
        alpha:spawn { started = function(ctx) results = { ctx:request(target, "?") } end }
        systems.wait(function() return results end)
        assert.equal("ETHROTTLED", results[3])
    end)

    it("drains an overflow: refuses the newest, lets watches pass, gives memory back", function()
        begin(nil, { endpoint_writer_queue_bytes = 1048576 })
        local levels, heard, letters = {}, {}, systems.events(alpha, "DeadLetter")
        alpha.events:subscribe("EndpointThrottled", function(event)
            levels[#levels + 1] = event.level
        end)
        alpha:register_backpressure_listener(beta.address, function(pressure)
            heard[#heard + 1] = pressure.level
        end)
        systems.wait(function() return alpha:statistics(beta.address).state == "connected" end)
        assert(alpha:send(target, 0))
        systems.wait(function() return alpha:queue(beta.address) == 0 end)
        local before = alpha:statistics().memory
        local padding = ("x"):rep(500)

        local accepted, refused = 0, {}
        for i = 1, RING + 50 do
            if alpha:send(target, { i, padding }) then
                accepted = i
            else
                refused[#refused + 1] = i
            end
        end
        assert.equal(RING, accepted)
        assert.equal(50, #refused)
        assert.equal(RING + 1, refused[1])
        assert(alpha:statistics().memory > before + RING * 500)
        local gone
        alpha:spawn { -- a watch passes a full ring
            started = function(ctx) assert(ctx:watch(beta.address .. "/nobody")) end,
            terminated = function(_, _, reason) gone = reason end,
        }
        systems.wait(function() return #taken == accepted + 1 and gone end)
        assert.equal("not_found", gone)
        for i = 1, accepted do assert.equal(i, taken[i + 1][1]) end
        systems.wait(function() return alpha:queue(beta.address) == 0 and #letters == 50 end)
        for i, letter in ipairs(letters) do
            assert.equal("queue_full", letter.reason)
            assert.equal(refused[i], letter.message[1])
        end
        assert.same({ "warning", "critical", "warning", "normal" }, levels)
        assert.equal("normal", heard[#heard])
        letters = nil
        collectgarbage()
        systems.wait(function() return alpha:statistics().memory < before + 64 * 1024 end)
    end)

    it("has levels of its own for an endpoint that a pattern names", function()
        local tight = throttle.levels { tight = { from = 0.1, refuse = true } }
        begin {
            throttle = throttle.levels { warning = 0.5 },
            endpoints = { ["127.0.0.1:*"] = { throttle = tight } },
        }
        assert.equal(100, (send(200)))
        assert.equal("tight", select(3, alpha:queue(beta.address)))
        assert(alpha:set_policy { throttle = throttle.levels { warning = 0.5 } })
        assert.equal("normal", select(3, alpha:queue(beta.address)))
        assert.same({ 400, "warning" }, { send(400) })
    end)

    it("tells listeners what is so when they come, until they go", function()
        begin()
        send(600)
        local heard, handle = {}, nil
        handle = alpha:register_backpressure_listener(function(pressure)
            heard[#heard + 1] = pressure
            handle:cancel() -- from inside of its own call
        end)
        assert.equal(0, #heard)
        systems.wait(function() return #heard > 0 end)
        systems.wait(function() return #taken == 600 end)
        assert.equal(1, #heard)
        assert.same({ beta.address, "warning", 1, 600, RING }, {
            heard[1].address, heard[1].level, heard[1].index, heard[1].queue_size,
            heard[1].queue_capacity,
        })
        assert(heard[1].queue_bytes > 0 and heard[1].queue_bytes < heard[1].queue_bytes_capacity)
        assert.is_false(handle:cancel())
    end)

    it("contains a listener that fails or runs for ever", function()
        begin(nil, { handler_budget = 100000 })
        local heard = 0
        alpha:register_backpressure_listener("*", function() error("on purpose") end)
        alpha:register_backpressure_listener("*", function() while true do end end)
        alpha:register_backpressure_listener("*", function() heard = heard + 1 end)
        alpha:register_backpressure_listener("10.*", function() heard = heard + 100 end)
        send(600)
        systems.wait(function() return heard == 1 end)
        assert.equal(2, alpha:statistics().callback_errors)
        assert.has_error(function() alpha:register_backpressure_listener("", print) end)
        assert.has_error(function() alpha:register_backpressure_listener("*") end)
    end)
end)
