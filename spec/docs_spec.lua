-- SPDX-License-Identifier: MIT
-- ctest: timeout=120
-- The docs are true: every snippet runs and prints what the page says, tables are the code's,
-- links lead somewhere, and docs/parity.md has each requirement. docs/policies.md and docs/wire.md
-- have specs of their own too.

local lfs = require("lfs")
local core = require("hawser.core")
local hawser = require("hawser")
local snippets = dofile("spec/support/snippets.lua")
local tables = dofile("spec/support/tables.lua")

local PAGES = {
    "README.md", "docs/quickstart.md", "docs/lan.md", "docs/lua.md", "docs/embedding.md",
    "docs/delivery.md", "docs/console.md", "docs/supervision.md", "docs/endpoints.md",
    "docs/services.md", "docs/world.md", "docs/repl.md", "docs/options.md", "docs/events.md",
    "docs/parity.md",
}

-- Blocks of these languages are data or output; every other one must say how it is run.
local DATA = { [""] = true, text = true, json = true }

local RENEW = "; renew it with: lua5.4 spec/support/tables.lua"

local function describe_snippets(page)
    local directory

    setup(function()
        directory = os.tmpname()
        os.remove(directory)
        assert(lfs.mkdir(directory))
    end)

    teardown(function() assert(os.execute("rm -r " .. directory)) end)

    for _, block in ipairs(snippets.of(page)) do
        if block.run or block.file then
            it("is right in line " .. block.line, function()
                if block.language == "c" and not snippets.compiler() then
                    return pending("no C compiler")
                end
                snippets.run(block, directory)
            end)
        end
    end
end

for _, page in ipairs(PAGES) do
    describe(page, function() describe_snippets(page) end)
end

-- Its other snippets are those of policy_docs_spec, which need no runtime.
describe("docs/policies.md", function() describe_snippets("docs/policies.md") end)

-- What it runs needs the benchmarks' programs, which a build may leave out.
describe("docs/performance.md", function()
    if lfs.attributes(snippets.program("hawser-floor")) then
        describe_snippets("docs/performance.md")
    else
        pending("needs hawser-floor")
    end
end)

describe("every page", function()
    it("runs its snippets", function()
        local found = {}
        for _, page in ipairs(PAGES) do
            for _, block in ipairs(snippets.of(page)) do
                if not (block.run or block.file or DATA[block.language]) then
                    found[#found + 1] = ("%s:%d: a %s block that says neither run nor file=NAME")
                        :format(page, block.line, block.language)
                end
            end
        end
        assert.equal("", table.concat(found, "\n"))
    end)

    it("links to what is there", function()
        local found, pages = {}, { "README.md" }
        for name in lfs.dir("docs") do
            if name:find("%.md$") then pages[#pages + 1] = "docs/" .. name end
        end
        for _, page in ipairs(pages) do
            for target in snippets.read(page):gmatch("%]%(([^)%s]+)%)") do
                local path = target:gsub("#.*$", "")
                local near = page:match("^(.*/)") or ""
                local outside = target:find("^%a+://") or path == ""
                if not outside and not lfs.attributes(near .. path) then
                    found[#found + 1] = page .. ": " .. target
                end
            end
        end
        assert.equal("", table.concat(found, "\n"))
    end)
end)

describe("a generated table", function()
    local made = {}

    for _, page in ipairs(tables.PAGES) do
        it("in " .. tables.path(page) .. " is the code's", function()
            local text = snippets.read(tables.path(page))
            local renewed, names = tables.renewed(text)
            for _, name in ipairs(names) do made[name] = true end
            assert(text == renewed, tables.path(page) .. " is not what the headers say" .. RENEW)
        end)
    end

    it("is missing nowhere", function()
        for name in pairs(tables.made) do assert(made[name], "no page has the table " .. name) end
    end)

    it("has the options that run", function()
        local options = tables.options()
        assert.equal(#hawser.options(), #options)
        for i, option in ipairs(hawser.options()) do
            local scale = option.unit == "s" and 1e9 or 1
            assert.equal(option.name, options[i].name)
            for _, field in ipairs { "initial", "least", "most" } do
                assert.equal(option[field], options[i][field] / scale, option.name)
            end
        end
    end)

    it("has the events and reasons that run", function()
        local events = tables.events()
        assert.equal(#hawser.event_types(), #events)
        for i, event in ipairs(hawser.event_types()) do
            local fields = {}
            for j, field in ipairs(event.fields) do fields[j] = field.name end
            assert.same({ event.name, event.doc, fields },
                        { events[i].name, events[i].doc, events[i].fields })
        end
        local reasons = {}
        for _, row in ipairs(tables.rows("message", "HWS_DEAD_LETTER_REASONS")) do
            if row[1] ~= "none" then reasons[row[1]] = row[2] end
        end
        assert.same(hawser.reasons(), reasons)
    end)

    it("has the JSON lines that hws_event_json() writes", function()
        if not snippets.compiler() then return pending("no C compiler") end
        local directory = os.tmpname()
        os.remove(directory)
        assert(lfs.mkdir(directory))
        local source = snippets.root .. "/spec/support/event_json.c"
        assert.equal("", snippets.compile(directory, source, "event_json"))
        local output = snippets.shell(directory, "./event_json")
        assert(os.execute("rm -r " .. directory))
        local lines = {}
        for i, event in ipairs(tables.events()) do lines[i] = tables.event_json(event) end
        assert.equal(table.concat(lines, "\n") .. "\n", output)
    end)
end)

describe("docs/lua.md", function()
    -- What the page's examples call.
    local code = {}
    for _, block in ipairs(snippets.of("docs/lua.md")) do
        if block.run or block.file then code[#code + 1] = block.text end
    end
    code = table.concat(code)

    it("has an example of every method and field", function()
        local missing = {}
        for name in pairs(core.methods) do
            if not code:find(":" .. name .. "%f[^%w_]") then
                missing[#missing + 1] = "system:" .. name
            end
        end
        for name in pairs(core.context_methods) do
            if not code:find("ctx[.:]" .. name .. "%f[^%w_]") then
                missing[#missing + 1] = "ctx " .. name
            end
        end
        for name in pairs(hawser) do
            if not code:find("hawser%." .. name .. "%f[^%w_]") then
                missing[#missing + 1] = "hawser." .. name
            end
        end
        table.sort(missing)
        assert.equal("", table.concat(missing, ", "))
    end)
end)

describe("docs/parity.md", function()
    local AREAS = { SHAPE = 5, ACT = 5, NET = 6, END = 13, SVC = 4, OBS = 5, DOC = 3 }
    local page = snippets.read("docs/parity.md")

    it("has one line for each requirement", function()
        for area, count in pairs(AREAS) do
            for number = 1, count do
                local row = ("\n| R-%s-%d |"):format(area, number)
                local first = page:find(row, 1, true)
                assert(first, row .. " is missing")
                assert(not page:find(row, first + 1, true), row .. " is there twice")
            end
        end
    end)

    it("names files that are there", function()
        local found = {}
        for name in page:gmatch("`([%w_.]+/[%w_./-]+)`") do
            if not lfs.attributes(name) then found[#found + 1] = name end
        end
        assert.equal("", table.concat(found, "\n"))
    end)
end)

-- The checks above pass on good pages; these show that they would not on others.
describe("the check of snippets", function()
    local function checked(block)
        local directory = os.tmpname()
        os.remove(directory)
        assert(lfs.mkdir(directory))
        local ok, message = pcall(snippets.run, block, directory)
        assert(os.execute("rm -r " .. directory))
        return ok, message
    end

    it("notices other output, and an exit status", function()
        assert.is_true(checked { language = "sh", text = "echo a1b\n", expected = "a...b\n" })
        assert.is_false(checked { language = "sh", text = "echo a; echo c\n",
                                  expected = "a...c\n" })
        assert.is_false(checked { language = "lua", text = "print(1)\n", expected = "2\n" })
        local ok, message = checked { language = "lua", text = "error('no')\n" }
        assert.is_false(ok)
        assert.truthy(message:find("no", 1, true))
        assert.is_false(checked { language = "c", text = "int main(void) { return 1; }\n" })
        assert.is_false(checked { language = "c", text = "int main(void) { return x; }\n" })
    end)
end)
