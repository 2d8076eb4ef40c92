-- SPDX-License-Identifier: MIT
-- Backoff curves: how long to wait before the next try, or nil and a reason to give up.
-- A curve is called with a question about an endpoint and keeps no state of its own, so that one
-- curve serves any number of endpoints, and the same question and random get the same answer.

local check = require "hawser.policy.check"
local suggest = require "hawser.suggest"

---@class hawser.policy.Question what the core knows about the endpoint that it asks about
---@field address string
---@field name? string the peer's system name, once it is known
---@field attempt integer 1 is the first retry
---@field elapsed number seconds since the link was lost or first dialled
---@field delay number the delay before this one, 0 at first
---@field reason string why the link was lost or the last try failed
---@field random? fun(): number in [0, 1), from the system's seeded generator
---@field queue_size? integer
---@field queue_bytes? integer
---@field connected_before? boolean whether there has been a handshake with it
---@field dry_run? boolean true while the policy is tried out at load

-- A curve's answer carries `true` as its second value when its jitter is already in it.
---@alias hawser.policy.Backoff fun(endpoint: hawser.policy.Question): number?, boolean|string?

---@class hawser.policy.Curve
---@field step fun(endpoint: hawser.policy.Question): number|nil, number|string|nil
---@field limit fun(endpoint: hawser.policy.Question): integer
---@field text string
---@overload fun(endpoint: hawser.policy.Question): number?, boolean|string?

local backoff = {}

-- Why a link was lost or a try failed, as the core says it.
backoff.reasons = {
    "blocked", "busy", "closed", "dns", "duplicate", "heartbeat", "memory", "none", "protocol",
    "quarantined", "refused", "reset", "self", "shutdown", "stale", "timeout", "unexpected",
    "unknown", "unreachable", "version",
}

local SHORTEST, LONGEST = 0.001, 3600
local MOST_RETRIES = 1000000000

local function seconds(default)
    return { default = default, low = SHORTEST, high = LONGEST, unit = "seconds" }
end

local function retries(default)
    return { default = default, low = 0, high = MOST_RETRIES, integer = true }
end

local function ratio(default)
    return { default = default, low = 0, high = 1 }
end

local function draw(endpoint)
    return (endpoint.random or math.random)()
end

local Curve = { __name = "hawser.backoff" }

function Curve:__tostring()
    return self.text
end

-- "5 tries (6.2 s)": what was tried, and how long it took where that is known.
local function tries_text(count, elapsed)
    local time = elapsed and elapsed > 0 and (" (%.1f s)"):format(elapsed) or ""
    return ("%d %s%s"):format(count, count == 1 and "try" or "tries", time)
end

-- step answers (seconds, jitter ratio) or (nil, reason). A ratio of nil leaves jitter to the core.
function Curve:__call(endpoint)
    local attempt = endpoint.attempt
    if math.type(attempt) ~= "integer" or attempt < 1 then
        error(("backoff: attempt = %s: expected a whole number from 1"):format(
            check.show(attempt)), 2)
    end
    local limit = self.limit(endpoint)
    if limit > 0 and attempt > limit then
        return nil, "gave up after " .. tries_text(limit, endpoint.elapsed)
    end
    local delay, jitter = self.step(endpoint)
    if type(delay) ~= "number" or jitter == nil then
        return delay, jitter
    elseif jitter > 0 then
        delay = delay * (1 + jitter * (2 * draw(endpoint) - 1))
    end
    return delay, true
end

local function constant(n)
    return function()
        return n
    end
end

local function new_curve(text, step, limit)
    return setmetatable({ text = text, step = step, limit = limit }, Curve)
end

local function describe(kind, options)
    local parts = {}
    for _, key in ipairs(check.sorted_keys(options)) do
        parts[#parts + 1] = key .. " = " .. check.show(options[key])
    end
    return kind .. " { " .. table.concat(parts, ", ") .. " }"
end

-- Plain functions take part in every combinator: a limit of 0, and jitter only if they say so.
local function as_curve(value)
    if getmetatable(value) == Curve then
        return value
    end
    return new_curve("function", function(endpoint)
        local delay, own = value(endpoint)
        if type(delay) ~= "number" then
            return delay, own
        end
        return delay, own == true and 0 or nil
    end, constant(0))
end

local function need_curve(where, name, value)
    if not check.callable(value) then
        error(("%s: %s: expected a curve or a function, got %s"):format(where, name,
                                                                         check.show(value)), 3)
    end
    return as_curve(value)
end

local function need_order(where, options, given, low, high)
    if options[high] < options[low] then
        local default = (given or {})[high] == nil and " (the default)" or ""
        error(("%s: %s = %s%s is less than %s = %s"):format(where, high,
            check.show(options[high]), default, low, check.show(options[low])), 3)
    end
end

---@class hawser.policy.ExponentialOptions
---@field initial? number seconds, 0.2
---@field factor? number 2
---@field max? number seconds, 5
---@field jitter? number 0.2
---@field max_retries? integer 5; 0 is without end

local EXPONENTIAL = {
    initial = seconds(0.2), factor = { default = 2, low = 1, high = 1000 }, max = seconds(5),
    jitter = ratio(0.2), max_retries = retries(5),
}

-- initial, initial * factor, initial * factor^2, ... up to max.
---@param options? hawser.policy.ExponentialOptions
---@return hawser.policy.Curve
function backoff.exponential(options)
    local o = check.options("backoff.exponential", options, EXPONENTIAL)
    need_order("backoff.exponential", o, options, "initial", "max")
    return new_curve(describe("exponential", o), function(endpoint)
        return math.min(o.max, o.initial * o.factor ^ (endpoint.attempt - 1)), o.jitter
    end, constant(o.max_retries))
end

local FIXED = { delay = seconds(2), jitter = ratio(0), max_retries = retries(5) }

-- The same delay before each try.
---@param options? { delay?: number, jitter?: number, max_retries?: integer }
---@return hawser.policy.Curve
function backoff.fixed(options)
    local o = check.options("backoff.fixed", options, FIXED)
    return new_curve(describe("fixed", o), function()
        return o.delay, o.jitter
    end, constant(o.max_retries))
end

---@class hawser.policy.LinearOptions
---@field initial? number seconds, 0.5
---@field step? number seconds, 0.5
---@field max? number seconds, 5
---@field jitter? number 0.2
---@field max_retries? integer 5; 0 is without end

local LINEAR = {
    initial = seconds(0.5), step = seconds(0.5), max = seconds(5), jitter = ratio(0.2),
    max_retries = retries(5),
}

-- initial, initial + step, initial + 2 * step, ... up to max.
---@param options? hawser.policy.LinearOptions
---@return hawser.policy.Curve
function backoff.linear(options)
    local o = check.options("backoff.linear", options, LINEAR)
    need_order("backoff.linear", o, options, "initial", "max")
    return new_curve(describe("linear", o), function(endpoint)
        return math.min(o.max, o.initial + o.step * (endpoint.attempt - 1)), o.jitter
    end, constant(o.max_retries))
end

local DECORRELATED = { base = seconds(0.2), max = seconds(5), max_retries = retries(5) }

-- Decorrelated jitter: between base and three times the delay before, up to max. From "Exponential
-- Backoff And Jitter", AWS Architecture Blog, 2015. The draw is its jitter; the core adds none.
---@param options? { base?: number, max?: number, max_retries?: integer }
---@return hawser.policy.Curve
function backoff.decorrelated(options)
    local o = check.options("backoff.decorrelated", options, DECORRELATED)
    need_order("backoff.decorrelated", o, options, "base", "max")
    return new_curve(describe("decorrelated", o), function(endpoint)
        local previous = endpoint.attempt == 1 and 0 or endpoint.delay or 0
        local high = 3 * math.max(o.base, previous)
        return math.min(o.max, o.base + draw(endpoint) * (high - o.base)), 0
    end, constant(o.max_retries))
end

-- Never more than max before jitter, which still spreads around it: a cap after jitter would put
-- every late try of every endpoint at the same instant.
---@param curve hawser.policy.Curve|hawser.policy.Backoff
---@param max number seconds
---@return hawser.policy.Curve
function backoff.capped(curve, max)
    local inner = need_curve("backoff.capped", "curve", curve)
    max = check.argument("backoff.capped", "max", max, seconds())
    return new_curve(("capped(%s, %s)"):format(inner, check.show(max)), function(endpoint)
        local delay, jitter = inner.step(endpoint)
        if type(delay) == "number" then
            delay = math.min(delay, max)
        end
        return delay, jitter
    end, inner.limit)
end

-- delay * (1 ± jitter), instead of the jitter that the curve had.
---@param curve hawser.policy.Curve|hawser.policy.Backoff
---@param jitter number from 0 to 1
---@return hawser.policy.Curve
function backoff.with_jitter(curve, jitter)
    local inner = need_curve("backoff.with_jitter", "curve", curve)
    jitter = check.argument("backoff.with_jitter", "jitter", jitter, ratio())
    return new_curve(("with_jitter(%s, %s)"):format(inner, check.show(jitter)), function(endpoint)
        local delay, reason = inner.step(endpoint)
        if type(delay) ~= "number" then
            return delay, reason
        end
        return delay, jitter
    end, inner.limit)
end

-- n tries, instead of as many as the curve had; 0 is without end.
---@param curve hawser.policy.Curve|hawser.policy.Backoff
---@param n integer
---@return hawser.policy.Curve
function backoff.max_retries(curve, n)
    local inner = need_curve("backoff.max_retries", "curve", curve)
    n = check.argument("backoff.max_retries", "n", n, retries())
    return new_curve(("max_retries(%s, %d)"):format(inner, n), inner.step, constant(n))
end

-- Without an end to the number of tries.
---@param curve hawser.policy.Curve|hawser.policy.Backoff
---@return hawser.policy.Curve
function backoff.forever(curve)
    local inner = need_curve("backoff.forever", "curve", curve)
    return new_curve(("forever(%s)"):format(inner), inner.step, constant(0))
end

local function shifted(endpoint, n)
    local copy = {}
    for key, value in pairs(endpoint) do
        copy[key] = value
    end
    copy.attempt = endpoint.attempt - n
    return copy
end

-- n tries of the first curve, whatever its own max_retries, then the second, which counts from 1.
---@param n integer
---@param first hawser.policy.Curve|hawser.policy.Backoff
---@param second hawser.policy.Curve|hawser.policy.Backoff
---@return hawser.policy.Curve
function backoff.after(n, first, second)
    n = check.argument("backoff.after", "n", n,
                       { low = 1, high = MOST_RETRIES, integer = true })
    local one = need_curve("backoff.after", "first", first)
    local two = need_curve("backoff.after", "second", second)
    return new_curve(("after(%d, %s, %s)"):format(n, one, two), function(endpoint)
        if endpoint.attempt <= n then
            return one.step(endpoint)
        end
        return two.step(shifted(endpoint, n))
    end, function(endpoint)
        local limit = endpoint.attempt > n and two.limit(shifted(endpoint, n)) or 0
        return limit == 0 and 0 or n + limit
    end)
end

-- A curve for each reason; `default` for the others, the shipped exponential if it is not given.
-- Attempts are those of the endpoint: a reason that changes half-way does not start again at 1.
---@param curves table<string, hawser.policy.Curve|hawser.policy.Backoff>
---@return hawser.policy.Curve
function backoff.by_reason(curves)
    if type(curves) ~= "table" or check.callable(curves) then
        error("backoff.by_reason: expected a table of curves by reason, got "
              .. (check.callable(curves) and "a curve" or check.show(curves)), 2)
    end
    local known = table.move(backoff.reasons, 1, #backoff.reasons, 2, { "default" })
    local by, texts = {}, {}
    for _, key in ipairs(check.sorted_keys(curves)) do
        local name = type(key) == "string" and key or check.path("", key)
        if not suggest.contains(known, key) then
            error(("backoff.by_reason: unknown reason %s, %s"):format(name,
                  suggest.expected(key, known)), 2)
        end
        by[key] = need_curve("backoff.by_reason", name, curves[key])
        texts[#texts + 1] = name .. " = " .. tostring(by[key])
    end
    by.default = by.default or backoff.exponential()
    local function pick(endpoint)
        return by[endpoint.reason] or by.default
    end
    return new_curve("by_reason { " .. table.concat(texts, ", ") .. " }", function(endpoint)
        return pick(endpoint).step(endpoint)
    end, function(endpoint)
        return pick(endpoint).limit(endpoint)
    end)
end

-- Gives up at the first question asked `seconds` or more after the link was lost.
---@param curve hawser.policy.Curve|hawser.policy.Backoff
---@param limit number seconds
---@return hawser.policy.Curve
function backoff.giving_up_after(curve, limit)
    local inner = need_curve("backoff.giving_up_after", "curve", curve)
    limit = check.argument("backoff.giving_up_after", "seconds", limit,
                           { low = SHORTEST, high = 31536000, unit = "seconds" })
    local shown = check.show(limit)
    return new_curve(("giving_up_after(%s, %s)"):format(inner, shown), function(endpoint)
        if endpoint.elapsed >= limit then
            return nil, ("gave up after %s s without a connection"):format(shown)
        end
        return inner.step(endpoint)
    end, inner.limit)
end

-- What a curve would do if every try failed at once: its delays, and why it gave up.
-- random is 0.5 unless the question has its own, which is the middle of the jitter.
---@param curve hawser.policy.Curve|hawser.policy.Backoff
---@param tries? integer how many to look at, 10 unless said
---@param question? table fields that differ from those of a refused connection
---@return number[] delays
---@return string|nil reason nil if it has not given up
function backoff.preview(curve, tries, question)
    local inner = need_curve("backoff.preview", "curve", curve)
    local asked = {
        address = "192.0.2.1:25520", reason = "refused", elapsed = 0, delay = 0, queue_size = 0,
        queue_bytes = 0, random = constant(0.5),
    }
    for key, value in pairs(question or {}) do
        asked[key] = value
    end
    local delays = {}
    for attempt = 1, tries or 10 do
        asked.attempt = attempt
        local delay, reason = inner(asked)
        if type(delay) ~= "number" then
            return delays, reason --[[@as string]]
        end
        delays[attempt] = delay
        asked.delay, asked.elapsed = delay, asked.elapsed + delay
    end
    return delays
end

return backoff
