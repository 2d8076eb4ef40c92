-- SPDX-License-Identifier: MIT
-- The JSON that commands write, read back by another implementation.

local dkjson = require("dkjson")
local json = require("hawser.json")

describe("json.encode", function()
    it("writes what another reader reads", function()
        local value = {
            text = 'a "quote", a \\, a\nline, a\ttab, \1 and ü', list = { 1, 2.5, true, false },
            nested = { { a = { b = {} } } }, big = 1 << 53, small = 1e-300, third = 1 / 3,
            negative = -0.5,
        }
        assert.same(value, dkjson.decode(json.encode(value)))
    end)

    it("writes the same text for the same value", function()
        assert.equal('{"a":1,"b":[{"c":2},"x"],"d":{}}',
                     json.encode { d = {}, b = { { c = 2 }, "x" }, a = 1 })
        assert.equal("[]", json.encode(json.EMPTY))
        assert.equal("0.1", json.encode(0.1))
        assert.equal("null", json.encode(nil))
    end)

    it("writes null for numbers that JSON has not, and ? for bytes that are no text", function()
        assert.equal("[null,null,null]", json.encode { 0 / 0, math.huge, -math.huge })
        assert.equal('"a?b"', json.encode "a\xffb")
    end)
end)
