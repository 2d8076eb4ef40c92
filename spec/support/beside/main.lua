-- SPDX-License-Identifier: MIT
-- For cli_spec: what lies beside a script is found.
print((require("neighbour")))
local system = assert(require("hawser").system { name = "x", policy = "rules" })
system.events:subscribe("PolicyLoaded", function(event)
    print(event.name)
    system:stop()
end)
assert(system:set_policy("rules"))
