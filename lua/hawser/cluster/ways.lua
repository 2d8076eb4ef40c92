-- SPDX-License-Identifier: MIT
-- The network of a cluster over TCP: in front of each node a door that its peers dial, which passes
-- bytes on to where the node really listens. A door reads who knocks from the HELLO, and lets
-- nobody through whose way is cut; so a way between two nodes of one process can be cut like a
-- cable.

local core = require "hawser.core"

local ways = {}

local HELLO_MAX = 4096
local RETRY = 0.002 -- seconds between two tries to write on

local Pump = {}
Pump.__index = Pump

function Pump:close()
    self.ways.pumps[self] = nil
    if self.timer then
        self.timer:cancel()
    end
    self.client:close()
    if self.server then
        self.server:close()
    end
end

-- Passes on what can be read; while the other end takes no more, nothing is read.
function Pump:pass(from, to, text)
    if not self.ways.pumps[self] then
        return
    end
    local taken = to:write(text)
    if not taken then
        return self:close()
    elseif taken == #text then
        from:on_readable(function() self:flow(from, to) end)
        return
    end
    from:on_readable(nil)
    self.timer = core.after(RETRY, function() self:pass(from, to, text:sub(taken + 1)) end)
end

function Pump:flow(from, to)
    local text = from:read()
    if not text or text == "" then
        return self:close()
    end
    self:pass(from, to, text)
end

-- The name in a HELLO frame; nil when it is not whole yet, false when it is none.
local function name_in(text)
    if #text < 4 then
        return nil
    end
    local size = (">I4"):unpack(text)
    if size > HELLO_MAX then
        return false
    elseif #text < 4 + size then
        return nil
    end
    local frame = core.unpack(text:sub(5, 4 + size))
    local is_hello = type(frame) == "table" and frame[1] == 0 and type(frame[4]) == "string"
    return is_hello and frame[4] or false
end

function Pump:greet()
    local text = self.client:read()
    if not text or text == "" then
        return self:close()
    end
    self.hello = self.hello .. text
    local name = name_in(self.hello)
    if name == nil then
        return
    end
    self.from = name
    local target = name and self.ways:target(name, self.to)
    self.server = target and core.connect(target)
    if not self.server then
        return self:close()
    end
    self.server:on_readable(function() self:flow(self.server, self.client) end)
    self:pass(self.client, self.server, self.hello)
end

---@class hawser.cluster.Ways
local Ways = {}
Ways.__index = Ways

local function pair(one, other)
    return one < other and one .. " " .. other or other .. " " .. one
end

-- Where a node listens when its peer's way is open; nil when it is not, or the node is dead.
function Ways:target(from, to)
    return not self.severed[pair(from, to)] and self.doors[to].target or nil
end

function Ways:knock(to)
    local client = self.doors[to].listener:accept()
    if not client then
        return
    elseif not self.doors[to].target then
        return client:close()
    end
    local pump = setmetatable({ ways = self, to = to, client = client, hello = "" }, Pump)
    self.pumps[pump] = true
    client:on_readable(function() pump:greet() end)
end

-- A door for the node of that name; its address is what its peers dial.
---@param name string
---@return string|nil address
---@return string|nil message
---@return string|nil code
function Ways:open(name)
    local listener, message, code = core.listen("127.0.0.1:0")
    if not listener then
        return nil, message, code
    end
    self.doors[name] = { listener = listener, address = listener:address() }
    listener:on_readable(function() self:knock(name) end)
    return listener:address()
end

-- Where a node listens from now on; nil: it is dead, and nobody gets through.
function Ways:lead(name, target)
    self.doors[name].target = target
    if target then
        return
    end
    for pump in pairs(self.pumps) do
        if pump.to == name or pump.from == name then
            pump:close()
        end
    end
end

function Ways:cut(one, other)
    self.severed[pair(one, other)] = true
    for pump in pairs(self.pumps) do
        if pump.from and pair(pump.from, pump.to) == pair(one, other) then
            pump:close()
        end
    end
end

function Ways:is_cut(one, other)
    return self.severed[pair(one, other)] or false
end

function Ways:heal()
    self.severed = {}
end

function Ways:close()
    for pump in pairs(self.pumps) do
        pump:close()
    end
    for _, door in pairs(self.doors) do
        door.listener:close()
    end
end

---@return hawser.cluster.Ways
function ways.new()
    return setmetatable({ doors = {}, pumps = {}, severed = {} }, Ways)
end

return ways
