-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- Every example does what its comment says.

local lfs = require("lfs")
local process = require("hawser.process")

local paths = dofile("spec/support/paths.lua")

local BIN = paths.bin
local PATIENCE = 100

-- `progress`: what it says on the way, on standard error, does not matter.
local function run(argv, progress)
    local out, err = os.tmpname(), os.tmpname()
    local child = assert(process.start(argv, { stdout = out, stderr = err }))
    local how, code = child:wait(PATIENCE)
    local texts = {}
    for i, path in ipairs { out, err } do
        local file = assert(io.open(path))
        texts[i] = file:read("a")
        file:close()
        os.remove(path)
    end
    assert.same({ "exited", 0, "" }, { how, code, progress and "" or texts[2] }, texts[1])
    return texts[1]
end

local function example(file, ...)
    return run { BIN, "run", "examples/" .. file, ... }
end

-- What each prints, as patterns in this order.
local EXAMPLES = {
    hello = function()
        assert.equal("Hello, world!\n", example("hello/hello.lua"))
        assert.equal("Hello, Lua!\n", example("hello/hello.lua", "Lua"))
    end,
    ["ping-pong"] = function()
        local text = example("ping-pong/ping-pong.lua", "200")
        local plain = text:gsub("127%.0%.0%.1:%d+", "ADDRESS"):gsub("[%d.]+ us", "N us")
        assert.equal("200 rounds between ADDRESS and ADDRESS: N us each\n", plain)
    end,
    ["custom-backoff"] = function()
        local delays, text = {}, example("custom-backoff/custom-backoff.lua")
        for delay in text:gmatch("the policy waits ([%d.]+) s") do delays[#delays + 1] = delay end
        assert.same({ "0.1", "0.1", "0.2", "0.3", "0.5", "0.8" }, delays)
        assert.truthy(text:find("gave up on 127.0.0.1:1: ", 1, true))
        assert.truthy(text:find("six tries are enough", 1, true))
        assert.truthy(text:find("not delivered to 127.0.0.1:1/inbox", 1, true))
        assert.truthy(text:find("2 dead letters, one of them published", 1, true))
    end,
    reconnect = function()
        local text = example("reconnect/demo.lua")
        local from = 1
        for _, part in ipairs { "listens on", "got", "kills beta", "lost beta", "try 1 in 0",
            "dead letters, disconnected", "try 2 in", "try 3 in", "try 4 in", "starts beta again",
            "listens on", "connected again", "got", "55  sent by alpha",
            "delivered to beta", "dead letters, disconnected", "Every message is accounted for" } do
            local first, last = text:find(part, from, true)
            assert(first, ("no %q after: %s"):format(part, text:sub(from)))
            from = last
        end
        assert.is_nil(text:find("\27", 1, true))
        for line in text:gmatch("[^\n]+") do
            assert.is_true(utf8.len(line) <= 80, "wider than a terminal: " .. line)
        end
        local delays = {}
        for delay in text:gmatch("try %d+ in ([%d.]+) s") do
            delays[#delays + 1] = tonumber(delay)
        end
        for i, delay in ipairs(delays) do
            local wanted = math.min(4, 0.3 * 2 ^ (i - 1))
            assert.is_true(delay >= wanted * 0.89 and delay <= wanted * 1.11, "delay " .. i)
        end
    end,
    ["reconnect, ten endpoints"] = function()
        local picture = os.tmpname()
        local text = example("reconnect/ten.lua", "2.5", picture)
        local with, without = text:match("^(jitter = 0%.2\n.*)\n(jitter = 0\n.*)$")
        local function crowd(part)
            return tonumber(part:match("at most (%d+) tries within 50 ms"))
        end
        assert(crowd(without) >= 8, text) -- all at once, on a machine that is not too busy
        assert(crowd(with) < 8, text)
        assert.truthy(text:find("the peers were down for 2.5 s", 1, true))
        for _, part in ipairs { with, without } do
            for i = 1, 10 do -- 0.2, 0.6 and 1.4 s after the loss at the latest
                local row = part:match(("\n *%d ([^\n]+)"):format(i))
                assert(select(2, row:gsub("|", "|")) >= 3, row)
            end
        end
        local file = assert(io.open(picture))
        local svg = file:read("a")
        file:close()
        os.remove(picture)
        assert.equal(2, select(2, svg:gsub("jitter = ", "")))
        assert.truthy(svg:find("^<svg .*</svg>\n$"))
    end,
    world = function()
        local text = run({ BIN, "run", "examples/world/rolling.lua", "40", "2" }, true)
        assert.matches("^40 systems, 20 peers each, 2 minutes, 40 restarts: [%d.]+ s of CPU, "
            .. "%d+ MiB\n%d+ messages sent, %d+ received, %d+ steps: [%d.]+ us a step\n$", text)
    end,
    client = function()
        assert.equal([[
you are subscribed, client
the client reads: first news
the client reads: news from the time of the cut
]], example("client/client.lua"))
    end,
    ["block-list"] = function()
        local text = example("block-list/block-list.lua"):gsub("%d+%.%d+%.%d+%.%d+:%d+", "ADDRESS")
        assert.equal([[
answered: one
on the list: noisy, very-noisy
the server shuts out noisy
noisy is told: blocked
not answered: ADDRESS/echo: the endpoint is gated after a refusal
answered: three
]], text)
    end,
    ["remote-spawn"] = function()
        assert.equal([[
primes-1 on node-1: 669
primes-2 on node-2: 560
primes-3 on node-1: 525
primes-4 on node-2: unavailable
primes-4 on node-1: 508
primes-5 on node-1: 500
primes-6 on node-2: unavailable
primes-6 on node-1: 483
3245 primes below 30000
still on node-1: $services
]], example("remote-spawn/remote-spawn.lua"))
    end,
    embed = function()
        assert.equal("the Lua actor says: 2 x 21 = 42\n",
            run { paths.build .. "/bin/example_embed", "examples/embed/embed.lua" })
    end,
}

describe("the example", function()
    for name, check in pairs(EXAMPLES) do
        it(name, check)
    end

    it("list is complete", function()
        for name in lfs.dir("examples") do
            local mode = lfs.attributes("examples/" .. name, "mode")
            if not name:match("^%.") and mode == "directory" then
                assert(EXAMPLES[name], name .. " is not run by this spec")
            end
        end
    end)
end)
