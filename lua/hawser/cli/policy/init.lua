-- SPDX-License-Identifier: MIT
-- hawser policy: tools for who writes one. None of them opens a socket.

local backoff = require "hawser.policy.backoff"
local grid = require "hawser.cli.policy.grid"
local json = require "hawser.json"
local options = require "hawser.cli.options"
local suggest = require "hawser.suggest"

local USAGE = [[
usage: hawser policy check FILE [--budget N] [--json]
       hawser policy plot FILE [-o FILE.svg] [--endpoint ADDRESS]
                               [--attempts N] [--reason WORD]
       hawser policy simulate FILE [--scenario NAME] [--seed N] [--json]
       hawser policy simulate --list

FILE is a policy's file, or a name: of one that comes with hawser (default,
fixed), or NAME.lua here or in policies/.

  check     loads it, asks its functions what a system may ask, and tells what
            they answer, where the core clamps that, and what a call costs; the
            exit status is 1 if a system would refuse it
  plot      draws how long it waits before each try, over 1000 runs, and its
            throttle levels: in the terminal, or as SVG
  simulate  plays scenarios in a simulated network, and the same with the
            default policy beside it; the exit status is 1 if the policy failed
            to answer

  --budget N             instructions that a call may use (100000, as the option
                         policy_budget)
  --json                 JSON with all that is known, instead of the text
  -o, --output FILE.svg  writes SVG; - is standard output
  --endpoint ADDRESS     the curve that this address gets, where the policy has
                         patterns; the general one unless said
  --attempts N           how far to follow the curve (12)
  --reason WORD          why each try fails (refused)
  --scenario NAME        one of those that --list tells; all unless said
  --seed N               the random numbers follow from it (1)
]]

local function complain(...)
    io.stderr:write("hawser policy: ", ...)
    io.stderr:write("\n")
    return 2
end

local function run_check(values)
    local budget = values.budget or grid.BUDGET
    local report = require("hawser.cli.policy.check").run(values[1], budget)
    if values.json then
        for _, list in ipairs { "problems", "clamped", "notes" } do
            report[list] = #report[list] == 0 and json.EMPTY or report[list]
        end
        io.stdout:write(json.encode(report), "\n")
    else
        require("hawser.cli.policy.words").print(io.stdout, report)
    end
    return report.ok and 0 or 1
end

-- The tracebacks are for who wants to know more.
local function not_loaded(command, message, file)
    message = (message .. "\n"):gsub("stack traceback:\n", ""):gsub("\t[^\n]*\n", "")
    complain(command, ": ", message, "hawser policy check ", file, " says more")
    return 1
end

local function run_plot(values, executable)
    local plot = require "hawser.cli.policy.plot"
    local output = values.output
    if output and output ~= "-" and not output:find("%.svg$") then
        return complain(("plot: -o %s: only SVG is written; expected a name that ends in .svg")
            :format(output))
    end
    local found, title = plot.load(values[1], values)
    if not found then
        return not_loaded("plot", title, values[1])
    end
    if not output then
        io.stdout:write(require("hawser.cli.policy.chart").draw(found, title,
                        plot.style((executable.terminal_size()))))
        return 0
    end
    local ok, message = plot.write(output, require("hawser.cli.policy.svg").draw(found, title))
    if not ok then
        complain("plot: ", message)
        return 1
    end
    return 0
end

local function run_simulate(values)
    local simulate = require "hawser.cli.policy.simulate"
    values.scenario = values.scenario or "all"
    local good, message = simulate.run(io.stdout, values[1], values)
    if message then
        return not_loaded("simulate", message, values[1])
    end
    return good and 0 or 1
end

local function list_scenarios(values)
    if not values.list then
        return nil
    end
    require("hawser.cli.policy.simulate").list(io.stdout)
    return 0
end

local scenario_names = require("hawser.cli.policy.scenarios").names()
scenario_names[#scenario_names + 1] = "all"

local commands = {
    check = {
        run = run_check,
        options = {
            budget = { least = 1000, most = 1000000000, whole = true }, json = { flag = true },
            help = { flag = true, short = "h" },
        },
    },
    plot = {
        run = run_plot,
        options = {
            output = { short = "o" }, endpoint = {}, reason = { one_of = backoff.reasons },
            attempts = { least = 1, most = 100, whole = true },
            help = { flag = true, short = "h" },
        },
    },
    simulate = {
        run = run_simulate,
        without_file = list_scenarios,
        options = {
            scenario = { one_of = scenario_names }, json = { flag = true }, list = { flag = true },
            seed = { least = 1, most = math.maxinteger, whole = true },
            help = { flag = true, short = "h" },
        },
    },
}

local function names()
    local all = {}
    for name in pairs(commands) do
        all[#all + 1] = name
    end
    table.sort(all)
    return all
end

---@param args string[] the command line after "policy"
---@param executable hawser.cli.Executable
---@return integer # exit status
return function(args, executable)
    local word = args[1]
    if word == "--help" or word == "-h" then
        io.stdout:write(USAGE)
        return 0
    elseif not word then
        io.stderr:write(USAGE)
        return 2
    end
    local command = commands[word]
    if not command then
        return complain(("unknown command %q: %s"):format(word, suggest.expected(word, names())))
    end
    local values, message = options.read(table.move(args, 2, #args, 1, {}), command.options)
    if not values then
        return complain(word, ": ", message)
    elseif values.help then
        io.stdout:write(USAGE)
        return 0
    end
    local status = command.without_file and command.without_file(values)
    if status then
        return status
    elseif #values ~= 1 then
        return complain(word, ": expected one policy's file or name, got ", tostring(#values),
                        "; hawser policy --help shows how")
    end
    return command.run(values, executable)
end
