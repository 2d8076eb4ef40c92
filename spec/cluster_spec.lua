-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- Clusters in one process: nodes, cuts, kills, and what happened as a picture.

local cluster = require("hawser.cluster")
local core = require("hawser.core")
local hawser = require("hawser")

local PATIENCE = 20
local FAST = { reconnect_initial = 0.02, reconnect_max = 0.05, reconnect_max_retries = 0 }

local c

local function with(options)
    local all = {}
    for key, value in pairs(FAST) do all[key] = value end
    for key, value in pairs(options) do all[key] = value end
    return all
end

local function state(from, to)
    local statistics = c[from]:statistics(c.addresses[to])
    return statistics and statistics.state
end

local function wait(condition, what)
    local ok = hawser.run_until(condition, PATIENCE)
    assert(ok, "waited in vain for " .. what)
end

local function becomes(from, to, wanted)
    wait(function() return state(from, to) == wanted end,
         ("%d to be %s at %d, it is %s"):format(to, wanted, from, tostring(state(from, to))))
end

-- What a node's echo answers to another.
local function answer(from, to, text)
    local result
    c[from]:request(c:echo(to), text, function(reply, _, code) result = reply or code end)
    wait(function() return result ~= nil end, "an answer")
    return result
end

local function all_connected()
    for from = 1, c.size do
        for to = 1, c.size do
            if from ~= to then becomes(from, to, "connected") end
        end
    end
end

describe("a cluster over TCP", function()
    before_each(function() c = assert(cluster(3, with { transport = "tcp" })) end)
    after_each(function()
        c:close()
        hawser.run()
    end)

    it("connects its nodes, who talk", function()
        all_connected()
        assert.equal("hi", answer(1, 2, "hi"))
        assert.equal("n2", c[2].name)
        assert.truthy(tostring(c):find("^cluster of 3 over TCP.*\n  %[1%] system n1 127"))
    end)

    it("cuts a way for good, and heals it", function()
        all_connected()
        c:cut(1, 2)
        becomes(1, 2, "reconnecting")
        becomes(2, 1, "reconnecting")
        wait(function()
            return c[1]:statistics(c.addresses[2]).reconnect_attempts > 3
        end, "tries that fail")
        assert.equal("hi", answer(1, 3, "hi"))
        c:heal()
        all_connected()
        assert.equal("again", answer(1, 2, "again"))
    end)

    it("sends away who knocks with something else than a name", function()
        for _, hello in ipairs { { 0, 1, 2, 5 }, { 0, 1, 2, {} }, { 1 }, 7 } do
            local knocker = assert(core.connect(c.addresses[1]))
            local ended
            assert(knocker:on_readable(function() ended = knocker:read() == "" end))
            knocker:write((">s4"):pack(core.pack(hello)))
            wait(function() return ended end, "the door to be shut")
            knocker:close()
        end
        becomes(1, 2, "connected")
    end)

    it("parts groups", function()
        all_connected()
        c:partition(1)
        becomes(2, 1, "reconnecting")
        becomes(3, 1, "reconnecting")
        assert.equal("connected", state(2, 3))
        c:heal()
        all_connected()
    end)

    it("kills a node, whose peers hear no goodbye, and restarts it with a new uid", function()
        all_connected()
        local uid = c[2].uid
        c:kill(2)
        assert.is_nil(c[2])
        becomes(1, 2, "reconnecting")
        assert.has_error(function() c:kill(2) end,
                         "node 2 is dead; cluster:restart(2) brings it back")
        local system = assert(c:restart(2))
        assert.not_equal(uid, system.uid)
        assert.equal(system, c[2])
        all_connected()
        assert.equal("back", answer(1, 2, "back"))
    end)

    it("draws what happened", function()
        all_connected()
        c:partition({ 1 }, { 2, 3 })
        becomes(1, 2, "reconnecting")
        c:heal()
        all_connected()
        c:kill(3)
        becomes(1, 3, "reconnecting")
        local text = tostring(c:timeline())
        assert.truthy(text:find("^ +1 +2 +3\n"), text)
        assert.truthy(text:find("%d%.%d%d%ds | 2 <%-> connected *|"), text)
        assert.truthy(text:find("= partition 1 | 2,3 =", 1, true), text)
        assert.truthy(text:find("| 2 -x- reset", 1, true), text)
        assert.truthy(text:find("| 2 ... try 1 in", 1, true), text)
        assert.truthy(text:find("= heal =", 1, true), text)
        assert.truthy(text:find("= kill 3 =", 1, true), text)
        for line in text:gmatch("[^\n]+") do assert.is_true(#line <= 80, line) end
        assert.truthy(c:timeline { last = 2 }.text:find("... ", 1, true))
        local name = os.tmpname()
        assert.is_true(c:timeline { svg = name })
        local svg = io.open(name):read("a")
        os.remove(name)
        assert.truthy(svg:find("^<svg .*partition 1 | 2,3.*</svg>\n$"), svg)
        local missing, message, code = c:timeline { svg = "/no/such/directory/x.svg" }
        assert.is_nil(missing)
        assert.truthy(message:find("/no/such", 1, true))
        assert.equal("EIO", code)
    end)

    it("says what is wrong with a call", function()
        assert.has_error(function() c:cut(1, 4) end, "no node 4 in this cluster of 3")
        assert.has_error(function() c:cut(2) end,
            "cut takes two nodes; cluster:partition(2) parts 2 from all others")
        assert.has_error(function() c:cut(1, 1) end, "a node has no way to itself")
        assert.has_error(function() c:partition({ 1, 2 }, { 2 }) end,
                         "node 2 can not be on both sides")
        assert.has_error(function() c:timeline { sgv = "x" } end,
            'cluster:timeline: unknown option "sgv"; expected one of svg, last, width;'
            .. ' did you mean "svg"?')
        assert.has_error(function() cluster(0) end,
                         "cluster: expected a number of nodes from 1 to 64, got 0")
        assert.has_error(function() cluster(2, { transport = "tpc" }) end,
            'cluster: transport = "tpc"; expected one of simulated, tcp; did you mean "tcp"?')
        assert.has_error(function() cluster(2, { transport = "tcp", seed = 1 }) end,
                         "cluster: seed is for simulated networks, not for TCP")
        assert.has_error(function() cluster(2, { transport = "tcp", polcy = 1 }) end)
    end)

    it("carries much more than a socket takes at once", function()
        all_connected()
        local text = ("x"):rep(3000000)
        assert.equal(text, answer(1, 2, text))
    end)
end)

describe("a cluster in virtual time", function()
    before_each(function() c = cluster(3, { time = "virtual", seed = 7 }) end)
    after_each(function() c:close() end)

    it("moves when it is stepped, and the same for the same seed", function()
        local function life()
            c:step(1)
            c:partition(1, { 2, 3 })
            c:step(3)
            c:heal()
            c:step(5)
            c:kill(2)
            c:step(1)
            c:restart(2)
            c:step(3)
            assert.equal(13, c:now())
            assert.equal("connected", state(1, 2))
            assert.equal("connected", state(2, 3))
            return tostring(c:timeline { last = 1000 })
        end
        local first = life()
        c:close()
        c = cluster(3, { time = "virtual", seed = 7 })
        assert.equal(first, life())
        assert.truthy(first:find("\n   1.000s =+ partition 1 | 2,3 =+\n"), first)
        assert.truthy(first:find("\n   0.00%ds | 2 <%-> connected"), first)
        c:close()
        c = cluster(3, { time = "virtual", seed = 8 })
        assert.not_equal(first, life())
    end)

    it("parts, cuts, kills and closes", function()
        c:step(1)
        c:cut(1, 2)
        c:step(0.1)
        assert.equal("reconnecting", state(1, 2))
        assert.equal("connected", state(1, 3))
        c:heal()
        c:step(3)
        assert.equal("connected", state(1, 2))
        c:kill(3)
        c:step(0.1)
        assert.equal("reconnecting", state(1, 3))
        c:close()
        assert.equal("cluster of 3 (closed)", tostring(c))
        assert.is_nil(c[1])
    end)

    it("gets its options to every node, and again after a restart", function()
        local seen = {}
        c:close()
        c = cluster(2, { time = "virtual", policy = "fixed", connect = false,
                         setup = function(system, index)
                             seen[#seen + 1] = index .. system.name
                         end })
        c:step(1)
        assert.is_nil(state(1, 2))
        c:restart(2)
        assert.same({ "1n1", "2n2", "2n2" }, seen)
    end)

    it("is run for a line that waits at the prompt", function()
        local texts, status = {}, nil
        local session = require("hawser.console").open {
            write = function(text) texts[#texts + 1] = text end,
        }
        rawset(_G, "cluster_spec_c", c)
        session:submit("cluster_spec_c[1]:request(cluster_spec_c:echo(2), 'hi')",
                       function(how) status = how end)
        assert.equal("done", status)
        assert.equal('"hi"\n', table.concat(texts))
        rawset(_G, "cluster_spec_c", nil)
        session:close()
    end)
end)

describe("a cluster over a simulated network", function()
    it("follows the real clock", function()
        c = cluster(2, with {})
        all_connected()
        assert.equal("hi", answer(1, 2, "hi"))
        c:step(1000) -- or does not wait for it
        assert.is_true(c:now() > 1000)
        assert.equal("hi", answer(2, 1, "hi"))
        c:close()
    end)
end)
