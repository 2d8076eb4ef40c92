-- SPDX-License-Identifier: MIT
-- The wire protocol once more, from docs/wire.md alone: every vector is read and written without
-- the runtime, and the page's examples and tables are compared with the vectors and the headers.

local LIMIT = 4096

local function contents(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function from_hex(hex)
  local function byte(pair) return string.char(tonumber(pair, 16)) end
  return (hex:gsub("%s", ""):gsub("%x%x", byte))
end

local function to_hex(bytes)
  return (bytes:gsub(".", function(char) return ("%02x"):format(char:byte()) end))
end

-- Unsigned 64-bit numbers live in Lua's integers; only their decimal form needs care.
local function decimal(number)
  if number >= 0 then return ("%d"):format(number) end
  local tens = (number >> 1) // 5
  return ("%d%d"):format(tens, number - tens * 10)
end

local function undecimal(text)
  local number = 0
  for digit in text:gmatch("%d") do number = number * 10 + tonumber(digit) end
  return number
end

local msgpack = dofile("spec/support/msgpack.lua")
local bad, refuse, token, unpack = msgpack.bad, msgpack.refuse, msgpack.token, msgpack.unpack
local containers, put_uint, put_str = msgpack.containers, msgpack.put_uint, msgpack.put_str

-- ---- reading ----

local function need(condition) if not condition then refuse("EPROTOCOL") end end

local function uint(item, least, most)
  need(item and item[1] == "uint")
  need(not least or not math.ult(item[2], least))
  need(not most or not math.ult(most, item[2]))
  return item[2]
end

local function text_of(item, most, pattern, least)
  need(item and item[1] == "str" and #item[2] >= (least or 1) and #item[2] <= most)
  if pattern then need(not item[2]:find(pattern)) end
  return item[2]
end

local function readable(item, most, pattern, least)
  local text = text_of(item, most, pattern, least)
  need(utf8.len(text))
  for _, point in utf8.codes(text) do need(point >= 0x20 and (point < 0x7f or point > 0x9f)) end
  return text
end

local function quoted(text) return '"' .. text .. '"' end

local function symbol(item, most, pattern)
  need(item)
  if item[1] == "nil" then return "nil" end
  if item[1] == "uint" then return "#" .. uint(item, 1, 4096) end
  if item[1] == "str" then return quoted(readable(item, most, pattern)) end
  need(item[1] == "array" and #item[2] == 2)
  return ("#%d=%s"):format(uint(item[2][1], 1, 4096), quoted(readable(item[2][2], 255, pattern)))
end

local kinds = {
  [0] = "HELLO", "WELCOME", "REFUSE", "BYE", "PING", "PONG", "ACK", "DELIVER", "SYSTEM",
}
local codes = { "WATCH", "UNWATCH", "TERMINATED", "STOP", "DEAD_LETTER" }
local read = {}

local hello_numbers = {
  "uid", "nonce", "seed", "session", "known_session", "received_system", "received_user",
}

function read.HELLO(items)
  if uint(items[2]) ~= 1 then refuse("EVERSION") end
  need(#items >= 12)
  local out = {
    "version=1",
    "features=" .. decimal(uint(items[3])),
    "name=" .. quoted(text_of(items[4], 64, "[^%w_.-]")),
    "address=" .. quoted(readable(items[5], 255, " ", 0)),
  }
  for i, name in ipairs(hello_numbers) do
    local least = (name == "uid" or name == "session") and 1 or 0
    out[#out + 1] = name .. "=" .. decimal(uint(items[5 + i], least))
  end
  return table.concat(out, " ")
end
read.WELCOME = read.HELLO

function read.REFUSE(items)
  need(#items == 3)
  return ("code=%s text=%s"):format(decimal(uint(items[2])), quoted(text_of(items[3], 255, nil, 0)))
end
read.BYE = read.REFUSE

function read.PING(items)
  need(#items == 2)
  return "time=" .. decimal(uint(items[2]))
end
read.PONG = read.PING

function read.ACK(items)
  need(#items == 3)
  return ("system=%s user=%s"):format(decimal(uint(items[2])), decimal(uint(items[3])))
end

function read.SYSTEM(items)
  need(#items == 6)
  local code = codes[uint(items[2], 1, 5)]
  local optional = code == "STOP" or code == "DEAD_LETTER"
  local sender = optional and items[4][1] == "nil" and "nil" or quoted(readable(items[4], 542, " "))
  return ("code=%s target=%s sender=%s reason=%d number=%s"):format(code,
    quoted(readable(items[3], 255, " ")), sender, uint(items[5], 0, 65535), decimal(uint(items[6])))
end

-- The payload is judged apart from the rest: what is wrong with it does not end the link.
local function read_deliver(body, count, at)
  need(count >= 5 and count <= 7)
  local items = {}
  for i = 2, count - 1 do items[i], at = token(body, at, 0) end
  local target = symbol(items[2], 255, " ")
  local sender, type_ = symbol(items[3], 542, " "), symbol(items[4], 255)
  local request_id = count > 5 and uint(items[5]) or 0
  local correlation = "derived"
  if count == 7 then
    need(items[6][1] == "bin" and #items[6][2] == 12)
    correlation = ("%016x:%08x"):format(string.unpack(">i8I4", items[6][2]))
  end
  need(target ~= "nil" or request_id ~= 0)
  local whole, _, after = pcall(token, body, at, 0)
  local fields = ("target=%s sender=%s type=%s request_id=%s correlation=%s payload=%s"):format(
    target, sender, type_, decimal(request_id), correlation, to_hex(body:sub(at)))
  return fields, not (whole and after == #body + 1) and "EDECODE" or nil
end

local function read_body(body)
  local head = body:byte(1)
  local count, at = head - 0x90, 2
  if head == 0xdc or head == 0xdd then
    count, at = unpack(containers[head], body, 2)
  end
  need(count >= 1 and (count < 16 or head >= 0xdc))
  local first, after = token(body, at, 0)
  local kind = kinds[uint(first, 0, 8)]
  if kind == "DELIVER" then
    local fields, code = read_deliver(body, count, after)
    return "kind=DELIVER " .. fields, code
  end
  local whole, last = token(body, 1, 0)
  need(last == #body + 1)
  return ("kind=%s %s"):format(kind, read[kind](whole[2]))
end

-- Fields and nothing, fields and "EDECODE", or "" and what is wrong.
local function read_frame(bytes)
  if #bytes < 4 then return "", "more" end
  local length = string.unpack(">I4", bytes)
  if length == 0 then return "", "EPROTOCOL" end
  if length > LIMIT then return "", "ETOOLARGE" end
  if #bytes < 4 + length then return "", "more" end
  local ok, fields, code = pcall(read_body, bytes:sub(5, 4 + length))
  if ok then return fields, code end
  if type(fields) ~= "table" or fields.mark ~= bad then error(fields, 0) end
  return "", fields.code
end

-- ---- writing ----

local function put_symbol(text)
  local index, name = text:match("^#(%d+)=?(.*)$")
  name = (name or text):match('^"(.*)"$')
  if text == "nil" then return "\xc0" end
  if not index then return put_str(name) end
  return name and "\x92" .. put_uint(tonumber(index)) .. put_str(name) or put_uint(tonumber(index))
end

local function put_value(key, value)
  if key == "kind" or key == "code" then
    for number, name in pairs(key == "kind" and kinds or codes) do
      if name == value then return put_uint(number) end
    end
  end
  if value:find("^%d+$") and key ~= "payload" then return put_uint(undecimal(value)) end
  return put_symbol(value)
end

-- A field is key=word, or key= and a text in quotes, before it maybe the number it is defined as.
local function each_field(fields)
  local at = 1
  return function()
    local key, value, after = fields:match('^([%w_]+)=(#?%d*=?"[^"]*")%s*()', at)
    if not key then key, value, after = fields:match("^([%w_]+)=(%S+)%s*()", at) end
    at = after or at
    return key, value
  end
end

local function write_frame(fields)
  local out = {}
  local continued = not fields:find("correlation=derived", 1, true)
  for key, value in each_field(fields) do
    if key == "payload" then
      out[#out + 1] = from_hex(value)
    elseif key == "correlation" then
      if continued then out[#out + 1] = "\xc4\x0c" .. from_hex((value:gsub(":", ""))) end
    elseif key ~= "request_id" or value ~= "0" or continued then
      out[#out + 1] = put_value(key, value)
    end
  end
  return string.pack(">s4", string.char(0x90 + #out) .. table.concat(out))
end

-- ---- the specs ----

local vectors, order = {}, {}
for line in contents("spec/vectors/wire.txt"):gmatch("[^\n]+") do
  if line:sub(1, 1) ~= "#" then
    local name, expect, hex, fields = line:match("^(%S+) | (%S+) |%s*(.-)%s*|%s*(.-)%s*$")
    vectors[name] = { expect = expect, bytes = from_hex(hex), fields = fields }
    order[#order + 1] = name
  end
end
local page = contents("docs/wire.md")

describe("the wire's vectors", function()
  for _, name in ipairs(order) do
    local vector = vectors[name]
    local exact = vector.expect == "exact"
    it(name .. " is " .. vector.expect, function()
      local fields, code = read_frame(vector.bytes)
      assert.equal(vector.fields, fields)
      assert.equal(vector.expect, code or (exact and "exact" or "accept"))
      if exact then assert.equal(to_hex(vector.bytes), to_hex(write_frame(vector.fields))) end
    end)
  end

  it("cover every kind and every outcome", function()
    local seen = {}
    for _, vector in pairs(vectors) do
      seen[vector.expect] = true
      if vector.expect == "exact" then seen[vector.fields:match("kind=(%u+)")] = true end
    end
    local outcomes = { "accept", "more", "EPROTOCOL", "EDECODE", "ETOOLARGE", "EVERSION" }
    for _, what in ipairs(table.move(kinds, 0, 8, #outcomes + 1, outcomes)) do
      assert.is_true(seen[what], what)
    end
  end)
end)

describe("docs/wire.md", function()
  it("shows vectors and nothing else in its examples", function()
    local shown = 0
    for name, block in page:gmatch("\n```wire (%S+)\n(.-)\n```") do
      local hex = block:gsub(";[^\n]*", ""):gsub("%s", "")
      assert.is_table(vectors[name], name)
      assert.equal(to_hex(vectors[name].bytes), hex, name)
      shown = shown + 1
    end
    assert.is_true(shown >= 9)
  end)

  local function rows(heading)
    local found = {}
    local body = page:match("\n" .. heading .. "[^\n]*\n|[-|]+\n(.-)\n\n")
    assert(body, heading)
    for line in body:gmatch("[^\n]+") do
      local cells = {}
      for cell in line:gmatch("|%s*([^|]-)%s*%f[|]") do cells[#cells + 1] = cell end
      found[#found + 1] = cells
    end
    return found
  end

  -- The X(name, ...) entries of one table in a header.
  local function entries(path, macro)
    local source = contents(path):gsub("\\\n", " ")
    local found = {}
    local table_ = source:match("#define " .. macro .. "%(X%)([^\n]*)")
    for name, rest in table_:gmatch("X%(([%w_]+)%s*,?%s*([^)]*)%)") do
      found[#found + 1] = { name, rest }
    end
    assert(#found > 0, macro)
    return found
  end

  it("has the kinds of the code", function()
    for i, entry in ipairs(entries("runtime/wire/frame.h", "HWSI_FRAME_KINDS")) do
      local row = rows("| kind |")[i]
      assert.same(entry, { row[1], row[2] })
      assert.equal(kinds[tonumber(entry[2])], entry[1])
    end
  end)

  it("has the system codes of the code", function()
    for i, entry in ipairs(entries("runtime/wire/envelope.h", "HWSI_SYSTEM_CODES")) do
      local row = rows("| code | number | meaning | sender |")[i]
      assert.same(entry, { row[1], row[2] })
    end
  end)

  it("has the numbers of the reasons, which go over the wire", function()
    local documented = rows("| number | TERMINATED |")
    local letters = entries("runtime/include/hawser/message.h", "HWS_DEAD_LETTER_REASONS")
    local terminated = entries("runtime/include/hawser/message.h", "HWS_TERMINATED_REASONS")
    assert.equal(#letters, #documented)
    for i, row in ipairs(documented) do
      assert.same({ tostring(i - 1), terminated[i] and terminated[i][1] or "", letters[i][1] }, row)
    end
  end)
end)
