-- SPDX-License-Identifier: MIT
-- A policy: found, validated, tried out, and compiled to what the core asks.
-- The core asks on changes, never per message. A user's answers are passed on as they are; the
-- core clamps them, and falls back on its own when one is nonsense.

local check = require "hawser.policy.check"
local deadletter = require "hawser.policy.deadletter"
local default = require "hawser.policy.default"
local dryrun = require "hawser.policy.dryrun"
local glob = require "hawser.policy.glob"
local guard = require "hawser.policy.guard"
local source = require "hawser.policy.source"
local suggest = require "hawser.suggest"
local validate = require "hawser.policy.validate"

---@class hawser.policy.Parts
---@field backoff? hawser.policy.Curve|hawser.policy.Backoff
---@field throttle? hawser.policy.Levels
---@field deadletter? hawser.policy.Router
---@field disconnected? "deadletter"|"queue"

---@class hawser.policy.Policy : hawser.policy.Parts
---@field name? string
---@field version? string|number shown in events; of a file, a hash of what was read otherwise
---@field stable_after? number seconds
---@field endpoints? table<string, hawser.policy.Parts>

---@class hawser.policy.Compiled
---@field name string
---@field source string|nil the file or module it was loaded from
---@field version string|nil its own, or 8 hex digits that follow from the files it was read from
---@field stable_after number|nil seconds a connection must last before attempts count from 1 again;
--- nil leaves it to the system's option
---@field publishes_all boolean no router but `deadletter.publish`: letters need not be asked about
---@field private general hawser.policy.Parts
---@field private patterns { pattern: string, parts: hawser.policy.Parts }[] most specific first
---@field private resolved table<string, hawser.policy.Parts> by address, REMEMBERED at most
---@field private remembered integer
local Compiled = {}
Compiled.__index = Compiled
Compiled.__name = "hawser.policy"

local policy = {}

-- The policies that come with hawser.
policy.shipped = { "default", "fixed" }

-- Where a policy that is not a module is looked for.
policy.path = "./?.lua;policies/?.lua"

-- The other modules of this directory: require finds them, but they are no policies.
local TOOLS = {
    backoff = true, check = true, deadletter = true, dryrun = true, glob = true, guard = true,
    init = true, options = true, source = true, throttle = true, validate = true,
}

-- A file may build tables when it loads; it may not spin.
local LOAD_BUDGET = 10000000

-- A flood of letters asks about the same few addresses.
local REMEMBERED = 1024

local function resolve(self, address)
    local parts = {}
    for _, entry in ipairs(self.patterns) do
        if glob.matches(entry.pattern, address) then
            for part, value in pairs(entry.parts) do
                parts[part] = parts[part] == nil and value or parts[part]
            end
        end
    end
    return setmetatable(parts, { __index = self.general })
end

local function parts_of(self, address)
    if not address or #self.patterns == 0 then
        return self.general
    end
    local parts = self.resolved[address]
    if not parts then
        if self.remembered == REMEMBERED then
            self.resolved, self.remembered = {}, 0
        end
        parts = resolve(self, address)
        self.resolved[address], self.remembered = parts, self.remembered + 1
    end
    return parts
end

-- Where the policy may answer otherwise: in general, and for each pattern; with an address to ask
-- about.
---@return { pattern: string|nil, address: string }[]
function Compiled:places()
    local places = { { address = "192.0.2.1:25520" } }
    for i, entry in ipairs(self.patterns) do
        places[i + 1] = { pattern = entry.pattern, address = glob.example(entry.pattern) }
    end
    return places
end

-- The delay before the next try.
---@param endpoint hawser.policy.Question
---@return number|nil seconds nil gives up
---@return boolean|string|nil # with seconds: whether its jitter is in it; with nil: the reason
function Compiled:backoff(endpoint)
    local seconds, extra = parts_of(self, endpoint.address).backoff(endpoint)
    if seconds == nil then
        return nil, extra
    end
    return seconds, extra == true
end

---@param letter hawser.policy.Letter
---@return string # "publish", "drop" or a PID
function Compiled:deadletter(letter)
    local answer = parts_of(self, letter.address).deadletter(letter)
    return answer
end

---@param address string|nil
---@return hawser.policy.Levels
function Compiled:throttle(address)
    return parts_of(self, address).throttle
end

---@param address string|nil
---@return "deadletter"|"queue"
function Compiled:disconnected(address)
    return parts_of(self, address).disconnected
end

local function copied_levels(levels)
    local copy = { hysteresis = levels.hysteresis }
    for i, level in ipairs(levels) do
        copy[i] = {
            name = level.name, from = level.from, refuse = level.refuse,
            keep_every = level.keep_every,
        }
    end
    return copy
end

-- A copy, so that a script that keeps the table can't change a policy in use.
local function copied_parts(parts, fallback)
    local copy = {}
    for part in pairs(validate.parts) do
        local value = parts[part]
        if value == nil then
            value = fallback[part]
        end
        copy[part] = part == "throttle" and value and copied_levels(value) or value
    end
    return copy
end

local function compiled_patterns(endpoints)
    local patterns = {}
    for pattern, parts in pairs(endpoints or {}) do
        patterns[#patterns + 1] = { pattern = pattern, parts = copied_parts(parts, {}) }
    end
    table.sort(patterns, function(a, b)
        return glob.before(a.pattern, b.pattern)
    end)
    return patterns
end

local function publishes_all(compiled)
    local all = compiled.general.deadletter == deadletter.publish
    for _, entry in ipairs(compiled.patterns) do
        local own = entry.parts.deadletter
        all = all and (own == nil or own == deadletter.publish)
    end
    return all
end

local function tried_out(compiled)
    local faults = {}
    dryrun.parts("", compiled.general, "192.0.2.1:25520", faults)
    for _, entry in ipairs(compiled.patterns) do
        dryrun.parts(check.path("endpoints", entry.pattern), entry.parts,
                     glob.example(entry.pattern), faults)
    end
    return faults
end

local function refused(name, faults)
    local lines = {}
    for i, fault in ipairs(faults) do
        lines[i] = ("policy %s: %s"):format(check.show(name), fault)
    end
    return nil, table.concat(lines, "\n"), "EPOLICY"
end

---@class hawser.policy.Options
---@field name? string what the policy is called if it has no name of its own
---@field defaults? hawser.policy.Parts what it leaves out, before the default policy is asked
---@field path? string where files are looked for by name, like package.path
---@field untried? boolean its functions are not called: for tools that do that themselves

-- Validates the whole policy, fills what it leaves out from the defaults, and tries out every
-- function. The message of a failure has a line for each fault.
---@param given hawser.policy.Policy
---@param options? hawser.policy.Options
---@return hawser.policy.Compiled|nil
---@return string|nil message
---@return string|nil code "EPOLICY"
function policy.compile(given, options)
    options = options or {}
    if getmetatable(given) == Compiled then
        return given
    elseif type(given) ~= "table" then
        return nil, "expected a policy, a table, got " .. check.show(given), "EPOLICY"
    end
    local name = type(given.name) == "string" and given.name or options.name or "unnamed"
    local faults = validate.faults(given)
    if #faults > 0 then
        return refused(name, faults)
    end
    local compiled = setmetatable({
        name = name,
        version = given.version and tostring(given.version) or nil,
        stable_after = given.stable_after,
        general = copied_parts(given, copied_parts(options.defaults or {}, default)),
        patterns = compiled_patterns(given.endpoints),
        resolved = {},
        remembered = 0,
    }, Compiled)
    compiled.publishes_all = publishes_all(compiled)
    faults = options.untried and {} or tried_out(compiled)
    if #faults > 0 then
        return refused(name, faults)
    end
    return compiled
end

-- What is known of a policy that could not be loaded.
---@class hawser.policy.Refused
---@field name string
---@field file string
---@field version string|nil

local function run_chunk(chunk, about, options, ...)
    local ok, result = guard.run(LOAD_BUDGET, chunk, ...)
    if not ok then
        return nil, ("policy file %s: %s"):format(about.file, result), "EPOLICY"
    elseif type(result) ~= "table" then
        return nil, ("policy file %s: expected it to return a policy, a table, got %s"):format(
            about.file, check.show(result)), "EPOLICY"
    end
    local compiled, message, code = policy.compile(result, options)
    if not compiled then
        return nil, ("policy file %s:\n%s"):format(about.file, message), code
    end
    compiled.source = about.file
    return compiled
end

local function named(options, name)
    return { name = name, defaults = options.defaults, untried = options.untried }
end

local function load_file(path, options, ...)
    local file, why = source.open(path)
    local about = { name = options.name, file = path }
    local compiled, message, code
    if file.chunk then
        compiled, message, code = run_chunk(file.chunk, about, options, ...)
    else
        message, code = ("policy file %s: %s"):format(path, why), "EPOLICY"
    end
    about.version = file:version()
    if not compiled then
        return nil, message, code, about
    end
    compiled.version = compiled.version or about.version
    return compiled
end

local function load_path(path, options)
    local name = path:match("([^/]+)%.lua$") or path:match("[^/]+$")
    return load_file(path, named(options, name), path)
end

-- Goes through the searchers as require does, but keeps nothing: a reload reads the file again.
local function load_module(name, options)
    local module = "hawser.policy." .. name
    for _, searcher in ipairs(package.searchers) do
        local ok, loader, extra = pcall(searcher, module)
        if not ok then
            return true, nil, ("policy %s: %s"):format(check.show(name), loader), "EPOLICY"
        elseif type(loader) == "function" and tostring(extra):find("%.lua$") then
            return true, load_file(extra, named(options, name), module, extra)
        elseif type(loader) == "function" then
            return true, run_chunk(loader, { file = module }, named(options, name), module, extra)
        end
    end
    return false
end

local function not_found(name, path)
    local places = TOOLS[name] and {} or { "module hawser.policy." .. name }
    for template in path:gmatch("[^;]+") do
        places[#places + 1] = (template:gsub("%?", (name:gsub("%%", "%%%%"))))
    end
    local near = suggest.nearest(name, policy.shipped)
    return nil, ("no policy %s: looked for %s; shipped: %s%s"):format(check.show(name),
        table.concat(places, ", "), table.concat(policy.shipped, ", "),
        near and ('; did you mean "%s"?'):format(near) or ""), "EPOLICY"
end

local function load_name(name, path, options)
    if not TOOLS[name] then
        local found, compiled, message, code, about = load_module(name, options)
        if found then
            return compiled, message, code, about
        end
    end
    local file = package.searchpath(name, path, "")
    if file then
        return load_path(file, options)
    end
    return not_found(name, path)
end

-- A table is compiled. Text with a "/" or ending in ".lua" is a file. Any other text is a name:
-- the module hawser.policy.NAME, or NAME.lua where `options.path` or `policy.path` says.
---@param what string|hawser.policy.Policy|hawser.policy.Compiled
---@param options? hawser.policy.Options
---@return hawser.policy.Compiled|nil
---@return string|nil message
---@return string|nil code "EPOLICY"
---@return hawser.policy.Refused|nil about the file that was refused, where there was one
function policy.load(what, options)
    options = options or {}
    if type(what) ~= "string" then
        return policy.compile(what, options)
    elseif what:find("/", 1, true) or what:find("%.lua$") then
        return load_path(what, options)
    elseif not what:find("^[%w_][%w_.-]*$") then
        return nil, ("no policy %s: expected a name of letters, digits, _, - and ., or a path")
            :format(check.show(what)), "EPOLICY"
    end
    return load_name(what, options.path or policy.path, options)
end

return policy
