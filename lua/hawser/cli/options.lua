-- SPDX-License-Identifier: MIT
-- Reads a command's arguments: --name, --name VALUE, --name=VALUE, and the words between them.

local suggest = require "hawser.suggest"

local options = {}

---@class hawser.cli.Option
---@field flag? boolean it takes no value
---@field short? string one letter: -o
---@field least? number the value is a number, and not less
---@field most? number nor more
---@field whole? boolean nor broken
---@field one_of? string[]

local function known_names(known)
    local names = {}
    for name in pairs(known) do
        names[#names + 1] = "--" .. name
    end
    table.sort(names)
    return names
end

local function find(word, known)
    for name, option in pairs(known) do
        if word == "--" .. name or option.short and word == "-" .. option.short then
            return name, option
        end
    end
    return nil, ("unknown option %s, %s"):format(word, suggest.expected(word, known_names(known)))
end

local function read_value(name, option, value)
    if value == nil then
        return nil, ("--%s needs a value"):format(name)
    elseif option.one_of and not suggest.contains(option.one_of, value) then
        return nil, ("--%s %s: %s"):format(name, value, suggest.expected(value, option.one_of))
    elseif not option.least then
        return value
    end
    local number = tonumber(value)
    number = number and option.whole and math.tointeger(number) or not option.whole and number
    if not number or number < option.least or number > option.most then
        return nil, ("--%s %s: expected a %snumber from %g to %g"):format(name, value,
            option.whole and "whole " or "", option.least, option.most)
    end
    return number
end

---@param args string[]
---@param known table<string, hawser.cli.Option> by name
---@return table|nil # values by name; the words in between as 1, 2, ...
---@return string|nil message
function options.read(args, known)
    local values, i = {}, 1
    while args[i] do
        local word, value = args[i]:match("^(%-%-[%w-]+)=(.*)$")
        word = word or args[i]
        if not word:find("^%-.") then
            values[#values + 1] = word
        else
            local name, option = find(word, known)
            if not name then
                return nil, option --[[@as string]]
            elseif option.flag then
                values[name] = true
            else
                if value == nil then
                    i = i + 1
                    value = args[i]
                end
                local read, why = read_value(name, option, value)
                if read == nil then
                    return nil, why
                end
                values[name] = read
            end
        end
        i = i + 1
    end
    return values
end

return options
