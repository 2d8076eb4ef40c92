-- SPDX-License-Identifier: MIT
local glob = require "hawser.policy.glob"

describe("an endpoint pattern", function()
    it("matches the whole address: * any text, ? one byte, the rest itself", function()
        local yes = {
            { "*", "" }, { "*", "10.0.0.1:25520" }, { "10.1.*", "10.1.2.3:25520" },
            { "10.1.*", "10.1." }, { "*:25520", "beta:25520" }, { "beta?:*", "beta1:1" },
            { "a*b*c", "axxbyybzc" }, { "**", "x" }, { "a", "a" }, { "[::1]:*", "[::1]:9" },
            { "a%d.+-(", "a%d.+-(" }, { "?", "?" }, { "*a", "aaa" }, { "*ab*ab", "ababab" },
        }
        for _, case in ipairs(yes) do
            assert.is_true(glob.matches(case[1], case[2]), case[1] .. " " .. case[2])
        end
        local no = {
            { "", "a" }, { "a", "" }, { "?", "" }, { "10.1.*", "10.10.2.3:25520" },
            { "10.1.*", "110.1.2" }, { "a", "A" }, { "a", "ab" }, { "b", "ab" }, { "??", "a" },
            { "a*b*c", "axxbyyb" }, { "10.1.?", "10x1.2" }, { "[ab]", "a" },
        }
        for _, case in ipairs(no) do
            assert.is_false(glob.matches(case[1], case[2]), case[1] .. " " .. case[2])
        end
    end)

    it("agrees with a slow, plain definition on random cases", function()
        local function plain(p, t)
            if p == "" then
                return t == ""
            elseif p:sub(1, 1) == "*" then
                return plain(p:sub(2), t) or t ~= "" and plain(p, t:sub(2))
            end
            return t ~= "" and (p:sub(1, 1) == "?" or p:sub(1, 1) == t:sub(1, 1))
                and plain(p:sub(2), t:sub(2))
        end
        math.randomseed(20)
        local function word(letters, longest)
            local out = {}
            for i = 1, math.random(0, longest) do
                local n = math.random(#letters)
                out[i] = letters:sub(n, n)
            end
            return table.concat(out)
        end
        local matched = 0
        for _ = 1, 20000 do
            local p, t = word("ab*?", 6), word("ab", 8)
            local expected = plain(p, t)
            matched = matched + (expected and 1 or 0)
            assert.equal(expected, glob.matches(p, t), p .. " " .. t)
        end
        assert.is_true(matched > 1000)
    end)

    it("costs little, whatever the pattern", function()
        local count = 0
        debug.sethook(function()
            count = count + 1
        end, "", 1000)
        local found = glob.matches(("*a"):rep(100) .. "b", ("a"):rep(255))
        debug.sethook()
        assert.is_false(found)
        assert.is_true(count < 100, count .. " thousand instructions")
    end)

    it("goes before a less specific one", function()
        local patterns = { "*", "10.1.*", "10.*", "10.1.2.3:*", "10.1.2.3:1", "10.1.?.*", "10.1.**",
                           "10.2.*", "x*", "x?*" }
        table.sort(patterns, glob.before)
        assert.same({ "10.1.2.3:1", "10.1.2.3:*", "10.1.?.*", "10.1.*", "10.2.*", "10.1.**",
                      "10.*", "x?*", "x*", "*" }, patterns)
    end)

    it("has an example that matches, with a port if it can have one", function()
        local cases = {
            ["10.1.*"] = "10.1.1:25520", ["beta:1"] = "beta:1", ["beta?"] = "beta1",
            ["*"] = "1:25520", ["*:7"] = "1:7",
        }
        for pattern, expected in pairs(cases) do
            assert.equal(expected, glob.example(pattern))
            assert.is_true(glob.matches(pattern, expected))
        end
    end)
end)
