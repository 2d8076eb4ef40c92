-- SPDX-License-Identifier: MIT
-- What `hawser bench` measures, a row each. `floor` and `hawser` are a program's work:
-- "floor stream" is hawser-floor's, "bench stream" hawser-bench's, "lua stream" two scripts'.
-- `must` and `aim` are the budget of `judged`: "hawser", its own figure, or "ratio" to the floor.

-- Units: messages and bytes a second, latency in ns, memory in bytes.

---@class hawser.bench.Row
---@field name string
---@field floor? string
---@field hawser string
---@field payload? integer bytes
---@field cores? integer 1: both processes on one core; 2: one each
---@field unit "messages"|"bytes"|"latency"|"memory"
---@field judged? "hawser"|"ratio"
---@field must? number
---@field aim? number

local function stream(language, payload, judgement)
    local lua = language == "Lua"
    local row = {
        name = ("%s to %s, %s"):format(language, language, payload < 1024 and payload .. " B"
            or payload // 1024 .. " KiB"),
        floor = lua and "floor lua_stream" or "floor stream",
        hawser = lua and "lua stream" or "bench stream",
        payload = payload,
        cores = 2,
        unit = payload < 65536 and "messages" or "bytes",
    }
    for key, value in pairs(judgement or {}) do
        row[key] = value
    end
    return row
end

---@type hawser.bench.Row[]
return {
    stream("C", 16),
    stream("C", 64, { judged = "hawser", must = 12e6, aim = 25e6 }),
    stream("C", 1024),
    stream("C", 65536, { judged = "ratio", must = 0.7, aim = 0.9 }),
    stream("Lua", 16),
    stream("Lua", 64, { judged = "hawser", must = 3.5e6, aim = 6e6 }),
    stream("Lua", 1024),
    stream("Lua", 65536),
    { name = "C ping-pong, p50", floor = "floor echo", hawser = "bench echo", payload = 64,
      cores = 1, unit = "latency", judged = "ratio", must = 1.25, aim = 1.1 },
    { name = "Lua ping-pong, p50", floor = "floor echo", hawser = "lua echo", payload = 64,
      cores = 1, unit = "latency" },
    { name = "C requests, 100", floor = "floor requests", hawser = "bench requests", payload = 64,
      cores = 2, unit = "messages", judged = "ratio", must = 0.5, aim = 0.75 },
    { name = "Lua requests, 100", floor = "floor requests", hawser = "lua requests", payload = 64,
      cores = 2, unit = "messages", judged = "ratio", must = 0.25, aim = 0.5 },
    { name = "idle endpoint, accepted", hawser = "bench idle-accepted", unit = "memory",
      judged = "hawser", must = 16384, aim = 4096 },
    { name = "idle endpoint, dialled", hawser = "bench idle-dialled", unit = "memory",
      judged = "hawser", must = 16384, aim = 4096 },
}
