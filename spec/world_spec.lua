-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- Worlds: systems over a simulated network, in virtual time.

local hawser = require("hawser")
local process = require("hawser.process")
local world = require("hawser.world")

local BIN = dofile("spec/support/paths.lua").bin
local LIFE = { heartbeat_interval = 1, heartbeat_timeout = 4 }

-- A world whose systems each have an actor "sink" that keeps what comes.
local function new(options)
    local w = world.new(options or { seed = 7, latency = 0.002 })
    local got = {}
    return w, function(name, more)
        local all = { name = name, setup = function(system)
            system:spawn_named("sink", function(_, message)
                got[name] = got[name] or {}
                table.insert(got[name], message)
            end)
        end }
        for key, value in pairs(LIFE) do all[key] = value end
        for key, value in pairs(more or {}) do all[key] = value end
        return w:system(all)
    end, got
end

local function state(system, name)
    local statistics = system:statistics("loop:" .. name)
    return statistics and statistics.state
end

local function becomes(w, system, name, wanted, limit)
    assert(w:run_until(function() return state(system, name) == wanted end, limit or 30))
end

describe("a world", function()
    local w, make, got, a, b
    before_each(function()
        w, make, got = new()
        a, b = make "a", make "b"
        a:send("loop:b/sink", 1)
        w:run(1)
    end)
    after_each(function() w:close() end)

    it("delivers in virtual time", function()
        assert.same({ 1 }, got.b)
        assert.equal(1, w:now())
        assert.equal("connected", state(a, "b"))
    end)

    it("cuts, and heals", function()
        w:partition({ "a" }, { "b" })
        becomes(w, a, "b", "reconnecting", 0.1)
        w:run(1)
        assert.equal("reconnecting", state(a, "b"))
        w:heal()
        becomes(w, a, "b", "connected", 10)
        a:send("loop:b/sink", 2)
        w:run(1)
        assert.same({ 1, 2 }, got.b)
    end)

    it("kills, and restarts with a new uid; a watcher is told", function()
        local heard
        a:spawn {
            started = function(ctx) ctx:watch("loop:b/sink") end,
            terminated = function(_, who, reason) heard = tostring(who) .. " " .. reason end,
            receive = function() end,
        }
        w:run(1)
        local old = b.uid
        assert.is_true(w:kill("b"))
        assert.is_true(b:is_stopped())
        assert.is_nil(w:get("b"))
        assert.has_error(function() b:send("sink", 1) end, "the system has stopped")
        becomes(w, a, "b", "reconnecting", 0.1)
        b = w:restart("b")
        assert.not_equal(old, b.uid)
        assert(w:run_until(function() return heard end, 30))
        assert.equal("loop:b/sink restarted", heard)
        becomes(w, a, "b", "connected")
        assert.is_true(w:kill("a"))
        assert.equal("ECLOSED", select(3, w:kill("a")))
    end)

    it("calls no handler of the dead", function()
        local calls = 0
        b:spawn { receive = function() end, stopped = function() calls = calls + 1 end }
        b.events:subscribe("*", function() calls = calls + 1 end)
        w:run(1)
        calls = 0
        w:kill("b")
        w:run(10)
        assert.equal(0, calls)
    end)

    it("pauses: suspended, then reachable again", function()
        local seen = {}
        a.events:subscribe("*", function(e) seen[e.type] = true end)
        w:pause("b", 2)
        becomes(w, a, "b", "suspended", 2)
        becomes(w, a, "b", "connected", 3)
        w:run(0.1)
        assert.is_true(seen.Suspect and seen.Reachable)
        assert.is_nil(seen.EndpointDisconnected)
    end)

    it("notices a half-open link by the heartbeat", function()
        w:partition("a", "b", { mode = "silent" })
        w:run(2)
        assert.not_equal("reconnecting", state(a, "b"))
        becomes(w, a, "b", "reconnecting", 5)
        local lost = w:trace("EndpointDisconnected")
        assert.equal("heartbeat", lost[1].reason)
        w:heal("a", "b")
        becomes(w, a, "b", "connected")
        becomes(w, b, "a", "connected")
    end)

    it("notices a way that is silent in one direction on both sides", function()
        w:partition("a", "b", { mode = "one_way" })
        becomes(w, b, "a", "reconnecting", 10)
        becomes(w, a, "b", "reconnecting", 10)
        w:heal()
        becomes(w, a, "b", "connected")
    end)

    it("notices a power loss by the heartbeat, and the new process at once", function()
        w:kill("b", "silent")
        w:run(2)
        assert.not_equal("reconnecting", state(a, "b"))
        becomes(w, a, "b", "reconnecting", 5)
        w:restart("b")
        becomes(w, a, "b", "connected")
    end)

    it("stalls a clock, which condemns nobody", function()
        local before = a:now()
        w:stall_clock("a", 60)
        w:run(30)
        assert.equal(before, a:now())
        w:run(60)
        assert.near(before + 30, a:now(), 1e-6)
        w:jump_clock("b", 1000)
        w:run(60)
        assert.equal("connected", state(a, "b"))
        assert.equal("connected", state(b, "a"))
        assert.same({}, { table.unpack(w:trace("EndpointDisconnected")) })
    end)

    it("makes dials cross, and one association is left", function()
        b:send("loop:a/sink", 1)
        w:run(1)
        for _ = 1, 5 do
            w:collide("a", "b")
            w:run(10)
        end
        assert.equal("connected", state(a, "b"))
        assert.equal("connected", state(b, "a"))
        a:send("loop:b/sink", 2)
        b:send("loop:a/sink", 2)
        w:run(1)
        assert.same({ a = { 1, 2 }, b = { 1, 2 } }, got)
    end)

    it("has links of their own latency and bandwidth", function()
        w:link("a", "b", { latency = 1 })
        a:send("loop:b/sink", 2)
        w:run(0.9)
        assert.same({ 1 }, got.b)
        w:run(0.2)
        assert.same({ 1, 2 }, got.b)
        w:link("a", "b")
        w:link("a", "b", { bandwidth = 1000, one_way = true })
        a:send("loop:b/sink", ("x"):rep(3000))
        w:run(2.9)
        assert.equal(2, #got.b)
        w:run(0.3)
        assert.equal(3, #got.b)
        w:link(nil, nil, { loss = 1 })
        w:link("a", "b")
        a:send("loop:b/sink", 3)
        w:run(0.1)
        assert.equal("reconnecting", state(a, "b"))
    end)

    it("cuts once", function()
        assert.equal(1, w:cut("a", "b"))
        becomes(w, a, "b", "reconnecting", 0.1)
        becomes(w, a, "b", "connected")
    end)

    it("knows a client, which only dials", function()
        local c = make("c", { listen = false })
        c:send("loop:b/sink", "from c")
        w:run(1)
        assert.same({ 1, "from c" }, got.b)
        assert.matches("^client%-", c.address)
    end)

    it("keeps a trace of what happened, in order", function()
        w:partition("a")
        w:run(1)
        local trace = w:trace()
        for i = 2, #trace do assert.is_true(trace[i].time >= trace[i - 1].time) end
        assert.equal("EndpointConnected", w:trace("*Connected")[1].type)
        local ours = w:trace { system = "world", from = 0.5, to = 1.5 }
        assert.same({ { time = 1, system = "world", type = "partition", left = "a", right = "b",
            mode = "cut" } }, { table.unpack(ours) })
        assert.matches("^    1%.000000  world      partition left=a mode=cut right=b$",
            tostring(ours))
        assert.equal(0, #w:trace(function(e) return e.system == "c" end))
    end)

    it("knows no other names, and says the nearest", function()
        for _, wrong in ipairs {
            function() w:kill("bb") end,
            function() w:partition({ "a" }, { "bb" }) end,
            function() w:pause("bb", 1) end,
            function() w:link("a", "bb", {}) end,
        } do
            assert.error_matches(wrong, 'did you mean "b"')
        end
        assert.error_matches(function() w:partition("a", "b", { mode = "silnt" }) end,
            'did you mean "silent"')
        assert.error_matches(function() w:link("a", "b", { latncy = 1 }) end,
            'did you mean "latency"')
        assert.error_matches(function() world.new { latncy = 1 } end, 'did you mean "latency"')
        assert.error_matches(function() w:kill("b", "slient") end, 'did you mean "silent"')
        assert.error_matches(function() w:system { name = "a" } end, "already")
        local _, wrong = pcall(function() w:system { name = "c", latency = 1 } end)
        assert.matches("^%S*spec/world_spec.lua:%d+: hawser.system: unknown option", wrong)
        assert.same({ a = a, b = b }, w:systems())
    end)

    it("can not be run, closed or left by a handler of its own", function()
        local errors = {}
        a:spawn(function()
            errors[1] = select(2, pcall(w.run, w, 1))
            errors[2] = select(2, pcall(w.close, w))
            errors[3] = select(3, w:kill("a"))
            errors[4] = select(2, pcall(hawser.run))
            errors[5] = select(2, pcall(a.run, a))
        end, { name = "bold" })
        a:send("bold", 1)
        w:run(1)
        assert.matches("can not be run inside a handler", errors[1])
        assert.matches("can not close it", errors[2])
        assert.equal("ESTATE", errors[3])
        assert.matches("inside a handler", errors[4])
        assert.matches("world:run", errors[5])
    end)

    it("lets a handler kill another system", function()
        a:spawn(function() assert(w:kill("b")) end, { name = "killer" })
        a:send("killer", 1)
        w:run(1)
        assert.is_true(b:is_stopped())
        assert.equal("reconnecting", state(a, "b"))
    end)

    it("lets a system stop in order", function()
        b:stop { reason = "enough" }
        w:run(20)
        assert.is_true(b:is_stopped())
        assert.is_true(w:kill("b"))
        assert(w:restart("b"))
    end)

    it("is no concern of hawser.run()", function()
        assert.is_true(hawser.run())
    end)

    it("follows the real clock when it is told to", function()
        local before = w:now()
        w:attach_realtime(0.001)
        a:send("loop:b/sink", 2)
        assert(hawser.run_until(function() return #got.b == 2 and w:now() > before + 0.02 end, 20))
        w:detach_realtime()
        assert.is_true(hawser.run())
    end)
end)

describe("a slow reader", function()
    it("makes the throttle level rise, and fall when it has read", function()
        local w, make = new { seed = 3, latency = 0.001, pipe_bytes = 4096 }
        local a = make("a", { endpoint_writer_queue_size = 100 })
        make "b"
        a:send("loop:b/sink", 0)
        w:run(1)
        w:slow_reader("b", 1000)
        for _ = 1, 95 do a:send("loop:b/sink", ("x"):rep(200)) end
        w:run(40)
        w:slow_reader("b", 0)
        w:run(10)
        local levels = {}
        for i, e in ipairs(w:trace { type = "EndpointThrottled", system = "a" }) do
            levels[i] = e.level
        end
        assert.same({ "warning", "critical", "warning", "normal" }, levels)
        assert.equal("connected", state(a, "b"))
        w:close()
    end)
end)

-- --- seeds ---

-- A run with a bit of everything; what it leaves behind.
local function eventful(seed)
    local w, make = new { seed = seed, latency = 0.001, jitter = 0.005, loss = 0.002,
        split_writes = true }
    local names = { "a", "b", "c", "d", "e" }
    for _, name in ipairs(names) do make(name) end
    for round = 1, 20 do
        for _, from in ipairs(names) do
            for _, to in ipairs(names) do
                w:get(from):send("loop:" .. to .. "/sink", { round, from })
            end
        end
        local name = names[w:random(5)]
        local act = w:random(4)
        if act == 1 then w:pause(name, 1) elseif act == 2 then w:restart(name) end
        if act == 3 then w:partition(name, nil, { mode = "silent" }) else w:heal() end
        w:run(w:random() * 3)
    end
    local trace, digest = tostring(w:trace()), w:digest()
    w:close()
    return trace, digest
end

describe("a seed", function()
    it("gives the same run", function()
        local trace, digest = eventful(11)
        local again, same = eventful(11)
        assert.equal(trace, again)
        assert.equal(digest, same)
        assert.is_true(#trace > 5000)
    end)

    it("gives another run than another seed", function()
        local trace, digest = eventful(11)
        local other, another = eventful(12)
        assert.not_equal(trace, other)
        assert.not_equal(digest, another)
    end)
end)

describe("a failing run", function()
    it("says its seed", function()
        local w = world.new { seed = 42 }
        w:system { name = "a" }
        local function fails(fn) return select(2, pcall(fn)) end
        for _, message in ipairs {
            fails(function() w:run_until(function() error("on purpose") end) end),
            fails(function() w:check(function() assert(false, "on purpose") end) end),
            fails(function() w:check(function() error { "on purpose" } end) end),
            fails(function() world.try({ seed = 42 }, function() error("on purpose") end) end),
            (select(2, w:run_until(function() return false end, 1))),
        } do
            assert.matches("world: seed 42, after %d", message)
        end
        w:close()
    end)

    it("returns what the check returned", function()
        assert.same({ 1, nil, 3 }, { world.try({ seed = 1 }, function() return 1, nil, 3 end) })
    end)

    it("may be one of a failing actor", function()
        local w = world.new { seed = 1, strict = true, log = false }
        local a = w:system { name = "a" }
        a:spawn(function() error("on purpose") end, { name = "x" })
        a:send("x", 1)
        local ok, message = pcall(w.run, w, 1)
        assert.is_false(ok)
        assert.matches("^an actor of a failed: .*on purpose", message)
        w:run(1)
        w:close()
    end)

    it("can be run again by the command it prints", function()
        local script, out = os.tmpname(), os.tmpname()
        local file = assert(io.open(script, "w"))
        file:write [[
            local w = require("hawser.world").new()
            w:check(function() error(arg[1] .. " " .. w:random(1000000)) end)
        ]]
        file:close()
        local function run(argv)
            local child = assert(process.start(argv, { stderr = out }))
            assert.same({ "exited", 1 }, { child:wait(60) })
            local stream = assert(io.open(out))
            local text = stream:read("a")
            stream:close()
            os.remove(out)
            return text
        end
        local first = run { BIN, "run", script, "it's" }
        local command = first:match("again: ([^\n]+)")
        assert.matches("^HAWSER_SEED=%d+ ", command)
        assert.equal(first:match("it's %d+"), run({ "sh", "-c", command }):match("it's %d+"))
        os.remove(script)
    end)
end)

-- --- the ends of things ---

describe("a world that ends", function()
    local function build()
        local w, make = new()
        local parts = { w = w, a = make "a", b = make "b" }
        parts.a:send("loop:b/sink", 1)
        w:run(0.0015)
        parts.pid = parts.a:pid("loop:b/sink")
        parts.handle = parts.a.events:subscribe("*", print)
        parts.events = parts.b.events
        return parts
    end

    it("may be collected in any order, and open or closed", function()
        for _, first in ipairs { "w", "a", "b", "pid", "handle", "events", "none" } do
            for _, closed in ipairs { true, false } do
                local parts = build()
                if closed then parts.w:close() end
                parts[first] = nil
                collectgarbage()
                collectgarbage()
                if closed and parts.a then
                    assert.error_matches(function() parts.a:send("x", 1) end, "has stopped")
                end
                parts = nil -- luacheck: ignore 311
                collectgarbage()
                collectgarbage()
            end
        end
    end)

    it("takes its systems with it when nobody holds it", function()
        local parts = build()
        local a = parts.a
        parts = nil -- luacheck: ignore 311
        collectgarbage()
        collectgarbage()
        assert.is_true(a:is_stopped())
    end)

    it("is closed once, and says so", function()
        local parts = build()
        parts.w:close()
        parts.w:close()
        assert.error_matches(function() parts.w:run(1) end, "the world is closed")
    end)

    it("may be left open when the program ends", function()
        local script = os.tmpname()
        local file = assert(io.open(script, "w"))
        file:write [[
            local w = require("hawser.world").new { seed = 1 }
            local a = w:system { name = "a" }
            KEEP = w:system { name = "b" }
            a:spawn(function() os.exit(arg[1] == "inside" and 7 or 0, true) end, { name = "x" })
            if arg[1] == "inside" then a:send("x", 1) end
            a:send("loop:b/x", 1)
            w:run(0.0001)
            return 7
        ]]
        file:close()
        for _, how in ipairs { "after", "inside" } do
            local child = assert(process.start { BIN, "run", script, how })
            assert.same({ "exited", 7 }, { child:wait(60) })
        end
        os.remove(script)
    end)
end)

describe("the type file", function()
    local file = assert(io.open("lua/hawser/world/types.lua"))
    local text = file:read("a")
    file:close()

    it("has the options of worlds", function()
        local block = text:match("%-%-%-@class hawser%.world%.Options\n(.-)\n[^-]")
        local count = 0
        for name in block:gmatch("@field ([%w_]+)") do
            local ok, message = pcall(world.new, { [name] = name ~= "realtime" and {} })
            assert.is_true(ok or not tostring(message):find("unknown option"), message)
            count = count + 1
        end
        assert.equal(11, count)
    end)
end)
