-- SPDX-License-Identifier: MIT
local throttle = require "hawser.policy.throttle"

local DEFAULT = {
    { name = "warning", from = 0.60 }, { name = "critical", from = 0.85 }, hysteresis = 0.05,
}

describe("throttle.levels", function()
    it("has the defaults warning 0.60, critical 0.85 and hysteresis 0.05", function()
        assert.same(DEFAULT, throttle.levels())
        assert.same(DEFAULT, throttle.levels {})
        assert.same(DEFAULT, throttle.levels { critical = 0.85, warning = 0.60 })
    end)

    it("takes exactly the levels that are named, in the order of their thresholds", function()
        assert.same({ { name = "warning", from = 0.5 }, hysteresis = 0.05 },
                    throttle.levels { warning = 0.5 })
        assert.same({
            { name = "amber", from = 0.3 }, { name = "warning_2", from = 0.7 },
            { name = "red", from = 1 }, hysteresis = 0.1,
        }, throttle.levels { red = 1, amber = 0.3, warning_2 = 0.7, hysteresis = 0.1 })
    end)

    it("takes what a level does with messages", function()
        assert.same({
            { name = "warning", from = 0.5 }, { name = "shed", from = 0.6, keep_every = 10 },
            { name = "full", from = 0.9, refuse = true }, hysteresis = 0.05,
        }, throttle.levels {
            warning = 0.5, shed = { from = 0.6, keep_every = 10 },
            full = { from = 0.9, refuse = true },
        })
    end)

    it("takes another hysteresis with the default levels, and 0", function()
        assert.same({ DEFAULT[1], DEFAULT[2], hysteresis = 0.1 },
                    throttle.levels { hysteresis = 0.1 })
        assert.equal(0, throttle.levels { hysteresis = 0 }.hysteresis)
    end)

    it("makes a new table each time", function()
        throttle.levels()[1].from = 0.1
        assert.same(DEFAULT, throttle.levels())
    end)

    local cases = {
        { { hysterisis = 0.05 },
          'hysterisis: not a level and too near "hysteresis"; did you mean "hysteresis"?' },
        { { warnig = 0.5 }, 'warnig: not a level and too near "warning"; did you mean "warning"?' },
        { { Critical = 0.5 },
          'Critical: not a level and too near "critical"; did you mean "critical"?' },
        { { normal = 0.5 },
          'normal: the level below the first threshold is always called "normal"' },
        { { [1] = 0.5 }, "[1]: expected the name of a level, up to 31 letters, digits, _ and -" },
        { { ["a b"] = 0.5 },
          '["a b"]: expected the name of a level, up to 31 letters, digits, _ and -' },
        { { warning = 0 }, "warning = 0: expected a number above 0, up to 1" },
        { { warning = 60 }, "warning = 60: expected a number from 0 to 1" },
        { { warning = 0 / 0 }, "warning = %-?nan: expected a number from 0 to 1", true },
        { { warning = "0.6" }, 'warning = "0.6": expected a number from 0 to 1' },
        { { warning = 0.5, amber = 0.5 }, "warning = 0.5: expected more than amber = 0.5" },
        { { hysteresis = -1 }, "hysteresis = -1: expected a number from 0 to 0.5" },
        { { hysteresis = "x" }, 'hysteresis = "x": expected a number from 0 to 0.5' },
        { { low = 0.04 }, "hysteresis = 0.05: expected less than low = 0.04, or no fill would be "
            .. "normal again" },
        { { low = 0.05 }, "hysteresis = 0.05: expected less than low = 0.05, or no fill would be "
            .. "normal again" },
        { 0.6, "expected a table of levels, got 0.6" },
        { { full = { refuse = true } }, "full = nil: expected a number from 0 to 1" },
        { { full = { from = 0.5, refuse = 1 } }, "full: refuse = 1: expected true or false" },
        { { full = { from = 0.5, refuse = true, keep_every = 2 } },
          "full: refuse and keep_every: expected one of them" },
        { { shed = { from = 0.5, keep_every = 0 } },
          "shed: keep_every = 0: expected a whole number from 1 to 1000000000" },
        { { shed = { from = 0.5, keep = 2 } }, 'shed: unknown field "keep", expected one of '
            .. "from, keep_every, name, refuse" },
        { { aa1 = .1, bb2 = .2, cc3 = .3, dd4 = .4, ee5 = .5, ff6 = .6, gg7 = .7, hh8 = .8,
            ii9 = .9 }, "9 levels: expected 8 at most" },
    }
    for _, case in ipairs(cases) do
        it("refuses with a sentence: " .. case[2], function()
            local ok, why = pcall(function()
                local made = throttle.levels(case[1])
                return made
            end)
            assert.is_false(ok)
            local place, rest = why:match("^(.-:%d+): throttle.levels: (.*)$")
            assert.matches("policy_throttle_spec.lua:%d+$", place)
            if case[3] then
                assert.matches("^" .. case[2] .. "$", rest)
            else
                assert.equal(case[2], rest)
            end
        end)
    end
end)

describe("throttle.check", function()
    it("takes what levels makes, and the same written by hand", function()
        assert.is_true(throttle.check(throttle.levels()))
        assert.is_true(throttle.check { { name = "red", from = 0.9 }, hysteresis = 0 })
        assert.is_true(throttle.check { hysteresis = 0 })
    end)

    local how = 'expected throttle.levels { ... }, such as '
        .. 'require("hawser.policy.throttle").levels { warning = 0.6, critical = 0.85 }'
    local cases = {
        { 5, how },
        { {}, how },
        { { warning = 0.6 }, how .. "; found the key warning" },
        { { 5, hysteresis = 0 }, how .. "; found 5" },
        { { { name = "red", from = 0.9 } }, "hysteresis = nil: expected a number from 0 to 0.5" },
        { { { name = "red", from = 0.9 }, hysteresis = 0.6 },
          "hysteresis = 0.6: expected a number from 0 to 0.5" },
        { { { name = "b", from = 0.9 }, { name = "a", from = 0.8 }, hysteresis = 0 },
          "a = 0.8: expected more than b = 0.9" },
        { { { name = "a", from = 0.8 }, { name = "a", from = 0.9 }, hysteresis = 0 },
          "a: named twice" },
        { { { from = 0.8 }, hysteresis = 0 },
          "[nil]: expected the name of a level, up to 31 letters, digits, _ and -" },
    }
    for _, case in ipairs(cases) do
        it("says what is wrong: " .. case[2], function()
            assert.same({ nil, case[2] }, { throttle.check(case[1]) })
        end)
    end
end)
