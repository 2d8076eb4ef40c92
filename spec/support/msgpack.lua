-- SPDX-License-Identifier: MIT
-- msgpack from its specification alone, for specs that read and write without the runtime. A token
-- is { type, value }, and token() gives the position after it too; containers hold tokens. What is
-- wrong raises { mark = bad, code = }.

local msgpack = {}

local bad = {}
local function refuse(code) error({ mark = bad, code = code }, 0) end

local formats = {
  [0xcc] = ">I1", [0xcd] = ">I2", [0xce] = ">I4", [0xcf] = ">I8",
  [0xd0] = ">i1", [0xd1] = ">i2", [0xd2] = ">i4", [0xd3] = ">i8",
  [0xca] = ">f", [0xcb] = ">d",
}
local sized = {
  [0xc4] = { "bin", ">s1" }, [0xc5] = { "bin", ">s2" }, [0xc6] = { "bin", ">s4" },
  [0xd9] = { "str", ">s1" }, [0xda] = { "str", ">s2" }, [0xdb] = { "str", ">s4" },
}
local extended = { [0xc7] = ">I1", [0xc8] = ">I2", [0xc9] = ">I4" }
local containers = { [0xdc] = ">I2", [0xdd] = ">I4", [0xde] = ">I2", [0xdf] = ">I4" }

local function unpack(format, bytes, at)
  local ok, value, after = pcall(string.unpack, format, bytes, at)
  if not ok then refuse("EPROTOCOL") end
  return value, after
end

local token

local function container(bytes, at, kind, count, depth)
  if depth == 64 then refuse("EPROTOCOL") end
  local items = {}
  for i = 1, kind == "map" and 2 * count or count do
    items[i], at = token(bytes, at, depth + 1)
  end
  return { kind, items }, at
end

function token(bytes, at, depth)
  local head = bytes:byte(at)
  if not head or head == 0xc1 then refuse("EPROTOCOL") end
  if head < 0x80 then return { "uint", head }, at + 1 end
  if head < 0x90 then return container(bytes, at + 1, "map", head - 0x80, depth) end
  if head < 0xa0 then return container(bytes, at + 1, "array", head - 0x90, depth) end
  if head < 0xc0 then
    if #bytes < at + head - 0xa0 then refuse("EPROTOCOL") end
    return { "str", bytes:sub(at + 1, at + head - 0xa0) }, at + 1 + head - 0xa0
  end
  if head >= 0xe0 then return { "negative", head - 256 }, at + 1 end
  if head <= 0xc3 then return { head == 0xc0 and "nil" or "boolean", head == 0xc3 }, at + 1 end
  if sized[head] then
    local value, after = unpack(sized[head][2], bytes, at + 1)
    return { sized[head][1], value }, after
  end
  if containers[head] then
    local count, after = unpack(containers[head], bytes, at + 1)
    return container(bytes, after, head < 0xde and "array" or "map", count, depth)
  end
  if formats[head] then
    local value, after = unpack(formats[head], bytes, at + 1)
    if head <= 0xcb then return { "float", value }, after end
    return { head >= 0xd0 and value < 0 and "negative" or "uint", value }, after
  end
  local size, after = 1 << (head - 0xd4), at + 1
  if extended[head] then size, after = unpack(extended[head], bytes, after) end
  if #bytes < after + size then refuse("EPROTOCOL") end
  return { "ext", bytes:sub(after, after + size) }, after + 1 + size
end

local function put_uint(number)
  if number >= 0 and number < 0x80 then return string.char(number) end
  for head, most in pairs({ [0xcc] = 0xff, [0xcd] = 0xffff, [0xce] = 0xffffffff }) do
    local least = ({ [0xcc] = 0x80, [0xcd] = 0x100, [0xce] = 0x10000 })[head]
    if number >= least and number <= most then
      return string.pack("B" .. formats[head], head, number)
    end
  end
  return string.pack(">Bi8", 0xcf, number)
end

local function put_str(text)
  if #text < 32 then return string.char(0xa0 + #text) .. text end
  if #text < 256 then return "\xd9" .. string.pack(">s1", text) end
  return "\xda" .. string.pack(">s2", text)
end

msgpack.bad, msgpack.refuse, msgpack.token, msgpack.unpack = bad, refuse, token, unpack
msgpack.containers, msgpack.put_uint, msgpack.put_str = containers, put_uint, put_str

return msgpack
