-- SPDX-License-Identifier: MIT
-- What a half-typed word could become: globals, fields, methods, PIDs, addresses, commands. Never
-- runs user code: only raw fields are looked at, and __index only where it is a table.

local core = require "hawser.core"
local systems = require "hawser.console.systems"

local complete = {}

local MOST = 400   -- candidates
local DEEPEST = 10 -- metatables behind each other
local ACTORS = 1000 -- of a system that are looked at

local KEYWORDS = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function",
    "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until",
    "while" }

-- What objects written in C answer to, which can't be seen from outside.
local FIELDS = {
    ["hawser.pid"] = { address = "", id = "" },
    ["hawser.context"] = core.context_methods,
}

-- Tables in which the fields of a value are, one after the other, and the value's own fields.
local function sources(value)
    local found = {}
    for _ = 1, DEEPEST do
        if type(value) == "table" then
            found[#found + 1] = value
        end
        local meta = debug.getmetatable(value)
        if type(meta) ~= "table" then
            break
        end
        local name, index = rawget(meta, "__name"), rawget(meta, "__index")
        if name == "hawser.system" then
            found[#found + 1] = core.methods
            found[#found + 1] = debug.getuservalue(value, 1)
        elseif FIELDS[name] then
            found[#found + 1] = FIELDS[name]
        end
        if type(index) ~= "table" then
            break
        end
        value = index
    end
    return found
end

local function field(value, key)
    for _, source in ipairs(sources(value)) do
        local found = rawget(source, key)
        if found ~= nil then
            return found
        end
    end
    return nil
end

local function add(list, seen, word)
    if not seen[word] and #list < MOST then
        seen[word] = true
        list[#list + 1] = word
    end
end

local function starts(text, prefix)
    return text:sub(1, #prefix) == prefix
end

local function members(value, prefix, only_methods)
    local list, seen = {}, {}
    for _, source in ipairs(sources(value)) do
        for key, member in next, source do
            if type(key) == "string" and key:find("^[%a_][%w_]*$") and starts(key, prefix)
                and (not starts(key, "__") or starts(prefix, "_"))
                and (not only_methods or type(member) == "function") then
                add(list, seen, key)
            end
        end
    end
    table.sort(list)
    return list
end

-- `[1]`, `["name"]`, `.name` and `:name` behind a first name; nil for anything that would have to
-- be run.
local function resolve(path, environment)
    local name, rest = path:match("^([%a_][%w_]*)(.*)$")
    local value = name and field(environment, name)
    while value ~= nil and rest ~= "" do
        local key, after = rest:match("^[.:]([%a_][%w_]*)(.*)$")
        if not key then
            local number
            number, after = rest:match("^%[(%d+)%](.*)$")
            key = math.tointeger(tonumber(number))
        end
        if not key then
            key, after = rest:match("^%[[\"']([^\"'%]]*)[\"']%](.*)$")
        end
        if not key then
            return nil
        end
        value, rest = field(value, key), after
    end
    return value
end

local function names(environment, prefix)
    local list, seen = members(environment, prefix), {}
    for _, word in ipairs(list) do
        seen[word] = true
    end
    for _, word in ipairs(KEYWORDS) do
        if starts(word, prefix) then
            add(list, seen, word)
        end
    end
    table.sort(list)
    return list
end

-- Addresses of systems and endpoints, and PIDs once there is a slash.
---@param prefix string
---@return string[]
function complete.addresses(prefix)
    local list, seen = {}, {}
    for _, system in ipairs(systems.list()) do
        if starts(system.address, prefix) then
            add(list, seen, system.address)
        end
        for address in pairs(system:statistics_snapshot()) do
            if starts(address, prefix) then
                add(list, seen, address)
            end
        end
        if prefix:find("/", 1, true) then
            for i, actor in ipairs(system:actors()) do
                local text = tostring(actor.pid)
                if starts(text, prefix) then
                    add(list, seen, text)
                end
                if i >= ACTORS then
                    break
                end
            end
        end
    end
    table.sort(list)
    return list
end

-- Is the cursor inside a string? Where that begins, if so.
local function open_string(text)
    local quote, first
    local i = 1
    while i <= #text do
        local char = text:sub(i, i)
        if quote then
            if char == "\\" then
                i = i + 1
            elseif char == quote then
                quote = nil
            end
        elseif char == '"' or char == "'" then
            quote, first = char, i + 1
        elseif char == "-" and text:sub(i, i + 1) == "--" then
            return nil
        end
        i = i + 1
    end
    return quote and first
end

---@class hawser.console.Completion
---@field from integer where in the line the word begins, from 1
---@field words string[] what it could become, sorted
---@field call? boolean the only word is a function

local function completion(from, words, value_of)
    local only = #words == 1 and value_of and value_of(words[1])
    return { from = from, words = words, call = type(only) == "function" or nil }
end

---@param text string the line up to the cursor
---@param session hawser.console.Session
---@return hawser.console.Completion
function complete.line(text, session)
    local string_from = open_string(text)
    if string_from then
        return completion(string_from, complete.addresses(text:sub(string_from)))
    end
    local first = text:match("()[%a_][%w_.:%[%]\"']*$")
    local word = first and text:sub(first) or ""
    local path, separator, prefix = word:match("^(.*)([.:])([%a_]?[%w_]*)$")
    if path then
        local value = resolve(path, session.environment)
        if value == nil then
            return completion(#text + 1, {})
        end
        return completion(#text - #prefix + 1, members(value, prefix, separator == ":"),
                          function(key) return field(value, key) end)
    elseif word == "" and text:find("[%w_%)%]\"'.:]$") then
        return completion(#text + 1, {})
    end
    return completion(#text - #word + 1, names(session.environment, word),
                      function(key) return field(session.environment, key) end)
end

-- The longest text that all words begin with.
---@param words string[]
---@return string
function complete.common(words)
    local common = words[1] or ""
    for _, word in ipairs(words) do
        while not starts(word, common) do
            common = common:sub(1, -2)
        end
    end
    return common
end

return complete
