-- SPDX-License-Identifier: MIT
-- A scenario played in a world, and what is counted meanwhile: on the clients' side, by events.

local world = require "hawser.world"

local stage = {}

-- A client's view of one server.
---@class hawser.cli.Pair
---@field server string
---@field up boolean
---@field down_since? number
---@field back_since? number since when the server could be reached again, until it is
---@field level string

---@class hawser.cli.Figures
---@field attempts integer tries after the first of each endpoint
---@field busiest integer tries of all clients in one second
---@field gave_up integer
---@field noticed number[] seconds from a loss of power to the end of the link
---@field recoveries number[] seconds from when the server was back to the connection
---@field unrecovered integer
---@field sent integer
---@field delivered integer
---@field refused integer sends that were refused
---@field waiting integer in a queue at the end
---@field dead table<string, integer> dead letters by reason
---@field level_changes integer
---@field eased? number seconds from the end of the slowness to level normal
---@field errors string[] of the policy, each once

---@class hawser.cli.Stage
---@field private world hawser.World
---@field private pairs table<string, hawser.cli.Pair> by "client server"
---@field private figures hawser.cli.Figures
---@field private seconds table<integer, integer> tries by second
local Stage = {}
Stage.__index = Stage

local function new_figures()
    return {
        attempts = 0, busiest = 0, gave_up = 0, noticed = {}, recoveries = {}, unrecovered = 0,
        sent = 0, delivered = 0, refused = 0, waiting = 0, dead = {}, level_changes = 0,
        errors = {},
    }
end

-- --- what the clients hear ---

local hear = {}

function hear.AssociationAttempt(self, _, event)
    if event.attempt == 0 then
        return
    end
    local second = math.floor(self.world:now())
    self.figures.attempts = self.figures.attempts + 1
    self.seconds[second] = (self.seconds[second] or 0) + 1
    self.figures.busiest = math.max(self.figures.busiest, self.seconds[second])
end

function hear.EndpointConnected(self, pair)
    pair.up = true
    if pair.back_since then
        table.insert(self.figures.recoveries, self.world:now() - pair.back_since)
        pair.back_since = nil
    end
end

function hear.EndpointDisconnected(self, pair)
    pair.up = false
    if pair.lost_since then
        table.insert(self.figures.noticed, self.world:now() - pair.lost_since)
        pair.lost_since = nil
    end
end

function hear.EndpointTerminated(self, pair)
    pair.up = false
    self.figures.gave_up = self.figures.gave_up + 1
end

function hear.EndpointThrottled(self, pair, event)
    if event.level ~= pair.level then
        self.figures.level_changes = self.figures.level_changes + 1
    end
    pair.level = event.level
    if event.level == "normal" and self.fast_since and not self.figures.eased then
        self.figures.eased = self.world:now() - self.fast_since
    end
end

function hear.PolicyError(self, _, event)
    local text = event.detail:match("^[^\n]*")
    for _, known in ipairs(self.figures.errors) do
        if known == text then
            return
        end
    end
    table.insert(self.figures.errors, text)
end

local NOBODY = {} -- events that are about no endpoint

local function listen(self, name, client)
    for type, handle in pairs(hear) do
        client.events:subscribe(type, function(event)
            local server = event.address and event.address:match("^loop:(.*)$")
            handle(self, self.pairs[name .. " " .. tostring(server)] or NOBODY, event)
        end)
    end
end

-- --- the systems ---

local function server(self)
    return function(system)
        system:spawn_named("sink", function()
            self.figures.delivered = self.figures.delivered + 1
        end)
    end
end

local function client(self, name, scenario)
    local payload, targets = ("x"):rep(scenario.size or 20), {}
    for i = 1, scenario.servers do
        local server_name = "server-" .. i
        targets[i] = "loop:" .. server_name .. "/sink"
        self.pairs[name .. " " .. server_name] = { server = server_name, up = false,
                                                   level = "normal" }
    end
    return function(system)
        listen(self, name, system)
        system:every(scenario.every, function()
            for _, target in ipairs(self.ended and {} or targets) do
                self.figures.sent = self.figures.sent + 1
                local ok, _, code = system:send(target, payload)
                if not ok and code == "ETHROTTLED" then
                    self.figures.refused = self.figures.refused + 1
                end
            end
        end, { delay = self.world:random() * scenario.every })
    end
end

-- --- what a scenario does ---

function Stage:wait(seconds)
    self.world:run(seconds)
end

-- The same; for the reader: nothing is broken meanwhile.
Stage.calm = Stage.wait

function Stage:each(server_name, visit)
    for _, pair in pairs(self.pairs) do
        if pair.server == server_name then
            visit(pair)
        end
    end
end

-- From now on it can be reached.
function Stage:back(server_name)
    local now = self.world:now()
    self:each(server_name, function(pair)
        pair.back_since = not pair.up and now or nil
    end)
end

function Stage:kill(name)
    assert(self.world:kill(name))
end

function Stage:restart(name)
    assert(self.world:restart(name))
    self:back(name)
end

-- Gone without a word, and for good.
function Stage:lose(name)
    assert(self.world:kill(name, "silent"))
    self:each(name, function(pair) pair.lost_since = self.world:now() end)
end

function Stage:part(a, b)
    self.world:partition(a, b)
    self.world:run(0) -- the cut is heard before anything else
end

function Stage:heal(a, b)
    self.world:heal(a, b)
    self:back(b)
end

function Stage:slow(name, bytes_a_second)
    self.world:slow_reader(name, bytes_a_second)
    self.fast_since = bytes_a_second == 0 and self.world:now() or nil
end

-- --- the end ---

-- Nothing more is sent, and what waits arrives: so that every message is counted somewhere.
local function drain(self, clients)
    self.ended = true
    local function is_empty()
        for _, name in ipairs(clients) do
            for address, s in pairs(self.world:get(name):statistics_snapshot()) do
                if address:find("^loop:server") and s.state == "connected" and s.queue_size > 0 then
                    return false
                end
            end
        end
        return true
    end
    self.world:run_until(is_empty, 600)
end

local function count_rest(self, clients)
    for _, name in ipairs(clients) do
        for _, endpoint in pairs(self.world:get(name):statistics_snapshot()) do
            self.figures.waiting = self.figures.waiting + endpoint.queue_size
        end
        for reason, count in pairs(self.world:get(name):statistics().dead_letters) do
            if count > 0 and reason ~= "total" then
                self.figures.dead[reason] = (self.figures.dead[reason] or 0) + count
            end
        end
    end
    for _, pair in pairs(self.pairs) do
        self.figures.unrecovered = self.figures.unrecovered + (pair.back_since and 1 or 0)
    end
    table.sort(self.figures.recoveries)
    table.sort(self.figures.noticed)
end

---@param scenario hawser.cli.Scenario
---@param policy string a file or a name
---@param seed integer
---@return hawser.cli.Figures
function stage.play(scenario, policy, seed)
    local options = { seed = seed, latency = 0.002, jitter = 0.001, trace = false, log = false }
    for key, value in pairs(scenario.world or {}) do
        options[key] = value
    end
    local w <close> = world.new(options)
    local self = setmetatable({ world = w, pairs = {}, figures = new_figures(), seconds = {} },
                              Stage)
    for i = 1, scenario.servers do
        assert(w:system { name = "server-" .. i, setup = server(self) })
    end
    local clients = {}
    for i = 1, scenario.clients do
        clients[i] = "client-" .. i
        -- Nobody can dial a client: that the link comes back is its own policy's doing.
        local made = { name = clients[i], listen = false, policy = policy,
                       setup = client(self, clients[i], scenario) }
        for key, value in pairs(scenario.options or {}) do
            made[key] = value
        end
        assert(w:system(made))
    end
    scenario.run(self)
    drain(self, clients)
    count_rest(self, clients)
    return self.figures
end

return stage
