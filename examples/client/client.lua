-- SPDX-License-Identifier: MIT
-- A client without a listening port: it dials a server, and is reached by the server over that
-- connection, also after it was cut. Run it:   hawser run examples/client/client.lua
-- Both are in one process, so that there is one thing to run; on two machines nothing changes but
-- the server's address.

local hawser = require "hawser"

local server = assert(hawser.system { name = "server", listen = "127.0.0.1:0", log = "error" })
-- No `listen`: nobody can dial it. `queue`: what is sent while its connection is lost, waits.
local client = assert(hawser.system { name = "client", log = "error",
                                      policy = { name = "patient", disconnected = "queue" } })
server:set_policy { name = "patient", disconnected = "queue" }

-- The server keeps whom it shall tell the news. The PID of a client's actor works like any other.
local readers = {}
local desk = server:spawn_named("desk", function(ctx, message)
    readers[#readers + 1] = ctx.sender
    ctx:respond("you are subscribed, " .. message.name)
end)

local function tell(news)
    for _, reader in ipairs(readers) do
        server:send(reader, news)
    end
end

client:spawn {
    started = function(ctx)
        print(ctx:request(server.address .. "/desk", { name = "client" }))
        tell "first news"
    end,
    receive = function(ctx, news)
        print("the client reads: " .. news)
        if news == "first news" then
            -- The network fails. The client dials again by itself; the server waits for it.
            client:cut_link(server.address)
            tell "news from the time of the cut"
        else
            ctx.system:stop()
            server:stop()
        end
    end,
}

assert(desk)
hawser.run()
