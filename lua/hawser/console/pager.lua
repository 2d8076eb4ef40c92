-- SPDX-License-Identifier: MIT
-- Replies that are too large for a screen and for the way to it: the first page is shown, the next
-- ones by .more, and past a limit nothing is kept.

local commands = require "hawser.console.commands"
local evaluate = require "hawser.console.evaluate"

local pager = {}

local LINES, BYTES = 200, 32 * 1024 -- of a page
local KEPT = 1024 * 1024            -- bytes for .more

---@class hawser.console.Pager
local Pager = {}
Pager.__index = Pager

---@param write fun(text: string)
---@return hawser.console.Pager
function pager.new(write)
    return setmetatable({ write = write, room = BYTES, lines = LINES, kept = {}, size = 0,
                          dropped = 0 }, Pager)
end

-- The next page begins; what was kept of the reply before is gone.
function Pager:begin()
    self.room, self.lines = BYTES, LINES
    self.kept, self.size, self.dropped = {}, 0, 0
end

function Pager:keep(text)
    local room = math.max(0, KEPT - self.size)
    if #text > room then
        self.dropped = self.dropped + #text - room
        text = text:sub(1, room)
    end
    if text ~= "" then
        self.kept[#self.kept + 1] = text
        self.size = self.size + #text
    end
end

-- How much of the text is of this page: whole lines, unless one is a page by itself.
function Pager:fitting(text)
    local at, lines = 0, self.lines
    while lines > 0 do
        local line_end = text:find("\n", at + 1, true) or #text
        if line_end > self.room then
            break
        end
        at, lines = line_end, lines - 1
        if at == #text then
            break
        end
    end
    if at == 0 and self.room == BYTES and #text > 0 then
        at = math.min(#text, BYTES)
    end
    return at
end

-- Part of a reply.
function Pager:add(text)
    if self.size > 0 or self.dropped > 0 then
        return self:keep(text)
    end
    local fits = self:fitting(text)
    if fits > 0 then
        self.write(text:sub(1, fits))
        self.room = self.room - fits
        self.lines = self.lines - select(2, text:sub(1, fits):gsub("\n", ""))
    end
    if fits < #text then
        self:keep(text:sub(fits + 1))
    end
end

local function size_text(bytes)
    return bytes < 2048 and ("%d bytes"):format(bytes) or ("%d KiB"):format((bytes + 512) // 1024)
end

-- The reply is whole: what is to be said of the rest, or nil.
---@return string|nil
function Pager:notice()
    local dropped = self.dropped
    if self.size > 0 then
        return ("-- %s more: .more shows the next page%s"):format(size_text(self.size),
            dropped > 0 and ("; %s behind them were not kept"):format(size_text(dropped)) or "")
    end
    self.dropped = 0
    return dropped > 0 and ("-- %s more were not kept"):format(size_text(dropped)) or nil
end

function Pager:next_page()
    local kept, dropped = table.concat(self.kept), self.dropped
    self:begin()
    self:add(kept)
    self.dropped = dropped
    return kept ~= ""
end

-- Puts a pager between a session and what shows its text. Only replies are paged: what a session
-- shows by itself, such as events that are watched, comes as it happens.
---@param session hawser.console.Session
function pager.attach(session)
    local self = pager.new(session.write)
    session.pager = self
    function session.write(text)
        if session.replying or evaluate.session() == session then
            self:add(text)
        else
            self.write(text)
        end
    end
end

commands.add {
    name = "more", usage = "", summary = "the next page of a reply that was too large",
    help = ("An attached console shows %d lines of a reply, or %d KiB, and keeps the rest, up to"
        .. " 1 MiB, until the next line is typed. .more shows the next page of it.")
        :format(LINES, BYTES // 1024),
    example = "> .more",
    is_of = function(session) return session.pager ~= nil end,
    run = function(session)
        if not session.pager or not session.pager:next_page() then
            return "nothing is left to show"
        end
        return ""
    end,
}

return pager
