-- SPDX-License-Identifier: MIT
local backoff = require "hawser.policy.backoff"

local function at(r)
    return function()
        return r
    end
end

local function question(attempt, fields)
    local q = {
        address = "10.0.0.1:25520", attempt = attempt, elapsed = 0, delay = 0,
        reason = "refused", random = at(0.5), queue_size = 0, queue_bytes = 0,
    }
    for key, value in pairs(fields or {}) do
        q[key] = value
    end
    return q
end

-- The answers to attempts 1 .. n, each a pair.
local function answers(curve, n, fields)
    local out = {}
    for attempt = 1, n do
        out[attempt] = table.pack(curve(question(attempt, fields)))
    end
    return out
end

local function delays(curve, n, fields)
    local out = {}
    for i, answer in ipairs(answers(curve, n, fields)) do
        out[i] = answer[1] or answer[2]
    end
    return out
end

local function close(expected, actual)
    assert.equal(#expected, #actual)
    for i, value in ipairs(expected) do
        if type(value) == "number" then
            assert.near(value, actual[i], 1e-9)
        else
            assert.equal(value, actual[i])
        end
    end
end

-- A small generator of our own, so that the seeds below mean the same on every machine.
local function seeded(seed)
    local state = seed
    return function()
        state = (state * 6364136223846793005 + 1442695040888963407)
        return (state >> 11) * 0x1p-53
    end
end

local BOTTOM, TOP = at(0), at(0x1.fffffffffffffp-1)

describe("backoff.exponential", function()
    it("has the defaults 0.2, 2, 5, 0.2 and five tries", function()
        close({ 0.2, 0.4, 0.8, 1.6, 3.2, "gave up after 5 tries" },
              delays(backoff.exponential(), 6))
        close(delays(backoff.exponential(), 6), delays(backoff.exponential {
            initial = 0.2, factor = 2, max = 5, jitter = 0.2, max_retries = 5,
        }, 6))
    end)

    it("grows by its factor up to max and stays there for ever with max_retries 0", function()
        local curve = backoff.exponential { initial = 1, factor = 3, max = 20, max_retries = 0 }
        close({ 1, 3, 9, 20, 20 }, delays(curve, 5))
        assert.near(20, curve(question(1000000)), 1e-9)
        assert.near(20, curve(question(math.maxinteger)), 1e-9)
    end)

    it("spreads evenly by its jitter, both ways, and says that it did", function()
        local curve = backoff.exponential { initial = 1, jitter = 0.25 }
        assert.near(0.75, curve(question(1, { random = BOTTOM })), 1e-9)
        assert.near(1.25, curve(question(1, { random = TOP })), 1e-9)
        assert.is_true(select(2, curve(question(1))))
    end)

    it("draws nothing with a jitter of 0, and leaves none to the core", function()
        local delay, own = backoff.exponential { jitter = 0 }(question(1, {
            random = function()
                error("drawn")
            end,
        }))
        assert.equal(0.2, delay)
        assert.is_true(own)
    end)

    it("draws from math.random where the question has no random", function()
        local curve = backoff.exponential { initial = 1 }
        local q = question(1)
        q.random = nil
        math.randomseed(7)
        local first = curve(q)
        math.randomseed(7)
        assert.equal(first, curve(q))
        math.randomseed(8)
        assert.not_equal(first, curve(q))
    end)

    it("refuses a question without an attempt", function()
        for _, attempt in ipairs { 0, -1, 1.5, "1" } do
            assert.error_matches(function()
                backoff.exponential()(question(attempt))
            end, "backoff: attempt = .*: expected a whole number from 1$")
        end
    end)
end)

describe("backoff.fixed", function()
    it("is five tries, two seconds apart, exactly", function()
        local curve = backoff.fixed()
        assert.same({ 2, 2, 2, 2, 2, "gave up after 5 tries" },
                    delays(curve, 6, { reason = "timeout" }))
        assert.same({ 2, true, n = 2 }, answers(curve, 1)[1])
    end)

    it("takes a jitter", function()
        local curve = backoff.fixed { delay = 10, jitter = 0.5 }
        assert.near(5, curve(question(1, { random = BOTTOM })), 1e-9)
        assert.near(15, curve(question(1, { random = TOP })), 1e-9)
    end)
end)

describe("backoff.linear", function()
    it("grows by its step up to max", function()
        close({ 1, 3, 5, 6, 6 }, delays(backoff.linear { initial = 1, step = 2, max = 6 }, 5))
    end)
end)

describe("backoff.decorrelated", function()
    it("draws between base and three times the delay before", function()
        local curve = backoff.decorrelated { base = 1, max = 100, max_retries = 0 }
        assert.near(1, curve(question(1, { random = BOTTOM })), 1e-9)
        assert.near(3, curve(question(1, { random = TOP })), 1e-9)
        assert.near(1, curve(question(2, { delay = 10, random = BOTTOM })), 1e-9)
        assert.near(15.5, curve(question(2, { delay = 10 })), 1e-9)
        assert.near(30, curve(question(2, { delay = 10, random = TOP })), 1e-9)
        assert.near(100, curve(question(2, { delay = 90, random = TOP })), 1e-9)
    end)

    it("starts from base again at attempt 1, whatever the delay before", function()
        local curve = backoff.decorrelated { base = 1, max = 100 }
        assert.near(3, curve(question(1, { delay = 50, random = TOP })), 1e-9)
    end)

    it("has its own jitter, and gives up", function()
        local got = answers(backoff.decorrelated { max_retries = 1 }, 2)
        assert.is_true(got[1][2])
        assert.same({ nil, "gave up after 1 try", n = 2 }, got[2])
    end)
end)

describe("a curve", function()
    local made = {
        exponential = { backoff.exponential { initial = 0.1, max = 7, jitter = 0.3 }, 0.07, 9.1 },
        fixed = { backoff.fixed { delay = 3, jitter = 0.1 }, 2.7, 3.3 },
        linear = { backoff.linear { jitter = 1 }, 0, 10 },
        decorrelated = { backoff.decorrelated { base = 0.5, max = 4 }, 0.5, 4 },
        capped = { backoff.capped(backoff.exponential { jitter = 0.2 }, 1), 0.16, 1.2 },
    }
    for name, entry in pairs(made) do
        it("never leaves its bounds: " .. name, function()
            local curve, low, high = backoff.forever(entry[1]), entry[2], entry[3]
            local least, most = math.huge, 0
            for seed = 1, 200 do
                local q = question(1, { random = seeded(seed) })
                for attempt = 1, 30 do
                    q.attempt = attempt
                    local delay = curve(q)
                    assert.is_true(delay >= low and delay <= high, name .. ": " .. delay)
                    least, most = math.min(least, delay), math.max(most, delay)
                    q.delay, q.elapsed = delay, q.elapsed + delay
                end
            end
            -- And comes near both: bounds that nothing reaches would show nothing.
            assert.is_true(least < low + 0.1 * (high - low) and most > high - 0.1 * (high - low))
        end)

        it("answers the same to the same question, and changes none: " .. name, function()
            local q = question(3, { delay = 1, elapsed = 2, random = BOTTOM })
            local before = {}
            for key, value in pairs(q) do
                before[key] = value
            end
            local first = entry[1](q)
            entry[1](question(1))
            assert.equal(first, entry[1](q))
            assert.same(before, q)
        end)
    end

    it("says what it is", function()
        assert.equal("capped(fixed { delay = 2, jitter = 0, max_retries = 5 }, 1.5)",
                     tostring(backoff.capped(backoff.fixed(), 1.5)))
        assert.equal("by_reason { refused = forever(function) }", tostring(backoff.by_reason {
            refused = backoff.forever(function() end),
        }))
    end)
end)

describe("backoff.capped", function()
    it("caps before jitter, so that late tries still spread", function()
        local curve = backoff.capped(backoff.exponential { initial = 1, max = 60, jitter = 0.2 }, 4)
        close({ 0.8, 1.6, 3.2, 3.2, 3.2 }, delays(curve, 5, { random = BOTTOM }))
        close({ 1.2, 2.4, 4.8, 4.8, 4.8 }, delays(curve, 5, { random = TOP }))
    end)

    it("keeps the number of tries, and passes on what is no delay", function()
        assert.is_nil(backoff.capped(backoff.fixed { max_retries = 2 }, 1)(question(3)))
        local curve = backoff.capped(function()
            return nil, "enough"
        end, 1)
        assert.same({ nil, "enough", n = 2 }, answers(curve, 1)[1])
    end)

    it("leaves the jitter of a plain function to the core, unless it has its own", function()
        local plain = backoff.capped(at(9), 3)
        assert.same({ 3, nil, n = 2 }, answers(plain, 1)[1])
        local own = backoff.capped(function()
            return 9, true
        end, 3)
        assert.same({ 3, true, n = 2 }, answers(own, 1)[1])
        local chatty = backoff.capped(function()
            return 9, "a remark"
        end, 3)
        assert.same({ 3, nil, n = 2 }, answers(chatty, 1)[1])
    end)
end)

describe("backoff.with_jitter", function()
    it("takes the place of the curve's own", function()
        local curve = backoff.with_jitter(backoff.fixed { delay = 10, jitter = 0.5 }, 0.1)
        assert.near(9, curve(question(1, { random = BOTTOM })), 1e-9)
        assert.same({ 10, true, n = 2 },
                    answers(backoff.with_jitter(backoff.fixed { delay = 10 }, 0), 1)[1])
    end)

    it("gives one to a plain function, and passes its reason on", function()
        local curve = backoff.with_jitter(function(endpoint)
            if endpoint.attempt > 1 then
                return nil, "enough"
            end
            return 1
        end, 0.5)
        assert.same({ 0.5, true, n = 2 }, answers(curve, 1, { random = BOTTOM })[1])
        assert.same({ nil, "enough", n = 2 }, answers(curve, 2)[2])
    end)
end)

describe("backoff.max_retries and backoff.forever", function()
    it("take the place of the curve's own number, through other combinators too", function()
        local capped = backoff.capped(backoff.fixed { max_retries = 2 }, 1)
        assert.equal(1, backoff.max_retries(capped, 3)(question(3)))
        assert.is_nil(backoff.max_retries(capped, 3)(question(4)))
        assert.equal(1, backoff.forever(capped)(question(1000000)))
        assert.equal(1, backoff.max_retries(capped, 0)(question(1000000)))
    end)
end)

describe("backoff.after", function()
    local first = backoff.fixed { delay = 1, max_retries = 1 }
    local second = backoff.exponential { initial = 2, max = 100, jitter = 0, max_retries = 3 }

    it("makes n tries of the first, then lets the second count from 1", function()
        assert.same({ 1, 1, 2.0, 4.0, 8.0, "gave up after 5 tries" },
                    delays(backoff.after(2, first, second), 6))
    end)

    it("has no end when the second has none", function()
        local curve = backoff.after(2, first, backoff.forever(second))
        assert.equal(100, curve(question(1000000)))
    end)

    it("nests", function()
        local curve = backoff.after(1, first, backoff.after(1, backoff.fixed { delay = 5 }, second))
        assert.same({ 1, 5, 2.0, 4.0, 8.0, "gave up after 5 tries" },
                    delays(curve, 6))
    end)

    it("shows the second all the other fields", function()
        local seen
        local curve = backoff.after(1, first, function(endpoint)
            seen = endpoint
            return 1
        end)
        curve(question(3, { delay = 7, elapsed = 9 }))
        assert.equal(2, seen.attempt)
        assert.equal(7, seen.delay)
        assert.equal(9, seen.elapsed)
        assert.equal("10.0.0.1:25520", seen.address)
    end)
end)

describe("backoff.by_reason", function()
    local curve = backoff.by_reason {
        refused = backoff.fixed { delay = 1, max_retries = 2 },
        dns = function()
            return nil, "no such host"
        end,
        default = backoff.fixed { delay = 9, max_retries = 0 },
    }

    it("asks the curve of the reason, with its number of tries", function()
        assert.same({ 1, 1, "gave up after 2 tries" }, delays(curve, 3))
        assert.same({ 9, 9, 9 }, delays(curve, 3, { reason = "reset" }))
        assert.same({ 9 }, delays(curve, 1, { reason = "a reason of tomorrow" }))
        assert.same({ nil, "no such host", n = 2 }, answers(curve, 1, { reason = "dns" })[1])
    end)

    it("falls back on the shipped exponential", function()
        local bare = backoff.by_reason { dns = backoff.fixed() }
        close(delays(backoff.exponential(), 6), delays(bare, 6))
    end)

    it("knows every reason for which a handshake is refused", function()
        local file = assert(io.open("runtime/wire/handshake.h"))
        local table_text = file:read("a"):match("#define HWSI_REFUSALS%(X%)(.-)enum hwsi_refusal")
        file:close()
        local count = 0
        for name in table_text:gmatch("X%((%l+), %d+,") do
            if name ~= "none" then
                count = count + 1
                assert.has_no_error(function()
                    backoff.by_reason { [name] = backoff.fixed() }
                end)
            end
        end
        assert.is_true(count >= 5)
    end)
end)

describe("backoff.giving_up_after", function()
    local curve = backoff.giving_up_after(backoff.forever(backoff.fixed()), 60)

    it("looks at the time since the link was lost", function()
        assert.equal(2, curve(question(40, { elapsed = 59.999 })))
        assert.same({ nil, "gave up after 60 s without a connection", n = 2 },
                    answers(curve, 1, { elapsed = 60, reason = "dns" })[1])
    end)

    it("is not lifted by forever, and does not lift the number of tries", function()
        assert.is_nil(backoff.forever(curve)(question(1, { elapsed = 60 })))
        assert.is_nil(backoff.giving_up_after(backoff.fixed(), 60)(question(6)))
    end)
end)

-- Links end for these too, but no policy is asked then: the new link is up, or the endpoint closed.
local NEVER_ASKED = { replaced = true, queue_full = true }

describe("backoff.reasons", function()
    it("are the core's, but for those that no policy is asked about", function()
        local words = {}
        local tables = dofile("spec/support/tables.lua")
        for _, row in ipairs(tables.rows("remote", "HWS_LINK_REASONS")) do
            if not NEVER_ASKED[row[1]] then words[#words + 1] = row[1] end
        end
        table.sort(words)
        assert.same(words, backoff.reasons)
    end)
end)

describe("backoff.preview", function()
    it("walks a curve until it gives up", function()
        local list, reason = backoff.preview(backoff.exponential())
        close({ 0.2, 0.4, 0.8, 1.6, 3.2 }, list)
        assert.equal("gave up after 5 tries (6.2 s)", reason)
    end)

    it("feeds delay and elapsed back, and stops at the number of tries", function()
        local list, reason = backoff.preview(backoff.giving_up_after(
            backoff.forever(backoff.fixed()), 5), 10, { reason = "dns" })
        assert.same({ 2, 2, 2 }, list)
        assert.equal("gave up after 5 s without a connection", reason)
        assert.same({ { 2, 2 } }, { backoff.preview(backoff.fixed(), 2) })
        close({ 2, 3.5, 5.75 }, (backoff.preview(backoff.decorrelated { base = 1, max = 99 }, 3)))
    end)
end)

describe("misuse of backoff", function()
    -- Called through a function that is no tail call, so that the place named is this file's.
    local function message(f)
        local ok, why = pcall(function()
            local made = f()
            return made
        end)
        assert.is_false(ok)
        local place, rest = why:match("^(.-:%d+): (.*)$")
        assert.matches("policy_backoff_spec.lua:%d+$", place)
        return rest
    end

    local cases = {
        ["backoff.exponential: unknown option initail, expected one of factor, initial, jitter, "
            .. 'max, max_retries; did you mean "initial"?'] = function()
            local made = backoff.exponential { initail = 1 }
            return made
        end,
        ["backoff.exponential: unknown option [1], expected one of factor, initial, jitter, max, "
            .. "max_retries"] = function()
            local made = backoff.exponential { 0.2 }
            return made
        end,
        ["backoff.exponential: initial = -1: expected a number of seconds from 0.001 to 3600"] =
            function()
                local made = backoff.exponential { initial = -1 }
                return made
            end,
        ["backoff.exponential: max = 5 (the default) is less than initial = 10"] = function()
            local made = backoff.exponential { initial = 10 }
            return made
        end,
        ["backoff.decorrelated: max = 1 is less than base = 2"] = function()
            local made = backoff.decorrelated { base = 2, max = 1 }
            return made
        end,
        ['backoff.fixed: delay = "2": expected a number of seconds from 0.001 to 3600'] = function()
            local made = backoff.fixed { delay = "2" }
            return made
        end,
        ["backoff.fixed: max_retries = 2.5: expected a whole number from 0 to 1000000000"] =
            function()
                local made = backoff.fixed { max_retries = 2.5 }
                return made
            end,
        ["backoff.fixed: expected a table of options, got 5"] = function()
            local made = backoff.fixed(5)
            return made
        end,
        ["backoff.capped: curve: expected a curve or a function, got 5"] = function()
            local made = backoff.capped(5, 1)
            return made
        end,
        ["backoff.capped: max = nil: expected a number of seconds from 0.001 to 3600"] = function()
            local made = backoff.capped(backoff.fixed())
            return made
        end,
        ["backoff.with_jitter: jitter = 1.1: expected a number from 0 to 1"] = function()
            local made = backoff.with_jitter(backoff.fixed(), 1.1)
            return made
        end,
        ["backoff.max_retries: n = -1: expected a whole number from 0 to 1000000000"] = function()
            local made = backoff.max_retries(backoff.fixed(), -1)
            return made
        end,
        ["backoff.forever: curve: expected a curve or a function, got a table"] = function()
            local made = backoff.forever {}
            return made
        end,
        ["backoff.after: n = 0: expected a whole number from 1 to 1000000000"] = function()
            local made = backoff.after(0, backoff.fixed(), backoff.fixed())
            return made
        end,
        ["backoff.after: second: expected a curve or a function, got nil"] = function()
            local made = backoff.after(1, backoff.fixed())
            return made
        end,
        ["backoff.by_reason: unknown reason refsued, expected one of default, blocked, busy, "
            .. "closed, dns, duplicate, heartbeat, memory, none, protocol, quarantined, "
            .. "refused, reset, self, shutdown, stale, timeout, unexpected, unknown, "
            .. 'unreachable, version; did you mean "refused"?'] = function()
            local made = backoff.by_reason { refsued = backoff.fixed() }
            return made
        end,
        ["backoff.by_reason: dns: expected a curve or a function, got 2"] = function()
            local made = backoff.by_reason { dns = 2 }
            return made
        end,
        ["backoff.by_reason: expected a table of curves by reason, got a curve"] = function()
            local made = backoff.by_reason(backoff.fixed())
            return made
        end,
        ["backoff.giving_up_after: seconds = 0: expected a number of seconds from 0.001 to "
            .. "31536000"] = function()
            local made = backoff.giving_up_after(backoff.fixed(), 0)
            return made
        end,
    }
    for expected, f in pairs(cases) do
        it("is said in a sentence: " .. expected, function()
            assert.equal(expected, message(f))
        end)
    end

    it("is NaN or infinity too", function()
        for _, value in ipairs { 0 / 0, math.huge, -math.huge } do
            assert.has_error(function()
                backoff.fixed { delay = value }
            end)
            assert.has_error(function()
                backoff.fixed { jitter = value }
            end)
        end
    end)
end)
