-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- Worlds in which everything goes wrong at random: when the faults stop, everybody is connected to
-- the process that lives, whatever came before.

local world = require("hawser.world")

local SEEDS = 25
local LIFE = { heartbeat_interval = 1, heartbeat_timeout = 3, reconnect_max_retries = 0,
    connect_timeout = 2, gate_duration = 1 }
local MODES = { "cut", "silent", "one_way" }

local function actor_of(w, names)
    return function(system)
        system:spawn_named("sink", function(ctx, message)
            if ctx.request_id then ctx:respond(message) end
        end)
        system:every(0.5, function()
            local function anybody() return "loop:" .. names[w:random(#names)] .. "/sink" end
            system:send(anybody(), ("x"):rep(w:random(2000)))
            system:request(anybody(), 1, { timeout = 2 }, function() end)
        end)
    end
end

local function link(w)
    if w:random(2) == 1 then
        return { latency = w:random() * 0.2, bandwidth = w:random(10000, 1000000) }
    end
end

-- What can go wrong for one system, or between two different ones.
local FAULTS = {
    function(w, a) w:kill(a, w:random(2) == 1 and "silent" or "reset") end,
    function(w, a) w:restart(a) end,
    function(w, a) w:restart(a) end,
    function(w, a) w:pause(a, w:random() * 5) end,
    function(w, a) w:stall_clock(a, w:random() * 5) end,
    function(w, a) w:jump_clock(a, w:random() * 5) end,
    function(w, a, b) w:partition(a, b, { mode = MODES[w:random(3)] }) end,
    function(w, a) w:partition(a, nil, { mode = MODES[w:random(3)] }) end,
    function(w) w:heal() end,
    function(w, a, b) w:collide(a, b) end,
    function(w, a, b) w:cut(a, b) end,
    function(w, a) w:slow_reader(a, w:random(10000)) end,
    function(w, a, b) w:link(a, b, link(w)) end,
    function(w, a)
        if w:get(a) then w:get(a):stop { deadline = w:random() } end
    end,
    function() collectgarbage() end,
}

-- No fault any more; systems that were told to stop have done so, and everybody is there again.
local function calm(w, names)
    w:heal()
    w:link(nil, nil, { loss = 0 })
    for i, a in ipairs(names) do
        w:resume(a)
        w:slow_reader(a, 0)
        for j = i + 1, #names do w:link(a, names[j]) end
    end
    w:run(15)
    for _, a in ipairs(names) do
        if not w:get(a) or w:get(a):is_stopped() then w:restart(a) end
    end
    w:run(40)
end

local function check_connected(w, names)
    for i, a in ipairs(names) do
        for j, b in ipairs(names) do
            if i ~= j then w:get(a):associate("loop:" .. b) end
        end
    end
    w:run(10)
    for i, a in ipairs(names) do
        for j, b in ipairs(names) do
            local statistics = i ~= j and w:get(a):statistics("loop:" .. b)
            if statistics and (statistics.state ~= "connected"
                or statistics.uid ~= w:get(b).uid) then
                error(("%s -> %s: %s, %s"):format(a, b, statistics.state, statistics.reason))
            end
        end
    end
end

local function troubled(w)
    local names = {}
    for i = 1, w:random(2, 8) do names[i] = "s" .. i end
    for _, name in ipairs(names) do
        local options = { name = name, setup = actor_of(w, names) }
        for key, value in pairs(LIFE) do options[key] = value end
        w:system(options)
    end
    for _ = 1, 60 do
        local i = w:random(#names)
        local other = (i + w:random(#names - 1) - 1) % #names + 1
        FAULTS[w:random(#FAULTS)](w, names[i], names[other])
        w:run(w:random() * 3)
    end
    calm(w, names)
    check_connected(w, names)
end

describe("a world full of faults", function()
    for seed = 1, SEEDS do
        it("calms down, seed " .. seed, function()
            world.try({ seed = seed, latency = 0.002, jitter = 0.003, log = false,
                split_writes = seed % 2 == 0, loss = seed % 3 == 0 and 0.001 or 0 }, troubled)
        end)
    end
end)
