-- SPDX-License-Identifier: MIT
-- The policy of a system that names none, and the source of the parts that another leaves out.

local backoff = require "hawser.policy.backoff"
local deadletter = require "hawser.policy.deadletter"
local throttle = require "hawser.policy.throttle"

return {
    name = "default",
    backoff = backoff.exponential {
        initial = 0.2, factor = 2, max = 5, jitter = 0.2, max_retries = 5,
    },
    throttle = throttle.levels { warning = 0.60, critical = 0.85, hysteresis = 0.05 },
    deadletter = deadletter.publish,
    disconnected = "deadletter",
}
