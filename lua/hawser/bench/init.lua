-- SPDX-License-Identifier: MIT
-- hawser bench: hawser beside the raw floor of this machine, in one run. Floor and hawser take
-- turns, round by round; shown are the medians of the rounds and the ratio of the medians.

local draw = require "hawser.bench.draw"
local others = require "hawser.bench.others"
local rows = require "hawser.bench.rows"
local runner = require "hawser.bench.runner"
local suggest = require "hawser.suggest"

local bench = {}

local USAGE = [[
usage: hawser bench [OPTIONS]

  --only PATTERN   rows whose name has this text in it: --only "C to C"
  --seconds N      of each measurement, 0.01 to 60; default 0.5
  --rounds N       measurements of each row, 1 to 99; default 5
  --cores N        1: both processes on one core; 2: one each; 0: where the
                   system puts them; default: as each row says
  --endpoints N    idle ones, 1 to 10000; default 1000
  --patience N     repeats, at most N times, a measurement in which other
                   processes had more than 5 % of the cores, 0 to 1000;
                   default 0
  --json           one JSON object instead of the table
]]

local numbers = {
    ["--seconds"] = { 0.01, 60 }, ["--rounds"] = { 1, 99 }, ["--cores"] = { 0, 2 },
    ["--endpoints"] = { 1, 10000 }, ["--patience"] = { 0, 1000 },
}
local names = { "--only", "--seconds", "--rounds", "--cores", "--endpoints", "--patience", "--json",
                "--help" }
local DISTURBED = 0.05

local function complain(...)
    io.stderr:write("hawser bench: ", string.format(...), "\n")
    return nil
end

local function read_number(name, text)
    local least, most = numbers[name][1], numbers[name][2]
    local number = tonumber(text)
    if name ~= "--seconds" then
        number = math.tointeger(number)
    end
    if not number or number < least or number > most then
        return complain("%s must be a number from %g to %g, not %q", name, least, most,
                        text or "nothing")
    end
    return number
end

local function read_options(args)
    local options = { seconds = 0.5, rounds = 5, endpoints = 1000, patience = 0 }
    local i = 1
    while args[i] do
        local name, value = args[i]:match("^(%-%-%a+)=(.*)$")
        name = name or args[i]
        if name == "--json" or name == "--help" then
            options[name:sub(3)] = true
        elseif name == "--only" or numbers[name] then
            if not value then
                i = i + 1
                value = args[i]
            end
            if not value then
                return complain("%s needs a value", name)
            end
            if numbers[name] then
                value = read_number(name, value)
            end
            if not value then
                return nil
            end
            options[name:sub(3)] = value
        else
            return complain("unknown option %q: %s", name, suggest.expected(name, names))
        end
        i = i + 1
    end
    return options
end

local function selected(options)
    local list = {}
    for _, row in ipairs(rows) do
        if not options.only or row.name:lower():find(options.only:lower(), 1, true) then
            local copy = {}
            for key, value in pairs(row) do
                copy[key] = value
            end
            copy.cores = copy.cores and (options.cores or copy.cores)
            list[#list + 1] = copy
        end
    end
    return list
end

local function median(results)
    local sorted = table.move(results, 1, #results, 1, {})
    table.sort(sorted, function(a, b) return a.value < b.value end)
    return sorted[(#sorted + 1) // 2]
end

local function judge(row)
    local figure = row.judged == "ratio" and row.ratio or row.judged == "hawser" and row.value
    if not row.judged then
        return nil
    elseif not figure then
        return "no"
    end
    local less_is_better = row.unit == "latency" or row.unit == "memory"
    local function within(mark)
        if less_is_better then
            return figure <= mark
        end
        return figure >= mark
    end
    return within(row.aim) and "aim" or within(row.must) and "must" or "no"
end

local progress -- set when somebody looks

-- One measurement, with what others had meanwhile; again while that is too much.
local function measure(programs, what, row, options, settings)
    local least
    for attempt = 0, options.patience do
        local watch = others.start()
        local result = runner.measure(programs, what, row, settings)
        if not result then
            return nil
        end
        result.others = others.share(watch)
        if not least or result.others < least.others then
            least = result
        end
        if least.others <= DISTURBED then
            break
        end
        progress("%s: others are busy, measuring again (%d)", row.name, attempt + 1)
    end
    return least
end

local function measure_row(programs, row, options, allowed)
    local settings = { seconds = options.seconds, endpoints = options.endpoints,
                       cores = row.cores or 0, allowed = allowed }
    local floors, values = {}, {}
    -- Memory does not vary.
    for round = 1, row.unit == "memory" and 1 or options.rounds do
        progress("%s, round %d of %d", row.name, round, options.rounds)
        local floor = row.floor and measure(programs, row.floor, row, options, settings)
        local value = measure(programs, row.hawser, row, options, settings)
        if not value or (row.floor and not floor) then
            return -- it has said why, and would again
        end
        floors[#floors + 1], values[#values + 1] = floor, value
    end
    row.floor_result = #floors > 0 and median(floors) or nil
    row.result = median(values)
    row.others = 0
    for i, value in ipairs(values) do
        local floor = floors[i] or value
        row.others = row.others + (floor.others + value.others) / 2 / #values
    end
    row.floor_value = row.floor_result and row.floor_result.value
    row.value = row.result.value
    row.ratio = row.floor_value and row.value / row.floor_value
end

-- --- JSON ---

local function json_text(text)
    return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function json_result(result)
    if not result then
        return "null"
    end
    local parts = { ('"value":%.6g'):format(result.value) }
    for _, key in ipairs { "p50_ns", "p99_ns", "p999_ns" } do
        if result[key] then
            parts[#parts + 1] = ('"%s":%d'):format(key, result[key])
        end
    end
    local buckets = {}
    for i, bucket in ipairs(result.histogram) do
        buckets[i] = ("[%d,%d]"):format(bucket[1], bucket[2])
    end
    if #buckets > 0 then
        parts[#parts + 1] = '"histogram":[' .. table.concat(buckets, ",") .. "]"
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

local function json_row(row)
    local parts = { '"name":' .. json_text(row.name), '"unit":' .. json_text(row.unit) }
    local function add(key, form, value)
        if value then
            parts[#parts + 1] = ('"%s":' .. form):format(key, value)
        end
    end
    add("payload", "%d", row.payload)
    add("cores", "%d", row.cores)
    add("ratio", "%.4f", row.ratio)
    add("judged", '"%s"', row.judged)
    add("must", "%.6g", row.must)
    add("aim", "%.6g", row.aim)
    add("met", '"%s"', row.met)
    add("others", "%.3f", row.others)
    parts[#parts + 1] = '"floor":' .. json_result(row.floor_result)
    parts[#parts + 1] = '"hawser":' .. json_result(row.result)
    return "{" .. table.concat(parts, ",") .. "}"
end

local function print_json(machine, options, list)
    local lines = {}
    for i, row in ipairs(list) do
        lines[i] = json_row(row)
    end
    io.stdout:write(('{"machine":{"cpu":%s,"cores":%d,"kernel":%s,"load":%.2f,"compiler":%s,'
        .. '"flags":%s},"seconds":%g,"rounds":%d,"rows":[\n%s\n]}\n'):format(
        json_text(machine.cpu), machine.cores, json_text(machine.kernel), machine.load,
        json_text(machine.compiler), json_text(machine.flags), options.seconds, options.rounds,
        table.concat(lines, ",\n")))
end

-- --- for people ---

local function print_latency(list)
    for _, row in ipairs(list) do
        if row.unit == "latency" and row.result then
            draw.histogram(("%s: there and back, one message at a time, %d B"):format(
                row.name:gsub(", p50", ""), row.payload), row.result.histogram)
            draw.percentiles("hawser", row.result)
            if row.floor_result then
                draw.percentiles("floor", row.floor_result)
            end
        end
    end
end

local function print_report(machine, options, list)
    io.stdout:write(("%s, %d cores, Linux %s; %s %s\n"):format(
        machine.cpu, machine.cores, machine.kernel, machine.compiler, machine.flags))
    io.stdout:write(("Medians of %d %s of %g s; two processes, TCP over 127.0.0.1.\n\n"):format(
        options.rounds, options.rounds == 1 and "round" or "rounds", options.seconds))
    draw.table(list)
    local most = 0
    for _, row in ipairs(list) do
        most = math.max(most, row.others or 0)
    end
    if most > DISTURBED then
        io.stdout:write(("\nOther processes had up to %.0f %% of the cores meanwhile; without them "
            .. "the figures would be better.\n"):format(100 * most))
    end
    print_latency(list)
end

local function show_progress()
    local terminal = os.execute("test -t 2")
    progress = function(form, ...)
        if terminal then
            io.stderr:write("\r\27[K", form and form:format(...) or "")
        end
    end
end

---@param args string[]
---@return integer # exit status: 1 when something could not be measured, 2 for a wrong option
function bench.main(args)
    local options = read_options(args)
    if not options then
        return 2
    elseif options.help then
        io.stdout:write(USAGE)
        return 0
    end
    local list = selected(options)
    if #list == 0 then
        complain("no row has %q in its name", options.only)
        return 2
    end
    local programs, message = runner.find()
    if not programs then
        complain("%s", message)
        return 1
    end
    local machine = runner.machine(programs)
    show_progress()
    local status = 0
    for _, row in ipairs(list) do
        if (row.cores or 0) > #machine.allowed then
            row.cores = 0
        end
        measure_row(programs, row, options, machine.allowed)
        row.met = judge(row)
        status = row.value and status or 1
    end
    progress()
    if options.json then
        print_json(machine, options, list)
    else
        print_report(machine, options, list)
    end
    return status
end

return bench
