-- SPDX-License-Identifier: MIT
-- Statistics of a running process as text: a table of all endpoints, or everything of one.

local describe = require "hawser.console.describe"

local show = {}

local duration = describe.duration

local function count_text(value)
    if value < 100000 then
        return tostring(value)
    elseif value < 1e6 then
        return ("%.0fk"):format(value / 1e3)
    elseif value < 1e9 then
        return ("%.1fM"):format(value / 1e6)
    end
    return ("%.1fG"):format(value / 1e9)
end

local function rate_text(rate)
    if not rate then
        return "-"
    end
    return rate < 10 and rate > 0 and ("%.1f"):format(rate) or count_text(math.floor(rate + 0.5))
end

local function trip_text(endpoint, name)
    return endpoint.rtt_count > 0 and duration(endpoint[name]) or "-"
end

-- "3 (2 disconnected, 1 queue_full)", the most frequent first; nil: none.
local function reasons_text(by_reason)
    local reasons = {}
    for reason, count in pairs(by_reason) do
        if reason ~= "total" then
            reasons[#reasons + 1] = { reason, count }
        end
    end
    table.sort(reasons, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
    for i, reason in ipairs(reasons) do
        reasons[i] = ("%d %s"):format(reason[2], reason[1])
    end
    return by_reason.total > 0 and ("%d (%s)"):format(by_reason.total, table.concat(reasons, ", "))
        or nil
end

-- What it does next by itself.
local function step_text(endpoint)
    local left = endpoint.next and endpoint.next - endpoint.now
    if not left then
        return nil
    end
    return ("%s in %s"):format(endpoint.step, duration(math.max(0, left)))
end

-- What else is to be said of an endpoint, in lines.
local function notes_of(endpoint)
    local notes, parts = {}, {}
    if endpoint.state ~= "connected" and endpoint.state ~= "idle" then
        parts[#parts + 1] = endpoint.reason ~= "" and endpoint.reason or nil
        parts[#parts + 1] = step_text(endpoint)
    end
    local dead = reasons_text(endpoint.dead_letters)
    notes[#notes + 1] = #parts > 0 and table.concat(parts, "; ") or nil
    notes[#notes + 1] = dead and "dead letters: " .. dead
    return notes
end

-- --- the table ---

local HEAD = { "PEER", "STATE", "LEVEL", "QUEUE", "SENT", "RECEIVED", "RTT 50%", "99%" }
local RATES = { [5] = "SENT/S", [6] = "RECV/S" }

local function cells_of(endpoint, rates)
    return {
        endpoint.address, endpoint.state, endpoint.level, count_text(endpoint.queue_size),
        rates and rate_text(rates.sent) or count_text(endpoint.deliver_success),
        rates and rate_text(rates.received) or count_text(endpoint.received),
        trip_text(endpoint, "rtt_p50"), trip_text(endpoint, "rtt_p99"),
    }
end

local function line_of(cells, widths)
    local texts = {}
    for i, cell in ipairs(cells) do
        local pad = (" "):rep(widths[i] - #cell)
        texts[i] = i <= 3 and cell .. pad or pad .. cell
    end
    return "  " .. table.concat(texts, "  ")
end

local function system_line(system)
    local totals = system.totals
    local dead = reasons_text(totals.dead_letters)
    return ("%s %s: %s, %s, %s delivered%s\n  dead letters: %s"):format(system.name, system.address,
        describe.plural(totals.actors, "actor"), describe.plural(totals.endpoints, "endpoint"),
        count_text(totals.delivered), system.policy and ", policy " .. system.policy or "",
        dead or "none")
end

-- Rows of a system: { cells, notes }.
local function rows_of(all, name, rates)
    local rows = {}
    for _, endpoint in ipairs(all.endpoints) do
        if endpoint.system == name then
            local known = rates and (rates[name .. " " .. endpoint.address] or {})
            rows[#rows + 1] = { cells_of(endpoint, known), notes_of(endpoint) }
        end
    end
    return rows
end

local function add_rows(lines, rows, head)
    local widths = {}
    for _, row in ipairs { { head }, table.unpack(rows) } do
        for i, cell in ipairs(row[1]) do
            widths[i] = math.max(widths[i] or 0, #cell)
        end
    end
    lines[#lines + 1] = line_of(head, widths)
    for _, row in ipairs(rows) do
        lines[#lines + 1] = line_of(row[1], widths)
        for _, note in ipairs(row[2]) do
            lines[#lines + 1] = "    " .. note
        end
    end
end

-- All systems with their endpoints. With `rates` the columns SENT and RECEIVED are per second.
---@param all hawser.cli.Figures
---@param rates? table<string, { sent?: number, received?: number }> by "system address"
---@return string
function show.all(all, rates)
    local lines, head = {}, table.move(HEAD, 1, #HEAD, 1, {})
    for i, title in pairs(rates and RATES or {}) do
        head[i] = title
    end
    for _, system in ipairs(all.systems) do
        lines[#lines + 1] = system_line(system)
        local rows = rows_of(all, system.name, rates)
        if #rows > 0 then
            add_rows(lines, rows, head)
        end
    end
    return #lines > 0 and table.concat(lines, "\n") or "no system"
end

-- --- one endpoint ---

local function trips_text(endpoint)
    if endpoint.rtt_count == 0 then
        return "not measured yet"
    end
    return ("%s; 50 %% %s, 99 %% %s, at most %s, %d measured"):format(duration(endpoint.rtt),
        duration(endpoint.rtt_p50), duration(endpoint.rtt_p99), duration(endpoint.rtt_max),
        endpoint.rtt_count)
end

local function details(endpoint, rates)
    local function per_second(name)
        return rates and rates[name] and (", %s/s"):format(rate_text(rates[name])) or ""
    end
    return {
        { "peer", endpoint.name ~= "" and endpoint.name .. (endpoint.uid and ", uid "
            .. endpoint.uid or "") or "not known yet" },
        { "state", ("%s for %s%s"):format(endpoint.state, duration(endpoint.now - endpoint.since),
            endpoint.reason ~= "" and ": " .. endpoint.reason or "") },
        { "next step", step_text(endpoint) or "none by itself" },
        { "throttle level", endpoint.level },
        { "queue", ("%d of %d messages, %d bytes"):format(endpoint.queue_size,
            endpoint.queue_capacity, endpoint.queue_bytes) },
        { "sent", ("%d messages%s, %d bytes; %d failed, %d sent again"):format(
            endpoint.deliver_success, per_second("sent"), endpoint.sent_bytes,
            endpoint.deliver_failure, endpoint.resent) },
        { "received", ("%d messages%s, %d bytes; %d twice, %d undecodable"):format(
            endpoint.received, per_second("received"), endpoint.received_bytes,
            endpoint.duplicates, endpoint.undecodable) },
        { "round trip", trips_text(endpoint) },
        { "dead letters", reasons_text(endpoint.dead_letters) or "none" },
        { "links", ("%d dialed in %s, %d accepted; lost: %s; not made: %s"):format(
            endpoint.connects, describe.plural(endpoint.connect_attempts, "attempt"),
            endpoint.accepted, reasons_text(endpoint.disconnects) or "none",
            reasons_text(endpoint.connect_failures) or "none") },
    }
end

-- Everything of each endpoint.
---@param all hawser.cli.Figures
---@param rates? table<string, { sent?: number, received?: number }>
---@return string
function show.each(all, rates)
    local lines = {}
    for _, endpoint in ipairs(all.endpoints) do
        lines[#lines + 1] = ("%s: endpoint %s"):format(endpoint.system, endpoint.address)
        local known = rates and rates[endpoint.system .. " " .. endpoint.address]
        for _, detail in ipairs(details(endpoint, known)) do
            lines[#lines + 1] = ("  %-15s %s"):format(detail[1], detail[2])
        end
    end
    return table.concat(lines, "\n")
end

return show
