-- SPDX-License-Identifier: MIT
-- ctest: timeout=120 serial
-- hawser bench: that every row is measured and told, not how fast it is.

local HAWSER = dofile("spec/support/paths.lua").bin
local rows = require "hawser.bench.rows"
local draw = require "hawser.bench.draw"
local others = require "hawser.bench.others"

-- What `hawser bench` with these arguments writes, and its exit status.
local function run(arguments, executable)
    local pipe = assert(io.popen((executable or HAWSER) .. " bench " .. arguments .. "; echo $?"))
    local text = pipe:read("a")
    pipe:close()
    local output, status = text:match("^(.-)(%d+)\n$")
    return output, tonumber(status)
end

-- JSON whose texts have neither brackets nor "null": as a table.
local function decode(json)
    local lua = json:gsub("%[", "{"):gsub("%]", "}"):gsub('"([%w_]+)":', '["%1"]=')
    lua = lua:gsub("null", "nil")
    return assert(load("return " .. lua, "=json", "t", {}))()
end

describe("hawser bench", function()
    local report

    setup(function()
        local output, status = run("--seconds 0.05 --rounds 1 --endpoints 20 --json")
        assert.equal(0, status, output)
        report = decode(output)
    end)

    it("tells every row, with the floor's figure beside it", function()
        assert.equal(#rows, #report.rows)
        for i, row in ipairs(rows) do
            local got = report.rows[i]
            assert.equal(row.name, got.name)
            assert.is_true(got.hawser.value > 0, row.name)
            if row.floor then
                assert.is_true(got.floor.value > 0, row.name)
                local ratio = got.hawser.value / got.floor.value
                assert.is_near(ratio, got.ratio, ratio / 1000 + 0.0001)
            else
                assert.is_nil(got.floor)
            end
        end
    end)

    it("judges the rows that have a budget, and no others", function()
        for i, row in ipairs(rows) do
            local got = report.rows[i]
            if not row.judged then
                assert.is_nil(got.met)
            else
                local figure = row.judged == "ratio" and got.ratio or got.hawser.value
                local less = row.unit == "latency" or row.unit == "memory"
                local function within(mark)
                    if less then return figure <= mark end
                    return figure >= mark
                end
                local met = within(row.aim) and "aim" or within(row.must) and "must" or "no"
                assert.equal(met, got.met, row.name)
            end
        end
    end)

    it("has percentiles in order and the histogram they come from", function()
        local checked = 0
        for _, row in ipairs(report.rows) do
            if row.unit == "latency" then
                for _, side in ipairs { row.hawser, row.floor } do
                    assert.is_true(side.p50_ns <= side.p99_ns and side.p99_ns <= side.p999_ns)
                    local total, below, last = 0, 0, 0
                    for _, bucket in ipairs(side.histogram) do
                        assert.is_true(bucket[1] > last)
                        last = bucket[1]
                        total = total + bucket[2]
                        below = below + (bucket[1] < side.p50_ns and bucket[2] or 0)
                    end
                    assert.is_true(below < total / 2 + 1)
                    checked = checked + 1
                end
            end
        end
        assert.equal(4, checked)
    end)

    it("names the machine and the build", function()
        local machine = report.machine
        assert.is_true(machine.cores >= 1)
        assert.truthy(machine.compiler:find("^%a+ %d"))
        assert.is_string(machine.flags)
        assert.is_not.equal("unknown", machine.kernel)
    end)

    it("draws a table and a histogram, in ASCII where nothing else is known", function()
        local output, status = run("--seconds 0.05 --rounds 1 --only 'C ping'",
                                   "LC_ALL=C " .. HAWSER)
        assert.equal(0, status)
        assert.truthy(output:find("\nwork +cores +floor +hawser +ratio +must +aim +budget\n"))
        assert.truthy(output:find("\nC ping%-pong, p50 +1 +[%d.]+ us +[%d.]+ us +[%d.]+ +1.25 x "))
        assert.truthy(output:find("%% ##"))
        assert.is_nil(output:find("[\x80-\xff]"))
        assert.is_nil(output:find("requests", 1, true))
    end)

    it("refuses what it does not know, and names what is near", function()
        local output, status = run("--secnods 1 2>&1")
        assert.equal(2, status)
        assert.truthy(output:find('unknown option "--secnods"', 1, true))
        assert.truthy(output:find('did you mean "--seconds"', 1, true))
        output, status = run("--seconds fast 2>&1")
        assert.equal(2, status)
        assert.truthy(output:find("--seconds must be a number from 0.01 to 60", 1, true))
        output, status = run("--only erlang 2>&1")
        assert.equal(2, status)
        assert.truthy(output:find('no row has "erlang" in its name', 1, true))
    end)

    for name, number in pairs { INT = 130, TERM = 143 } do
        it("ends with one line on SIG" .. name, function()
            local output, status = run("--seconds 0.3 --rounds 9 --only ping-pong 2>&1 & "
                .. "sleep 0.5; kill -" .. name .. " $!; wait $!")
            assert.same({ "hawser: interrupted\n", number }, { output, status })
        end)
    end

    it("says how to build what is not beside the executable", function()
        local directory = os.tmpname()
        os.remove(directory)
        assert(os.execute(("mkdir %s && cp %s %s/hawser"):format(directory, HAWSER, directory)))
        local output, status = run("2>&1", directory .. "/hawser")
        os.execute("rm -r " .. directory)
        assert.equal(1, status)
        assert.truthy(output:find("cmake --build --preset release", 1, true))
    end)
end)

describe("a figure of the table", function()
    it("has three digits and its unit", function()
        assert.equal("27.7 M/s", draw.figure(27.7e6, "messages"))
        assert.equal("651 k/s", draw.figure(650999, "messages"))
        assert.equal("8.12 GB/s", draw.figure(8.123e9, "bytes"))
        assert.equal("15.6 us", draw.figure(15615, "latency"))
        assert.equal("10.8 KiB", draw.figure(11022, "memory"))
        assert.equal("", draw.figure(nil, "memory"))
    end)
end)

describe("what others took from a measurement", function()
    -- The name of a process may hold anything; children that have ended are its own.
    local function watch(user, steal, utime, cstime)
        return others.read(("cpu  %d 1 2 1000 50 3 4 %d 77 88"):format(user, steal),
            ("42 (a) b 9 9) S 1 2 3 4 5 6 7 8 9 10 %d 6 7 %d 20 0"):format(utime, cstime))
    end

    it("is what was busy and not ours, a host's other guests included", function()
        local before = watch(100, 10, 5, 8)
        assert.same({ busy = 120, own = 26, total = 1170 }, before)
        assert.is_near(20 / 60, others.share(before, watch(150, 20, 25, 28)), 1e-9)
        assert.equal(0, others.share(before, watch(140, 10, 25, 28)))
    end)

    it("is none where the system does not tell", function()
        assert.is_nil(others.read("intr 5", "42 (a) S 1"))
        assert.equal(0, others.share(nil))
        local now = others.start()
        assert.equal(0, others.share(now, now))
    end)
end)
