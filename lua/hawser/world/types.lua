-- SPDX-License-Identifier: MIT
---@meta hawser.world.types
-- The tables of hawser.world, for LuaLS. Never loaded; spec/world_spec.lua compares the options.

-- Of hawser.world.new. Durations are seconds of virtual time.
---@class hawser.world.Options
---@field seed? integer without: HAWSER_SEED of the environment, or one that is drawn
---@field latency? number how long a byte is under way, 0
---@field jitter? number added at random, order kept, 0
---@field bandwidth? number bytes a second of each link, each way; 0: no limit
---@field loss? number the chance that a delivery cuts its link instead, 0 to 1
---@field pipe_bytes? integer bytes under way before a writer must wait, 256 KiB
---@field split_writes? boolean bytes come and are taken in random pieces
---@field trace? integer|false records kept for world:trace(), 100000; false: none
---@field realtime? boolean it follows the real clock from the start, see attach_realtime()
---@field strict? boolean an actor that fails fails the run
---@field log? string|false|fun(level: string, line: string, name: string) its systems', "error"

---@class hawser.world.SystemOptions : hawser.Options
---@field listen? string|false "loop:NAME" unless said; false: a client, which only dials
---@field setup? fun(system: hawser.System, world: hawser.World) called at each start

---@class hawser.world.Link
---@field latency? number
---@field jitter? number
---@field bandwidth? number
---@field loss? number
---@field pipe_bytes? integer
---@field one_way? boolean only from the first to the second

-- An event of a system with its fields, or something done to the world (system "world").
---@class hawser.world.Entry
---@field time number seconds since the world began
---@field system string
---@field type string

---@class hawser.world.Filter
---@field type? string a name, or a pattern with "*" and "?"
---@field system? string the same
---@field from? number seconds since the world began
---@field to? number
