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
        has(out, "\n  backoff, attempt 6                  gave up after 5 tries (6.2 s)\n")
        has(out, "\n  backoff, dns                        attempt 1: 60 s; "
            .. "attempt 3: gives up\n")
        has(out, " other reasons           the same\n")
        has(out, "\n  deadletter, not_found               drop\n")
        has(out, "\n  deadletter, any other reason        publish\n")
        has(out, '\nendpoints["10.1.*"], asked as 10.1.1:25520\n'
            .. "  disconnected                        queue\n"
            .. "  everything else                     as in general\n")
        assert.matches("\ninstructions a call, of 100000\n"
            .. "  backoff +%d+ at most, %d+ in the middle\n"
            .. "  deadletter +%d+ at most, %d+ in the middle\n$", out)
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

    local STEADY = [[
        local backoff = require "hawser.policy.backoff"
        local throttle = require "hawser.policy.throttle"
        return {
            name = "steady", version = "9",
            backoff = backoff.exponential { initial = 1, factor = 2, max = 8, jitter = 0.5 },
            throttle = throttle.levels { busy = 0.5, full = { from = 0.9, refuse = true } },
            endpoints = { ["10.*"] = { backoff = backoff.fixed { delay = 4, max_retries = 0 } } },
        }
    ]]

    it("plot draws the waits to scale, in plain ASCII where it is no terminal", function()
        write("steady.lua", STEADY)
        local out = expect(0, "plot steady --attempts 7")
        assert.is_nil(out:find("[^\n -~]"))
        has(out, 'policy "steady", version 9\n'
            .. "192.0.2.1:25520, every try fails at once (refused); 1000 runs\n")
        local rows = {}
        for try, least, median, most, bar in out:gmatch(
            "\n%s+(%d+)%s+([%d.]+ m?s)%s+([%d.]+ m?s)%s+([%d.]+ m?s) (.-) +[%d.]+ m?s") do
            rows[#rows + 1] = { try = try, least = least, median = median, most = most, bar = bar }
        end
        assert.equal(5, #rows)
        for i, row in ipairs(rows) do
            assert.equal(tostring(i), row.try)
            local delay = math.min(8, 2 ^ (i - 1))
            local function seconds(text)
                local number, unit = text:match("^(%S+) (m?s)$")
                return tonumber(number) / (unit == "ms" and 1000 or 1)
            end
            assert.is_true(math.abs(seconds(row.least) - delay / 2) < 0.02 * delay)
            assert.is_true(math.abs(seconds(row.median) - delay) < 0.05 * delay)
            assert.is_true(math.abs(seconds(row.most) - delay * 1.5) < 0.02 * delay)
            assert.matches("^ *=*|=*$", row.bar)
        end
        assert.is_true(#rows[4].bar > 1.8 * #rows[3].bar and #rows[5].bar == #rows[4].bar)
        assert.matches("\n    6  gave up after 5 tries %(%d+%.%d s%)\n", out)
        has(out, "queue  0 % ------------------------------::::::::::::::::::::::::++++++ 100 %")
        has(out, "\n       + full from 90 %, refuses, left below 85 %\n")
        assert.equal(out, (expect(0, "plot steady --attempts 7")))
    end)

    it("plot follows an endpoint's own curve, and the width that it has", function()
        write("steady.lua", STEADY)
        local out = expect(0, "plot steady --endpoint 10.0.0.1:1 --attempts 3")
        assert.equal(3, select(2, out:gsub("\n%s+%d      4 s      4 s      4 s ", "")))
        has(out, "\n      and so on\n")
        local function longest(text)
            local most = 0
            for line in text:gmatch("[^\n]+") do most = math.max(most, utf8.len(line)) end
            return most
        end
        assert.is_true(longest(out) <= 80)
        local function with_columns(columns)
            local text = snippets.shell(directory, "env COLUMNS=" .. columns
                .. " hawser policy plot steady")
            return longest(text)
        end
        assert.is_true(with_columns(120) > 100 and with_columns(120) <= 120)
        assert.is_true(with_columns(1) <= 64)
    end)

    it("plot adds the jitter that the core adds to a plain number", function()
        write("plain.lua", "return { backoff = function() return 10 end }")
        local out = expect(0, "plot plain --attempts 1")
        has(out, "; 1000 runs, with the default reconnect_jitter\n")
        assert.matches("\n    1   8.0%d s +[%d.]+ s     12 s ", out)
        write("own.lua", "return { backoff = function() return 10, true end }")
        out = expect(0, "plot own --attempts 1")
        has(out, "; 1000 runs\n")
        has(out, "\n    1     10 s     10 s     10 s ")
    end)

    it("plot draws braille and colour on a terminal that has them", function()
        if not os.execute("command -v script >/dev/null 2>&1") then
            return pending("needs script(1)")
        end
        write("steady.lua", STEADY)
        local function on_terminal(environment)
            return (snippets.shell(directory, ("env LC_ALL=C.UTF-8 TERM=xterm %s script -qec "
                .. "'stty cols 70; hawser policy plot steady' /dev/null </dev/null"):format(
                environment)))
        end
        local out = on_terminal("NO_COLOR=")
        has(out, "⣿")
        has(out, "▒")
        has(out, "\27[1m")
        local plain = on_terminal("NO_COLOR=1")
        has(plain, "⣿")
        assert.is_nil(plain:find("\27", 1, true))
        for line in plain:gmatch("[^\r\n]+") do assert.is_true(utf8.len(line) <= 70, line) end
        assert.is_nil(on_terminal("LC_ALL=C"):find("[\x80-\xff]"))
    end)

    it("plot tells how many runs come so far", function()
        write("late.lua", [[
            local backoff = require "hawser.policy.backoff"
            return { backoff = backoff.giving_up_after(backoff.decorrelated { max = 30,
                max_retries = 0 }, 10) }]])
        local out = expect(0, "plot late --attempts 5")
        assert.matches("\n    5 [^\n]+ %(%d+ %%%)\n", out)
        assert.matches("\n       some, from try %d on: gave up after 10 s without", out)
        assert.matches("\n       some at try %d, the last at %d+: gave up after 10 s without",
                       (expect(0, "plot late --attempts 100")))
        write("never.lua", "return { backoff = function() return nil, 'it is <late> & dark' end }")
        has(expect(0, "plot never"), "\n    1  gives up: it is <late> & dark\n")
    end)

    -- Enough of XML to see that what was opened is closed.
    local function assert_xml(text)
        local open = {}
        local plain = text:gsub("<style>.-</style>", "")
        for closing, name, rest in plain:gmatch("<(/?)(%a+)([^>]*)>") do
            if closing == "/" then
                assert.equal(name, table.remove(open))
            elseif not rest:find("/$") then
                open[#open + 1] = name
            end
        end
        assert.same({}, open)
        assert.is_nil(text:find("&[^lagq]"))
    end

    it("plot writes an SVG for light and dark paper", function()
        write("steady.lua", STEADY)
        assert.equal("", (expect(0, "plot steady -o curve.svg")))
        local text = snippets.read(directory .. "/curve.svg")
        assert.equal(text, (expect(0, "plot steady --output=-")))
        has(text, '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ')
        has(text, "@media (prefers-color-scheme: dark)")
        has(text, "policy &quot;steady&quot;, version 9</text>")
        assert.equal(5, select(2, text:gsub("<circle ", "")))
        local points = text:match('<polygon class="band" points="([^"]*)"')
        assert.equal(10, select(2, points:gsub("[%d.]+,[%d.]+", "")))
        has(text, "full from 90 %, refuses</text>")
        assert_xml(text)
        write("never.lua", "return { backoff = function() return nil, 'it is <late> & dark' end }")
        text = expect(0, "plot never -o -")
        has(text, "gives up: it is &lt;late&gt; &amp; dark")
        assert_xml(text)
    end)

    it("plot says what it can't do", function()
        has(select(2, expect(2, "plot default -o curve.png")), "expected a name that ends in .svg")
        has(select(2, expect(1, "plot default -o nowhere/curve.svg")), "No such file")
        has(select(2, expect(2, "plot default --reason refusd")), 'did you mean "refused"?')
        has(select(2, expect(1, "plot defualt")), 'did you mean "default"?')
        write("bad.lua", "return { backoff = function(q) return q.attempt == 3 and {} or 1 end }")
        has(select(2, expect(1, "plot bad")), 'policy "bad": backoff, attempt 3: answered table')
    end)

    local function figures_of(text)
        local figures = {}
        for label, mine, default in text:gmatch("\n  +(%S[^\n]-)  +(%S[^\n]-)  +(%S[^\n]*)") do
            figures[label] = { mine, default }
        end
        return figures
    end

    it("simulate plays every scenario, with the default policy beside it", function()
        write("patient.lua", [[
            local backoff = require "hawser.policy.backoff"
            return {
                name = "patient", disconnected = "queue", stable_after = 0,
                backoff = backoff.fixed { delay = 0.5, max_retries = 0 },
                throttle = require("hawser.policy.throttle").levels { full = {
                    from = 0.5, refuse = true } },
            }]])
        local out, err = expect(0, "simulate patient")
        assert.equal("", err)
        local count = 0
        for line in expect(0, "simulate --list"):gmatch("[^\n]+") do
            has(out, line:match("^%S+") .. ", seed 1\n  " .. line:match("^%S+%s+(.*)$") .. "\n")
            count = count + 1
        end
        assert.equal(5, count)
        local restart = figures_of(out:match("server%-restart.-\n\n"))
        assert.same({ "100", "50" }, restart.attempts)
        assert.equal("0", restart["dead letters"][1]:gsub("[1-9]$", "0"))
        assert.is_true(tonumber(restart["dead letters"][2]) > 100)
        local slow = figures_of(out:match("slow%-consumer.-\n\n"))
        assert.is_true(tonumber(slow["sends refused"][1]) > 1000)
        assert.equal("0", slow["sends refused"][2])
        assert.is_true(tonumber(slow.queue_full[2]) > 1000)
        local gone = figures_of(out:match("one%-of%-ten%-gone.*$"))
        assert.equal("0", gone["given up"][1])
        assert.is_true(tonumber(gone["given up"][2]) > 0)
    end)

    it("simulate gives the same figures for the same seed, and counts every message", function()
        local function run_seed(seed, scenario)
            return dkjson.decode((expect(0, "simulate default --json --seed %d --scenario %s", seed,
                                         scenario)))
        end
        local first = run_seed(3, "server-restart")[1]
        assert.same(first, run_seed(3, "server-restart")[1])
        assert.not_same(first.policy.recoveries, run_seed(4, "server-restart")[1].policy.recoveries)
        for _, result in ipairs(run_seed(5, "all")) do
            assert.same(result.default, result.policy)
            local f, dead = result.policy, 0
            for _, letters in pairs(f.dead_letters) do dead = dead + letters end
            -- What was not acknowledged may have been delivered all the same.
            local counted = f.delivered + dead + f.waiting
            assert.is_true(counted >= f.sent, result.scenario)
            assert.is_true(counted - (f.dead_letters.unacknowledged or 0) <= f.sent,
                           result.scenario)
            assert.equal(0, f.unrecovered, result.scenario)
        end
    end)

    it("simulate tells of a policy that fails, and of what it does not know", function()
        write("bad.lua", "return { backoff = function(q)\n"
            .. "if q.address == 'loop:server-1' then error('on purpose') end return 1 end }")
        local out = expect(1, "simulate bad --scenario server-restart")
        has(out, "\n  problem: ./bad.lua:2: on purpose\n")
        has(select(2, expect(2, "simulate default --scenario server-restrat")),
            'did you mean "server-restart"?')
        has(select(2, expect(1, "simulate defualt")), 'did you mean "default"?')
        has(select(2, expect(2, "simulate")), "expected one policy's file or name")
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
