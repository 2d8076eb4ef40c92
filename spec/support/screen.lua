-- SPDX-License-Identifier: MIT
-- What a person sees: a terminal's screen made of the bytes that a program wrote to it, and a
-- program on a pseudo-terminal that is typed at and whose screen is waited for.

local build = dofile("spec/support/paths.lua").build
local pty = assert(package.loadlib(build .. "/spec/pty.so", "luaopen_pty"))()

local screen = { patience = 20 }

local Screen = {}
Screen.__index = Screen

local function blank(columns)
    local row = {}
    for i = 1, columns do row[i] = " " end
    return row
end

local function new_screen(rows, columns)
    local self = setmetatable({ rows = rows, columns = columns, lines = {}, row = 1, column = 1,
                                scrolled = {}, pending = "" }, Screen)
    for i = 1, rows do self.lines[i] = blank(columns) end
    return self
end

function Screen:down()
    if self.row < self.rows then
        self.row = self.row + 1
        return
    end
    self.scrolled[#self.scrolled + 1] = table.concat(table.remove(self.lines, 1))
    self.lines[self.rows] = blank(self.columns)
end

function Screen:put(char)
    if self.column > self.columns then
        self.column = 1
        self:down()
    end
    self.lines[self.row][self.column] = char
    self.column = self.column + 1
end

local function erase_line(self, how)
    local from = how == 0 and self.column or 1
    local to = how == 1 and self.column or self.columns
    for i = from, math.min(to, self.columns) do self.lines[self.row][i] = " " end
end

local function erase_screen(self, how)
    if how == 0 then erase_line(self, 0) end
    for i = how == 0 and self.row + 1 or 1, self.rows do self.lines[i] = blank(self.columns) end
end

local ALTERNATE = 1049

local function clamp(value, most) return math.max(1, math.min(most, value)) end

-- Those of the sequences that libedit and the REPL use; an unknown one fails the spec.
local CONTROLS = {
    A = function(self, n) self.row = clamp(self.row - math.max(n, 1), self.rows) end,
    B = function(self, n) self.row = clamp(self.row + math.max(n, 1), self.rows) end,
    C = function(self, n) self.column = clamp(self.column + math.max(n, 1), self.columns) end,
    D = function(self, n) self.column = clamp(self.column - math.max(n, 1), self.columns) end,
    G = function(self, n) self.column = clamp(n, self.columns) end,
    H = function(self, n, m)
        self.row, self.column = clamp(n, self.rows), clamp(m, self.columns)
    end,
    J = erase_screen,
    K = erase_line,
    P = function(self, n)
        for _ = 1, math.max(n, 1) do
            table.remove(self.lines[self.row], self.column)
            table.insert(self.lines[self.row], " ")
        end
    end,
    ["@"] = function(self, n)
        for _ = 1, math.max(n, 1) do
            table.insert(self.lines[self.row], self.column, " ")
            table.remove(self.lines[self.row])
        end
    end,
    m = function() end,
    h = function(self, n) -- the other screen
        if n == ALTERNATE then
            self.kept = { lines = self.lines, row = self.row, column = self.column }
            self.lines, self.row, self.column = {}, 1, 1
            for i = 1, self.rows do self.lines[i] = blank(self.columns) end
        end
    end,
    l = function(self, n)
        if n == ALTERNATE and self.kept then
            self.lines, self.row, self.column = self.kept.lines, self.kept.row, self.kept.column
            self.kept = nil
        end
    end,
}

local PLAIN = {
    ["\r"] = function(self) self.column = 1 end,
    ["\n"] = function(self) self:down() end,
    ["\b"] = function(self) self.column = math.max(1, self.column - 1) end,
    ["\t"] = function(self)
        self.column = math.min(self.columns, (self.column + 7) // 8 * 8 + 1)
    end,
    ["\a"] = function() end,
}

-- Takes one thing from the front of the text: false when it is not whole.
function Screen:take(text)
    local first = text:sub(1, 1)
    if first == "\27" then
        local parameters, final, rest = text:match("^\27%[([%d;?]*)([%a@])(.*)$")
        if not final then
            assert(text:find("^\27%[?[%d;?]*$"), ("unknown sequence %q"):format(text:sub(1, 8)))
            return nil
        end
        local n, m = parameters:match("^%??(%d*);?(%d*)")
        assert(CONTROLS[final], "unknown sequence CSI " .. parameters .. final)(
            self, tonumber(n) or 0, tonumber(m) or 0)
        return rest
    elseif PLAIN[first] then
        PLAIN[first](self)
        return text:sub(2)
    end
    local char = text:match("^" .. utf8.charpattern)
    self:put(char or "?")
    return text:sub(#(char or "?") + 1)
end

function Screen:feed(bytes)
    local text = self.pending .. bytes
    while text ~= "" do
        local rest = self:take(text)
        if not rest then break end
        text = rest
    end
    self.pending = text
end

-- Everything that was shown, also what has gone over the top.
function Screen:text()
    local lines = { table.unpack(self.scrolled) }
    for i = 1, self.rows do lines[#lines + 1] = table.concat(self.lines[i]) end
    for i, line in ipairs(lines) do lines[i] = line:gsub("%s+$", "") end
    return (table.concat(lines, "\n"):gsub("\n+$", ""))
end

-- The line that the cursor is in.
function Screen:line()
    return (table.concat(self.lines[self.row]):gsub("%s+$", ""))
end

-- --- a program on it ---

local Program = {}
Program.__index = Program

---Starts a program; options.environment is added to this process's.
function screen.start(arguments, options)
    local rows, columns = options.rows or 24, options.columns or 80
    return setmetatable({
        screen = new_screen(rows, columns), gone = false,
        terminal = pty.start(arguments, { rows = rows, columns = columns,
                                          environment = options.environment or {} }),
    }, Program)
end

function Program:pump(seconds)
    local bytes = self.terminal:read(seconds)
    if not bytes then self.gone = true end
    self.screen:feed(bytes or "")
end

---Reads until condition() holds; fails with the screen when that takes too long.
function Program:wait_until(condition, what)
    local deadline = os.time() + screen.patience
    while not condition() do
        if self.gone or os.time() > deadline then
            error(("%s for %s; the screen:\n%s"):format(
                self.gone and "the program ended before" or "waited in vain", what,
                self.screen:text()), 3)
        end
        self:pump(0.02)
    end
end

---Waits until the screen shows a text.
function Program:expect(text)
    self:wait_until(function() return self.screen:text():find(text, 1, true) end,
                    ("%q"):format(text))
end

---Waits until the line with the cursor is this one.
function Program:expect_line(text)
    self:wait_until(function() return self.screen:line() == text end, ("the line %q"):format(text))
end

function Program:type(text)
    self.terminal:write(text)
end

---Types a line once the prompt is there, and waits for the next prompt.
function Program:enter(text, prompt)
    self:expect_line(prompt or ">")
    local before = #self.screen:text()
    self.terminal:write(text)
    self:wait_until(function()
        return self.screen:text():gsub("\n", ""):sub(-#text) == text
    end, ("%q"):format(text))
    self.terminal:write("\r")
    self:wait_until(function()
        local line = self.screen:line()
        return #self.screen:text() > before + #text and (line == ">" or line == "...")
    end, "the prompt after " .. text)
end

function Program:wait()
    local deadline = os.time() + screen.patience
    while not self.gone and os.time() <= deadline do self:pump(0.02) end
    return self.terminal:wait(screen.patience)
end

function Program:text() return self.screen:text() end

return screen
