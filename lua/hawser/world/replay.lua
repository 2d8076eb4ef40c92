-- SPDX-License-Identifier: MIT
-- How a run that failed can be had again: its seed, and the command that takes it.

local replay = {}

local function quoted(word)
    return word:find("^[%w_./=:-]+$") and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

local function command_line()
    local script = rawget(_G, "arg")
    if type(script) ~= "table" then
        return "the same program"
    end
    local first, words = 0, {}
    while script[first - 1] do first = first - 1 end
    for i = first, #script do words[#words + 1] = quoted(tostring(script[i])) end
    return table.concat(words, " ")
end

-- The command that runs the program again with this world's seed.
---@param self hawser.World
---@return string
function replay.command(self)
    local seed = self.seed_given and "" or ("HAWSER_SEED=%d "):format(self.seed)
    return seed .. command_line()
end

-- The message of a failure, with the seed and that command.
---@param self hawser.World
---@param message any
---@return string
function replay.blame(self, message)
    if type(message) ~= "string" then
        message = tostring(message)
    end
    if message:find("world: seed ", 1, true) or message:find("^[^\n]*interrupted$")
        or message:find("^[^\n]*interrupted\n") then
        return message
    end
    return ("%s\nworld: seed %d, after %.6f s; again: %s"):format(message, self.seed, self:now(),
        replay.command(self))
end

-- Calls fn; an error in it, or a failure noted meanwhile, is raised with the seed.
---@param self hawser.World
---@param fn function
function replay.guarded(self, fn, ...)
    self.failure = nil
    local results = table.pack(pcall(fn, ...))
    local failure = self.failure or (not results[1] and results[2])
    self.failure = nil
    if failure then
        error(replay.blame(self, failure), 0)
    end
    return table.unpack(results, 2, results.n)
end

return replay
