-- SPDX-License-Identifier: MIT
-- What was typed, kept in the XDG state directory across sessions, for its owner only. An entry is
-- a line of the file; line ends within it are written as \n.

local history = {}

local MOST = 1000 -- entries kept

local History = {}
History.__index = History

local function path()
    local state = os.getenv("XDG_STATE_HOME")
    if not state or state:sub(1, 1) ~= "/" then
        local home = os.getenv("HOME")
        state = home and home ~= "" and home .. "/.local/state" or nil
    end
    return state and state .. "/hawser/history"
end

local function packed(entry)
    return (entry:gsub("[\\\n]", { ["\\"] = "\\\\", ["\n"] = "\\n" }))
end

local function unpacked(line)
    return (line:gsub("\\(.)", { ["\\"] = "\\", n = "\n" }))
end

local function write_all(name, entries)
    local file = io.open(name, "w")
    if file then
        for _, entry in ipairs(entries) do
            file:write(packed(entry), "\n")
        end
        file:close()
    end
    return file ~= nil
end

-- Entries that are too many go, the oldest first.
function History:trim()
    if #self.entries <= MOST then
        return
    end
    self.entries = table.move(self.entries, #self.entries - MOST + 1, #self.entries, 1, {})
    local new = self.path .. ".new"
    if self.private_file(new) and write_all(new, self.entries) then
        os.rename(new, self.path)
    end
end

-- Reads what there is. Without a place to keep it, nothing is kept.
---@param private_file fun(path: string): boolean|nil
---@return table
function history.open(private_file)
    local self = setmetatable({ path = path(), entries = {}, private_file = private_file }, History)
    if not self.path or not private_file(self.path) then
        self.path = nil
        return self
    end
    local file = io.open(self.path, "r")
    for line in file and file:lines() or function() end do
        self.entries[#self.entries + 1] = unpacked(line)
    end
    if file then
        file:close()
    end
    self:trim()
    return self
end

-- The same text twice in a row is one entry.
---@param entry string
---@return boolean # is it new?
function History:add(entry)
    if entry:find("^%s*$") or self.entries[#self.entries] == entry then
        return false
    end
    self.entries[#self.entries + 1] = entry
    local file = self.path and io.open(self.path, "a")
    if file then
        file:write(packed(entry), "\n")
        file:close()
    end
    return true
end

return history
