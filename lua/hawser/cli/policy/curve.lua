-- SPDX-License-Identifier: MIT
-- A policy's backoff as numbers: how long the waits are over many runs that differ in their random
-- numbers only, if every try fails at once. Pure; the same policy gives the same numbers.

local guard = require "hawser.policy.guard"

local curve = {}

curve.RUNS = 1000
local BUDGET = 100000
local SHORTEST, LONGEST = 0.001, 3600 -- what the core clamps to
local JITTER = 0.2 -- the option reconnect_jitter's default, for curves without their own

---@class hawser.cli.Wait over the runs that come so far
---@field attempt integer
---@field runs integer how many do
---@field least number seconds
---@field median number
---@field most number
---@field after number seconds from the loss to this try, the median

---@class hawser.cli.End
---@field first integer the first try that is not made, of any run
---@field last integer
---@field why string
---@field all boolean do all runs end?

---@class hawser.cli.Curve
---@field address string
---@field reason string
---@field waits hawser.cli.Wait[]
---@field runs integer
---@field gives_up? hawser.cli.End
---@field jitter boolean false: the core's is added, as much as the option's default says
---@field levels hawser.policy.Levels

local function clamp(seconds)
    return math.max(SHORTEST, math.min(LONGEST, seconds))
end

local function answer_of(policy, question)
    local ok, seconds, extra = guard.run(BUDGET, policy.backoff, policy, question)
    if not ok then
        return nil, seconds
    elseif seconds ~= nil and not (type(seconds) == "number" and seconds >= 0) then
        return nil, ("answered %s: expected seconds from 0 up, or nil and a reason"):format(
            tostring(seconds))
    end
    return { seconds = seconds, extra = extra }
end

-- The same ones each time, and far apart: neighbours give sequences that are alike.
local function seeds()
    local list = {}
    math.randomseed(1)
    for i = 1, curve.RUNS do
        list[i] = math.random(0)
    end
    return list
end

-- One run: its delays, and where and why it gave up.
local function run_once(policy, asked, attempts, seed)
    math.randomseed(seed)
    local question = {
        address = asked.address, name = "peer", elapsed = 0, delay = 0, reason = asked.reason,
        queue_size = 0, queue_bytes = 0, connected_before = true, dry_run = true,
        random = function() return math.random() end,
    }
    local run = { jitter = true, times = {} }
    for attempt = 1, attempts do
        question.attempt = attempt
        local answer, why = answer_of(policy, question)
        if not answer then
            return nil, ("attempt %d: %s"):format(attempt, why)
        elseif answer.seconds == nil then
            run.gives_up = type(answer.extra) == "string" and answer.extra or "the policy said so"
            return run
        end
        local delay = clamp(answer.seconds)
        if answer.extra ~= true then
            run.jitter = false
            delay = clamp(delay * (1 + JITTER * (2 * math.random() - 1)))
        end
        run[attempt] = delay
        question.delay, question.elapsed = delay, question.elapsed + delay
        run.times[attempt] = question.elapsed
    end
    return run
end

local function middle(sorted)
    return sorted[(#sorted + 1) // 2]
end

local function wait_of(runs, attempt)
    local delays, times = {}, {}
    for _, run in ipairs(runs) do
        if run[attempt] then
            delays[#delays + 1], times[#times + 1] = run[attempt], run.times[attempt]
        end
    end
    if #delays == 0 then
        return nil
    end
    table.sort(delays)
    table.sort(times)
    return { attempt = attempt, runs = #delays, least = delays[1], median = middle(delays),
             most = delays[#delays], after = middle(times) }
end

local function end_of(runs)
    local found, count
    for _, run in ipairs(runs) do
        if run.gives_up then
            found = found or { first = #run + 1, last = #run + 1, why = run.gives_up }
            found.first, found.last = math.min(found.first, #run + 1),
                math.max(found.last, #run + 1)
            count = (count or 0) + 1
        end
    end
    if found then
        found.all = count == #runs
    end
    return found
end

---@param policy hawser.policy.Compiled
---@param address string
---@param reason string
---@param attempts integer how far to look
---@return hawser.cli.Curve|nil
---@return string|nil message
function curve.of(policy, address, reason, attempts)
    local runs, asked = {}, { address = address, reason = reason }
    for i, seed in ipairs(seeds()) do
        local run, why = run_once(policy, asked, attempts, seed)
        if not run then
            return nil, why
        end
        runs[i] = run
    end
    local waits = {}
    for attempt = 1, attempts do
        waits[attempt] = wait_of(runs, attempt)
    end
    return { address = address, reason = reason, waits = waits, runs = #runs,
             gives_up = end_of(runs), jitter = runs[1].jitter,
             levels = policy:throttle(address) }
end

-- "160 ms", "3.84 s", "4.5 min", "1.2 h"
---@param seconds number
---@return string
function curve.time_text(seconds)
    if seconds < 0.9995 then
        return ("%.3g ms"):format(seconds * 1000)
    elseif seconds < 99.95 then
        return ("%.3g s"):format(seconds)
    elseif seconds < 5970 then
        return ("%.3g min"):format(seconds / 60)
    end
    return ("%.3g h"):format(seconds / 3600)
end

-- As the core tells it: a reason that says so itself is the whole sentence.
---@param why string
---@return string
function curve.why_text(why)
    return why:find("^gave up") and why or "gives up: " .. why
end

-- "gave up after 5 tries (6.2 s)"; and of runs that differ, which
---@param ends hawser.cli.End
---@return string
function curve.end_text(ends)
    local why = curve.why_text(ends.why)
    if not ends.all then
        return ("some, from try %d on: %s"):format(ends.first, why)
    end
    return ends.first == ends.last and why or ("some at try %d, the last at %d: %s"):format(
        ends.first, ends.last, why)
end

-- "full from 90 %, refuses"
---@param level hawser.policy.Level
---@return string
function curve.level_text(level)
    local does = level.refuse and ", refuses" or (level.keep_every or 1) > 1
        and (", keeps 1 of %d"):format(level.keep_every) or ""
    return ("%s from %.4g %%%s"):format(level.name, level.from * 100, does)
end

-- Round steps for an axis from 0 to `most`: their distance, and where it ends.
---@param most number
---@param steps integer about how many
---@return number step
---@return number last
function curve.scale(most, steps)
    most = math.max(most, SHORTEST)
    local rough = most / steps
    local unit = 10 ^ math.floor(math.log(rough, 10))
    local step = unit * 10
    for _, factor in ipairs { 1, 2, 2.5, 5 } do
        if unit * factor >= rough * 0.999 then
            step = unit * factor
            break
        end
    end
    return step, math.ceil(most / step - 1e-9) * step
end

return curve
