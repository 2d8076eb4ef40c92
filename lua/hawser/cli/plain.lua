-- SPDX-License-Identifier: MIT
-- A console without a terminal: lines from a pipe or a file, nothing but what they show as output.

local core = require "hawser.core"
local output = require "hawser.console.output"

local plain = {}

-- One turn of the loop, so that actors get along between two lines of a file.
local function take_turn()
    local asked = 0
    core.run_until(function()
        asked = asked + 1
        return asked > 1
    end)
end

local function wait_until(condition)
    core.run_until(function() return condition() or core.interrupts() > 0 end)
    if core.interrupts() > 0 then
        error("interrupted", 0) -- main.c knows by which signal
    end
end

local Reader = {}
Reader.__index = Reader

function Reader:fill()
    local ready = false
    if self.input:on_readable(function() ready = true end) then
        wait_until(function() return ready end)
        self.input:on_readable(nil)
    end
    local bytes = self.input:read()
    self.over = not bytes or bytes == ""
    self.text = self.text .. (bytes or "")
end

-- The next line, without its end; nil after the last.
function Reader:line()
    while true do
        local line, rest = self.text:match("^(.-)\r?\n(.*)$")
        if line then
            self.text = rest
            return line
        elseif self.over then
            line = self.text ~= "" and self.text or nil
            self.text = ""
            return line
        end
        self:fill()
    end
end

-- What console.open takes.
---@return hawser.console.Options
function plain.options()
    return {
        write = function(text)
            output.raw(io.stdout, text)
            io.stdout:flush()
        end,
    }
end

---@param session hawser.console.Session
---@return boolean # did every line succeed?
function plain.run(session)
    local reader = setmetatable({ input = core.descriptor(0), text = "", over = false }, Reader)
    local good, status = true
    local function ended(how) status = how end
    for line in function() return reader:line() end do
        status = nil
        session:submit(line, ended)
        wait_until(function() return status ~= nil end)
        take_turn()
        good = good and status ~= "failed"
        if status == "live" then
            session:say(session.live.render_once(session.width()))
            session.live = nil
        elseif status == "quit" then
            return good
        end
    end
    status = nil
    session:finish(ended)
    wait_until(function() return status ~= nil end)
    return good and status ~= "failed"
end

return plain
