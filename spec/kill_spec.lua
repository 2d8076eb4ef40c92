-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- A peer in a process of its own is killed with SIGKILL in the middle of traffic and started again,
-- several times in a row. What it had processed it has written to a file.

local process = require "hawser.process"
local backoff = require "hawser.policy.backoff"
local systems = dofile("spec/support/systems.lua")

local BIN = dofile("spec/support/paths.lua").bin
local PATIENCE = 30
local KILLS = 6
local BURST = 50     -- messages every 2 ms
local CURVE = { initial = 0.03, factor = 2, max = 0.25, jitter = 0.2, max_retries = 1000 }

-- A port that was free a moment ago.
local function free_address()
    local system = systems.new()
    local address = system.address
    system:stop { deadline = 0 }
    systems.wait(function() return system:is_stopped() end)
    return address
end

local function numbers_in(path)
    local list = {}
    for line in io.lines(path) do
        list[#list + 1] = assert(math.tointeger(tonumber(line)), "a torn line: " .. line)
    end
    return list
end

-- The delay that the curve gives for a try, without its jitter.
local function curve(attempt)
    return math.min(CURVE.max, CURVE.initial * CURVE.factor ^ (attempt - 1))
end

describe("a peer that is killed again and again", function()
    local beta, path, address, alpha
    local sent, accepted, letters, reasons
    local delays, attempts, connected, ended, dropped

    local function start_beta()
        beta = assert(process.start { BIN, "run", "spec/kill/beta.lua", address, path })
    end

    local function observe()
        alpha.events:subscribe("DeadLetter", function(event)
            local number = event.message
            if event.pid.address ~= address or math.type(number) ~= "integer" then return end
            letters[number] = (letters[number] or 0) + 1
            reasons[number] = event.reason
        end)
        alpha.events:subscribe("EndpointReconnect", function(event)
            if event.address ~= address or event.success then return end
            attempts[#attempts + 1] = event.attempt
            delays[#delays + 1] = event.delay
        end)
        alpha.events:subscribe("EndpointConnected", function(event)
            if event.address == address then connected[#connected + 1] = event end
        end)
        alpha.events:subscribe("EventsDropped", function() dropped = dropped + 1 end)
    end

    -- Watches beta's sink, and watches the next one when that has ended.
    local function keep_watch()
        alpha:spawn {
            started = function(ctx) ctx:watch(address .. "/sink") end,
            receive = function() end,
            terminated = function(ctx, _, reason)
                ended[#ended + 1] = reason
                ctx:watch(address .. "/sink")
            end,
        }
    end

    local sending
    local function start_sending()
        sending = true
        local function tick()
            if not sending then return end
            for _ = 1, BURST do
                sent = sent + 1
                accepted[sent] = alpha:send(address .. "/sink", sent) or false
            end
            alpha:after(0.002, tick)
        end
        tick()
    end

    before_each(function()
        sent, accepted, letters, reasons = 0, {}, {}, {}
        delays, attempts, connected, ended, dropped = {}, {}, {}, {}, 0
        path = os.tmpname()
        address = free_address()
    end)

    after_each(function()
        sending = false
        if beta then
            beta:kill(process.SIGKILL)
            beta:wait(PATIENCE)
        end
        systems.stop()
        os.remove(path)
    end)

    local function begin(disconnected)
        alpha = systems.new {
            name = "alpha",
            reconnect_stable_after = 0.02,
            policy = {
                name = "curve", backoff = backoff.exponential(CURVE), disconnected = disconnected,
            },
        }
        observe()
        start_beta()
        keep_watch()
        start_sending()
        systems.wait(function() return #connected == 1 end, PATIENCE)
    end

    -- Kills it in traffic, lets some tries fail, and starts it again.
    local function kill(round)
        systems.idle(0.05 + 0.02 * round)
        beta:kill(process.SIGKILL)
        beta:wait(PATIENCE)
        local before = #attempts
        systems.wait(function() return #attempts >= before + 1 + round % 4 end, PATIENCE)
        local lives = #connected
        start_beta()
        systems.wait(function() return #connected == lives + 1 end, PATIENCE)
    end

    local function settle()
        sending = false
        systems.wait(function()
            local statistics = alpha:statistics(address)
            return statistics.state == "connected" and statistics.queue_size == 0
        end, PATIENCE)
        systems.idle(0.1) -- beta's file and the last events
    end

    -- Each number: processed once, or a dead letter; both only if that says so.
    local function account()
        local processed, last = {}, 0
        for _, number in ipairs(numbers_in(path)) do
            assert(number > last, ("beta got %d after %d"):format(number, last))
            last = number
            processed[number] = true
        end
        local count = { processed = 0, letters = 0, both = 0, refused = 0 }
        for number = 1, sent do
            local letter = letters[number] or 0
            assert(letter <= 1, number .. " became two dead letters")
            assert(processed[number] or letter == 1, number .. " vanished")
            if accepted[number] and letter == 1 and processed[number] then
                assert.equal("unacknowledged", reasons[number])
                count.both = count.both + 1
            elseif not accepted[number] then
                assert(letter == 1 and not processed[number], number .. " was refused")
                assert.equal("disconnected", reasons[number])
                count.refused = count.refused + 1
            end
            count.processed = count.processed + (processed[number] and 1 or 0)
            count.letters = count.letters + letter
        end
        return count
    end

    -- Every absence begins with try 1, and every delay is on the curve, give or take its jitter.
    local function check_delays()
        local absences = 0
        for i, attempt in ipairs(attempts) do
            absences = absences + (attempt == 1 and 1 or 0)
            assert(attempt == 1 or attempt == attempts[i - 1] + 1, attempt .. " out of turn")
            local ratio = delays[i] / curve(attempt)
            assert(ratio > 1 - CURVE.jitter - 0.001 and ratio < 1 + CURVE.jitter + 0.001,
                   ("try %d was put off by %g s"):format(attempt, delays[i]))
        end
        return absences
    end

    local function check_lives()
        local uids = {}
        for i, event in ipairs(connected) do
            assert.is_nil(uids[event.uid])
            uids[event.uid] = true
            assert.equal(false, event.resumed, "life " .. i)
        end
        assert.equal(KILLS + 1, #connected)
        assert.equal(KILLS, #ended)
        for _, reason in ipairs(ended) do assert.equal("restarted", reason) end
    end

    for _, disconnected in ipairs { "deadletter", "queue" } do
        it("loses no message without a word, by policy " .. disconnected, function()
            begin(disconnected)
            for round = 1, KILLS do kill(round) end
            settle()
            check_lives()
            assert.equal(0, dropped)
            -- One absence a kill, and one more if beta was not up at the very first try.
            local absences = check_delays()
            assert(absences == KILLS or absences == KILLS + 1, absences .. " absences")
            local count = account()
            assert(count.processed > 1000, "too little traffic")
            assert.equal(disconnected == "deadletter", count.refused > 0)
            assert(count.letters - count.refused > 0, "no kill met a message under way")
        end)
    end
end)
