-- SPDX-License-Identifier: MIT
-- hawser policy simulate: scenarios with the policy, and the same with the default one beside it.

local json = require "hawser.json"
local policy = require "hawser.policy"
local scenarios = require "hawser.cli.policy.scenarios"
local stage = require "hawser.cli.policy.stage"

local simulate = {}

-- --- figures as text ---

local function middle(sorted)
    return sorted[(#sorted + 1) // 2]
end

local function seconds_text(list)
    if #list == 0 then
        return "-"
    elseif #list == 1 then
        return ("%.1f s"):format(list[1])
    end
    return ("%.1f s (%.1f to %.1f)"):format(middle(list), list[1], list[#list])
end

local function recovery_text(figures)
    local text = seconds_text(figures.recoveries)
    if figures.unrecovered == 0 then
        return text
    end
    local never = ("%d never"):format(figures.unrecovered)
    return #figures.recoveries == 0 and never or text .. ", " .. never
end

local function total(dead)
    local sum = 0
    for _, count in pairs(dead) do
        sum = sum + count
    end
    return sum
end

local function reasons_of(all)
    local seen, names = {}, {}
    for _, figures in ipairs(all) do
        for reason in pairs(figures.dead) do
            names[#names + 1] = not seen[reason] and reason or nil
            seen[reason] = true
        end
    end
    table.sort(names)
    return names
end

-- { label, a text for each of the policies }; rows that say nothing are left out.
local function rows_of(all)
    local rows = {}
    local function add(label, text, keep)
        local row, wanted = { label }, keep == nil
        for i, figures in ipairs(all) do
            row[i + 1] = text(figures)
            wanted = wanted or keep(figures)
        end
        rows[#rows + 1] = wanted and row or nil
    end
    add("attempts", function(f) return tostring(f.attempts) end)
    add("  in the busiest second", function(f) return tostring(f.busiest) end,
        function(f) return f.busiest > 1 end)
    add("loss noticed after", function(f) return seconds_text(f.noticed) end,
        function(f) return #f.noticed > 0 end)
    add("time to recover", recovery_text,
        function(f) return #f.recoveries + f.unrecovered > 0 end)
    add("given up", function(f) return tostring(f.gave_up) end)
    add("messages sent", function(f) return tostring(f.sent) end)
    add("delivered", function(f) return tostring(f.delivered) end)
    add("sends refused", function(f) return tostring(f.refused) end,
        function(f) return f.refused > 0 end)
    add("still waiting", function(f) return tostring(f.waiting) end,
        function(f) return f.waiting > 0 end)
    add("dead letters", function(f) return tostring(total(f.dead)) end)
    for _, reason in ipairs(reasons_of(all)) do
        add("  " .. reason, function(f) return tostring(f.dead[reason] or 0) end)
    end
    add("changes of level", function(f) return tostring(f.level_changes) end,
        function(f) return f.level_changes > 0 end)
    add("level normal after", function(f) return f.eased and ("%.1f s"):format(f.eased) or "-" end,
        function(f) return f.eased ~= nil end)
    return rows
end

local LABEL, COLUMN = 25, 25

local function padded(text, width)
    return text .. (" "):rep(math.max(1, width - #text))
end

local function print_row(out, row)
    local text = "  " .. padded(row[1], LABEL)
    for i = 2, #row do
        text = text .. (i < #row and padded(row[i], COLUMN) or row[i])
    end
    out:write(text, "\n")
end

local function print_scenario(out, scenario, names, all, seed)
    out:write(("%s, seed %d\n  %s\n"):format(scenario.name, seed, scenario.about))
    print_row(out, { "", table.unpack(names) })
    for _, row in ipairs(rows_of(all)) do
        print_row(out, row)
    end
    for _, text in ipairs(all[1].errors) do
        out:write("  problem: ", text, "\n")
    end
end

-- --- the command ---

local function json_of(scenario, names, all, seed)
    local result = { scenario = scenario.name, about = scenario.about, seed = seed }
    for i, key in ipairs { "policy", "default" } do
        local figures = all[i]
        figures.name = names[i]
        figures.dead_letters, figures.dead = figures.dead, nil
        for _, list in ipairs { "recoveries", "noticed", "errors" } do
            figures[list] = #figures[list] == 0 and json.EMPTY or figures[list]
        end
        result[key] = figures
    end
    return result
end

---@param out { write: function }
function simulate.list(out)
    for _, scenario in ipairs(scenarios.list) do
        out:write(padded(scenario.name, 18), scenario.about, "\n")
    end
end

local function selected(name)
    return name == "all" and scenarios.list or { scenarios.find(name) }
end

---@param out { write: function }
---@param file string
---@param values { scenario: string, seed?: integer, json?: boolean }
---@return boolean|nil # nothing went wrong with the policy; nil: it can't be loaded
---@return string|nil message
function simulate.run(out, file, values)
    local loaded, message = policy.load(file)
    if not loaded then
        return nil, message
    end
    local seed, good, results = values.seed or 1, true, {}
    local names = { loaded.name, "default" }
    for i, scenario in ipairs(selected(values.scenario)) do
        local all = { stage.play(scenario, file, seed), stage.play(scenario, "default", seed) }
        good = good and #all[1].errors == 0
        if values.json then
            results[i] = json_of(scenario, names, all, seed)
        else
            out:write(i > 1 and "\n" or "")
            print_scenario(out, scenario, names, all, seed)
        end
    end
    if values.json then
        out:write(json.encode(results), "\n")
    end
    return good
end

return simulate
