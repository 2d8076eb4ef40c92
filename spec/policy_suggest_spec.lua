-- SPDX-License-Identifier: MIT
local suggest = require "hawser.suggest"

describe("suggest", function()
    it("counts insertions, deletions, replacements and swaps as one each", function()
        local cases = {
            { "", "", 0 }, { "", "abc", 3 }, { "abc", "", 3 }, { "abc", "abc", 0 },
            { "throtle", "throttle", 1 }, { "throttlee", "throttle", 1 },
            { "initail", "initial", 1 }, { "thrxttle", "throttle", 1 },
            { "kitten", "sitting", 3 }, { "ca", "abc", 3 }, { "ab", "ba", 1 },
        }
        for _, case in ipairs(cases) do
            assert.equal(case[3], suggest.distance(case[1], case[2]), case[1] .. "/" .. case[2])
            assert.equal(case[3], suggest.distance(case[2], case[1]), case[2] .. "/" .. case[1])
        end
    end)

    it("names the nearest, and the first listed of equals", function()
        assert.equal("max", suggest.nearest("maxx", { "min", "max", "max_retries" }))
        assert.equal("ab", suggest.nearest("aa", { "ab", "ac" }))
        assert.equal("backoff", suggest.nearest("BackOff", { "throttle", "backoff" }))
    end)

    it("says nothing when nothing is near, or the name is no name", function()
        assert.is_nil(suggest.nearest("colour", { "backoff", "throttle" }))
        assert.is_nil(suggest.nearest("xy", { "ab" }))
        assert.is_nil(suggest.nearest(7, { "ab" }))
        assert.is_nil(suggest.nearest(("a"):rep(1000000), { "ab" }))
    end)

    it("writes the tail of a message", function()
        assert.equal('expected one of a, bcd; did you mean "bcd"?',
                     suggest.expected("bdc", { "a", "bcd" }))
        assert.equal("expected one of a, bcd", suggest.expected("zzzzz", { "a", "bcd" }))
    end)
end)
