-- SPDX-License-Identifier: MIT
-- What system:statistics(), statistics_snapshot() and connections_snapshot() carry.

local hawser = require("hawser")
local tables = dofile("spec/support/tables.lua")
local systems = dofile("spec/support/systems.lua")

-- The fields of a class in the type file.
local function documented(class)
    local file = assert(io.open("lua/hawser/types_statistics.lua"))
    local text = file:read("a") .. "\n"
    file:close()
    local found = {}
    local block = assert(text:match("%-%-%-@class hawser%." .. class .. "\n(.-\n)\n"), class)
    for name in block:gmatch("%-%-%-@field ([%w_]+)") do found[name] = true end
    return found
end

local function keys(table)
    local found = {}
    for key in pairs(table) do found[key] = true end
    return found
end

local function connected()
    -- After a cut it is alpha that dials.
    local slow = { backoff = require("hawser.policy.backoff").fixed { delay = 60 } }
    local alpha, beta = systems.new(), systems.new { policy = slow }
    assert(alpha:associate(beta.address))
    systems.wait(function()
        local s = alpha:statistics(beta.address)
        return s.state == "connected" and s.rtt_count > 0
    end)
    return alpha, beta
end

describe("the statistics of an endpoint", function()
    after_each(systems.stop)

    it("have the fields that the type file lists", function()
        local alpha, beta = connected()
        assert.same(documented("Statistics"), keys(alpha:statistics(beta.address)))
        assert.same(documented("Totals"), keys(alpha:statistics()))
        assert.same(documented("Connection"), keys(alpha:connections_snapshot()[1]))
        assert.same(keys(alpha:statistics(beta.address)),
                    keys(alpha:statistics_snapshot()[beta.address]))
    end)

    it("tell round trips in seconds, with their buckets", function()
        local alpha, beta = connected()
        local s, count = alpha:statistics(beta.address), 0
        assert.is_true(s.rtt > 0 and s.rtt < 10)
        assert.is_true(s.rtt_p50 <= s.rtt_p99 and s.rtt_p99 <= s.rtt_max)
        assert.is_true(s.rtt_sum >= s.rtt_max)
        for i, bucket in ipairs(s.rtt_buckets) do
            count = count + bucket.count
            assert.is_true(i == 1 or bucket.upper > s.rtt_buckets[i - 1].upper)
        end
        assert.equal(s.rtt_count, count)
        assert.is_true(s.rtt_max <= s.rtt_buckets[#s.rtt_buckets].upper)
    end)

    it("say what comes next, and when", function()
        local alpha, beta = connected()
        local s = alpha:statistics(beta.address)
        assert.equal("ping", s.step)
        assert.is_true(s.next > alpha:now() and s.next <= alpha:now() + 15)
        assert.equal(24, #s.correlation)
        assert.equal(s.correlation, beta:statistics(alpha.address).correlation)
    end)

    it("count links by the reason of their end, in the endpoint and in the system", function()
        local alpha, beta = connected()
        assert(alpha:cut_link(beta.address))
        systems.wait(function() return alpha:statistics(beta.address).state == "connected" end)
        assert(alpha:associate("127.0.0.1:1"))
        systems.wait(function()
            local s = alpha:statistics("127.0.0.1:1")
            return s and s.connect_failures.refused
        end)
        local s, all = alpha:statistics(beta.address), alpha:statistics()
        assert.same({ reset = 1, total = 1 }, s.disconnects)
        assert.same({ total = 0 }, s.connect_failures)
        assert.equal(2, s.connect_attempts)
        assert.same({ reset = 1, total = 1 }, all.disconnects)
        assert.equal(all.connect_failures.total, all.connect_failures.refused)
        assert.equal(2, all.connects)
        assert.equal(2, all.connect_attempts - all.connect_failures.total)
        assert.equal(2, beta:statistics(alpha.address).accepted)
    end)
end)

describe("connections_snapshot", function()
    after_each(systems.stop)

    it("shows both ends of a link", function()
        local alpha, beta = connected()
        local there, here = alpha:connections_snapshot(), beta:connections_snapshot()
        assert.equal(1, #there)
        assert.equal(1, #here)
        assert.same({ "dialed", "up", beta.address, beta.uid },
            { there[1].direction, there[1].phase, there[1].address, there[1].uid })
        assert.same({ "accepted", "up", alpha.address, alpha.uid },
            { here[1].direction, here[1].phase, here[1].address, here[1].uid })
        systems.wait(function()
            there, here = alpha:connections_snapshot(), beta:connections_snapshot()
            return there[1].sent_bytes == here[1].received_bytes
        end)
        assert.is_true(there[1].since <= alpha:now())
        assert.truthy(here[1].peer:find("127.0.0.1", 1, true))
    end)
end)

describe("the reasons of links", function()
    it("are said to each other by one name", function()
        local known = {}
        for _, row in ipairs(tables.rows("remote", "HWS_LINK_REASONS")) do known[row[1]] = true end
        for _, row in ipairs(tables.rows("handshake", "HWSI_REFUSALS")) do
            assert.is_true(known[row[1]], row[1])
        end
        assert.is_nil(known.handshake)
        assert.truthy(hawser.event_types())
    end)
end)
