-- SPDX-License-Identifier: MIT
-- ./test, ./demo and what they share: .ci/packages.sh, run against stand-ins of apt-get and sudo.

---Runs a command line; returns its output, both streams together, and its exit status.
local function sh(line)
    local pipe = assert(io.popen("{ " .. line .. "\n} 2>&1; echo \"=$?\"", "r"))
    local output, status = pipe:read("a"):match("^(.*)=(%d+)\n$")
    pipe:close()
    return output, tonumber(status)
end

local function read(path)
    local file = assert(io.open(path))
    local text = file:read("a")
    file:close()
    return text
end

local function write(path, text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
end

describe("the scripts", function()
    it("are sh without syntax errors", function()
        local scripts = { "test", "demo", ".ci/run", ".ci/packages.sh", "spec/install_test.sh" }
        for _, path in ipairs(scripts) do
            assert.same({ "", 0 }, { sh("sh -n " .. path) })
        end
    end)

    it("are executable", function()
        for _, path in ipairs { "test", "demo", ".ci/run" } do
            assert.same({ "", 0 }, { sh("test -x " .. path) })
        end
    end)

    it("list every mode of ./test in its help", function()
        local help, status = sh("./test --help")
        assert.equal(0, status)
        for mode in read("test"):gmatch("\nmode_(%w+)%(%)") do
            assert.truthy(mode == "release" or help:find("\n  " .. mode .. " ", 1, true), mode)
        end
    end)

    it("refuse a mode that ./test does not have, and list those it has", function()
        local output, status = sh("./test azan")
        assert.equal(2, status)
        assert.truthy(output:find("no mode 'azan'", 1, true))
        assert.truthy(output:find("\n  asan ", 1, true))
    end)

    it("refuse arguments of ./demo, which would do nothing", function()
        local output, status = sh("./demo --fast")
        assert.equal(2, status)
        assert.truthy(output:find("takes no arguments", 1, true))
        assert.same({ 0, true }, { select(2, sh("./demo --help")),
                                   sh("./demo --help"):find("usage: ./demo ", 1, true) == 1 })
    end)

    it("refuse a fuzzing time that is no number", function()
        local output, status = sh("./test fuzz soon")
        assert.equal(1, status)
        assert.truthy(output:find("'soon'", 1, true))
    end)
end)

describe("installing what is missing", function()
    local directory

    before_each(function()
        directory = sh("mktemp -d"):gsub("\n", "")
        sh("mkdir " .. directory .. "/bin")
    end)

    after_each(function() sh("rm -rf " .. directory) end)

    ---Puts a command in front of the real one; it logs how it was called.
    local function stand_in(name, body)
        local path = directory .. "/bin/" .. name
        local log_call = ('D=%s\necho "%s $*" >>$D/log'):format(directory, name)
        write(path, "#!/bin/sh\n" .. log_call .. "\n" .. body .. "\n")
        sh("chmod +x " .. path)
    end

    local function log()
        return (sh("cat " .. directory .. "/log 2>/dev/null"))
    end

    ---install_missing for a table where `here` is there, and `wanted` only once installed.
    local function install()
        return sh(([[
            PATH=%s/bin:$PATH
            . .ci/packages.sh
            packages() {
                echo "run here file /"
                echo "run wanted file %s/wanted"
                echo "other unasked file %s/unasked"
            }
            (install_missing run)]]):format(directory, directory, directory))
    end

    it("installs just that, says so once, and is silent the next time", function()
        stand_in("id", "echo 0")
        stand_in("apt-get", "touch $D/wanted")
        assert.same({ "Installing from Debian's packages: wanted \n", 0 }, { install() })
        assert.equal("id -u\napt-get install -y -qq --no-install-recommends wanted\n", log())
        assert.same({ "", 0 }, { install() })
    end)

    it("fetches the package lists only when an install fails", function()
        stand_in("id", "echo 0")
        stand_in("apt-get", [[
            case $* in
            *update) touch $D/lists ;;
            *) [ -e $D/lists ] && touch $D/wanted ;;
            esac]])
        local _, status = install()
        assert.equal(0, status)
        local _, updates = log():gsub("update", "")
        assert.equal(1, updates)
    end)

    it("goes through sudo when not root", function()
        stand_in("id", "echo 1000")
        stand_in("sudo", '"$@"')
        stand_in("apt-get", "touch $D/wanted")
        local _, status = install()
        assert.equal(0, status)
        local command = "sudo env DEBIAN_FRONTEND=noninteractive apt-get install"
        assert.truthy(log():find(command, 1, true))
    end)

    it("shows what apt-get said, and fails, when it can not", function()
        stand_in("id", "echo 0")
        stand_in("apt-get", "echo no such package; exit 100")
        local output, status = install()
        assert.equal(1, status)
        assert.truthy(output:find("no such package", 1, true))
        assert.truthy(output:find("could not install: wanted", 1, true))
    end)

    it("fails when apt-get succeeds and nothing came of it", function()
        stand_in("id", "echo 0")
        stand_in("apt-get", "")
        local output, status = install()
        assert.equal(1, status)
        assert.truthy(output:find("still not found: wanted", 1, true))
    end)
end)
