-- SPDX-License-Identifier: MIT
-- Where the build under test is: what ctest says, or the release build for who runs one spec by
-- hand.

local lfs = require("lfs")

local build = os.getenv("HAWSER_BUILD") or "build/release"
if build:sub(1, 1) ~= "/" then
    build = lfs.currentdir() .. "/" .. build -- specs change the directory for what they start
end

return { build = build, bin = os.getenv("HAWSER_BIN") or build .. "/bin/hawser" }
