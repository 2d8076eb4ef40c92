-- SPDX-License-Identifier: MIT
-- Two systems that talk over TCP, here in one process so that there is one thing to start:
--   hawser run examples/ping-pong/ping-pong.lua [ROUNDS]
-- Put the two halves into two files and two machines, and nothing else changes.

local hawser = require "hawser"

local rounds = tonumber(arg[1]) or 10000

local alpha = assert(hawser.system { name = "alpha", listen = "127.0.0.1:0" })
local beta = assert(hawser.system { name = "beta", listen = "127.0.0.1:0" })

beta:spawn_named("pong", function(ctx, message)
    ctx:send(ctx.sender, message)
end)

local pong = hawser.pid(beta.address .. "/pong")
local began

alpha:spawn {
    started = function(ctx)
        began = alpha:now()
        ctx:send(pong, 1)
    end,
    receive = function(ctx, count)
        if count < rounds then
            ctx:send(pong, count + 1)
            return
        end
        local took = alpha:now() - began
        print(("%d rounds between %s and %s: %.1f us each"):format(rounds, alpha.address,
                                                                beta.address, took / rounds * 1e6))
        alpha:stop()
        beta:stop()
    end,
}

hawser.run()
