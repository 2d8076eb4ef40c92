-- SPDX-License-Identifier: MIT
-- What `hawser policy check` prints: the problems first, then a line a question. Questions with the
-- same answer share a line.

local curve = require "hawser.cli.policy.curve"

local words = {}

---@param levels hawser.policy.Levels
---@return string # "warning from 60 %; full from 90 %, refuses; left 5 % below"
function words.levels(levels)
    local parts = {}
    for i, level in ipairs(levels) do
        parts[i] = curve.level_text(level)
    end
    parts[#parts + 1] = ("left %.4g %% below"):format(levels.hysteresis * 100)
    return table.concat(parts, "; ")
end

local function delay_text(row)
    local text = row.least == row.most and ("%.4g s"):format(row.least)
        or ("%.4g to %.4g s"):format(row.least, row.most)
    text = row.clamped and text .. ", clamped" or text
    return row.jitter and text or text .. ", and the system's jitter"
end

-- Without the reason when `brief`: it may have the time in it.
local function answer_text(row, brief)
    if row.problem then
        return "a problem, see above"
    elseif row.route then
        return row.route
    end
    local gives_up = row.gives_up and (brief and "gives up" or curve.why_text(row.gives_up))
    if not row.least then
        return gives_up
    end
    return gives_up and delay_text(row) .. ", or " .. gives_up or delay_text(row)
end

local function select_rows(rows, place, kind)
    local kept = {}
    for _, row in ipairs(rows) do
        if row.pattern == place.pattern and row.kind == kind then
            kept[#kept + 1] = row
        end
    end
    return kept
end

local function curve_lines(rows)
    local lines = {}
    local last
    for _, row in ipairs(rows) do
        local text = answer_text(row)
        if not last or last[2] ~= text then
            last = { nil, text, from = row.attempt }
            lines[#lines + 1] = last
        end
        last.to = row.attempt
    end
    for _, line in ipairs(lines) do
        line[1] = line.from == line.to and ("backoff, attempt %d"):format(line.from)
            or ("backoff, attempts %d to %d"):format(line.from, line.to)
    end
    return lines
end

-- "2 s" of any attempt, "attempt 1: 2 s; attempt 3: 4 s"
local function joined(rows)
    local parts, last = {}, nil
    for _, row in ipairs(rows) do
        local text = answer_text(row, true)
        if text ~= last then
            parts[#parts + 1] = row.attempt and ("attempt %d: %s"):format(row.attempt, text) or text
        end
        last = text
    end
    return #parts == 1 and last or table.concat(parts, "; ")
end

-- The values of `field` by what was answered, in the order in which they were asked.
local function grouped(rows, field)
    local of, order = {}, {}
    for _, row in ipairs(rows) do
        local value = row[field]
        if not of[value] then
            of[value], order[#order + 1] = {}, value
        end
        table.insert(of[value], row)
    end
    local groups, by = {}, {}
    for _, value in ipairs(order) do
        local text = joined(of[value])
        if not by[text] then
            by[text] = { text = text }
            groups[#groups + 1] = by[text]
        end
        table.insert(by[text], value)
    end
    return groups
end

local function has(group, value)
    for _, other in ipairs(group) do
        if other == value then
            return true
        end
    end
    return false
end

-- A line for each group but that of `usual`, which is told by the curve; who shares that is named.
local function differing_lines(rows, field, usual, what)
    local lines, same = {}, nil
    for _, group in ipairs(grouped(rows, field)) do
        if has(group, usual) then
            same = #group - 1
        else
            lines[#lines + 1] = { what .. table.concat(group, ", "), group.text }
        end
    end
    if same and same > 0 then
        local which = #lines == 0 and "any other " or ("%d other "):format(same)
        lines[#lines + 1] = { what .. which .. field .. (#lines > 0 and same > 1 and "s" or ""),
                              "the same" }
    end
    return lines
end

-- The largest group is last, and need not name its reasons.
local function letter_lines(rows)
    local lines, groups, largest = {}, grouped(rows, "reason"), nil
    for _, group in ipairs(groups) do
        largest = (not largest or #group > #largest) and group or largest
    end
    for _, group in ipairs(groups) do
        if group ~= largest then
            lines[#lines + 1] = { "deadletter, " .. table.concat(group, ", "), group.text }
        end
    end
    local which = #lines == 0 and "deadletter, any reason" or "deadletter, any other reason"
    lines[#lines + 1] = { which, largest.text }
    return lines
end

local function lines_of(found, place)
    local lines = curve_lines(select_rows(found.rows, place, "curve"))
    local function add(more)
        table.move(more, 1, #more, #lines + 1, lines)
    end
    add(differing_lines(select_rows(found.rows, place, "reason"), "reason", "refused",
                        "backoff, "))
    local situations = select_rows(found.rows, place, "situation")
    add(differing_lines(situations, "situation", situations[1].situation, "backoff, "))
    add(letter_lines(select_rows(found.rows, place, "letter")))
    add { { "disconnected", place.disconnected }, { "throttle", words.levels(place.throttle) } }
    return lines
end

-- --- the page ---

local FIRST_COLUMN = 34 -- wider entries have their answer on a line of its own

-- Those that differ from the general ones.
local function own_lines(lines, general)
    local known, own = {}, {}
    for _, line in ipairs(general) do
        known[line[1] .. "\0" .. line[2]] = true
    end
    for _, line in ipairs(lines) do
        if not known[line[1] .. "\0" .. line[2]] then
            own[#own + 1] = line
        end
    end
    own[#own + 1] = { #own == 0 and "everything" or "everything else", "as in general" }
    return own
end

-- The frames of the tool itself say nothing.
local function without_own_frames(text)
    return (text:gsub("\n%s+[^\n]*hawser/policy/%a+%.lua:%d+: in [^\n]*", ""))
end

local function print_remarks(out, kind, remarks)
    for _, said in ipairs(remarks) do
        local about = said.question and said.question .. ": " or ""
        if said.more > 0 then
            about = ("%s (and %d more): "):format(said.question, said.more)
        end
        local text = without_own_frames(about .. said.text):gsub("\n", "\n    ")
        out:write(kind, text, "\n")
    end
end

local function print_lines(out, lines)
    for _, line in ipairs(lines) do
        local gap = #line[1] <= FIRST_COLUMN and (" "):rep(FIRST_COLUMN - #line[1])
            or "\n  " .. (" "):rep(FIRST_COLUMN)
        out:write("  ", line[1], gap, "  ", line[2], "\n")
    end
end

local function count(n, noun)
    return ("%d %s%s"):format(n, noun, n == 1 and "" or "s")
end

local function print_costs(out, report)
    local lines = {}
    for i, part in ipairs { "backoff", "deadletter" } do
        local cost = report.grid.instructions[part]
        lines[i] = { part, ("%d at most, %d in the middle"):format(cost.max, cost.median) }
    end
    out:write(("\ninstructions a call, of %d\n"):format(report.budget))
    print_lines(out, lines)
end

---@param out { write: function }
---@param report hawser.cli.Checked
function words.print(out, report)
    local what = report.name and ("policy %q"):format(report.name) or "no policy"
    local version = report.version and ", version " .. report.version or ""
    local verdict = report.ok and "no problem" or count(#report.problems, "problem")
    local asked = report.grid and (" in %s"):format(count(report.grid.questions, "question")) or ""
    out:write(("%s: %s%s: %s%s\n"):format(report.file, what, version, verdict, asked))
    print_remarks(out, "problem: ", report.problems)
    print_remarks(out, "clamped: ", report.clamped)
    print_remarks(out, "note: ", report.notes)
    if not report.grid then
        return
    end
    local general
    for _, place in ipairs(report.grid.places) do
        local lines = lines_of(report.grid, place)
        out:write("\n", place.pattern and ("endpoints[%q], asked as %s"):format(place.pattern,
                  place.address) or "in general", "\n")
        print_lines(out, general and own_lines(lines, general) or lines)
        general = general or lines
    end
    print_costs(out, report)
end

return words
