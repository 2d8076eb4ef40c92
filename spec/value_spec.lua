-- SPDX-License-Identifier: MIT
-- The mapping between Lua values and msgpack, byte for byte. Peers in other languages count on it.

local core = require("hawser.core")

local function hex(bytes)
    return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function bytes_of(text)
    return (text:gsub("%s", ""):gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end))
end

-- Each row: the Lua value, its encoding.
local GOLDEN = {
    { true, "c3" }, { false, "c2" },
    { 0, "00" }, { 1, "01" }, { 127, "7f" }, { 128, "cc80" }, { 255, "ccff" }, { 256, "cd0100" },
    { 65535, "cdffff" }, { 65536, "ce00010000" }, { 4294967295, "ceffffffff" },
    { 4294967296, "cf0000000100000000" }, { math.maxinteger, "cf7fffffffffffffff" },
    { -1, "ff" }, { -32, "e0" }, { -33, "d0df" }, { -128, "d080" }, { -129, "d1ff7f" },
    { -32768, "d18000" }, { -32769, "d2ffff7fff" }, { -2147483648, "d280000000" },
    { -2147483649, "d3ffffffff7fffffff" }, { math.mininteger, "d38000000000000000" },
    { 1.5, "cb3ff8000000000000" }, { 1.0, "cb3ff0000000000000" }, { -0.0, "cb8000000000000000" },
    { math.huge, "cb7ff0000000000000" },
    { "", "a0" }, { "abc", "a3616263" },
    { ("x"):rep(31), "bf" .. ("78"):rep(31) }, { ("x"):rep(32), "d920" .. ("78"):rep(32) },
    { ("x"):rep(256), "da0100" .. ("78"):rep(256) },
    { ("x"):rep(65536), "db00010000" .. ("78"):rep(65536) },
    { "h\u{e9}", "a368c3a9" }, { "\u{20ac}\u{10ffff}", "a7e282acf48fbfbf" },
    { "\xff", "c401ff" }, { "\xc0\x80", "c402c080" }, { "\xed\xa0\x80", "c403eda080" },
    { "\xf4\x90\x80\x80", "c404f4908080" }, { "caf\xc3", "c404636166c3" },
    { ("a"):rep(300) .. "\xff", "c5012d" .. ("61"):rep(300) .. "ff" },
}

local TABLES = {
    { {}, "90" }, { { 1, 2, 3 }, "93010203" }, { { a = 1 }, "81a16101" },
    { { 1, { 2, { x = true } } }, "9201920281a178c3" }, { { [1] = 1, [3] = 3 }, nil, "map" },
    { { 1, 2, n = 2 }, nil, "map" }, { { [0] = 0 }, "810000" },
    { { [1.5] = 1 }, "81cb3ff800000000000001" },
    { { [true] = 1 }, "81c301" }, { core.map {}, "80" }, { core.array {}, "90" },
    { core.map { 7 }, "810107" }, { core.array { 7 }, "9107" }, { core.map(), "80" },
    { { 1, core.null, 3 }, "9301c003" }, { { a = core.null }, "81a161c0" },
    { core.bin "abc", "c403616263" }, { core.bin "", "c400" },
    { core.ext(5, "a"), "d40561" }, { core.ext(5, "ab"), "d5056162" },
    { core.ext(-1, "abcd"), "d6ff61626364" }, { core.ext(5, "abc"), "c70305616263" },
    { core.ext(5, ("a"):rep(8)), "d705" .. ("61"):rep(8) },
    { core.ext(5, ("a"):rep(16)), "d805" .. ("61"):rep(16) },
    { core.ext(5, ("a"):rep(300)), "c8012c05" .. ("61"):rep(300) },
    { core.pid "h:1/x", "c70501683a312f78" },
}

describe("a value", function()
    for _, row in ipairs(GOLDEN) do
        local name = math.type(row[1]) and tostring(row[1])
            or ("%q"):format(tostring(row[1]):sub(1, 12))
        it(("%s is %s and comes back"):format(name, row[2]:sub(1, 20)), function()
            local packed = core.pack(row[1])
            assert.equal(row[2], hex(packed))
            local back = core.unpack(packed)
            assert.equal(row[1], back)
            assert.equal(math.type(row[1]), math.type(back))
        end)
    end

    it("nil is c0", function()
        assert.equal("c0", hex(core.pack(nil)))
        assert.same({ n = 1 }, table.pack(core.unpack("\xc0")))
    end)

    it("NaN comes back as NaN", function()
        local back = core.unpack(core.pack(0 / 0))
        assert.is_true(back ~= back)
    end)

    for i, row in ipairs(TABLES) do
        it("of a table, number " .. i, function()
            local packed = core.pack(row[1])
            if row[2] then assert.equal(row[2], hex(packed)) end
            if row[3] then assert.equal(0x80, packed:byte() & 0xf0) end
        end)
    end

    it("with every width of container comes back", function()
        for _, count in ipairs { 15, 16, 65535, 65536 } do
            local array, map = {}, {}
            for i = 1, count do array[i], map["k" .. i] = i, i end
            assert.equal(count, #core.unpack(core.pack(array)))
            local back, n = core.unpack(core.pack(map)), 0
            for key, value in pairs(back) do
                assert(key == "k" .. value)
                n = n + 1
            end
            assert.equal(count, n)
        end
    end)
end)

describe("what is received", function()
    local function received(text) return core.unpack(bytes_of(text)) end

    it("may be a float 32", function() assert.equal(1.5, received "ca3fc00000") end)
    it("may be wider than needed", function()
        assert.equal(1, received "cf0000000000000001")
        assert.equal(-1, received "d3ffffffffffffffff")
        assert.equal("a", received "db0000000161")
        assert.same({ 1 }, received "dd0000000101")
        assert.equal(1, received "df00000001a16101".a)
    end)
    it("above 2^63-1 is a float", function()
        local value = received "cfffffffffffffffff"
        assert.equal("float", math.type(value))
        assert.equal(2 ^ 64, value)
    end)
    it("as nil in an array is hawser.null, in a map a missing key", function()
        local array = received "9301c003"
        assert.equal(3, #array)
        assert.equal(core.null, array[2])
        assert.same({ b = 1 }, received "82a161c0a16201")
    end)
    it("as a nil or NaN key is hawser.null", function()
        assert.equal(1, received "81c001"[core.null])
        assert.equal(1, received "81cb7ff800000000000001"[core.null])
    end)
    it("as an empty map stays a map when it is sent on", function()
        assert.equal("80", hex(core.pack(received "80")))
        assert.equal("90", hex(core.pack(received "90")))
    end)
    it("as an unknown ext is passed on as it came", function()
        for _, text in ipairs { "d40561", "c70305616263", "d6ff61626364", "c70301ffffff" } do
            assert.equal(text, hex(core.pack((received(text)))))
        end
    end)
    it("as a PID is a PID", function()
        local pid = received "c70501683a312f78"
        assert.equal(core.pid "h:1/x", pid)
        assert.equal("h:1/x", tostring(pid))
        assert.equal("h:1", pid.address)
        assert.equal("x", pid.id)
    end)
    it("in bad shape is refused", function()
        for _, text in ipairs { "", "c1", "91", "0101", "a3ab", "81a161", "ddffffffff",
            "dfffffffff",
            "c6ffffffff", "c7", ("91"):rep(65) .. "00" } do
            local value, message, code = received(text)
            assert.is_nil(value)
            assert.is_string(message)
            assert.equal("EDECODE", code)
        end
    end)
end)

describe("what can not be sent", function()
    local function fault(value, limit)
        local packed, message, code = core.pack(value, limit)
        assert.is_nil(packed)
        return message, code
    end

    it("is named with its place", function()
        local function f() end
        assert.equal("message: a function can not be sent", (fault(f)))
        assert.equal("message.a.b: a function can not be sent", (fault { a = { b = f } }))
        assert.equal("message.list[2]: a thread can not be sent",
            (fault { list = { 1, coroutine.create(f) } }))
        assert.equal("message[1.5]: a userdata can not be sent", (fault { [1.5] = io.stdout }))
        assert.equal("message[table]: a table can not be a key", (fault { [{}] = 1 }))
        assert.equal("EENCODE", select(2, fault(f)))
    end)
    it("is a table that contains itself", function()
        local t = {}
        t.up = { t }
        assert.equal("message.up[1]: a table that contains itself can not be sent", (fault(t)))
    end)
    it("is a table nested more than 64 deep", function()
        local deep = {}
        for _ = 1, 64 do deep = { deep } end
        local message = fault(deep)
        assert.truthy(message:find("%.%.%..*%[1%]: nested more than 64 deep$"))
        assert.truthy(message:find("^message[%.%[%]1]+: "))
        assert.is_string(core.pack(deep[1]))
    end)
    it("is over the limit", function()
        for _, value in ipairs { ("x"):rep(100), { ("x"):rep(30), ("x"):rep(30) },
            core.bin(("x"):rep(99)) } do
            local message, code = fault(value, 50)
            assert.equal("the message is larger than 50 bytes (max_frame_size)", message)
            assert.equal("ETOOLARGE", code)
        end
        assert.is_string(core.pack(("x"):rep(48), 50))
    end)
    it("leaves nothing behind for the next value", function()
        fault { 1, 2, 3, print }
        assert.equal("01", hex(core.pack(1)))
    end)
end)

describe("the marks", function()
    it("tell what they are", function()
        assert.equal("hawser.null", tostring(core.null))
        assert.equal("abc", tostring(core.bin "abc"))
    end)
    it("refuse a table with another metatable", function()
        assert.error_matches(function() core.array(setmetatable({}, { __name = "thing" })) end,
            "thing")
        assert.error_matches(function() core.map(core.array {}) end, "hawser.array")
        local marked = core.map {}
        assert.equal(marked, core.map(marked))
    end)
    it("check their arguments", function()
        assert.has_error(function() core.bin(print) end)
        assert.has_error(function() core.ext(128, "") end)
        assert.has_error(function() core.ext(1) end)
    end)
end)

describe("a PID", function()
    it("has one form", function()
        assert.equal("h:1/x", tostring(core.pid "hawser.tcp://alpha@h:1/x"))
        assert.equal("unix:/p/q//x", tostring(core.pid "hawser.unix://alpha@/p/q//x"))
        assert.equal("unix:/p/q", core.pid("hawser.unix:///p/q//x").address)
        assert.equal("loop:a:1/x", tostring(core.pid "hawser.loop://a:1/x"))
        assert.equal(core.pid "h:1/x", core.pid "hawser.tcp://h:1/x")
        assert.not_equal(core.pid "h:1/x", core.pid "h:1/y")
    end)
    it("is refused when it is none", function()
        for _, text in ipairs { "", "x", "h:1/", "/x", "h:1 /x", ("h"):rep(700) .. "/x" } do
            local pid, message, code = core.pid(text)
            assert.is_nil(pid)
            assert.is_string(message)
            assert.equal("EADDRESS", code)
        end
        assert.has_error(function() core.pid(print) end)
    end)
end)
