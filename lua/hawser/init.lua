-- SPDX-License-Identifier: MIT
-- hawser for Lua: actor systems that talk over the network. The C half is hawser.core.
--
-- A failure that can happen to a correct program (a port in use, no answer in time) is returned as
-- `nil, message, "ECODE"`; a mistake of the program's (an unknown option, a wrong type) is raised.

local core = require "hawser.core"
local policy = require "hawser.policy"

---@class hawser
local hawser = {
    version = core.version,
    -- Values that say how they are to be encoded: see hawser.types.
    array = core.array,
    map = core.map,
    bin = core.bin,
    ext = core.ext,
    null = core.null,
    pack = core.pack,
    unpack = core.unpack,
    pid = core.pid,
    -- Runs the loop until every system has stopped.
    run = core.run,
    -- Runs the loop until fn() is true, or so many seconds have passed: `nil, message, "ETIMEOUT"`.
    run_until = core.run_until,
    -- What there is, for tools: options of hawser.system, events, dead-letter reasons.
    options = core.options,
    event_types = core.event_types,
    reasons = core.reasons,
    -- Options of every hawser.system that does not say otherwise.
    defaults = {},
}

-- What `policy` may be: a name, a file, a table (see hawser.policy); false is the C fallbacks,
-- which follow the options reconnect_* and throttle_*.
local function compiled(what)
    if what == nil or what == false then
        return nil
    end
    return policy.load(what)
end

local function with_defaults(options)
    local all = {}
    for name, value in pairs(hawser.defaults) do
        all[name] = value
    end
    for name, value in pairs(options) do
        all[name] = value
    end
    return all
end

-- Makes a system and starts it: it listens, if it is to listen. Nothing happens in it until its
-- loop runs: system:run() or hawser.run(). All systems of a program share one loop.
---@param options hawser.Options
---@return hawser.System|nil
---@return string|nil message
---@return string|nil code
function hawser.system(options)
    if type(options) ~= "table" then
        error("hawser.system: expected a table of options, got " .. type(options), 2)
    end
    local all = with_defaults(options)
    if all.policy ~= nil then
        local loaded, message, code = compiled(all.policy)
        if message then
            return nil, message, code
        end
        all.policy = loaded
    end
    local ok, system, message, code = pcall(core.system, all)
    if not ok then
        error("hawser.system: " .. tostring(system), 2)
    end
    return system, message, code
end

local set_compiled = core.methods.set_policy

-- Puts another policy in force. If it can't be loaded the one before stays.
---@param what string|hawser.policy.Policy|false
---@return true|nil
---@return string|nil message
---@return string|nil code
function core.methods:set_policy(what)
    local loaded, message, code = compiled(what)
    if message then
        return nil, message, code
    end
    return set_compiled(self, loaded)
end

return hawser
