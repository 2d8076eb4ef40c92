-- SPDX-License-Identifier: MIT
-- `hawser bench` for people: the table and the latency histogram.

local locale = require "hawser.locale"

local draw = {}

local WIDTH = 46 -- of the longest bar

local function scaled(value, unit)
    for _, step in ipairs { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } } do
        if value >= step[1] then
            return ("%.3g %s%s"):format(value / step[1], step[2], unit)
        end
    end
    return ("%.3g %s"):format(value, unit)
end

-- 27.7 M/s, 8.1 GB/s, 15.9 us, 10.8 KiB
function draw.figure(value, unit)
    if not value then
        return ""
    elseif unit == "latency" then
        return ("%.1f us"):format(value / 1e3)
    elseif unit == "memory" then
        return ("%.1f KiB"):format(value / 1024)
    end
    return scaled(value, unit == "bytes" and "B/s" or "/s")
end

local function limit(row, value)
    if not value then
        return ""
    end
    return row.judged == "ratio" and ("%g x"):format(value) or draw.figure(value, row.unit)
end

local verdicts = { aim = "aim met", must = "must met", no = "NOT MET" }

local function line_of(row)
    return {
        row.name,
        row.cores == 0 and "any" or row.cores and tostring(row.cores) or "",
        row.floor_value and draw.figure(row.floor_value, row.unit) or "",
        row.value and draw.figure(row.value, row.unit) or "failed",
        row.ratio and ("%.2f"):format(row.ratio) or "",
        limit(row, row.must),
        limit(row, row.aim),
        verdicts[row.met] or "",
    }
end

local function print_lines(lines)
    local widths = {}
    for _, line in ipairs(lines) do
        for i, cell in ipairs(line) do
            widths[i] = math.max(widths[i] or 0, #cell)
        end
    end
    for _, line in ipairs(lines) do
        local cells = {}
        for i, cell in ipairs(line) do
            local pad = (" "):rep(widths[i] - #cell)
            cells[i] = (i == 1 or i == #line) and cell .. pad or pad .. cell
        end
        io.stdout:write((table.concat(cells, "  "):gsub("%s+$", "")), "\n")
    end
end

function draw.table(rows)
    local lines = { { "work", "cores", "floor", "hawser", "ratio", "must", "aim", "budget" } }
    for _, row in ipairs(rows) do
        lines[#lines + 1] = line_of(row)
    end
    print_lines(lines)
end

local EIGHTHS = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

local function bar(share, utf8_allowed)
    if not utf8_allowed then
        return ("#"):rep(math.ceil(share * WIDTH))
    end
    local eighths = math.ceil(share * WIDTH * 8)
    return ("█"):rep(eighths // 8) .. (EIGHTHS[eighths % 8] or "")
end

-- Buckets of a histogram gathered into steps of a quarter octave: list of { upper ns, count }.
local function steps_of(histogram)
    local steps, step = {}, nil
    for _, bucket in ipairs(histogram) do
        local number = math.ceil(math.log(bucket[1], 2) * 4)
        if not step or step.number ~= number then
            step = { number = number, upper = 2 ^ (number / 4), count = 0 }
            steps[#steps + 1] = step
        end
        step.count = step.count + bucket[2]
    end
    return steps
end

---@param title string
---@param histogram table[] { upper ns, count }
function draw.histogram(title, histogram)
    local steps, total, most = steps_of(histogram), 0, 0
    for _, step in ipairs(steps) do
        total = total + step.count
        most = math.max(most, step.count)
    end
    if total == 0 then
        return
    end
    local blocks = locale.is_utf8()
    io.stdout:write("\n", title, "\n")
    for _, step in ipairs(steps) do
        io.stdout:write(("  up to %8.1f us %7.3f %% %s\n"):format(
            step.upper / 1e3, 100 * step.count / total, bar(step.count / most, blocks)))
    end
end

function draw.percentiles(who, result)
    io.stdout:write(("%-8s p50 %8.1f us   p99 %8.1f us   p99.9 %8.1f us\n"):format(
        who, result.p50_ns / 1e3, result.p99_ns / 1e3, result.p999_ns / 1e3))
end

return draw
