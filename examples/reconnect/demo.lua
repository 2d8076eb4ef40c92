-- SPDX-License-Identifier: MIT
-- Two processes, alpha and beta, talk over TCP; beta is killed and comes back. What you see is told
-- by the two themselves: they send it to the actor `teller` of this third process.
--   ./demo      or      hawser run examples/reconnect/demo.lua

local hawser = require "hawser"
local process = require "hawser.process"
local narrator = require "narrator"

local COUNT = 55          -- readings that alpha sends, five a second
local KILL_AFTER = 10     -- of which beta gets so many before it is killed
local RESTART_AT_TRY = 4  -- and comes back while alpha's policy waits for this try
local PATIENCE = 60       -- seconds until the demo itself gives up

local here = arg[0]:match("^(.*)/") or "."
local program = arg[-2] or error("run me with: hawser run " .. arg[0])

local system = assert(hawser.system { name = "demo", listen = "127.0.0.1:0", log = "error" })
local story = narrator.new(system)
local teller = system.address .. "/teller"
local alpha, beta, address, uid
local restarting, balanced

local function start(script, ...)
    return assert(process.start { program, "run", here .. "/" .. script, ... })
end

local hear = { alpha = {}, beta = {} }

function hear.beta.listens(event)
    local again = address ~= nil
    address, uid = event.address, event.uid
    story:say("beta", ("listens on %s%s"):format(address, again and " again" or ""))
    if not again then
        alpha = start("alpha.lua", address, teller, tostring(COUNT))
    end
end

function hear.beta.got(event)
    story:item("beta", "got", event.number)
    if event.number == KILL_AFTER then
        story:say("demo", "kills beta: no goodbye, SIGKILL", "bad")
        beta:kill(process.SIGKILL)
        beta:wait()
    end
end

function hear.alpha.connected(event)
    if event.uid == uid and not restarting then
        story:say("alpha", "is connected to beta, and sends five readings a second", "good")
    else
        story:say("alpha", "is connected again; another uid, so it is another beta", "good")
    end
end

function hear.alpha.lost(event)
    local text = "lost beta (%s); from here its Lua policy decides"
    story:say("alpha", text:format(event.reason), "bad")
end

function hear.alpha.waits(event)
    story:bar("alpha", event.attempt, event.delay, event.reason)
    if event.attempt == RESTART_AT_TRY and not restarting then
        restarting = true
        system:after(event.delay / 2, function()
            story:say("demo", "starts beta again, at the same address", "good")
            beta = start("beta.lua", address, teller)
        end)
    end
end

function hear.alpha.letter(event)
    story:item("alpha", "dead letters, " .. event.reason .. ":", event.number)
end

function hear.alpha.account(event)
    balanced = story:account(event)
    system:stop()
end

system:spawn_named("teller", function(_, event)
    hear[event.who][event.what](event)
end)

story:open()
beta = start("beta.lua", "127.0.0.1:0", teller)
system:after(PATIENCE, function()
    story:say("demo", "gives up: alpha and beta took too long", "bad")
    system:stop { deadline = 0 }
end)
system:run()

for _, child in pairs { alpha, beta } do
    child:kill(process.SIGTERM)
    child:wait(5)
end
return balanced and 0 or 1
