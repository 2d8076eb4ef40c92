-- SPDX-License-Identifier: MIT
-- Draws when endpoints were dialled: `tries` has a list of times for each endpoint.

local plot = {}

local COLUMNS = 72 -- of text

-- The most tries that fall into any window of so many seconds, from a time on.
---@param tries number[][]
---@param window number
---@param from number
---@return integer
function plot.crowd(tries, window, from)
    local all, most, first = {}, 0, 1
    for _, times in ipairs(tries) do
        for _, time in ipairs(times) do
            if time >= from then all[#all + 1] = time end
        end
    end
    table.sort(all)
    for last, time in ipairs(all) do
        while all[first] < time - window do first = first + 1 end
        most = math.max(most, last - first + 1)
    end
    return most
end

-- A row for each endpoint; below it how many tries fall into each column.
---@param run { title: string, tries: number[][] }
---@param until_ number seconds
---@return string
function plot.text(run, until_)
    local lines, sums = { run.title }, {}
    for i, times in ipairs(run.tries) do
        local row = {}
        for column = 1, COLUMNS do row[column] = " " end
        for _, time in ipairs(times) do
            local column = math.min(COLUMNS, 1 + math.floor(time / until_ * COLUMNS))
            row[column] = "|"
            sums[column] = (sums[column] or 0) + 1
        end
        lines[#lines + 1] = ("%4d %s"):format(i, (table.concat(row):gsub(" +$", "")))
    end
    local total = {}
    for column = 1, COLUMNS do
        local sum = sums[column]
        total[column] = not sum and "." or sum < 10 and tostring(sum) or "#"
    end
    lines[#lines + 1] = " sum " .. table.concat(total)
    lines[#lines + 1] = ("     0%s%.1f s"):format((" "):rep(COLUMNS - 8), until_)
    return table.concat(lines, "\n") .. "\n"
end

local WIDTH, LEFT, ROW, TOP, PANEL = 760, 60, 12, 34, 190

local function panel(run, top, scale, until_)
    local parts = { ('<text x="%d" y="%d" class="t">%s</text>\n'):format(LEFT, top - 8, run.title) }
    for i, times in ipairs(run.tries) do
        local y, marks = top + i * ROW, {}
        for j, time in ipairs(times) do
            marks[j] = ("M%.1f %dv8"):format(LEFT + time * scale, y - 8)
        end
        parts[#parts + 1] = ('<text x="%d" y="%d" text-anchor="end">%d</text>\n'):format(LEFT - 8,
            y, i)
        parts[#parts + 1] = ('<path d="%s"/>\n'):format(table.concat(marks))
    end
    local bottom = top + (#run.tries + 1) * ROW
    parts[#parts + 1] = ('<path class="a" d="M%d %dH%d"/>\n'):format(LEFT, bottom, WIDTH - 20)
    local step = until_ > 20 and 10 or until_ > 4 and 1 or 0.5
    for i = 0, until_ // step do
        local x = LEFT + i * step * scale
        parts[#parts + 1] = ('<text x="%.1f" y="%d" text-anchor="middle">%g s</text>\n'):format(x,
            bottom + 14, i * step)
    end
    return table.concat(parts)
end

---@param runs { title: string, tries: number[][] }[]
---@param until_ number seconds
---@return string
function plot.svg(runs, until_)
    local scale = (WIDTH - 20 - LEFT) / until_
    local parts = {
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-size="10" '
            .. 'font-family="sans-serif">\n'):format(WIDTH, TOP + #runs * PANEL - 10),
        "<style>path{stroke:#c33;stroke-width:1.5;fill:none}.a{stroke:#888;stroke-width:1}"
            .. "text{fill:#666}.t{font-size:13px;fill:#222}</style>\n",
        '<rect width="100%" height="100%" fill="#fff"/>\n',
    }
    for i, run in ipairs(runs) do
        parts[#parts + 1] = panel(run, TOP + (i - 1) * PANEL, scale, until_)
    end
    parts[#parts + 1] = "</svg>\n"
    return table.concat(parts)
end

return plot
