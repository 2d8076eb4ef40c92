-- SPDX-License-Identifier: MIT
-- The works of `hawser bench` between two Lua actors, as a script for `hawser run`:
--
--   work.lua WORK SECONDS PAYLOAD OUTSTANDING PEER...   measures, and prints one line of JSON
--   work.lua WORK SECONDS PAYLOAD --peer ADDRESS        the other process
--
-- PEER... is the command that starts the other process, up to its own arguments. The measuring side
-- listens; the peer says "ready" to its actor, so that each knows the other's. Both fail when
-- anything became a dead letter.

local hawser = require "hawser"
local process = require "hawser.process"

local TURN_BYTES = 32 * 1024  -- sent a turn by a stream
local MARK_BYTES = 512 * 1024 -- of the queue, what is not acknowledged included
local FRAME_BYTES = 16        -- about what hawser adds to a payload
local FAREWELL = 0.06         -- in which what has arrived is acknowledged
local PATIENCE = 10

local work, seconds, payload_size = arg[1], tonumber(arg[2]), math.tointeger(arg[3])
local text = ("x"):rep(payload_size)

local function fail(...)
    io.stderr:write("hawser bench: ", string.format(...), "\n")
    os.exit(1)
end

-- A system that gives up when the other process does not answer.
local function open(name)
    local system = assert(hawser.system { name = name, listen = "127.0.0.1:0", log = false })
    system:after(seconds + PATIENCE, function() fail("the other process has stopped answering") end)
    return system
end

local function finish(system)
    system:after(FAREWELL, function() system:stop() end)
end

local function run(system)
    local letters
    system.events:subscribe("Shutdown", function()
        letters = system:statistics().dead_letters.total
    end)
    system:run()
    if letters ~= 0 then
        fail("%s messages became dead letters", letters)
    end
end

local function until_peer_leaves(system)
    system.events:subscribe("EndpointDisconnected", function() finish(system) end)
    run(system)
end

-- --- the peer ---

local peers = {}

-- Sends what the queue has room for, a turn at a time; then asks how much has arrived.
function peers.stream(system, sink)
    local batch = TURN_BYTES // (payload_size + FRAME_BYTES) + 1
    local deadline = system:now() + seconds
    local address, sent = sink.address, 0
    local source
    local function tick() system:send(source, "tick") end
    local function pump(ctx)
        if system:now() >= deadline then
            system:request(sink, sent, { timeout = 60 }, function(count)
                if count ~= sent then
                    fail("%d messages were sent and %s arrived", sent, count)
                end
                finish(system)
            end)
            return
        end
        local waiting, bytes = system:queue(address)
        if not waiting or bytes < MARK_BYTES then
            for _ = 1, batch do
                ctx:send(sink, text)
            end
            sent = sent + batch
        end
        system:after(0, tick)
    end
    source = system:spawn_named("source", pump)
    tick()
    run(system)
end

local function answer(ctx, message)
    if ctx.request_id then
        ctx:respond(message)
    else
        ctx:send(ctx.sender, message)
    end
end

function peers.echo(system, meter)
    local echo = system:spawn_named("echo", answer)
    system:send(meter, "ready", { sender = echo })
    until_peer_leaves(system)
end
peers.requests = peers.echo

-- --- the measuring side ---

local measures = {}

-- Time runs from the first message to the last question, which comes right behind the last.
function measures.stream(system, done)
    local count, bytes, first = 0, 0, nil
    return function(ctx, message)
        if count == 0 then
            first = system:now()
        elseif message == count then
            if bytes ~= count * payload_size then
                fail("messages arrived with another size than they were sent with")
            end
            done { messages = count, seconds = system:now() - first }
            ctx:respond(count)
            return
        end
        count = count + 1
        bytes = bytes + #message
    end
end

-- The first tenth of the time warms up and is not recorded.
function measures.echo(system, done)
    local trips, sent = {}, nil
    local deadline = system:now() + seconds
    local recording = system:now() + seconds / 10
    return function(ctx)
        local now = system:now()
        if sent and sent >= recording then
            trips[#trips + 1] = math.floor((now - sent) * 1e9)
        end
        if now < deadline then
            sent = now
            ctx:send(ctx.sender, text, { sender = ctx.self })
        else
            done { messages = #trips, seconds = now - recording, trips = trips }
        end
    end
end

function measures.requests(system, done, outstanding)
    local answers, target, started, deadline = 0, nil, nil, nil
    local function on_answer(reply, message)
        if not reply or #reply ~= payload_size then
            fail("a request was not answered: %s", message or "with something else")
        end
        answers = answers + 1
        if not deadline then
            return
        elseif answers % 64 == 0 and system:now() >= deadline then
            done { messages = answers, seconds = system:now() - started }
            deadline = nil
            return
        end
        system:request(target, text, on_answer)
    end
    return function(ctx)
        target, started = ctx.sender, system:now()
        deadline = started + seconds
        for _ = 1, outstanding do
            system:request(target, text, on_answer)
        end
    end
end

-- Log-linear as in runtime/base/histogram.h: the upper bounds and counts of 32 buckets an octave.
local function histogram(trips)
    local counts, bounds, parts = {}, {}, {}
    for _, trip in ipairs(trips) do
        local shift = 0
        while trip >> shift >= 64 do
            shift = shift + 1
        end
        local upper = ((trip >> shift) + 1 << shift) - 1
        if not counts[upper] then
            bounds[#bounds + 1] = upper
        end
        counts[upper] = (counts[upper] or 0) + 1
    end
    table.sort(bounds)
    for _, upper in ipairs(bounds) do
        parts[#parts + 1] = ("[%d,%d]"):format(upper, counts[upper])
    end
    return table.concat(parts, ",")
end

local function percentiles(trips)
    table.sort(trips)
    local function at(part)
        return trips[math.max(1, math.ceil(#trips * part))]
    end
    return (',"p50_ns":%d,"p99_ns":%d,"p999_ns":%d,"histogram":[%s]'):format(
        at(0.5), at(0.99), at(0.999), histogram(trips))
end

local function print_result(result)
    if result.messages == 0 or result.seconds <= 0 then
        fail("nothing was measured: the time was too short")
    end
    local rate = result.messages / result.seconds
    io.stdout:write(('{"work":"lua_%s","payload":%d,"messages":%d,"seconds":%.6f,'
        .. '"messages_per_second":%.0f,"bytes_per_second":%.0f%s}\n'):format(
        work, payload_size, result.messages, result.seconds, rate, rate * payload_size,
        result.trips and percentiles(result.trips) or ""))
end

local function measure()
    local system = open("meter")
    local result
    local function done(what)
        result = what
        finish(system)
    end
    local handler = measures[work](system, done, math.tointeger(arg[4]))
    local meter = system:spawn_named("meter", handler)
    local command = table.move(arg, 5, #arg, 1, {})
    table.move({ work, arg[2], arg[3], "--peer", tostring(meter) }, 1, 5, #command + 1, command)
    local peer = assert(process.start(command))
    run(system)
    local how, code = peer:wait(PATIENCE)
    if how ~= "exited" or code ~= 0 then
        fail("the other process %s", how and ("ended: %s %s"):format(how, code) or "still runs")
    end
    print_result(result)
end

if arg[4] == "--peer" then
    local system = open("peer")
    peers[work](system, system:pid(arg[5]))
else
    measure()
end
