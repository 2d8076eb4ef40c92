-- SPDX-License-Identifier: MIT
-- What other processes, and other guests of the host, took from a measurement: they take whole
-- cores from two processes that need both, and their share of a figure is not hawser's.

local others = {}

-- A watch that is started where the measurement is; nil where the system does not tell.
---@class hawser.bench.Watch
---@field busy integer ticks of all cores that were not idle
---@field own integer ticks of this process and of its children that have ended
---@field total integer ticks of all cores

local function read_line(path)
    local file = io.open(path)
    local line = file and file:read("l")
    if file then
        file:close()
    end
    return line or ""
end

-- From the first line of /proc/stat and that of /proc/self/stat.
---@param machine string
---@param process string
---@return hawser.bench.Watch|nil
function others.read(machine, process)
    local watch, i, fields = { busy = 0, own = 0, total = 0 }, 0, {}
    -- user, nice, system, idle, iowait, irq, softirq, steal
    for ticks in (machine:match("^cpu +(.*)") or ""):gmatch("%d+") do
        i = i + 1
        if i <= 8 then
            watch.total = watch.total + tonumber(ticks)
            watch.busy = watch.busy + (i ~= 4 and i ~= 5 and tonumber(ticks) or 0)
        end
    end
    -- Behind the name in brackets, the 12th to 15th are utime, stime, cutime and cstime.
    for field in (process:match("^.*%) (.*)") or ""):gmatch("%S+") do
        fields[#fields + 1] = field
    end
    for field = 12, 15 do
        watch.own = watch.own + (tonumber(fields[field]) or 0)
    end
    return i >= 8 and #fields >= 15 and watch or nil
end

---@return hawser.bench.Watch|nil
function others.start()
    return others.read(read_line("/proc/stat"), read_line("/proc/self/stat"))
end

-- The share of all cores that others had since the watch was started, 0 to 1.
---@param watch hawser.bench.Watch|nil
---@param now? hawser.bench.Watch
---@return number
function others.share(watch, now)
    now = watch and (now or others.start())
    if not now or now.total == watch.total then
        return 0
    end
    local ticks = now.busy - watch.busy - (now.own - watch.own)
    return math.max(0, ticks) / (now.total - watch.total)
end

return others
