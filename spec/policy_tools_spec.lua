-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- hawser policy, as an operator runs it: its output, its exit status, and what bad input gets.

local lfs = require("lfs")
local dkjson = require("dkjson")
local snippets = dofile("spec/support/snippets.lua")

local directory

local function write(name, text)
    local file = assert(io.open(directory .. "/" .. name, "wb"))
    file:write(text)
    file:close()
    return name
end

-- Runs a command in the directory: its output, what it said on stderr, its exit status.
local function run(command, ...)
    return snippets.shell(directory, "hawser policy " .. command:format(...))
end

local function expect(status, command, ...)
    local out, err, got = run(command, ...)
    assert.equal(status, got, out .. err)
    return out, err
end

local function has(text, part)
    assert(text:find(part, 1, true), ("%s\nis not in\n%s"):format(part, text))
end

describe("hawser policy", function()
    before_each(function()
        directory = os.tmpname()
        os.remove(directory)
        assert(lfs.mkdir(directory))
    end)

    after_each(function() assert(os.execute("rm -r " .. directory)) end)

    it("helps", function()
        local help = expect(0, "--help")
        has(help, "usage: hawser policy check FILE")
        assert.equal(help, (expect(0, "check -h")))
        assert.equal(help, select(2, expect(2, "")))
    end)

    it("names the nearest of what it knows", function()
        has(select(2, expect(2, "chekc default")), 'unknown command "chekc"')
        has(select(2, expect(2, "chekc default")), 'did you mean "check"?')
        has(select(2, expect(2, "check --jsno default")), 'did you mean "--json"?')
        has(select(2, expect(2, "check")), "expected one policy's file or name, got 0")
        has(select(2, expect(2, "check default fixed")), "got 2")
        has(select(2, expect(2, "check default --budget")), "--budget needs a value")
        has(select(2, expect(2, "check default --budget=10")),
            "--budget 10: expected a whole number from 1000 to 1e+09")
    end)

    it("check says that there is nothing wrong, and what is answered", function()
        write("night.lua", [[
            local backoff = require "hawser.policy.backoff"
            return {
                name = "night-shift", version = 3,
                backoff = backoff.by_reason { dns = backoff.fixed { delay = 60, max_retries = 2 } },
                deadletter = require("hawser.policy.deadletter").by_reason { not_found = "drop" },
                endpoints = { ["10.1.*"] = { disconnected = "queue" } },
            }
        ]])
        local out, err = expect(0, "check ./night.lua")
        assert.equal("", err)
        has(out, './night.lua: policy "night-shift", version 3: no problem in ')
        has(out, "\n  backoff, attempt 1                  0.16 to 0.24 s\n")
        has(out, "\n  backoff, attempt 6                  gives up: gave up after 5 tries "
            .. "(6.2 s)\n")
        has(out, "\n  backoff, dns                        attempt 1: 60 s; "
            .. "attempt 3: gives up\n")
        has(out, " other reasons           the same\n")
        has(out, "\n  deadletter, not_found               drop\n")
        has(out, "\n  deadletter, any other reason        publish\n")
        has(out, '\nendpoints["10.1.*"], asked as 10.1.1:25520\n'
            .. "  disconnected                        queue\n"
            .. "  everything else                     as in general\n")
        assert.matches("\ninstructions a call: backoff %d+ in the middle, %d+ at most; deadletter "
            .. "%d+ in the middle, %d+ at most; the budget is 100000\n$", out)
        assert.equal(out, (expect(0, "check night")):gsub("^%./night", "./night"))
    end)

    it("check tells the problems first, each once", function()
        write("bad.lua", [[
return {
    backoff = function(q)
        if q.reason == "dns" then return q.nothing.at_all end
        if q.queue_size > 10 then return 0 end
        if q.reason == "timeout" then while true do end end
        return q.attempt > 10 and 7200 or math.random()
    end,
    deadletter = function(letter) return letter.sender and "publish" or "publihs" end,
}
]])
        local out = expect(1, "check bad.lua")
        has(out, "bad.lua: policy \"bad\", version ")
        local lines = {}
        for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
        assert.matches(": 3 problems in 3%d%d questions$", lines[1])
        has(lines[2], "problem: backoff, dns, attempt 1 (and 2 more): bad.lua:3: attempt to index")
        has(out, "\nproblem: backoff, timeout, attempt 1 (and 2 more): "
            .. "bad.lua:5: used up its budget of 100000 instructions\n")
        has(out, '\nproblem: deadletter, blocked (and ')
        has(out, 'answered "publihs": expected "publish", "drop" or a PID')
        has(out, "\nclamped: backoff, refused, attempt 11 (and ")
        has(out, "7200 s becomes 3600 s\n")
        has(out, "clamped: backoff, refused, attempt 1, with a full queue (and 1 more): "
            .. "0 s becomes 0.001 s\n")
        has(out, "note: backoff, refused, attempt 1 (and 9 more): asked twice, it answered")
        assert.is_nil(out:find("guard.lua", 1, true))
        assert.is_true(out:find("\nproblem: ") < out:find("\nclamped: ", 1, true))
        assert.is_true(out:find("\nnote: ") < out:find("\nin general", 1, true))
    end)

    it("check refuses what a system would refuse", function()
        write("typo.lua", "return {\n  bakoff = 1, throttle = {} }")
        local out = expect(1, "check typo.lua")
        has(out, "typo.lua: no policy: 1 problem\n")
        has(out, 'bakoff: unknown key, expected one of backoff')
        has(out, 'throttle: expected throttle.levels')
        write("slip.lua", "return {\n\n  name = = 1 }")
        has(expect(1, "check slip.lua"), "slip.lua:3: unexpected symbol near '='")
        has(expect(1, "check ./nowhere.lua"), "No such file")
        has(expect(1, "check defualt"), 'did you mean "default"?')
        -- What only the smaller dry run of a load would catch is a problem too.
        write("sly.lua", "return { backoff = function(q) if q.name == 'dry-run' then return {} end "
            .. "return 1 end }")
        has(expect(1, "check sly.lua"), "dry run with attempt = 2")
    end)

    it("check warns of a costly function", function()
        write("slow.lua", "return { backoff = function() for _ = 1, 30000 do end return 1 end }")
        has(expect(0, "check slow.lua --budget 50000"),
            "note: backoff, refused, attempt 1 (and 92 more): more than half of the budget of "
            .. "instructions")
        assert.is_nil(expect(0, "check slow.lua"):find("note:", 1, true))
        has(expect(1, "check slow.lua --budget 5000"), "used up its budget of 5000 instructions")
    end)

    it("check writes JSON with every question", function()
        write("night.lua", "return { backoff = function(q) return q.attempt * 1000 end }")
        local report = assert(dkjson.decode((expect(0, "check night --json"))))
        assert.is_true(report.ok)
        assert.equal("night", report.name)
        assert.same({}, report.problems)
        assert.equal("4000 s becomes 3600 s", report.clamped[1].text)
        local row = report.grid.rows[4]
        assert.same({ "curve", "backoff", "refused", 4, 3600, 3600, false },
                    { row.kind, row.part, row.reason, row.attempt, row.least, row.most,
                      row.jitter })
        assert.same({ from = 4000, to = 3600 }, row.clamped)
        local cost = report.grid.instructions.backoff
        assert.is_true(row.instructions > 3 and cost.max >= cost.median and cost.max < 100)
        write("typo.lua", "return { bakoff = 1 }")
        report = assert(dkjson.decode((expect(1, "check typo --json"))))
        assert.is_false(report.ok)
        has(report.problems[1].text, "bakoff: unknown key")
    end)
end)
