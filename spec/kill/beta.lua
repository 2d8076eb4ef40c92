-- SPDX-License-Identifier: MIT
-- The peer that spec/kill_spec.lua kills: hawser run beta.lua ADDRESS FILE
-- It writes down each number it gets, at once, so that the file tells what it had processed.

local hawser = require "hawser"

local file = assert(io.open(arg[2], "a"))
file:setvbuf("no")

local system = assert(hawser.system { name = "beta", listen = arg[1], log = false })

system:spawn_named("sink", function(ctx, number)
    file:write(number .. "\n") -- one write: all of it or nothing
    if ctx.request_id then
        ctx:respond(number)
    end
end)

system:run()
