-- SPDX-License-Identifier: MIT
-- Writes JSON, for the commands' --json: tables whose keys are 1 to n are arrays, all others
-- objects with their keys in order, so that the same value is the same text. Numbers that JSON has
-- not are null.

local json = {}

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

-- Stands for an array that happens to be empty: {} is an object.
json.EMPTY = setmetatable({}, { __name = "hawser.json.empty" })

local function text(value)
    -- Bytes that are no UTF-8 would make the whole text unreadable.
    local clean = utf8.len(value) and value or value:gsub("[\x80-\xff]", "?")
    return '"' .. clean:gsub('[%c"\\\x7f]', function(c)
        return ESCAPES[c] or ("\\u%04x"):format(c:byte())
    end) .. '"'
end

local function number(value)
    if math.type(value) == "integer" then
        return tostring(value)
    elseif value ~= value or value == math.huge or value == -math.huge then
        return "null"
    end
    local short = ("%.15g"):format(value)
    return tonumber(short) == value and short or ("%.17g"):format(value)
end

local encode

local function array(values)
    local parts = {}
    for i, value in ipairs(values) do
        parts[i] = encode(value)
    end
    return "[" .. table.concat(parts, ",") .. "]"
end

local function object(values)
    local keys, parts = {}, {}
    for key in pairs(values) do
        keys[#keys + 1] = tostring(key)
    end
    table.sort(keys)
    for i, key in ipairs(keys) do
        parts[i] = text(key) .. ":" .. encode(values[key])
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
    local kind = type(value)
    if kind == "table" then
        return (value == json.EMPTY or #value > 0) and array(value) or object(value)
    elseif kind == "number" then
        return number(value)
    elseif kind == "boolean" or kind == "nil" then
        return kind == "nil" and "null" or tostring(value)
    end
    return text(tostring(value))
end

---@param value any
---@return string # on one line
function json.encode(value)
    return encode(value)
end

return json
