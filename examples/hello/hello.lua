-- SPDX-License-Identifier: MIT
-- One system, two actors, one question. Run it:   hawser run examples/hello/hello.lua [NAME]

local hawser = require "hawser"

-- No `listen`: this system is reached by nobody else, and needs no port.
local system = assert(hawser.system { name = "hello" })

-- An actor is a function that gets one message at a time. ctx:respond() answers a request.
system:spawn_named("greeter", function(ctx, message)
    ctx:respond("Hello, " .. message.name .. "!")
end)

-- A table of handlers is an actor too; `started` runs before the first message. A request suspends
-- the handler until the answer is there, or the reason why there is none.
system:spawn {
    started = function(ctx)
        local reply, problem = ctx:request("greeter", { name = arg[1] or "world" }, { timeout = 1 })
        print(reply or problem)
        ctx.system:stop()
    end,
}

system:run()
