-- SPDX-License-Identifier: MIT
-- Runs a user's function while a policy loads: errors come back with their traceback, and one that
-- loops for ever is stopped. The function gets a coroutine of its own, because a hook belongs to a
-- coroutine and the caller's may have one already.

local guard = {}

local function over_budget(budget)
    return ("used up its budget of %d instructions"):format(budget)
end

-- Counts every so many instructions, of all coroutines that it is set in.
local function counter(budget, every)
    local self, used = {}, 0
    local function hook()
        used = used + every
        if used < budget then
            return
        end
        -- From here on every instruction fails, so that a pcall inside a loop can't go on; what is
        -- said is where it was first.
        if not self.said then
            local at = debug.getinfo(2, "Sl")
            self.said = ("%s:%d: %s"):format(at.short_src, at.currentline, over_budget(budget))
        end
        debug.sethook(hook, "", 1)
        error(self.said, 0)
    end
    function self.watch(co)
        debug.sethook(co, hook, "", every)
        return co
    end
    function self.used() return used end
    return self
end

local function wrapped(co, ok, ...)
    if not ok then
        coroutine.close(co)
        error((...), 0)
    end
    return ...
end

-- A coroutine does not take its maker's hook over: while fn runs, each that is made gets it.
local function watching(count, fn, ...)
    local create, wrap = coroutine.create, coroutine.wrap
    local function watched(f) return count.watch(create(f)) end
    coroutine.create = watched -- luacheck: ignore 122
    coroutine.wrap = function(f) -- luacheck: ignore 122
        local co = watched(f)
        return function(...) return wrapped(co, coroutine.resume(co, ...)) end
    end
    local ok, first, second = fn(...)
    coroutine.create, coroutine.wrap = create, wrap -- luacheck: ignore 122
    return ok, first, second
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
    local count = counter(budget, math.max(1, budget // 10))
    return watching(count, resume, count.watch(new(f)), ...)
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
    local count = counter(budget, 1)
    local ok, first, second = watching(count, resume, count.watch(new(f)), ...)
    return count.used(), ok, first, second
end

return guard
