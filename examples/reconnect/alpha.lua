-- SPDX-License-Identifier: MIT
-- The sending half of the demo: hawser run alpha.lua BETA TELLER COUNT
-- It sends COUNT numbered readings to beta, whatever becomes of beta, and at the end accounts for
-- each one: acknowledged by beta, or a dead letter with its reason.

local hawser = require "hawser"

local beta, count = arg[1], tonumber(arg[3])
local here = arg[0]:match("^(.*)/") or "."
local PERIOD = 0.2

local system = assert(hawser.system {
    name = "alpha", listen = "127.0.0.1:0", policy = here .. "/policy.lua", log = "error",
})
local teller = system:pid(arg[2])

local function tell(what, details)
    details = details or {}
    details.who, details.what = "alpha", what
    system:send(teller, details)
end

-- Each of these is a line of the demo. An event has the fields that docs/events.md lists.
system.events:subscribe("EndpointConnected", function(event)
    if event.address == beta then
        tell("connected", { uid = event.uid, incarnation = event.incarnation })
    end
end)
system.events:subscribe("EndpointDisconnected", function(event)
    if event.address == beta then
        tell("lost", { reason = event.reason })
    end
end)
system.events:subscribe("EndpointReconnect", function(event)
    if event.address == beta and not event.success then
        tell("waits", { attempt = event.attempt, delay = event.delay, reason = event.reason })
    end
end)

local letters = 0
system.events:subscribe("DeadLetter", function(event)
    if event.pid.address == beta then
        letters = letters + 1
        tell("letter", { number = event.message.number, reason = event.reason })
    end
end)

-- The account is complete when every reading has been acknowledged or is a dead letter.
local function account(ctx)
    local statistics
    repeat
        ctx:sleep(0.05)
        statistics = system:statistics(beta)
    until statistics.deliver_success + letters >= count
    tell("account", { sent = count, delivered = statistics.deliver_success,
                      letters = statistics.dead_letters })
end

system:spawn {
    started = function(ctx)
        for number = 1, count do
            ctx.system:send(beta .. "/sink", { number = number })
            ctx:sleep(PERIOD)
        end
        account(ctx)
    end,
}
system:run()
