-- SPDX-License-Identifier: MIT
-- docs/policies.md: every snippet prints what the page says, and the tables are the code's.
local backoff = require "hawser.policy.backoff"
local deadletter = require "hawser.policy.deadletter"
local policy = require "hawser.policy"

local file = assert(io.open("docs/policies.md"))
local page = file:read("a")
file:close()

-- { line, code, expected }: a text block right after a lua block is what it prints.
local function snippets()
    local found, position = {}, 1
    while true do
        local first, last, code = page:find("\n```lua\n(.-\n)```\n", position)
        if not first then
            return found
        end
        local _, breaks = page:sub(1, first):gsub("\n", "")
        local _, text_last, expected = page:find("^```text\n(.-\n)```\n", last + 1)
        found[#found + 1] = { line = breaks + 1, code = code, expected = expected }
        position = text_last or last
    end
end

local function run(snippet)
    local printed = {}
    local environment = setmetatable({
        print = function(...)
            local words = table.pack(...)
            for i = 1, words.n do
                words[i] = tostring(words[i])
            end
            printed[#printed + 1] = table.concat(words, "\t") .. "\n"
        end,
    }, { __index = _G })
    local chunk = assert(load(snippet.code, "@docs/policies.md", "t", environment))
    local result = chunk()
    return table.concat(printed), result
end

describe("docs/policies.md", function()
    local directory, path

    setup(function()
        directory, path = os.tmpname(), policy.path
        os.remove(directory)
        assert(os.execute("mkdir " .. directory))
        policy.path = directory .. "/?.lua"
    end)

    teardown(function()
        policy.path = path
        assert(os.execute("rm -r " .. directory))
    end)

    local all = snippets()

    it("has snippets, each with its output or a policy file", function()
        assert.is_true(#all >= 8)
        for _, snippet in ipairs(all) do
            assert.is_truthy(snippet.expected or snippet.code:find("^%-%- [%w-]+%.lua\n"),
                             "line " .. snippet.line)
        end
    end)

    -- In the order of the page: the first files are used by what follows them.
    for _, snippet in ipairs(all) do
        it("is right in line " .. snippet.line, function()
            local name = snippet.code:match("^%-%- ([%w-]+%.lua)\n")
            if name then
                local out = assert(io.open(directory .. "/" .. name, "w"))
                out:write(snippet.code)
                out:close()
                assert(policy.load(directory .. "/" .. name))
            else
                assert.equal(snippet.expected, (run(snippet)))
            end
        end)
    end

    it("has the curves with the defaults that they have", function()
        for _, name in ipairs { "exponential", "fixed", "linear", "decorrelated" } do
            assert.is_truthy(page:find("`" .. tostring(backoff[name]()) .. "`", 1, true), name)
        end
    end)

    it("names every curve, combinator, router and reason", function()
        for _, module in ipairs { backoff, deadletter } do
            for name, value in pairs(module) do
                if type(value) == "function" and name ~= "preview" and name ~= "check" then
                    assert.is_truthy(page:find("\n| `" .. name .. "[`( ]"), name)
                end
            end
            for _, reason in ipairs(module.reasons) do
                assert.is_truthy(page:find("`" .. reason .. "`", 1, true), reason)
            end
        end
    end)
end)
