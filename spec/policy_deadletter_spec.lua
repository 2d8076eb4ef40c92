-- SPDX-License-Identifier: MIT
local deadletter = require "hawser.policy.deadletter"

local function letter(reason, fields)
    local l = {
        pid = "10.0.0.1:25520/echo", address = "10.0.0.1:25520", id = "echo", reason = reason,
    }
    for key, value in pairs(fields or {}) do
        l[key] = value
    end
    return l
end

describe("deadletter", function()
    it("publishes, drops, redirects", function()
        assert.equal("publish", deadletter.publish(letter "queue_full"))
        assert.equal("drop", deadletter.drop(letter "queue_full"))
        assert.equal("10.0.0.9:1/audit", deadletter.to "10.0.0.9:1/audit" (letter "queue_full"))
        assert.equal("/audit", deadletter.to "audit" (letter "queue_full"))
        assert.equal("/audit", deadletter.to "/audit" (letter "queue_full"))
        local socket = "unix:/run/x.sock//audit"
        assert.equal(socket, deadletter.to(socket)(letter "queue_full"))
    end)

    it("routes by reason, with answers, PIDs and routers", function()
        local asked
        local route = deadletter.by_reason {
            not_found = "drop",
            queue_full = "10.0.0.9:1/overflow",
            decode = function(l)
                asked = l
                return "drop"
            end,
        }
        assert.equal("drop", route(letter "not_found"))
        assert.equal("10.0.0.9:1/overflow", route(letter "queue_full"))
        local undecodable = letter "decode"
        assert.equal("drop", route(undecodable))
        assert.equal(undecodable, asked)
        assert.equal("publish", route(letter "stopped"))
        assert.equal("drop", deadletter.by_reason { default = "drop" } (letter "stopped"))
    end)

    it("publishes the first of every n", function()
        local route = deadletter.sample(3)
        local got = {}
        for i = 1, 7 do
            got[i] = route(letter "queue_full")
        end
        assert.same({ "publish", "drop", "drop", "publish", "drop", "drop", "publish" }, got)
        local every = deadletter.sample(1)
        assert.equal("publish", every(letter "queue_full"))
        assert.equal("publish", every(letter "queue_full"))
    end)

    it("samples with a count of its own, which a dry run leaves alone", function()
        local one, other = deadletter.sample(2), deadletter.sample(2)
        assert.equal("publish", one(letter("queue_full", { dry_run = true })))
        assert.equal("publish", one(letter "queue_full"))
        assert.equal("publish", other(letter "queue_full"))
        assert.equal("drop", one(letter("queue_full", { dry_run = true })))
        assert.equal("drop", one(letter "queue_full"))
        assert.equal("publish", one(letter "queue_full"))
    end)

    it("knows the reasons of the core, all of them and no other", function()
        local file = assert(io.open("runtime/include/hawser/message.h"))
        local text = file:read("a"):match(
            "#define HWS_DEAD_LETTER_REASONS%(X%)(.-)enum hws_dead_letter_reason")
        file:close()
        local names = {}
        for name in text:gmatch("X%(([%l_]+), \"") do
            names[#names + 1] = name ~= "none" and name or nil
        end
        table.sort(names)
        assert.same(names, deadletter.reasons)
    end)
end)

describe("deadletter.check", function()
    it("takes what a router may answer", function()
        for _, answer in ipairs { "publish", "drop", "a:1/b", "/audit", "[::1]:25520/a/b" } do
            assert.is_true(deadletter.check(answer), answer)
        end
    end)

    it("refuses the rest", function()
        local pid = 'expected "publish", "drop" or a PID such as "10.0.0.1:25520/audit", '
            .. 'or "/audit" for an actor of this system'
        assert.same({ nil, pid .. '; did you mean "drop"?' }, { deadletter.check "dorp" })
        assert.same({ nil, pid .. '; did you mean "publish"?' }, { deadletter.check "Publish" })
        for _, answer in ipairs { "", "a b", "a:1/", "/", "audit", "pubish it",
                                  "hawser.tcp://x@a:1/b", 5, true, {},
                                  "a:1/b\n", ("a"):rep(512) } do
            assert.same({ nil, pid }, { deadletter.check(answer) })
        end
        assert.same({ nil, pid }, { deadletter.check(nil) })
    end)
end)

describe("misuse of deadletter", function()
    local reasons = "expected one of default, blocked, decode, disconnected, encode, gated, "
        .. "mailbox_full, no_such_kind, not_found, quarantined, queue_full, stopped, throttled, "
        .. "too_large, unacknowledged"
    local a_pid = 'a PID such as "10.0.0.1:25520/audit", or "/audit" for an actor of this system'
    local cases = {
        { "to", "publish", 'deadletter.to: pid = "publish": expected ' .. a_pid },
        { "to", nil, 'deadletter.to: pid = nil: expected ' .. a_pid },
        { "by_reason", { not_fuond = "drop" }, "deadletter.by_reason: unknown reason not_fuond, "
            .. reasons .. '; did you mean "not_found"?' },
        { "by_reason", { "drop" }, "deadletter.by_reason: unknown reason [1], " .. reasons },
        { "by_reason", { not_found = "dropp" }, 'deadletter.by_reason: not_found = "dropp": '
            .. 'expected "publish", "drop", a function or ' .. a_pid .. '; did you mean "drop"?' },
        { "by_reason", "drop",
          'deadletter.by_reason: expected a table of answers by reason, got "drop"' },
        { "sample", 0, "deadletter.sample: n = 0: expected a whole number from 1 to 1000000000" },
        { "sample", 1.5,
          "deadletter.sample: n = 1.5: expected a whole number from 1 to 1000000000" },
    }
    for _, case in ipairs(cases) do
        it("is said in a sentence: " .. case[3], function()
            local ok, why = pcall(function()
                local made = deadletter[case[1]](case[2])
                return made
            end)
            assert.is_false(ok)
            local place, rest = why:match("^(.-:%d+): (.*)$")
            assert.matches("policy_deadletter_spec.lua:%d+$", place)
            assert.equal(case[3], rest)
        end)
    end
end)
