-- SPDX-License-Identifier: MIT
-- The endpoints of this process as a table that is drawn again and again: what is in trouble first.
-- Rates are of the time since the drawing before, on each system's own clock.

local locale = require "hawser.locale"
local describe = require "hawser.console.describe"
local systems = require "hawser.console.systems"

local top = {}

local INTERVAL = 0.5
local TRIPS = 40 -- round trip times remembered of an endpoint

local TROUBLE = { reconnecting = 1, gated = 2, suspended = 3, quarantined = 4, associating = 5,
                  connected = 6, idle = 7, closed = 8 }

local BLOCKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local PLAIN_BLOCKS = { "_", ".", "-", "=", "+", "*", "#", "@" }

local Top = {}
Top.__index = Top

-- --- what is known of an endpoint from one drawing to the next ---

local function rate(now, before, name)
    local passed = now.at - before.at
    local done = now[name] - before[name]
    return passed > 0 and done >= 0 and done / passed or 0
end

function Top:look(key, statistics, now)
    local seen = self.seen[key] or { trips = {}, count = -1 }
    local fresh = { at = now, deliver_success = statistics.deliver_success,
                    received = statistics.received }
    if seen.last and now > seen.last.at then
        seen.out, seen.into = rate(fresh, seen.last, "deliver_success"),
            rate(fresh, seen.last, "received")
    end
    if not seen.last or now > seen.last.at then
        seen.last = fresh
    end
    if statistics.rtt_count ~= seen.count and statistics.rtt > 0 then
        seen.count = statistics.rtt_count
        seen.trips[#seen.trips + 1] = statistics.rtt
        if #seen.trips > TRIPS then
            table.remove(seen.trips, 1)
        end
    end
    self.seen[key] = seen
    return seen
end

-- The worst first.
local function worse(a, b)
    local x, y = TROUBLE[a.statistics.state] or 0, TROUBLE[b.statistics.state] or 0
    if x ~= y then
        return x < y
    elseif a.statistics.queue_size ~= b.statistics.queue_size then
        return a.statistics.queue_size > b.statistics.queue_size
    end
    return a.key < b.key
end

function Top:rows()
    local rows, known = {}, {}
    for _, system in ipairs(systems.list()) do
        local now = system:now()
        for address, statistics in pairs(system:statistics_snapshot()) do
            local key = system.name .. " " .. address
            known[key] = true
            rows[#rows + 1] = { key = key, system = system.name, statistics = statistics,
                                seen = self:look(key, statistics, now) }
        end
    end
    for key in pairs(self.seen) do
        self.seen[key] = known[key] and self.seen[key] or nil
    end
    table.sort(rows, worse)
    return rows
end

-- --- drawing ---

local function fit(text, width)
    local length = utf8.len(text) or #text
    if length > width then
        return text:sub(1, (utf8.offset(text, width) or width) - 1) .. "~"
    end
    return text .. (" "):rep(width - length)
end

local function fit_right(text, width)
    return (" "):rep(width - (utf8.len(text) or #text)) .. text
end

-- How full a queue is: anything in it shows.
function Top:bar(statistics, width)
    local share = statistics.queue_size / statistics.queue_capacity
    local full = math.min(width, math.ceil(share * width))
    local mark, gap = self.unicode and "█" or "#", self.unicode and "░" or "."
    return mark:rep(full) .. gap:rep(width - full)
end

function Top:sparkline(trips, width)
    local first = math.max(1, #trips - width + 1)
    local least, most = math.huge, 0
    for i = first, #trips do
        least, most = math.min(least, trips[i]), math.max(most, trips[i])
    end
    local cells = {}
    for i = first, #trips do
        local share = most > least and (trips[i] - least) / (most - least) or 0
        cells[#cells + 1] = self.blocks[1 + math.floor(share * 7 + 0.5)]
    end
    return table.concat(cells)
end

local function short_rate(value)
    if not value then
        return "-"
    elseif value >= 999500 then
        return ("%.1fM"):format(value / 1e6)
    elseif value >= 9999.5 then
        return ("%.0fk"):format(value / 1e3)
    elseif value >= 10 or value == 0 then
        return ("%.0f"):format(value)
    end
    return ("%.1f"):format(value)
end

local HEAD = { "SYSTEM", "PEER", "STATE", "LEVEL", "QUEUE", "OUT/S", "IN/S", "RTT", "" }

function Top:cells(row)
    local statistics, seen = row.statistics, row.seen
    return { row.system, statistics.address, statistics.state, statistics.level or "",
             self:bar(statistics, 6), short_rate(seen.out), short_rate(seen.into),
             statistics.rtt > 0 and describe.duration(statistics.rtt) or "-", seen.trips }
end

-- Columns as wide as what is in them; when that is too much, names give way.
local function widths_of(table_of_cells, width)
    local widths = { 6, 4, 12, 8, 6, 5, 5, 6, 0 }
    for _, cells in ipairs(table_of_cells) do
        for i = 1, 2 do
            widths[i] = math.max(widths[i], utf8.len(cells[i]) or #cells[i])
        end
    end
    local used = 8
    for _, each in ipairs(widths) do
        used = used + each
    end
    for i = 2, 1, -1 do
        local give = math.max(0, math.min(used + 6 - width, widths[i] - 8))
        widths[i], used = widths[i] - give, used - give
    end
    widths[9] = math.max(0, math.min(TRIPS, width - used))
    return widths
end

function Top:line(cells, widths)
    local texts = {}
    for i = 1, 8 do
        texts[i] = (i >= 6 and fit_right or fit)(cells[i], widths[i])
    end
    texts[9] = type(cells[9]) == "table" and self:sparkline(cells[9], widths[9]) or cells[9]
    return (table.concat(texts, " "):gsub("%s+$", ""))
end

---@param width integer
---@param height integer lines there are
---@return string
function Top:render(width, height)
    local rows, all = self:rows(), {}
    for i, row in ipairs(rows) do
        all[i] = self:cells(row)
    end
    local widths = widths_of(all, width)
    local lines = { ("%s, %s%s"):format(describe.plural(#systems.list(), "system"),
        describe.plural(#rows, "endpoint"), self.live and "; q leaves" or "") }
    lines[2] = self:line(HEAD, widths)
    local room = math.max(1, height - 3)
    for i = 1, math.min(#all, room) do
        lines[#lines + 1] = self:line(all[i], widths)
    end
    if #all > room then
        lines[#lines + 1] = ("... %d more"):format(#all - room)
    end
    return table.concat(lines, "\n")
end

-- What a session's `live` is: drawn every `interval` seconds.
---@param options? { unicode?: boolean }
function top.new(options)
    local unicode = locale.is_utf8()
    if options and options.unicode ~= nil then
        unicode = options.unicode
    end
    local self = setmetatable({ seen = {}, unicode = unicode, live = true,
                                blocks = unicode and BLOCKS or PLAIN_BLOCKS }, Top)
    return {
        interval = INTERVAL,
        render = function(width, height) return self:render(width, height) end,
        -- Where nothing can be drawn twice.
        render_once = function(width)
            self.live = false
            return self:render(width, math.huge)
        end,
    }
end

return top
