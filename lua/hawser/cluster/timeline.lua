-- SPDX-License-Identifier: MIT
-- What happened in a cluster as a picture: a lane for each node, time downwards.
--
-- Rows are made once, of what the cluster remembers, and drawn as text or as SVG. Of a lane's state
-- at a row no more is told than "up" and "dead": the rest is in the words.

local describe = require "hawser.console.describe"

local timeline = {}

local LAST = 60
local WIDTH = 80
local CLOCK = 10 -- columns for the time

-- --- events in a few words ---

local function peer_of(cluster, address)
    for index, known in ipairs(cluster.addresses) do
        if known == address then
            return tostring(index)
        end
    end
    return address
end

local WORDS = {
    EndpointConnected = function(event, peer)
        return ("%s <-> %s"):format(peer, event.resumed and "resumed" or "connected")
    end,
    EndpointDisconnected = function(event, peer)
        return ("%s -x- %s"):format(peer, event.reason)
    end,
    EndpointReconnect = function(event, peer)
        if event.success then
            return nil
        end
        return ("%s ... try %d in %s"):format(peer, event.attempt,
                                              describe.duration(event.delay))
    end,
    EndpointTerminated = function(event, peer)
        return ("%s gave up: %s"):format(peer, event.reason)
    end,
    EndpointSuspended = function(_, peer) return peer .. " suspended" end,
    Suspect = function(_, peer) return peer .. " is suspect" end,
    Reachable = function(_, peer) return peer .. " is reachable" end,
    Gated = function(event, peer)
        return ("%s gated for %s: %s"):format(peer, describe.duration(event.delay), event.reason)
    end,
    Quarantined = function(event, peer)
        return ("%s quarantined for %s"):format(peer, describe.duration(event.delay))
    end,
    Released = function(_, peer) return peer .. " released" end,
    Blocked = function(event) return ("%s is blocked"):format(event.name) end,
    EndpointThrottled = function(event, peer)
        return event.level ~= "normal" and ("%s queue is %s"):format(peer, event.level) or nil
    end,
    DeadLetter = function(event) return ("letter: %s"):format(event.reason) end,
    ActorFailed = function(event) return ("%s failed: %s"):format(event.pid.id, event.reason) end,
    ActorStopped = function(event) return event.pid.id .. " stopped" end,
    PolicyError = function() return "policy error" end,
    PolicyLoaded = function(event) return "policy " .. tostring(event.name) end,
}

local function words_of(cluster, event)
    local words = WORDS[event.type]
    return words and words(event, event.address and peer_of(cluster, event.address))
end

-- --- rows ---

---@class hawser.cluster.Row
---@field time number
---@field deed? string across all lanes
---@field node? integer
---@field text? string
---@field count integer how often it happened, one after the other
---@field dead table<integer, boolean> which lanes are dead from here on

local function bury(dead, text)
    local copy = {}
    for index in pairs(dead) do
        copy[index] = true
    end
    local what, index = text:match("^(%a+) (%d+)$")
    if what == "kill" then
        copy[tonumber(index)] = true
    elseif what == "restart" then
        copy[tonumber(index)] = nil
    end
    return copy
end

-- Events are told a moment after they happened. Times are compared in microseconds: they are
-- differences of clocks, which are not exact.
local function by_time(log)
    local entries = {}
    for i = log.first, log.last do
        entries[#entries + 1] = { entry = log[i], order = i,
                                  time = math.floor(log[i].time * 1e6 + 0.5) }
    end
    table.sort(entries, function(a, b)
        if a.time ~= b.time then
            return a.time < b.time
        end
        return a.order < b.order
    end)
    return entries
end

---@param cluster hawser.Cluster
---@return hawser.cluster.Row[]
function timeline.rows(cluster)
    local rows, dead = {}, {}
    for _, item in ipairs(by_time(cluster.log)) do
        local entry, last = item.entry, rows[#rows]
        if entry.deed then
            dead = bury(dead, entry.deed)
            rows[#rows + 1] = { time = entry.time, deed = entry.deed, count = 1, dead = dead }
        else
            local text = words_of(cluster, entry.event)
            if text and last and last.node == entry.node and last.text == text then
                last.count = last.count + 1
            elseif text and not dead[entry.node] then
                rows[#rows + 1] = { time = entry.time, node = entry.node, text = text, count = 1,
                                    dead = dead }
            end
        end
    end
    return rows
end

local function text_of(row)
    return row.count > 1 and ("%dx %s"):format(row.count, row.text) or row.text
end

-- --- as text ---

local function centred(text, width, fill)
    local left = (width - #text - 2) // 2
    return ("%s %s %s"):format(fill:rep(left), text, fill:rep(width - #text - 2 - left))
end

local function lanes(cluster, row, width)
    local cells = {}
    for index = 1, cluster.size do
        local bar = row.dead[index] and " " or "|"
        local text = row.node == index and " " .. text_of(row) or ""
        if #text > width - 1 then
            text = text:sub(1, width - 3) .. ".."
        end
        cells[index] = bar .. text .. (" "):rep(width - 1 - #text)
    end
    return (table.concat(cells):gsub("%s+$", ""))
end

local function head(cluster, width)
    local cells = {}
    for index = 1, cluster.size do
        local name = ("%d"):format(index)
        cells[index] = name .. (" "):rep(width - #name)
    end
    return (" "):rep(CLOCK) .. table.concat(cells):gsub("%s+$", "")
end

---@param cluster hawser.Cluster
---@param rows hawser.cluster.Row[]
---@param options { last?: integer, width?: integer }
---@return string
function timeline.text(cluster, rows, options)
    local width = math.max(8, ((options.width or WIDTH) - CLOCK) // cluster.size)
    local first = math.max(1, #rows - (options.last or LAST) + 1)
    local lines = { head(cluster, width) }
    if first > 1 then
        lines[#lines + 1] = ("%s... %d earlier"):format((" "):rep(CLOCK), first - 1)
    end
    for i = first, #rows do
        local row = rows[i]
        local clock = ("%8.3fs "):format(row.time)
        lines[#lines + 1] = clock .. (row.deed
            and centred(row.deed, math.min(width * cluster.size, (options.width or WIDTH) - CLOCK),
                        "=")
            or lanes(cluster, row, width))
    end
    return table.concat(lines, "\n")
end

-- --- as SVG ---

local LANE, ROW, TOP, LEFT = 220, 22, 50, 90

local function escaped(text)
    return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function colour_of(text)
    if text:find("connected", 1, true) or text:find("reachable", 1, true) then
        return "#2a7d3f"
    elseif text:find("try", 1, true) or text:find("suspect", 1, true)
        or text:find("gated", 1, true) then
        return "#b36b00"
    elseif text:find("-x-", 1, true) or text:find("gave up", 1, true)
        or text:find("failed", 1, true) or text:find("letter: ", 1, true) then
        return "#b3261e"
    end
    return "#444444"
end

local function y_of(i)
    return TOP + i * ROW
end

-- The stretches of a lane's life.
local function life(out, rows, index)
    local x, from = LEFT + (index - 1) * LANE, TOP - ROW // 2
    local function stretch(to)
        out[#out + 1] = ('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#9aa7b0"'
            .. ' stroke-width="2"/>'):format(x, from, x, to)
    end
    for i, row in ipairs(rows) do
        if from and row.dead[index] then
            stretch(y_of(i))
            from = nil
        elseif not from and not row.dead[index] then
            from = y_of(i)
        end
    end
    if from then
        stretch(y_of(#rows) + ROW // 2)
    end
end

local function draw_row(out, cluster, row, i)
    local y, right = y_of(i), LEFT + cluster.size * LANE
    out[#out + 1] = ('<text x="%d" y="%d" text-anchor="end" fill="#777777">%.3f s</text>'):format(
        LEFT - 14, y + 4, row.time)
    if row.deed then
        out[#out + 1] = ('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#b3261e"'
            .. ' stroke-dasharray="6 4"/>'):format(LEFT - 8, y, right - 20, y)
        out[#out + 1] = ('<text x="%d" y="%d" text-anchor="end" font-weight="bold"'
            .. ' fill="#b3261e">%s</text>'):format(right - 20, y - 4, escaped(row.deed))
        return
    end
    local x, text = LEFT + (row.node - 1) * LANE, text_of(row)
    local colour = colour_of(text)
    out[#out + 1] = ('<circle cx="%d" cy="%d" r="4" fill="%s"/>'):format(x, y, colour)
    out[#out + 1] = ('<text x="%d" y="%d" fill="%s">%s</text>'):format(x + 10, y + 4, colour,
                                                                       escaped(text))
end

---@param cluster hawser.Cluster
---@param all hawser.cluster.Row[]
---@param options { last?: integer }
---@return string
function timeline.svg(cluster, all, options)
    local rows = table.move(all, math.max(1, #all - (options.last or 500) + 1), #all, 1, {})
    local width, height = LEFT + cluster.size * LANE, y_of(#rows) + ROW
    local out = { ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"'
        .. ' font-family="sans-serif" font-size="12">'):format(width, height),
        '<rect width="100%" height="100%" fill="white"/>' }
    for index = 1, cluster.size do
        out[#out + 1] = ('<text x="%d" y="24" font-weight="bold">%d  %s</text>'):format(
            LEFT + (index - 1) * LANE - 4, index, escaped(cluster.addresses[index]))
        life(out, rows, index)
    end
    for i, row in ipairs(rows) do
        draw_row(out, cluster, row, i)
    end
    out[#out + 1] = "</svg>\n"
    return table.concat(out, "\n")
end

return timeline
