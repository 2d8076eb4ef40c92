-- SPDX-License-Identifier: MIT
-- ctest: timeout=240
-- hawser attach: a console inside another process, on terminals and from pipes; and what clients
-- can't do to that process.

local core = require("hawser.core")
local hawser = require("hawser")
local process = require("hawser.process")
local lfs = require("lfs")
local screens = dofile("spec/support/screen.lua")
local consoles = dofile("spec/support/consoles.lua")
local read, wait_for = consoles.read, consoles.wait_for

local BIN, PATIENCE = consoles.bin, consoles.patience

local here, scratch, socket -- of the test that runs

local function attach(options)
    return screens.start({ BIN, "attach", socket }, {
        environment = { TERM = "xterm", NO_COLOR = "1", XDG_STATE_HOME = scratch .. "/state",
                        LC_ALL = "C.UTF-8", HOME = scratch },
        rows = options and options.rows, columns = options and options.columns,
    })
end

-- Lines from a pipe: status, stdout, stderr.
local function piped(text, arguments)
    return here:hawser(arguments or "attach " .. socket, text)
end

-- A client by hand.
local Raw = {}
Raw.__index = Raw

local function raw()
    return setmetatable({ descriptor = assert(core.local_connect(socket)), text = "" }, Raw)
end

function Raw:send(bytes)
    local deadline = os.time() + PATIENCE
    while bytes ~= "" do
        local sent = self.descriptor:write(bytes)
        if not sent then return false end
        bytes = bytes:sub(sent + 1)
        if sent == 0 then
            assert(os.time() < deadline, "nothing of what was sent was taken")
            process.sleep(0.001)
        end
    end
    return true
end

function Raw:say(message) return self:send((">s4"):pack(core.pack(message))) end

-- The next message; nil at the end.
function Raw:next()
    local deadline = os.time() + PATIENCE
    while true do
        local message, after = nil, nil
        if #self.text >= 4 and #self.text >= 4 + (">I4"):unpack(self.text) then
            message, after = (">s4"):unpack(self.text)
        end
        if message then
            self.text = self.text:sub(after)
            return hawser.unpack(message)
        end
        local bytes = self.descriptor:read()
        if bytes == "" or bytes == nil then return nil end
        self.text = self.text .. (bytes or "")
        if not bytes then
            assert(os.time() < deadline, "no message came")
            process.sleep(0.001)
        end
    end
end

function Raw:expect(kind)
    while true do
        local message = assert(self:next(), "the connection ended before a " .. kind)
        if message[1] == kind then return message end
    end
end

function Raw:hello()
    self:say { "hello", { version = 1 } }
    return self:expect("hello")[2]
end

-- What the server says last.
function Raw:farewell()
    local last
    for message in function() return self:next() end do last = message end
    return last and last[1] == "bye" and last[2] or nil
end

local function memory_of(child)
    return tonumber(read(("/proc/%d/status"):format(child:id())):match("VmRSS:%s*(%d+)")) -- KiB
end

describe("hawser attach", function()
    local server, programs

    before_each(function()
        here = consoles.new()
        scratch, socket = here.scratch, here.socket
        programs = {}
    end)
    after_each(function()
        for _, program in ipairs(programs) do program.terminal:close() end
        here:close()
    end)

    local function start(options)
        local program = attach(options)
        programs[#programs + 1] = program
        program:expect_line(">")
        return program
    end

    local function leave(program)
        program:type("\4")
        assert.same({ "exited", 0 }, { program:wait() })
    end

    local function answers(text)
        assert.same({ 0, "2\n", "" }, { piped(text or "1 + 1\n") })
    end

    it("evaluates there, prints here, and leaves without a trace", function()
        server = here:serve()
        assert.equal("rw-------", lfs.attributes(socket, "permissions"))
        local program = start()
        program:expect(("attached to %s, process %d (script.lua)\nsystem alpha 127.0.0.1:")
            :format(socket, server:id()))
        program:enter('print("here", alpha.name)')
        program:expect("here    alpha")
        program:enter('alpha:request("echo", { 1, 2 })')
        program:expect("\n{ 1, 2 }\n>")
        program:enter("_[2]")
        program:expect("> _[2]\n2\n>")
        leave(program)
        assert.equal("", read(scratch .. "/server.out"))
        answers()
        server:kill(process.SIGTERM)
        assert.same({ "exited", 0 }, { server:wait(PATIENCE) })
        assert.is_nil(lfs.attributes(socket))
    end)

    it("has several lines, history and completion", function()
        server = here:serve()
        local program = start()
        program:enter("for i = 1, 2 do")
        program:expect_line("...")
        program:enter("print('line', i)", "...")
        program:enter("end", "...")
        program:expect("... end\nline    1\nline    2\n>")
        program:type("\27[A")
        program:expect_line("end")
        program:type("\3")
        program:expect_line(">")
        program:type("alp\t")
        program:expect_line("> alpha")
        program:type(":statis\t")
        program:expect_line("> alpha:statistics")
        program:type("\t")
        program:expect("\nstatistics           statistics_snapshot\n")
        program:expect_line("> alpha:statistics")
        program:type("\21.sys\t\r")
        program:expect("\nsystem alpha 127.0.0.1:")
        program:expect_line(">")
        leave(program)
        assert.truthy(read(scratch .. "/state/hawser/history"):find(".systems", 1, true))
    end)

    it("serves several at once, each with its own results, all with the same globals", function()
        server = here:serve()
        local one, two = start(), start()
        one:enter("shared = 20 + 1")
        two:enter("shared * 2")
        two:expect("\n42\n>")
        one:enter("'mine'")
        two:enter("_")
        two:expect("> _\n42\n>")
        one:enter(".watch events Actor*")
        two:enter("alpha:spawn_named('seen', function() end) ~= nil")
        one:expect("alpha ActorStarted")
        one:expect_line(">")
        assert.falsy(two:text():find("ActorStarted", 1, true))
        leave(one)
        two:enter("print(shared)")
        two:expect("\n21\n>")
        leave(two)
    end)

    it("ends an endless loop on Ctrl-C, and serves on", function()
        server = here:serve()
        local program, other = start(), start()
        program:type("print(6 * 7) while true do pcall(function() while true do end end) end\r")
        program:expect("\n42")
        other:type("'is served ' .. 'later'\r")
        local status, _, err = piped("1\n")
        assert.equal(1, status)
        assert.truthy(err:find(("does not answer: something holds up process %d, or")
            :format(server:id()), 1, true), err)
        program:type("\3")
        program:expect("interrupted")
        program:expect_line(">")
        other:expect('\n"is served later"')
        program:type("print(7 * 7) sleep(1000)\r")
        program:expect("\n49")
        program:type("\3")
        program:wait_until(function()
            return select(2, program:text():gsub("interrupted", "")) == 2
        end, "the second interrupt")
        program:expect_line(">")
        program:enter("40 + 2")
        leave(program)
        leave(other)
    end)

    it("ends the line of a client that is killed", function()
        server = here:serve()
        local program = start()
        program:type("print(6 * 7) while true do end\r")
        program:expect("\n42")
        program.terminal:kill(9)
        answers()
        program = start()
        program:type("print(6 * 7) await(function(done) go_on = done end) shared = 'went on'\r")
        program:expect("\n42")
        program.terminal:kill(9)
        program:wait()
        assert.same({ 0, "nil\n", "" }, { piped("go_on() print(shared)\n") })
        assert.equal("", read(scratch .. "/server.err"))
    end)

    it("tells when the process ends, in a sentence", function()
        server = here:serve()
        local program = start()
        program:type("half a line")
        program:expect_line("> half a line")
        server:kill(process.SIGTERM)
        program:expect(": the console is gone: its program has ended")
        assert.same({ "exited", 1 }, { program:wait() })
        server:wait(PATIENCE)
        server = here:serve()
        program = start()
        program:type("print(6 * 7) sleep(1000)\r")
        program:expect("\n42")
        server:kill(9)
        program:expect("the console is gone: its process has ended")
        assert.same({ "exited", 1 }, { program:wait() })
    end)

    it("draws what is drawn again and again", function()
        server = here:serve()
        local program = start()
        program:type(".top\r")
        program:expect("1 system, 0 endpoints; q leaves")
        program:expect("SYSTEM PEER")
        program:type("q")
        program:expect_line(">")
        program:type("alpha:associate('127.0.0.1:1') .top\b\b\b\b\r")
        program:expect_line(">")
        program:type(".top\r")
        program:expect("alpha  127.0.0.1:1")
        server:kill(9)
        program:expect("the console is gone")
        assert.same({ "exited", 1 }, { program:wait() })
        server = here:serve()
        local status, out = piped(".top\n1 + 1\n")
        assert.equal(0, status)
        assert.truthy(out:find("^1 system, 0 endpoints\nSYSTEM PEER.*\n2\n$"), out)
    end)

    it("shows a large reply page by page", function()
        server = here:serve()
        local program = start()
        program:type("for i = 1, 500 do print('row ' .. i) end\r")
        program:expect("\nrow 200\n-- 2")
        program:expect("KiB more: .more shows the next page")
        program:expect_line(">")
        assert.falsy(program:text():find("row 201", 1, true))
        program:enter(".more")
        program:expect("\nrow 400\n-- 800 bytes more")
        program:enter(".more")
        program:expect("\nrow 500\n>")
        program:enter(".more")
        program:expect("nothing is left to show")
        program:enter("for i = 1, 40 do print(('x'):rep(65536)) end")
        program:expect("were not kept")
        leave(program)
    end)

    it("keeps the order of what it pages", function()
        local shown = {}
        local pager = require("hawser.console.pager").new(function(text)
            shown[#shown + 1] = text
        end)
        local large, small = ("x"):rep(20000) .. "\n", "small\n"
        pager:add(large)
        pager:add(large)
        pager:add(small)
        assert.same({ large }, shown)
        assert.equal("-- 20 KiB more: .more shows the next page", pager:notice())
        assert.is_true(pager:next_page())
        assert.same({ large, large .. small }, shown)
        assert.is_nil(pager:notice())
        assert.is_false(pager:next_page())
    end)

    it("reads a pipe: nothing but what the lines give", function()
        server = here:serve()
        assert.same({ 0, "2\n1\n2\n", "" },
                    { piped("1 + 1\nfor i = 1, 2 do\n  print(i)\nend\n") })
        local status, out = piped("oops(\n)\n'and goes on'")
        assert.same({ 1, "error: attempt to call a nil value (global 'oops')\n  line 1: oops(\n"
            .. '"and goes on"\n' }, { status, out })
        status, out = piped("for i = 1, 2 do\n")
        assert.equal(1, status)
        assert.truthy(out:find("error: 'end' expected near <eof>", 1, true), out)
        assert.same({ 0, "1\n", "" }, { piped("print(1)\n.quit\nprint(2)\n") })
        local rows = {}
        for i = 1, 5000 do rows[i] = "row " .. i .. "\n" end
        status, out = piped("for i = 1, 5000 do print('row ' .. i) end\n")
        assert.same({ 0, table.concat(rows) }, { status, out })
    end)

    it("stops the system when told to, and says when a line has no answer", function()
        server = here:serve()
        assert.same({ 0, "true\n", "" }, { piped("alpha:stop()\n") })
        assert.same({ "exited", 0 }, { server:wait(PATIENCE) })
        server = here:serve()
        local status, _, err = piped("alpha:stop() sleep(1000)\n")
        assert.equal(1, status)
        assert.truthy(err:find("the console is gone: its program has ended", 1, true), err)
    end)

    it("says in a sentence why it can't attach", function()
        local function complaint()
            local status, out, err = piped("1\n")
            assert.equal(1, status)
            assert.equal("", out)
            assert.equal(1, select(2, err:gsub("\n", "")), err)
            return err
        end
        assert.equal(("hawser: %s: No such file or directory\n"):format(socket), complaint())
        here:file("c.sock", "")
        assert.equal(("hawser: %s is no socket\n"):format(socket), complaint())
        os.remove(socket)
        local foreign = assert(core.local_listen(socket))
        assert.truthy(foreign:on_readable(function()
            local client = foreign:accept()
            if client then client:write("220 mail.example ESMTP ready\r\n") end
        end))
        local out, err = scratch .. "/foreign.out", scratch .. "/foreign.err"
        local child = assert(process.start({ BIN, "attach", socket },
                                           { stdout = out, stderr = err }))
        local how, code
        local function look()
            how, code = child:wait(0)
            core.after(0.01, look)
        end
        look()
        core.run_until(function() return how end, PATIENCE)
        foreign:close()
        assert.same({ "exited", 1 }, { how, code })
        assert.equal(("hawser: %s is no console of hawser\n"):format(socket), read(err))
        assert.equal(("hawser: nobody answers at %s: the process that made it is gone\n")
            :format(socket), complaint())
    end)

    it("takes over a stale socket, and nothing else", function()
        server = here:serve()
        server:kill(9)
        server:wait(PATIENCE)
        assert.truthy(lfs.attributes(socket))
        server = here:serve()
        answers()
        local status, _, err = piped("", "run --console " .. socket .. " " .. scratch
                                     .. "/script.lua")
        assert.equal(1, status)
        assert.truthy(err:find("is in use: another process answers there", 1, true), err)
        answers()
        local path = here:file("kept", "a file")
        status, _, err = piped("", "run --console " .. path .. " " .. scratch .. "/script.lua")
        assert.equal(1, status)
        assert.truthy(err:find("is there already and is no socket", 1, true), err)
        assert.equal("a file", read(path))
        status, _, err = piped("", "run --console " .. ("x"):rep(200) .. " " .. scratch
                               .. "/script.lua")
        assert.equal(1, status)
        assert.truthy(err:find("at most 107 characters", 1, true), err)
    end)

    it("opens no console unless asked, and only for its user", function()
        server = assert(process.start({ BIN, "run", here:file("script.lua",
            'require("hawser").system { name = "alpha" }') }))
        process.sleep(0.1)
        for name in lfs.dir(scratch) do assert.falsy(name:find("sock", 1, true), name) end
        server:kill(9)
        server:wait(PATIENCE)
        os.execute("umask 000; chmod 777 '" .. scratch .. "'")
        server = here:serve()
        assert.equal("rw-------", lfs.attributes(socket, "permissions"))
    end)

    -- --- clients that mean no good ---

    it("drops who speaks something else", function()
        server = here:serve()
        for _, garbage in ipairs { "GET / HTTP/1.0\r\n\r\n", "\0\0\0\1\xc1", "\xff\xff\xff\xff",
                                   "\0\0\0\0", (">s4"):pack("\xa5hello"), "\0\0\0\1\xc0" } do
            local client = raw()
            client:send(garbage)
            client:farewell()
        end
        for _, message in ipairs { { "hello", { version = 2 } }, { "hello" }, { 1 }, {}, "hello",
                                   { "line", 1, "1", 80 }, { "hello", { version = "1" } } } do
            local client = raw()
            client:say(message)
            assert.is_string(client:farewell())
        end
        for _, message in ipairs { { "line", "1", "1", 80 }, { "line", 1, 2, 80 },
                                   { "line", 1, "" }, { "line", 1, "1", -1 },
                                   { "complete", 1, {} }, { "hello", {} },
                                   { "draw", 1, "a", 2 }, { "statistics", 1, {} }, { "no" },
                                   { "no", 1 }, { "statistics", 2.5 } } do
            local client = raw()
            client:hello()
            client:say(message)
            assert.is_string(client:farewell(), hawser.pack(message))
        end
        answers()
        assert.equal("", read(scratch .. "/server.err"))
    end)

    it("drops who says no hello, and has a limit of clients", function()
        server = here:serve()
        local clients = {}
        for i = 1, 16 do
            clients[i] = raw()
            clients[i]:hello()
        end
        local late = raw()
        assert.equal("16 are attached already, which is the most", late:farewell())
        local status, _, err = piped("1\n")
        assert.equal(1, status)
        assert.truthy(err:find("16 are attached already", 1, true), err)
        clients[1].descriptor:close()
        wait_for(function()
            local client = raw()
            client:say { "hello", { version = 1 } }
            local first = client:next()
            client.descriptor:close()
            return first and first[1] == "hello"
        end, "the place that became free")
        clients[2].descriptor:close()
        wait_for(function() return piped("1\n") == 0 end, "a place")
        late = raw()
        assert.equal("no hello came in time", late:farewell())
    end)

    it("stands clients that flood, that trickle and that do not read", function()
        server = here:serve()
        answers()
        local before = memory_of(server)
        -- A message as large as allowed, without its end, and one that is too large.
        local slow = raw()
        slow:hello()
        slow:send((">I4"):pack(256 * 1024) .. ("x"):rep(200 * 1024))
        local large = raw()
        large:hello()
        large:send((">I4"):pack(256 * 1024 + 1))
        assert.is_nil(large:farewell())
        -- Ten thousand messages at once.
        local flood = raw()
        flood:hello()
        local one = (">s4"):pack(core.pack { "complete", 1, "a" })
        flood.descriptor:write(one:rep(10000))
        -- Output that nobody reads: 64 MB of it, and events.
        local deaf = raw()
        deaf:hello()
        deaf:say { "line", 1, "for i = 1, 1000 do print(('x'):rep(65536)) end", 80 }
        answers()
        -- The sanitizers keep what was freed, or a shadow of all that was touched.
        local maps = read(("/proc/%d/maps"):format(server:id()))
        local most = maps:find("lib[at]san") and 512 or 32 -- MiB
        assert.is_true(memory_of(server) - before < most * 1024, "the server has grown")
        -- It is told what it missed.
        local told
        while not told do
            local message = assert(deaf:next())
            told = message[1] == "text"
                and message[2]:match("^%-%- (%d+) bytes of output were left out")
        end
        assert.is_true(tonumber(told) > 50e6)
        slow.descriptor:write("x")
        slow.descriptor:close()
        flood.descriptor:close()
        answers()
        assert.equal("", read(scratch .. "/server.err"))
    end)

    it("takes a line in pieces, and nothing behind it", function()
        server = here:serve()
        local client = raw()
        client:hello()
        local line = (">s4"):pack(core.pack { "line", 7, "1 + 1", 80 })
        for i = 1, #line do
            client:send(line:sub(i, i))
            process.sleep(0.001)
        end
        assert.equal("2\n", client:expect("text")[2])
        assert.same({ "ended", 7, "done" }, { table.unpack(client:expect("ended"), 1, 3) })
        -- A line and its interrupt in one piece: it would not end otherwise.
        client:send((">s4"):pack(core.pack { "line", 8, "while true do end", 80 })
            .. (">s4"):pack(core.pack { "interrupt", 0 }))
        assert.same({ "ended", 8, "failed" }, { table.unpack(client:expect("ended"), 1, 3) })
        client:say { "line", 9, "1", 80 }
        assert.same({ "ended", 9, "done" }, { table.unpack(client:expect("ended"), 1, 3) })
        client:say { "line", 10, "print(1) sleep(1000)", 80 }
        client:expect("text")
        client:say { "line", 11, "1", 80 }
        assert.equal("a line while another one runs", client:farewell())
        answers()
    end)

    it("helps, and complains", function()
        local out = io.popen(BIN .. " attach --help"):read("a")
        assert.truthy(out:find("usage: hawser attach [SOCKET]", 1, true))
        local status, _, err = piped("", "attach --fast")
        assert.equal(2, status)
        assert.truthy(err:find("unknown option --fast", 1, true))
        status, _, err = piped("", "attach a b")
        assert.equal(2, status)
        assert.truthy(err:find("attach takes one socket", 1, true))
        status, _, err = piped("", "run --console")
        assert.equal(2, status, err)
    end)
end)
