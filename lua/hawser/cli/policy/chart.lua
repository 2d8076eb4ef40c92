-- SPDX-License-Identifier: MIT
-- A policy's curve in characters: a line a try, with the band of its waits drawn to scale. On a
-- terminal in braille, two dots a column; elsewhere in plain ASCII.

local curve = require "hawser.cli.policy.curve"

local chart = {}

---@class hawser.cli.Style
---@field columns integer
---@field fancy boolean braille and blocks
---@field colour boolean

local NUMBERS = 33 -- columns of the numbers before the band
local LAST = 12 -- of the time after it

local function paint(style, code, text)
    return style.colour and text ~= "" and ("\27[%sm%s\27[0m"):format(code, text) or text
end

-- Half columns: the band from `first` to `last`, the median's column on top of it.
local function fancy_cells(width, first, middle, last)
    local cells = {}
    for column = 0, width - 1 do
        local left, right = 2 * column, 2 * column + 1
        local in_left, in_right = left >= first and left <= last, right >= first and right <= last
        if middle // 2 == column then
            cells[#cells + 1] = "M"
        else
            cells[#cells + 1] = in_left and in_right and "⣿" or in_left and "⡇" or in_right and "⢸"
                or " "
        end
    end
    return cells
end

local function plain_cells(width, first, middle, last)
    local cells = {}
    for column = 0, width - 1 do
        local inside = column >= first // 2 and column <= last // 2
        cells[#cells + 1] = column == middle // 2 and "M" or inside and "=" or " "
    end
    return cells
end

local function band(style, width, wait, most)
    local function place(seconds)
        return math.floor(seconds / most * (2 * width - 1) + 0.5)
    end
    local draw = style.fancy and fancy_cells or plain_cells
    local cells = draw(width, place(wait.least), place(wait.median), place(wait.most))
    local text = table.concat(cells)
    local before, after = text:match("^(.-)M(.*)$")
    return paint(style, "36", before) .. paint(style, "1", style.fancy and "█" or "|")
        .. paint(style, "36", after)
end

-- The axis' numbers, each under its place, as many as there is room for.
local function axis(width, most)
    local step, last = curve.scale(most, width >= 40 and 4 or 3)
    local line, used = {}, 0
    for i = 0, math.floor(last / step + 0.5) do
        local text = i == 0 and "0" or curve.time_text(i * step)
        local at = math.floor(i * step / last * (width - 1) + 0.5)
        local start = math.max(0, math.min(width - #text, at - #text // 2))
        if start >= used + (i == 0 and 0 or 1) then
            line[#line + 1] = (" "):rep(start - used) .. text
            used = start + #text
        end
    end
    return table.concat(line) .. (" "):rep(width - used), last
end

local function right(text, width)
    return (" "):rep(width - utf8.len(text)) .. text
end

local function wait_line(style, wait, width, most, runs)
    local text = curve.time_text
    local share = wait.runs < runs and (" (%d %%)"):format(100 * wait.runs // runs) or ""
    return ("%5d%9s%9s%9s %s %s%s"):format(wait.attempt, text(wait.least), text(wait.median),
        text(wait.most), band(style, width, wait, most), right(text(wait.after), LAST - 3), share)
end

local function end_line(found)
    local ends = found.gives_up
    if not ends then
        return "      and so on"
    end
    local which = ends.all and ends.first == ends.last and ("%5d  "):format(ends.first) or "       "
    return which .. curve.end_text(ends)
end

-- --- levels ---

local SHADES = { "░", "▒", "▓", "█" }
local SIGNS = { "-", ":", "+", "*", "%", "#", "@", "&", "$" } -- a policy has 8 levels at most

-- The ring from empty to full, darker from level to level.
local function levels_lines(style, levels, width)
    local fills = style.fancy and #levels < #SHADES and SHADES or SIGNS
    local cells = {}
    for column = 1, width do
        local fill = fills[1]
        for i, level in ipairs(levels) do
            fill = (column - 0.5) / width >= level.from and fills[i + 1] or fill
        end
        cells[column] = fill
    end
    local lines = {
        "", "queue  0 % " .. paint(style, "36", table.concat(cells)) .. " 100 %",
        "       " .. paint(style, "36", fills[1]) .. " normal",
    }
    for i, level in ipairs(levels) do
        lines[#lines + 1] = ("       %s %s, left below %.4g %%"):format(
            paint(style, "36", fills[i + 1]), curve.level_text(level),
            math.max(0, (level.from - levels.hysteresis) * 100))
    end
    return lines
end

---@param found hawser.cli.Curve
---@param title string
---@param style hawser.cli.Style
---@return string
function chart.draw(found, title, style)
    local width = math.max(10, style.columns - NUMBERS - LAST)
    local most = 0
    for _, wait in ipairs(found.waits) do
        most = math.max(most, wait.most)
    end
    local numbers, last = axis(width, most)
    local lines = {
        paint(style, "1", title),
        ("%s, every try fails at once (%s); %d runs%s"):format(found.address, found.reason,
            found.runs, found.jitter and "" or ", with the default reconnect_jitter"),
        "",
    }
    if found.waits[1] then
        lines[#lines + 1] = ("%5s%9s%9s%9s %s %s"):format("try", "least", "median", "most",
            numbers, right("after", LAST - 3))
    end
    for _, wait in ipairs(found.waits) do
        lines[#lines + 1] = wait_line(style, wait, width, last, found.runs)
    end
    lines[#lines + 1] = end_line(found)
    local more = levels_lines(style, found.levels, math.min(60, style.columns - 18))
    table.move(more, 1, #more, #lines + 1, lines)
    return table.concat(lines, "\n") .. "\n"
end

return chart
