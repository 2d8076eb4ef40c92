-- SPDX-License-Identifier: MIT
-- Consoles for other processes: a socket on the loop of this one, where `hawser attach` and `hawser
-- stats` ask, and where what they ask is evaluated. docs/console.md describes the messages.
--
-- A client can do harm with what it types, and with nothing else: what it sends and what it does
-- not read is bounded, and its end is noticed also while its line runs.

local core = require "hawser.core"
local channel = require "hawser.console.channel"
local console = require "hawser.console"
local figures = require "hawser.console.figures"
local systems = require "hawser.console.systems"

local server = { VERSION = 1 }

local CLIENTS = 16                -- at once
local FRAME = 256 * 1024          -- bytes of a message from a client
local SLOW = 64 * 1024            -- bytes unread by a client at which no more of it is heard
local UNREAD = 1024 * 1024        -- bytes unread at which its output is left out
local PIECE = 32 * 1024           -- bytes of a text in a message
local WORD = 256                  -- bytes of a word that completes another
local NAMED = 10                  -- systems in a hello
local GREETING, REST = 5, 1       -- seconds: until a hello, after accept() failed

-- --- a client ---

---@class hawser.console.Client
local Client = {}
Client.__index = Client

function Client:send(message)
    local ok = self.channel:send(message)
    if self.channel.backlog > SLOW then
        self.channel:pause(true)
    end
    return ok
end

function Client:write(text)
    if self.left_out > 0 or self.channel.backlog > UNREAD then
        self.left_out = self.left_out + #text
        return
    end
    for at = 1, #text, PIECE do
        self:send { "text", text:sub(at, at + PIECE - 1) }
    end
end

function Client:drained()
    local left_out = self.left_out
    self.left_out = 0
    if left_out > 0 then
        self:write(("-- %d bytes of output were left out: they were not read in time\n")
            :format(left_out))
    end
    self.channel:pause(false)
end

function Client:gone()
    if not self.server.clients[self] then
        return
    end
    self.greeting:cancel()
    self.server.clients[self] = nil
    self.server.count = self.server.count - 1
    self.channel:close()
    if self.session then
        self.session:close()
    end
end

function Client:dismiss(reason)
    if not self.channel.ended then
        self:send { "bye", reason }
    end
    self:gone()
end

-- --- what it asks ---

local asked = {} -- by the message's first element

local function greet(self)
    local list = {}
    for i, system in ipairs(systems.list()) do
        list[i] = { system.name, system.address }
        if i == NAMED then
            break
        end
    end
    self:send { "hello", {
        console = "hawser", version = server.VERSION, hawser = core.version,
        program = arg and arg[0] and tostring(arg[0]) or "", systems = list,
    } }
end

-- The client's own table of globals: `_` and what a console adds are its own, all others shared.
local function new_environment()
    return setmetatable({}, { __index = _G, __newindex = _G })
end

function asked.hello(self, what)
    if type(what) ~= "table" or what.version ~= server.VERSION then
        return self:dismiss(("this console speaks version %d, and its hawser is %s")
            :format(server.VERSION, core.version))
    elseif self.session then
        return self:dismiss("a second hello")
    end
    self.greeting:cancel()
    self.session = console.open {
        write = function(text) self:write(text) end,
        width = function() return self.columns end,
        colour = what.colour == true, paged = what.paged == true,
        interrupts = self.channel:number(), environment = new_environment(), attached = true,
    }
    greet(self)
end

local function is_size(value)
    return math.type(value) == "integer" and value >= 1 and value <= 10000
end

function Client:ended(id, status)
    if self.running == id then
        self.running = nil
    end
    local live = self.session.live
    self.session.quitting = nil
    self:send { "ended", id, status, live and live.interval }
end

-- What arrives while a line runs ends it: behind a line that is about to, too.
function Client:run(id, start)
    if self.running then
        self:dismiss("a line while another one runs")
    elseif self.channel:has_more() then
        self.session:say("interrupted", "fault")
        self:ended(id, "failed")
    else
        self.running = id
        start(function(status) self:ended(id, status) end)
    end
end

function asked.line(self, id, text, columns)
    if type(text) ~= "string" or not is_size(columns) then
        return self:dismiss("a malformed line")
    end
    self.columns = columns
    self:run(id, function(done) self.session:submit(text, done) end)
end

function asked.finish(self, id)
    self:run(id, function(done) self.session:finish(done) end)
end

function asked.discard(self)
    self.session:discard()
end

function asked.interrupt(self)
    self.session:interrupt()
end

function asked.complete(self, id, text)
    if type(text) ~= "string" then
        return self:dismiss("a malformed completion")
    end
    local ok, found = pcall(self.session.complete, self.session, text)
    local words = {}
    for _, word in ipairs(ok and found.words or {}) do
        if #word <= WORD then
            words[#words + 1] = word
        end
    end
    self:send { "completed", id, ok and found.from or #text + 1, words, ok and found.call or false }
end

-- A live display, drawn once: of this size or, with no rows, whole.
function asked.draw(self, id, columns, rows)
    local live = self.session.live
    local is_whole = rows == core.null
    if not is_size(columns) or not (is_whole or is_size(rows)) then
        return self:dismiss("a malformed size")
    elseif live then
        local ok, text
        if is_whole then
            ok, text = pcall(live.render_once, columns)
        else
            ok, text = pcall(live.render, columns, rows)
        end
        self:send { "drawn", id, ok and text:sub(1, UNREAD) or "error: " .. tostring(text) }
    end
end

function asked.undraw(self)
    self.session.live = nil
end

-- Statistics as values, a page at a time: of all endpoints or of an address.
function asked.statistics(self, id, address)
    if address ~= core.null and type(address) ~= "string" then
        return self:dismiss("a malformed address")
    end
    self.figures = figures.take(address ~= core.null and address or nil)
    asked.more_statistics(self, id)
end

function asked.more_statistics(self, id)
    local page = self.figures and figures.page(self.figures)
    if not page or not page.more then
        self.figures = nil
    end
    self:send { "statistics", id, page or core.null }
end

function Client:message(message)
    local kind = type(message) == "table" and message[1]
    local answer = type(kind) == "string" and asked[kind]
    if not answer then
        return self:dismiss("this is a console of hawser, and that was no message to one")
    elseif not self.session and kind ~= "hello" then
        return self:dismiss("a message before the hello")
    end
    local id = message[2]
    if kind ~= "hello" and math.type(id) ~= "integer" then
        return self:dismiss("a message without a number")
    end
    answer(self, id, message[3], message[4])
end

-- --- the socket ---

---@class hawser.console.Server
---@field path string
---@field clients table<hawser.console.Client, true>
local Server = {}
Server.__index = Server

local function refuse(descriptor, reason)
    descriptor:write((">s4"):pack(core.pack { "bye", reason }))
    descriptor:close()
end

function Server:accept_one(descriptor)
    local uid, ours = descriptor:peer(), core.local_user()
    if uid ~= ours and uid ~= 0 then
        return refuse(descriptor, "this console is for the user that runs it")
    elseif self.count >= CLIENTS then
        return refuse(descriptor, ("%d are attached already, which is the most"):format(CLIENTS))
    end
    local client = setmetatable({ server = self, columns = 80, left_out = 0 }, Client)
    client.channel = channel.open(descriptor, {
        most = FRAME,
        on_message = function(message) client:message(message) end,
        on_end = function() client:gone() end,
        on_drained = function() client:drained() end,
    })
    if not client.channel then
        return descriptor:close()
    end
    client.greeting = core.after(GREETING, function() client:dismiss("no hello came in time") end)
    self.clients[client] = true
    self.count = self.count + 1
end

function Server:listen()
    return self.descriptor:on_readable(function() self:accept() end)
end

-- One a turn. Without descriptors left the socket stays readable: it is left alone for a while.
function Server:accept()
    local descriptor = self.descriptor:accept()
    if descriptor then
        self:accept_one(descriptor)
    elseif descriptor == nil then
        self.descriptor:on_readable(nil)
        self.rest = core.after(REST, function() self:listen() end)
    end
end

---@return boolean # is anybody attached?
function Server:is_attached()
    return self.count > 0
end

-- Nobody can attach any more, who has is told why, and the socket goes. Idempotent.
---@param reason? string
function Server:close(reason)
    if not self.descriptor then
        return
    end
    self.descriptor:close()
    self.descriptor = nil
    if self.rest then
        self.rest:cancel()
    end
    core.local_unlink(self.path, self.mark)
    for _, client in ipairs(self:list()) do
        client:dismiss(reason or "the console was closed")
    end
end

function Server:list()
    local list = {}
    for client in pairs(self.clients) do
        list[#list + 1] = client
    end
    return list
end

-- At the end of the Lua state, when the clients' connections may have gone before.
Server.__gc = function(self)
    if self.descriptor then
        core.local_unlink(self.path, self.mark)
    end
end
Server.__name = "hawser.console"
Server.__tostring = function(self)
    return ("console %s (%s)"):format(self.path, not self.descriptor and "closed"
        or ("%d attached"):format(self.count))
end

---@param path string
---@return hawser.console.Server|nil
---@return string|nil message
---@return string|nil code
function server.open(path)
    local descriptor, mark, code = core.local_listen(path)
    if not descriptor then
        return nil, mark, code
    end
    systems.open()
    local self = setmetatable({ path = path, descriptor = descriptor, mark = mark, clients = {},
                                count = 0 }, Server)
    local ok, why, failure = self:listen()
    if not ok then
        self:close()
        return nil, why, failure
    end
    return self
end

return server
