-- SPDX-License-Identifier: MIT
-- Troubles that a policy is for, each as a world: `clients` systems with the policy under trial
-- send to servers, while run(stage) does the damage. What comes of it is counted by stage.lua.

local scenarios = {}

---@class hawser.cli.Scenario
---@field name string
---@field about string
---@field clients integer
---@field servers integer
---@field every number seconds between two messages of a client to a server
---@field size? integer bytes of a message
---@field options? table of the clients, beside the policy
---@field world? table options of the world
---@field run fun(stage: hawser.cli.Stage)

---@type hawser.cli.Scenario[]
scenarios.list = {
    {
        name = "server-restart",
        about = "ten clients; their server is killed; 5 s later a new one is up",
        clients = 10, servers = 1, every = 0.1,
        run = function(stage)
            stage:calm(10)
            stage:kill("server-1")
            stage:wait(5)
            stage:restart("server-1")
            stage:calm(60)
        end,
    },
    {
        name = "flapping-link",
        about = "one link is cut ten times, each time for 1 s, 6 s apart",
        clients = 1, servers = 1, every = 0.05,
        run = function(stage)
            stage:calm(10)
            for _ = 1, 10 do
                stage:part("client-1", "server-1")
                stage:wait(1)
                stage:heal("client-1", "server-1")
                stage:wait(5)
            end
            stage:calm(60)
        end,
    },
    {
        name = "slow-consumer",
        about = "a server reads 10 kB/s for a minute, is sent 40; queue of 4000",
        clients = 1, servers = 1, every = 0.005, size = 180,
        options = { endpoint_writer_queue_size = 4000 },
        world = { pipe_bytes = 65536, bandwidth = 1000000 },
        run = function(stage)
            stage:calm(10)
            stage:slow("server-1", 10000)
            stage:wait(60)
            stage:slow("server-1", 0)
            stage:calm(60)
        end,
    },
    {
        name = "rolling-deploy",
        about = "five servers, one by one, are down for 3 s, 15 s apart",
        clients = 2, servers = 5, every = 0.1,
        run = function(stage)
            stage:calm(10)
            for i = 1, 5 do
                stage:kill("server-" .. i)
                stage:wait(3)
                stage:restart("server-" .. i)
                stage:wait(12)
            end
            stage:calm(60)
        end,
    },
    {
        name = "one-of-ten-gone",
        about = "one of ten peers loses its power, for good; three minutes",
        clients = 1, servers = 10, every = 0.2,
        run = function(stage)
            stage:calm(10)
            stage:lose("server-3")
            stage:calm(180)
        end,
    },
}

---@return string[]
function scenarios.names()
    local names = {}
    for i, scenario in ipairs(scenarios.list) do
        names[i] = scenario.name
    end
    return names
end

---@param name string
---@return hawser.cli.Scenario|nil
function scenarios.find(name)
    for _, scenario in ipairs(scenarios.list) do
        if scenario.name == name then
            return scenario
        end
    end
    return nil
end

return scenarios
