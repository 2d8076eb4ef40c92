-- SPDX-License-Identifier: MIT
-- The console without a terminal: what it evaluates, prints, completes and commands.

local console = require("hawser.console")
local format = require("hawser.console.format")
local complete = require("hawser.console.complete")
local systems = dofile("spec/support/systems.lua")

local function session_of(options)
    local texts = {}
    local session = console.open {
        write = function(text) texts[#texts + 1] = text end,
        interrupts = options and options.interrupts,
    }
    return session, function()
        local text = table.concat(texts)
        texts = {}
        return text
    end
end

-- Types lines; the text they give, and the last one's status, once it has ended.
local function typed(session, read, ...)
    local status
    for _, line in ipairs { ... } do
        status = nil
        session:submit(line, function(how) status = how end)
        systems.wait(function() return status ~= nil end)
    end
    return read(), status
end

describe("a console", function()
    local session, read

    before_each(function() session, read = session_of() end)
    after_each(function()
        session:close()
        systems.stop()
    end)

    local function gives(expected, ...)
        local text, status = typed(session, read, ...)
        assert.equal(expected, text)
        return status
    end

    it("shows what an expression gives", function()
        gives("2\n", "1 + 1")
        gives('"a", nil, 3\n', '"a", nil, 3')
        gives("", "local nothing = 1")
        gives("nil\n", "unknown_name")
        gives("2\n2\n3\n", "2", "print(2)", "_ + 1, nil")
    end)

    it("waits for the rest of a text", function()
        assert.equal("more", (select(2, typed(session, read, "for i = 1, 2 do"))))
        assert.equal("for i = 1, 2 do", session:pending())
        assert.equal("done", gives("1\n2\n", "print(i)", "end"))
        assert.is_nil(session:pending())
    end)

    it("raises what keeps a cluster from being made, for an assignment shows nothing", function()
        assert.equal("failed", gives("error: policy file ./none.lua: No such file or directory\n",
                                     'c = cluster(2, { policy = "./none.lua" })'))
        gives('error: hawser.system: unknown option "polcy"; did you mean "policy"?\n',
              'c = cluster(2, { polcy = "fixed" })')
        gives("2\n", "c = cluster.new(2)", "c.size")
        gives("", "c:close() c = nil")
    end)

    it("says where a text is wrong", function()
        local status = gives("error: unexpected symbol near '*'\n  1 +* 2\n     ^\n", "1 +* 2")
        assert.equal("failed", status)
        gives("error: unexpected symbol near ')'\n  line 2: )\n          ^\n", "x = {", ")")
        gives("error: unexpected symbol near '*'\n  a * b, 2 ** 3\n            ^\n",
              "a * b, 2 ** 3")
    end)

    it("says where a text failed", function()
        gives("error: attempt to index a nil value (global 'foo')\n", "foo.bar")
        gives("error: deep\n  line 2: error('deep')\n", "if true then", "error('deep')", "end")
        local text = typed(session, read, "function console_spec_f() error('in f') end",
                           "console_spec_f()")
        assert.truthy(text:find("^error: in f\n  at prompt:1 in function console_spec_f\n"), text)
        assert.falsy(text:find("hawser/console", 1, true), text)
        gives("error: (error object is a table value)\n", "error({})")
        rawset(_G, "console_spec_f", nil)
    end)

    it("waits for answers, and for time", function()
        local system = systems.new { name = "alpha" }
        system:spawn_named("echo", function(ctx, message) ctx:respond(message) end)
        rawset(_G, "console_spec_system", system)
        gives('{ text = "hi" }\n', 'console_spec_system:request("echo", { text = "hi" })')
        local text = typed(session, read, 'console_spec_system:request("nobody", 1)')
        assert.truthy(text:find('^nil, ".*", "[A-Z]+"\n'), text)
        gives('1\n', "sleep(0.01) return 1")
        gives('5\n', "await(function(done) done(5) end)")
        local found = typed(session, read, 'console_spec_system:list_processes("'
            .. system.address .. '")')
        assert.truthy(found:find("echo", 1, true), found)
        gives("error: await: expected a function that takes the function to call when it is done,"
              .. " got nil\n", "await()")
        text = typed(session, read, "coroutine.wrap(function() sleep(1) end)()")
        assert.truthy(text:find("only a line typed at the prompt can wait here", 1, true), text)
        rawset(_G, "console_spec_system", nil)
    end)

    it("gives up a line that waits", function()
        local status
        session:submit("sleep(1000)", function(how) status = how end)
        assert.is_nil(status)
        session:interrupt()
        assert.equal("failed", status)
        assert.equal("interrupted\n", read())
    end)

    it("says that a line may not yield", function()
        gives("error: the line may not yield; await(...) waits\n", "coroutine.yield()")
    end)
end)

describe("a console's commands", function()
    local session, read

    before_each(function() session, read = session_of() end)
    after_each(function()
        session:close()
        systems.stop()
    end)

    local function shown(...) return (typed(session, read, ...)) end

    it("name the nearest", function()
        assert.equal("error: unknown command .sytems; did you mean .systems?\n", shown(".sytems"))
        assert.equal("error: unknown command .xyzzy; .help lists them\n", shown(".xyzzy"))
        assert.equal("error: no command .wacth; did you mean .watch?\n", shown(".help wacth"))
        assert.equal('error: no event matches "ActorStated"; did you mean "ActorStarted"?\n',
                     shown(".watch events ActorStated"))
    end)

    it("are explained, each with an example", function()
        local help = shown(".help")
        local count = 0
        for name in help:gmatch("\n  %.(%a+)") do
            count = count + 1
            assert.truthy(shown(".help " .. name):find("\nExample:\n  > .", 1, true), name)
        end
        assert.truthy(count >= 9, help)
        assert.truthy(help:find("c = cluster(3)", 1, true), help)
        for line in shown(".help top"):gmatch("[^\n]+") do assert.truthy(#line < 80, line) end
    end)

    it("tell a try that succeeded from one that is to come", function()
        shown('c = cluster(2, { time = "virtual", seed = 1 }) c:step(1) c:cut(1, 2)')
        shown("c:step(1) c:heal() c:step(5)")
        local text = shown(".trace EndpointReconnect")
        assert.matches("n1 EndpointReconnect loop:n2 reset attempt 1 in %S+ s\n", text)
        assert.matches("n1 EndpointReconnect loop:n2 attempt %d succeeded\n", text)
        shown("c:close() c = nil")
    end)

    it("say what leaving does to the process", function()
        local function leaving(line) return line:match("\n  %.quit +([^\n]*)") end
        assert.equal("leaves; the systems stop in order", leaving(shown(".help")))
        session.attached = true
        assert.equal("detaches; the process runs on", leaving(shown(".help")))
    end)

    it("tell of systems, endpoints and actors", function()
        assert.truthy(shown(".systems"):find("no system", 1, true))
        local alpha, beta = systems.new { name = "alpha" }, systems.new { name = "beta" }
        alpha:spawn_named("echo", function() end)
        alpha:associate(beta.address)
        systems.wait(function()
            local statistics = alpha:statistics(beta.address)
            return statistics and statistics.state == "connected"
        end)
        assert.equal(("system alpha %s (1 actor, 1 endpoint)\n"
            .. "system beta %s (0 actors, 1 endpoint)\n"):format(alpha.address, beta.address),
            shown(".systems"))
        assert.truthy(shown(".endpoints"):find("alpha: endpoint " .. beta.address
            .. " connected (beta", 1, true))
        assert.equal(alpha.address .. "/echo  0 waiting\n", shown(".actors ech*"))
        assert.equal("no actor's PID contains nobody\n", shown(".actors nobody"))
        assert.truthy(shown(".stats " .. beta.address):find("queue_capacity = 1000000", 1, true))
        assert.truthy(shown(".stats"):find("events_published", 1, true))
        assert.truthy(shown(".stats 1.2.3.4:5"):find("no system has an endpoint 1.2", 1, true))
        assert.equal("alpha: default\nbeta: default\n", shown(".policy"))
        alpha:set_policy "fixed"
        assert.equal("alpha: fixed\nbeta: default\n", shown(".policy"))
        assert.truthy(shown(".trace EndpointConnected"):find(
            "alpha EndpointConnected " .. beta.address .. " beta", 1, true))
    end)

    it("watch events", function()
        assert.equal("watching Actor*; .unwatch ends it\n", shown(".watch events Actor*"))
        local system = systems.new { name = "alpha" }
        system:spawn_named("one", function() end)
        local text = ""
        systems.wait(function()
            text = text .. read()
            return text:find("alpha ActorStarted " .. system.address .. "/one", 1, true)
        end)
        assert.equal("", shown(".unwatch"))
        system:spawn_named("two", function() end)
        systems.idle(0.02)
        assert.equal("nothing was watched\n", shown(".unwatch"))
    end)

    it("reload policies", function()
        local name = os.tmpname()
        local function write(text) io.open(name, "w"):write(text):close() end
        write "return { name = 'first' }"
        os.rename(name, name .. ".lua")
        name = name .. ".lua"
        systems.new { name = "alpha", policy = name }
        write "return { name = 'second' }"
        assert.equal("alpha: its policy was read again and is in force\n", shown(".reload"))
        typed(session, read, "sleep(0.02)") -- the event is told in the system's next turn
        assert.equal("alpha: second\n", shown(".policy"))
        write "return { nmae = 'third' }"
        local text, status = typed(session, read, ".reload alpha")
        assert.equal("failed", status)
        assert.truthy(text:find("^error: alpha: "), text)
        assert.equal("alpha: second\n", shown(".policy"))
        assert.equal("error: no system beta; .systems lists them\n", shown(".reload beta"))
        os.remove(name)
    end)

    it("quit", function()
        assert.equal("quit", (select(2, typed(session, read, ".quit"))))
    end)

    it("are not numbers", function()
        assert.equal("0.5\n", shown(".5"))
    end)
end)

describe("a console's values", function()
    it("are escaped, limited and free of cycles", function()
        assert.equal([["a\"b\n\0\x01\xFFé"]], format.value("a\"b\n\0\1\xffé"))
        local cycle = { 1 }
        cycle.me = cycle
        assert.equal("{ 1, me = <cycle> }", format.value(cycle))
        assert.equal("{ { { { {... 1 item} } } } }", format.value { { { { { 1 } } } } })
        local long = {}
        for i = 1, 1000 do long[i] = i end
        assert.truthy(format.value(long):find("... 950 more", 1, true))
        assert.equal('"aaaa"... (9 bytes)', format.value("aaaaaaaaa", { text = 4 }))
        assert.equal('{ ["a b"] = 1, ["end"] = 2, [true] = 3 }',
                     format.value { ["a b"] = 1, ["end"] = 2, [true] = 3 })
    end)

    it("take several lines when one is too narrow", function()
        assert.equal("{\n  1,\n  name = {\n    \"aaaaaaaa\",\n    \"bbbbbbbb\"\n  }\n}",
                     format.value({ 1, name = { "aaaaaaaa", "bbbbbbbb" } }, { width = 20 }))
    end)

    it("fill lines when there are many", function()
        local many = {}
        for i = 1, 30 do many[i] = i end
        local text = format.value(many, { width = 40 })
        assert.truthy(text:find("^{\n  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,\n  12, "), text)
        for line in text:gmatch("[^\n]+") do assert.is_true(#line <= 40, line) end
    end)

    it("run nobody's code but __tostring", function()
        local trap = setmetatable({}, { __index = error, __pairs = error, __len = error,
                                        __eq = error, __name = "trap" })
        assert.equal("{}", format.value(trap))
        local named = setmetatable({}, { __tostring = function() return "me" end })
        assert.equal("me", format.value(named))
        local fails = setmetatable({ 1 }, { __tostring = error })
        assert.equal("{ 1 }", format.value(fails))
    end)

    it("are coloured only when asked", function()
        assert.equal("\27[36m1\27[0m", format.value(1, { colour = true }))
    end)

    it("name live objects", function()
        local system = systems.new { name = "alpha" }
        local other = systems.new { name = "beta" }
        local address = other.address
        assert.truthy(format.value(system):find(
            "^system alpha 127%.0%.0%.1:%d+ %(0 actors, 0 endpoints%)$"))
        assert.equal("pid " .. system.address .. "/x", format.value(system:pid "x"))
        local subscription = system.events:subscribe("*", function() end)
        assert.equal("subscription", format.value(subscription))
        subscription:cancel()
        assert.equal("subscription (over)", format.value(subscription))
        assert.equal("{ timer }", format.value { system:after(1, function() end) })
        assert.truthy(format.value(require("hawser.world").new { seed = 5 }):find("^world of 0"))
        system:associate(address)
        systems.wait(function() return system:statistics(address).state == "connected" end)
        other:stop { deadline = 0 }
        systems.wait(function() return system:statistics(address).state == "reconnecting" end)
        local line = format.value({ system:statistics(address) })
        assert.truthy(line:find("^{ endpoint " .. address:gsub("%p", "%%%0")
            .. " reconnecting %(attempt %d"), line)
        systems.stop()
        assert.equal("system alpha (stopped)", format.value(system))
    end)
end)

describe("a console's completion", function()
    local session

    before_each(function()
        session = session_of()
        session.environment = setmetatable({
            alpha = { beta = { gamma = print, delta = 1 } }, alpine = 1, list = { { inner = 1 } },
            guarded = setmetatable({ seen = 1 }, { __index = function() error("ran") end }),
            derived = setmetatable({ own = 1 }, { __index = { inherited = 1, method = print } }),
            text = "x", murmured = setmetatable({}, { __index = { __tostring = print } }),
        }, { __index = function() error("ran") end })
    end)
    after_each(systems.stop)

    local function words(text)
        return table.concat(session:complete(text).words, " ")
    end

    it("knows globals, fields and methods", function()
        assert.equal("alpha alpine", words("alp"))
        assert.equal("beta", words("return alpha."))
        assert.equal("delta gamma", words("alpha.beta."))
        assert.equal("gamma", words("alpha.beta:"))
        assert.equal("inherited method own", words("derived."))
        assert.equal("inner", words("list[1]."))
        assert.equal("gamma", words("alpha['beta'].g"))
        assert.truthy(words("text:"):find("upper", 1, true))
        assert.equal("while", words("whi"))
        assert.equal("", words("murmured:"))
        assert.equal("__tostring", words("murmured:_"))
    end)

    it("runs nobody's code", function()
        assert.equal("seen", words("guarded."))
        assert.equal("", words("guarded.unseen."))
        assert.equal("", words("nobody.x"))
        assert.equal("", words("alpha.beta.gamma()."))
        assert.equal("", words("alpha.beta.gamma(1)"))
    end)

    it("knows what hawser's objects answer to", function()
        local system = systems.new { name = "alpha" }
        local pid = system:spawn_named("echo", function() end)
        session.environment.system, session.environment.pid = system, pid
        assert.equal("statistics statistics_snapshot", words("system:statis"))
        assert.equal("address", words("system.addr"))
        assert.equal("subscribe", words("system.events:"))
        assert.equal("address id", words("pid."))
        assert.equal(system.address, words('system:send("127.0'))
        assert.equal(tostring(pid), words('system:send("' .. system.address .. "/"))
        assert.equal("statistics", complete.common { "statistics", "statistics_snapshot" })
    end)

    it("knows commands and what they take", function()
        assert.equal("endpoints", words(".end"))
        assert.equal("EndpointConnected", words(".watch events EndpointC"))
        assert.equal("events", words(".watch "))
        assert.equal("stats", words(".help sta"))
        assert.equal("", words(".nothing x"))
    end)
end)

describe("a console's top", function()
    local cluster = require("hawser.cluster")
    local top = require("hawser.console.top")
    local c

    before_each(function()
        c = cluster(3, { time = "virtual", seed = 1, endpoint_writer_queue_size = 100,
                         heartbeat_interval = 1 })
        c:step(1)
    end)
    after_each(function() c:close() end)

    it("shows rates, and what is in trouble first", function()
        local table_of = top.new { unicode = false }
        local text = table_of.render(80, 24)
        assert.truthy(text:find("^3 systems, 6 endpoints; q leaves\nSYSTEM PEER "), text)
        assert.truthy(text:find("\nn1     loop:n2 connected    normal   %.+ +%- +%- "), text)
        for i = 1, 30 do c[1]:send(c:echo(2), i) end
        c:step(2)
        text = table_of.render(80, 24)
        assert.truthy(text:find("\nn1     loop:n2 connected    normal   %.+ +15 +0 "), text)
        c:partition(3)
        c:step(0.1)
        text = table_of.render(80, 24)
        assert.truthy(text:find("q leaves\nSYSTEM[^\n]*\nn1     loop:n3 reconnecting"), text)
        for line in text:gmatch("[^\n]+") do assert.is_true(#line <= 80, line) end
    end)

    it("draws queues as bars, round trips as a line, and no more than there is room", function()
        for _ = 1, 5 do
            c:step(1)
        end
        local table_of = top.new { unicode = true }
        for _ = 1, 5 do
            c:step(1)
            table_of.render(80, 24)
        end
        assert.truthy(table_of.render(80, 24):find("2.0 ms ▁▁▁▁▁", 1, true))
        c:kill(2)
        for i = 1, 40 do c[1]:send(c:echo(2), i) end
        assert.truthy(table_of.render(80, 24):find("███░░░", 1, true), table_of.render(80, 24))
        assert.truthy(table_of.render(80, 6):find("\n... 1 more", 1, true), table_of.render(80, 6))
        assert.falsy(table_of.render_once(80):find("q leaves", 1, true))
    end)
end)
