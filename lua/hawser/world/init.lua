-- SPDX-License-Identifier: MIT
-- Worlds: many systems in one process, over a simulated network, in virtual time. A run follows
-- from its seed, so that one that failed can be looked at again.

local core = require "hawser.core"
local hawser = require "hawser"
local names = require "hawser.world.names"
local network = require "hawser.world.network"
local replay = require "hawser.world.replay"
local trace = require "hawser.world.trace"

local world = {}

local TRACE = 100000 -- records kept unless said
local DEATHS = { "reset", "silent" }
local OWN = { "seed", "latency", "jitter", "bandwidth", "loss", "pipe_bytes", "split_writes",
    "trace", "strict", "log", "realtime" }

---@class hawser.World
---@field seed integer
local World = { __name = "hawser.World" }
World.__index = World
for name, method in pairs(network) do World[name] = method end
world.methods = World -- for tools

-- --- looking, and failing ---

-- What happened so far, in order: events of the systems, and what was done to the world (system
-- "world"). tostring() of it is a line each.
---@param filter? string|hawser.world.Filter|fun(entry: hawser.world.Entry): any a type, "Link*"
---@return hawser.world.Entry[]
function World:trace(filter)
    return trace.select(self, filter)
end

-- The command that runs the program again with this world's seed.
---@return string
function World:replay()
    return replay.command(self)
end

-- Calls fn; an error in it is raised with the seed and the command that replays the run.
function World:check(fn, ...)
    return replay.guarded(self, fn, ...)
end

-- --- time ---

-- Seconds of virtual time since the world began.
---@return number
function World:now()
    return self.core:now()
end

-- Runs the world for so many seconds of virtual time.
---@param seconds number
function World:run(seconds)
    replay.guarded(self, self.core.run, self.core, seconds)
end

-- Runs until fn() is true; it is asked before each step. Or until `limit` seconds have passed.
---@param fn fun(): any
---@param limit? number 60
---@return true|nil
---@return string|nil message
---@return string|nil code "ETIMEOUT"
function World:run_until(fn, limit)
    limit = limit or 60
    if replay.guarded(self, self.core.run_until, self.core, fn, limit) then
        return true
    end
    local message = ("it was not so within %g s of virtual time"):format(limit)
    return nil, replay.blame(self, message), "ETIMEOUT"
end

-- Does the one thing that is due next. False: nothing will ever be due.
---@return boolean
function World:step()
    return replay.guarded(self, self.core.step, self.core)
end

-- A hash of every step so far, and how many: the same for the same run.
---@return string
---@return integer
function World:digest()
    return self.core:digest()
end

-- Random numbers that follow from the seed, as math.random gives them.
---@param low? integer
---@param high? integer
---@return number
function World:random(low, high)
    self.state = self.state + 0x9e3779b97f4a7c15
    local z = self.state
    z = (z ~ z >> 30) * 0xbf58476d1ce4e5b9
    z = (z ~ z >> 27) * 0x94d049bb133111eb
    z = (z ~ z >> 31) >> 11
    if not low then
        return z / (1 << 53)
    elseif not high then
        low, high = 1, low
    end
    return low + z % (high - low + 1)
end

-- From here on the world follows the real clock, whenever the loop runs (hawser.run()), until it
-- is closed or detach_realtime(). At most a second at a time is caught up.
---@param period? number seconds between two looks at the clock, 0.01
function World:attach_realtime(period)
    self:detach_realtime()
    local pacer = assert(hawser.system { name = "world-pacer" })
    local last = pacer:now()
    pacer:every(period or 0.01, function()
        local now = pacer:now()
        local passed = math.min(now - last, 1)
        last = now
        self:run(passed)
    end)
    self.pacer = pacer
end

function World:detach_realtime()
    if self.pacer and not self.pacer:is_stopped() then
        self.pacer:stop { deadline = 0 }
    end
    self.pacer = nil
end

-- --- systems ---

-- Each life of a system has its own seed, and so its own uid.
local function seed_of(self, name, life)
    local seed = self.seed ~ 0x51ed270b7a3f4c15
    for _, code in ipairs { name:byte(1, -1) } do seed = (seed ~ code) * 0x100000001b3 end
    seed = (seed ~ life) * 0x100000001b3
    return (seed ~ seed >> 32) & math.maxinteger | 1
end

local function start(self, name)
    local made = self.made[name]
    local options = {}
    for key, value in pairs(made.options) do options[key] = value end
    made.life = made.life + 1
    options.seed = options.seed and options.seed + made.life - 1 or seed_of(self, name, made.life)
    local ok, system, message, code = pcall(hawser.system, options, self.core)
    if not ok then
        error(system, 4) -- a mistake in the options, by who called w:system()
    elseif not system then
        return nil, message, code
    end
    made.system = system
    trace.listen(self, name, system)
    if made.setup then
        made.setup(system, self)
    end
    return system
end

-- Makes a system of this world, as hawser.system does. It listens on "loop:NAME" unless told
-- (`listen = false`: a client). `setup(system, world)` is called with it, and after a restart with
-- the next.
---@param options hawser.world.SystemOptions
---@return hawser.System|nil
---@return string|nil message
---@return string|nil code
function World:system(options)
    local all = { log = self.log_level }
    for key, value in pairs(options) do all[key] = value end
    local name, setup = all.name, all.setup
    if type(name) ~= "string" then
        error("world:system: the option name is needed, a string", 2)
    elseif self.made[name] then
        error(("world:system: there is a system %q already"):format(name), 2)
    end
    if all.listen == nil then
        all.listen = "loop:" .. name
    end
    all.listen, all.setup = all.listen or nil, nil
    self.made[name] = { options = all, setup = setup, life = 0 }
    self.order[#self.order + 1] = name
    local ok, system, message, code = pcall(start, self, name)
    if not ok or not system then
        self.made[name] = nil
        table.remove(self.order)
    end
    if not ok then
        error(system, 0)
    end
    return system, message, code
end

-- The living system of that name, or nil when it was killed.
---@param name string
---@return hawser.System|nil
function World:get(name)
    return self.made[names.system(self, name)].system
end

-- The living systems by name.
---@return table<string, hawser.System>
function World:systems()
    local living = {}
    for name, made in pairs(self.made) do living[name] = made.system end
    return living
end

-- Ends a system's process: "reset", as SIGKILL, its links are reset; "silent", as a power loss,
-- they fall silent. Nothing that it would still say is heard, its handlers are not called again.
---@param name string
---@param how? "reset"|"silent" "reset"
---@return true|nil
---@return string|nil message
---@return string|nil code "ESTATE" in a handler of that system
function World:kill(name, how)
    name = names.system(self, name)
    how = how or "reset"
    names.check(how, DEATHS, "world:kill", "unknown way")
    local made = self.made[name]
    if not made.system then
        return nil, ("system %s is dead already"):format(name), "ECLOSED"
    end
    local system = made.system
    if not system:is_stopped() then
        local ok, message, code = self.core:kill(system, how == "silent")
        if not ok then
            return nil, message, code
        end
    end
    made.system = nil
    trace.deed(self, "kill", { name = name, how = how })
    return true
end

-- A new process at the same address, with a new uid; kills the old one where it still lives.
---@param name string
---@return hawser.System|nil
---@return string|nil message
---@return string|nil code
function World:restart(name)
    name = names.system(self, name)
    if self.made[name].system then
        local ok, message, code = self:kill(name)
        if not ok then
            return nil, message, code
        end
    end
    trace.deed(self, "restart", { name = name })
    return start(self, name)
end

-- Ends every system and the world. Done by itself when nothing refers to the world any more.
function World:close()
    self:detach_realtime()
    self.core:close()
    for _, made in pairs(self.made) do made.system = nil end
end
World.__close = World.close

function World:__tostring()
    return ("world of %d systems, seed %d"):format(#self.order, self.seed)
end

-- --- making one ---

local function choose_seed(given)
    if given then
        return given, true
    end
    local text = os.getenv "HAWSER_SEED"
    if text then
        local seed = math.tointeger(tonumber(text))
        if not seed or seed < 0 then
            error(("HAWSER_SEED: expected an integer from 0 up, got %q"):format(text), 3)
        end
        return seed, false
    end
    return math.random(1, 0x7fffffff), false
end

-- Makes a world. Without `seed` the environment's HAWSER_SEED is taken, or one is drawn: it is
-- world.seed, and in the message of whatever fails.
---@param options? hawser.world.Options
---@return hawser.World
function world.new(options)
    options = options or {}
    local given = {}
    for key, value in pairs(options) do
        names.check(key, OWN, "world.new", "unknown option")
        given[key] = value
    end
    given.trace, given.strict, given.log, given.realtime = nil, nil, nil, nil
    local self = { made = {}, order = {}, strict = options.strict }
    self.seed, self.seed_given = choose_seed(options.seed)
    self.state = self.seed
    self.log_level = options.log == nil and "error" or options.log
    local most = options.trace == false and 0 or math.tointeger(options.trace) or TRACE
    self.log = trace.new(most)
    given.seed = self.seed
    self.core = core.world(given)
    setmetatable(self, World)
    if options.realtime then
        self:attach_realtime()
    end
    return self
end

-- Makes a world, gives it to fn, closes it, and returns what fn returned. An error in fn is raised
-- with the seed and the command that replays the run.
---@param options hawser.world.Options|nil
---@param fn fun(world: hawser.World): any
function world.try(options, fn)
    local self <close> = world.new(options)
    return self:check(fn, self)
end

return world
