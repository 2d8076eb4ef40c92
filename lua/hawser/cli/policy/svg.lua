-- SPDX-License-Identifier: MIT
-- A policy's curve as an SVG that reads on light and on dark paper: the band from the least to the
-- most of each wait, the median, when each try comes, where it gives up, and the throttle levels.

local curve = require "hawser.cli.policy.curve"

local svg = {}

local WIDTH = 760
local LEFT, RIGHT, TOP, BOTTOM = 70, 730, 84, 304 -- of the chart
local BAR_TOP, BAR = 386, 20 -- of the levels

local STYLE = [[
text { font: 13px system-ui, sans-serif; fill: #26323d }
.title { font-size: 17px; font-weight: 600 }
.soft { fill: #5d6b78; font-size: 12px }
.paper { fill: #ffffff }
.grid { stroke: #dde3e8; stroke-width: 1 }
.axis { stroke: #8896a3; stroke-width: 1 }
.band { fill: #2f7fb8; fill-opacity: .22; stroke: #2f7fb8; stroke-opacity: .45 }
.median { fill: none; stroke: #1f6a9f; stroke-width: 2; stroke-linejoin: round }
.dot { fill: #1f6a9f }
.end { stroke: #b3541e; stroke-width: 1.5; stroke-dasharray: 4 3 }
.bar { stroke: #ffffff; stroke-width: 2 }
.l0 { fill: #a9d3b4 } .l1 { fill: #f2cf7c } .l2 { fill: #e59a70 } .l3 { fill: #cf6b66 }
@media (prefers-color-scheme: dark) {
  text { fill: #e3e8ec } .soft { fill: #a3b0bb } .paper { fill: #15191e }
  .grid { stroke: #2b333b } .axis { stroke: #697784 }
  .band { fill: #5aa9de; stroke: #5aa9de } .median { stroke: #82c0ea } .dot { fill: #82c0ea }
  .end { stroke: #e08a55 } .bar { stroke: #15191e }
  .l0 { fill: #3f6e4d } .l1 { fill: #8a6d25 } .l2 { fill: #93522c } .l3 { fill: #8b3a36 }
}
]]

local function escaped(text)
    return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
                                   ['"'] = "&quot;" }):gsub("%c", " "))
end

local function number(value)
    return (("%.1f"):format(value):gsub("%.0$", ""))
end

local function text_at(x, y, text, class, anchor)
    return ('<text x="%s" y="%s"%s%s>%s</text>'):format(number(x), number(y),
        class and (' class="%s"'):format(class) or "",
        anchor and (' text-anchor="%s"'):format(anchor) or "", escaped(text))
end

local function line(x1, y1, x2, y2, class)
    return ('<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>'):format(number(x1), number(y1),
        number(x2), number(y2), class)
end

-- --- the chart ---

-- Places of tries and of seconds.
local function new_frame(found)
    local tries, most = #found.waits, 0
    for _, wait in ipairs(found.waits) do
        most = math.max(most, wait.most)
    end
    local last_try = math.max(tries, found.gives_up and found.gives_up.first or 0, 2)
    local step, last = curve.scale(most, 4)
    return {
        step = step, last = last, last_try = last_try,
        x = function(try)
            return LEFT + 24 + (try - 1) / (last_try - 1) * (RIGHT - LEFT - 48)
        end,
        y = function(seconds)
            return BOTTOM - seconds / last * (BOTTOM - TOP)
        end,
    }
end

local function grid_of(frame, out)
    for i = 0, math.floor(frame.last / frame.step + 0.5) do
        local y = frame.y(i * frame.step)
        out[#out + 1] = line(LEFT, y, RIGHT, y, i == 0 and "axis" or "grid")
        out[#out + 1] = text_at(LEFT - 8, y + 4, i == 0 and "0" or curve.time_text(i * frame.step),
                                "soft", "end")
    end
end

local function labels_of(found, frame, out)
    local every = math.ceil(#found.waits / 12)
    for i, wait in ipairs(found.waits) do
        if (i - 1) % every == 0 then
            out[#out + 1] = text_at(frame.x(i), BOTTOM + 20, tostring(i), nil, "middle")
            out[#out + 1] = text_at(frame.x(i), BOTTOM + 37, curve.time_text(wait.after), "soft",
                                    "middle")
        end
    end
    out[#out + 1] = text_at(LEFT - 8, BOTTOM + 20, "try", "soft", "end")
    out[#out + 1] = text_at(LEFT - 8, BOTTOM + 37, "after", "soft", "end")
end

local function points(found, frame, field, backwards)
    local list = {}
    for i, wait in ipairs(found.waits) do
        local point = number(frame.x(i)) .. "," .. number(frame.y(wait[field]))
        table.insert(list, backwards and 1 or #list + 1, point)
    end
    return table.concat(list, " ")
end

local function curve_of(found, frame, out)
    out[#out + 1] = ('<polygon class="band" points="%s %s"/>'):format(
        points(found, frame, "most"), points(found, frame, "least", true))
    out[#out + 1] = ('<polyline class="median" points="%s"/>'):format(
        points(found, frame, "median"))
    for i, wait in ipairs(found.waits) do
        out[#out + 1] = ('<circle class="dot" cx="%s" cy="%s" r="3.5"><title>%s</title></circle>')
            :format(number(frame.x(i)), number(frame.y(wait.median)),
                    escaped(("try %d: %s to %s, half below %s; %s after the loss"):format(i,
                        curve.time_text(wait.least), curve.time_text(wait.most),
                        curve.time_text(wait.median), curve.time_text(wait.after))))
    end
end

local function end_of(found, frame, out)
    local ends = found.gives_up
    if not ends then
        return
    end
    local x = frame.x(ends.first)
    out[#out + 1] = line(x, TOP, x, BOTTOM, "end")
    local on_the_left = x < (LEFT + RIGHT) / 2
    out[#out + 1] = text_at(on_the_left and x + 6 or x - 6, TOP - 6, curve.end_text(ends), "soft",
                            on_the_left and "start" or "end")
    if ends.first > #found.waits then
        out[#out + 1] = text_at(x, BOTTOM + 20, tostring(ends.first), nil, "middle")
    end
end

-- --- the levels ---

-- The first of all is normal, the last of several the hottest colour.
local function class_of(i, count)
    return i == 0 and "l0" or ("l%d"):format(count == 1 and 1 or 1 + (2 * (i - 1) // (count - 1)))
end

local function swatch(x, y, class, text, out)
    out[#out + 1] = ('<rect class="%s" x="%s" y="%s" width="13" height="13"/>'):format(class,
        number(x), number(y - 11))
    out[#out + 1] = text_at(x + 19, y, text)
    return x + 19 + 7.2 * #text + 24
end

-- Where each level begins is written under the bar, if there is room; its name in the legend.
local function levels_of(levels, out)
    local width, tick_end = RIGHT - LEFT, LEFT
    out[#out + 1] = text_at(LEFT - 8, BAR_TOP + 14, "queue", "soft", "end")
    local x, y = LEFT, BAR_TOP + BAR + 44
    for i = 0, #levels do
        local from, to = i == 0 and 0 or levels[i].from, i == #levels and 1 or levels[i + 1].from
        local left, class = LEFT + from * width, class_of(i, #levels)
        out[#out + 1] = ('<rect class="%s bar" x="%s" y="%d" width="%s" height="%d"/>'):format(
            class, number(left), BAR_TOP, number((to - from) * width), BAR)
        if left - 20 >= tick_end or i == 0 then
            out[#out + 1] = text_at(left, BAR_TOP + BAR + 17, ("%.3g %%"):format(from * 100),
                                    "soft", i == 0 and "start" or "middle")
            tick_end = left + 24
        end
        local text = i == 0 and "normal" or curve.level_text(levels[i])
        if x + 19 + 7.2 * #text > RIGHT then
            x, y = LEFT, y + 22
        end
        x = swatch(x, y, class, text, out)
    end
    return y + 24
end

---@param found hawser.cli.Curve
---@param title string
---@return string
function svg.draw(found, title)
    local jitter = found.jitter and "" or ", with the default reconnect_jitter"
    local about = ("%s, every try fails at once (%s): median and range of %d runs%s"):format(
        found.address, found.reason, found.runs, jitter)
    local out = { text_at(24, 32, title, "title"), text_at(24, 53, about, "soft") }
    local frame = new_frame(found)
    if found.waits[1] then
        grid_of(frame, out)
        labels_of(found, frame, out)
        curve_of(found, frame, out)
    end
    end_of(found, frame, out)
    local height = levels_of(found.levels, out)
    return table.concat({
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">'):format(
            WIDTH, height),
        "<title>" .. escaped("Backoff of " .. title) .. "</title>",
        "<desc>" .. escaped(about) .. "</desc>",
        "<style>\n" .. STYLE .. "</style>",
        ('<rect class="paper" width="%d" height="%d"/>'):format(WIDTH, height),
        table.concat(out, "\n"),
        "</svg>\n",
    }, "\n")
end

return svg
