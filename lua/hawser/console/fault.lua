-- SPDX-License-Identifier: MIT
-- What went wrong with a line, and where: a caret for what can't be read, the line and the frames
-- of the user's own code for what failed when it ran.

local fault = {}

-- The name of what was typed, in messages and tracebacks.
fault.SOURCE = "prompt"
local CHUNK = "=" .. fault.SOURCE

---@param message string Lua's
---@return boolean # would more lines make it whole?
function fault.is_incomplete(message)
    return message:find("<eof>'?$") ~= nil
end

local function lines_of(text)
    local lines = {}
    for line in (text .. "\n"):gmatch("(.-)\n") do
        lines[#lines + 1] = line
    end
    return lines
end

-- Where in `line` the token is that the message names. When it stands there several times, it is
-- the first one up to which the text already fails for the same reason.
local function column_of(text, lines, number, message, prefix)
    local token = message:match(" near '(.*)'$")
    local line = lines[number] or ""
    if not token or token == "<eof>" then
        return nil
    end
    local before = table.concat(lines, "\n", 1, number - 1)
    local offset = number > 1 and #before + 1 or 0
    local from = 1
    while true do
        local first, last = line:find(token, from, true)
        if not first then
            return nil
        end
        local _, why = load(prefix .. text:sub(1, offset + last), CHUNK, "t")
        if why and not fault.is_incomplete(why) then
            return first
        end
        from = first + 1
    end
end

---@class hawser.console.SyntaxFault
---@field message string
---@field line integer
---@field column integer|nil

---@param text string
---@param message string what load() said
---@param prefix? string what was put before the text
---@return hawser.console.SyntaxFault
function fault.of_syntax(text, message, prefix)
    local number, rest = message:match("^" .. fault.SOURCE .. ":(%d+): (.*)$")
    number = tonumber(number) or 1
    return { message = rest or message, line = number,
             column = column_of(text, lines_of(text), number, rest or message, prefix or "") }
end

---@param text string what was typed
---@param syntax hawser.console.SyntaxFault
---@return string
function fault.show_syntax(text, syntax)
    local lines = lines_of(text)
    local out = { "error: " .. syntax.message }
    local line = (lines[syntax.line] or ""):gsub("\t", " ")
    local prefix = #lines > 1 and ("  line %d: "):format(syntax.line) or "  "
    if syntax.column then
        local reach = utf8.len(line:sub(1, syntax.column - 1)) or syntax.column - 1
        out[#out + 1] = prefix .. line
        out[#out + 1] = (" "):rep(#prefix + reach) .. "^"
    elseif #lines > 1 then
        out[#out + 1] = prefix .. line
    end
    return table.concat(out, "\n")
end

-- --- errors of code that ran ---

local function is_ours(info)
    return info.source:find("hawser/console/", 1, true) or info.source:find("hawser/cli/", 1, true)
        or info.what == "C"
end

local function frame_name(info)
    if info.what == "main" then
        return "in " .. (info.source == CHUNK and "the line" or info.short_src)
    elseif info.name then
        return "in function " .. info.name
    end
    return ("in the function of line %d"):format(info.linedefined)
end

-- The frames of the coroutine that are the user's, the innermost first.
local function frames_of(co)
    local frames = {}
    for level = 0, 200 do
        local info = debug.getinfo(co, level, "Slnt")
        if not info then
            break
        elseif not is_ours(info) and info.currentline > 0 then
            frames[#frames + 1] = info
        end
    end
    return frames
end

local function text_of(object)
    if type(object) == "string" then
        return object
    end
    local meta = debug.getmetatable(object)
    if type(meta) == "table" and rawget(meta, "__tostring") then
        local ok, text = pcall(tostring, object)
        return ok and text or "an error object whose __tostring fails"
    end
    return ("(error object is a %s value)"):format(type(object))
end

---@param text string what was typed
---@param object any the error
---@param co thread the coroutine that failed
---@return string
function fault.show_runtime(text, object, co)
    local message = text_of(object)
    local number, rest = message:match("^" .. fault.SOURCE .. ":(%d+): (.*)$")
    local lines = lines_of(text)
    local out = { "error: " .. (rest or message) }
    if number and #lines > 1 and lines[tonumber(number)] then
        out[#out + 1] = ("  line %s: %s"):format(number, lines[tonumber(number)])
    end
    local frames = frames_of(co)
    if #frames > 1 or (frames[1] and frames[1].source ~= CHUNK) then
        for i = 1, math.min(#frames, 10) do
            out[#out + 1] = ("  at %s:%d %s"):format(frames[i].short_src, frames[i].currentline,
                                                    frame_name(frames[i]))
        end
        if #frames > 10 then
            out[#out + 1] = ("  ... %d more"):format(#frames - 10)
        end
    end
    return table.concat(out, "\n")
end

return fault
