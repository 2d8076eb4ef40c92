-- SPDX-License-Identifier: MIT
-- Where a letter goes: routers answer "publish" (the event is published), "drop" (it is only
-- counted), or the text of the PID that gets it instead: "host:port/id", or "/id" for an actor of
-- this system.

local check = require "hawser.policy.check"
local suggest = require "hawser.suggest"

---@class hawser.policy.Letter a message that could not be delivered
---@field pid string its target, `host:port/id`
---@field address string its target's address
---@field id string its target's id
---@field sender? string
---@field reason string one of `deadletter.reasons`
---@field dry_run? boolean true while the policy is tried out at load: count nothing

---@alias hawser.policy.Router fun(letter: hawser.policy.Letter): string

local deadletter = {}

deadletter.reasons = {
    "blocked", "decode", "disconnected", "encode", "gated", "mailbox_full", "no_such_kind",
    "not_found", "quarantined", "queue_full", "stopped", "throttled", "too_large",
    "unacknowledged",
}

local ANSWERS = { "publish", "drop" }

local A_PID = 'a PID such as "10.0.0.1:25520/audit", or "/audit" for an actor of this system'

local function checked(answer, expected)
    if suggest.contains(ANSWERS, answer) then
        return true
    end
    -- An id alone is no answer: any slip of "publish" or "drop" would pass for one.
    if check.is_pid(answer) and answer:find("/", 1, true) then
        return true
    end
    local near = suggest.nearest(answer, ANSWERS)
    return nil, expected .. (near and ('; did you mean "%s"?'):format(near) or "")
end

-- Whether a value is an answer that a router may give.
---@param answer any
---@return true|nil, string|nil
function deadletter.check(answer)
    return checked(answer, 'expected "publish", "drop" or ' .. A_PID)
end

-- Publish every letter.
---@return string
function deadletter.publish()
    return "publish"
end

-- Drop every letter; they are still counted.
---@return string
function deadletter.drop()
    return "drop"
end

-- Send every letter to an actor instead.
---@param pid string `host:port/id`, or `id` or `/id` for an actor of this system
---@return hawser.policy.Router
function deadletter.to(pid)
    if not check.is_pid(pid) or suggest.contains(ANSWERS, pid) then
        error(("deadletter.to: pid = %s: expected %s"):format(check.show(pid), A_PID), 2)
    end
    local answer = pid:find("/", 1, true) and pid or "/" .. pid
    return function()
        return answer
    end
end

local function as_router(value)
    if check.callable(value) then
        return value
    end
    local ok, why = checked(value, 'expected "publish", "drop", a function or ' .. A_PID)
    if not ok then
        return nil, why
    end
    return function()
        return value
    end
end

-- An answer or a router for each reason; `default` for the others, "publish" if it is not given.
---@param routers table<string, string|hawser.policy.Router>
---@return hawser.policy.Router
function deadletter.by_reason(routers)
    if type(routers) ~= "table" then
        error("deadletter.by_reason: expected a table of answers by reason, got "
              .. check.show(routers), 2)
    end
    local known = table.move(deadletter.reasons, 1, #deadletter.reasons, 2, { "default" })
    local by = { default = deadletter.publish }
    for _, key in ipairs(check.sorted_keys(routers)) do
        local name = type(key) == "string" and key or check.path("", key)
        if not suggest.contains(known, key) then
            error(("deadletter.by_reason: unknown reason %s, %s"):format(name,
                  suggest.expected(key, known)), 2)
        end
        local router, why = as_router(routers[key])
        if not router then
            error(("deadletter.by_reason: %s = %s: %s"):format(name, check.show(routers[key]),
                                                               why), 2)
        end
        by[key] = router
    end
    return function(letter)
        return (by[letter.reason] or by.default)(letter)
    end
end

-- Publish the first letter of every n and drop the rest. The count is this router's own, over
-- all the letters that it is asked about.
---@param n integer
---@return hawser.policy.Router
function deadletter.sample(n)
    n = check.argument("deadletter.sample", "n", n,
                       { low = 1, high = 1000000000, integer = true })
    local seen = 0
    return function(letter)
        local first = seen == 0
        if not letter.dry_run then
            seen = (seen + 1) % n
        end
        return first and "publish" or "drop"
    end
end

return deadletter
