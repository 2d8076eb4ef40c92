-- SPDX-License-Identifier: MIT
-- hawser for Lua: actor systems that talk over the network. The C half is hawser.core.
--
-- A failure that can happen to a correct program (a port in use, no answer in time) is returned as
-- `nil, message, "ECODE"`; a mistake of the program's (an unknown option, a wrong type) is raised.

local core = require "hawser.core"
local policy = require "hawser.policy"
local policy_options = require "hawser.policy.options"

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

-- What `policy` may be: a name, a file, a table (see hawser.policy); nil is the default policy,
-- false the C fallbacks. What a policy leaves out is as the options reconnect_* and throttle_* say.
---@param values table<string, any> the options
local function compiled(what, values)
    if what == false then
        return nil
    end
    local defaults = policy_options.parts(values)
    if what == nil then
        return defaults and policy.compile({ name = "default" }, { defaults = defaults })
    end
    return policy.load(what, { defaults = defaults })
end

-- What each system's policy was named as, for a reload: { what }.
local named = setmetatable({}, { __mode = "k" })

local function with_initial(options)
    local values = {}
    for _, option in ipairs(core.options()) do
        local given = options[option.name]
        if given == nil then
            given = option.initial
        end
        values[option.name] = given
    end
    return values
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
---@param within? userdata what hawser.world puts its systems on instead
---@return hawser.System|nil
---@return string|nil message
---@return string|nil code
function hawser.system(options, within)
    if type(options) ~= "table" then
        error("hawser.system: expected a table of options, got " .. type(options), 2)
    end
    local all = with_defaults(options)
    local what = all.policy
    local loaded, message, code = compiled(what, with_initial(all))
    if message then
        return nil, message, code
    end
    all.policy = loaded
    local ok, system
    ok, system, message, code = pcall(core.system, all, within)
    if not ok then
        error("hawser.system: " .. tostring(system), 2)
    end
    if system then
        named[system] = { what }
    end
    return system, message, code
end

-- Opens a console at a Unix socket for this program's user: `hawser attach` and `hawser stats` ask
-- there while the loop runs. It stays until it is closed, or the program ends.
---@param path string the socket's; a stale one is taken over
---@return hawser.Console|nil
---@return string|nil message
---@return string|nil code "EIO", "EACCESS", "EADDRESS"
function hawser.open_console(path)
    if type(path) ~= "string" then
        error("hawser.open_console: expected a socket's path, got " .. type(path), 2)
    end
    return require("hawser.console.server").open(path)
end

-- Inside a handler: the processes (living actors) of a system, one by one, page by page. What would
-- be `nil, message, code` is an error here, because a loop can't tell it from the end.
---@param address string|nil the system's; nil: this one
---@param options? hawser.ProcessQuery
---@return fun(): hawser.Pid|nil
function core.context_methods:processes(address, options)
    local query = {}
    for name, value in pairs(options or {}) do
        query[name] = value
    end
    local page, index = nil, 0
    return function()
        index = index + 1
        while not page or not page[index] do
            if page and not page.next then
                return nil
            end
            query.cursor = page and page.next or query.cursor
            local message
            page, message = self:list_processes(address, query)
            if not page then
                error(message, 2)
            end
            index = 1
        end
        return page[index]
    end
end

local set_compiled = core.methods.set_policy

-- Puts another policy in force. If it can't be loaded the one before stays.
---@param what? string|hawser.policy.Policy|false
---@return true|nil
---@return string|nil message
---@return string|nil code
function core.methods:set_policy(what)
    local loaded, message, code = compiled(what, core.options_of(self))
    if message then
        return nil, message, code
    end
    local ok
    ok, message, code = set_compiled(self, loaded)
    if not ok then
        return nil, message, code
    end
    named[self] = { what }
    return true
end

local function nothing_to_reload(known)
    if not known then
        return "the policy was put in force in C: there is no file to read again"
    elseif known[1] == nil or known[1] == false then
        return "the system names no policy: there is no file to read again"
    end
    return "the policy was given as a table: there is no file to read again; name its file, or call"
        .. " set_policy"
end

local reload_compiled = core.methods.reload_policy

-- Reads the policy's file again, asks it the recorded questions, and puts it in force. If any of
-- that fails the one before stays, and a PolicyError says why.
---@return true|nil
---@return string # how many recorded questions it answers otherwise; or what is wrong
---@return string|nil code "EPOLICY"
function core.methods:reload_policy()
    local known = named[self]
    local what = known and known[1]
    local loaded, message, code, about
    if type(what) == "string" then
        loaded, message, code, about = compiled(what, core.options_of(self))
    else
        message, code = nothing_to_reload(known), "EPOLICY"
    end
    if loaded then
        return reload_compiled(self, loaded)
    end
    about = about or { name = type(what) == "string" and what or nil }
    core.policy_refused(self, about.name, about.file, about.version, message)
    return nil, message --[[@as string]], code
end

return hawser
