-- SPDX-License-Identifier: MIT
-- Asks a policy's functions a small grid of questions before the policy is put to use, so that a
-- slip shows at load and not at the first lost link. Every question has `dry_run = true`.

local backoff = require "hawser.policy.backoff"
local check = require "hawser.policy.check"
local deadletter = require "hawser.policy.deadletter"
local guard = require "hawser.policy.guard"

local dryrun = {}

-- What the core allows for one call.
local BUDGET = 100000

-- Both ends and the middle of [0, 1).
local function cycling_random()
    local draws, n = { 0, 0.5, 0x1.fffffffffffffp-1 }, 0
    return function()
        n = n % #draws + 1
        return draws[n]
    end
end

local function endpoint_question(address, attempt, reason, random)
    return {
        address = address, name = attempt > 1 and "dry-run" or nil, attempt = attempt,
        elapsed = 0.25 * (attempt - 1), delay = attempt == 1 and 0 or 0.2, reason = reason,
        random = random, queue_size = 0, queue_bytes = 0, connected_before = attempt > 1,
        dry_run = true,
    }
end

local function endpoint_questions(address)
    local questions, random = {}, cycling_random()
    for _, reason in ipairs(backoff.reasons) do
        questions[#questions + 1] = endpoint_question(address, 1, reason, random)
    end
    for _, attempt in ipairs { 2, 5, 6, 1000 } do
        questions[#questions + 1] = endpoint_question(address, attempt, "refused", random)
    end
    return questions
end

-- Seconds that the core takes. It clamps what is long, also where a curve without a cap grows past
-- every number in a thousand tries; one that is endless from the start is a slip.
local function is_delay(answer, attempt)
    return type(answer) == "number" and answer >= 0 and (answer < math.huge or attempt >= 1000)
end

local function backoff_fault(curve, address)
    for _, question in ipairs(endpoint_questions(address)) do
        local ok, answer = guard.run(BUDGET, curve, question)
        local asked = ("dry run with attempt = %d, reason = %q"):format(question.attempt,
                                                                        question.reason)
        if not ok then
            return asked .. ": " .. answer
        elseif answer ~= nil and not is_delay(answer, question.attempt) then
            return ("%s: answered %s: expected seconds from 0 up, or nil and a reason"):format(
                asked, check.show(answer))
        end
    end
    return nil
end

local function deadletter_fault(router, address)
    for _, reason in ipairs(deadletter.reasons) do
        local ok, answer = guard.run(BUDGET, router, {
            pid = address .. "/dry-run", address = address, id = "dry-run", reason = reason,
            dry_run = true,
        })
        local asked = ("dry run with reason = %q"):format(reason)
        if not ok then
            return asked .. ": " .. answer
        end
        local valid, why = deadletter.check(answer)
        if not valid then
            return ("%s: answered %s: %s"):format(asked, check.show(answer), why)
        end
    end
    return nil
end

---@param path string where the parts are in the policy
---@param parts table validated
---@param address string the address to ask about
---@param faults string[] receives what is wrong
function dryrun.parts(path, parts, address, faults)
    local wrong = parts.backoff and backoff_fault(parts.backoff, address)
    faults[#faults + 1] = wrong and ("%s: %s"):format(check.path(path, "backoff"), wrong) or nil
    wrong = parts.deadletter and deadletter_fault(parts.deadletter, address)
    faults[#faults + 1] = wrong and ("%s: %s"):format(check.path(path, "deadletter"), wrong) or nil
end

return dryrun
