-- SPDX-License-Identifier: MIT
-- What the environment says of the characters that a terminal can show.

local locale = {}

-- The first of the variables that is set decides, as in the C library.
---@return boolean
function locale.is_utf8()
    for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
        local value = os.getenv(name)
        if value and value ~= "" then
            return value:lower():find("utf%-?8") ~= nil
        end
    end
    return false
end

return locale
