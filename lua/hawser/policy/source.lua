-- SPDX-License-Identifier: MIT
-- A policy's file and the modules beside it, read anew at each load. What lies in the file's own
-- directory, or below it, is the policy's: it gets its own copy of such a module, which nobody else
-- sees, so that a load which fails leaves nothing behind. Everything else is required as ever.

local suggest = require "hawser.suggest"

local source = {}

---@class hawser.policy.Source
---@field path string
---@field chunk function the file, not yet run
---@field private directory string with its "/"; "" is the current one
---@field private environment table
---@field private loaded table<string, any> modules by name
---@field private texts string[] of all files, in the order they were read
local Source = {}
Source.__index = Source

-- More is no policy; and a device would never end.
local LONGEST = 1 << 20

-- An error without the path, which the caller knows.
local function read(path)
    local file, why = io.open(path, "rb")
    local text
    if file then
        text, why = file:read(LONGEST + 1)
        text = text or not why and "" or nil
        file:close()
    end
    if not text then
        why = tostring(why)
        return nil, why:sub(1, #path + 2) == path .. ": " and why:sub(#path + 3) or why
    elseif #text > LONGEST then
        return nil, ("more than %d bytes"):format(LONGEST)
    end
    return text
end

-- As loadfile does: a first line that begins with # is the shell's.
local function compile(self, path, text)
    self.texts[#self.texts + 1] = text
    return load(text:gsub("^#[^\n]*", ""), "@" .. path, "t", self.environment)
end

local function without_dots(path)
    return (path:gsub("^%./+", ""))
end

local function is_readable(path)
    local file = io.open(path, "rb")
    if file then
        file:close()
    end
    return file ~= nil
end

-- The file of a module that is the policy's own; nil for all others.
local function beside(self, name)
    if name:find("^hawser%f[.\0]") or package.preload[name] then
        return nil
    end
    local stem = self.directory .. name:gsub("%.", "/")
    for _, path in ipairs { stem .. ".lua", stem .. "/init.lua" } do
        if is_readable(path) then
            return path
        end
    end
    -- "policies.limits", required from policies/night.lua
    local found = package.searchpath(name, package.path)
    local directory = without_dots(self.directory)
    if found and directory ~= "" and without_dots(found):sub(1, #directory) == directory then
        return found
    end
    return nil
end

local LOADING = {} -- stands for a module that has begun

local function load_own(self, name, path)
    local text, why = read(path)
    local chunk
    if text then
        chunk, why = compile(self, path, text)
    end
    if not chunk then
        error(("module %s: %s"):format(name, why), 4)
    end
    self.loaded[name] = LOADING
    local value = chunk(name, path)
    self.loaded[name] = value == nil and true or value
    return self.loaded[name]
end

local OFFERED = { "hawser.policy.backoff", "hawser.policy.deadletter", "hawser.policy.throttle" }

-- Lua's own message about a module that is nowhere is a list of twenty places.
local function require_other(name)
    local ok, value, where = pcall(require, name)
    if ok then
        return value, where
    elseif type(value) ~= "string" or not value:find("^module '[^\n]*' not found:") then
        error(value, 0)
    end
    local near = suggest.nearest(name, OFFERED)
    error(("module '%s' not found beside the policy or in package.path%s"):format(name,
        near and ("; did you mean %q?"):format(near) or ""), 3)
end

-- Called by the function that stands for require: an error is at its caller, two levels up.
local function require_from(self, name)
    if type(name) ~= "string" then
        error("require: expected a module's name, got " .. type(name), 3)
    end
    local own = self.loaded[name]
    if own == LOADING then
        error(("module %s requires itself"):format(name), 3)
    elseif own ~= nil then
        return own
    end
    local path = beside(self, name)
    if not path then
        return require_other(name)
    end
    local value = load_own(self, name, path)
    return value, path
end

-- Reads and compiles the file; nothing of it runs yet.
---@param path string
---@return hawser.policy.Source # without a chunk when that failed
---@return string|nil message
function source.open(path)
    local self = setmetatable({
        path = path, directory = path:match("^(.*/)") or "", loaded = {}, texts = {},
    }, Source)
    -- Globals that it sets are its own too.
    self.environment = setmetatable({
        require = function(name)
            local value, where = require_from(self, name)
            return value, where
        end,
    }, { __index = _G })
    local text, why = read(path)
    if text then
        self.chunk, why = compile(self, path, text)
    end
    return self, why
end

-- FNV-1a (Fowler, Noll, Vo), 64 bits folded to 32.
local function hash(texts)
    local h = 0xcbf29ce484222325
    for _, text in ipairs(texts) do
        for i = 1, #text do
            h = (h ~ text:byte(i)) * 0x100000001b3
        end
        h = (h ~ 0x100) * 0x100000001b3 -- the end of a file
    end
    return ((h >> 32) ~ h) & 0xffffffff
end

-- What names this state of the files that have been read: 8 hex digits.
---@return string|nil # nil when none could be
function Source:version()
    return self.texts[1] and ("%08x"):format(hash(self.texts)) or nil
end

return source
