-- SPDX-License-Identifier: MIT
-- Asks a policy everything that matters, within the budget, and notes what it answered, what the
-- core would make of that, and what the call cost. Pure: a compiled policy in, a table out.

local backoff = require "hawser.policy.backoff"
local check = require "hawser.policy.check"
local deadletter = require "hawser.policy.deadletter"
local guard = require "hawser.policy.guard"

local grid = {}

-- What the core allows for one call, unless the option policy_budget says otherwise.
grid.BUDGET = 100000
-- How far a curve is followed, if it does not give up before.
grid.ATTEMPTS = 20

local SHORTEST, LONGEST = 0.001, 3600 -- what the core clamps to
local DRAWS = { 0, 0.5, 0x1.fffffffffffffp-1 } -- both ends and the middle of [0, 1)
local LATE = { 100, 1000, 1000000 }

-- What else may be true when a question is asked, beside the reason and the attempt. The first is
-- what the others are compared with.
local SITUATIONS = {
    { name = "as it is first asked" },
    { name = "with a full queue", queue_size = 1000000, queue_bytes = 64 << 20 },
    { name = "never connected before", connected_before = false },
    { name = "a day after the link was lost", elapsed = 86400 },
    { name = "after an hour's delay", delay = 3600, elapsed = 3600 },
}

---@class hawser.cli.Question
---@field kind "curve"|"reason"|"situation"|"letter" why it was asked
---@field part "backoff"|"deadletter"
---@field pattern? string of the policy's endpoints; nil is the general part
---@field reason string
---@field attempt? integer
---@field situation? string
---@field least? number seconds, over the random draws
---@field most? number
---@field jitter? boolean its jitter is in it; false: the core adds its own
---@field gives_up? string why
---@field route? string
---@field clamped? { from: number, to: number }
---@field problem? string
---@field instructions integer the dearest of the calls
---@field unsteady? boolean the same question got two answers

local function note_cost(run, part, used)
    local costs = run.costs[part] or {}
    costs[#costs + 1] = used
    run.costs[part] = costs
    run.questions = run.questions + 1
end

-- A function that draws from math.random gets the same numbers for each question, so that answers
-- can be compared; `seed` tells whether it does.
local function ask(run, part, method, question, seed)
    math.randomseed(seed or 1)
    local used, ok, first, second = guard.measure(run.budget, method, run.policy, question)
    note_cost(run, part, used)
    return used, ok, first, second
end

-- --- backoff ---

local function question_of(place, asked, draw)
    local question = {
        address = place.address, name = "peer", attempt = asked.attempt, elapsed = 0, delay = 0,
        reason = asked.reason, queue_size = 0, queue_bytes = 0, connected_before = true,
        dry_run = true, random = function() return draw end,
    }
    for key, value in pairs(asked.with or {}) do
        question[key] = value
    end
    if question.connected_before == false then
        question.name = nil
    end
    return question
end

local function clamp(seconds)
    return math.max(SHORTEST, math.min(LONGEST, seconds))
end

-- One that is endless from the start is a slip; a curve without a cap may become so in a long time.
local function delay_problem(seconds, attempt)
    if type(seconds) == "number" and seconds >= 0 and (seconds < math.huge or attempt >= 1000) then
        return nil
    end
    return ("answered %s: expected seconds from 0 up, or nil and a reason"):format(
        check.show(seconds))
end

local function take_delay(row, seconds, jitter)
    local taken = clamp(seconds)
    row.least = math.min(row.least or taken, taken)
    row.most = math.max(row.most or taken, taken)
    row.jitter = jitter == true
    if taken ~= seconds then
        row.clamped = { from = seconds, to = taken }
    end
end

local function take_backoff(row, ok, seconds, extra)
    if not ok then
        row.problem = row.problem or seconds
    elseif seconds == nil then
        row.gives_up = type(extra) == "string" and extra or "the policy said so"
    else
        row.problem = row.problem or delay_problem(seconds, row.attempt)
        if not row.problem then
            take_delay(row, seconds, extra)
        end
    end
end

-- One row: a question, with each of the draws.
local function ask_backoff(run, place, asked)
    local row = {
        kind = asked.kind, part = "backoff", pattern = place.pattern, reason = asked.reason,
        attempt = asked.attempt, situation = asked.situation, instructions = 0,
    }
    for _, draw in ipairs(DRAWS) do
        local used, ok, seconds, extra = ask(run, "backoff", run.policy.backoff,
                                             question_of(place, asked, draw))
        row.instructions = math.max(row.instructions, used)
        take_backoff(row, ok, seconds, extra)
        if draw == 0.5 and type(seconds) == "number" then
            row.middle = seconds
        end
    end
    run.rows[#run.rows + 1] = row
    return row
end

-- The same question twice: an answer that differs comes from something else than the question.
local function is_unsteady(run, place, asked, row)
    local used, ok, seconds = ask(run, "backoff", run.policy.backoff,
                                  question_of(place, asked, 0.5), 2)
    row.instructions = math.max(row.instructions, used)
    return ok and type(seconds) == "number" and row.middle ~= nil and seconds ~= row.middle
end

-- As it would be asked if every try were refused at once.
local function follow(run, place)
    local delay, elapsed = 0, 0
    for attempt = 1, grid.ATTEMPTS do
        local asked = { kind = "curve", reason = "refused", attempt = attempt,
                        with = { delay = delay, elapsed = elapsed } }
        local row = ask_backoff(run, place, asked)
        if row.problem or row.gives_up then
            return
        end
        row.unsteady = is_unsteady(run, place, asked, row) or nil
        delay = clamp(row.middle or 0)
        elapsed = elapsed + delay
    end
    for _, attempt in ipairs(LATE) do
        ask_backoff(run, place, { kind = "curve", reason = "refused", attempt = attempt,
                                  with = { delay = delay, elapsed = elapsed } })
    end
end

local function ask_backoffs(run, place)
    follow(run, place)
    for _, reason in ipairs(backoff.reasons) do
        for _, attempt in ipairs { 1, 3, 1000 } do
            ask_backoff(run, place, { kind = "reason", reason = reason, attempt = attempt })
        end
    end
    for _, situation in ipairs(SITUATIONS) do
        for _, attempt in ipairs { 1, 5 } do
            local with = {}
            for key, value in pairs(situation) do
                with[key] = key ~= "name" and value or nil
            end
            ask_backoff(run, place, { kind = "situation", reason = "refused", attempt = attempt,
                                      situation = situation.name, with = with })
        end
    end
end

-- --- dead letters ---

local function letter_problem(answer)
    local _, why = deadletter.check(answer)
    return why and ("answered %s: %s"):format(check.show(answer), why)
end

local function ask_letter(run, place, reason)
    local row = { kind = "letter", part = "deadletter", pattern = place.pattern, reason = reason,
                  instructions = 0 }
    for _, sender in ipairs { false, place.address .. "/asker" } do
        local used, ok, answer = ask(run, "deadletter", run.policy.deadletter, {
            pid = place.address .. "/somebody", address = place.address, id = "somebody",
            sender = sender or nil, reason = reason, dry_run = true,
        })
        row.instructions = math.max(row.instructions, used)
        row.problem = row.problem or (not ok and answer or ok and letter_problem(answer)) or nil
        row.route = row.problem == nil and (row.route or answer) or nil
    end
    run.rows[#run.rows + 1] = row
end

-- --- all of it ---

local function summary(costs)
    table.sort(costs)
    return { calls = #costs, median = costs[(#costs + 1) // 2], max = costs[#costs] }
end

---@class hawser.cli.Grid
---@field rows hawser.cli.Question[]
---@field questions integer
---@field instructions table<string, { calls: integer, median: integer, max: integer }> by part
---@field places { pattern: string|nil, address: string, disconnected: string, throttle: table }[]

---@param policy hawser.policy.Compiled
---@param budget integer
---@return hawser.cli.Grid
function grid.run(policy, budget)
    local run = { policy = policy, budget = budget, rows = {}, costs = {}, questions = 0 }
    local places = policy:places()
    for _, place in ipairs(places) do
        ask_backoffs(run, place)
        for _, reason in ipairs(deadletter.reasons) do
            ask_letter(run, place, reason)
        end
        place.disconnected = policy:disconnected(place.address)
        place.throttle = policy:throttle(place.address)
    end
    local instructions = {}
    for part, costs in pairs(run.costs) do
        instructions[part] = summary(costs)
    end
    return { rows = run.rows, questions = run.questions, instructions = instructions,
             places = places }
end

return grid
