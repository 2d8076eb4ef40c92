-- SPDX-License-Identifier: MIT
-- A reconnect curve of one's own, in policy.lua beside this file, and what it makes of an address
-- where nobody listens:   hawser run examples/custom-backoff/custom-backoff.lua [ADDRESS]

local hawser = require "hawser"

local address = arg[1] or "127.0.0.1:1"
local here = arg[0]:match("^(.*)/") or "."

local system = assert(hawser.system {
    name = "custom-backoff", policy = here .. "/policy.lua", log = false,
})

system.events:subscribe("EndpointReconnect", function(event)
    print(("try %d failed (%s); the policy waits %.1f s"):format(event.attempt, event.reason,
                                                                event.delay))
end)
system.events:subscribe("DeadLetter", function(event)
    print(("not delivered to %s (%s): %s"):format(event.pid, event.reason, event.message))
end)
system.events:subscribe("EndpointTerminated", function(event)
    print(("gave up on %s: %s"):format(event.address, event.detail))
    system:stop()
end)

system:send(address .. "/inbox", "a letter to the inbox")
system:send(address .. "/other", "a letter that the policy drops")
system:run()
print(("%d dead letters, one of them published"):format(system:statistics().dead_letters.total))
