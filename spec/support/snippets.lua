-- SPDX-License-Identifier: MIT
-- The fenced blocks of a page, and how they are run. The word after a block's language says how:
--   lua run, sh run, c run   executed; a text block right after it is what it prints, in which
--                            "..." is any text within a line, and alone any lines
--   lua file=NAME            written to the page's directory for the blocks after it, and not run
--   c body                   compiled as the body of a function, not run; it has the variables
--                            struct hws_system *system, struct uv_loop_s *loop, char message[256]
-- A page's blocks share a temporary directory, and `hawser` is on the PATH. The ports 25520 to
-- 25529 become others, so that pages can be tested while examples run.

local lfs = require("lfs")

local snippets = {}

local root = lfs.currentdir()
local paths = dofile("spec/support/paths.lua")
local build, hawser = paths.build, paths.bin

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local function write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

local function shell_quoted(text) return "'" .. text:gsub("'", [['\'']]) .. "'" end

---@class snippets.Block
---@field line integer
---@field language string
---@field run boolean
---@field body boolean
---@field file string|nil
---@field text string
---@field expected string|nil

local function new_block(line, info)
    local language, rest = info:match("^(%S*)%s*(.*)$")
    return { line = line, language = language, run = rest == "run" or rest == "body", lines = {},
             body = rest == "body", file = rest:match("^file=(%S+)$") }
end

---@param path string
---@return snippets.Block[]
function snippets.of(path)
    local blocks, open, last, number = {}, nil, nil, 0
    for line in (read(path) .. "\n"):gmatch("(.-)\n") do
        number = number + 1
        local fence = line:match("^```(.*)$")
        if open and fence == "" then
            open.text = table.concat(open.lines, "\n") .. "\n"
            if open.language == "text" and last then
                last.expected = open.text
                open = nil
            else
                blocks[#blocks + 1] = open
                last, open = open, nil
            end
        elseif open then
            open.lines[#open.lines + 1] = line
        elseif fence then
            open = new_block(number, fence)
        elseif line:find("%S") then
            last = nil -- a text block further down is no output of it
        end
    end
    assert(not open, path .. ": a block without an end")
    return blocks
end

-- --- running ---

local base -- the first of ten ports below those that the kernel gives out

local function free_ports()
    if not base then
        local file = assert(io.open("/dev/urandom", "rb"))
        base = 2000 + string.unpack("<I4", file:read(4)) % 1000
        file:close()
    end
    return ("%d"):format(base)
end

local function with_ports(text) return (text:gsub("2552(%d)", free_ports() .. "%1")) end

---Runs a shell command in a directory: its output, what it said on stderr, its exit status.
local function shell(directory, command)
    local all = ("cd %s && exec 2>stderr && PATH=%s:$PATH exec timeout -k 1 30 %s"):format(
        shell_quoted(directory), shell_quoted(hawser:match("^(.*)/")), command)
    local pipe = assert(io.popen(all, "r"))
    local output = pipe:read("a")
    local _, _, status = pipe:close()
    return output, read(directory .. "/stderr"), status
end

local function cache_entry(name)
    local file = io.open(build .. "/CMakeCache.txt")
    if not file then return nil end
    local text = file:read("a")
    file:close()
    local value = text:match("\n" .. name .. ":[^=\n]*=([^\n]*)")
    return value ~= "" and value or nil
end

---The compiler of the build, or the system's; nil when there is none.
function snippets.compiler()
    for _, name in ipairs { cache_entry("CMAKE_C_COMPILER") or "cc", "cc" } do
        if os.execute("command -v " .. name .. " >/dev/null 2>&1") then return name end
    end
    return nil
end

local BODY = [[
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include "hawser/hawser.h"
struct hws_system *system_of_host;
#define system system_of_host
struct uv_loop_s *loop;
char message[256];
void body(void);
void body(void)
{
%s}
int main(void)
{
    return 0;
}
]]

---Compiles a C file of `directory` into `program` there. "" or what the compiler says.
function snippets.compile(directory, file, program)
    local sanitize = cache_entry("HAWSER_SANITIZE")
    local source = read(file:sub(1, 1) == "/" and file or directory .. "/" .. file)
    local lua = source:find("lua.h", 1, true)
    local command = table.concat({
        snippets.compiler(), "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O0 -fno-lto",
        sanitize and "-fsanitize=" .. sanitize or "",
        "-I" .. root .. "/runtime/include", "-I" .. root .. "/bindings", file, "-o", program,
        lua and "-Wl,-E " .. build .. "/lib/libhawser_lua.a" or "", build .. "/lib/libhawser.a",
        "$(pkg-config --cflags --libs libuv libpcre2-8 " .. (lua and "lua5.4" or "") .. ")",
        "$(for name in msgpack-c msgpackc msgpack; do pkg-config --libs $name && break; done)",
        "-lpthread -lm -ldl",
    }, " ")
    local _, said, status = shell(directory, "sh -c " .. shell_quoted(command))
    return status == 0 and "" or said
end

local function command_of(block, directory)
    if block.language == "sh" then
        write(directory .. "/snippet.sh", with_ports(block.text))
        return "sh -eu snippet.sh"
    elseif block.language == "lua" then
        write(directory .. "/snippet.lua", with_ports(block.text))
        return "hawser run snippet.lua"
    end
    local text = block.body and BODY:gsub("%%s", function() return block.text end) or block.text
    write(directory .. "/snippet.c", with_ports(text))
    local said = snippets.compile(directory, "snippet.c", "snippet")
    assert(said == "", said)
    return "./snippet"
end

---Does the output fit, where "..." is any text within a line, and alone on its line any lines?
local function fits(expected, output)
    local pattern = {}
    for line in expected:gmatch("(.-)\n") do
        local text = line:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", "[^\n]*") .. "\n"
        pattern[#pattern + 1] = line == "..." and ".-" or text
    end
    return output:find("^" .. table.concat(pattern) .. "$") ~= nil
end

---Runs one block in the page's directory; raises an error that says what was wrong.
function snippets.run(block, directory)
    if block.file then
        write(directory .. "/" .. block.file, with_ports(block.text))
        return
    end
    local output, said, status = shell(directory, command_of(block, directory))
    if status ~= 0 then
        error(("exit status %s\n%s%s"):format(status, output, said), 0)
    end
    if block.expected and not fits(with_ports(block.expected), output) then
        error(("printed\n%s%sexpected\n%s"):format(output, said, block.expected), 0)
    end
end

---Where a program of the build is.
function snippets.program(name) return hawser:match("^(.*)/") .. "/" .. name end

snippets.shell, snippets.root, snippets.read = shell, root, read

return snippets
