-- SPDX-License-Identifier: MIT
-- hawser policy check: does a policy load, what does it answer, what does that cost. No network.

local grid = require "hawser.cli.policy.grid"
local policy = require "hawser.policy"

local check = {}

---@param row hawser.cli.Question
---@return string # `endpoints["10.1.*"] backoff, refused, attempt 3`
local function words_of(row)
    local words = row.part .. ", " .. row.reason
    if row.pattern then
        words = ("endpoints[%q] %s"):format(row.pattern, words)
    end
    if row.attempt then
        words = words .. ", attempt " .. row.attempt
    end
    return row.kind == "situation" and words .. ", " .. row.situation or words
end

-- What was said of several questions is said once: of the first, and of how many more.
local function new_remarks()
    return { by = {} }
end

local function remark(remarks, row, text)
    local said = remarks.by[text]
    if not said then
        said = { question = words_of(row), text = text, more = -1 }
        remarks.by[text] = said
        remarks[#remarks + 1] = said
    end
    said.more = said.more + 1
end

local function remarks_of(found, budget)
    local problems, clamped, notes = new_remarks(), new_remarks(), new_remarks()
    for _, row in ipairs(found.rows) do
        if row.problem then
            remark(problems, row, row.problem)
        elseif row.instructions > budget / 2 then
            remark(notes, row, "more than half of the budget of instructions")
        end
        if row.clamped then
            remark(clamped, row, ("%.6g s becomes %g s"):format(row.clamped.from, row.clamped.to))
        end
        if row.unsteady then
            remark(notes, row, "asked twice, it answered differently; a run can be replayed if the"
                .. " function draws from the question's `random`, not from math.random")
        end
    end
    problems.by, clamped.by, notes.by = nil, nil, nil
    return problems, clamped, notes
end

---@class hawser.cli.Remark
---@field question? string the first that it is about; nil: the whole policy
---@field text string
---@field more integer how many questions beside the first

---@class hawser.cli.Checked
---@field file string
---@field ok boolean
---@field problems hawser.cli.Remark[]
---@field clamped hawser.cli.Remark[]
---@field notes hawser.cli.Remark[]
---@field budget integer
---@field grid? hawser.cli.Grid nil: it could not be loaded
---@field name? string
---@field version? string

---@param file string or a policy's name
---@param budget integer
---@return hawser.cli.Checked
function check.run(file, budget)
    local report = { file = file, budget = budget, problems = {}, clamped = {}, notes = {} }
    local loaded, message = policy.load(file, { untried = true })
    if loaded then
        report.name, report.version = loaded.name, loaded.version
        report.file = loaded.source or file
        report.grid = grid.run(loaded, budget)
        report.problems, report.clamped, report.notes = remarks_of(report.grid, budget)
        -- A system has the last word; what it tries is less, but not asked by this module.
        local taken, why = policy.load(file)
        message = not taken and #report.problems == 0 and why or nil
    end
    if message then
        report.problems = { { text = message, more = 0 } }
    end
    report.ok = #report.problems == 0
    return report
end

return check
