-- SPDX-License-Identifier: MIT
-- The transcripts of docs/repl.md, made by typing their lines into a real REPL. In the top
-- directory,
--   lua5.4 spec/support/transcript.lua
-- renews what lies between `<!-- transcript -->` and `<!-- end -->`; HAWSER_BUILD is the build.

local PAGE = "docs/repl.md"
local BLOCK = "(<!%-%- transcript %-%->\n```text\n)(.-)(```\n<!%-%- end %-%->)"

local transcript = {}

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

---What a person sees who types the lines of a transcript, which begin with "> " or "... ".
---@param text string
---@return string
function transcript.typed(text)
    local screens = dofile("spec/support/screen.lua")
    local state = os.tmpname()
    os.remove(state)
    local program = screens.start({ dofile("spec/support/paths.lua").bin, "repl" }, {
        environment = { TERM = "xterm", NO_COLOR = "1", LC_ALL = "C.UTF-8",
                        XDG_STATE_HOME = state },
    })
    for line in text:gmatch("[^\n]+") do
        local prompt, input = line:match("^(>) (.*)$")
        if not prompt then
            prompt, input = line:match("^(%.%.%.) (.*)$")
        end
        if prompt then
            program:enter(input, prompt)
        end
    end
    program:expect_line(">")
    local seen = program:text():gsub("^[^\n]*\n", ""):gsub("\n>$", "\n")
    program:type("\4")
    program:wait()
    os.execute("rm -rf '" .. state .. "'")
    return seen
end

---Each transcript of the page: { written =, seen = }.
function transcript.all()
    local found = {}
    for _, text in read(PAGE):gmatch(BLOCK) do
        found[#found + 1] = { written = text, seen = transcript.typed(text) }
    end
    return found
end

local function renew()
    local text = read(PAGE):gsub(BLOCK, function(head, body, tail)
        return head .. transcript.typed(body) .. tail
    end)
    local file = assert(io.open(PAGE, "wb"))
    file:write(text)
    file:close()
end

if arg and arg[0] and arg[0]:find("transcript%.lua$") then
    renew()
end

return transcript
