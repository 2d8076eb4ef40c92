-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- Reloading a policy: what is read again, what is tried, what is told, and what stays when it
-- fails; by call, and on SIGHUP.

local lfs = require("lfs")
local policy = require("hawser.policy")
local process = require("hawser.process")
local systems = dofile("spec/support/systems.lua")

local BIN = dofile("spec/support/paths.lua").bin
local PATIENCE = 30
local NOWHERE = "127.0.0.1:1" -- refused at once

local directory

local function write(name, text)
    local path = directory .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local function fixed(delay)
    return ("return { backoff = require('hawser.policy.backoff').fixed { delay = %s } }\n"):format(
        delay)
end

local function in_a_directory()
    directory = os.tmpname()
    os.remove(directory)
    assert(lfs.mkdir(directory))
end

local function gone()
    assert(os.execute("rm -r " .. directory))
end

describe("the files of a policy", function()
    before_each(in_a_directory)
    after_each(gone)

    local function delay_of(compiled)
        return (compiled:backoff { address = "b:1", attempt = 1, elapsed = 0, delay = 0,
                                   reason = "refused" })
    end

    local WITH_LIMITS = [[
        local limits = require "limits"
        return { backoff = function() return limits.delay end }
    ]]

    it("are the file and the modules beside it, read again each time", function()
        local path = write("night.lua", WITH_LIMITS)
        write("limits.lua", "return { delay = 1 }")
        local first = assert(policy.load(path))
        write("limits.lua", "return { delay = 2 }")
        local second = assert(policy.load(path))
        assert.same({ 1, 2 }, { delay_of(first), delay_of(second) })
        assert.is_nil(package.loaded.limits)
        assert.matches("^%x%x%x%x%x%x%x%x$", first.version)
        assert.not_equal(first.version, second.version)
        write("limits.lua", "return { delay = 1 }")
        assert.equal(first.version, assert(policy.load(path)).version)
    end)

    it("are read once a load, in directories below too, and by the path of the script", function()
        write("night.lua", [[
            assert(require "parts.count" == require "parts.count")
            return { backoff = function() return require("parts.count").n end }
        ]])
        lfs.mkdir(directory .. "/parts")
        lfs.mkdir(directory .. "/parts/count")
        write("parts/count/init.lua", 'return { n = require("parts.one") }')
        write("parts/one.lua", "return 7, ...")
        assert.equal(7, delay_of(assert(policy.load(directory .. "/night.lua"))))
        local before = package.path
        package.path = directory .. "/?.lua;" .. before
        finally(function() package.path = before end)
        write("parts/day.lua", 'return { backoff = function() return require "parts.one" end }')
        assert.equal(7, delay_of(assert(policy.load(directory .. "/parts/day.lua"))))
        assert.is_nil(package.loaded["parts.one"])
    end)

    it("share what lies elsewhere", function()
        package.preload.spec_elsewhere = function() return { delay = 3 } end
        finally(function()
            package.preload.spec_elsewhere, package.loaded.spec_elsewhere = nil, nil
        end)
        write("spec_elsewhere.lua", "error('not this one')")
        local path = write("night.lua", [[
            local backoff = require "hawser.policy.backoff"
            assert(backoff == package.loaded["hawser.policy.backoff"])
            return { backoff = backoff.fixed { delay = require("spec_elsewhere").delay } }
        ]])
        assert.equal(3, delay_of(assert(policy.load(path))))
        assert.equal(3, package.loaded.spec_elsewhere.delay)
    end)

    it("have globals of their own", function()
        local path = write("night.lua", "shared_by_nobody = 4 "
            .. "return { backoff = function() return shared_by_nobody end }")
        assert.equal(4, delay_of(assert(policy.load(path))))
        assert.is_nil(rawget(_G, "shared_by_nobody"))
    end)

    it("may begin as a shell script does", function()
        local path = write("night.lua", "#!/usr/bin/env lua\nlocal x\nreturn { name = x.y }")
        assert.matches("night.lua:3: attempt to index", (select(2, policy.load(path))),
                       1, true)
    end)

    it("say where a slip in one of them is", function()
        local path = write("night.lua", "return {\n  backoff = require 'limits',\n}")
        write("limits.lua", "return\n  = 1")
        local _, message, code, about = policy.load(path)
        assert.equal("EPOLICY", code)
        assert.matches("night.lua:2: module limits: " .. directory .. "/limits.lua:2: unexpected",
                       message, 1, true)
        assert.equal(path, about.file)
        assert.matches("^%x+$", about.version)
        write("limits.lua", "return\n\n  nil + 1")
        assert.matches("limits.lua:3: attempt to perform arithmetic",
                       (select(2, policy.load(path))),
                       1, true)
        write("limits.lua", "local loop = require 'limits'")
        assert.matches("limits.lua:1: module limits requires itself",
                       (select(2, policy.load(path))),
                       1, true)
        write("limits.lua", "local five = require(5)")
        assert.matches("limits.lua:1: require: expected a module's name, got number",
                       (select(2, policy.load(path))),
                       1, true)
        assert.matches("module 'nowhere_at_all' not found",
                       (select(2, policy.load(write("x.lua", "require 'nowhere_at_all'")))),
                       1, true)
    end)

    it("have the version that the policy says, if it says one", function()
        local path = write("x.lua", 'return { version = "2.1" }')
        assert.equal("2.1", assert(policy.load(path)).version)
        assert.equal("7", assert(policy.load { version = 7 }).version)
        assert.is_nil(assert(policy.load {}).version)
        for _, wrong in ipairs { "", "a\nb", ("x"):rep(33), true } do
            assert.matches("version.*expected a number, or a text of 1 to 32 printable characters",
                           (select(2, policy.load { version = wrong })))
        end
    end)

    it("are of a bounded size, and files", function()
        assert.matches("more than 1048576 bytes", (select(2, policy.load "/dev/zero")),
                       1, true)
        assert.matches("^policy file .*: Is a directory$",
                       (select(2, policy.load(directory .. "/"))))
    end)
end)

describe("reload_policy", function()
    before_each(in_a_directory)
    after_each(function()
        systems.stop()
        gone()
    end)

    local function with(what, options)
        options = options or {}
        options.policy = what
        local system = systems.new(options)
        local loaded, errors = systems.events(system, "PolicyLoaded"),
            systems.events(system, "PolicyError")
        return system, loaded, errors
    end

    local function ask(system, attempts)
        local retries = systems.events(system, "EndpointReconnect")
        system:associate(NOWHERE)
        systems.wait(function() return #retries == attempts end)
        return retries
    end

    it("puts the file in force again, and says what differs", function()
        local path = write("night.lua", fixed(0.8))
        local system, loaded = with(path)
        assert.same({ true, "no question has been recorded yet" }, { system:reload_policy() })
        ask(system, 1)
        assert.same({ true, "answered 3 recorded questions as before" },
                    { system:reload_policy() })
        write("night.lua", fixed(2))
        local expected = "answered 3 recorded questions; 1 differs: " .. NOWHERE
            .. " attempt 1 (refused): 0.8 s -> 2 s"
        assert.same({ true, expected }, { system:reload_policy() })
        systems.wait(function() return #loaded == 3 end)
        local last = loaded[3]
        assert.same({ "night", path, 4, expected },
                    { last.name, last.file, last.count, last.detail })
        assert.equal(assert(policy.load(path)).version, last.version)
        assert.equal(loaded[1].version, loaded[2].version)
        assert.not_equal(loaded[2].version, last.version)
    end)

    it("draws the same random numbers: jitter is no difference", function()
        local path = write("night.lua", [[
            return { backoff = require("hawser.policy.backoff").exponential {
                initial = 0.01, max = 0.02, jitter = 1, max_retries = 0 } }]])
        local system = with(path)
        ask(system, 8)
        local ok, text = system:reload_policy()
        assert.is_true(ok)
        assert.matches("^answered %d+ recorded questions as before$", text)
    end)

    it("asks the next question of the new one; a timer that runs keeps its delay", function()
        local path = write("night.lua", fixed(0.3))
        local system = with(path)
        local retries = ask(system, 1)
        assert.equal(0.3, retries[1].delay)
        local attempts = systems.events(system, "AssociationAttempt")
        local before = system:now()
        write("night.lua", fixed(0.02))
        assert.is_true(system:reload_policy())
        systems.wait(function() return #attempts == 1 and #retries == 2 end)
        assert.is_true(attempts[1].time - before > 0.2)
        assert.equal(0.02, retries[2].delay)
        assert.equal(2, retries[2].attempt)
    end)

    it("keeps the old one when the file is broken, with file, line and traceback", function()
        local path = write("night.lua", fixed(0.01))
        local system, loaded, errors = with(path)
        write("night.lua", "local function limit()\n    return nil + 1\nend\n"
            .. "return { stable_after = limit() }")
        local ok, message, code = system:reload_policy()
        assert.same({ nil, "EPOLICY" }, { ok, code })
        assert.matches("night.lua:2: attempt to perform arithmetic", message, 1, true)
        assert.matches("night.lua:4: in ", message, 1, true)
        systems.wait(function() return #errors == 1 end)
        local told = errors[1]
        assert.same({ "reload", "night", path, message },
                    { told.reason, told.name, told.file, told.detail })
        assert.matches("^%x%x%x%x%x%x%x%x$", told.version)
        assert.equal(0.01, ask(system, 1)[1].delay)
        write("night.lua", "return {")
        assert.matches("night.lua:1: unexpected symbol near <eof>",
                       (select(2, system:reload_policy())),
                       1, true)
        write("night.lua", "return { backoff = function() return -1 end }")
        assert.matches("answered -1: expected seconds", (select(2, system:reload_policy())),
                       1, true)
        os.remove(path)
        assert.matches("No such file", (select(2, system:reload_policy())),
                       1, true)
        write("night.lua", fixed(0.02))
        assert.is_true(system:reload_policy())
        systems.wait(function() return #loaded == 1 and #errors == 4 end)
        assert.is_nil(errors[4].version)
        assert.equal(2, loaded[1].count)
    end)

    it("refuses one that fails on what was really asked", function()
        local path = write("night.lua", fixed(0.8))
        local system, loaded, errors = with(path)
        ask(system, 1)
        local broken = "return { backoff = function(q)\n"
            .. "  if q.address == '" .. NOWHERE .. "' then\n    %s\n  end\n  return 1\nend }"
        write("night.lua", broken:format("return q.nothing.at_all"))
        local ok, message, code = system:reload_policy()
        assert.same({ nil, "EPOLICY" }, { ok, code })
        assert.matches("^recorded question, " .. NOWHERE .. " attempt 1 %(refused%): "
                       .. "[^\n]*night.lua:3: attempt to index a nil value", message)
        assert.matches("stack traceback", message, 1, true)
        systems.wait(function() return #errors == 1 end)
        assert.same({ "reload", path, message },
                    { errors[1].reason, errors[1].file, errors[1].detail })
        write("night.lua", broken:format("while true do end"))
        assert.matches("night.lua:3: used up its budget of 100000 instructions",
                       (select(2, system:reload_policy())),
                       1, true)
        write("night.lua", broken:format("return 'soon'"))
        assert.matches("backoff answered soon", (select(2, system:reload_policy())),
                       1, true)
        assert.same({}, loaded)
    end)

    it("tries it with dry_run, and no longer when it is in force", function()
        local path = write("night.lua", [[
            return {
                backoff = function(q)
                    return q.dry_run and 0.5 or 0.01, true
                end,
                deadletter = function(letter)
                    return letter.dry_run and "drop" or "publish"
                end,
            }]])
        local system = with(path)
        system:send("nobody", 1)
        ask(system, 2)
        local ok, text = system:reload_policy()
        assert.is_true(ok)
        assert.matches("0.01 s -> 0.5 s", text, 1, true)
        assert.matches("nobody %(not_found%): publish %-> drop", text)
        assert.equal(0.01, ask(system, 1)[1].delay)
    end)

    it("says that there is no file to read", function()
        for _, case in ipairs {
            { { name = "t" }, "^the policy was given as a table: " },
            { nil, "^the system names no policy: " },
            { false, "^the system names no policy: " },
        } do
            local system, _, errors = with(case[1])
            local ok, message, code = system:reload_policy()
            assert.same({ nil, "EPOLICY" }, { ok, code })
            assert.matches(case[2], message)
            systems.wait(function() return #errors == 1 end)
            assert.same({ "reload", message }, { errors[1].reason, errors[1].detail })
        end
    end)

    it("reads what set_policy named last", function()
        local system, loaded = with("fixed")
        local path = write("night.lua", fixed(1))
        assert.is_true(system:set_policy(path))
        assert.is_nil(system:set_policy(directory .. "/nowhere.lua"))
        assert.is_true(system:reload_policy())
        assert.is_true(system:set_policy("fixed"))
        assert.is_true(system:reload_policy())
        systems.wait(function() return #loaded == 4 end)
        assert.equal(path, loaded[2].file)
        assert.matches("hawser/policy/fixed.lua$", loaded[4].file)
        assert.is_true(system:set_policy {})
        assert.is_nil(system:reload_policy())
    end)

    it("leaves levels that are compiled at once", function()
        local levels = "return { throttle = require('hawser.policy.throttle').levels { %s } }"
        local path = write("night.lua", levels:format("high = 0.9"))
        local system = with(path, { endpoint_writer_queue_size = 10 })
        local throttled = systems.events(system, "EndpointThrottled")
        for _ = 1, 5 do
            system:send("192.0.2.1:1/x", 1)
            system:send("192.0.2.2:1/x", 1)
        end
        write("night.lua", levels:format("low = 0.5, mid = { from = 0.6, keep_every = 9 }, "
            .. "full = { from = 0.8, refuse = true }"))
        local _, text = system:reload_policy()
        assert.matches("192.0.2.1:1 levels: high 0.9, hysteresis 0.05 -> low 0.5, "
            .. "mid 0.6 keeps 1 of 9, full 0.8 refuses, hysteresis 0.05", text, 1, true)
        systems.wait(function() return #throttled == 2 end)
        assert.same({ "low", "low" }, { throttled[1].level, throttled[2].level })
    end)

    it("takes no argument from a policy or a handler that fails", function()
        local system
        system = with { backoff = function(q)
            if not q.dry_run then system:reload_policy() end
            return 0.01
        end }
        local errors = systems.events(system, "PolicyError")
        system:associate(NOWHERE)
        systems.wait(function() return #errors >= 1 end)
        assert.matches("only answers; it can not act", errors[1].detail, 1, true)
    end)
end)

describe("SIGHUP", function()
    before_each(in_a_directory)
    after_each(gone)

    local SCRIPT = [[
        io.stdout:setvbuf("no")
        local hawser = require "hawser"
        for _, name in ipairs { "a", "b" } do
            local system = hawser.system { name = name, policy = "night", log = false }
            system.events:subscribe("Policy*", function(e)
                local line = e.detail and e.detail:match("^[^\n]*\n?[^\n]*"):gsub("\n", " ")
                print(name, e.type, e.name, e.file and e.file:match("[^/]*$"), e.version, e.count,
                      e.reason, line)
            end)
            system.events:subscribe("Shutdown", function() print(name, "shutdown") end)
            system:after(0, function() print(name, "running") end)
        end
    ]]

    local function start(command)
        local out, err = write("out", ""), write("err", "")
        return assert(process.start(command, { stdout = out, stderr = err })), out, err
    end

    local function wait_for(path, pattern)
        local left = PATIENCE
        while not read(path):find(pattern) do
            assert(left > 0, "waited in vain for: " .. pattern .. "\n" .. read(path))
            process.sleep(0.01)
            left = left - 0.01
        end
        return read(path)
    end

    it("reloads the policies of every system: good, then broken, then good again", function()
        write("night.lua", "return { version = 'one' }")
        local child, out, err = start { BIN, "run", write("main.lua", SCRIPT) }
        wait_for(out, "a\trunning")
        wait_for(out, "b\trunning")
        write("night.lua", "return { version = 'two' }")
        child:kill(process.SIGHUP)
        for _, name in ipairs { "a", "b" } do
            wait_for(out, name .. "\tPolicyLoaded\tnight\tnight.lua\ttwo\t2\t")
        end
        write("night.lua", "return {\n  version = = 3,\n}")
        child:kill(process.SIGHUP)
        for _, name in ipairs { "a", "b" } do
            wait_for(out, name .. "\tPolicyError\tnight\tnight.lua\t%x+\tnil\treload\t"
                .. "[^\n]*night.lua:2: unexpected symbol near '='")
        end
        write("night.lua", "return { version = 'three' }")
        child:kill(process.SIGHUP)
        for _, name in ipairs { "a", "b" } do
            wait_for(out, name .. "\tPolicyLoaded\tnight\tnight.lua\tthree\t3\t")
        end
        child:kill(process.SIGTERM)
        assert.same({ "exited", 0 }, { child:wait(PATIENCE) })
        assert.matches("a\tshutdown", read(out), 1, true)
        assert.equal("", read(err))
    end)

    it("is not lost before the loop runs", function()
        write("night.lua", "return {}")
        local child, out = start { BIN, "run", write("main.lua", [[
            io.stdout:setvbuf("no")
            print "busy"
            local go = arg[1]
            while not io.open(go) do end
            local system = require("hawser").system { name = "late", policy = "night" }
            system.events:subscribe("PolicyLoaded", function(e)
                print("loaded", e.count)
                if e.count == 2 then system:stop() end
            end)
        ]]), directory .. "/go" }
        wait_for(out, "busy")
        child:kill(process.SIGHUP)
        write("go", "")
        assert.same({ "exited", 0 }, { child:wait(PATIENCE) })
        assert.matches("loaded\t2", read(out), 1, true)
    end)

    it("stays ignored by who ignored it before", function()
        write("night.lua", "return {}")
        local child, out = start { "sh", "-c", 'trap "" HUP; exec "$0" run "$1"', BIN,
                                   write("main.lua", SCRIPT) }
        wait_for(out, "a\trunning")
        child:kill(process.SIGHUP)
        child:kill(process.SIGTERM)
        assert.same({ "exited", 0 }, { child:wait(PATIENCE) })
        assert.is_nil(read(out):find("\t2\t"))
    end)

    it("of a terminal that went away stops the systems in order", function()
        if not os.execute("command -v script >/dev/null 2>&1") then
            return pending("needs script(1)")
        end
        write("night.lua", "return {}")
        local log = write("log", "")
        local terminal = start { "script", "-qec", ("%s run %s %s"):format(BIN,
            write("main.lua", "local log = assert(io.open(arg[1], 'a')) log:setvbuf 'no'\n"
                .. "function print(...) log:write(table.concat({ ... }, '\\t'), '\\n') end\n"
                .. SCRIPT:gsub("io.stdout:setvbuf[^\n]*", "")), log), "/dev/null" }
        wait_for(log, "a\trunning")
        terminal:kill(process.SIGKILL)
        wait_for(log, "a\tshutdown")
        wait_for(log, "b\tshutdown")
        terminal:wait(PATIENCE)
    end)
end)
