-- SPDX-License-Identifier: MIT
-- A console on a terminal: lines edited by hawser.editor while the loop runs, whatever is written
-- meanwhile above the prompt, history, completion, Ctrl-C, and displays that are drawn again and
-- again.

local core = require "hawser.core"
local console = require "hawser.console"
local history = require "hawser.cli.history"
local output = require "hawser.console.output"

local terminal = {}

local PROMPT, MORE = "> ", "... "

---@class hawser.cli.Terminal
local Terminal = {}
Terminal.__index = Terminal

-- Something for the person: below it the prompt is drawn again before the loop sleeps.
function Terminal:write(text)
    if text == "" then
        return
    end
    self.editor:hide()
    output.raw(io.stdout, text)
    io.stdout:flush()
    self.within_line = text:sub(-1) ~= "\n"
end

function Terminal:redraw()
    if self.mode ~= "editing" then
        return
    end
    if self.within_line then
        output.raw(io.stdout, "\n")
        io.stdout:flush()
        self.within_line = false
    end
    self.editor:show()
end

-- --- editing ---

function Terminal:edit()
    self.mode = "editing"
    self.input:on_readable(function() self:handle(self.editor:feed()) end)
end

function Terminal:prompt()
    self.editor:clear_interrupts()
    -- What was typed while a line ran is on the screen already; the editor will show it again.
    output.raw(io.stdout, self.within_line and "\n" or "\r\27[K")
    io.stdout:flush()
    self.within_line = false
    self:edit()
    self:handle(self.editor:begin(self.session:pending() and MORE or PROMPT))
end

function Terminal:submitted(text)
    self.mode = "running"
    self.input:on_readable(nil)
    local before = self.session:pending()
    local whole = before and before .. "\n" .. text or text
    self.session:submit(text, function(status)
        if status ~= "more" and self.history:add(whole) then
            self.editor:remember(whole)
        end
        self:ended(status)
    end)
end

-- A line that ends at once does so inside submit(); the next prompt is for the loop's next turn, so
-- that a hundred pasted lines are no hundred frames deep.
function Terminal:ended(status)
    if status == "quit" then
        self.mode = "over"
    elseif status == "live" then
        self:show_live()
    else
        self.mode = "prompting"
    end
end

local function listed(words, columns)
    local width = 0
    for _, word in ipairs(words) do
        width = math.max(width, #word + 2)
    end
    local across, lines = math.max(1, columns // width), {}
    local down = (#words + across - 1) // across
    for row = 1, down do
        local cells = {}
        for at = row, #words, down do
            cells[#cells + 1] = words[at] .. (" "):rep(width - #words[at])
        end
        lines[row] = table.concat(cells):gsub("%s+$", "")
    end
    return table.concat(lines, "\n") .. "\n"
end

-- A session's answer, now or, if it has to come from elsewhere, later. Until then no key is read.
function Terminal:complete(line, cursor)
    local text = line:sub(1, cursor)
    self.mode = "completing"
    self.input:on_readable(nil)
    local function later(found)
        if self.mode == "completing" then
            self:edit()
            self:completed(line, text, found)
        end
    end
    local found = self.session:complete(text, later)
    if found then
        later(found)
    end
end

function Terminal:completed(line, text, found)
    local typed = text:sub(found.from)
    local insertion = console.common(found.words):sub(#typed + 1)
    if #found.words == 1 and found.call then
        insertion = insertion .. "("
    elseif #found.words > 1 and insertion == "" then
        self:write(PROMPT .. line .. "\n" .. listed(found.words, (self.editor:size())))
    end
    self:handle(self.editor:complete(insertion))
end

function Terminal:handle(event, text, cursor)
    if event == "line" then
        self:submitted(text)
    elseif event == "end" then
        output.raw(io.stdout, "\n")
        self.mode = "over"
    elseif event == "complete" then
        self:complete(text, cursor)
    end
end

-- --- live displays ---

function Terminal:draw()
    local columns, rows = self.editor:size()
    local live = self.session.live
    local function later(text)
        if self.mode == "live" and self.session.live == live then
            self:drawn(text, rows)
        end
    end
    local text = live.render(columns, rows, later)
    if text then
        later(text)
    end
    self.tick = core.after(live.interval, function() self:draw() end)
end

function Terminal:drawn(text, rows)
    local lines, count = {}, 0
    for line in (text .. "\n"):gmatch("(.-)\n") do
        count = count + 1
        if count < rows then
            lines[count] = line .. "\27[K"
        end
    end
    output.raw(io.stdout, "\27[H" .. table.concat(lines, "\r\n") .. "\27[J")
    io.stdout:flush()
end

function Terminal:end_live()
    if not self.session or not self.session.live then
        return
    end
    self.input:on_readable(nil)
    self.tick:cancel()
    self.editor:keys(false)
    output.raw(io.stdout, "\27[?25h\27[?1049l")
    io.stdout:flush()
    self.session:end_live()
    self.mode = "prompting"
end

function Terminal:show_live()
    self.mode = "live"
    self.editor:keys(true)
    output.raw(io.stdout, "\27[?1049h\27[?25l")
    self.input:on_readable(function()
        local keys = self.input:read()
        if not keys or keys == "" or keys:find("[qQ\4\27]") then
            self:end_live()
        end
    end)
    self:draw()
end

-- --- signals ---

function Terminal:interrupted()
    self.editor:clear_interrupts()
    if self.mode == "editing" or self.mode == "completing" then
        self.editor:cancel()
        self.session:discard()
        output.raw(io.stdout, "^C\n")
        self.mode = "prompting"
    elseif self.mode == "running" then
        self.session:interrupt()
    elseif self.mode == "live" then
        self:end_live()
    end
end

function Terminal:signalled()
    local letter = self.editor:signal()
    while letter do
        if letter == "w" then
            self.editor:resized()
        elseif letter == "z" then
            self.editor:suspend()
        else
            self.mode = "over"
        end
        letter = self.editor:signal()
    end
end

-- --- running ---

-- Asked after every turn of the loop.
function Terminal:turn()
    if self.is_over() then
        self:end_live()
        self.mode = "over"
    end
    if self.mode == "prompting" then
        self:prompt()
    end
    self:redraw()
    return self.mode == "over"
end

function Terminal:listen()
    local interrupts, others = self.editor:signals()
    self.input, self.interrupts, self.others = core.descriptor(0), core.descriptor(interrupts),
        core.descriptor(others)
    self.interrupts:on_readable(function() self:interrupted() end)
    self.others:on_readable(function() self:signalled() end)
end

function Terminal:close()
    self:end_live()
    self.input:on_readable(nil)
    self.interrupts:on_readable(nil)
    self.others:on_readable(nil)
    output.set_main(nil)
    self.editor:close()
end

---@return boolean
function terminal.has_colour()
    local no_colour = os.getenv("NO_COLOR")
    return not (no_colour and no_colour ~= "") and os.getenv("TERM") ~= "dumb"
end

-- A terminal with an editor, or nil: standard input or output is none, it is dumb, or libedit was
-- left out of this build.
---@return hawser.cli.Terminal|nil
function terminal.open()
    local term = os.getenv("TERM")
    local found, module = pcall(require, "hawser.editor")
    if not found or not term or term == "dumb" or term == "" then
        return nil
    end
    local editor = module.open()
    if not editor then
        return nil
    end
    local self = setmetatable({ editor = editor, mode = "prompting" }, Terminal)
    self.history = history.open(module.private_file)
    for _, entry in ipairs(self.history.entries) do
        editor:remember(entry)
    end
    self:listen()
    output.set_main(function(text) self:write(text) end)
    return self
end

-- What console.open takes.
function Terminal:options()
    return {
        write = function(text) self:write(text) end,
        width = function() return (self.editor:size()) end,
        colour = terminal.has_colour(),
        interrupts = self.interrupts:number(),
    }
end

-- Until the person leaves, or a signal or `is_over` says so.
---@param session hawser.console.Session|hawser.cli.RemoteSession
---@param is_over? fun(): boolean
function Terminal:run(session, is_over)
    self.session = session
    self.is_over = is_over or function() return false end
    core.run_until(function() return self:turn() end)
end

return terminal
