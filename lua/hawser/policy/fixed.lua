-- SPDX-License-Identifier: MIT
-- Five tries, two seconds apart, to the second: for a peer that is known to restart slowly.
-- Everything else is the default policy's.

local backoff = require "hawser.policy.backoff"

return {
    name = "fixed",
    backoff = backoff.fixed { delay = 2, max_retries = 5, jitter = 0 },
}
