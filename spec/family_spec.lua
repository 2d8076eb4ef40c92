-- SPDX-License-Identifier: MIT
-- Parents and children in Lua: ids near and far, failures, the order of an end, what is refused.

local systems = dofile("spec/support/systems.lua")
local hawser = systems.hawser

describe("a parent", function()
    local system, log
    before_each(function()
        system = systems.new()
        log = {}
    end)
    after_each(systems.stop)

    -- Handlers that write what happens to them into the log; `begin` is called as it starts.
    local function logged(name, begin)
        return {
            started = function(ctx)
                log[#log + 1] = name .. "+"
                if begin then begin(ctx) end
            end,
            receive = function(_, message) error(message, 0) end,
            stopped = function() log[#log + 1] = name .. "-" end,
        }
    end

    local function texts(pids)
        local ids = {}
        for i, pid in ipairs(pids) do ids[i] = pid.id end
        return table.concat(ids, " ")
    end

    it("has children with ids under its own, and lists them", function()
        local seen
        system:spawn_named("top", function(ctx)
            local a = ctx:spawn_named("a", function(inner) inner:respond(inner.parent) end)
            local b = ctx:spawn(print, { name = "b" })
            local c = ctx:spawn(print)
            seen = { tostring(ctx.parent), a.id, b.id, c.id:match("^top/%$%d+$") ~= nil,
                     texts(ctx:children()) == "top/a top/b " .. c.id,
                     ctx:request(a, 1) == ctx.self }
        end)
        system:send("top", 1)
        systems.wait(function() return seen and seen[6] ~= nil end)
        assert.same({ "nil", "top/a", "top/b", true, true, true }, seen)
    end)

    it("is refused children that can't be", function()
        local results = {}
        local function try(ctx, name)
            local pid, message, code = ctx:spawn_named(name, print)
            results[#results + 1] = pid and pid.id or code .. ": " .. message
        end
        system:spawn_named("top", {
            started = function(ctx)
                try(ctx, "a")
                try(ctx, "a")
                try(ctx, "b/c")
                try(ctx, "b c")
                try(ctx, ("n"):rep(252))
                ctx:stop()
                try(ctx, "late")
            end,
        })
        systems.wait(function() return #results == 6 end)
        assert.equal("top/a", results[1])
        assert.equal('EEXIST: the name "top/a" is taken', results[2])
        assert.truthy(results[3]:find("'/' stands between a parent's and a child's", 1, true))
        assert.truthy(results[4]:find("EADDRESS: \"top/b c\" is no id; expected 1 to 255", 1, true))
        assert.truthy(results[5]:find("expected 1 to 255 bytes", 1, true))
        assert.truthy(results[6]:find("ECLOSED: the actor is about to stop", 1, true))
        local none, _, code = system:spawn_named("a/b", print)
        assert.is_nil(none)
        assert.equal("EADDRESS", code)
        for _, options in ipairs { { restart_limit = 0 }, { restart_window = 0 },
            { restart_limit = 1.5 } } do
            assert.has_error(function() system:spawn(print, options) end)
        end
    end)

    -- What the parent's directive makes of a child that escalates, and of its own failure.
    local function tree(top, middle)
        system:spawn_named("top", logged("top", function(ctx)
            ctx:spawn_named("mid", logged("mid", function(inner)
                inner:spawn_named("leaf", logged("leaf"), { supervision = "escalate" })
            end), { supervision = middle })
        end), { supervision = top })
        systems.wait(function() return #log == 3 end)
        log = {}
    end
    for _, case in ipairs {
        { "resume", "resume", "top/mid/leaf", "leaf-" },
        { "resume", "restart", "top/mid/leaf", "leaf- mid+ leaf+" },
        { "resume", "stop", "top/mid/leaf", "leaf- mid-" },
        { "restart", "escalate", "top/mid/leaf", "leaf- mid- top+ mid+ leaf+" },
        { "restart", "resume", "top", "leaf- mid- top+ mid+ leaf+" },
        { "stop", "resume", "top", "leaf- mid- top-" },
    } do
        it(("%s, %s: a failure of %s"):format(case[1], case[2], case[3]), function()
            tree(case[1], case[2])
            system:send(case[3], "on purpose")
            systems.wait(function() return #log >= #case[4]:gsub("[^+-]", "") end)
            systems.idle(0.01)
            assert.equal(case[4], table.concat(log, " "))
        end)
    end

    it("counts its own restarts", function()
        local failures = systems.events(system, "ActorFailed")
        local pid = system:spawn(logged("x"),
            { supervision = "restart", restart_limit = 2, restart_window = 60 })
        for _ = 1, 4 do system:send(pid, "on purpose") end
        systems.wait(function() return #failures == 3 end)
        assert.equal("stop", failures[3].reason)
        systems.wait(function() return log[#log] == "x-" end)
    end)

    it("drops handlers that wait when a child's failure restarts it", function()
        local back
        local pid = system:spawn_named("top", {
            started = function(ctx)
                log[#log + 1] = "start"
                ctx:spawn_named("leaf", function() error("on purpose", 0) end,
                    { supervision = "escalate" })
            end,
            receive = function(ctx, message)
                if message == "wait" then
                    ctx:sleep(60)
                    log[#log + 1] = "woken"
                else
                    back = message
                end
            end,
        }, { supervision = "restart" })
        systems.wait(function() return #log == 1 end)
        system:send(pid, "wait")
        systems.idle(0.01)
        system:send("top/leaf", 1)
        system:send(pid, "hello")
        systems.wait(function() return back end)
        assert.same({ "start", "start" }, log)
    end)

    it("that is stopped stops them first, and each watcher hears once", function()
        local told = {}
        tree("resume", "resume")
        local watcher = system:spawn {
            receive = function() end,
            terminated = function(_, pid, reason) told[#told + 1] = pid.id .. " " .. reason end,
        }
        for _, id in ipairs { "top", "top/mid", "top/mid/leaf" } do system:watch(watcher, id) end
        system:stop "top"
        systems.wait(function() return #told == 3 end)
        systems.idle(0.01)
        assert.same({ "leaf-", "mid-", "top-" }, log)
        assert.same({ "top/mid/leaf stopped", "top/mid stopped", "top stopped" }, told)
        assert.equal("ENOTFOUND", (select(3, system:send("top/mid", 1))))
    end)

    it("and its children are reached, watched and stopped over the wire", function()
        local there, told, reply = systems.new { name = "there" }, {}, nil
        there:spawn_named("top", {
            started = function(ctx)
                ctx:spawn_named("mid", {
                    started = function(inner)
                        inner:spawn_named("leaf", function(leaf, text)
                            leaf:respond(text .. " " .. leaf.self.id)
                        end)
                    end,
                })
            end,
        })
        systems.wait(function() return #there:actors() == 3 end)
        local address = there.address
        system:spawn {
            started = function(ctx)
                ctx:watch(address .. "/top/mid/leaf")
                ctx:watch("hawser.tcp://there@" .. address .. "/top")
                local leaf = "hawser.tcp://there@" .. address .. "/top/mid/leaf"
                reply = table.pack(ctx:request(leaf, "hello"))
                ctx.system:stop(hawser.pid(address .. "/top"))
            end,
            terminated = function(_, pid, reason)
                told[#told + 1] = tostring(pid) .. " " .. reason
            end,
        }
        systems.wait(function() return #told == 2 end)
        assert.equal("hello top/mid/leaf", reply[1])
        assert.same({ address .. "/top/mid/leaf stopped", address .. "/top stopped" }, told)
        assert.equal(0, #there:actors())
    end)

    it("ends with its system, children first", function()
        tree("resume", "resume")
        system:stop { deadline = 0 }
        system:run()
        assert.same({ "leaf-", "mid-", "top-" }, log)
    end)
end)
