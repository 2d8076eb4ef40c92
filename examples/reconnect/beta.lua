-- SPDX-License-Identifier: MIT
-- The receiving half of the demo: hawser run beta.lua LISTEN TELLER
-- It tells the demo's narrator, an actor like any other, what it gets.

local hawser = require "hawser"

local system = assert(hawser.system { name = "beta", listen = arg[1], log = "error" })
local teller = system:pid(arg[2])

system:spawn_named("sink", function(ctx, reading)
    ctx:send(teller, { who = "beta", what = "got", number = reading.number })
end)

system:send(teller, { who = "beta", what = "listens", address = system.address, uid = system.uid })
system:run()
