-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- hawser stats: a running process's statistics, read through its console.

local dkjson = require("dkjson")
local lfs = require("lfs")
local process = require("hawser.process")
local consoles = dofile("spec/support/consoles.lua")
local screens = dofile("spec/support/screen.lua")
local read, wait_for = consoles.read, consoles.wait_for

-- alpha sends beta a message each 10 ms, and knows one peer that is not there.
local SCRIPT = [[
local hawser = require "hawser"
hawser.defaults.log = false
local function system(name)
    return assert(hawser.system { name = name, listen = "127.0.0.1:0", heartbeat_interval = 0.5,
        reconnect_max_retries = 0, reconnect_initial = 60, reconnect_max = 60 })
end
local alpha, beta = system "alpha", system "beta"
beta:spawn_named("sink", function() end)
alpha:associate("127.0.0.1:1")
alpha:every(0.01, function() alpha:send(beta.address .. "/sink", "x") end)
alpha:send(alpha.address .. "/nobody", 1)
local file = io.open(arg[0] .. ".beta", "w")
file:write(beta.address)
file:close()
]]

describe("hawser stats", function()
    local here, beta

    before_each(function() here = consoles.new() end)
    after_each(function() here:close() end)

    local function stats(arguments, prefix)
        return here:hawser("stats " .. arguments, "", prefix)
    end

    local function expect(arguments, prefix)
        local status, out, err = stats(arguments, prefix)
        assert.same({ 0, "" }, { status, err })
        return out
    end

    local function decoded(arguments)
        return assert(dkjson.decode(expect(arguments)))
    end

    local function endpoint_of(report, system, address)
        for _, endpoint in ipairs(report.endpoints) do
            if endpoint.system == system and endpoint.address == address then return endpoint end
        end
        return {}
    end

    -- Until the first message has arrived and the missing peer has refused.
    local function serve()
        here:serve(SCRIPT)
        local path = here.scratch .. "/script.lua.beta"
        wait_for(function() return read(path) ~= "" end, "the script")
        beta = read(path)
        wait_for(function()
            local report = decoded(here.socket .. " --json")
            local sending = endpoint_of(report, "alpha", beta)
            return sending.state and sending.deliver_success > 0 and sending.rtt_count > 0
                and endpoint_of(report, "alpha", "127.0.0.1:1").state == "reconnecting"
        end, "the first messages")
    end

    it("shows a table of every endpoint", function()
        serve()
        local out = expect(here.socket)
        assert.truthy(out:find("^alpha 127%.0%.0%.1:%d+: 0 actors, 2 endpoints, %d+ delivered, "
            .. "policy default\n  dead letters: 1 %(1 not_found%)\n  PEER +STATE +LEVEL +QUEUE"
            .. " +SENT +RECEIVED +RTT 50%% +99%%\n"), out)
        assert.truthy(out:find("\n  127%.0%.0%.1:1 +reconnecting +normal +0 +0 +0 +%- +%-\n"
            .. "    [^\n]*refused[^\n]*; dial in [%d.]+ s\n"), out)
        assert.truthy(out:find("\n  " .. beta:gsub("%.", "%%.") .. " +connected +normal +%d+ +%d+"
            .. " +0 +[%d.]+ [um]?s +[%d.]+ [um]?s\n"), out)
        assert.truthy(out:find("\nbeta " .. beta .. ": 1 actor, 1 endpoint, ", 1, true), out)
    end)

    it("shows everything of one endpoint", function()
        serve()
        local out = expect("127.0.0.1:1 " .. here.socket)
        assert.truthy(out:find("^alpha: endpoint 127%.0%.0%.1:1\n  peer +not known yet\n"
            .. "  state +reconnecting for [^\n]*refused[^\n]*\n  next step +dial in [^\n]*\n"
            .. "  throttle level  normal\n  queue +0 of 1000000 messages, 0 bytes\n"), out)
        assert.truthy(out:find("\n  links +0 dialed in 1 attempt, 0 accepted; lost: none; not made:"
            .. " 1 %(1 refused%)\n$"), out)
        out = expect(here.socket .. " " .. beta)
        assert.truthy(out:find("\n  peer +beta, uid %x+\n  state +connected for "), out)
        assert.truthy(out:find("\n  sent +%d+ messages, %d+ bytes; 0 failed, 0 sent again\n"), out)
        assert.falsy(out:find("127.0.0.1:1\n", 1, true), out)
        local status, _, err = stats("127.0.0.1:2 " .. here.socket)
        assert.same({ 1, "hawser: no system there has an endpoint 127.0.0.1:2; did you mean "
                         .. "127.0.0.1:1?\n" }, { status, err })
    end)

    it("gives JSON", function()
        serve()
        local report = decoded(here.socket .. " --json")
        assert.equal(here.server:id(), report.process)
        assert.same({ "alpha", "beta" }, { report.systems[1].name, report.systems[2].name })
        assert.equal(1, report.systems[1].totals.dead_letters.not_found)
        local sending = endpoint_of(report, "alpha", beta)
        assert.equal("connected", sending.state)
        assert.is_true(sending.deliver_success > 0 and sending.rtt_p50 > 0)
        assert.is_true(#sending.rtt_buckets > 0)
        assert.equal(1000000, sending.queue_capacity)
        assert.truthy(expect("127.0.0.1:1 --json " .. here.socket):find('"rtt_buckets":[]', 1,
                                                                        true))
        local missing = decoded("127.0.0.1:1 --json " .. here.socket).endpoints
        assert.equal(1, #missing)
        assert.same({ "dial", 1, {} }, { missing[1].step, missing[1].connect_failures.refused,
                                         missing[1].rtt_buckets })
    end)

    it("watches, with rates, and ends on Ctrl-C", function()
        serve()
        local out = here.scratch .. "/watched"
        local child = assert(process.start({ consoles.bin, "stats", "-w", "--interval", "0.2",
                                             here.socket }, { stdout = out }))
        local sending = "\n  " .. beta:gsub("%.", "%%.") .. " +connected +normal +%d+ +"
        wait_for(function() return read(out):find(sending .. "[1-9][%d.]* ") end, "a rate")
        assert.truthy(read(out):find("QUEUE +SENT/S +RECV/S +RTT 50%% +99%%\n"), read(out))
        assert.truthy(read(out):find(sending .. "%- +%- "), "the first has no rate")
        child:kill(process.SIGINT)
        assert.same({ "exited", 0 }, { child:wait(consoles.patience) })
        child = assert(process.start({ consoles.bin, "stats", "--watch", "--interval=0.1", "--json",
                                       here.socket }, { stdout = out .. ".json" }))
        wait_for(function() return select(2, read(out .. ".json"):gsub("\n", "")) > 2 end, "lines")
        child:kill(process.SIGINT)
        child:wait(consoles.patience)
        for line in read(out .. ".json"):gmatch("[^\n]+") do assert(dkjson.decode(line)) end
        local status = here:hawser("stats -w --interval 0.1 " .. here.socket .. " | head -1")
        assert.equal(0, status)
    end)

    it("draws over what was there on a terminal, and tells when the process ends", function()
        serve()
        local program = screens.start({ consoles.bin, "stats", "-w", here.socket },
                                      { environment = { TERM = "xterm" }, rows = 10 })
        program:expect("SENT/S")
        program:wait_until(function()
            return program:text():find(beta:gsub("%.", "%%.") .. " +connected +normal +%d+ +%d")
        end, "a rate")
        assert.equal(1, select(2, program:text():gsub("alpha 127", "")))
        here.server:kill(9)
        program:expect("the console is gone")
        assert.same({ "exited", 1 }, { program:wait() })
        program.terminal:close()
    end)

    it("finds the console by itself, or says what it looked for", function()
        local runtime = here.scratch .. "/runtime"
        lfs.mkdir(runtime)
        local prefix = "env -u HAWSER_CONSOLE XDG_RUNTIME_DIR=" .. runtime
        local status, _, err = stats("", prefix)
        assert.same({ 1, ("hawser: name the console's SOCKET, or set HAWSER_CONSOLE; there is none"
                          .. " in %s/hawser\n"):format(runtime) }, { status, err })
        status, _, err = stats("", "env -u HAWSER_CONSOLE -u XDG_RUNTIME_DIR")
        assert.same({ 1, "hawser: name the console's SOCKET, or set HAWSER_CONSOLE\n" },
                    { status, err })
        here.socket = runtime .. "/hawser/alpha.sock"
        here:serve("hawser = require 'hawser' hawser.system { name = 'lonely' }")
        assert.equal("rwx------", lfs.attributes(runtime .. "/hawser", "permissions"))
        assert.equal("lonely : 0 actors, 0 endpoints, 0 delivered, policy default\n"
            .. "  dead letters: none\n", (expect("", prefix):gsub("lonely %S+:", "lonely :")))
        assert.truthy(expect("", "env HAWSER_CONSOLE=" .. here.socket):find("^lonely "))
        here:hawser("run --console " .. here.socket .. " x")
        lfs.link(here.socket, runtime .. "/hawser/beta.sock")
        status, _, err = stats("", prefix)
        assert.equal(1, status)
        assert.truthy(err:find("there are several consoles, name one: .*alpha.sock .*beta.sock\n"))
    end)

    it("helps, and complains", function()
        assert.truthy(expect("--help"):find("usage: hawser stats [ADDRESS] [SOCKET]", 1, true))
        for arguments, what in pairs {
            ["--jsno"] = 'did you mean "--json"?', ["a b"] = "one socket, got a and b",
            ["a:1 b:2"] = "one address, got a:1 and b:2", ["--interval 1"] = "is for --watch",
            ["-w --interval 0"] = "expected a number from 0.1 to 3600",
        } do
            local status, _, err = stats(arguments)
            assert.equal(2, status, arguments)
            assert.truthy(err:find(what, 1, true), err)
        end
        local status, _, err = stats(here.scratch .. "/none")
        assert.equal(1, status)
        assert.truthy(err:find("No such file or directory", 1, true), err)
    end)
end)
