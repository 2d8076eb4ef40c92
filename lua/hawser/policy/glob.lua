-- SPDX-License-Identifier: MIT
-- Endpoint patterns: `*` is any text, `?` any one byte, everything else is itself.
-- Matching is linear in the text for each `*`, never exponential, and runs in Lua so that the
-- instruction budget of a policy call covers it.

local glob = {}

local STAR, ANY = ("*"):byte(), ("?"):byte()

---@param pattern string
---@param text string
---@return boolean # whether the whole text matches
function glob.matches(pattern, text)
    local p, t = 1, 1
    local star, resume
    while t <= #text do
        local byte = pattern:byte(p)
        if byte == STAR then
            star, resume = p, t
            p = p + 1
        elseif byte == ANY or byte and byte == text:byte(t) then
            p, t = p + 1, t + 1
        elseif star then
            resume = resume + 1
            p, t = star + 1, resume
        else
            return false
        end
    end
    while pattern:byte(p) == STAR do
        p = p + 1
    end
    return p > #pattern
end

-- The more specific pattern goes first: more literal bytes, then more `?`, then fewer `*`, then
-- the order of the bytes so that the answer never depends on a table's order.
---@param a string
---@param b string
---@return boolean
function glob.before(a, b)
    local _, stars_a = a:gsub("%*", "")
    local _, stars_b = b:gsub("%*", "")
    local _, any_a = a:gsub("%?", "")
    local _, any_b = b:gsub("%?", "")
    local literal_a, literal_b = #a - stars_a - any_a, #b - stars_b - any_b
    if literal_a ~= literal_b then
        return literal_a > literal_b
    elseif any_a ~= any_b then
        return any_a > any_b
    elseif stars_a ~= stars_b then
        return stars_a < stars_b
    end
    return a < b
end

-- An address that matches, as much like `host:port` as the pattern allows.
---@param pattern string
---@return string
function glob.example(pattern)
    local text = pattern:gsub("[*?]", "1")
    local with_port = text .. ":25520"
    if not text:find(":%d+$") and glob.matches(pattern, with_port) then
        return with_port
    end
    return text
end

return glob
