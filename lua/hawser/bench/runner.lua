-- SPDX-License-Identifier: MIT
-- Runs one work of one program once, and reads the line of JSON that it prints.

local runner = {}

local OUTSTANDING = 100

local function quoted(words)
    local all = {}
    for i, word in ipairs(words) do
        all[i] = "'" .. tostring(word):gsub("'", "'\\''") .. "'"
    end
    return table.concat(all, " ")
end

-- The output of a command without its last newline, or nil when it failed.
local function output_of(command)
    local pipe = assert(io.popen(command))
    local text = pipe:read("a"):gsub("\n$", "")
    return pipe:close() and text or nil
end

local function first_line(path)
    local file = io.open(path)
    local line = file and file:read("l")
    if file then
        file:close()
    end
    return line
end

local function readable(path)
    local file = io.open(path)
    return file and file:close() ~= nil
end

-- Our own executable and the two programs beside it; nil and a sentence when they are not there.
function runner.find()
    local hawser = output_of("readlink /proc/$PPID/exe")
    local directory = hawser and hawser:match("^(.*)/")
    local found = { hawser = hawser, floor = (directory or "") .. "/hawser-floor",
                    bench = (directory or "") .. "/hawser-bench" }
    if not readable(found.floor) or not readable(found.bench) then
        return nil, ("hawser-floor and hawser-bench are not beside %s: build them from the "
            .. "sources, with cmake --preset release && cmake --build --preset release, and use "
            .. "the hawser in build/release/bin"):format(hawser or "hawser")
    end
    found.script = package.searchpath("hawser.bench.work", package.path)
    return found
end

-- The numbers of the cores this process may use: {0, 1}.
local function allowed_cores()
    local list = {}
    for line in io.lines("/proc/self/status") do
        local ranges = line:match("^Cpus_allowed_list:%s*(.*)")
        for from, to in (ranges or ""):gmatch("(%d+)%-?(%d*)") do
            for core = tonumber(from), tonumber(to) or tonumber(from) do
                list[#list + 1] = core
            end
        end
    end
    return list
end

function runner.machine(programs)
    local cpu, cores = "unknown", 0
    for line in io.lines("/proc/cpuinfo") do
        cpu = line:match("^model name%s*:%s*(.*)") or cpu
        cores = cores + (line:find("^processor") and 1 or 0)
    end
    local build = output_of(quoted { programs.bench, "build" }) or ""
    return {
        cpu = cpu,
        cores = cores,
        allowed = allowed_cores(),
        kernel = first_line("/proc/sys/kernel/osrelease") or "unknown",
        load = tonumber((first_line("/proc/loadavg") or ""):match("^[%d.]+")) or 0,
        compiler = build:match('"compiler":"([^"]*)"') or "unknown",
        flags = build:match('"flags":"([^"]*)"') or "unknown",
    }
end

-- What a side that is a script is started with, on the nth core.
local function script(programs, cores, nth)
    local command = { programs.hawser, "run", programs.script }
    if cores then
        table.move({ programs.floor, "pin", cores[nth] }, 1, 3, 1,
                   table.move(command, 1, 3, 4, command))
    end
    return command
end

local function lua_command(programs, work, row, options)
    local cores = options.cores > 0 and options.allowed or nil
    local command = script(programs, cores, 1)
    for _, word in ipairs { work, options.seconds, row.payload, OUTSTANDING } do
        command[#command + 1] = word
    end
    local peer = script(programs, cores, options.cores)
    return table.move(peer, 1, #peer, #command + 1, command)
end

local function c_command(program, work, row, options)
    local command = { program, work }
    local function add(name, value)
        command[#command + 1] = name
        command[#command + 1] = value
    end
    if row.unit == "memory" then
        add("--endpoints", options.endpoints)
        return command
    end
    add("--payload", row.payload)
    add("--seconds", options.seconds)
    if options.cores > 0 then
        add("--cores", options.cores)
    end
    return command
end

local keys = {
    messages = "messages_per_second",
    bytes = "bytes_per_second",
    latency = "p50_ns",
    memory = "bytes_per_endpoint",
}

-- One measurement: { value, p50, p99, p999, histogram }; nil when the program failed, which then
-- has said why.
---@param what string "floor stream"
function runner.measure(programs, what, row, options)
    local program, work = what:match("^(%S+) (%S+)$")
    local command = program == "lua" and lua_command(programs, work, row, options)
        or c_command(programs[program], work, row, options)
    local text = output_of(quoted(command))
    local value = text and tonumber(text:match('"' .. keys[row.unit] .. '":([%d.]+)'))
    if not value then
        return nil
    end
    local result = { value = value, histogram = {} }
    for _, key in ipairs { "p50_ns", "p99_ns", "p999_ns" } do
        result[key] = tonumber(text:match('"' .. key .. '":([%d.]+)'))
    end
    for upper, count in (text:match('"histogram":(%b[])') or ""):gmatch("%[(%d+),(%d+)%]") do
        result.histogram[#result.histogram + 1] = { tonumber(upper), tonumber(count) }
    end
    return result
end

return runner
