-- SPDX-License-Identifier: MIT
-- lua/hawser/types.lua, which editors read, says what the live module has: no more, no less.

local core = require("hawser.core")
local hawser = require("hawser")

local TEXT = ""
for _, name in ipairs { "types", "types_options" } do
    local file <close> = assert(io.open("lua/hawser/" .. name .. ".lua"))
    TEXT = TEXT .. file:read("a")
end

-- The methods of a class in the type file, as a set.
local function methods(class)
    local found = {}
    for name in TEXT:gmatch("\nfunction " .. class .. ":([%w_]+)%(") do found[name] = true end
    return found
end

-- The fields listed right after ---@class hawser.NAME.
local function fields(class)
    local found = {}
    local block = TEXT:match("%-%-%-@class hawser%." .. class .. "[^\n]*\n(.-\n)[^-]") or
        TEXT:match("%-%-%-@class hawser%." .. class .. "[^\n]*\n(.*)$")
    for name in block:gmatch("%-%-%-@field ([%w_]+)") do found[name] = true end
    return found
end

local function names(list)
    local found = {}
    for key, value in pairs(list) do found[type(key) == "string" and key or value] = true end
    return found
end

describe("the type file", function()
    it("has the methods of systems", function()
        assert.same(names(core.methods), methods("System"))
    end)

    it("has the methods and fields of contexts", function()
        local live_methods, live_fields = {}, {}
        for name, value in pairs(core.context_methods) do
            (type(value) == "function" and live_methods or live_fields)[name] = true
        end
        assert.same(live_methods, methods("Context"))
        assert.same(live_fields, fields("Context"))
    end)

    it("has the methods of the other objects", function()
        local system = hawser.system { name = "x", log = false }
        local handle = system:after(100, print)
        local timer
        system:spawn { started = function(ctx) timer = ctx:after(100, 1) end }
        hawser.run_until(function() return timer end, 5)
        local path = os.tmpname()
        os.remove(path)
        local console = assert(hawser.open_console(path))
        for class, object in pairs { Handle = handle, Timer = timer, Events = system.events,
            Console = console, Process = require("hawser.process").start { "true" } } do
            for name in pairs(methods(class)) do
                assert.is_function(object[name], class .. ":" .. name)
            end
        end
        console:close()
        for name in pairs(fields("System")) do assert.truthy(system[name], name) end
        system:stop { deadline = 0 }
        system:run()
    end)

    it("has every option", function()
        local live = { name = true, listen = true, advertise = true, policy = true, log = true,
            seed = true, handler_budget = true, blocked = true }
        for _, option in ipairs(hawser.options()) do live[option.name] = true end
        assert.same(live, fields("Options"))
    end)

    it("has the spawn options, which are checked", function()
        local system = hawser.system { name = "x", log = false }
        for name in pairs(fields("SpawnOptions")) do
            local ok, message = pcall(system.spawn, system, print, { [name] = function() end })
            assert.is_true(ok or not message:find("unknown spawn option"), message)
        end
        for name in pairs(fields("Handlers")) do
            assert(system:spawn { [name] = function() end }, name)
        end
        system:stop { deadline = 0 }
        system:run()
    end)

    it("is Lua", function()
        assert(load(TEXT))
    end)
end)
