-- SPDX-License-Identifier: MIT
-- A policy in Lua, asked by the core: good answers are followed, bad ones contained, reported, and
-- replaced by the C fallback's.

local systems = dofile("spec/support/systems.lua")

local NOWHERE = "127.0.0.1:1" -- refused at once

describe("a policy", function()
    after_each(systems.stop)

    -- A system with a policy that passes the dry run, whatever it does later.
    local function with(policy, options)
        options = options or {}
        options.policy = policy
        local system = systems.new(options)
        local errors = systems.events(system, "PolicyError")
        return system, errors, systems.events(system, "EndpointReconnect")
    end

    local function answering(answer)
        return { backoff = function(question)
            if question.dry_run then return 1 end
            return answer(question)
        end }
    end

    it("chooses each delay, and gives up with its reason", function()
        local asked = {}
        local system, errors, retries = with(answering(function(question)
            asked[#asked + 1] = question
            if question.attempt == 3 then return nil, "enough" end
            return 0.01 * question.attempt, true
        end))
        local ended = systems.events(system, "EndpointTerminated")
        system:send(NOWHERE .. "/x", 1)
        systems.wait(function() return #ended == 1 end)
        assert.same({}, errors)
        assert.equal("enough", ended[1].detail:match("enough") or ended[1].reason)
        assert.equal(3, #asked)
        assert.equal(NOWHERE, asked[1].address)
        assert.equal("refused", asked[1].reason)
        assert.is_nil(asked[1].name)
        assert.equal("float", math.type(asked[2].delay))
        assert.is_false(asked[1].connected_before)
        local draw = asked[1].random()
        assert.is_true(draw >= 0 and draw < 1)
        local delays = {}
        for _, retry in ipairs(retries) do
            if not retry.success then delays[#delays + 1] = retry.delay end
        end
        assert.same({ 0.01, 0.02 }, delays)
    end)

    it("of the shipped kind gives up in a sentence", function()
        local curve = require("hawser.policy.backoff").fixed { delay = 0.1, max_retries = 1 }
        local system = with { backoff = curve }
        local ended = systems.events(system, "EndpointTerminated")
        system:associate(NOWHERE)
        systems.wait(function() return #ended == 1 end)
        local before = ended[1].detail:match("^gave up after 1 try %(%d+%.%d s%); last: (.*)$")
        assert.truthy(before and before:find(NOWHERE, 1, true), ended[1].detail)
    end)

    local nonsense = {
        { "text", function() return "soon" end, "backoff answered soon" },
        { "a number as text", function() return "5" end, "backoff answered 5" },
        { "a negative delay", function() return -1 end, "backoff answered %-1" },
        { "NaN", function() return 0 / 0 end, "backoff answered %-?nan" },
        { "a table", function() return {} end, "backoff answered table" },
        { "an error", function() error("on purpose") end, "sandbox_spec.lua:%d+: on purpose" },
        { "no end", function() while true do end end,
            "^[^\n]*sandbox_spec.lua:%d+: used up its budget of 100000 instructions\n" },
        { "no end behind pcall", function() while true do pcall(error) end end,
            "used up its budget" },
        { "a yield", function() coroutine.yield() end, "yield" },
    }
    for _, case in ipairs(nonsense) do
        it("that answers with " .. case[1] .. " is reported, and the fallback answers", function()
            local system, errors, retries = with(answering(case[2]))
            system:send(NOWHERE .. "/x", 1)
            systems.wait(function() return #errors >= 1 and #retries >= 1 end)
            assert.truthy(errors[1].detail:find(case[3]), errors[1].detail)
            assert.equal(NOWHERE, errors[1].address)
            assert.is_true(retries[1].delay >= 0.16 and retries[1].delay <= 0.24)
        end)
    end

    it("that runs too long is named by its own line; one that answers nonsense has no traceback",
        function()
            local line = debug.getinfo(1, "l").currentline + 2 -- of the loop
            local endless = { "endless", function()
                while true do end
            end }
            local function detail_of(case)
                local system, errors = with(answering(case[2]))
                system:send(NOWHERE .. "/x", 1)
                systems.wait(function() return #errors >= 1 end)
                return errors[1].detail
            end
            local place, rest = detail_of(endless):match("([%w_]+%.lua:%d+): (used up[^\n]*)")
            assert.equal("sandbox_spec.lua:" .. line, place)
            assert.equal("used up its budget of 100000 instructions", rest)
            assert.equal("backoff answered soon: expected seconds from 0 up, or nil and a reason",
                         detail_of { "nonsense", function() return "soon" end })
        end)

    it("only answers: it can't act on a system", function()
        local system, acted
        system = with(answering(function()
            acted = { pcall(system.send, system, "x", 1) }
            return 1
        end))
        system:send(NOWHERE .. "/x", 1)
        systems.wait(function() return acted end)
        assert.is_false(acted[1])
        assert.truthy(acted[2]:find("only answers", 1, true))
    end)

    it("routes dead letters", function()
        local system, errors = with { deadletter = function(letter)
            if letter.id == "drop" then return "drop" end
            if letter.id == "elsewhere" then return letter.address .. "/keeper" end
            if letter.id == "nonsense" and not letter.dry_run then return 5 end
            return "publish"
        end }
        local kept
        system:spawn_named("keeper", function(_, m) kept = m end)
        local letters = systems.events(system, "DeadLetter")
        for _, id in ipairs { "drop", "elsewhere", "plain", "nonsense" } do system:send(id, id) end
        systems.wait(function() return #letters == 3 and kept end)
        systems.idle()
        assert.equal("elsewhere", kept)
        local published = {}
        for i, letter in ipairs(letters) do published[i] = letter.pid.id end
        assert.same({ "elsewhere", "plain", "nonsense" }, published)
        assert.equal(1, #errors)
        assert.truthy(errors[1].detail:find("deadletter answered 5", 1, true))
        assert.equal(4, system:statistics().dead_letters.not_found)
    end)

    it("sends dead letters to an actor of its own system", function()
        local kept, fault = {}, 0
        local system, errors = with { deadletter = require("hawser.policy.deadletter").by_reason {
            not_found = require("hawser.policy.deadletter").to "keeper",
            stopped = function(letter)
                if letter.dry_run then return "/keeper" end
                fault = fault + 1
                return "keeper" -- no slash: a slip
            end,
        } }
        system:spawn_named("keeper", function(_, m) kept[#kept + 1] = m end)
        system:send("nobody", "a letter")
        systems.wait(function() return #kept == 1 end)
        assert.same({ "a letter" }, kept)
        assert.same({}, errors)
        local pid = system:spawn(function() end)
        system:send(pid, "unread")
        system:stop(pid)
        systems.wait(function() return #errors == 1 end)
        assert.truthy(errors[1].detail:find("deadletter answered keeper: expected", 1, true))
        assert.equal(1, fault)
    end)

    it("says what happens while there is no connection", function()
        local there = systems.new { name = "there" }
        local address = there.address
        local function after_a_cut(answer)
            local system = with { disconnected = answer, backoff = function() return 30, true end }
            there:spawn_named("x-" .. answer, function() end)
            system:send(address .. "/x-" .. answer, 1)
            systems.wait(function()
                local s = system:statistics(address)
                return s and s.state == "connected" and s.deliver_success == 1
            end)
            system:cut_link(address)
            systems.wait(function() return system:statistics(address).state == "reconnecting" end)
            return select(3, system:send(address .. "/x-" .. answer, 2))
        end
        assert.equal("EDISCONNECTED", after_a_cut("deadletter"))
        assert.is_nil(after_a_cut("queue"))
    end)

    it("that can't be loaded is refused, with every reason", function()
        local hawser = systems.hawser
        local system, message, code = hawser.system {
            name = "x", log = false, policy = { backof = 1, disconnected = "queu" },
        }
        assert.is_nil(system)
        assert.equal("EPOLICY", code)
        assert.truthy(message:find('did you mean "backoff"', 1, true))
        assert.truthy(message:find('did you mean "queue"', 1, true))
        message = select(2, hawser.system { name = "x", log = false, policy = "no-such-policy" })
        assert.truthy(message:find("no-such-policy", 1, true))
        message = select(2, hawser.system { name = "x", log = false, policy = 5 })
        assert.truthy(message:find("expected a policy", 1, true))
    end)

    it("is the default one, with the options, where none is named", function()
        local options = { reconnect_initial = 0.02, reconnect_factor = 3, reconnect_jitter = 0,
            reconnect_max_retries = 2, throttle_warning = 0.5, endpoint_writer_queue_size = 4,
            endpoint_writer_batch_size = 1 }
        local function observe(policy)
            local named
            function options.log(_, line) named = named or line:match("^PolicyLoaded (%w+)") end
            local system, errors, retries = with(policy, options)
            local ended = systems.events(system, "EndpointTerminated")
            local levels = systems.events(system, "EndpointThrottled")
            for i = 1, 2 do system:send(NOWHERE .. "/x", i) end
            systems.wait(function() return #ended == 1 end)
            assert.same({}, errors)
            assert.equal("warning", levels[1].level)
            assert.same({ 0.02, 0.06 }, { retries[1].delay, retries[2].delay })
            assert.truthy(ended[1].detail:find("^gave up after 2 tries %(%d%.%d s%); last: "))
            return named, system
        end
        local name, system = observe(nil)
        assert.equal("default", name)
        local loaded = systems.events(system, "PolicyLoaded")
        assert.is_true(system:set_policy(false))
        assert.is_true(system:set_policy(nil))
        systems.wait(function() return #loaded == 2 end)
        assert.same({ "builtin", "default" }, { loaded[1].name, loaded[2].name })
        assert.equal("partial", (observe { name = "partial", disconnected = "queue" }))
        assert.equal("builtin", (observe(false)))
    end)

    it("that publishes every letter is not asked about any", function()
        local compiled = assert(require("hawser.policy").compile {})
        local asked = 0
        function compiled.deadletter()
            asked = asked + 1
            return "drop"
        end
        local system = with(compiled)
        local letters = systems.events(system, "DeadLetter")
        system:send("nobody", 1)
        systems.wait(function() return #letters == 1 end)
        assert.equal(0, asked)
        compiled.publishes_all = false
        assert.is_true(system:set_policy(compiled))
        system:send("nobody", 1)
        assert.equal(1, asked)
    end)

    it("is replaced whole, or not at all", function()
        local system = with("fixed")
        local loaded = systems.events(system, "PolicyLoaded")
        assert.is_true(system:set_policy("default"))
        systems.wait(function() return #loaded == 1 end)
        assert.equal("default", loaded[1].name)
        local ok, _, code = system:set_policy { backoff = 5 }
        assert.is_nil(ok)
        assert.equal("EPOLICY", code)
        assert.is_true(system:set_policy(false))
        for _ = 1, 50 do system:set_policy { name = "again" } end
        systems.wait(function() return #loaded == 52 end)
    end)

    it("says how long a link must last before attempts count from 1 again", function()
        local there = systems.new { name = "there" }
        local curve = { backoff = function() return 0.01, true end, stable_after = 0.05 }
        local system = with(curve, { reconnect_stable_after = 3600 })
        local function attempts_when_up(connects)
            systems.wait(function()
                local s = system:statistics(there.address)
                return s and s.state == "connected" and s.connects == connects
            end)
            return system:statistics(there.address).reconnect_attempts
        end
        system:associate(there.address)
        attempts_when_up(1)
        system:cut_link(there.address)
        attempts_when_up(2)
        systems.wait(function()
            return system:statistics(there.address).reconnect_attempts == 0
        end, 5)
    end)

    it("follows its own budget option", function()
        local system, errors = with(answering(function()
            for _ = 1, 200000 do end
            return 0.01, true
        end), { policy_budget = 5000000 })
        local retries = systems.events(system, "EndpointReconnect")
        system:send(NOWHERE .. "/x", 1)
        systems.wait(function() return #retries >= 2 end)
        assert.same({}, errors)
    end)
end)
