-- SPDX-License-Identifier: MIT
-- hawser run examples/world/rolling.lua [SYSTEMS [MINUTES]]
--
-- A cluster in one process and in virtual time: every system talks to 20 others once a second while
-- each of them in turn is killed and comes back with a new uid. At the end everybody must be
-- connected to everybody he talks to; then it says what the run cost.

local world = require "hawser.world"

local SYSTEMS, MINUTES = tonumber(arg[1]) or 100, tonumber(arg[2]) or 10
local OTHERS = math.min(20, SYSTEMS - 1)

local w = world.new { latency = 0.002, jitter = 0.001, trace = false, log = false }
local sent, received, restarts = 0, 0, 0

local function name_of(i)
    return ("s%d"):format((i - 1) % SYSTEMS + 1)
end

-- The neighbours on a ring, half of them on each side.
local function others_of(i)
    local names = {}
    for distance = 1, OTHERS do
        local side = distance % 2 == 0 and distance // 2 or -(distance // 2 + 1)
        names[distance] = name_of(i + side)
    end
    return names
end

local function start(i)
    local targets = {}
    for _, name in ipairs(others_of(i)) do targets[#targets + 1] = "loop:" .. name .. "/sink" end
    return function(system)
        system:spawn_named("sink", function() received = received + 1 end)
        system:every(1, function()
            for _, target in ipairs(targets) do
                sent = sent + 1
                system:send(target, sent)
            end
        end, { delay = w:random() })
    end
end

local began = os.clock()
for i = 1, SYSTEMS do
    assert(w:system { name = name_of(i), setup = start(i) })
end

-- One after the other, so that everybody has had his turn before the end.
local period = MINUTES * 60 / (SYSTEMS + 1)
local down = math.min(0.5, period / 2)
for i = 1, SYSTEMS do
    w:run(period - down)
    w:kill(name_of(i))
    w:run(down)
    assert(w:restart(name_of(i)))
    restarts = restarts + 1
    if i % math.max(1, SYSTEMS // 20) == 0 then
        io.stderr:write(("\r%3d %%, %.0f s simulated, %.0f s of CPU "):format(
            100 * i // SYSTEMS, w:now(), os.clock() - began))
    end
end
w:run(MINUTES * 60 - w:now())
io.stderr:write("\n")

local function all_connected()
    for i = 1, SYSTEMS do
        local system = w:get(name_of(i))
        for _, name in ipairs(others_of(i)) do
            local statistics = system:statistics("loop:" .. name)
            if not statistics or statistics.state ~= "connected" then
                return false
            end
        end
    end
    return true
end

w:check(function()
    for _ = 1, 60 do
        if all_connected() then
            return
        end
        w:run(1)
    end
    error("a minute after the last restart not everybody is connected")
end)

local spent = os.clock() - began
local _, steps = w:digest()
local status = io.open("/proc/self/status")
local peak = status and tonumber(status:read("a"):match("VmHWM:%s*(%d+)")) or 0
if status then status:close() end
print(("%d systems, %d peers each, %g minutes, %d restarts: %.1f s of CPU, %.0f MiB"):format(
    SYSTEMS, OTHERS, MINUTES, restarts, spent, peak / 1024))
print(("%d messages sent, %d received, %d steps: %.2f us a step"):format(sent, received, steps,
    spent * 1e6 / steps))
w:close()
