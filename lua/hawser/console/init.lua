-- SPDX-License-Identifier: MIT
-- A console: where a person types Lua into a running process. It evaluates, prints, completes and
-- has commands, and knows nothing of terminals: whoever opens one feeds it lines and shows its
-- text.
--
--     local session = console.open { write = function(text) ... end }
--     session:submit(line, function(status) ... end)

local core = require "hawser.core"
local hawser = require "hawser"
local cluster = require "hawser.cluster"
local commands = require "hawser.console.commands"
local complete = require "hawser.console.complete"
local evaluate = require "hawser.console.evaluate"
local fault = require "hawser.console.fault"
local format = require "hawser.console.format"
local output = require "hawser.console.output"
local pager = require "hawser.console.pager"
local systems = require "hawser.console.systems"

local console = {}

local PAINT = { faint = "\27[2m", fault = "\27[31m" }

---@class hawser.console.Session
---@field write fun(text: string) shows text that may be part of a line
---@field width fun(): integer
---@field colour boolean
---@field interrupts integer|nil a descriptor that can be read when what runs is to stop
---@field environment table the globals
---@field evaluation hawser.console.Evaluation|nil
---@field attached boolean leaving it stops nothing
---@field replying boolean what it shows now is a reply to a line
---@field pager hawser.console.Pager|nil
local Session = {}
Session.__index = Session

-- --- what lines can use beside Lua and hawser ---

local function sleep(seconds)
    evaluate.await(function(done)
        assert(core.after(seconds, done))
    end)
end

local function await(start)
    if type(start) ~= "function" then
        error("await: expected a function that takes the function to call when it is done, got "
            .. type(start), 2)
    end
    return evaluate.await(start)
end

-- Methods that give their result to a function, and where that stands. Without one they wait, at
-- the prompt: system:request(target, message) gives the answer.
local WAITING = { request = 4, spawn_remote = 5, spawn_remote_named = 6, list_processes = 3,
                  get_process_diagnostics = 3, await_reconnect = 3 }

local function has_function(arguments)
    for i = 1, arguments.n do
        if type(arguments[i]) == "function" then
            return true
        end
    end
    return false
end

local function wait_for(system, method, arguments, position)
    local drive = systems.driver(system)
    return evaluate.await(function(done)
        local answered = false
        arguments[position] = function(...)
            answered = true
            done(...)
        end
        local handle, why, code = method(system, table.unpack(arguments, 1, position))
        if not handle then
            done(nil, why, code)
        elseif drive then
            drive(function() return answered end)
        end
    end)
end

local function teach_waiting()
    for name, position in pairs(WAITING) do
        local method = core.methods[name]
        core.methods[name] = function(system, ...)
            local arguments = table.pack(...)
            if has_function(arguments) or not evaluate.can_await() then
                return method(system, ...)
            end
            return wait_for(system, method, arguments, position)
        end
    end
end

-- To be called where the console runs the loop: a script's last line, system:run(), has nothing to
-- do.
function console.own_loop()
    function core.methods:run() -- luacheck: ignore 212
        return true
    end
    function hawser.run()
        return true
    end
end

local taught = false

local function teach()
    if taught then
        return
    end
    taught = true
    teach_waiting()
    systems.open()
    output.open()
end

---@class hawser.console.Options
---@field write fun(text: string)
---@field width? fun(): integer
---@field colour? boolean
---@field interrupts? integer
---@field environment? table the globals of its lines, if not _G
---@field paged? boolean large replies are shown page by page
---@field attached? boolean whoever leaves it leaves the process running

-- What the prompt's `cluster` is: an assignment shows no result, so what fails has to be an error.
local function new_cluster(_, ...)
    local ok, made, message = pcall(cluster.new, ...)
    if not ok or not made then
        local text = tostring(ok and message or made)
        error((text:gsub("^[^\n]-hawser/[%w_/]+%.lua:%d+: ", "")), 0)
    end
    return made
end

---@param options hawser.console.Options
---@return hawser.console.Session
function console.open(options)
    teach()
    local environment = options.environment or _G
    local given = { hawser = hawser, await = await, sleep = sleep,
                    cluster = setmetatable({}, { __index = cluster, __call = new_cluster }) }
    for name, value in pairs(given) do
        if rawget(environment, name) == nil and rawget(_G, name) == nil then
            rawset(environment, name, value)
        end
    end
    local session = setmetatable({
        write = options.write, width = options.width or function() return 80 end,
        colour = options.colour or false, interrupts = options.interrupts,
        attached = options.attached or false,
        environment = environment, lines = {}, watches = {}, replying = false,
    }, Session)
    if options.paged then
        pager.attach(session)
    end
    return session
end

-- --- showing ---

---@return hawser.console.FormatOptions
function Session:format_options()
    return { width = self.width(), colour = self.colour }
end

-- Shows a line.
---@param text string
---@param kind? "faint"|"fault"
function Session:say(text, kind)
    local paint = self.colour and PAINT[kind]
    self.write(paint and ("%s%s\27[0m\n"):format(paint, text) or text .. "\n")
end

-- The same as a reply to a line.
function Session:reply(text, kind)
    self.replying = true
    self:say(text, kind)
    self.replying = false
end

function Session:watch(listener)
    self.watches[#self.watches + 1] = listener
    systems.listen(listener)
end

---@return boolean # was anything watched?
function Session:unwatch()
    local any = #self.watches > 0
    for _, listener in ipairs(self.watches) do
        systems.unlisten(listener)
    end
    self.watches = {}
    return any
end

-- --- lines ---

-- "more": the line is not whole yet; "done"; "failed"; "quit": it asks to leave; "live": it asks
-- for a display that is drawn again and again, session.live.
---@alias hawser.console.Status "more"|"done"|"failed"|"quit"|"live"

function Session:quit()
    self.quitting = true
end

function Session:outcome(ok, done)
    local notice = self.pager and self.pager:notice()
    if notice then
        self:say(notice, "faint")
    end
    local status = self.quitting and "quit" or self.live and "live" or ok and "done" or "failed"
    done(status)
end

function Session:run_command(line, done)
    local ok, text, why = pcall(commands.run, self, line)
    if not ok then
        text, why = nil, text
    end
    if text and text ~= "" then
        self:reply(text)
    elseif not text then
        self:reply("error: " .. tostring(why), "fault")
    end
    self:outcome(text ~= nil, done)
end

function Session:evaluate(text, done)
    local chunk, syntax = evaluate.compile(text, self.environment)
    if not chunk and not syntax then
        return done("more")
    end
    self.lines = {}
    if syntax then
        self:reply(fault.show_syntax(text, syntax), "fault")
        return self:outcome(false, done)
    end
    evaluate.start(self, text, chunk, function(ok, shown, value)
        self.evaluation = nil
        if shown then
            self:reply(shown, not ok and "fault" or nil)
        end
        if ok and shown then
            rawset(self.environment, "_", value)
        end
        self:outcome(ok, done)
    end)
end

-- A line that was typed. `done` is called with what became of it, at once or when it has ended.
---@param line string
---@param done fun(status: hawser.console.Status)
function Session:submit(line, done)
    if self.pager and not line:find("^%.more%s*$") then
        self.pager:begin()
    end
    if #self.lines == 0 then
        if line:find("^%s*$") then
            return done("done")
        elseif commands.is_command(line) then
            return self:run_command(line, done)
        end
    end
    self.lines[#self.lines + 1] = line
    self:evaluate(table.concat(self.lines, "\n"), done)
end

-- What was typed of a text that is not whole yet; it is dropped with discard().
---@return string|nil
function Session:pending()
    return #self.lines > 0 and table.concat(self.lines, "\n") or nil
end

function Session:discard()
    self.lines = {}
end

-- Nothing more comes: a text that is not whole is wrong.
---@param done fun(status: hawser.console.Status)
function Session:finish(done)
    local text = self:pending()
    if not text then
        return done("done")
    end
    self.lines = {}
    local _, why = load(text, "=" .. fault.SOURCE, "t")
    self:say(fault.show_syntax(text, fault.of_syntax(text, why or "")), "fault")
    done("failed")
end

-- Ends the line that waits.
function Session:interrupt()
    if self.evaluation then
        self.evaluation:interrupt()
    end
end

---@param text string the line up to the cursor
---@return hawser.console.Completion
function Session:complete(text)
    if #self.lines == 0 and text:find("^%.") then
        return commands.complete(text)
    end
    return complete.line(text, self)
end

function Session:end_live()
    self.live = nil
end

-- The session is over; a line that waits is given up.
function Session:close()
    self:interrupt()
    self:unwatch()
end

console.common = complete.common
console.columns = format.visible_length

return console
