-- SPDX-License-Identifier: MIT
-- A block list: a system that misbehaves is shut out by its name, told why, and let in again.
--   hawser run examples/block-list/block-list.lua
-- Names in the option `blocked` are on the list from the start.

local hawser = require "hawser"

local server = assert(hawser.system { name = "server", listen = "127.0.0.1:0", log = "error",
                                      blocked = { "very-noisy" } })
server:spawn_named("echo", function(ctx, message) ctx:respond(message) end)

-- A refused system leaves its peer alone for gate_duration, at least; then it may try again.
local noisy = assert(hawser.system { name = "noisy", log = "error", gate_duration = 0.2 })
local echo = server.address .. "/echo"

server.events:subscribe("Blocked", function(event)
    print("the server shuts out " .. event.name)
end)
noisy.events:subscribe("Gated", function(event)
    print("noisy is told: " .. event.reason)
end)

noisy:spawn {
    started = function(ctx)
        print("answered: " .. tostring(ctx:request(echo, "one")))

        server:block_system("noisy") -- an open connection is closed at once
        local list = server:list_blocked_systems()
        table.sort(list)
        print("on the list: " .. table.concat(list, ", "))
        ctx:sleep(0.05)
        print("not answered: " .. select(2, ctx:request(echo, "two")))

        server:unblock_system("noisy")
        assert(ctx:await_reconnect(server.address, 10))
        print("answered: " .. tostring(ctx:request(echo, "three")))
        ctx.system:stop()
        server:stop()
    end,
}

hawser.run()
