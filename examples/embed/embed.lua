-- SPDX-License-Identifier: MIT
-- The Lua side of examples/embed: it gets the host's system as its argument, like any script would
-- make one with hawser.system{...}. It doubles numbers, with the help of the host's C actor.

local system = ...

system:spawn_named("doubler", function(ctx, number)
    -- `adder` is written in C. Nothing here shows it.
    local sum, problem = ctx:request("adder", { number, number })
    ctx:respond(sum or problem)
end)
