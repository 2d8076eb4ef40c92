-- SPDX-License-Identifier: MIT
-- A line of a console as a coroutine on the loop: it may wait (await, sleep, system:request without
-- a function), can be interrupted, and says how it ended.

local core = require "hawser.core"
local fault = require "hawser.console.fault"
local format = require "hawser.console.format"

local evaluate = {}

local AWAIT = {} -- what a line yields that waits
local CHUNK = "=" .. fault.SOURCE

-- The line that each coroutine is of, and the one that runs now.
local by_coroutine = setmetatable({}, { __mode = "k" })
local running

---@class hawser.console.Evaluation
---@field text string
---@field session hawser.console.Session
---@field ended boolean
local Evaluation = {}
Evaluation.__index = Evaluation

---@return hawser.console.Session|nil # whose line runs now
function evaluate.session()
    return running and running.session
end

-- Can the caller wait? Only a line itself can, not a coroutine inside it.
---@return boolean
function evaluate.can_await()
    return by_coroutine[coroutine.running()] ~= nil
end

-- Suspends the line until `done` is called, with what it is called with.
---@param start fun(done: fun(...))
function evaluate.await(start)
    if not evaluate.can_await() then
        error("only a line typed at the prompt can wait here; a handler has ctx:request and"
            .. " ctx:sleep, anything else callbacks", 3)
    end
    return coroutine.yield(AWAIT, start)
end

-- Reads a text: a function that gives its results packed, or nil and what is wrong with it, or nil
-- and nil when it is not whole yet.
---@param text string
---@param environment table
---@return function|nil
---@return hawser.console.SyntaxFault|nil
function evaluate.compile(text, environment)
    local expression, why_expression = load("return " .. text, CHUNK, "t", environment)
    if expression then
        -- No tail call, so that a function that fails still has its name in the traceback.
        local whole = load("return (...)(" .. text .. "\n)", CHUNK, "t", environment)
        return whole and function() return whole(table.pack) end
            or function() return table.pack(expression()) end
    end
    local chunk, why = load(text, CHUNK, "t", environment)
    if chunk then
        return function() return table.pack(chunk()) end
    elseif fault.is_incomplete(why) or fault.is_incomplete(why_expression) then
        return nil
    end
    -- What got further knows better.
    local a, b = fault.of_syntax(text, why), fault.of_syntax(text, why_expression, "return ")
    local b_is_further = b.line > a.line or b.line == a.line and (b.column or 0) > (a.column or 0)
    return nil, b_is_further and b or a
end

function Evaluation:finish(...)
    self.ended = true
    by_coroutine[self.co] = nil
    self.done(...)
end

function Evaluation:failed(object, interrupted)
    local text = interrupted and "interrupted" or fault.show_runtime(self.text, object, self.co)
    coroutine.close(self.co)
    self:finish(false, text)
end

-- The line waits; `done` may be called at once, later, or never.
function Evaluation:wait(start)
    local waiting = true
    local ok, why = pcall(start, function(...)
        if waiting and not self.ended then
            waiting = false
            self:step(...)
        end
    end)
    if not ok and waiting and not self.ended then
        waiting = false
        self:step(nil, why, "EFAILED")
    end
end

function Evaluation:step(...)
    local outer = running
    running = self
    local ok, first, second, third = core.resume(self.co, self.session.interrupts or -1, ...)
    running = outer
    if not ok then
        self:failed(first, second)
    elseif coroutine.status(self.co) == "dead" then
        self:finish(true, second, third)
    elseif first == AWAIT then
        self:wait(second)
    else
        self:failed("the line may not yield; await(...) waits")
    end
end

-- Ends a line that waits; one that runs is interrupted through the session's descriptor.
function Evaluation:interrupt()
    if not self.ended and coroutine.status(self.co) == "suspended" then
        self:failed(nil, true)
    end
end

-- Inside the coroutine, so that values whose __tostring never returns can be interrupted too.
local function body(chunk, options)
    local results = chunk()
    if results.n == 0 then
        return true
    end
    return true, format.values(results, options), results[1]
end

-- Runs a function that compile() gave. `done(true, text or nil, first result)` or `done(false,
-- text)` is called when it has ended, perhaps before this returns.
---@param session hawser.console.Session
---@param text string
---@param chunk function
---@param done fun(ok: boolean, text?: string, value?: any)
---@return hawser.console.Evaluation
function evaluate.start(session, text, chunk, done)
    local self = setmetatable({
        session = session, text = text, done = done, ended = false, co = coroutine.create(body),
    }, Evaluation)
    by_coroutine[self.co] = self
    session.evaluation = self
    self:step(chunk, session:format_options())
    return self
end

return evaluate
