-- SPDX-License-Identifier: MIT
-- Values as text for people: strings escaped, tables with limits in depth, width and number,
-- cycles named, live objects as hawser.console.describe says.
--
-- Looks only at what is there: no __pairs, __index or __len is called. A table's own __tostring is,
-- because that is what it is for; who prints guards against one that never returns.

local describe = require "hawser.console.describe"

local format = {}

local COLOURS = {
    string = "32", number = "36", boolean = "35", ["nil"] = "35", live = "34;1", faint = "2",
}

local MANY = 12 -- items that are not worth a line each

local ESCAPES = {
    ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"', ["\0"] = "\\0",
    ["\27"] = "\\27", ["\a"] = "\\a",
}

local KEYWORDS = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat"
    .. " return then true until while"):gmatch("%a+") do
    KEYWORDS[word] = true
end

local function byte_escape(bytes)
    return (bytes:gsub(".", function(byte) return ("\\x%02X"):format(byte:byte()) end))
end

-- What is no UTF-8 becomes \xNN.
local function escaped_tail(text)
    local out, first = {}, 1
    while first <= #text do
        local ok, bad = utf8.len(text, first)
        if ok then
            out[#out + 1] = text:sub(first)
            break
        end
        out[#out + 1] = text:sub(first, bad - 1)
        out[#out + 1] = byte_escape(text:sub(bad, bad))
        first = bad + 1
    end
    return table.concat(out)
end

---@param text string
---@return string # as Lua would read it
function format.quoted(text)
    local plain = text:gsub('[%c\\"]', function(char)
        return ESCAPES[char] or byte_escape(char)
    end)
    return '"' .. escaped_tail(plain) .. '"'
end

-- At most `most` bytes of it, not cut within a character, and how much there was.
local function shortened(text, most)
    if #text <= most then
        return format.quoted(text)
    end
    local last = most
    while last > 0 and (text:byte(last + 1) & 0xC0) == 0x80 do
        last = last - 1
    end
    return ("%s... (%d bytes)"):format(format.quoted(text:sub(1, last)), #text)
end

local function is_name(key)
    return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil and not KEYWORDS[key]
end

local ORDER = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
    local x, y = ORDER[type(a)] or 4, ORDER[type(b)] or 4
    if x ~= y then
        return x < y
    elseif x <= 2 then
        return a < b
    end
    return tostring(a) < tostring(b)
end

-- The keys that are not in the array part; `more` counts those past the limit.
local function other_keys(value, length, limit)
    local keys, more = {}, 0
    for key in next, value do
        if not (math.type(key) == "integer" and key >= 1 and key <= length) then
            if #keys < limit then
                keys[#keys + 1] = key
            else
                more = more + 1
            end
        end
    end
    pcall(table.sort, keys, before)
    return keys, more
end

local Printer = {}
Printer.__index = Printer

function Printer:paint(kind, text)
    local colour = self.colour and COLOURS[kind]
    return colour and ("\27[%sm%s\27[0m"):format(colour, text) or text
end

function Printer:scalar(value, depth)
    local kind = type(value)
    if kind == "string" then
        return self:paint("string", shortened(value, depth == 0 and self.text or 120))
    elseif kind == "number" or kind == "boolean" or kind == "nil" then
        return self:paint(kind, tostring(value))
    end
    return self:paint("live", describe.value(value))
end

function Printer:key(key, depth)
    if is_name(key) then
        return key
    elseif type(key) == "string" then
        return ("[%s]"):format(shortened(key, 40))
    end
    return ("[%s]"):format(type(key) == "table" and describe.table(key) or self:scalar(key, depth))
end

function Printer:own_text(value)
    local meta = debug.getmetatable(value)
    local method = type(meta) == "table" and rawget(meta, "__tostring")
    if not method then
        return nil
    end
    local ok, text = pcall(method, value)
    return ok and type(text) == "string" and text or nil
end

-- The items of a table as texts; false when it is shown in one word.
function Printer:items(value, depth)
    local items, length = {}, rawlen(value)
    for i = 1, math.min(length, self.most) do
        items[#items + 1] = self:any(rawget(value, i), depth + 1)
    end
    if length > self.most then
        items[#items + 1] = self:paint("faint", ("... %d more"):format(length - self.most))
    end
    local keys, more = other_keys(value, length, self.most)
    for _, key in ipairs(keys) do
        items[#items + 1] = ("%s = %s"):format(self:key(key, depth + 1),
                                               self:any(rawget(value, key), depth + 1))
    end
    if more > 0 then
        items[#items + 1] = self:paint("faint", ("... %d more"):format(more))
    end
    return items
end

local function visible_length(text)
    local plain = text:gsub("\27%[[%d;]*m", "")
    return utf8.len(plain) or #plain
end

-- Many short items: several a line, as words in a paragraph.
local function filled(items, width)
    local lines, line, used = {}, {}, 0
    for i, item in ipairs(items) do
        local length = visible_length(item) + 2
        if used > 0 and used + length > width then
            lines[#lines + 1] = table.concat(line, ", ")
            line, used = {}, 0
        end
        line[#line + 1] = item
        used = used + length
        if i == #items then
            lines[#lines + 1] = table.concat(line, ", ")
        end
    end
    return lines
end

function Printer:table(value, depth)
    if self.open[value] then
        return self:paint("faint", "<cycle>")
    elseif next(value) == nil then
        return "{}"
    elseif depth >= self.depth or self.left <= 0 then
        return self:paint("faint", describe.table(value))
    end
    self.open[value] = true
    local items = self:items(value, depth)
    self.open[value] = nil
    local one, length, many = table.concat(items, ", "), 4 + 2 * depth, false
    for _, item in ipairs(items) do
        length = length + visible_length(item) + 2
        many = many or item:find("\n", 1, true) ~= nil
    end
    if not many and length <= self.width then
        return "{ " .. one .. " }"
    end
    local indent = ("  "):rep(depth)
    if not many and #items > MANY then
        items = filled(items, self.width - 2 * depth - 2)
    end
    return ("{\n%s  %s\n%s}"):format(indent, table.concat(items, ",\n" .. indent .. "  "), indent)
end

function Printer:any(value, depth)
    self.left = self.left - 1
    if type(value) ~= "table" then
        return self:scalar(value, depth)
    end
    local live = self:own_text(value) or (depth > 0 and describe.live(value))
    if live then
        return self:paint("live", live)
    end
    return self:table(value, depth)
end

---@class hawser.console.FormatOptions
---@field width? integer columns; 80
---@field depth? integer levels of tables; 4
---@field most? integer items of a table; 50
---@field text? integer bytes of a string that is the value itself; 4000
---@field colour? boolean

---@param value any
---@param options? hawser.console.FormatOptions
---@return string
function format.value(value, options)
    options = options or {}
    local printer = setmetatable({
        width = options.width or 80, depth = options.depth or 4, most = options.most or 50,
        text = options.text or 4000, colour = options.colour, open = {}, left = 2000,
    }, Printer)
    return printer:any(value, 0)
end

-- Several results: on one line when they fit.
---@param values table with n
---@param options? hawser.console.FormatOptions
---@return string
function format.values(values, options)
    local texts, length, many = {}, 0, false
    local last = values.n
    while last > 1 and values[last] == nil and values[1] ~= nil do
        last = last - 1 -- the message and the code that a success leaves nil
    end
    for i = 1, last do
        texts[i] = format.value(values[i], options)
        length = length + visible_length(texts[i]) + 2
        many = many or texts[i]:find("\n", 1, true) ~= nil
    end
    local fits = not many and length <= (options and options.width or 80)
    return table.concat(texts, fits and ", " or "\n")
end

format.visible_length = visible_length

return format
