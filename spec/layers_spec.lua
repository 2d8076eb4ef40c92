-- SPDX-License-Identifier: MIT
-- The arrows between the layers, read from the files: design.md's "The house", and R-SHAPE-3.

local lfs = require("lfs")

-- What each layer may use beside itself, include/hawser and the C library.
local ARROWS = {
    public = {},
    base = {},
    wire = { "base" },
    actor = { "base" },
    policy = { "base" },
    remote = { "base", "wire", "actor", "policy", "pcre2.h" },
    transport = { "base", "uv.h" },
    loop = { "base", "uv.h" },
    system = { "base", "wire", "actor", "policy", "remote", "transport", "loop" },
    bindings = { "lua.h" },
    editor = { "lua.h", "histedit.h" },
}

-- Libraries that only some layers may see. The public headers show none; msgpack-c, which the
-- tests hold the wire layer against, no layer does.
local LIBRARIES = {
    { name = "uv.h", patterns = { "^uv%.h$", "^uv/" } },
    { name = "lua.h", patterns = { "^lua%.h", "^luaconf%.h", "^lauxlib%.h", "^lualib%.h" } },
    { name = "pcre2.h", patterns = { "^pcre2%.h$" } },
    { name = "histedit.h", patterns = { "^histedit%.h$", "^editline/" } },
    { name = "msgpack.h", patterns = { "^msgpack%.h", "^msgpack/" } },
}

local TOP_LEVEL = {
    ["CMakeLists.txt"] = true, ["CMakePresets.json"] = true, ["README.md"] = true, LICENSE = true,
    demo = true, test = true, runtime = true, lua = true, bindings = true, spec = true,
    examples = true, docs = true,
    build = "made by ./test", -- not in the repository
}

local MAX_LINES = 500

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

---Calls visit(path) for every file under a directory whose name ends in one of the extensions.
local function each_file(directory, extensions, visit)
    if lfs.attributes(directory, "mode") ~= "directory" then return end
    for entry in lfs.dir(directory) do
        local path = directory .. "/" .. entry
        if entry ~= "." and entry ~= ".." then
            if lfs.attributes(path, "mode") == "directory" then
                each_file(path, extensions, visit)
            elseif extensions[entry:match("%.(%w+)$") or ""] then
                visit(path)
            end
        end
    end
end

---The layer that a file belongs to, or nil when the house has no place for it.
local function layer_of(path)
    if path:match("^runtime/include/hawser/") then return "public" end
    if path:match("^bindings/editor/") then return "editor" end
    if path:match("^bindings/") then return "bindings" end
    if path:match("^runtime/system[^/]*$") then return "system" end
    local name = path:match("^runtime/(%w+)/")
    return ARROWS[name] and name or nil
end

---"a/b/../c" and "a/./c" become "a/c".
local function normalise(path)
    local parts = {}
    for part in path:gmatch("[^/]+") do
        if part == ".." then
            table.remove(parts)
        elseif part ~= "." then
            parts[#parts + 1] = part
        end
    end
    return table.concat(parts, "/")
end

---What an include names: a layer, a library, "public", or nil for the C library.
local function target_of(path, quoted, name, exists)
    for _, library in ipairs(LIBRARIES) do
        for _, pattern in ipairs(library.patterns) do
            if name:match(pattern) then return library.name end
        end
    end
    if name:match("^hawser/") then return "public" end
    local near = normalise(path:match("^(.*)/") .. "/" .. name)
    if quoted and exists(near) then return layer_of(near) or near end
    local private = normalise("runtime/" .. name)
    return layer_of(private) or (quoted and "no file of the house" or nil)
end

---Comments become blanks, so that an example in a comment is no include; lines keep their numbers.
local function without_comments(text)
    return (text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", " ")) end))
end

local function allowed(layer, target)
    if target == nil or target == layer or target == "public" then return true end
    for _, name in ipairs(ARROWS[layer]) do
        if name == target then return true end
    end
    return false
end

local function arrows_of(layer)
    local names = { "include/hawser", table.unpack(ARROWS[layer]) }
    return ("%s -> %s"):format(layer, table.concat(names, ", "))
end

---Sentences about every include in `text` that the arrows do not allow.
local function c_violations(path, text, exists)
    local layer = layer_of(path)
    if not layer then
        return { path .. ": belongs to no layer; directly in runtime/ only system*.c has a place" }
    end
    local found, number = {}, 0
    for line in (without_comments(text) .. "\n"):gmatch("(.-)\n") do
        number = number + 1
        local open, name = line:match('^%s*#%s*include%s*([<"])([^>"]+)[>"]')
        if name then
            local target = target_of(path, open == '"', name, exists)
            if not allowed(layer, target) then
                found[#found + 1] = ('%s:%d: includes "%s" (%s); arrows: %s'):format(
                    path, number, name, target, arrows_of(layer))
            end
        end
    end
    return found
end

---Calls visit(name, line number) for every module that a Lua text requires by a literal name.
local function each_require(text, visit)
    local number = 0
    for line in (text .. "\n"):gmatch("(.-)\n") do
        number = number + 1
        for name in line:gsub("%-%-.*", ""):gmatch("require%s*%(?%s*[\"']([^\"']+)[\"']") do
            visit(name, number)
        end
    end
end

---The same for `require` in lua/.
local function lua_violations(path, text)
    local found = {}
    each_require(text, function(name, number)
        if name == "hawser" or name:match("^hawser%.") then return end
        found[#found + 1] = ('%s:%d: requires "%s"; arrows: lua -> hawser, hawser.core'):format(
            path, number, name)
    end)
    return found
end

---A policy is plain Lua, tested without a runtime: follows its requires, looking for the core.
---`texts` maps the names of modules to their texts. Returns the chain of names that leads there.
local function way_to_core(name, texts, seen)
    seen = seen or {}
    if name == "hawser.core" then return name end
    if seen[name] or not texts[name] then return nil end
    seen[name] = true
    local way
    each_require(texts[name], function(required)
        way = way or way_to_core(required, texts, seen)
    end)
    return way and name .. " -> " .. way
end

local function exists(path) return lfs.attributes(path, "mode") == "file" end

local function assert_none(found)
    table.sort(found)
    assert(#found == 0, "\n" .. table.concat(found, "\n"))
end

---Collects what check(path, text) finds in every such file.
local function collect(directories, extensions, check)
    local found = {}
    for _, directory in ipairs(directories) do
        each_file(directory, extensions, function(path)
            for _, sentence in ipairs(check(path, read(path))) do found[#found + 1] = sentence end
        end)
    end
    return found
end

local C = { c = true, h = true }
local LUA = { lua = true }
local SOURCES = { c = true, h = true, lua = true }

describe("the house", function()
    it("runs its specs on Lua 5.4", function()
        assert.equal("Lua 5.4", _VERSION)
    end)

    it("has no arrow between layers but the design's", function()
        assert_none(collect({ "runtime", "bindings" }, C, function(path, text)
            return c_violations(path, text, exists)
        end))
    end)

    it("has no arrow out of lua/ but to hawser.core", function()
        assert_none(collect({ "lua" }, LUA, lua_violations))
    end)

    it("lets no policy reach hawser.core", function()
        local texts, found = {}, {}
        each_file("lua", LUA, function(path)
            local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
            texts[name] = read(path)
        end)
        for name in pairs(texts) do
            found[#found + 1] = name:match("^hawser%.policy") and way_to_core(name, texts)
        end
        assert_none(found)
    end)

    it("keeps uv.h a forward declaration in what a host includes", function()
        assert_none(collect({ "runtime/include" }, C, function(path, text)
            local name = without_comments(text):match("uv_%w+_t")
            return name and { ("%s: names libuv's %s"):format(path, name) } or {}
        end))
    end)

    it("names a licence in the first line of every source", function()
        local directories = { "runtime", "bindings", "lua", "spec", "examples" }
        assert_none(collect(directories, SOURCES, function(path, text)
            local first = text:match("^#![^\n]*\n([^\n]*)") or text:match("^[^\n]*")
            return first:find("SPDX-License-Identifier: MIT", 1, true) and {} or
                { path .. ":1: no SPDX-License-Identifier" }
        end))
    end)

    it("has no file of more than " .. MAX_LINES .. " lines", function()
        assert_none(collect({ "runtime", "bindings", "lua" }, SOURCES, function(path, text)
            local _, lines = text:gsub("\n", "")
            return lines > MAX_LINES and { ("%s: %d lines"):format(path, lines) } or {}
        end))
    end)

    it("has the top level of R-SHAPE-3 and nothing else", function()
        local found = {}
        for name, kept in pairs(TOP_LEVEL) do
            if kept == true and not lfs.attributes(name) then
                found[#found + 1] = name .. ": missing"
            end
        end
        for name in lfs.dir(".") do
            if not TOP_LEVEL[name] and not name:match("^%.") then
                found[#found + 1] = name .. ": not of the top level"
            end
        end
        assert_none(found)
    end)
end)

-- The checks above pass on a clean tree; these show that they would not on another.
describe("the check of the arrows", function()
    local function none() return false end

    local function complaint(path, line)
        local found = c_violations(path, "/* x */\n" .. line .. "\n", none)
        return found[1], #found
    end

    local refused = {
        { "runtime/wire/frame.c", '#include "remote/endpoint.h"', "wire -> include/hawser, base" },
        { "runtime/base/ring.c", '#include "wire/frame.h"', "base -> include/hawser" },
        { "runtime/actor/pid.c", '#include "wire/frame.h"', "actor -> include/hawser, base" },
        { "runtime/policy/ops.c", '#include "actor/pid.h"', "policy -> include/hawser, base" },
        { "runtime/remote/endpoint.c", '#include "transport/tcp.h"', "remote ->" },
        { "runtime/remote/endpoint.c", "#include <uv.h>", "remote ->" },
        { "runtime/system.c", "#include <uv.h>", "system ->" },
        { "runtime/loop/loop.c", '#include "remote/endpoint.h"', "loop ->" },
        { "runtime/transport/tcp.c", '#include "loop/loop.h"', "transport ->" },
        { "runtime/wire/frame.c", "#  include <lua.h>", "wire ->" },
        { "runtime/include/hawser/core.h", "#include <uv.h>", "public -> include/hawser" },
        { "runtime/include/hawser/core.h", "#include <msgpack.h>", "public -> include/hawser" },
        { "runtime/wire/frame.c", "#include <msgpack.h>", "wire -> include/hawser" },
        { "bindings/core.c", "#include <msgpack.h>", "bindings -> include/hawser" },
        { "runtime/actor/pid.c", '#include "../remote/endpoint.h"', "actor ->" },
        { "runtime/actor/pid.c", '#include "system.h"', "actor ->" },
        { "runtime/wire/frame.c", '#include "wires/frame.h"', "wire ->" },
        { "bindings/core.c", '#include "base/ring.h"', "bindings -> include/hawser, lua.h" },
        { "bindings/core.c", "#include <uv.h>", "bindings ->" },
    }
    for _, case in ipairs(refused) do
        it(("refuses %s in %s"):format(case[2], case[1]), function()
            local sentence = complaint(case[1], case[2])
            assert.truthy(sentence)
            assert.truthy(sentence:find(case[1] .. ":2: includes", 1, true))
            assert.truthy(sentence:find(case[3], 1, true))
        end)
    end

    local accepted = {
        { "runtime/wire/frame.c", '#include "base/ring.h"' },
        { "runtime/remote/endpoint.c", "#include <hawser/transport.h>" },
        { "runtime/loop/loop.c", "#include <uv.h>" },
        { "runtime/system_options.c", '#include "transport/tcp.h"' },
        { "bindings/core.c", "#include <lauxlib.h>" },
        { "runtime/wire/frame.c", '/* #include "remote/endpoint.h" */' },
    }
    for _, case in ipairs(accepted) do
        it(("accepts %s in %s"):format(case[2], case[1]), function()
            assert.same({ nil, 0 }, { complaint(case[1], case[2]) })
        end)
    end

    it("finds a neighbour that is included by its bare name", function()
        local function neighbour(path) return path == "runtime/wire/frame.h" end
        assert.same({}, c_violations("runtime/wire/read.c", '#include "frame.h"', neighbour))
        assert.equal(1, #c_violations("runtime/wire/read.c", '#include "frames.h"', neighbour))
    end)

    it("refuses a file outside every layer", function()
        assert.truthy((complaint("runtime/misc.c", "")):find("no layer", 1, true))
        assert.truthy((complaint("runtime/util/misc.c", "")):find("no layer", 1, true))
    end)

    it("refuses what lua/ may not require", function()
        assert.equal(1, #lua_violations("lua/hawser/init.lua", 'local s = require "socket"'))
        assert.equal(0, #lua_violations("lua/hawser/init.lua", 'local c = require("hawser.core")'))
        assert.equal(0, #lua_violations("lua/hawser/init.lua", '-- local s = require "socket"'))
    end)

    it("follows a policy's requires to the core", function()
        local texts = {
            ["hawser.policy.a"] = 'require "hawser.b"',
            ["hawser.b"] = 'require("hawser.policy.a") require("hawser.core")',
            ["hawser.policy.c"] = 'require "hawser.policy.d"',
            ["hawser.policy.d"] = "return {}",
        }
        local way = way_to_core("hawser.policy.a", texts)
        assert.equal("hawser.policy.a -> hawser.b -> hawser.core", way)
        assert.is_nil(way_to_core("hawser.policy.c", texts))
    end)
end)
