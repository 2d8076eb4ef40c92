-- SPDX-License-Identifier: MIT
-- ctest: timeout=180
-- hawser repl as people use it: on a terminal, key by key, and from a pipe.

local process = require("hawser.process")
local lfs = require("lfs")
local screens = dofile("spec/support/screen.lua")

local BIN = dofile("spec/support/paths.lua").bin
local PATIENCE = 30

local scratch

local function file(name, text)
    local path = scratch .. "/" .. name
    local handle = assert(io.open(path, "w"))
    handle:write(text)
    handle:close()
    return path
end

local function read(path)
    local handle = assert(io.open(path, "rb"))
    local text = handle:read("a")
    handle:close()
    return text
end

-- The REPL on a terminal of its own.
local function repl(options)
    options = options or {}
    local environment = { TERM = "xterm", NO_COLOR = "1", XDG_STATE_HOME = scratch .. "/state",
                          LC_ALL = "C.UTF-8", HOME = scratch }
    for name, value in pairs(options.environment or {}) do environment[name] = value end
    return screens.start({ BIN, "repl", options.file }, { environment = environment,
        rows = options.rows, columns = options.columns })
end

-- The REPL with a pipe as input: status, stdout, stderr.
local function piped(text, ...)
    local input, out, err = file("in", text), scratch .. "/out", scratch .. "/err"
    local arguments = table.concat({ ... }, " ")
    os.remove(out)
    os.remove(err)
    local child = assert(process.start({ "sh", "-c", ('cat "$1" | exec "$0" repl %s')
        :format(arguments), BIN, input }, { stdout = out, stderr = err }))
    local how, code = child:wait(PATIENCE)
    assert(how, "the REPL did not end")
    return how == "exited" and code or how, read(out), read(err)
end

describe("hawser repl", function()
    local program

    before_each(function()
        scratch = os.tmpname()
        os.remove(scratch)
        assert(lfs.mkdir(scratch))
    end)
    after_each(function()
        if program then program.terminal:close() end
        program = nil
        os.execute("rm -rf '" .. scratch .. "'")
    end)

    local function start(options)
        program = repl(options)
        program:expect_line(">")
        return program
    end

    local function leave()
        program:expect_line(">")
        program:type("\4")
        assert.same({ "exited", 0 }, { program:wait() })
    end

    it("evaluates lines, and leaves in order on Ctrl-D", function()
        start()
        assert.truthy(program:text():find("^hawser %d"))
        program:enter("1 + 1")
        program:expect("> 1 + 1\n2\n>")
        program:enter('s = hawser.system { name = "alpha", listen = "127.0.0.1:0" }')
        program:enter('s.events:subscribe("Shutdown", function(e) print("told", e.reason) end)')
        leave()
        assert.truthy(program:text():find("told    closed", 1, true), program:text())
    end)

    it("takes a text of several lines, and one of them out of the history", function()
        start()
        program:enter("for i = 1, 2 do")
        program:expect_line("...")
        program:enter("print('line', i)", "...")
        program:enter("end", "...")
        program:expect("... end\nline    1\nline    2\n>")
        program:type("\27[A")
        program:expect_line("end")
        program:type("\r")
        program:wait_until(function()
            return select(2, program:text():gsub("line    2", "")) == 2
        end, "the loop's second run")
        leave()
    end)

    it("completes", function()
        start()
        program:enter('s = hawser.system { name = "alpha" }')
        program:type("s:statis\t")
        program:expect_line("> s:statistics")
        program:type("\t")
        program:expect("\nstatistics           statistics_snapshot\n")
        program:expect_line("> s:statistics")
        program:type("\21")
        program:expect_line(">")
        program:type("s:bloc\t")
        program:expect_line("> s:block_system(")
        program:type("\21.end\t")
        program:expect_line("> .endpoints")
        program:type("\21")
        leave()
    end)

    it("keeps its history, for its owner only", function()
        start()
        program:enter("first = 'kept\\n'")
        program:enter("this fails")
        leave()
        local path = scratch .. "/state/hawser/history"
        assert.equal("rw-------", lfs.attributes(path, "permissions"))
        assert.equal("rwx------", lfs.attributes(scratch .. "/state/hawser", "permissions"))
        start()
        program:type("\27[A")
        program:expect_line("> this fails")
        program:type("\27[A")
        program:expect_line("> first = 'kept\\n'")
        program:type("\27[B\27[B\18first")
        program:expect("bck:first")
        program:type("\r")
        program:expect("> first = 'kept\\n'\n>")
        leave()
    end)

    it("keeps a thousand entries of its history", function()
        assert(lfs.mkdir(scratch .. "/state"))
        assert(lfs.mkdir(scratch .. "/state/hawser"))
        local lines = {}
        for i = 1, 1500 do lines[i] = "'entry " .. i .. "'" end
        local path = file("state/hawser/history", table.concat(lines, "\n") .. "\n")
        start()
        leave()
        local text = read(path)
        assert.equal(1000, select(2, text:gsub("\n", "")))
        assert.truthy(text:find("^'entry 501'\n.*'entry 1500'\n$"))
        assert.equal("rw-------", lfs.attributes(path, "permissions"))
    end)

    it("ends an endless loop on Ctrl-C", function()
        start()
        program:type("print(6 * 7) while true do pcall(function() while true do end end) end\r")
        program:expect("\n42")
        program:type("\3")
        program:expect("interrupted")
        program:expect_line(">")
        program:type("coroutine.wrap(function() print(7 * 7) while true do end end)()\r")
        program:expect("\n49")
        program:type("\3")
        program:wait_until(function()
            return select(2, program:text():gsub("interrupted", "")) == 2
        end, "the second interrupt")
        program:expect_line(">")
        program:enter("40 + 2")
        program:expect("42")
        leave()
    end)

    it("ends a long life of a cluster on Ctrl-C", function()
        start()
        program:enter("c = cluster(3, { time = 'virtual' })")
        program:type("print(6 * 7) c:step(1e12)\r")
        program:expect("\n42")
        program:type("\3")
        program:expect("interrupted")
        leave()
    end)

    it("gives up a line, a text and a wait on Ctrl-C", function()
        start()
        program:type("half a line")
        program:expect_line("> half a line")
        program:type("\3")
        program:expect("> half a line^C\n>")
        program:expect_line(">")
        program:enter("for i = 1, 2 do")
        program:expect_line("...")
        program:type("\3")
        program:expect_line(">")
        program:type("print(6 * 7) sleep(1000)\r")
        program:expect("\n42")
        program:type("\3")
        program:expect("interrupted")
        program:expect_line(">")
        leave()
    end)

    it("shows what happens above a half-typed line", function()
        start { columns = 40 }
        program:enter('s = hawser.system { name = "a" }')
        program:enter('timer = s:after(0.3, function() print("an event") io.write("half") end)')
        local typed = "'a line that is longer than forty columns'"
        program:type(typed)
        program:expect("an event")
        program:expect("half\n> 'a line")
        assert.truthy(program:text():find("\nan event\nhalf\n"
            .. "> 'a line that is longer than forty colu\nmns'$"), program:text())
        program:type(" .. 'x'\r")
        program:expect("\nsx\"\n>")
        program:expect_line(">")
        leave()
    end)

    it("logs above a half-typed line", function()
        start()
        program:enter('s = hawser.system { name = "alpha" }')
        program:enter('s:after(0.2, function() s:send("nobody", 1) end)')
        program:type("half a line")
        program:expect_line("> half a line")
        program:expect(" warning alpha: dead letter to")
        program:expect("lives there\n> half a line")
        program:expect_line("> half a line")
        program:type("\3")
        leave()
    end)

    it("shows events that are watched", function()
        start()
        program:enter(".watch events Actor*")
        program:enter('s = hawser.system { name = "alpha" }')
        program:type("s:spawn_named('one', function() end)\r")
        program:expect("alpha ActorStarted")
        program:expect_line(">")
        leave()
    end)

    it("waits for an answer", function()
        start()
        program:enter('s = hawser.system { name = "alpha" }')
        program:enter('s:spawn_named("e", function(ctx, m) ctx:sleep(0.1) ctx:respond(m + 1) end)')
        program:enter('s:request("e", 41)')
        program:expect("\n42\n>")
        leave()
    end)

    it("draws anew in a window of another size", function()
        start { columns = 80 }
        program:type("'twenty characters and'")
        program:expect_line("> 'twenty characters and'")
        program.terminal:resize(24, 100)
        program:type(" .. 1\r")
        program:expect("and1")
        program:expect_line(">")
        leave()
    end)

    it("draws .top until q", function()
        start()
        program:enter('c = cluster(2, { heartbeat_interval = 0.1 })')
        program:type(".top\r")
        program:expect("2 systems, 2 endpoints; q leaves\nSYSTEM")
        program:expect("n1     loop:n2 connected")
        program:type("q")
        program:expect_line(">")
        program:type(".top\r")
        program:wait_until(function() return program.screen:line():find("^n") end, ".top again")
        program:type("\3")
        program:expect_line(">")
        leave()
    end)

    it("stops in order when it is terminated, or its terminal goes", function()
        start()
        program:enter('s = hawser.system { name = "alpha" }')
        program:enter('s.events:subscribe("Shutdown", function(e) io.open("' .. scratch
                      .. '/told", "w"):write(e.reason):close() end)')
        program.terminal:kill(15)
        program:wait()
        assert.equal("closed", read(scratch .. "/told"))
        start()
        program:enter('s = hawser.system { name = "alpha" }')
        program.terminal:close()
        assert.truthy(program.terminal:wait(PATIENCE))
    end)

    it("hands none of its descriptors on to what a line starts", function()
        start()
        program:enter("io.popen('ls -l /proc/self/fd | grep -c /pts/'):read 'a'")
        program:expect('\n"2\\n"\n') -- standard input and error
        leave()
    end)

    it("is plain on a dumb terminal", function()
        program = repl { environment = { TERM = "dumb" } }
        program:type("1 + 1\r")
        program:expect("1 + 1\n2")
        program:type("\4")
        assert.same({ "exited", 0 }, { program:wait() })
    end)

    it("reads a pipe: nothing but what the lines give", function()
        local status, out, err = piped("1 + 1\nfor i = 1, 2 do\n  print(i)\nend\n")
        assert.same({ 0, "2\n1\n2\n", "" }, { status, out, err })
        status, out = piped("oops(\n)\n'and goes on'")
        assert.same({ 1, "error: attempt to call a nil value (global 'oops')\n  line 1: oops(\n"
            .. '"and goes on"\n' }, { status, out })
        status, out = piped("for i = 1, 2 do\n")
        assert.equal(1, status)
        assert.truthy(out:find("error: 'end' expected near <eof>", 1, true), out)
        assert.same({ 0, "1\n", "" }, { piped("print(1)\n.quit\nprint(2)\n") })
    end)

    it("lets actors run between the lines of a pipe", function()
        local status, out = piped([[
s = hawser.system { name = "alpha" } n = 0
e = s:spawn(function(ctx, m) n = n + m ctx:respond(n) end)
assert(s:send(e, 1) and s:send(e, 2)) == true
s:request(e, 3)
]])
        assert.equal(0, status)
        assert.truthy(out:find("\n6\n$"), out)
    end)

    it("runs a file first", function()
        local path = file("first.lua", [[
hawser = require "hawser"
answer = 42
system = hawser.system { name = "alpha" }
system:run()
]])
        local status, out = piped("answer\nsystem.name\n", path)
        assert.same({ 0, '42\n"alpha"\n' }, { status, out })
        status, out = piped("1\n", file("bad.lua", "x = = 1"))
        assert.equal(1, status)
        assert.truthy(out:find("error: .*bad%.lua:1: unexpected symbol near '='"), out)
        status, out = piped("1\n", file("fails.lua", "local function f() error('here') end\nf()\n"))
        assert.equal(1, status)
        assert.truthy(out:find("error: .*fails%.lua:1: here\n  at .*fails%.lua:1 in "), out)
    end)

    it("is interrupted while it reads a pipe", function()
        local out, err = scratch .. "/out", scratch .. "/err"
        local child = assert(process.start({ "sh", "-c", [[
            mkfifo "$1" && exec "$0" repl 0<>"$1"]], BIN, scratch .. "/pipe" },
            { stdout = out, stderr = err }))
        local function wait_for(condition, what)
            local deadline = os.time() + PATIENCE
            while not condition() do
                assert(os.time() < deadline, "waited in vain for " .. what)
                process.sleep(0.02)
            end
        end
        wait_for(function() return lfs.attributes(scratch .. "/pipe") end, "the pipe")
        file("pipe", 'print("begun") while true do end\n')
        wait_for(function() return read(out):find("begun") end, "the line's output")
        child:kill(2)
        local how, code = child:wait(PATIENCE)
        assert.same({ "exited", 130 }, { how, code })
    end)

    it("helps, and complains", function()
        local out = io.popen(BIN .. " repl --help"):read("a")
        assert.truthy(out:find("usage: hawser repl [FILE.lua]", 1, true))
        local status, _, err = piped("", "--fast")
        assert.equal(2, status)
        assert.truthy(err:find("unknown option --fast", 1, true))
        status, _, err = piped("", "a.lua b.lua")
        assert.equal(2, status)
        assert.truthy(err:find("repl takes one file", 1, true))
    end)
end)

describe("docs/repl.md", function()
    it("has transcripts of what is seen", function()
        local all = dofile("spec/support/transcript.lua").all()
        assert.is_true(#all >= 4)
        for _, each in ipairs(all) do
            assert(each.written == each.seen, "not what is seen; renew it with:"
                .. " lua5.4 spec/support/transcript.lua\n" .. each.seen)
        end
    end)
end)
