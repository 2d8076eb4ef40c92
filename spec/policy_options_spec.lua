-- SPDX-License-Identifier: MIT
local options = require "hawser.policy.options"
local policy = require "hawser.policy"

local function values(changed)
    local all = {
        reconnect_initial = 0.2, reconnect_max = 5, reconnect_factor = 2, reconnect_jitter = 0.2,
        reconnect_max_retries = 5, throttle_warning = 0.6, throttle_critical = 0.85,
        throttle_hysteresis = 0.05,
    }
    for name, value in pairs(changed or {}) do
        all[name] = value
    end
    return all
end

describe("the parts that options describe", function()
    it("are the default policy's, where the options are the defaults", function()
        local parts, default = options.parts(values()), require "hawser.policy.default"
        assert.equal(tostring(default.backoff), tostring(parts.backoff))
        assert.same(default.throttle, parts.throttle)
    end)

    it("follow them", function()
        local parts = options.parts(values { reconnect_initial = 1, reconnect_jitter = 0,
                                             throttle_critical = 0.9 })
        assert.equal(4, (parts.backoff { attempt = 3, elapsed = 0, delay = 0 }))
        assert.equal(0.9, parts.throttle[2].from)
    end)

    it("are whatever the core takes, also a hysteresis as large as the first level", function()
        local parts = options.parts(values { throttle_warning = 0.001 })
        assert.equal(0.001, parts.throttle[1].from)
        local compiled = assert(policy.compile({ name = "x" }, { defaults = parts }))
        assert.same(parts.throttle, compiled:throttle "10.0.0.1:1")
    end)

    it("are none, when an option is wrong: the core says so", function()
        assert.is_nil(options.parts(values { reconnect_max = 0.1 }))
        assert.is_nil(options.parts(values { reconnect_initial = "soon" }))
        assert.is_nil(options.parts(values { throttle_warning = "soon" }))
    end)
end)
