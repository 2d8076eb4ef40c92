-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- The executable, run as users run it: commands, exit statuses, signals, errors of scripts.

local process = require("hawser.process")

local BIN = dofile("spec/support/paths.lua").bin
local PATIENCE = 30

local files = {}

local function scratch()
    files[#files + 1] = os.tmpname()
    return files[#files]
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local function script(text)
    local path = scratch()
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
end

-- Starts the executable; returns the process, and the files of its output.
local function start(...)
    local out, err = scratch(), scratch()
    return assert(process.start({ BIN, ... }, { stdout = out, stderr = err })), out, err
end

-- Runs it to its end: exit status (a signal's name when it was killed), stdout, stderr.
local function run(...)
    local child, out, err = start(...)
    local how, code = child:wait(PATIENCE)
    assert(how, "the executable did not end")
    return how == "exited" and code or how, read(out), read(err)
end

-- Waits until a file holds a text.
local function wait_for(path, text)
    local left = PATIENCE
    while not read(path):find(text, 1, true) do
        assert(left > 0, "waited in vain for: " .. text)
        process.sleep(0.01)
        left = left - 0.01
    end
end

describe("hawser", function()
    after_each(function()
        for _, path in ipairs(files) do os.remove(path) end
        files = {}
    end)

    it("tells its versions", function()
        local status, out = run("--version")
        assert.equal(0, status)
        local plain = out:gsub("%d+%.%d+%.%d+", "N")
        assert.equal("hawser N\nLua N\nlibuv N\n", plain)
        assert.equal(out, select(2, run("version")))
    end)

    it("helps", function()
        local status, out = run("--help")
        assert.equal(0, status)
        assert.truthy(out:find("run FILE.lua", 1, true))
        local without, nothing, usage = run()
        assert.equal(2, without)
        assert.equal("", nothing)
        assert.equal(out, usage)
    end)

    it("names the nearest of what it knows", function()
        local function complaint(...)
            local status, out, err = run(...)
            assert.equal(2, status)
            assert.equal("", out)
            return err
        end
        assert.truthy(complaint("rnu"):find('did you mean "run"', 1, true))
        assert.truthy(complaint("--versoin"):find('did you mean "--version"', 1, true))
        assert.truthy(complaint("my.lua"):find("hawser run my.lua", 1, true))
        assert.truthy(complaint("--log", "debgu", "run"):find('did you mean "debug"', 1, true))
        assert.truthy(complaint("--log"):find("debug", 1, true))
        assert.truthy(complaint("run"):find("usage", 1, true))
    end)

    it("runs a script with its arguments", function()
        local path = script [[print(arg[0], #arg, ...) return 3]]
        local status, out, err = run("run", path, "a", "b c")
        assert.equal(3, status)
        assert.equal(path .. "\t2\ta\tb c\n", out)
        assert.equal("", err)
    end)

    it("runs a script from standard input", function()
        local path, out, err = script "print(arg[0], ...) error('on purpose')", scratch(), scratch()
        local child = assert(process.start({ "sh", "-c", 'exec "$0" run - a b <"$1"', BIN, path },
                                           { stdout = out, stderr = err }))
        assert.same({ "exited", 1 }, { child:wait(PATIENCE) })
        assert.equal("-\ta\tb\n", read(out))
        assert.truthy(read(err):find("hawser: stdin:1: on purpose", 1, true))
    end)

    it("tells what a command takes", function()
        for _, option in ipairs { "--help", "-h" } do
            local status, out, err = run("run", option)
            assert.same({ 0, "" }, { status, err })
            assert.truthy(out:find("usage: hawser run [--console SOCKET] FILE.lua [ARGUMENTS]", 1,
                                   true))
            assert.equal(out, select(3, run("run")))
        end
        local status, _, err = run("run", "--fast", "x.lua")
        assert.equal(2, status)
        assert.truthy(err:find("unknown option --fast", 1, true))
    end)

    it("tells it in 80 columns", function()
        local commands = { "run", "repl", "attach", "stats", "policy", "bench", "--help" }
        for _, command in ipairs(commands) do
            for line in select(2, run(command, "--help")):gmatch("[^\n]+") do
                assert.truthy(#line < 81, command .. ": " .. line)
            end
        end
    end)

    it("says where a script is wrong", function()
        local path = script "local x = 1\nlocal function f() x.y.z = 1 end\nf()\n"
        local status, _, err = run("run", path)
        assert.equal(1, status)
        assert.truthy(err:find(path .. ":2: attempt to index", 1, true))
        assert.truthy(err:find("stack traceback", 1, true))
        assert.truthy(err:find(path .. ":3: in main chunk", 1, true))
        status, _, err = run("run", script "x = = 1")
        assert.equal(1, status)
        assert.truthy(err:find(":1: unexpected symbol", 1, true))
        status, _, err = run("run", "/nowhere/at-all.lua")
        assert.equal(1, status)
        assert.truthy(err:find("/nowhere/at-all.lua", 1, true))
        status, _, err = run("run", script "error {}")
        assert.equal(1, status)
        assert.truthy(err:find("a table value", 1, true))
    end)

    it("runs the systems that a script leaves running", function()
        local status, out = run("run", script [[
            local system = require("hawser").system { name = "left" }
            system:after(0.02, function() print("later") system:stop() end)
            print("script done")
        ]])
        assert.equal(0, status)
        assert.equal("script done\nlater\n", out)
    end)

    it("finds modules and policies beside the script", function()
        local status, out = run("run", "spec/support/beside/main.lua")
        assert.equal(0, status)
        assert.equal("beside\nfrom-a-file\n", out)
    end)

    it("logs failing handlers to stderr, or not, as --log says", function()
        local path = script [[
            local system = require("hawser").system { name = "loud" }
            system:spawn { started = function() error("on purpose") end }
            system:after(0.05, function() system:stop() end)
        ]]
        local status, out, err = run("run", path)
        assert.equal(0, status)
        assert.equal("", out)
        assert.truthy(err:find("loud: ", 1, true))
        assert.truthy(err:find("on purpose", 1, true))
        assert.truthy(err:find(path .. ":2:", 1, true))
        -- Who, what becomes of it and why come first; each line of the traceback has the prefix.
        assert.truthy(err:gsub("client%-%x+", "client", 1):find('loud: ActorFailed stop count=1 '
            .. 'pid="client:0/$1": ' .. path .. ":2: on purpose\n", 1, true))
        for line in err:gmatch("[^\n]+") do
            assert.truthy(line:find("^%d%d:%d%d:%d%d%.%d%d%d error   loud: "), line)
        end
        assert.equal("", select(3, run("--log", "off", "run", path)))
        assert.truthy(select(3, run("--log=debug", "run", path)):find("ActorStarted", 1, true))
    end)

    it("warns of what a system did not deliver", function()
        for count, text in pairs { "1 message was", "2 messages were" } do
            local path = script(([[
                local system = require("hawser").system { name = "hasty" }
                for i = 1, %d do system:send("127.0.0.1:1/x", i) end
                system:stop { deadline = 0 }
            ]]):format(count))
            local status, _, err = run("run", path)
            assert.equal(0, status)
            assert.truthy(err:find("warning hasty: stopped: " .. text .. " not delivered", 1, true))
            assert.equal("", select(3, run("--log", "error", "run", path)))
        end
    end)

    for _, signal in ipairs { { "SIGINT", process.SIGINT }, { "SIGTERM", process.SIGTERM } } do
        it("stops all systems in order on " .. signal[1], function()
            local child, out = start("run", script [[
                io.stdout:setvbuf("no")
                local hawser = require "hawser"
                for _, name in ipairs { "a", "b" } do
                    local system = hawser.system { name = name, listen = "127.0.0.1:0" }
                    system:spawn { stopped = function() print("actor stopped", name) end }
                    system.events:subscribe("Shutdown", function() print("shutdown", name) end)
                    system:after(0, function() print("running", name) end)
                end
            ]])
            wait_for(out, "running\ta")
            wait_for(out, "running\tb")
            child:kill(signal[2])
            local how, code = child:wait(PATIENCE)
            assert.same({ "exited", 0 }, { how, code })
            local text = read(out)
            for _, name in ipairs { "a", "b" } do
                assert.truthy(text:find("actor stopped\t" .. name, 1, true))
                assert.truthy(text:find("shutdown\t" .. name, 1, true))
            end
        end)
    end

    it("stops at once on a second signal", function()
        local child, out = start("run", script [[
            io.stdout:setvbuf("no")
            local system = require("hawser").system { name = "slow", shutdown_deadline = 3600,
                connect_timeout = 3600, reconnect_max_retries = 0, log = false }
            system:send("127.0.0.1:1/x", "waits for a connection that does not come")
            system:after(0, function() print("running") end)
            local function tick() print("tick") system:after(0.02, tick) end
            tick()
        ]])
        wait_for(out, "running")
        child:kill(process.SIGINT)
        process.sleep(0.2)
        child:kill(process.SIGINT)
        local how, code = child:wait(PATIENCE)
        assert.same({ "exited", 0 }, { how, code })
    end)

    -- ThreadSanitizer keeps signals back until the next call into libc, and this script makes none.
    local is_tsan = BIN:find("/tsan/", 1, true)
    for _, signal in ipairs(is_tsan and {} or { process.SIGINT, process.SIGTERM }) do
        it("interrupts a script that has not come to its loop, signal " .. signal, function()
            local child, out, err = start("run", script [[
                io.stdout:setvbuf("no")
                print("busy")
                while true do end
            ]])
            wait_for(out, "busy")
            child:kill(signal)
            assert.same({ "exited", 128 + signal }, { child:wait(PATIENCE) })
            assert.equal("hawser: interrupted\n", read(err))
        end)
    end

    it("takes no error of a script's for a signal", function()
        local status, _, err = run("run", script 'error("interrupted", 0)')
        assert.equal(1, status)
        assert.truthy(err:find("stack traceback", 1, true))
    end)

    it("frees what a script leaves behind, whatever state it is in", function()
        local status, _, err = run("run", script [[
            local hawser = require "hawser"
            local a = hawser.system { name = "a", listen = "127.0.0.1:0", log = false }
            local b = hawser.system { name = "b", log = false, policy = "default" }
            local pid = a:spawn(function(ctx) ctx:sleep(100) end)
            for i = 1, 100 do a:send(pid, i) b:send(a.address .. "/x", i) end
            b:request(a.address .. "/silent", 1, print)
            a:after(100, print)
            a.events:subscribe("*", function() end)
            hawser.run_until(function() return false end, 0.1)
            error("the script ends here")
        ]])
        assert.equal(1, status)
        assert.truthy(err:find("the script ends here", 1, true))
        assert.is_nil(err:find("Sanitizer", 1, true))
    end)

    it("adds nothing but dead letters when a script ends in the middle of its work", function()
        local status, _, err = run("run", script [[
            local hawser = require "hawser"
            local policy = { deadletter = function() return "publish" end }
            local a = hawser.system { name = "a", listen = "127.0.0.1:0", policy = policy }
            local b = hawser.system { name = "b", listen = "127.0.0.1:0", policy = policy }
            local echo = b:spawn_named("echo", function(ctx, m) ctx:respond(m) end)
            a:send(b.address .. "/echo", 0)
            hawser.run_until(function() return a:statistics(b.address).connects == 1 end, 10)
            local new = a:spawn { receive = function() end, started = function() end }
            for i = 1, 3 do
                a:send(new, i) b:send(echo, i) a:send(b.address .. "/echo", i)
                a:send(b.address .. "/nobody", i) a:send("nobody", i)
            end
            error("the script ends here")
        ]])
        assert.equal(1, status)
        local rest = err:match("stack traceback:\n(.*)$")
        for line in rest:gmatch("[^\n]+") do
            local told = line:find(": dead letter to ", 1, true) -- what was lost is told
                or line:find("messages were not delivered", 1, true)
            assert(told or line:sub(1, 1) == "\t", line)
        end
    end)
end)

describe("hawser.process", function()
    it("tells how a child ended", function()
        assert.same({ "exited", 0 }, { assert(process.start { "true" }):wait(PATIENCE) })
        local three = assert(process.start { "sh", "-c", "exit 3" })
        assert.same({ "exited", 3 }, { three:wait(PATIENCE) })
        local child = assert(process.start { "sleep", "100" })
        assert.is_true(math.type(child:id()) == "integer")
        assert.equal("ETIMEOUT", select(3, child:wait(0.01)))
        assert.is_true(child:kill(process.SIGKILL))
        assert.same({ "killed", 9 }, { child:wait(PATIENCE) })
        assert.same({ "killed", 9 }, { child:wait() })
        assert.is_false(child:kill())
        assert.is_nil(child:id())
    end)

    it("says what can't be started", function()
        local child, message, code = process.start { "/nowhere/at-all" }
        assert.is_nil(child)
        assert.is_string(message)
        assert.equal("EIO", code)
        assert.has_error(function() process.start {} end)
        assert.has_error(function() process.start "true" end)
    end)

    it("kills a child that nobody holds any more", function()
        local id = assert(process.start { "sleep", "100" }):id()
        collectgarbage()
        collectgarbage()
        assert.is_nil(os.execute("kill -0 " .. id .. " 2>/dev/null"))
    end)
end)
