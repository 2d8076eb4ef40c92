-- SPDX-License-Identifier: MIT
-- hawser.system: options, life, statistics, handles that outlive it.

local systems = dofile("spec/support/systems.lua")
local hawser = systems.hawser

describe("hawser.system", function()
    after_each(systems.stop)

    it("has a name, an address and a uid that is new each time", function()
        local a, b = systems.new { name = "a" }, systems.new { name = "b" }
        assert.equal("a", a.name)
        assert.truthy(a.address:match("^127%.0%.0%.1:%d+$"))
        assert.truthy(a.uid:match("^%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$"))
        assert.not_equal(a.uid, b.uid)
        assert.not_equal(a.address, b.address)
        assert.equal("system a", tostring(a))
    end)

    it("names an unknown option and the nearest known one", function()
        local function with(options)
            options.name = options.name or "x"
            return function() return hawser.system(options) end
        end
        assert.error_matches(with { lisen = "127.0.0.1:0" },
            'unknown option "lisen"; did you mean "listen"')
        assert.error_matches(with { mailbox_sise = 1 }, "mailbox_size")
        assert.error_matches(with { handler_budgett = 1 }, "handler_budget")
        assert.error_matches(with { mailbox_size = -1 }, "mailbox_size")
        assert.error_matches(with { mailbox_size = "x" }, "mailbox_size: expected a number")
        assert.error_matches(with { connect_timeout = 0 / 0 }, "connect_timeout")
        assert.error_matches(with { listen = 5 }, "option listen: expected a string")
        assert.error_matches(with { log = "debugg" }, 'did you mean "debug"')
        assert.error_matches(with { log = "of" }, 'did you mean "off"')
        assert.error_matches(with { log = 5 }, "option log")
        assert.error_matches(with { seed = 1.5 }, "seed")
        assert.error_matches(with { advertise = "here:1" }, "option advertise needs listen")
        assert.error_matches(with { name = "no spaces" }, "name")
        assert.error_matches(with { blocked = "beta" },
            "option blocked: expected a list of names, got string")
        assert.error_matches(with { blocked = { beta = true } }, "found the key beta")
        assert.error_matches(with { blocked = { 5 } }, "option blocked: expected a string")
        assert.error_matches(with { blocked = { "beta", "no spaces" } },
            'option blocked names a system "no spaces", expected 1 to 64 of letters')
        assert.error_matches(function() hawser.system() end, "expected a table")
        assert.error_matches(function() hawser.system {} end, "name")
    end)

    it("has a block list from the start", function()
        local system = systems.new { blocked = { "beta", "gamma" } }
        assert.same({ "beta", "gamma" }, system:list_blocked_systems())
        local beta = systems.new { name = "beta", policy = false }
        local refused = systems.events(beta, "Gated")
        beta:associate(system.address)
        systems.wait(function() return #refused == 1 end)
        assert.equal("blocked", refused[1].reason)
        assert.same({}, systems.new { blocked = {} }:list_blocked_systems())
    end)

    it("names the target that a message could not be sent to", function()
        local system = systems.new()
        assert.same({ nil, system.address .. "/nobody: no actor of that id lives there",
                      "ENOTFOUND" }, { system:send("nobody", 1) })
        assert.equal("message: a function can not be sent", select(2, system:send("nobody", print)))
    end)

    it("names an unknown option of any method, and the nearest known one", function()
        local system = systems.new()
        local pid = system:spawn(function(ctx) ctx:respond(1, { timeout = 1 }) end)
        local failures = systems.events(system, "ActorFailed")
        system:send(pid, "not a request")
        for message, call in pairs {
            ['unknown send option "typ"; did you mean "type"'] = function()
                system:send(pid, 1, { typ = "x" })
            end,
            ['unknown send option "timeout"; expected type or sender'] = function()
                system:send(pid, 1, { timeout = 1 })
            end,
            ['unknown request option "timout"; did you mean "timeout"'] = function()
                system:request(pid, 1, { timout = 0.1 }, print)
            end,
            ['unknown respond option "sendr"; did you mean "sender"'] = function()
                system:respond(pid, 1, 1, { sendr = pid })
            end,
            ['unknown stop option "deadlin"; did you mean "deadline"'] = function()
                system:stop { deadlin = 1 }
            end,
            ['unknown quarantine option "durration"; did you mean "duration"'] = function()
                system:quarantine("127.0.0.1:1", { durration = 1 })
            end,
            ['unknown process option "stdotu"; did you mean "stdout"'] = function()
                require("hawser.process").start({ "true" }, { stdotu = "/dev/null" })
            end,
            ['unknown stop option "1"; expected deadline or reason'] = function()
                system:stop { 5 }
            end,
            ["reason: expected a string, got table"] = function()
                system:stop { reason = {} }
            end,
        } do
            assert.error_matches(call, message, 1, true)
        end
        local answer
        system:request(pid, 1, { timeout = 0.05 }, function(...) answer = { ... } end)
        systems.wait(function() return failures[1] end)
        assert.truthy(failures[1].detail:find('unknown respond option "timeout"', 1, true))
        systems.wait(function() return answer end)
        assert.is_false(system:is_stopped())
    end)

    it("takes every number of the list, in its range", function()
        local options = { }
        for _, option in ipairs(hawser.options()) do
            assert.is_true(option.least <= option.initial and option.initial <= option.most)
            options[option.name] = option.initial
        end
        assert.is_true(#hawser.options() > 30)
        local core = require("hawser.core")
        for _, option in ipairs(hawser.options()) do
            local name = option.name
            local function with(key, value) return function() systems.new { [key] = value } end end
            -- Another value than the default, but near it: some depend on each other.
            local step = (option.unit == "s" or option.unit == "ratio") and 0.01 or 1
            local value = option.initial + (option.initial + step <= option.most and step or -step)
            assert.near(value, core.options_of(systems.new { [name] = value })[name], 1e-9, name)
            local typo = name:sub(1, -3) .. name:sub(-1)
            assert.error_matches(with(typo, value), ('"%s"; did you mean "%s"'):format(typo, name))
            assert.error_matches(with(name, option.most * 1.01 + 1), "option " .. name .. " is ")
            assert.error_matches(with(name, "text"), "option " .. name .. ": expected a number")
        end
        systems.stop()
        systems.new(options)
    end)

    it("says which port is in use", function()
        local a = systems.new()
        local system, message, code = hawser.system { name = "b", listen = a.address, log = false }
        assert.is_nil(system)
        assert.truthy(message:find(a.address, 1, true))
        assert.equal("EADDRINUSE", code)
    end)

    it("says at once which address it can't dial", function()
        local system = systems.new()
        local function complaint(address)
            local ok, message, code = system:associate(address)
            assert.is_nil(ok)
            assert.equal("EADDRESS", code)
            return message
        end
        assert.equal("nonsense can not be dialled: no transport speaks this address; "
            .. "expected another system's host:port or unix:/path", complaint "nonsense")
        assert.truthy(complaint(system.address):find("it is the system's own address", 1, true))
        assert.equal('"127.0.0.1:70000" is no address: the port is not a number from 0 to 65535',
                     complaint "127.0.0.1:70000")
        assert.is_true(system:associate "127.0.0.1:1")
        assert.truthy(system:statistics "127.0.0.1:1")
        assert.is_nil((system:statistics "nonsense"))
    end)

    it("says at once why a target can't be reached", function()
        local system = systems.new()
        local letters = systems.events(system, "DeadLetter")
        local attempts = systems.events(system, "AssociationAttempt")
        local function complaint(expected, ok, message, code)
            assert.is_nil(ok)
            assert.equal(expected, code)
            return message
        end
        local no_port = '"127.0.0.1:70000" is no address: the port is not a number from 0 to 65535'
        local no_address = 'no actor "127.0.0.1/x" here; a remote one is host:port/id'
        assert.equal(no_port, complaint("EADDRESS", system:send("127.0.0.1:70000/x", 1)))
        assert.equal(no_address, complaint("ENOTFOUND", system:send("127.0.0.1/x", 1)))
        assert.equal(no_port, complaint("EADDRESS", system:request("127.0.0.1:70000/x", 1, print)))
        assert.equal(no_address, complaint("ENOTFOUND", system:request("127.0.0.1/x", 1, print)))
        assert.equal('"h:http" is no address: the port is not a number from 0 to 65535',
                     complaint("EADDRESS", system:send("h:http/x", 1)))
        local watcher = system:spawn(function() end)
        complaint("EADDRESS", system:watch(watcher, "127.0.0.1:70000/x"))
        systems.wait(function() return #letters == 5 end)
        assert.same({}, attempts)
        assert.is_nil((system:statistics "127.0.0.1:70000"))
    end)

    it("refuses an address that nobody could dial", function()
        local system, message, code = hawser.system { name = "b", listen = "0.0.0.0:0",
            log = false }
        assert.is_nil(system)
        assert.truthy(message:find("0.0.0.0", 1, true))
        assert.equal("EADDRESS", code)
    end)

    it("may have no address of its own", function()
        local client = systems.new { listen = false }
        local pid = client:spawn(function() end)
        assert.truthy(pid)
    end)

    it("stops in order and then says so", function()
        local system = systems.new()
        local reason
        system.events:subscribe("Shutdown", function(e) reason = e.reason end)
        assert.is_false(system:is_stopped())
        assert.is_true(system:stop { deadline = 1, reason = "enough" })
        assert.is_true(system:stop())
        system:run()
        assert.is_true(system:is_stopped())
        assert.equal("enough", reason)
        assert.equal("system spec(stopped)", tostring(system))
    end)

    it("does not take a missing PID for itself", function()
        local system = systems.new()
        assert.has_error(function() system:stop(nil) end)
        assert.is_false(system:is_stopped())
    end)

    it("tells its statistics and its actors", function()
        local system = systems.new()
        local pid = system:spawn_named("one", function() end)
        system:send(pid, 1)
        system:send(pid, 2)
        systems.wait(function() return system:statistics().delivered >= 2 end)
        local totals = system:statistics()
        assert.equal(0, totals.dead_letters.total)
        assert.equal(0, totals.callback_errors)
        assert.is_true(totals.actors >= 1)
        local found = false
        for _, actor in ipairs(system:actors()) do
            if actor.pid == pid then found = actor.mailbox_size == 0 end
        end
        assert.is_true(found)
        assert.same({}, system:statistics_snapshot())
        local none, message, code = system:statistics("127.0.0.1:1")
        assert.is_nil(none)
        assert.truthy(message:find("127.0.0.1:1", 1, true))
        assert.equal("ENOTFOUND", code)
    end)

    it("calls functions later, once, unless they are cancelled", function()
        local system = systems.new()
        local order = {}
        local timer = system:after(0.01, function() order[#order + 1] = "cancelled" end)
        system:after(0.03, function() order[#order + 1] = "second" end)
        system:after(0.01, function() order[#order + 1] = "first" end)
        system:after(0, function() order[#order + 1] = "now" end)
        assert.is_true(timer:cancel())
        assert.is_false(timer:cancel())
        systems.wait(function() return #order == 3 end)
        systems.idle()
        assert.same({ "now", "first", "second" }, order)
        assert.has_error(function() system:after(-1, function() end) end)
        assert.has_error(function() system:after(0 / 0, function() end) end)
        assert.has_error(function() system:after(1) end)
    end)

    it("logs to a function, which may not act", function()
        local lines, system = {}, nil
        system = systems.new { log = function(level, line, name)
            lines[#lines + 1] = level .. " " .. name .. " " .. line
            lines.acted = lines.acted or (system and pcall(system.send, system, "x", 1))
        end }
        system:after(0, function() error("on purpose") end)
        systems.wait(function() return system:statistics().callback_errors == 1 end)
        local text = table.concat(lines, "\n")
        assert.truthy(text:find("error spec a timer's function failed", 1, true))
        assert.truthy(text:find("on purpose", 1, true))
        assert.truthy(text:find("system_spec.lua:%d+"))
        assert.is_nil(lines.acted or nil)
        assert.equal(1, system:statistics().callback_errors)
    end)
end)

describe("handles", function()
    after_each(systems.stop)

    it("outlive their system", function()
        local system = systems.new()
        local ctx_kept
        local pid = system:spawn(function(ctx) ctx_kept = ctx end)
        local subscription = system.events:subscribe("*", function() end)
        local timer = system:after(100, function() end)
        system:send(pid, 1)
        systems.wait(function() return ctx_kept end)
        system:stop { deadline = 0 }
        system:run()
        local text = tostring(pid)
        local events = system.events
        system = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        assert.equal(text, tostring(pid))
        assert.equal(pid, pid)
        assert.error_matches(function() ctx_kept:send(pid, 1) end, "stopped")
        assert.is_nil(ctx_kept.sender)
        pcall(events.subscribe, events, "*", print)
        subscription:unsubscribe()
        timer:cancel()
        assert.equal("ctx (stopped)", tostring(ctx_kept))
    end)

    it("of one PID are one value, also as a key", function()
        local system = systems.new()
        local pid = system:spawn_named("x", function() end)
        local same = system:pid(system.address .. "/x")
        assert.is_true(rawequal(pid, same))
        assert.equal(1, ({ [pid] = 1 })[system:pid("x")])
        assert.equal(pid, hawser.pid(tostring(pid)))
        assert.equal(system.address, pid.address)
        assert.equal("x", pid.id)
    end)

    it("of one system work in another", function()
        local a, b = systems.new { name = "a" }, systems.new { name = "b" }
        local got
        local pid = a:spawn_named("x", function(_, m) got = m end)
        assert.is_true(b:send(pid, "from b"))
        systems.wait(function() return got end)
        assert.equal("from b", got)
        assert.equal(1, b:statistics(a.address).queue_capacity > 0 and 1)
    end)
end)

describe("hawser.core", function()
    it("is the same when it is opened again", function()
        local core = package.loaded["hawser.core"]
        package.loaded["hawser.core"] = nil
        local again = require("hawser.core")
        assert.is_true(rawequal(core, again))
    end)

    it("refuses objects that are not its own", function()
        local system = systems.new()
        local methods = require("hawser.core").methods
        for _, wrong in ipairs { {}, "x", 5, io.stdout, hawser.null, hawser.pid "h:1/x" } do
            assert.has_error(function() methods.send(wrong, "x", 1) end)
            assert.has_error(function() system.events.subscribe(wrong, "*", print) end)
        end
        systems.stop()
    end)

    it("lists events and reasons as the core has them", function()
        local names = {}
        for _, event in ipairs(hawser.event_types()) do
            names[event.name] = #event.fields
            assert.is_true(#event.doc > 0)
        end
        assert.equal(5, names.DeadLetter)
        local reasons = hawser.reasons()
        for _, reason in ipairs(require("hawser.policy.deadletter").reasons) do
            assert.is_string(reasons[reason])
            reasons[reason] = nil
        end
        assert.same({}, reasons)
    end)
end)
