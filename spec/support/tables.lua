-- SPDX-License-Identifier: MIT
-- The tables of the docs, made from the X-macros of the headers. In the top directory,
--   lua5.4 spec/support/tables.lua
-- renews what lies between `<!-- table: NAME -->` and `<!-- end -->` in every page of docs/.

local tables = {}

local HEADERS = {
    options = "runtime/include/hawser/options.h",
    event = "runtime/include/hawser/event.h",
    message = "runtime/include/hawser/message.h",
    remote = "runtime/include/hawser/remote.h",
    service = "runtime/include/hawser/service.h",
    error = "runtime/include/hawser/error.h",
    handshake = "runtime/wire/handshake.h",
    endpoint = "runtime/remote/endpoint.h",
}

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

---What stands between the parenthesis at `position` and its partner, and where it ends.
local function inside(text, position)
    local depth, quoted, at = 0, false, position
    while at <= #text do
        local c = text:sub(at, at)
        if c == "\\" then
            at = at + 1
        elseif c == '"' then
            quoted = not quoted
        elseif not quoted and c == "(" then
            depth = depth + 1
        elseif not quoted and c == ")" then
            depth = depth - 1
            if depth == 0 then return text:sub(position + 1, at - 1), at end
        end
        at = at + 1
    end
    error("unbalanced parentheses")
end

---Splits at the commas that are in no string and no parentheses.
local function arguments(text)
    local found, depth, quoted, start = {}, 0, false, 1
    for at = 1, #text + 1 do
        local c = text:sub(at, at)
        if c == '"' then quoted = not quoted end
        if not quoted and c == "(" then depth = depth + 1 end
        if not quoted and c == ")" then depth = depth - 1 end
        if at > #text or (c == "," and not quoted and depth == 0) then
            local word = text:sub(start, at - 1):match("^%s*(.-)%s*$")
            word = word:gsub('"%s+"', "") -- a string in parts is one
            found[#found + 1] = word:match('^"(.*)"$') or word
            start = at + 1
        end
    end
    return found
end

---The rows of the X-macro `name`: lists of its arguments, strings without their quotes.
---@param header string a key of HEADERS
---@param name string
---@return string[][]
function tables.rows(header, name)
    local text = read(HEADERS[header]):gsub("\\\n", " ")
    local body = text:match("\n#define " .. name .. "%(X%)([^\n]*)")
    assert(body, name .. " is not in " .. HEADERS[header])
    local rows, position = {}, 1
    while true do
        local at = body:find("X%(", position)
        if not at then break end
        local row, last = inside(body, at + 1)
        rows[#rows + 1] = arguments(row)
        position = last + 1
    end
    assert(#rows > 0, name .. " has no rows")
    return rows
end

-- --- how a table looks ---

local function table_of(heads, rows)
    local lines = { "| " .. table.concat(heads, " | ") .. " |", ("|---"):rep(#heads) .. "|" }
    for _, row in ipairs(rows) do
        for i, cell in ipairs(row) do row[i] = cell:gsub("|", "\\|") end
        lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
    end
    return table.concat(lines, "\n")
end

local function code(text) return "`" .. text .. "`" end

---A two-column table of an X-macro's first and last argument.
local function plain(header, name, heads, skip)
    return function()
        local rows = {}
        for _, row in ipairs(tables.rows(header, name)) do
            if row[1] ~= skip then rows[#rows + 1] = { code(row[1]), row[#row] } end
        end
        return table_of(heads, rows)
    end
end

-- --- options ---

local CONSTANTS = { HWS_SECOND = 1e9, HWS_MILLISECOND = 1e6, HWS_MICROSECOND = 1e3 }
local SIZES = { { 1 << 40, "TiB" }, { 1 << 30, "GiB" }, { 1 << 20, "MiB" }, { 1 << 10, "KiB" } }

local function grouped(number)
    local text = ("%d"):format(number)
    while true do
        local more, count = text:gsub("^(%d+)(%d%d%d)", "%1 %2")
        if count == 0 then return text end
        text = more
    end
end

local function shown(unit, value)
    if unit == "ns" then
        if value > 0 and value < 1e9 then return ("%g ms"):format(value / 1e6) end
        return ("%g s"):format(value / 1e9)
    elseif unit == "ratio" then
        return ("%g"):format(value)
    elseif unit == "bytes" then
        for _, size in ipairs(SIZES) do
            if value % size[1] == 0 then return ("%d %s"):format(value // size[1], size[2]) end
        end
    end
    return grouped(value)
end

---@class tables.Option
---@field name string
---@field unit string
---@field initial number
---@field least number
---@field most number
---@field doc string

---@return tables.Option[]
function tables.options()
    local options = {}
    for i, row in ipairs(tables.rows("options", "HWS_OPTIONS")) do
        local numbers = {}
        for j = 3, 5 do numbers[j] = assert(load("return " .. row[j], "=", "t", CONSTANTS))() end
        options[i] = { name = row[1], unit = row[2], initial = numbers[3], least = numbers[4],
                       most = numbers[5], doc = row[6] }
    end
    return options
end

local UNIT_NAMES = { ns = "seconds", flag = "0 or 1" }

local function options_table()
    local rows = {}
    for i, o in ipairs(tables.options()) do
        rows[i] = { code(o.name), UNIT_NAMES[o.unit] or o.unit, shown(o.unit, o.initial),
                    shown(o.unit, o.least) .. " to " .. shown(o.unit, o.most), o.doc }
    end
    return table_of({ "option", "unit", "default", "range", "what it sets" }, rows)
end

-- --- events ---

-- How the kinds of fields look; the samples are what spec/support/event_json.c fills in.
local KINDS = {
    text = { "string", "string" },
    pid = { "PID", 'string, `"host:port/id"`' },
    u64 = { "integer", "number" },
    uid = { "string, 16 hex digits", "string, 16 hex digits" },
    seconds = { "float, seconds", "number, seconds" },
    clock = { "float, seconds on the clock of `time`", "number, seconds on the clock of `time`" },
    flag = { "boolean", "`true`, `false`" },
    correlation = { "string, 24 hex digits", "string, 24 hex digits" },
    value = { "the value", "string, the msgpack bytes in hex" },
}

local SAMPLES = {
    address = '"127.0.0.1:25521"', name = '"beta"', file = '"night.lua"',
    version = '"1f2e3d4c"', uid = '"7b7ed5d4c13f3c13"', incarnation = "1",
    reason = '"word"', detail = '"a sentence"', attempt = "2", delay = "0.4", success = "true",
    resumed = "true", level = '"warning"', count = "3", pid = '"127.0.0.1:25521/echo"',
    sender = '"127.0.0.1:25520/$1"', watcher = '"127.0.0.1:25520/guard"', message = '"81a16101"',
    correlation = '"1122334455667788000000ff"', state = '"reconnecting"', from = '"connected"',
    since = "1.250000000", step = '"dial"', next = "1.900000000",
}

-- HWS_F_NAME stands for several HWS_F(field).
local function expanded(fields)
    local text = read(HEADERS.event):gsub("\\\n", " ")
    return (fields:gsub("HWS_F_%u+", function(name)
        return expanded(assert(text:match("\n#define " .. name .. "%s+([^\n]*)"), name))
    end))
end

---@return { name: string, doc: string, fields: string[] }[]
function tables.events()
    local events, order = {}, {}
    for i, row in ipairs(tables.rows("event", "HWS_EVENT_FIELDS")) do order[i] = row[1] end
    for i, row in ipairs(tables.rows("event", "HWS_EVENTS")) do
        local has, fields = {}, {}
        for field in expanded(row[2]):gmatch("HWS_F%(([%w_]+)%)") do has[field] = true end
        for _, field in ipairs(order) do
            if has[field] then fields[#fields + 1] = field end
        end
        events[i] = { name = row[1], doc = row[3], fields = fields }
    end
    return events
end

---The JSON line of an event whose fields have the sample values.
function tables.event_json(event)
    local parts = { ('{"event":"%s","time":1.500000000'):format(event.name) }
    for _, field in ipairs(event.fields) do
        parts[#parts + 1] = ('"%s":%s'):format(field, SAMPLES[field])
    end
    return table.concat(parts, ",") .. "}"
end

local function events_table()
    local rows = {}
    for i, event in ipairs(tables.events()) do
        local fields = {}
        for j, field in ipairs(event.fields) do fields[j] = code(field) end
        rows[i] = { code(event.name), event.doc, table.concat(fields, ", ") }
    end
    return table_of({ "event", "when", "fields" }, rows)
end

local function fields_table()
    local rows = {}
    for i, row in ipairs(tables.rows("event", "HWS_EVENT_FIELDS")) do
        local kind = KINDS[row[2]]
        rows[i] = { code(row[1]), kind[1], kind[2], row[3] }
    end
    return table_of({ "field", "in Lua", "in JSON", "what it is" }, rows)
end

local function json_lines()
    local lines = { "```json" }
    for _, event in ipairs(tables.events()) do lines[#lines + 1] = tables.event_json(event) end
    lines[#lines + 1] = "```"
    return table.concat(lines, "\n")
end

-- --- errors and statistics ---

local function errors_table()
    local rows = {}
    for i, row in ipairs(tables.rows("error", "HWS_ERRORS")) do
        rows[i] = { code(row[1]), row[2], row[3] }
    end
    return table_of({ "code", "in C", "sentence" }, rows)
end

local function statistics_table()
    local rows = {}
    for i, row in ipairs(tables.rows("remote", "HWS_ENDPOINT_STATISTICS")) do
        rows[i] = { code(row[1]), UNIT_NAMES[row[2]] or row[2], row[3] }
    end
    return table_of({ "statistic", "unit", "what it counts" }, rows)
end

local function spawn_statuses_table()
    local rows = {}
    for i, row in ipairs(tables.rows("service", "HWS_SPAWN_STATUSES")) do
        rows[i] = { code(row[1]), row[2] == "true" and "yes" or "no", row[3] }
    end
    return table_of({ "status", "retryable", "sentence" }, rows)
end

-- --- the endpoint's chart, its events, why and what next ---

local function chart()
    local text = read(HEADERS.endpoint)
    local drawn = assert(text:match("What is in force:\n %*\n(.-)\n %*\n %* suspended:"))
    return "```text\n" .. drawn:gsub("%f[^\n%z] %* ?", "") .. "\n```"
end

local function transitions_table()
    local rows = {}
    for i, row in ipairs(tables.rows("endpoint", "HWSI_ENDPOINT_TRANSITIONS")) do
        rows[i] = { row[1], row[2], row[4], code(row[3]) }
    end
    return table_of({ "from", "to", "when", "event" }, rows)
end

local function fields_of(macro)
    local has = {}
    for field in expanded(macro):gmatch("HWS_F%(([%w_]+)%)") do has[field] = true end
    return has
end

-- The events of endpoints; what each of them has, and each that tells a transition, is left out.
local function endpoint_events_table()
    local all, change, rows = fields_of("HWS_F_ENDPOINT"), fields_of("HWS_F_TRANSITION"), {}
    for _, event in ipairs(tables.events()) do
        local has, more = {}, {}
        for _, field in ipairs(event.fields) do has[field] = true end
        if has.incarnation and has.state then
            local base = has.from and change or all
            for _, field in ipairs(event.fields) do
                if not base[field] then more[#more + 1] = code(field) end
            end
            rows[#rows + 1] = { code(event.name), has.from and "yes" or "",
                                table.concat(more, ", "), event.doc }
        end
    end
    return table_of({ "event", "a transition", "its own fields", "when" }, rows)
end

local function endpoint_fields()
    local order, all, change = {}, fields_of("HWS_F_ENDPOINT"), fields_of("HWS_F_TRANSITION")
    for i, row in ipairs(tables.rows("event", "HWS_EVENT_FIELDS")) do order[i] = row[1] end
    local first, more = {}, {}
    for _, field in ipairs(order) do
        if all[field] then
            first[#first + 1] = code(field)
        elseif change[field] then
            more[#more + 1] = code(field)
        end
    end
    return ("Every one has %s; a transition's also %s."):format(table.concat(first, ", "),
                                                               table.concat(more, ", "))
end

local function reasons_table()
    local rows = {}
    for i, row in ipairs(tables.rows("remote", "HWS_LINK_REASONS")) do
        rows[i] = { code(row[1]), row[3], row[2] == "true" and "gated" or "", row[4] }
    end
    return table_of({ "reason", "what happened", "then", "what to do" }, rows)
end

local function refusals_table()
    local rows = {}
    for i, row in ipairs(tables.rows("handshake", "HWSI_REFUSALS")) do
        rows[i] = { row[1], row[2], row[3] }
    end
    return table_of({ "code", "number", "meaning" }, rows)
end

local function words(header, name)
    return function()
        local list = {}
        for i, row in ipairs(tables.rows(header, name)) do list[i] = code(row[1]) end
        return table.concat(list, ", ")
    end
end

-- What can stand between the marks.
tables.made = {
    options = options_table,
    events = events_table,
    event_fields = fields_table,
    event_json = json_lines,
    dead_letter_reasons = plain("message", "HWS_DEAD_LETTER_REASONS", { "reason", "sentence" },
                                "none"),
    terminated_reasons = words("message", "HWS_TERMINATED_REASONS"),
    errors = errors_table,
    endpoint_states = words("remote", "HWS_ENDPOINT_STATES"),
    endpoint_statistics = statistics_table,
    system_statistics = plain("remote", "HWS_SYSTEM_STATISTICS", { "statistic", "what it counts" }),
    endpoint_chart = chart,
    endpoint_transitions = transitions_table,
    endpoint_events = endpoint_events_table,
    endpoint_fields = endpoint_fields,
    endpoint_steps = plain("remote", "HWS_ENDPOINT_STEPS", { "step", "what the endpoint does" }),
    link_reasons = reasons_table,
    refusals = refusals_table,
    spawn_statuses = spawn_statuses_table,
    diagnostics = plain("service", "HWS_PROCESS_DIAGNOSTICS", { "figure", "what it is" }),
}

-- --- pages ---

tables.PAGES = { "options", "events", "delivery", "endpoints", "services", "lua", "wire" }

---A page's text with every table made anew.
---@param text string
---@return string text
---@return string[] names of the tables in it
function tables.renewed(text)
    local names = {}
    local result = text:gsub("(<!%-%- table: ([%w_]+) %-%->\n).-(<!%-%- end %-%->)",
        function(first, name, last)
            names[#names + 1] = name
            return first .. assert(tables.made[name], "no table " .. name)() .. "\n" .. last
        end)
    return result, names
end

function tables.path(page) return "docs/" .. page .. ".md" end

tables.read = read

-- Run as a program, not loaded by a spec.
if arg and arg[0] and arg[0]:find("tables%.lua$") then
    for _, page in ipairs(tables.PAGES) do
        local old = read(tables.path(page))
        local new = tables.renewed(old)
        if new ~= old then
            local file = assert(io.open(tables.path(page), "wb"))
            file:write(new)
            file:close()
            print("renewed " .. tables.path(page))
        end
    end
end

return tables
