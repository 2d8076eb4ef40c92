-- SPDX-License-Identifier: MIT
-- Messages over a local socket, for both ends of an attached console: a u32 big-endian length and
-- one msgpack value. Nothing of it is unbounded: a frame has a largest size, what waits to be
-- written is counted for its owner to heed, and messages are taken one a turn of the loop, so that
-- a flood costs the process no more than its share.

local core = require "hawser.core"

local channel = {}

---@class hawser.console.Channel
---@field backlog integer bytes that wait to be written
---@field ended boolean nothing comes or goes any more
local Channel = {}
Channel.__index = Channel

---@class hawser.console.ChannelOptions
---@field most integer bytes of an incoming frame
---@field on_message fun(message: any)
---@field on_end fun(reason: string) once, on the loop; not after close()
---@field on_drained? fun() what waited has been written

---@param descriptor hawser.Descriptor a socket; the channel's from here on
---@param options hawser.console.ChannelOptions
---@return hawser.console.Channel|nil
---@return string|nil message
function channel.open(descriptor, options)
    local self = setmetatable({
        descriptor = descriptor, most = options.most, on_message = options.on_message,
        on_end = options.on_end, on_drained = options.on_drained,
        input = {}, input_size = 0, output = {}, first = 1, last = 0, offset = 1, backlog = 0,
        taking = false, paused = false, ended = false,
    }, Channel)
    local ok, why = descriptor:on_readable(function() self:ready() end)
    if not ok then
        return nil, why
    end
    return self
end

-- What the loop is to call for. While a message waits its turn or the owner has paused, nothing is
-- read, and the other end is slowed down by its own socket.
function Channel:want()
    if not self.ended then
        self.descriptor:want(not self.taking and not self.paused, self.backlog > 0)
    end
end

-- The end, told on the loop and not to whoever happens to write.
function Channel:fail(reason)
    if self.ended then
        return
    end
    self.ended = true
    self.descriptor:on_readable(nil)
    self.telling = core.after(0, function()
        self.descriptor:close()
        self.on_end(reason)
    end)
end

-- Nothing more is read, written or told.
function Channel:close()
    self.ended = true
    if self.telling then
        self.telling:cancel()
    end
    self.descriptor:close()
end

-- --- writing ---

-- What the other end said before it went is still to be read; the end is found there.
function Channel:stop_writing(why)
    self.unheard, self.backlog = why, 0
    self.output, self.first, self.last = {}, 1, 0
    self:want()
end

function Channel:flush()
    while self.first <= self.last do
        local bytes = self.output[self.first]
        local sent, why = self.descriptor:write(self.offset > 1 and bytes:sub(self.offset) or bytes)
        if not sent then
            return self:stop_writing(why)
        end
        self.backlog = self.backlog - sent
        self.offset = self.offset + sent
        if self.offset <= #bytes then
            return
        end
        self.output[self.first] = nil
        self.first, self.offset = self.first + 1, 1
    end
    self.first, self.last = 1, 0
end

-- Writes now what the socket takes, and the rest when it takes more.
---@param message any
---@return boolean|nil
---@return string|nil message why the value can't be sent
function Channel:send(message)
    if self.ended or self.unheard then
        return nil, self.unheard or "the connection has ended"
    end
    local packed, why = core.pack(message)
    if not packed then
        return nil, why
    end
    local was = self.backlog
    self.last = self.last + 1
    self.output[self.last] = (">s4"):pack(packed)
    self.backlog = was + 4 + #packed
    self:flush()
    if (was > 0) ~= (self.backlog > 0) then
        self:want()
    end
    return true
end

-- --- reading ---

-- The text of the next frame; nil: it is not whole yet.
function Channel:frame()
    if self.input_size < 4 then
        return nil
    end
    local text = #self.input == 1 and self.input[1] or nil
    local head = text or #self.input[1] >= 4 and self.input[1]
    if not head then
        text = table.concat(self.input)
        self.input, head = { text }, text
    end
    local size = (">I4"):unpack(head)
    if size > self.most then
        self:fail(("a message of %d bytes, where %d are the most"):format(size, self.most))
        return nil
    elseif self.input_size < 4 + size then
        return nil
    end
    text = text or table.concat(self.input)
    self.input_size = #text - 4 - size
    self.input = self.input_size > 0 and { text:sub(5 + size) } or {}
    return text:sub(5, 4 + size)
end

function Channel:take_later()
    self.taking = true
    core.after(0, function()
        if not self.ended then
            self:take()
        end
    end)
end

-- One message, and if there may be another one, that in the loop's next turn.
function Channel:take()
    self.taking = false
    local frame = not self.paused and self:frame()
    if frame then
        local message, why = core.unpack(frame)
        if message == nil then
            return self:fail(why or "a message that is nil")
        end
        if self.input_size > 0 then
            self:take_later()
        end
        self:want()
        self.on_message(message)
    else
        self:want()
    end
end

function Channel:read()
    local bytes, why = self.descriptor:read()
    if bytes == "" or bytes == nil then
        return self:fail(why or "")
    elseif bytes then
        self.input[#self.input + 1] = bytes
        self.input_size = self.input_size + #bytes
        self:take()
    end
end

function Channel:ready()
    if self.backlog > 0 then
        self:flush()
        if self.backlog == 0 then
            self:want()
            if self.on_drained then
                self.on_drained()
            end
        end
    end
    if not self.ended and not self.taking and not self.paused then
        self:read()
    end
end

-- Takes no message until told to go on.
---@param paused boolean
function Channel:pause(paused)
    if self.paused ~= paused and not self.ended then
        self.paused = paused
        if not paused and not self.taking and self.input_size > 0 then
            self:take_later()
        end
        self:want()
    end
end

-- Is more here already than the message that is being looked at?
---@return boolean
function Channel:has_more()
    return self.input_size > 0
end

-- The socket's descriptor, which can be read when the other end asks for something.
---@return integer
function Channel:number()
    return self.descriptor:number()
end

return channel
