-- SPDX-License-Identifier: MIT
-- Runs a user's function while a policy loads: errors come back with their traceback, and one that
-- loops for ever is stopped. The function gets a coroutine of its own, because a hook belongs to a
-- coroutine and the caller's may have one already.

local guard = {}

local function budget_hook(co, budget)
    local function hook()
        -- From here on every instruction fails, so that a pcall inside a loop can't go on.
        debug.sethook(co, hook, "", 1)
        error(("used up its budget of %d instructions"):format(budget), 2)
    end
    return hook
end

---@param budget integer instructions
---@param f function
---@param ... any
---@return boolean ok
---@return any # the first result, or the message and traceback
function guard.run(budget, f, ...)
    local co = coroutine.create(function(...)
        return (f(...))
    end)
    debug.sethook(co, budget_hook(co, budget), "", budget)
    local ok, result = coroutine.resume(co, ...)
    if ok and coroutine.status(co) == "suspended" then
        coroutine.close(co)
        return false, "yielded; a policy answers at once"
    elseif not ok then
        local message = type(result) == "string" and result or "error: " .. tostring(result)
        return false, debug.traceback(co, message)
    end
    return true, result
end

return guard
