-- SPDX-License-Identifier: MIT
-- Questions to "$services" and their answers once more, from docs/wire.md alone: every vector is
-- read and written without the runtime, and the page's tables are compared with the headers.

local msgpack = dofile("spec/support/msgpack.lua")
local tables = dofile("spec/support/tables.lua")

local FORMS = { text = "str", number = "uint" }
local KEYS_MOST = 32

local function from_hex(hex)
    return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function to_hex(bytes)
    return (bytes:gsub(".", function(char) return ("%02x"):format(char:byte()) end))
end

-- The keys of the code, in their order: name and form.
local function keys_of(macro)
    local text = tables.read("runtime/wire/service.h"):gsub("\\\n", " ")
    local body = assert(text:match("#define " .. macro .. "%(X%)([^\n]*)"))
    local keys = {}
    for name, form in body:gmatch("X%(([%w_]+),%s*([%w_]+)%)") do
        keys[#keys + 1] = { name = name, form = form }
        keys[name] = form
    end
    return keys
end

local KEYS = {
    request = keys_of("HWSI_SERVICE_REQUEST_KEYS"),
    answer = keys_of("HWSI_SERVICE_ANSWER_KEYS"),
}

-- The position behind a map's head, and how many pairs it has.
local function map_head(bytes)
    local head = bytes:byte(1)
    if head >= 0x80 and head < 0x90 then return 2, head - 0x80 end
    if head ~= 0xde and head ~= 0xdf then msgpack.refuse("EDECODE") end
    local count, at = msgpack.unpack(msgpack.containers[head], bytes, 2)
    return at, count
end

local function shown(form, item, bytes)
    if form == "value" then return to_hex(bytes) end
    if item[1] ~= FORMS[form] then msgpack.refuse("EDECODE") end
    return form == "text" and '"' .. item[2] .. '"' or item[2] ~= 0 and tostring(item[2]) or nil
end

local function read_map(what, bytes)
    local keys, found, seen = KEYS[what], {}, {}
    local at, count = map_head(bytes)
    if count > KEYS_MOST then msgpack.refuse("EDECODE") end
    for _ = 1, count do
        local key, value, from
        key, from = msgpack.token(bytes, at, 1)
        value, at = msgpack.token(bytes, from, 1)
        local form = key[1] == "str" and keys[key[2]]
        if form then
            if seen[key[2]] then msgpack.refuse("EDECODE") end
            seen[key[2]] = true
            if value[1] ~= "nil" or form == "value" then
                found[key[2]] = shown(form, value, bytes:sub(from, at - 1))
            end
        end
    end
    if at ~= #bytes + 1 then msgpack.refuse("EDECODE") end
    local fields = {}
    for _, key in ipairs(keys) do
        if found[key.name] then fields[#fields + 1] = key.name .. "=" .. found[key.name] end
    end
    return table.concat(fields, " ")
end

local function write_map(what, fields)
    local out = {}
    -- Words first become texts, so that one pattern finds all.
    local quoted = (fields .. " "):gsub("=([^\" ]+) ", '="%1" ')
    for key, text in quoted:gmatch('([%w_]+)="([^"]*)"') do
        local form = KEYS[what][key]
        out[#out + 1] = msgpack.put_str(key) ..
            (form == "text" and msgpack.put_str(text) or form == "value" and from_hex(text) or
                msgpack.put_uint(tonumber(text)))
    end
    return string.char(0x80 + #out) .. table.concat(out)
end

local vectors = {}
for line in tables.read("spec/vectors/services.txt"):gmatch("[^\n]+") do
    if line:sub(1, 1) ~= "#" then
        local name, what, expect, hex, fields =
            line:match("^(%S+) | (%S+) | (%S+) | (%x*) |%s*(.-)$")
        vectors[#vectors + 1] = { name = name, what = what, expect = expect,
            bytes = from_hex(hex), fields = fields }
    end
end

describe("the vectors of services", function()
    for _, vector in ipairs(vectors) do
        it(vector.name .. " is " .. vector.expect, function()
            local ok, fields = pcall(read_map, vector.what, vector.bytes)
            if not ok and not (type(fields) == "table" and fields.mark == msgpack.bad) then
                error(fields, 0)
            end
            assert.equal(vector.expect == "EDECODE", not ok)
            if not ok then return end
            assert.equal(vector.fields, fields)
            if vector.expect == "exact" then
                assert.equal(to_hex(vector.bytes), to_hex(write_map(vector.what, fields)))
            end
        end)
    end

    it("use every key", function()
        local used = { request = {}, answer = {} }
        for _, vector in ipairs(vectors) do
            for key in vector.fields:gmatch("([%w_]+)=") do used[vector.what][key] = true end
        end
        for what, keys in pairs(KEYS) do
            for _, key in ipairs(keys) do assert.is_true(used[what][key.name], key.name) end
        end
    end)
end)

describe("docs/wire.md", function()
    local section = tables.read("docs/wire.md"):match("\n## Services\n(.-)\n## ")

    it("names every request, key and status", function()
        local words = {}
        for i, row in ipairs(tables.rows("service", "HWS_MATCHES")) do words[i] = row[1] end
        for _, keys in pairs(KEYS) do
            for _, key in ipairs(keys) do
                if key.name ~= "request" then words[#words + 1] = key.name end
            end
        end
        local header = tables.read("runtime/wire/service.h")
        local requests = header:match("HWSI_SERVICE_REQUESTS%(X%)([^\n]*)")
        for name in requests:gmatch("X%((%w+)%)") do words[#words + 1] = name end
        for _, word in ipairs(words) do
            assert.truthy(section:find("`" .. word .. "`", 1, true), word)
        end
    end)

    it("has the limits of the code", function()
        local header = tables.read("runtime/include/hawser/service.h")
        local function limit(name)
            return tonumber(header:match("#define " .. name .. " (%d+)u"))
        end
        assert.same({ 65536, 255, 64, 1000, 256 }, { limit("HWS_SPAWN_ARGUMENTS_MAX"),
            limit("HWS_PATTERN_MAX"), limit("HWS_KIND_MAX"), limit("HWS_PAGE_MAX"),
            limit("HWS_DETAIL_MAX") })
        for _, shown_as in ipairs { "65 536", "67 584", "`pattern` 255", "`kind` 64",
            "at most 1000", "at most 255 bytes" } do
            assert.truthy(section:find(shown_as, 1, true), shown_as)
        end
    end)
end)
