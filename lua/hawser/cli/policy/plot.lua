-- SPDX-License-Identifier: MIT
-- hawser policy plot: the backoff curve and the throttle levels, for the terminal or as SVG.

local locale = require "hawser.locale"
local curve = require "hawser.cli.policy.curve"
local policy = require "hawser.policy"

local plot = {}

local GENERAL = "192.0.2.1:25520" -- an address for documentation: no pattern is meant for it

---@param file string
---@param values { endpoint?: string, reason?: string, attempts?: integer }
---@return hawser.cli.Curve|nil
---@return string # the title, or what is wrong
function plot.load(file, values)
    local loaded, message = policy.load(file)
    if not loaded then
        return nil, message --[[@as string]]
    end
    local found, why = curve.of(loaded, values.endpoint or GENERAL, values.reason or "refused",
                                values.attempts or 12)
    if not found then
        return nil, ("policy %q: backoff, %s"):format(loaded.name, why)
    end
    local version = loaded.version and ", version " .. loaded.version or ""
    return found, ("policy %q%s"):format(loaded.name, version)
end

-- How wide, and with what characters: braille on a terminal that has it, ASCII elsewhere.
---@param terminal_columns integer|nil nil: standard output is no terminal
---@return hawser.cli.Style
function plot.style(terminal_columns)
    local asked = math.tointeger(tonumber(os.getenv "COLUMNS"))
    local columns = terminal_columns or asked or 80
    local no_colour = os.getenv "NO_COLOR"
    return {
        columns = math.max(64, math.min(160, columns)),
        fancy = terminal_columns ~= nil and locale.is_utf8(),
        colour = terminal_columns ~= nil and (no_colour == nil or no_colour == "")
            and os.getenv "TERM" ~= "dumb",
    }
end

-- Writes the SVG; "-" is standard output.
---@return true|nil
---@return string|nil message
function plot.write(path, text)
    local file, why = io.stdout, nil
    if path ~= "-" then
        file, why = io.open(path, "wb")
    end
    if not file then
        return nil, why
    end
    local ok
    ok, why = file:write(text)
    if path ~= "-" then
        local closed, failure = file:close()
        ok, why = ok and closed, why or failure
    end
    return ok and true or nil, why
end

return plot
