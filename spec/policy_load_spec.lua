-- SPDX-License-Identifier: MIT
local policy = require "hawser.policy"

local directory

local function write(name, text)
    local path = directory .. "/" .. name
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    return path
end

local function refusal(...)
    local compiled, message, code = policy.load(...)
    assert.is_nil(compiled)
    assert.equal("EPOLICY", code)
    return message
end

local function question(attempt)
    return { address = "b:1", attempt = attempt, elapsed = 0, delay = 0, reason = "refused" }
end

describe("policy.load", function()
    before_each(function()
        directory = os.tmpname()
        os.remove(directory)
        assert(os.execute("mkdir " .. directory))
    end)

    after_each(function()
        assert(os.execute("rm -r " .. directory))
    end)

    it("finds the shipped policies by name", function()
        for _, name in ipairs(policy.shipped) do
            local c = assert(policy.load(name))
            assert.equal(name, c.name)
            assert.matches("hawser/policy/" .. name .. ".lua$", c.source)
        end
    end)

    it("ships five tries, two seconds apart", function()
        local c = assert(policy.load "fixed")
        for attempt = 1, 5 do
            assert.same({ 2, true }, { c:backoff(question(attempt)) })
        end
        assert.is_nil((c:backoff(question(6))))
    end)

    it("ships as default what a policy that says nothing gets", function()
        local shipped, empty = assert(policy.load "default"), assert(policy.load {})
        for attempt = 1, 6 do
            local asked = question(attempt)
            asked.random = function()
                return 0.25
            end
            assert.same({ shipped:backoff(asked) }, { empty:backoff(asked) })
        end
        assert.same(shipped:throttle(), empty:throttle())
        assert.equal(shipped:disconnected(), empty:disconnected())
    end)

    it("compiles a table", function()
        assert.equal("t", assert(policy.load { name = "t" }).name)
        assert.matches("^policy \"t\": throtle: unknown key", refusal { name = "t", throtle = 1 })
    end)

    it("runs a file, named after itself if it has no name", function()
        local path = write("night-shift.lua", 'return { disconnected = "queue" }')
        local c = assert(policy.load(path))
        assert.equal("night-shift", c.name)
        assert.equal(path, c.source)
        assert.equal("queue", c:disconnected "b:1")
        assert.equal("own", assert(policy.load(write("x.lua", 'return { name = "own" }'))).name)
    end)

    it("reads the file again each time", function()
        write("night.lua", 'return { disconnected = "queue" }')
        local options = { path = directory .. "/?.lua" }
        assert.equal("queue", assert(policy.load("night", options)):disconnected())
        write("night.lua", 'return { disconnected = "deadletter" }')
        assert.equal("deadletter", assert(policy.load("night", options)):disconnected())
    end)

    it("looks a name up as a module first, without keeping it", function()
        package.preload["hawser.policy.spec_only"] = function()
            return { disconnected = "queue" }
        end
        finally(function()
            package.preload["hawser.policy.spec_only"] = nil
        end)
        write("spec_only.lua", "return {}")
        local c = assert(policy.load("spec_only", { path = directory .. "/?.lua" }))
        assert.equal("spec_only", c.name)
        assert.equal("hawser.policy.spec_only", c.source)
        assert.equal("queue", c:disconnected())
        assert.is_nil(package.loaded["hawser.policy.spec_only"])
    end)

    it("does not take the modules beside the policies for policies", function()
        write("backoff.lua", "return {}")
        assert.equal(directory .. "/backoff.lua",
                     assert(policy.load("backoff", { path = directory .. "/?.lua" })).source)
        assert.matches('^no policy "glob": looked for %./glob.lua, policies/glob.lua;',
                       refusal "glob")
    end)

    it("knows which modules beside the policies are none", function()
        local listing = assert(io.popen("ls lua/hawser/policy"))
        local count = 0
        for name in listing:read("a"):gmatch("(%w+)%.lua\n") do
            count = count + 1
            local shipped = name == "default" or name == "fixed"
            local compiled, message = policy.load(name)
            assert.equal(shipped, compiled ~= nil, name)
            assert.is_true(shipped or message:find("^no policy ") ~= nil, name)
        end
        listing:close()
        assert.is_true(count > 5)
    end)

    it("takes other defaults", function()
        local c = assert(policy.load(write("x.lua", "return {}"),
                                     { defaults = { disconnected = "queue" } }))
        assert.equal("queue", c:disconnected())
    end)

    it("says where it looked for a name, and what there is", function()
        assert.equal('no policy "defualt": looked for module hawser.policy.defualt, ./defualt.lua, '
            .. 'policies/defualt.lua; shipped: default, fixed; did you mean "default"?',
            refusal "defualt")
        assert.equal('no policy "night": looked for module hawser.policy.night, /nowhere/night.lua'
            .. "; shipped: default, fixed", refusal("night", { path = "/nowhere/?.lua" }))
    end)

    it("says that a path leads nowhere", function()
        assert.matches("^policy file %./nowhere.lua: .*No such file", refusal "./nowhere.lua")
        assert.matches("^policy file nowhere.lua: .*No such file", refusal "nowhere.lua")
    end)

    it("refuses what is neither a name nor a path", function()
        for _, name in ipairs { "", "a b", "-x", "a?b", "a;b" } do
            assert.matches("expected a name of letters, digits, _, %- and %., or a path$",
                           refusal(name))
        end
    end)

    it("gives the line of a slip in the grammar", function()
        local path = write("bad.lua", "return {\n  name = = 1\n}")
        assert.matches("bad.lua:2: unexpected symbol near '='", refusal(path), 1, true)
        assert.matches("bad.lua:2:", refusal("bad", { path = directory .. "/?.lua" }), 1, true)
    end)

    it("gives the line and traceback of an error", function()
        local path = write("bad.lua", "local x\n\nreturn { name = x.y }")
        local message = refusal(path)
        assert.matches("bad.lua:3: attempt to index a nil value (local 'x')", message, 1, true)
        assert.matches("stack traceback:\n", message, 1, true)
    end)

    it("gives the line in the file where a constructor is misused", function()
        local path = write("bad.lua", 'local backoff = require "hawser.policy.backoff"\n'
            .. "return {\n  backoff = backoff.fixed { dealy = 2 },\n}\n")
        assert.matches("bad.lua:3: backoff.fixed: unknown option dealy, expected one of delay, "
            .. 'jitter, max_retries; did you mean "delay"?', refusal(path), 1, true)
    end)

    it("says in a line that a module is missing, where, and the nearest", function()
        local path = write("night.lua", 'local name = "hawser.policy."\nrequire(name .. "backof")')
        local text = path .. ":2: module 'hawser.policy.backof' not found beside the policy or in"
            .. ' package.path; did you mean "hawser.policy.backoff"?\n'
        local message = refusal(path)
        assert.truthy(message:find(text, 1, true), message)
        assert.is_nil(message:find("no file", 1, true))
    end)

    it("names the file in front of the faults of its policy", function()
        local path = write("bad.lua", "return { throtle = 1 }")
        assert.matches("^policy file " .. path:gsub("%p", "%%%0")
                       .. ':\npolicy "bad": throtle: unknown key', refusal(path))
    end)

    it("lets a file use coroutines as ever, and leaves them as they were", function()
        local create, wrap = coroutine.create, coroutine.wrap
        local path = write("co.lua", [[
            local numbers = coroutine.wrap(function(a)
                local b = coroutine.yield(a + 1)
                return b, 7
            end)
            assert(numbers(1) == 2)
            local b, c = numbers(5)
            assert(b == 5 and c == 7)
            local ok, why = pcall(numbers)
            assert(not ok and why:find("dead coroutine"), why)
            ok, why = pcall(coroutine.wrap(function() error({ 1 }) end))
            assert(not ok and why[1] == 1)
            assert(coroutine.status(coroutine.create(print)) == "suspended")
            return { name = "co" }
        ]])
        assert.equal("co", assert(policy.load(path)).name)
        assert.equal(create, coroutine.create)
        assert.equal(wrap, coroutine.wrap)
    end)

    it("refuses a file that returns no table, never returns, or is bytecode", function()
        assert.matches("expected it to return a policy, a table, got nil$",
                       refusal(write("nil.lua", "local p = {}")))
        assert.matches("used up its budget of 10000000 instructions",
                       refusal(write("loop.lua", "while true do end")), 1, true)
        for _, text in ipairs {
            "coroutine.wrap(function() while true do end end)()",
            "local co = coroutine.create(function() while true do pcall(error) end end)\n"
                .. "while true do pcall(coroutine.resume, co) end",
        } do
            assert.matches("used up its budget of 10000000 instructions",
                           refusal(write("loop.lua", text:gsub("\n", " "))), 1, true)
        end
        local code = string.dump(assert(load "return {}"))
        assert.matches("attempt to load a binary chunk", refusal(write("code.lua", code)), 1, true)
    end)
end)
