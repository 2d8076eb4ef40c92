-- SPDX-License-Identifier: MIT
-- Runs a user's function while a policy loads: errors come back with their traceback, and one that
-- loops for ever is stopped. The function gets a coroutine of its own, because a hook belongs to a
-- coroutine and the caller's may have one already.

local guard = {}

local function over_budget(budget)
    return ("used up its budget of %d instructions"):format(budget)
end

local function budget_hook(co, budget)
    local function hook()
        -- From here on every instruction fails, so that a pcall inside a loop can't go on.
        debug.sethook(co, hook, "", 1)
        error(over_budget(budget), 2)
    end
    return hook
end

-- A function of its own, because f may be a table that can be called.
local function new(f)
    return coroutine.create(function(...)
        local first, second = f(...)
        return first, second
    end)
end

local function resume(co, ...)
    local ok, first, second = coroutine.resume(co, ...)
    if ok and coroutine.status(co) == "suspended" then
        coroutine.close(co)
        return false, "yielded; a policy answers at once"
    elseif not ok then
        local message = type(first) == "string" and first or "error: " .. tostring(first)
        return false, debug.traceback(co, message)
    end
    return true, first, second
end

---@param budget integer instructions
---@param f function
---@param ... any
---@return boolean ok
---@return any # the first result, or the message and traceback
---@return any # the second
function guard.run(budget, f, ...)
    local co = new(f)
    debug.sethook(co, budget_hook(co, budget), "", budget)
    return resume(co, ...)
end

-- The same with every instruction counted, which is slow: for tools.
---@param budget integer instructions
---@param f function
---@param ... any
---@return integer used
---@return boolean ok
---@return any # the first result, or the message and traceback
---@return any # the second
function guard.measure(budget, f, ...)
    local co, used = new(f), 0
    debug.sethook(co, function()
        used = used + 1
        if used >= budget then
            error(over_budget(budget), 2)
        end
    end, "", 1)
    local ok, first, second = resume(co, ...)
    return used, ok, first, second
end

return guard
