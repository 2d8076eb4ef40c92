-- SPDX-License-Identifier: MIT
std = "lua54"
cache = false
codes = true
max_line_length = 100
self = false
exclude_files = { "build/" }
files["spec"] = { std = "lua54+busted" }
