-- SPDX-License-Identifier: MIT
-- What scripts print while consoles are open: print, io.write and the write method of io.stdout and
-- io.stderr. What a line prints goes to the console that it was typed at, everything else to the
-- process's own terminal, if a console has that, or where it always went.

local evaluate = require "hawser.console.evaluate"

local output = {}

local main    -- the function that writes above the prompt of this process's terminal
local files   -- the write method of files, as it was

local function sink()
    local session = evaluate.session()
    return session and session.write or main
end

local function joined(separator, ...)
    local texts = table.pack(...)
    for i = 1, texts.n do
        texts[i] = tostring(texts[i])
    end
    return table.concat(texts, separator)
end

local function checked(...)
    for i = 1, select("#", ...) do
        local value = select(i, ...)
        if type(value) ~= "string" and type(value) ~= "number" then
            error(("bad argument #%d to 'write' (string expected, got %s)"):format(i, type(value)),
                  3)
        end
    end
    return joined("", ...)
end

local function replace_write()
    local methods = getmetatable(io.stdout).__index
    files = methods.write
    local plain_print, plain_write = print, io.write
    function methods.write(file, ...)
        local write = (file == io.stdout or file == io.stderr) and sink()
        if not write then
            return files(file, ...)
        end
        write(checked(...))
        return file
    end
    function io.write(...) -- luacheck: ignore 122
        local write = io.output() == io.stdout and sink()
        if not write then
            return plain_write(...)
        end
        write(checked(...))
        return io.stdout
    end
    function print(...) -- luacheck: ignore 121
        local write = sink()
        if not write then
            return plain_print(...)
        end
        write(joined("\t", ...) .. "\n")
    end
end

-- Idempotent.
function output.open()
    if not files then
        replace_write()
    end
end

-- Where output goes that is no line's: a function of a text; nil: where it always went.
function output.set_main(write)
    main = write
end

local LEVELS = { debug = 1, info = 2, warning = 3, error = 4 }

-- What hawser.system's option `log` is to be when it names a level: the core writes to standard
-- error itself, in the midst of a half-typed line. Where nobody has set_main, or it is no level, as
-- it was.
---@param log any
---@return any
function output.log(log)
    local least = LEVELS[log == nil and "warning" or log]
    if not main or not least then
        return log
    end
    return function(level, text, name)
        local line = ("%s %-7s %s: %s\n"):format(os.date("%H:%M:%S"), level, name, text)
        if LEVELS[level] < least then
            return
        elseif main then
            main(line)
        else
            output.raw(io.stderr, line)
        end
    end
end

-- Writes past all consoles.
---@param file file*
function output.raw(file, text)
    return (files or file.write)(file, text)
end

return output
