-- SPDX-License-Identifier: MIT
-- A cluster in this process, to try things out on: nodes that know each other, over a simulated
-- network or TCP, whose ways are cut and healed and which are killed and restarted by a call.
--
--     local cluster = require "hawser.cluster"
--     local c = cluster(3)
--     c:cut(1, 2) c:heal() c:kill(2) c:restart(2) print(c:timeline())

local core = require "hawser.core"
local describe = require "hawser.console.describe"
local suggest = require "hawser.suggest"
local systems = require "hawser.console.systems"
local timeline = require "hawser.cluster.timeline"

local MOST_NODES = 64
local MOST_ENTRIES = 10000
local TRANSPORTS = { "simulated", "tcp" }
local TIMES = { "real", "virtual" }
local OWN = { transport = true, time = true, seed = true, latency = true, setup = true,
              connect = true }

---@class hawser.Cluster
---@field size integer
local Cluster = {}
Cluster.__index = Cluster
Cluster.__name = "hawser.Cluster"

local open = setmetatable({}, { __mode = "k" })

-- --- what happens ---

local function record(self, entry)
    local log = self.log
    log.last = log.last + 1
    log[log.last] = entry
    if log.last - log.first >= MOST_ENTRIES then
        log[log.first] = nil
        log.first = log.first + 1
    end
end

local function deed(self, text, nodes)
    record(self, { time = self.net:now(), deed = text, nodes = nodes })
end

local function listen(self, index, system)
    local origin = system:now() - self.net:now() -- clocks begin anywhere
    system.events:subscribe("*", function(event)
        record(self, { time = event.time - origin, node = index, event = event })
    end)
    systems.conduct(system, origin, self.net.driver and self.net:driver())
end

-- --- nodes ---

local function name_of(index)
    return "n" .. index
end

local function check_node(self, index)
    if math.type(index) ~= "integer" or index < 1 or index > self.size then
        error(("no node %s in this cluster of %d"):format(tostring(index), self.size), 3)
    end
    return index
end

local function check_living(self, index)
    check_node(self, index)
    if not self[index] then
        error(("node %d is dead; cluster:restart(%d) brings it back"):format(index, index), 3)
    end
    return index
end

local function start(self, index)
    local system, message, code = self.net:start(name_of(index), self.options)
    if not system then
        return nil, message, code
    end
    self.addresses[index] = system.address
    self[index] = system
    listen(self, index, system)
    system:spawn_named("echo", function(ctx, text) ctx:respond(text) end)
    if self.setup then
        self.setup(system, index)
    end
    return system
end

local function connect(self, index)
    for other = 1, self.size do
        if other ~= index and self[other] then
            self[index]:associate(self.addresses[other])
        end
    end
end

-- The PID of a node's actor "echo", which answers with what it gets; also of a node that is dead.
---@param index integer
---@return string
function Cluster:echo(index)
    return self.addresses[check_node(self, index)] .. "/echo"
end

-- Ends a node as if its process were killed: its peers hear no goodbye.
---@param index integer
function Cluster:kill(index)
    check_living(self, index)
    deed(self, "kill " .. index, { [index] = true })
    local system = self[index]
    self[index] = nil
    self.net:kill(name_of(index), system)
end

-- A new process at the old address, with a new uid.
---@param index integer
---@return hawser.System|nil
---@return string|nil message
---@return string|nil code
function Cluster:restart(index)
    check_node(self, index)
    if self[index] then
        self:kill(index)
    end
    deed(self, "restart " .. index, { [index] = true })
    local system, message, code = start(self, index)
    if system and self.connects then
        connect(self, index)
    end
    return system, message, code
end

-- --- the network ---

local function sever(self, one, other)
    self.net:cut(name_of(one), name_of(other))
    if self[one] and self[other] then
        self[one]:cut_link(self.addresses[other])
    end
end

-- Cuts the way between two nodes, until heal().
---@param one integer
---@param other integer
function Cluster:cut(one, other)
    check_node(self, one)
    if other == nil then
        error(("cut takes two nodes; cluster:partition(%d) parts %d from all others")
            :format(one, one), 2)
    end
    check_node(self, other)
    if one == other then
        error("a node has no way to itself", 2)
    end
    deed(self, ("cut %d | %d"):format(one, other), { [one] = true, [other] = true })
    sever(self, one, other)
end

local function check_side(self, side)
    if math.type(side) == "integer" then
        side = { side }
    elseif type(side) ~= "table" then
        error("expected a node or a list of nodes, got " .. type(side), 3)
    end
    for _, index in ipairs(side) do
        check_node(self, index)
    end
    return side
end

-- Parts two groups of nodes, until heal().
---@param left integer|integer[]
---@param right? integer|integer[] everybody else
function Cluster:partition(left, right)
    left = check_side(self, left)
    local taken, nodes = {}, {}
    for _, index in ipairs(left) do
        taken[index], nodes[index] = true, true
    end
    if right == nil then
        right = {}
        for index = 1, self.size do
            right[#right + 1] = not taken[index] and index or nil
        end
    end
    right = check_side(self, right)
    for _, index in ipairs(right) do
        nodes[index] = true
        if taken[index] then
            error(("node %d can not be on both sides"):format(index), 2)
        end
    end
    deed(self, ("partition %s | %s"):format(table.concat(left, ","), table.concat(right, ",")),
         nodes)
    for _, one in ipairs(left) do
        for _, other in ipairs(right) do
            sever(self, one, other)
        end
    end
end

-- Ends every cut.
function Cluster:heal()
    deed(self, "heal", {})
    self.net:heal()
end

-- --- time ---

-- Lets so many seconds pass: at once over a simulated network; over TCP they have to be waited for.
---@param seconds number
function Cluster:step(seconds)
    if type(seconds) ~= "number" or seconds < 0 then
        error("cluster:step: expected a number of seconds from 0 up, got " .. tostring(seconds), 2)
    elseif self.net.run then
        return self.net:run(seconds)
    end
    local evaluate = require "hawser.console.evaluate"
    if evaluate.can_await() then
        evaluate.await(function(done) assert(core.after(seconds, done)) end)
    else
        core.run_until(function() return false end, seconds)
    end
end

-- Seconds since the cluster was made.
---@return number
function Cluster:now()
    return self.net:now()
end

-- tostring() of one is the diagram, which the prompt shows.
---@class hawser.Timeline
---@field text string
local Timeline = { __name = "hawser.Timeline" }

function Timeline:__tostring()
    return self.text
end

-- What happened: columns are nodes, time goes down. With `svg` it is written there as a picture.
---@param options? { svg?: string, last?: integer, width?: integer }
---@return hawser.Timeline|true|nil
---@return string|nil message
---@return string|nil code
function Cluster:timeline(options)
    options = options or {}
    for key in pairs(options) do
        if not suggest.contains({ "svg", "last", "width" }, key) then
            error(("cluster:timeline: unknown option %q; %s"):format(tostring(key),
                suggest.expected(key, { "svg", "last", "width" })), 2)
        end
    end
    local rows = timeline.rows(self)
    if not options.svg then
        return setmetatable({ text = timeline.text(self, rows, options) }, Timeline)
    end
    local file, message = io.open(options.svg, "w")
    if not file then
        return nil, message, "EIO"
    end
    file:write(timeline.svg(self, rows, options))
    file:close()
    return true
end

-- --- the whole ---

-- Ends the nodes in order, and the cluster.
function Cluster:close()
    if not open[self] then
        return
    end
    open[self] = nil
    local living = {}
    for index = 1, self.size do
        if self[index] and not self[index]:is_stopped() then
            living[#living + 1] = self[index]
            self[index]:stop { reason = "closed" }
        end
    end
    self.net:close(function()
        for _, system in ipairs(living) do
            if not system:is_stopped() then
                return false
            end
        end
        return true
    end)
    for index = 1, self.size do
        self[index] = nil
    end
end

function Cluster:__tostring()
    if not open[self] then
        return ("cluster of %d (closed)"):format(self.size)
    end
    local lines = { ("cluster of %d over %s, %s"):format(self.size, self.medium,
                                                         describe.duration(self:now())) }
    for index = 1, self.size do
        lines[#lines + 1] = ("  [%d] %s"):format(index, self[index]
            and describe.system(self[index]) or "dead, was " .. self.addresses[index])
    end
    return table.concat(lines, "\n")
end

-- --- making one ---

local function choice(options, name, known)
    local value = options[name]
    if value ~= nil and not suggest.contains(known, value) then
        error(("cluster: %s = %q; %s"):format(name, tostring(value),
                                              suggest.expected(value, known)), 3)
    end
    return value or known[1]
end

local function make_net(options)
    local transport = choice(options, "transport", TRANSPORTS)
    local time = choice(options, "time", TIMES)
    if transport == "tcp" then
        for _, name in ipairs { "time", "seed", "latency" } do
            if options[name] ~= nil then
                error(("cluster: %s is for simulated networks, not for TCP"):format(name), 3)
            end
        end
        return require("hawser.cluster.tcp").new(), "TCP"
    end
    local simulated = require "hawser.cluster.simulated"
    local latency = options.latency or 0.001
    return simulated.new({ seed = options.seed, latency = latency, trace = false },
                         time == "real"),
        time == "real" and "a simulated network" or "a simulated network in virtual time"
end

local function node_options(options)
    local rest = { log = "off" }
    for name, value in pairs(options) do
        if not OWN[name] then
            rest[name] = value
        end
    end
    return rest
end

local cluster = {}

---@class hawser.ClusterOptions : hawser.Options
---@field transport? "simulated"|"tcp"
---@field time? "real"|"virtual" of a simulated network
---@field seed? integer of a simulated network
---@field latency? number seconds, of a simulated network; 0.001
---@field connect? boolean false: the nodes do not dial each other by themselves
---@field setup? fun(system: hawser.System, index: integer) called with each node, when it starts

-- Makes a cluster. What else is in the options holds for each node, as hawser.system takes it.
---@param size integer
---@param options? hawser.ClusterOptions
---@return hawser.Cluster|nil
---@return string|nil message
---@return string|nil code
function cluster.new(size, options)
    if math.type(size) ~= "integer" or size < 1 or size > MOST_NODES then
        error(("cluster: expected a number of nodes from 1 to %d, got %s"):format(MOST_NODES,
            tostring(size)), 2)
    end
    options = options or {}
    local net, medium = make_net(options)
    local self = setmetatable({
        size = size, net = net, medium = medium, options = node_options(options),
        setup = options.setup, connects = options.connect ~= false, addresses = {},
        log = { first = 1, last = 0 },
    }, Cluster)
    open[self] = true
    for index = 1, size do
        local system, message, code = start(self, index)
        if not system then
            self:close()
            return nil, message, code
        end
    end
    for index = 1, self.connects and size or 0 do
        connect(self, index)
    end
    return self
end

-- Closes every cluster of this process.
function cluster.close_all()
    for one in pairs(open) do
        one:close()
    end
end

cluster.methods = Cluster

return setmetatable(cluster, { __call = function(_, ...) return cluster.new(...) end })
