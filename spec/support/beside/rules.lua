-- SPDX-License-Identifier: MIT
return { name = "from-a-file" }
