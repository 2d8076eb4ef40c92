-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- Kinds, remote spawns and diagnostics from Lua, over real TCP: every status, what a constructor
-- may do, lists and one process's figures, and that nothing is left behind.

local hawser = require("hawser")
local systems = dofile("spec/support/systems.lua")

local alpha, beta, reports

-- Runs `fn` as a handler of alpha's and gives back what it returns; its error fails the test.
local function inside(fn)
    local results, failed
    local subscription = alpha.events:subscribe("ActorFailed", function(event)
        failed = event.detail
    end)
    alpha:spawn { started = function(ctx)
        results = table.pack(fn(ctx))
        ctx:stop()
    end }
    systems.wait(function() return results or failed end, 60)
    subscription:unsubscribe()
    assert(not failed, failed)
    return table.unpack(results, 1, results.n)
end

local function start(options)
    reports = {}
    local function log(level, line)
        if level == "warning" or level == "error" then reports[#reports + 1] = line end
    end
    local all = { name = "beta", log = log }
    for name, value in pairs(options or {}) do all[name] = value end
    alpha = systems.new { name = "alpha" }
    beta = systems.new(all)
end

local function worker(arguments)
    return function(ctx, message) ctx:respond { arguments, message } end
end

-- What a spawn came to: its status, its code.
local function outcome(pid, message, code, result)
    if pid then return "ok" end
    assert.is_string(message)
    return result.status, code, result.retryable, result.pid
end

describe("a remote spawn", function()
    before_each(function() start() end)
    after_each(systems.stop)

    it("makes an actor of a kind with its arguments", function()
        local about
        beta:register_kind("worker", function(arguments, asked)
            about = asked
            return worker(arguments)
        end, { allow = { "alpha" } })
        local pid, reply = inside(function(ctx)
            local pid = assert(ctx:spawn_remote(beta.address, "worker", { size = 3 }))
            return pid, ctx:request(pid, "hi")
        end)
        assert.equal(beta.address, pid.address)
        assert.same({ { size = 3 }, "hi" }, reply)
        assert.same({ kind = "worker", peer = "alpha", address = alpha.address }, about)
        assert.same({ worker = 1 }, beta:kinds())
        local named = inside(function(ctx)
            return ctx:spawn_remote_named(beta.address, "w-1", "worker", nil, { timeout = 5 })
        end)
        assert.equal(beta.address .. "/w-1", tostring(named))
        assert.equal("w-1", about.name)
    end)

    it("can be asked for outside of handlers", function()
        beta:register_kind("worker", worker, { allow = { "127.0.0.1:*" } })
        local got
        alpha:spawn_remote(beta.address, "worker", 5, function(...) got = table.pack(...) end)
        systems.wait(function() return got end)
        assert.equal(1, got.n)
        assert.equal(beta.address, got[1].address)
        got = nil
        local handle = alpha:spawn_remote_named(beta.address, "x", "worker", 5, { timeout = 3 },
            function(...) got = table.pack(...) end)
        assert.is_true(handle:cancel())
        systems.idle()
        assert.is_nil(got)
        alpha:spawn_remote(beta.address, "wroker", function(...) got = table.pack(...) end)
        systems.wait(function() return got end)
        assert.same({ "error", "ENOTFOUND", false }, { outcome(table.unpack(got, 1, got.n)) })
    end)

    it("is the same call near", function()
        alpha:register_kind("worker", worker)
        assert.equal("ok", outcome(inside(function(ctx)
            return ctx:spawn_remote_named(alpha.address, "w", "worker")
        end)))
        local status, code, retryable, pid = outcome(inside(function(ctx)
            return ctx:spawn_remote_named(alpha.address, "w", "worker")
        end))
        assert.same({ "process_name_already_exists", "EEXIST", false }, { status, code, retryable })
        assert.equal(alpha:pid("w"), pid)
    end)

    local function spawn(...)
        local arguments = table.pack(...)
        return inside(function(ctx)
            return ctx:spawn_remote(table.unpack(arguments, 1, arguments.n))
        end)
    end

    it("of an unknown kind is an error", function()
        local letters = systems.events(beta, "DeadLetter")
        local pid, message, code, result = spawn(beta.address, "nothing")
        assert.is_nil(pid)
        assert.equal(beta.address .. ": the kind is not registered", message)
        assert.same({ "ENOTFOUND", "error" }, { code, result.status })
        assert.equal("no_such_kind", letters[1].reason)
    end)

    it("is refused to whom no pattern names", function()
        local refused = systems.events(beta, "ServiceRefused")
        beta:register_kind("worker", worker)
        local _, message, code, result = spawn(beta.address, "worker")
        assert.same({ "EACCESS", "error" }, { code, result.status })
        local whom = "kind worker is not open to system alpha at " .. alpha.address
        assert.truthy(message:find(whom, 1, true))
        assert.same({ alpha.address, "alpha", "not_allowed" },
            { refused[1].address, refused[1].name, refused[1].reason })
        assert.truthy(table.concat(reports, "\n"):find("not open to system alpha", 1, true))
        beta:allow_kind("worker", { "gamma", "al?ha" })
        assert.equal("ok", outcome(spawn(beta.address, "worker")))
        beta:allow_kind("worker", {})
        assert.equal("error", outcome(spawn(beta.address, "worker")))
    end)

    it("whose constructor fails is an error, and harms nobody", function()
        local ways = {
            function() error("on purpose") end,
            function() error { "no text" } end,
            function() return nil, "not today" end,
            function() return nil end,
            function() return 5 end,
            function() return { recieve = print } end,
            function() return print, { name = "mine" } end,
            function() return print, { bad = 1 } end,
            function() while true do end end,
            function() coroutine.yield() end,
        }
        local said = {
            "on purpose", "table value", "not today", "returned nil", "function or table",
            "did you mean \"receive\"", "names it", "unknown spawn option", "budget", "yield",
        }
        systems.stop()
        start { handler_budget = 1000000 }
        for i, way in ipairs(ways) do
            beta:register_kind("k" .. i, way, { allow = { "*" } })
            local _, message, code, result = spawn(beta.address, "k" .. i)
            assert.same({ "EFAILED", "error", i }, { code, result.status, i })
            assert.truthy(message:find(said[i], 1, true), message)
            assert.is_nil(message:find("traceback", 1, true))
            assert.is_nil(message:find("%.lua:%d"), message)
        end
        assert.equal(1, #beta:actors()) -- "$services"
        beta:register_kind("worker", worker, { allow = { "*" } })
        assert.equal("ok", outcome(spawn(beta.address, "worker")))
    end)

    it("may have a constructor that meddles with kinds", function()
        beta:register_kind("last", function()
            assert(beta:unregister_kind("last"))
            assert(beta:register_kind("next", worker, { allow = { "*" } }))
            return worker()
        end, { allow = { "*" } })
        assert.equal("ok", outcome(spawn(beta.address, "last")))
        assert.equal("error", outcome(spawn(beta.address, "last")))
        assert.equal("ok", outcome(spawn(beta.address, "next")))
        assert.same({ next = 1 }, beta:kinds())
    end)

    it("may have a constructor that stops the system", function()
        beta:register_kind("end", function()
            beta:stop { deadline = 0 }
            return worker()
        end, { allow = { "*" } })
        local status, code = outcome(spawn(beta.address, "end", nil, { timeout = 5 }))
        assert.is_true(status == "error" and code == "ECLOSED" or status == "unavailable", status)
        systems.wait(function() return beta:is_stopped() end)
        assert.equal(0, beta:statistics().actors)
    end)

    it("is unavailable where too many live, and where nobody is", function()
        systems.stop()
        start { remote_spawn_limit = 2 }
        beta:register_kind("worker", worker, { allow = { "*" } })
        local pid = spawn(beta.address, "worker")
        spawn(beta.address, "worker")
        assert.same({ "unavailable", "EFULL", true }, { outcome(spawn(beta.address, "worker")) })
        alpha:stop(pid)
        systems.wait(function() return beta:kinds().worker == 1 end)
        assert.equal("ok", outcome(spawn(beta.address, "worker")))
        local address = beta.address
        beta:stop { deadline = 0 }
        systems.wait(function() return beta:is_stopped() end)
        assert.equal("unavailable", (outcome(spawn(address, "worker", nil, { timeout = 5 }))))
    end)

    it("that is answered too late is a timeout", function()
        beta:register_kind("worker", function()
            beta:cut_link(alpha.address)
            return worker()
        end, { allow = { "*" } })
        local function named(timeout)
            return inside(function(ctx)
                return ctx:spawn_remote_named(beta.address, "w", "worker", nil,
                    { timeout = timeout })
            end)
        end
        assert(inside(function(ctx) return ctx:request(beta.address .. "/$services", {}) end))
        assert.same({ "timeout", "ETIMEOUT", true }, { outcome(named(1)) })
        local status, pid
        for _ = 1, 100 do
            local _
            status, _, _, pid = outcome(named(5))
            if status ~= "unavailable" then break end
            systems.idle(0.02)
        end
        assert.equal("process_name_already_exists", status)
        assert.equal(beta:pid("w"), pid)
    end)

    it("that can not be delivered is a dead letter", function()
        systems.stop()
        start { max_frame_size = 1024 }
        beta:register_kind("worker", worker, { allow = { "*" } })
        assert.same({ "dead_letter", "ETOOLARGE", false },
            { outcome(spawn(beta.address, "worker", ("x"):rep(2000))) })
    end)

    it("that no system would take is refused at once", function()
        assert.same({ "error", "EINVAL", false }, { outcome(spawn(beta.address, "no kind")) })
        assert.same({ "error", "EENCODE", false },
            { outcome(spawn(beta.address, "worker", print)) })
        assert.same({ "dead_letter", "ETOOLARGE", false },
            { outcome(spawn(beta.address, "worker", ("x"):rep(70000))) })
        local _, message, code = spawn("127.0.0.1:70000", "worker")
        assert.equal("EADDRESS", code)
        assert.truthy(message:find("70000", 1, true))
        for _, name in ipairs { "", "a/b", "$1", "a b" } do
            assert.same({ "error", "EINVAL", false }, { outcome(inside(function(ctx)
                return ctx:spawn_remote_named(beta.address, name, "worker")
            end)) })
        end
    end)

    it("has actors that are supervised as their constructor says", function()
        local starts = 0
        beta:register_kind("worker", function()
            return {
                started = function() starts = starts + 1 end,
                receive = function() error("on purpose") end,
            }, { supervision = "restart" }
        end, { allow = { "*" } })
        local pid = spawn(beta.address, "worker")
        alpha:send(pid, 1)
        systems.wait(function() return starts == 2 end)
    end)

    it("comes ten thousand times, and nothing is left", function()
        beta:register_kind("worker", worker, { allow = { "alpha" } })
        local function round()
            local pids, failed = {}, nil
            for i = 1, 10000 do
                alpha:spawn_remote_named(beta.address, "w-" .. i, "worker", { i }, { timeout = 60 },
                    function(pid, message)
                        failed = failed or message
                        pids[#pids + 1] = pid
                    end)
            end
            systems.wait(function() return failed or #pids == 10000 end, 100)
            assert.is_nil(failed)
            assert.equal(10000, beta:kinds().worker)
            for _, pid in ipairs(pids) do alpha:stop(pid) end
            systems.wait(function() return beta:kinds().worker == 0 end, 100)
        end
        local function memory()
            systems.idle(0.1)
            collectgarbage()
            collectgarbage()
            return beta:statistics().memory, collectgarbage("count")
        end
        round()
        local core, lua = memory()
        round()
        local core_after, lua_after = memory()
        assert.is_true(core_after < core + 64 * 1024, core .. " -> " .. core_after)
        assert.is_true(lua_after < lua + 256, lua .. " -> " .. lua_after)
    end)
end)

describe("kinds", function()
    before_each(function() start() end)
    after_each(systems.stop)

    it("have names that are taken once", function()
        assert.is_true(beta:register_kind("worker", worker))
        assert.same({ "a kind \"worker\" is registered already", "EEXIST" },
            { select(2, beta:register_kind("worker", worker)) })
        assert.is_true(beta:unregister_kind("worker"))
        assert.is_true(beta:register_kind("worker", worker))
        assert.same({ "no kind \"wroker\" is registered; did you mean \"worker\"?", "ENOTFOUND" },
            { select(2, beta:allow_kind("wroker", {})) })
        assert.equal("ENOTFOUND", select(3, beta:unregister_kind("wroker")))
    end)

    it("are told what is wrong with them", function()
        for _, case in ipairs {
            { "expected 1 to 64", "a kind", worker },
            { "function expected", "worker", 5 },
            { "did you mean \"allow\"", "worker", worker, { alow = {} } },
            { "expected a list of patterns", "worker", worker, { allow = "beta" } },
            { "allow%[2%]: expected a string", "worker", worker, { allow = { "a", {} } } },
            { "one with a ':' is for addresses", "worker", worker, { allow = { "a b" } } },
        } do
            local ok, message = pcall(beta.register_kind, beta, table.unpack(case, 2, 4))
            assert.is_false(ok)
            assert.truthy(message:find(case[1]), message)
        end
        assert.same({}, beta:kinds())
    end)

    -- What __index makes nobody else holds: the sanitizers see whether it is read after its end.
    it("and lists of processes take no text from a table that forgets it", function()
        local function forgetful(make)
            return setmetatable({}, { __len = function() return 2 end, __index = function(_, key)
                for i = 1, 100 do assert(("%d"):rep(60) .. i) end
                collectgarbage()
                return make(key)
            end })
        end
        local function text(key) return ("x"):rep(80) .. tostring(key) end
        assert.is_true(beta:register_kind("worker", worker, { allow = forgetful(text) }))
        assert.is_true(beta:allow_diagnostics(forgetful(text)))
        local page
        assert(beta:list_processes(nil, forgetful(function(key)
            return key == "pattern" and text(key) or nil
        end), function(got) page = got end))
        systems.wait(function() return page end)
        assert.same({}, page)
    end)

    it("go with their system", function()
        local weak = setmetatable({}, { __mode = "k" })
        do
            local system = systems.new { name = "gone" }
            local constructor = function() return system and print end
            weak[constructor] = true
            system:register_kind("worker", constructor)
            system:stop { deadline = 0 }
        end
        systems.stop()
        collectgarbage()
        collectgarbage()
        assert.is_nil(next(weak))
    end)
end)

describe("diagnostics", function()
    before_each(function() start() end)
    after_each(systems.stop)

    it("are closed until they are opened", function()
        local _, message, code = inside(function(ctx) return ctx:list_processes(beta.address) end)
        assert.equal("EACCESS", code)
        assert.truthy(message:find("diagnostics are not open to system alpha", 1, true))
        assert.equal("EACCESS", select(3, inside(function(ctx)
            return ctx:get_process_diagnostics(beta.address .. "/x")
        end)))
        beta:allow_diagnostics { "alpha" }
        assert(inside(function(ctx) return ctx:list_processes(beta.address) end))
        beta:allow_diagnostics {}
        assert.equal("EACCESS",
            select(3, inside(function(ctx) return ctx:list_processes(beta.address) end)))
    end)

    it("list processes by part, whole and expression, near and far", function()
        beta:allow_diagnostics { "*" }
        for _, system in ipairs { alpha, beta } do
            for i = 1, 250 do system:spawn_named("worker-" .. i, print) end
        end
        for _, address in ipairs { alpha.address, beta.address } do
            local function count(query)
                return inside(function(ctx)
                    local seen, total = {}, 0
                    for pid in ctx:processes(address, query) do
                        assert(pid.address == address and not seen[pid.id])
                        seen[pid.id] = true
                        total = total + 1
                    end
                    return total
                end)
            end
            assert.equal(250, count { pattern = "worker-" })
            assert.equal(250, count { pattern = "orker", limit = 7 })
            assert.equal(11, count { pattern = "r-11" })
            assert.equal(1, count { pattern = "worker-11", match = "exact" })
            assert.equal(0, count { pattern = "worker", match = "exact" })
            assert.equal(25, count { pattern = "^worker-\\d*5$", match = "regex" })
            local page = inside(function(ctx)
                return ctx:list_processes(address, { pattern = "worker", limit = 100 })
            end)
            assert.equal(100, #page)
            assert.equal("integer", math.type(page.next))
        end
        local all = inside(function(ctx) return ctx:list_processes(nil, { limit = 1000 }) end)
        assert.is_true(#all > 250)
    end)

    it("list a hundred thousand processes while others come and go", function()
        beta:allow_diagnostics { "alpha" }
        local crowd = 100000
        local function quiet() end
        for i = 1, crowd do beta:spawn_named("p-" .. i, quiet) end
        local seen, pages = inside(function(ctx)
            local seen, pages, query = {}, 0, { pattern = "p-", limit = 1000 }
            repeat
                local page = assert(ctx:list_processes(beta.address, query))
                for _, pid in ipairs(page) do
                    assert(not seen[pid.id])
                    seen[pid.id] = true
                end
                pages = pages + 1
                for i = pages * 400, pages * 400 + 399 do -- with an odd number
                    if 2 * i + 1 < crowd then beta:stop("p-" .. 2 * i + 1) end
                    beta:spawn_named("new-" .. i, quiet)
                end
                query.cursor = page.next
            until not query.cursor
            return seen, pages
        end)
        for i = 2, crowd, 2 do assert(seen["p-" .. i], i) end
        assert.is_true(pages >= 100)
    end)

    it("say what is wrong with a pattern", function()
        local function fails(query)
            return select(2, inside(function(ctx) return ctx:list_processes(nil, query) end))
        end
        assert.truthy(fails({ pattern = "(", match = "regex" }):find("no regular expression"))
        alpha:spawn_named(("a"):rep(60), print)
        assert.truthy(fails({ pattern = "(a+)+[xy]", match = "regex" }):find("too many steps"))
        assert.truthy(fails({ pattern = ("a"):rep(256) }):find("argument is invalid"))
        assert.has_error(function()
            inside(function(ctx)
                ctx:processes(nil, { pattern = "(", match = "regex" })()
            end)
        end)
        for _, case in ipairs {
            { "did you mean \"regex\"", { match = "regexp" } },
            { "expected an integer", { limit = -1 } },
            { "did you mean \"pattern\"", { patern = "x" } },
            { "expected a string", { pattern = {} } },
        } do
            local ok, message = pcall(alpha.list_processes, alpha, nil, case[2], print)
            assert.is_false(ok)
            assert.truthy(message:find(case[1]), message)
        end
    end)

    it("miss a function, not a system", function()
        local _, wrong = pcall(function() return beta:list_processes() end)
        assert.matches("bad argument #1 to 'list_processes' %(function that takes", wrong)
    end)

    it("tell what one process is at", function()
        beta:allow_diagnostics { "*" }
        beta:register_kind("worker", function()
            return function(ctx, message)
                if message == "wait" then ctx:sleep(30) end
                if message == "fail" then error("on purpose") end
                ctx:respond(message)
            end
        end, { allow = { "*" } })
        local function diagnose(pid)
            return inside(function(ctx)
                return ctx:get_process_diagnostics(pid, { timeout = 5 })
            end)
        end
        local pid = inside(function(ctx)
            local pid = ctx:spawn_remote_named(beta.address, "w", "worker")
            ctx:send(pid, "fail")
            for i = 1, 3 do ctx:request(pid, i) end
            return pid
        end)
        local watcher = alpha:spawn(print)
        alpha:watch(watcher, pid)
        local got = diagnose(pid)
        assert.is_true(got.memory > 0)
        got.memory = nil
        assert.same({ kind = "worker", state = "idle", mailbox_length = 0, mailbox_size = 1000000,
            handled = 4, failures = 1, watchers = 1 }, got)
        for _ = 1, 3 do alpha:send(pid, "wait") end
        got = diagnose(tostring(pid))
        assert.equal("suspended", got.state)
        assert.is_true(got.mailbox_length >= 2)
        local _, message, code = diagnose(beta.address .. "/nobody")
        assert.equal("ENOTFOUND", code)
        assert.equal(beta.address .. ": no actor \"nobody\" lives here", message)
        local answer
        alpha:get_process_diagnostics(watcher, function(figures) answer = figures end)
        systems.wait(function() return answer end)
        assert.is_nil(answer.kind)
        assert.equal("idle", answer.state)
    end)
end)

describe("a host's own module", function()
    it("has no call for these things in a policy", function()
        local system = systems.new { name = "x" }
        assert.has_error(function() system:spawn_remote("127.0.0.1:1", "k") end)
        assert.has_error(function() system:spawn_remote("127.0.0.1:1") end)
        assert.has_error(function() system:spawn_remote("a", "b", {}, {}, print, 6) end)
        assert.has_error(function() system:list_processes(nil, {}, {}) end)
        assert.is_nil(hawser.spawn_remote)
        systems.stop()
    end)
end)
