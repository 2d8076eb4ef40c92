-- SPDX-License-Identifier: MIT
-- Child processes for demos, specs and benchmarks that kill and restart peers.

local core = require "hawser.core"

local process = {}

process.SIGHUP, process.SIGINT, process.SIGKILL, process.SIGTERM = 1, 2, 9, 15

-- Starts a program, found as a shell finds it. Its output goes where ours goes, or to files.
-- It is killed when the object is collected or this process ends.
---@param argv string[] the program and its arguments
---@param options? { stdout?: string, stderr?: string } files to append to
---@return hawser.Process|nil
---@return string|nil message
---@return string|nil code "EIO"
function process.start(argv, options)
    return core.process(argv, options)
end

-- Blocks the whole thread; for programs that run no loop.
---@param seconds number
function process.sleep(seconds)
    core.sleep(seconds)
end

return process
