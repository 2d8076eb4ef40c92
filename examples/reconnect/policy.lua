-- SPDX-License-Identifier: MIT
-- What alpha does about a lost beta. Change a number and run ./demo again.

local backoff = require "hawser.policy.backoff"

return {
    name = "patient",
    -- 0.3 s, then twice as long each time, a little of it left to chance; eight tries.
    backoff = backoff.exponential {
        initial = 0.3, factor = 2, max = 4, jitter = 0.1, max_retries = 8,
    },
    -- While beta is away its messages are not kept: each becomes a dead letter. The other answer
    -- is "queue".
    disconnected = "deadletter",
}
