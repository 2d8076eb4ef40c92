-- SPDX-License-Identifier: MIT
-- A program with a console in a directory of its own, for the specs of what asks there.

local core = require("hawser.core")
local lfs = require("lfs")
local process = require("hawser.process")

local consoles = { patience = 30, bin = dofile("spec/support/paths.lua").bin }

local SCRIPT = [[
local hawser = require "hawser"
alpha = assert(hawser.system { name = "alpha", listen = "127.0.0.1:0" })
alpha:spawn_named("echo", function(ctx, message) ctx:respond(message) end)
]]

---@class spec.Consoles
---@field scratch string a directory
---@field socket string the console's, in it
local Consoles = {}
Consoles.__index = Consoles

function consoles.new()
    local scratch = os.tmpname()
    os.remove(scratch)
    assert(lfs.mkdir(scratch))
    return setmetatable({ scratch = scratch, socket = scratch .. "/c.sock" }, Consoles)
end

---Kills the program and removes the directory.
function Consoles:close()
    if self.server then self.server:kill(9) end
    os.execute("rm -rf '" .. self.scratch .. "'")
end

---Writes a file there; its path.
function Consoles:file(name, text)
    local path = self.scratch .. "/" .. name
    local handle = assert(io.open(path, "w"))
    handle:write(text)
    handle:close()
    return path
end

function consoles.read(path)
    local handle = io.open(path, "rb")
    local text = handle and handle:read("a") or ""
    if handle then handle:close() end
    return text
end

function consoles.wait_for(condition, what)
    local deadline = os.time() + consoles.patience
    while not condition() do
        assert(os.time() < deadline, "waited in vain for " .. what)
        process.sleep(0.01)
    end
end

---Starts the program and waits until its console answers.
function Consoles:serve(script)
    self.server = assert(process.start(
        { consoles.bin, "run", "--console", self.socket,
          self:file("script.lua", script or SCRIPT) },
        { stdout = self.scratch .. "/server.out", stderr = self.scratch .. "/server.err" }))
    consoles.wait_for(function()
        local found = core.local_connect(self.socket)
        if found then found:close() end
        return found
    end, "the console")
    return self.server
end

---Runs hawser with these arguments, and lines from a pipe: status, stdout, stderr.
function Consoles:hawser(arguments, text, prefix)
    local input, out, err = self:file("in", text or ""), self.scratch .. "/out",
        self.scratch .. "/err"
    os.remove(out)
    os.remove(err)
    local child = assert(process.start({ "sh", "-c", ('cat "$1" | exec %s "$0" %s')
        :format(prefix or "env", arguments), consoles.bin, input }, { stdout = out, stderr = err }))
    local how, code = child:wait(consoles.patience)
    assert(how, "it did not end")
    return how == "exited" and code or how, consoles.read(out), consoles.read(err)
end

return consoles
