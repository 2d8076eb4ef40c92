-- SPDX-License-Identifier: MIT
-- A policy is a plain table: it can be tested without a network, and checked before it is used.

-- Fibonacci: 0.1, 0.1, 0.2, 0.3, 0.5 s ... A backoff is asked with what is known about the endpoint
-- and answers seconds; `true` says that the core should add no jitter to them.
local function fibonacci(question)
    local a, b = 0.1, 0.1
    for _ = 2, question.attempt do
        a, b = b, a + b
    end
    -- A host that does not exist will not come soon: ask less often than one that only refuses.
    if question.reason == "dns" then
        a = a * 10
    end
    if question.attempt > 6 then
        return nil, "six tries are enough"
    end
    return a, true
end

return {
    name = "fibonacci",
    backoff = fibonacci,
    -- Letters to somebody's inbox are worth an event; the rest are only counted.
    deadletter = function(letter)
        return letter.id == "inbox" and "publish" or "drop"
    end,
}
