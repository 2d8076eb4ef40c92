-- SPDX-License-Identifier: MIT
-- The other end of a process's console, see docs/console.md: connects, and is a session to whoever
-- shows one (hawser.cli.terminal, hawser.cli.plain), with the evaluation over there.

local core = require "hawser.core"
local channel = require "hawser.console.channel"

local remote = { VERSION = 1 }

local FRAME = 4 * 1024 * 1024 -- bytes of a message
local PATIENCE = 5            -- seconds until somebody answers

-- --- which socket ---

local function default_directory()
    local runtime = os.getenv("XDG_RUNTIME_DIR")
    return runtime and runtime ~= "" and runtime .. "/hawser" or nil
end

-- The socket when none was named: $HAWSER_CONSOLE, or the only one in $XDG_RUNTIME_DIR/hawser.
---@return string|nil path
---@return string|nil message
function remote.default()
    local named = os.getenv("HAWSER_CONSOLE")
    if named and named ~= "" then
        return named
    end
    local directory = default_directory()
    if not directory then
        return nil, "name the console's SOCKET, or set HAWSER_CONSOLE"
    end
    local found = core.local_sockets(directory)
    table.sort(found)
    if #found == 1 then
        return found[1]
    elseif #found == 0 then
        return nil, ("name the console's SOCKET, or set HAWSER_CONSOLE; there is none in %s")
            :format(directory)
    end
    return nil, ("there are several consoles, name one: %s"):format(table.concat(found, " "))
end

-- --- the connection ---

---@class hawser.cli.Remote
---@field path string
---@field greeting table what the other end said of itself
---@field why string|nil why the other end has gone
---@field gone boolean
local Remote = {}
Remote.__index = Remote

local told = {}

function told.hello(self, greeting)
    if type(greeting) == "table" and greeting.console == "hawser" then
        self.greeting = greeting
    else
        self:ended(nil)
    end
end

function told.bye(self, reason)
    self.why = tostring(reason)
end

function told.text(self, text)
    if type(text) == "string" then
        self.write(text)
    end
end

-- What was asked for under this number has been answered.
local function answered(self, id, ...)
    local done = self.asked[id]
    self.asked[id] = nil
    if done then
        done(...)
    end
end
told.ended, told.completed, told.drawn, told.statistics = answered, answered, answered, answered

function Remote:message(message)
    local take = type(message) == "table" and told[message[1]]
    if take and (self.greeting or take == told.hello or take == told.bye) then
        take(self, table.unpack(message, 2, 6))
    else
        self:ended(nil) -- it speaks something else
    end
end

-- The other end has gone: whoever waits for an answer gets none.
function Remote:ended(reason)
    self.gone = true
    self.why = self.why or reason
    self.channel:close()
    local asked = self.asked
    self.asked = {}
    for _, done in pairs(asked) do
        done(nil)
    end
end

---@param done fun(...) with the answer, or nil
function Remote:ask(done, kind, ...)
    if self.gone then
        return done(nil)
    end
    self.number = self.number + 1
    self.asked[self.number] = done
    self.channel:send { kind, self.number, ... }
end

function Remote:tell(kind)
    if not self.gone then
        self.channel:send { kind, 0 }
    end
end

-- Runs the loop until then, or until the other end has gone.
function Remote:wait(condition, seconds)
    return core.run_until(function()
        return self.gone or condition() or core.interrupts() > 0
    end, seconds)
end

local function no_console(path, reason)
    return nil, ("%s is no console of hawser%s"):format(path, reason and ": " .. reason or "")
end

-- Says hello and waits for the same.
---@param hello table
function Remote:greet(hello)
    hello.version = remote.VERSION
    self.channel:send { "hello", hello }
    local in_time = self:wait(function() return self.greeting end, PATIENCE)
    if self.greeting then
        return self
    end
    self.channel:close()
    if core.interrupts() > 0 then
        return nil, "interrupted"
    elseif self.why then
        return nil, ("%s: %s"):format(self.path, self.why)
    elseif not in_time then
        return nil, ("%s does not answer: something holds up process %d, or it is no console of"
            .. " hawser"):format(self.path, self.pid)
    end
    return no_console(self.path)
end

---@class hawser.cli.Hello
---@field write fun(text: string) shows what comes
---@field colour? boolean
---@field paged? boolean

---@param path string
---@param hello hawser.cli.Hello
---@return hawser.cli.Remote|nil
---@return string|nil message a sentence
function remote.connect(path, hello)
    local descriptor, why = core.local_connect(path)
    if not descriptor then
        return nil, why
    end
    local ours, uid, pid = core.local_user(), descriptor:peer()
    if ours ~= 0 and uid ~= ours and uid ~= 0 then
        return no_console(path, "it belongs to another user")
    end
    local self = setmetatable({ path = path, pid = pid, write = hello.write, asked = {}, number = 0,
                                gone = false }, Remote)
    self.channel = channel.open(descriptor, {
        most = FRAME,
        on_message = function(message) self:message(message) end,
        on_end = function(reason)
            self:ended(self.greeting and reason ~= "" and reason or nil)
        end,
    })
    return self:greet { colour = hello.colour or false, paged = hello.paged or false }
end

function Remote:close()
    self.channel:close()
end

-- --- as a session ---

---@class hawser.cli.RemoteSession
---@field lost boolean the last line got no answer
local Session = {}
Session.__index = Session

---@param connection hawser.cli.Remote
---@param options hawser.console.Options
function remote.session(connection, options)
    return setmetatable({ remote = connection, write = options.write, lines = {},
                          width = options.width or function() return 80 end }, Session)
end

function Session:say(text)
    self.write(text .. "\n")
end

---@return string|nil
function Session:pending()
    return #self.lines > 0 and table.concat(self.lines, "\n") or nil
end

function Session:discard()
    self.lines = {}
    self.remote:tell("discard")
end

-- What a display that is drawn again and again is, when another process draws it.
local function new_live(connection, interval)
    local live, waits = { interval = interval }, false
    function live.render(columns, rows, later)
        if not waits then
            waits = true
            connection:ask(function(text)
                waits = false
                if text then
                    later(text)
                end
            end, "draw", columns, rows)
        end
        return nil
    end
    function live.render_once(columns)
        local text
        connection:ask(function(drawn) text = drawn or "" end, "draw", columns, core.null)
        connection:wait(function() return text end)
        connection:tell("undraw")
        return text or ""
    end
    return live
end

function Session:status(status, interval, done)
    self.lost = not status
    if status == "live" then
        self.live = new_live(self.remote, math.max(tonumber(interval) or 1, 0.05))
    end
    done(status or "quit")
end

---@param line string
---@param done fun(status: hawser.console.Status)
function Session:submit(line, done)
    self.remote:ask(function(status, interval)
        if status == "more" then
            self.lines[#self.lines + 1] = line
        else
            self.lines = {}
        end
        self:status(status, interval, done)
    end, "line", line, self.width())
end

function Session:finish(done)
    if #self.lines == 0 then
        return done("done")
    end
    self.lines = {}
    self.remote:ask(function(status, interval) self:status(status, interval, done) end, "finish")
end

function Session:interrupt()
    self.remote:tell("interrupt")
end

-- The answer comes later.
---@param text string
---@param later fun(found: hawser.console.Completion)
function Session:complete(text, later)
    self.remote:ask(function(from, words, call)
        if math.type(from) == "integer" and type(words) == "table" then
            later { from = from, words = words, call = call or nil }
        else
            later { from = #text + 1, words = {} }
        end
    end, "complete", text)
    return nil
end

function Session:end_live()
    self.live = nil
    self.remote:tell("undraw")
end

function Session:close()
    self.remote:close()
end

return remote
