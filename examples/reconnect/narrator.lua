-- SPDX-License-Identifier: MIT
-- Prints the demo's story: aligned, and coloured on a terminal that has not asked for NO_COLOR.

local narrator = {}
narrator.__index = narrator

local WIDTH = 78
local INDENT = (" "):rep(17)
local COLOURS = { alpha = "36", beta = "35", demo = "1", good = "32", bad = "31", dim = "2" }

---@param system hawser.System whose clock is the story's
function narrator.new(system)
    local coloured = not os.getenv("NO_COLOR") and os.execute("test -t 1") == true
    io.stdout:setvbuf("line")
    return setmetatable({ system = system, began = system:now(), coloured = coloured }, narrator)
end

function narrator:paint(text, colour)
    local code = self.coloured and COLOURS[colour]
    return code and ("\27[%sm%s\27[0m"):format(code, text) or text
end

-- Lists of numbers stay on one line until something else is to be told.
function narrator:close()
    if self.list then
        print(table.concat(self.list.lines, "\n" .. INDENT))
        self.list = nil
    end
end

function narrator:head(who)
    local time = ("%5.1f s"):format(self.system:now() - self.began)
    return self:paint(time, "dim") .. "  " .. self:paint(("%-6s"):format(who), who) .. "  "
end

function narrator:say(who, text, colour)
    self:close()
    print(self:head(who) .. self:paint(text, colour))
end

-- One more number of a list such as "beta got 1 2 3".
function narrator:item(who, label, number)
    local list = self.list
    if not list or list.who ~= who or list.label ~= label then
        self:close()
        local line = self:head(who) .. label
        list = { who = who, label = label, lines = { line }, width = #INDENT + #label }
        self.list = list
    end
    local text = " " .. number
    if list.width + #text > WIDTH then
        list.lines[#list.lines + 1] = ""
        list.width = #INDENT
    end
    list.lines[#list.lines] = list.lines[#list.lines] .. text
    list.width = list.width + #text
end

-- A delay that the policy chose, drawn: ten marks a second.
function narrator:bar(who, attempt, delay, reason)
    local marks = ("#"):rep(math.max(1, math.floor(delay * 10 + 0.5)))
    self:say(who, ("try %d in %.2f s  %s %s"):format(attempt, delay, self:paint(marks, "bad"),
                                                    self:paint("(" .. reason .. ")", "dim")))
end

function narrator:open()
    print(self:paint("hawser: two processes talk over TCP; one dies and comes back", "demo"))
    print("alpha sends beta numbered readings. Its policy: examples/reconnect/policy.lua\n")
end

-- Every reading was delivered, or is a dead letter of some reason.
---@return boolean # does the account balance?
function narrator:account(event)
    self:close()
    local total = event.delivered + event.letters.total
    local reasons = {}
    for reason, count in pairs(event.letters) do
        if reason ~= "total" then
            local note = reason == "unacknowledged" and " (beta may have had them, but died)" or ""
            reasons[#reasons + 1] = ("  %5d  dead letters, %s%s"):format(count, reason, note)
        end
    end
    table.sort(reasons)
    print(("\n  %5d  sent by alpha\n  %5d  delivered to beta"):format(event.sent, event.delivered))
    print(table.concat(reasons, "\n"))
    local balanced = total == event.sent
    print(self:paint(balanced and "  Every message is accounted for." or
        ("  %d messages are not accounted for!"):format(event.sent - total),
        balanced and "good" or "bad"))
    return balanced
end

return narrator
