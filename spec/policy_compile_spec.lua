-- SPDX-License-Identifier: MIT
local backoff = require "hawser.policy.backoff"
local deadletter = require "hawser.policy.deadletter"
local policy = require "hawser.policy"
local throttle = require "hawser.policy.throttle"

local function question(fields)
    local q = {
        address = "10.0.0.1:25520", attempt = 1, elapsed = 0, delay = 0, reason = "refused",
        random = function()
            return 0.5
        end,
    }
    for key, value in pairs(fields or {}) do
        q[key] = value
    end
    return q
end

local function letter(address, reason)
    return { pid = address .. "/a", address = address, id = "a", reason = reason or "not_found" }
end

local function faults_of(source)
    local compiled, message, code = policy.compile(source)
    assert.is_nil(compiled)
    assert.equal("EPOLICY", code)
    return message
end

describe("policy.compile", function()
    it("fills what is left out from the default", function()
        local c = assert(policy.compile {})
        assert.equal("unnamed", c.name)
        assert.same({ 0.2, true }, { c:backoff(question()) })
        assert.same({ nil, "gave up after 5 tries" },
                    { c:backoff(question { attempt = 6 }) })
        assert.equal("publish", c:deadletter(letter "10.0.0.1:1"))
        assert.equal("deadletter", c:disconnected "10.0.0.1:1")
        assert.same(throttle.levels(), c:throttle "10.0.0.1:1")
        assert.is_nil(c.stable_after)
    end)

    it("fills it from other defaults first, if it is given some", function()
        local c = assert(policy.compile({ disconnected = "queue" }, {
            name = "given",
            defaults = { backoff = backoff.fixed { delay = 9 }, disconnected = "deadletter" },
        }))
        assert.equal("given", c.name)
        assert.equal(9, (c:backoff(question())))
        assert.equal("queue", c:disconnected())
        assert.equal("publish", c:deadletter(letter "10.0.0.1:1"))
    end)

    it("passes answers on as they are, and says whether jitter is in them", function()
        local answers
        local c = assert(policy.compile {
            backoff = function(endpoint)
                if endpoint.dry_run then
                    return 1
                end
                return table.unpack(answers, 1, 2)
            end,
            deadletter = function(l)
                return l.dry_run and "drop" or "nonsense answer"
            end,
        })
        local cases = {
            { { 3 }, { 3, false } }, { { 3, true }, { 3, true } }, { { 3, "x" }, { 3, false } },
            { { nil, "why" }, { nil, "why" } }, { {}, {} }, { { -1 }, { -1, false } },
            { { "x" }, { "x", false } }, { { false }, { false, false } },
        }
        for _, case in ipairs(cases) do
            answers = case[1]
            assert.same(case[2], { c:backoff(question()) })
        end
        assert.equal("nonsense answer", c:deadletter(letter "10.0.0.1:1"))
    end)

    it("lets errors of a user's function through to its caller", function()
        local c = assert(policy.compile {
            backoff = function(endpoint)
                return endpoint.dry_run and 1 or error("thrown")
            end,
        })
        local ok, why = pcall(c.backoff, c, question())
        assert.is_false(ok)
        assert.matches("policy_compile_spec.lua:%d+: thrown$", why)
    end)

    it("keeps its own copy", function()
        local source = { disconnected = "queue", throttle = throttle.levels(),
                         endpoints = { ["a*"] = { disconnected = "queue" } } }
        local c = assert(policy.compile(source))
        source.disconnected = "deadletter"
        source.throttle[1].from = 0.1
        source.endpoints["a*"].disconnected = "deadletter"
        assert.equal("queue", c:disconnected "b:1")
        assert.equal("queue", c:disconnected "a:1")
        assert.same(throttle.levels(), c:throttle "b:1")
    end)

    it("knows whether letters need not be asked about", function()
        assert.is_true(assert(policy.compile {}).publishes_all)
        assert.is_true(assert(policy.compile {
            endpoints = { ["a:1"] = { deadletter = deadletter.publish },
                          ["b:1"] = { disconnected = "queue" } },
        }).publishes_all)
        assert.is_false(assert(policy.compile { deadletter = deadletter.drop }).publishes_all)
        assert.is_false(assert(policy.compile {
            endpoints = { ["a:1"] = { deadletter = deadletter.drop } },
        }).publishes_all)
    end)

    it("is done once", function()
        local c = assert(policy.compile {})
        assert.equal(c, (policy.compile(c)))
    end)

    it("says how long a connection must last, where the policy does", function()
        assert.equal(30, assert(policy.compile { stable_after = 30 }).stable_after)
    end)
end)

describe("an endpoint's own parts", function()
    local c = assert(policy.compile {
        backoff = backoff.fixed { delay = 1 },
        endpoints = {
            ["*"] = { disconnected = "queue" },
            ["10.1.*"] = { backoff = backoff.fixed { delay = 2 }, deadletter = deadletter.drop },
            ["10.1.2.*"] = { backoff = backoff.fixed { delay = 3 } },
            ["10.1.2.3:25520"] = { disconnected = "deadletter",
                                   throttle = throttle.levels { red = 0.9 } },
        },
    })

    it("come from the most specific pattern that has that part", function()
        local function all(address)
            return {
                (c:backoff(question { address = address })), c:deadletter(letter(address)),
                c:disconnected(address), c:throttle(address)[1].name,
            }
        end
        assert.same({ 1, "publish", "queue", "warning" }, all "10.2.0.0:25520")
        assert.same({ 2, "drop", "queue", "warning" }, all "10.1.9.9:25520")
        assert.same({ 3, "drop", "queue", "warning" }, all "10.1.2.9:25520")
        assert.same({ 3, "drop", "deadletter", "red" }, all "10.1.2.3:25520")
    end)

    it("stay right when there are more addresses than it remembers", function()
        for round = 1, 2 do
            for i = 1, 3000 do
                local address = ("10.%d.2.%d:25520"):format(i % 2, i)
                assert.equal(i % 2 == 1 and 3 or 1,
                             (c:backoff(question { address = address })), round)
            end
        end
        local held = 0
        for _ in pairs(c.resolved) do
            held = held + 1
        end
        assert.is_true(held >= 1 and held <= 1024)
    end)

    it("need an address; without one the general parts answer", function()
        local general = assert(policy.compile {
            disconnected = "queue", endpoints = { ["1*"] = { disconnected = "deadletter" } },
        })
        assert.equal("queue", general:disconnected(nil))
        assert.equal("deadletter", general:disconnected "1")
    end)
end)

describe("a fault in a policy", function()
    local no_port = ": no address is like that, the port is missing; "
    local levels = 'expected throttle.levels { ... }, such as '
        .. 'require("hawser.policy.throttle").levels { warning = 0.6, critical = 0.85 }'
    local general = "expected one of backoff, deadletter, disconnected, endpoints, name, "
        .. "stable_after, throttle, version"
    local parts = "expected one of backoff, deadletter, disconnected, throttle"
    local cases = {
        { { throtle = throttle.levels() },
          "throtle: unknown key, " .. general .. '; did you mean "throttle"?' },
        { { backoff.fixed() }, "[1]: unknown key, " .. general },
        { { endpoints = { ["10.1.*"] = { throtle = throttle.levels() } } },
          'endpoints["10.1.*"].throtle: unknown key, ' .. parts .. '; did you mean "throttle"?' },
        { { endpoints = { ["beta:1"] = { name = "x" } } },
          'endpoints["beta:1"].name: unknown key, ' .. parts },
        { { backoff = 5 }, "backoff = 5: expected a function" },
        { { backoff = {} }, "backoff: expected a function" },
        { { deadletter = "drop" }, 'deadletter = "drop": expected a function' },
        { { throttle = { warning = 0.6 } },
          "throttle: " .. levels .. "; found the key warning" },
        { { throttle = {} }, "throttle: " .. levels },
        { { throttle = 0.6 }, "throttle = 0.6: " .. levels },
        { { disconnected = "queu" }, 'disconnected = "queu": expected one of deadletter, queue; '
            .. 'did you mean "queue"?' },
        { { disconnected = true }, "disconnected = true: expected one of deadletter, queue" },
        { { stable_after = -1 },
          "stable_after = -1: expected a number of seconds from 0 to 3600" },
        { { name = "" }, 'name = "": expected a name of 1 to 64 printable characters' },
        { { name = 5 }, "name = 5: expected a name of 1 to 64 printable characters" },
        { { endpoints = 5 }, "endpoints = 5: expected a table of parts by address pattern" },
        { { endpoints = { {} } }, 'endpoints[1]: expected an address pattern such as "10.1.*"' },
        { { endpoints = { [""] = {} } },
          'endpoints[""]: expected an address pattern such as "10.1.*"' },
        { { endpoints = { ["a:*"] = "drop" } },
          'endpoints["a:*"] = "drop": expected a table of parts such as { backoff = ... }' },
        { { endpoints = { ["a:*"] = backoff.fixed() } },
          'endpoints["a:*"]: expected a table of parts such as { backoff = ... }' },
        { { endpoints = { ["127.0.0.1"] = {} } },
          'endpoints["127.0.0.1"]' .. no_port .. 'did you mean "127.0.0.1:*"?' },
        { { endpoints = { beta = {} } },
          "endpoints.beta" .. no_port .. 'did you mean "beta:*"?' },
        { { endpoints = { ["[::1]"] = {} } },
          'endpoints["[::1]"]' .. no_port .. 'did you mean "[::1]:*"?' },
    }
    for _, case in ipairs(cases) do
        it("is said with its path: " .. case[2], function()
            local name = type(case[1].name) == "string" and case[1].name or "unnamed"
            assert.equal(('policy "%s": %s'):format(name, case[2]), faults_of(case[1]))
        end)
    end

    it("does not hide the others: one line each, in the same order every time", function()
        local source = { name = "x", throtle = 1, disconnected = "q",
                         endpoints = { ["b:1"] = { backoff = 1 }, a = { backoff = 2 } } }
        assert.equal(table.concat({
            'policy "x": disconnected = "q": expected one of deadletter, queue',
            'policy "x": throtle: unknown key, ' .. general .. '; did you mean "throttle"?',
            'policy "x": endpoints.a' .. no_port .. 'did you mean "a:*"?',
            'policy "x": endpoints.a.backoff = 2: expected a function',
            'policy "x": endpoints["b:1"].backoff = 1: expected a function',
        }, "\n"), faults_of(source))
    end)

    it("is also that it is no table", function()
        assert.equal("expected a policy, a table, got 5", faults_of(5))
        assert.equal("expected a policy, a table, got nil", faults_of(nil))
    end)
end)

describe("the dry run", function()
    it("asks every function, with every reason, and the late attempts", function()
        local reasons, attempts, letters, addresses = {}, {}, {}, {}
        assert(policy.compile {
            backoff = function(endpoint)
                reasons[endpoint.reason], attempts[endpoint.attempt] = true, true
                assert.is_true(endpoint.dry_run)
                local r = endpoint.random()
                assert.is_true(r >= 0 and r < 1)
                return 1
            end,
            endpoints = { ["10.1.*"] = {
                deadletter = function(l)
                    letters[l.reason], addresses[l.address] = true, true
                    assert.equal(l.address .. "/" .. l.id, l.pid)
                    return "drop"
                end,
            } },
        })
        for _, reason in ipairs(backoff.reasons) do
            assert.is_true(reasons[reason])
        end
        for _, reason in ipairs(deadletter.reasons) do
            assert.is_true(letters[reason])
        end
        assert.is_true(attempts[1] and attempts[6] and attempts[1000])
        assert.same({ ["10.1.1:25520"] = true }, addresses)
    end)

    it("reports an error with its place and traceback", function()
        local message = faults_of { name = "x", backoff = function(endpoint)
            return endpoint.nothing.x
        end }
        assert.matches('^policy "x": backoff: dry run with attempt = 1, reason = "blocked": '
                       .. "[^\n]*policy_compile_spec.lua:%d+: attempt to index a nil value",
                       message)
        assert.matches("stack traceback:\n\t[^\n]*policy_compile_spec.lua:%d+: in ", message)
    end)

    it("reports an error that is no text", function()
        assert.matches("backoff: dry run with .-: error: table: ", faults_of {
            backoff = function()
                error {}
            end,
        })
    end)

    it("finds the attempt that goes wrong", function()
        local curve = { 1, 2, 3 }
        assert.equal('policy "unnamed": endpoints["b*"].backoff: dry run with attempt = 5, '
            .. 'reason = "refused": answered false: expected seconds from 0 up, '
            .. 'or nil and a reason',
            faults_of { endpoints = { ["b*"] = { backoff = function(endpoint)
                return curve[endpoint.attempt] or false
            end } } })
    end)

    it("refuses answers that are no delay", function()
        for shown, value in pairs {
            ["%-1"] = -1, ["%-?nan"] = 0 / 0, inf = math.huge, ["%-inf"] = -math.huge,
            ['"5"'] = "5", ["true"] = true, ["a table"] = {},
        } do
            assert.matches("answered " .. shown .. ": expected seconds from 0 up, or nil and a "
                           .. "reason", faults_of { backoff = function()
                return value
            end })
        end
    end)

    it("refuses routes that are none", function()
        assert.equal('policy "unnamed": deadletter: dry run with reason = "blocked": answered '
            .. '"dorp": expected "publish", "drop" or a PID such as "10.0.0.1:25520/audit", '
            .. 'or "/audit" for an actor of this system; did you mean "drop"?',
            faults_of { deadletter = function()
                return "dorp"
            end })
        assert.matches('answered nil: expected "publish"',
                       faults_of { deadletter = function() end })
    end)

    it("takes what the core clamps", function()
        for _, value in ipairs { 0, 1e9 } do
            assert(policy.compile { backoff = function()
                return value
            end })
        end
        assert(policy.compile { backoff = function(endpoint)
            return 0.2 * 3 ^ endpoint.attempt -- past every number at the thousandth
        end })
        assert(policy.compile { backoff = function() end })
    end)

    it("stops what loops for ever, even if it catches errors", function()
        for _, body in ipairs {
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "local function f() return f() end return f()",
        } do
            local message = faults_of { backoff = load(body) }
            assert.matches("used up its budget of 100000 instructions", message)
        end
    end)

    it("refuses a function that yields", function()
        assert.matches("backoff: dry run with .-: yielded; a policy answers at once", faults_of {
            backoff = function()
                coroutine.yield(1)
            end,
        })
    end)

    it("leaves a hook of its caller alone", function()
        local function hook() end
        debug.sethook(hook, "", 1000000)
        assert(policy.compile {})
        local found = debug.gethook()
        debug.sethook()
        assert.equal(hook, found)
    end)
end)
